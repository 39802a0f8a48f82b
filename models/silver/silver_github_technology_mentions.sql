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

-- One row for each text to search. `text_number` tells the texts of one kind in one event apart.
texts as (

    select
        event_id,
        event_type,
        created_at,
        'commit_message' as mention_kind,
        unnest(generate_series(1, cast(cardinality(commit_messages) as bigint))) as text_number,
        unnest(commit_messages) as text
    from bronze
    where event_type = 'PushEvent'

    union all

    select
        event_id,
        event_type,
        created_at,
        case event_type
            when 'PullRequestEvent' then 'pull_request'
            when 'IssuesEvent' then 'issue'
            when 'CreateEvent' then 'create'
            when 'ForkEvent' then 'fork'
            when 'ReleaseEvent' then 'release'
        end as mention_kind,
        1 as text_number,
        -- A newline between the parts: no term contains one, so none is found across two parts.
        case event_type
            when 'PullRequestEvent' then concat_ws(chr(10), pull_request_title, left(pull_request_body, 500))
            when 'IssuesEvent' then concat_ws(chr(10), issue_title, left(issue_body, 500), array_to_string(issue_labels, chr(10)))
            when 'CreateEvent' then concat_ws(chr(10), create_description, ref)
            when 'ForkEvent' then concat_ws(chr(10), forkee_description, array_to_string(forkee_topics, chr(10)), forkee_language)
            when 'ReleaseEvent' then concat_ws(chr(10), release_name, release_tag, left(release_body, 500))
        end as text
    from bronze
    where event_type in ('PullRequestEvent', 'IssuesEvent', 'CreateEvent', 'ForkEvent', 'ReleaseEvent')

    union all

    select
        event_id,
        event_type,
        created_at,
        'repository' as mention_kind,
        1 as text_number,
        translate(repo_name, '/-._', '    ') as text
    from bronze

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
