{{ config(partition_by=['date']) }}

with sightings as (

    select date, source, posting_id, job_id, title, description
    from {{ ref('silver_job_sightings') }}
    where {{ date_is_due(ref('silver_job_sightings'), 'processed_at') }}

),

texts as (

    select date, source, posting_id, job_id, 'title' as mention_kind, title as text from sightings
    union all
    select date, source, posting_id, job_id, 'description' as mention_kind, description as text from sightings

),

-- Unnesting the empty list of a text that mentions nothing leaves no row of it.
found as (

    select
        date,
        source,
        posting_id,
        job_id,
        mention_kind,
        text,
        unnest(term_mentions(text, (select array_agg(term) from {{ ref('technology_terms') }}))) as term
    from texts

)

-- Once, by however many of its terms a text names the technology.
select distinct
    found.date,
    found.source,
    found.posting_id,
    found.job_id,
    technology_terms.technology,
    found.mention_kind,
    {{ processed_at() }} as processed_at
from found
inner join {{ ref('technology_terms') }} as technology_terms on technology_terms.term = found.term
where found.term <> 'go' or {{ names_go('found.text') }}
