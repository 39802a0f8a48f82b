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

-- Few ids are there more than once. Only their events are ranked: to rank all of them costs more than the rest of the model.
repeated as (

    select event_id
    from events
    group by event_id
    having count(*) > 1

),

once as (

    -- `repeated` stands first, for the first table of a join is the one that is kept in memory.
    select events.*
    from repeated
    right anti join events on events.event_id = repeated.event_id

),

-- The newest copy stays: were it an older one, a date that got nothing but copies would look due for ever.
copies as (

    select
        events.*,
        row_number() over (
            partition by events.event_id, events.event_type, events.created_at
            order by events.ingested_at desc, events.source_file, events.repo_name, events.actor_login
        ) as copy_number
    from repeated
    right semi join events on events.event_id = repeated.event_id

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
