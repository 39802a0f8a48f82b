{{ config(partition_by=['date']) }}

{#-
  What a model may learn from: one row for each technology and date from the first on which it was mentioned anywhere. Each
  value is known at the end of its date: nothing looks ahead, neither a window nor the choice of the rows.

  A day without activity counts as zero, as a row of its own, so that seven rows are seven days. What is before the first
  day of all is not zero but unknown: lags into it are NULL, and means are over the days there are. Demand is NULL on a day
  on which no jobs were collected.

  Windows need the days before those that are built, so all of the history is read, and the dates that are due are kept at
  the end.
-#}

{% set activity = ref('gold_github_technology_daily_activity') %}
{% set demand = ref('gold_job_technology_demand_daily') %}
{% set history = 'partition by technology order by date' %}
{% set start = "cast('" ~ var('features_start') ~ "' as date)" %}
{% set either %}
(
            select date, processed_at from {{ activity }} where date >= {{ start }}
            union all
            select date, processed_at from {{ demand }} where date >= {{ start }}
        )
{%- endset %}

with measured as (

    select date, technology
    from {{ activity }}
    where technology not in {{ noise_words() }} and date >= {{ start }}

    union

    select date, technology
    from {{ demand }}
    where technology not in {{ noise_words() }} and date >= {{ start }}

),

-- Every day from the first to the last, also those on which nothing happened.
dates as (

    select
        cast(unnest(generate_series(min(date), max(date), interval '1 day')) as date) as date,
        min(date) as first_date
    from measured

),

technologies as (

    select technology, min(date) as first_mentioned from measured group by technology

),

collected as (

    select date, max(jobs_of_the_day) as jobs from {{ demand }} group by date

),

-- From the first day of all, for what is not there is then known to be zero.
spine as (

    select
        dates.date,
        technologies.technology,
        technologies.first_mentioned,
        cast(dates.date - dates.first_date as bigint) + 1 as history_days,
        coalesce(activity.daily_mentions, 0) as mentions,
        coalesce(activity.daily_repo_mentions, 0) as repositories,
        case when collected.jobs is not null then coalesce(demand.daily_jobs, 0) end as jobs,
        case when collected.jobs is not null then coalesce(demand.new_postings, 0) end as new_postings,
        case when collected.jobs is not null then coalesce(demand.remote_postings, 0) end as remote_postings,
        case when collected.jobs is not null then coalesce(demand.demand_share, 0) end as demand_share
    from dates
    cross join technologies
    left join {{ activity }} as activity on activity.date = dates.date and activity.technology = technologies.technology
    left join {{ demand }} as demand on demand.date = dates.date and demand.technology = technologies.technology
    left join collected on collected.date = dates.date

),

windows as (

    select
        *,
        safe_divide(mentions, sum(mentions) over (partition by date)) as mention_share,
        cast(dense_rank() over (partition by date order by mentions desc) as bigint) as mention_rank,
        count(*) filter (where mentions > 0) over ({{ history }} rows between 27 preceding and current row) as active_days_28d,
        max(case when mentions > 0 then date end) over ({{ history }} rows between unbounded preceding and current row) as last_mentioned,
        {% for measure in ['mentions', 'jobs'] %}
        {% for days in [1, 7, 28] %}
        lag({{ measure }}, {{ days }}) over ({{ history }}) as {{ measure }}_lag_{{ days }}d,
        {% endfor %}
        {% for days in [7, 28] %}
        avg({{ measure }}) over ({{ history }} rows between {{ days - 1 }} preceding and current row) as {{ measure }}_mean_{{ days }}d,
        stddev({{ measure }}) over ({{ history }} rows between {{ days - 1 }} preceding and current row) as {{ measure }}_stddev_{{ days }}d,
        avg({{ measure }}) over ({{ history }} rows between {{ 2 * days - 1 }} preceding and {{ days }} preceding) as {{ measure }}_mean_before_{{ days }}d,
        {% endfor %}
        {% endfor %}
        lag(demand_share, 7) over ({{ history }}) as demand_share_lag_7d
    from spine

)

select
    windows.date,
    windows.technology,
    {{ technology_category('technologies.type') }} as technology_category,
    windows.history_days,
    cast(windows.date - windows.first_mentioned as bigint) as days_since_first_mention,
    cast(windows.date - windows.last_mentioned as bigint) as days_since_last_github_mention,
    cast(date_part('isodow', windows.date) as bigint) as day_of_week,
    windows.mentions,
    windows.repositories,
    windows.mention_share,
    windows.mention_rank,
    windows.active_days_28d,
    windows.mentions_lag_1d,
    windows.mentions_lag_7d,
    windows.mentions_lag_28d,
    windows.mentions_mean_7d,
    windows.mentions_mean_28d,
    windows.mentions_stddev_7d,
    windows.mentions_stddev_28d,
    {% for days in [7, 28] %}
    case
        when windows.history_days >= {{ 2 * days }}
            then safe_divide(windows.mentions_mean_{{ days }}d - windows.mentions_mean_before_{{ days }}d, windows.mentions_mean_before_{{ days }}d)
    end as mentions_growth_{{ days }}d,
    {% endfor %}
    windows.jobs,
    windows.new_postings,
    windows.remote_postings,
    windows.demand_share,
    windows.jobs_lag_1d,
    windows.jobs_lag_7d,
    windows.jobs_lag_28d,
    windows.jobs_mean_7d,
    windows.jobs_mean_28d,
    windows.jobs_stddev_7d,
    windows.jobs_stddev_28d,
    {% for days in [7, 28] %}
    safe_divide(windows.jobs_mean_{{ days }}d - windows.jobs_mean_before_{{ days }}d, windows.jobs_mean_before_{{ days }}d) as jobs_growth_{{ days }}d,
    {% endfor %}
    windows.demand_share - windows.demand_share_lag_7d as demand_share_change_7d,
    {{ processed_at() }} as processed_at
from windows
left join {{ ref('technologies') }} as technologies on technologies.technology = windows.technology
-- Not from the first day of all: that a technology was going to turn up was not known then.
where
    windows.date >= windows.first_mentioned
    and {{ date_or_one_before_is_due(either, 'processed_at') }}
