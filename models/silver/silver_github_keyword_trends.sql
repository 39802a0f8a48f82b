{{ config(partition_by=['date']) }}

with mentions as (

    select *
    from {{ ref('silver_github_technology_mentions') }}
    where
        mention_kind in ('{{ var("mention_kinds") | join("', '") }}')
        and {{ date_is_due(ref('silver_github_technology_mentions'), 'processed_at') }}

),

-- An event counts once, by however many kinds it mentions the technology.
events as (

    select date, technology, event_type, event_id, created_at, repo_name, sum(texts) as texts
    from mentions
    group by date, technology, event_type, event_id, created_at, repo_name

),

repositories as (

    select date, technology, repo_name, count(*) as events, sum(texts) as texts
    from events
    group by date, technology, repo_name

),

active_hours as (

    select date, technology, count(distinct date_part('hour', created_at)) as active_hours
    from mentions
    group by date, technology

),

daily as (

    select
        date,
        technology,
        sum(events) as daily_mentions,
        count(repo_name) as daily_repo_mentions,
        sum(texts) as daily_event_mentions,
        first_value(repo_name order by events desc, repo_name) as primary_repository
    from repositories
    group by date, technology

)

select
    daily.date,
    daily.technology,
    daily.daily_mentions,
    daily.daily_repo_mentions,
    daily.daily_event_mentions,
    daily.primary_repository,
    least(greatest(
        cast(daily.daily_mentions as double) / max(daily.daily_mentions) over (partition by daily.date) * 50
        + active_hours.active_hours / 24.0 * 30
        + 20,
        0), 100) as data_quality_score,
    active_hours.active_hours as source_record_count,
    {{ processed_at() }} as processed_at,
    'bronze' as source_layer
from daily
inner join active_hours on active_hours.date = daily.date and active_hours.technology = daily.technology
