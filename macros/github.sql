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
