-- Each posting that was seen is there, with the days on which it was, in whatever order they came.
{{ config(enabled=var('jobs')) }}

with seen as (

    select source, posting_id, min(date) as first_seen, max(date) as last_seen, count(*) as days_seen
    from {{ ref('silver_job_sightings') }}
    group by source, posting_id

)

select
    coalesce(seen.source, postings.source) as source,
    coalesce(seen.posting_id, postings.posting_id) as posting_id,
    seen.first_seen as seen_first,
    postings.first_seen,
    seen.last_seen as seen_last,
    postings.last_seen
from seen
full join {{ ref('silver_job_postings') }} as postings
    on postings.source = seen.source
    and postings.posting_id = seen.posting_id
where
    (postings.first_seen is distinct from seen.first_seen)
    or (postings.last_seen is distinct from seen.last_seen)
    or (postings.days_seen is distinct from seen.days_seen)
