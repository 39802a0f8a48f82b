-- Silver has as many postings of a board as the board itself says, and as many of RemoteOK as there are besides the notice.
{{ config(enabled=var('jobs')) }}

with told as (

    select date, 'greenhouse' as source, sum(json_get_int(raw_response_json, 'body', 'meta', 'total')) as postings
    from {{ ref('bronze_greenhouse_responses') }}
    where error is null
    group by date

    union all

    select date, 'remoteok' as source, sum(json_length(raw_response_json, 'body') - 1) as postings
    from {{ ref('bronze_remoteok_responses') }}
    where error is null
    group by date

),

seen as (

    select date, source, count(*) as postings
    from {{ ref('silver_job_sightings') }}
    where source in ('greenhouse', 'remoteok')
    group by date, source

)

select told.date, told.source, told.postings as told_postings, seen.postings as seen_postings
from told
-- A date that silver has not built yet is not lost.
inner join (select distinct date from {{ ref('silver_job_sightings') }}) as built on built.date = told.date
left join seen on seen.date = told.date and seen.source = told.source
where (told.postings is distinct from coalesce(seen.postings, 0))
