-- From its first day on a technology has a row for each, and what a row tells of the past is what the past told of itself.
{{ config(enabled=var('jobs')) }}

with features as (

    select * from {{ ref('analytics_technology_features') }}

),

-- The means again, by another way: each row against those of the 7 days up to it.
again as (

    select
        features.date,
        features.technology,
        features.days_since_first_mention,
        sum(past.mentions) as mentions_7d,
        max(past.mentions) filter (where past.date = features.date - interval '1 day') as mentions_lag_1d,
        max(past.jobs) filter (where past.date = features.date - interval '1 day') as jobs_lag_1d,
        count(*) as days
    from features
    inner join features as past
        on past.technology = features.technology
        and past.date between features.date - interval '6 days' and features.date
    group by features.date, features.technology, features.days_since_first_mention

)

select features.date, features.technology, again.days, features.mentions_mean_7d, again.mentions_7d
from features
inner join again on again.date = features.date and again.technology = features.technology
where
    again.days <> least(7, features.days_since_first_mention + 1)
    or abs(features.mentions_mean_7d * least(7, features.history_days) - again.mentions_7d) > 0.000001
    -- Before its first day a technology has no rows, but it is known to have been nowhere.
    or (features.days_since_first_mention > 0 and features.mentions_lag_1d is distinct from again.mentions_lag_1d)
    or (features.days_since_first_mention > 0 and features.jobs_lag_1d is distinct from again.jobs_lag_1d)
