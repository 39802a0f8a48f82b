-- Gold adds words to the figures of silver, never rows: joining a technology that is in the seed twice would.
with silver as (

    select date, count(*) as technologies, sum(daily_mentions) as mentions, sum(daily_event_mentions) as texts
    from {{ ref('silver_github_keyword_trends') }}
    group by date

),

gold as (

    select date, count(*) as technologies, sum(daily_mentions) as mentions, sum(daily_event_mentions) as texts
    from {{ ref('gold_github_technology_daily_activity') }}
    group by date

)

select
    coalesce(silver.date, gold.date) as date,
    silver.technologies as silver_technologies,
    gold.technologies as gold_technologies,
    silver.mentions as silver_mentions,
    gold.mentions as gold_mentions
from silver
full join gold on gold.date = silver.date
where
    (silver.technologies is distinct from gold.technologies)
    or (silver.mentions is distinct from gold.mentions)
    or (silver.texts is distinct from gold.texts)
