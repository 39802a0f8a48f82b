{{ config(partition_by=['date']) }}

{#-
  The texts stay in bronze: they are most of the bytes, and nobody reads them twice. Who wants them joins
  `bronze_github_events` on event_type, event_id and created_at.
-#}

with events as (

    select
        event_id,
        event_type,
        created_at,
        date,
        actor_login,
        repo_id,
        repo_name,
        org_login,
        action,
        ref,
        ref_type,
        push_size,
        source_file,
        ingested_at
    from {{ github_events() }}
    where
        event_id is not null
        and event_type is not null
        and created_at is not null
        and {{ date_is_due(github_events(), 'ingested_at') }}

),

-- Few events are there more than once. Only those are ranked: to rank all of them costs more than the rest of the model.
repeated as (

    select event_id, event_type, created_at
    from events
    group by event_id, event_type, created_at
    having count(*) > 1

),

once as (

    select events.*
    from events
    left anti join repeated
        on repeated.event_id = events.event_id
        and repeated.event_type = events.event_type
        and repeated.created_at = events.created_at

),

-- The newest copy stays: were it an older one, a date that got nothing but copies would look due for ever.
copies as (

    select
        events.*,
        row_number() over (
            partition by events.event_id, events.event_type, events.created_at
            order by events.ingested_at desc, events.source_file, events.repo_name, events.actor_login
        ) as copy_number
    from events
    inner join repeated
        on repeated.event_id = events.event_id
        and repeated.event_type = events.event_type
        and repeated.created_at = events.created_at

),

deduplicated as (

    select * from once
    union all
    select * exclude (copy_number) from copies where copy_number = 1

)

select
    event_id,
    event_type,
    created_at,
    date,
    actor_login,
    repo_id,
    repo_name,
    org_login,
    action,
    ref,
    ref_type,
    push_size,
    ingested_at,
    {{ processed_at() }} as processed_at
from deduplicated
