{{ config(materialized='view') }}

{#-
  The window is of the time at which an event came into the topic. By `created_at` it would be empty: the Events API tells
  events minutes after they happened. By `ingested_at` a stream that catches up would show hours as 30 seconds.
-#}

with messages as (

    -- The API tells an event again for some polls. Ten minutes are enough to see that it is not new.
    select event_key, created_at, repo_name, kafka_timestamp, unnest(mentions) as mention
    from {{ ref('bronze_github_events_live') }}
    where kafka_timestamp >= now() - interval '10 minutes'

),

-- An event counts once, however often it came and by however many kinds it mentions the technology: when it first came.
events as (

    select
        mention['technology'] as technology,
        event_key,
        max(created_at) as created_at,
        max(repo_name) as repo_name
    from messages
    where mention['mention_kind'] in ('{{ var("mention_kinds") | join("', '") }}')
    group by mention['technology'], event_key
    having min(kafka_timestamp) >= now() - interval '30 seconds'

)

select
    technology,
    count(*) as mentions,
    count(distinct repo_name) as repositories,
    max(created_at) as newest_event_at
from events
group by technology
