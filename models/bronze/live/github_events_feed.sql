{{ config(
    materialized='kafka',
    connection='broker',
    topic='github-events-raw',
    key='event_key',
    partitions=3,
    retention='3h',
    on_lost_offsets='skip_and_report',
) }}

{#-
  A poll tells again what the one before has told, and a send may be repeated: readers keep one message of each key. What
  nobody has read when its three hours are over is skipped, and told: the archive has it.

  The texts are searched here, once; whatever reads the topic finds what was found in `mentions`.
-#}

with polled as (

    select
        {{ event_columns() | indent(8) }},

        concat_ws('-', type, id, to_char(created_at, '%Y-%m-%dT%H:%M:%SZ')) as event_key,
        _source as source_file,
        -- In a message it is escaped, which may double it, and a message may have a megabyte.
        case when octet_length(raw) <= 400000 then raw end as raw_json
    from {{ source('github', 'events_api') }}
    where
        id is not null
        and type is not null
        and created_at is not null

),

-- Pages drift while one turns them, so an event may stand on two of them.
events as (

    select *
    from polled
    qualify row_number() over (partition by event_key order by source_file) = 1

),

terms as (

    {{ terms_of_technologies() | indent(4) }}

),

texts as (

    {{ event_texts('events') | indent(4) }}

    union all

    select
        event_id,
        event_type,
        created_at,
        'actor' as mention_kind,
        1 as text_number,
        actor_login as text
    from events

),

-- Unnesting the empty list of a text that mentions nothing leaves no row of it.
found as (

    select
        event_id,
        event_type,
        created_at,
        mention_kind,
        unnest(term_mentions(text, (select array_agg(term) from terms))) as term
    from texts

),

-- Several texts of one kind may name a technology, and so may several of its aliases.
distinct_mentions as (

    select distinct
        found.event_id,
        found.event_type,
        found.created_at,
        found.mention_kind,
        terms.technology
    from found
    inner join terms on terms.term = found.term

),

mentions as (

    select
        event_id,
        event_type,
        created_at,
        array_agg(
            named_struct('technology', technology, 'mention_kind', mention_kind)
            order by technology, mention_kind
        ) as mentions
    from distinct_mentions
    group by event_id, event_type, created_at

)

select
    events.event_key,
    events.event_id,
    events.event_type,
    events.created_at,
    events.actor_login,
    events.repo_id,
    events.repo_name,
    events.org_login,
    events.action,
    events.ref,
    events.ref_type,
    mentions.mentions,
    events.raw_json
from events
inner join mentions
    on mentions.event_id = events.event_id
    and mentions.event_type = events.event_type
    and mentions.created_at = events.created_at
