{{ config(incremental_strategy='merge', unique_key=['source', 'posting_id']) }}

{#-
  A posting is due when it was seen on other days than those its row tells of, or seen anew. Its row is then made out of all
  of its sightings, so neither the order in which days come in nor their coming twice makes a difference.
-#}

with seen as (

    select
        source,
        posting_id,
        min(date) as first_seen,
        max(date) as last_seen,
        count(*) as days_seen,
        max(processed_at) as processed_at
        {%- if var('date') %},
        bool_or(date = cast('{{ var("date") }}' as date)) as seen_on_date
        {%- endif %}
    from {{ ref('silver_job_sightings') }}
    group by source, posting_id

),

due as (

    select seen.source, seen.posting_id, seen.first_seen, seen.last_seen, seen.days_seen
    from seen
    {%- if var('date') %}
    where seen.seen_on_date
    {%- elif is_incremental() %}
    left join {{ this }} as built on built.source = seen.source and built.posting_id = seen.posting_id
    where
        built.posting_id is null
        or seen.days_seen <> built.days_seen
        or seen.processed_at > built.processed_at
    {%- endif %}

)

select
    sightings.source,
    sightings.posting_id,
    sightings.job_id,
    sightings.company,
    sightings.title,
    sightings.location,
    sightings.is_remote,
    sightings.description,
    sightings.posted_at,
    sightings.url,
    sightings.salary_min,
    sightings.salary_max,
    sightings.salary_currency,
    due.first_seen,
    due.last_seen,
    due.days_seen,
    {{ processed_at() }} as processed_at
from due
-- It counts as it was on the last day it was seen.
inner join {{ ref('silver_job_sightings') }} as sightings
    on sightings.source = due.source
    and sightings.posting_id = due.posting_id
    and sightings.date = due.last_seen
