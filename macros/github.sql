{#- The events of bronze, however they came in: a file of the archive, or a poll if there are any. -#}
{% macro github_events() -%}
{%- if var('github_live') -%}
(
        select * from {{ ref('bronze_github_events') }}
        union all by name
        select * from {{ ref('bronze_github_events_api') }}
    ) as github_events
{%- else -%}
{{ ref('bronze_github_events') }}
{%- endif -%}
{%- endmacro %}


{#- What bronze keeps of an event besides the record and where it came from; archive and API have the same columns. -#}
{% macro event_columns() -%}
id as event_id,
    type as event_type,
    created_at,
    cast(created_at as date) as date,
    actor_login,
    repo_id,
    repo_name,
    org_login,
    action,
    ref,
    ref_type,
    push_size,

    -- Events about comments and reviews carry the whole issue or pull request again; `raw_json` has it, once is enough.
    commit_messages,
    case when type = 'PullRequestEvent' then pull_request_title end as pull_request_title,
    case when type = 'PullRequestEvent' then pull_request_body end as pull_request_body,
    case when type = 'IssuesEvent' then issue_title end as issue_title,
    case when type = 'IssuesEvent' then issue_body end as issue_body,
    case when type = 'IssuesEvent' then issue_labels end as issue_labels,
    create_description,
    forkee_description,
    forkee_topics,
    forkee_language,
    release_name,
    release_tag,
    release_body
{%- endmacro %}


{#-
  One row for each text of `events` to search for technologies, with its kind of mention. `text_number` tells the texts of
  one kind in one event apart.
-#}
{% macro event_texts(events) -%}
select
    event_id,
    event_type,
    created_at,
    'commit_message' as mention_kind,
    unnest(generate_series(1, cast(cardinality(commit_messages) as bigint))) as text_number,
    unnest(commit_messages) as text
from {{ events }}
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
    -- An event has the texts of its own type, the others are NULL; every type of event may have a ref. Between the parts
    -- stands a newline: no term contains one, so none is found across two parts.
    concat_ws(
        chr(10),
        pull_request_title,
        left(pull_request_body, 500),
        issue_title,
        left(issue_body, 500),
        array_to_string(issue_labels, chr(10)),
        create_description,
        case when event_type = 'CreateEvent' then ref end,
        forkee_description,
        array_to_string(forkee_topics, chr(10)),
        forkee_language,
        release_name,
        release_tag,
        left(release_body, 500)
    ) as text
from {{ events }}
where event_type in ('PullRequestEvent', 'IssuesEvent', 'CreateEvent', 'ForkEvent', 'ReleaseEvent')

union all

select
    event_id,
    event_type,
    created_at,
    'repository' as mention_kind,
    1 as text_number,
    translate(repo_name, '/-._', '    ') as text
from {{ events }}
{%- endmacro %}
