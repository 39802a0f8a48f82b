{{ config(partition_by=['date'], full_refresh=false) }}

{#-
  Today is built again in each run, and in the hour after midnight yesterday with it: so long the streamed table still has
  all of it. What is older stays as it is, and cannot be built again.
-#}

with messages as (

    select date, event_key, created_at, repo_name, unnest(mentions) as mention
    from {{ ref('bronze_github_events_live') }}
    where
        date >= cast(now() - interval '1 hour' as date)
        {%- if var('date') %}
        and date = cast('{{ var("date") }}' as date)
        {%- endif %}

),

-- An event counts once, however often it came and by however many kinds it mentions the technology.
events as (

    select
        date,
        mention['technology'] as technology,
        event_key,
        max(created_at) as created_at,
        max(repo_name) as repo_name
    from messages
    where mention['mention_kind'] in ('{{ var("mention_kinds") | join("', '") }}')
    group by date, mention['technology'], event_key

)

select
    date,
    technology,
    count(*) as daily_mentions,
    count(distinct repo_name) as daily_repo_mentions,
    max(created_at) as newest_event_at,
    {{ processed_at() }} as processed_at
from events
group by date, technology
