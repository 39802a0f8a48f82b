-- A repository that mentions a technology does so in an event, in the last 30 seconds as on a day.
select technology, mentions, repositories
from {{ ref('gold_github_live_trends') }}
where repositories > mentions

union all

select technology, daily_mentions, daily_repo_mentions
from {{ ref('gold_github_live_daily') }}
where daily_repo_mentions > daily_mentions
