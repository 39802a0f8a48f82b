{{ config(partition_by=['date']) }}

select
    trends.date,
    trends.technology,
    trends.daily_mentions,
    trends.daily_repo_mentions,
    trends.daily_event_mentions,
    trends.primary_repository,
    {{ technology_category('technologies.type') }} as technology_category,
    case
        when trends.daily_mentions >= 1000 then 'high'
        when trends.daily_mentions >= 100 then 'medium'
        when trends.daily_mentions >= 10 then 'low'
        else 'minimal'
    end as mention_volume,
    case when trends.daily_mentions > 0 then 'complete' else 'empty' end as data_completeness,
    {{ processed_at() }} as processed_at,
    'github' as data_source
from {{ ref('silver_github_keyword_trends') }} as trends
left join {{ ref('technologies') }} as technologies on technologies.technology = trends.technology
where {{ date_is_due(ref('silver_github_keyword_trends'), 'processed_at') }}
