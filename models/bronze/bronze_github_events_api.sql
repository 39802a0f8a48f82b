{{ config(enabled=var('github_live')) }}

{#- Polls tell most events more than once: pages drift while one turns them, and the next poll tells the same again. -#}

with polled as (

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
