-- A repository that mentions a technology does so in an event, and an event in one of its texts.
select date, technology, daily_repo_mentions, daily_mentions, daily_event_mentions
from {{ ref('silver_github_keyword_trends') }}
where daily_repo_mentions > daily_mentions or daily_mentions > daily_event_mentions
