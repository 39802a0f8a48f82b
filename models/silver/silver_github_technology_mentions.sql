{{ config(partition_by=['date']) }}

{#-
  The texts are searched where they are, in bronze, copies and all; what is found is few and narrow, and is then brought
  together with the events it belongs to.
-#}

with events as (

    select event_id, event_type, created_at, date, repo_name
    from {{ ref('silver_github_events') }}
    where {{ date_is_due(ref('silver_github_events'), 'processed_at') }}

),

bronze as (

    select *
    from {{ github_events() }}
    where {{ date_is_due(ref('silver_github_events'), 'processed_at') }}

),

texts as (

    {{ event_texts('bronze') | indent(4) }}

),

-- Unnesting the empty list of a text that mentions nothing leaves no row of it.
found as (

    select
        event_id,
        event_type,
        created_at,
        mention_kind,
        text_number,
        unnest(term_mentions(text, (select array_agg(term) from {{ ref('technology_terms') }}))) as term
    from texts

),

-- Distinct texts, because one may name a technology by several aliases, and an event may be there more than once.
mentions as (

    select
        found.event_id,
        found.event_type,
        found.created_at,
        found.mention_kind,
        technology_terms.technology,
        count(distinct found.text_number) as texts
    from found
    inner join {{ ref('technology_terms') }} as technology_terms on technology_terms.term = found.term
    group by
        found.event_id,
        found.event_type,
        found.created_at,
        found.mention_kind,
        technology_terms.technology

)

select
    events.event_id,
    events.event_type,
    events.created_at,
    events.date,
    events.repo_name,
    mentions.technology,
    mentions.mention_kind,
    mentions.texts,
    {{ processed_at() }} as processed_at
from mentions
inner join events
    on events.event_id = mentions.event_id
    and events.event_type = mentions.event_type
    and events.created_at = mentions.created_at
