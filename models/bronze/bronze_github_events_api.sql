{{ config(enabled=var('github_live')) }}

{#- Polls tell most events more than once: pages drift while one turns them, and the next poll tells the same again. -#}

with polled as (

    select
        {{ event_columns() | indent(4) }},

        _source as source_file,
        _ingested_at as ingested_at,
        raw as raw_json
    from {{ source('github', 'events_api') }}

),

once as (

    select *
    from polled
    qualify row_number() over (partition by event_type, event_id, created_at order by source_file) = 1

)

select once.*
from once
{% if is_incremental() %}
-- Events are told for minutes, not for days.
left anti join (
    select event_type, event_id, created_at
    from {{ this }}
    where date >= (select max(date) from {{ this }}) - interval '2 days'
) as known
    on known.event_type = once.event_type
    and known.event_id = once.event_id
    and known.created_at = once.created_at
{% endif %}
