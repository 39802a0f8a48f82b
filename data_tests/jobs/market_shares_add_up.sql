-- The shares of each side add up to 1, or to 0 where a side has nothing, and the movements cancel out but for rounding.
{{ config(enabled=var('jobs')) }}

select analysis_date, sum(github_share_30d) as github_share, sum(job_share_30d) as job_share
from {{ ref('analytics_market_intelligence') }}
group by analysis_date
having
    abs(sum(github_share_30d) - case when sum(github_mentions_30d) > 0 then 1 else 0 end) > 0.000001
    or abs(sum(job_share_30d) - case when sum(job_days_30d) > 0 then 1 else 0 end) > 0.000001
    or abs(coalesce(sum(github_share_change_30d), 0)) > 0.000001
    or abs(coalesce(sum(job_share_change_30d), 0)) > 0.000001
