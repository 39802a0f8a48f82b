{#- The source yields only what this table has not read yet, so there is nothing to filter here. -#}

select
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
    release_body,

    _source as source_file,
    {% if var('github_archive_path') %}
    cast(null as timestamp) as window_start,
    {% else %}
    _window_start as window_start,
    {% endif %}
    _ingested_at as ingested_at,
    raw as raw_json
from {% if var('github_archive_path') %}{{ source('github', 'archive_files') }}{% else %}{{ source('github', 'archive') }}{% endif %}
