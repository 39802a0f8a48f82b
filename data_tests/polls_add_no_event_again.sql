-- What an earlier run has read of the Events API is not added by a later one.
{{ config(enabled=var('github_live')) }}

select event_type, event_id, created_at, count(distinct ingested_at) as runs
from {{ ref('bronze_github_events_api') }}
where event_id is not null
group by event_type, event_id, created_at
having count(distinct ingested_at) > 1
