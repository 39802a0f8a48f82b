{{ config(
    keep_for='25h',
    keep_by='ingested_at',
    full_refresh=false,
    table_properties={'delta.deletedFileRetentionDuration': 'interval 24 hours'},
) }}

{#-
  24 hours are kept, and one more, in which the day that has ended can still be counted with what came late. A full refresh
  would find three hours in the topic, so there is none.
-#}

select
    event_key,
    event_id,
    event_type,
    created_at,
    cast(created_at as date) as date,
    actor_login,
    repo_id,
    repo_name,
    org_login,
    action,
    ref,
    ref_type,
    mentions,

    _topic as kafka_topic,
    _partition as kafka_partition,
    _offset as kafka_offset,
    _timestamp as kafka_timestamp,
    _ingested_at as ingested_at,
    raw_json
from {{ ref('github_events_feed') }}
