{#-
  The trends of each technology at the newest date of `activity`: over the last `days` days, both ends in, or over all days
  there are. In an incremental run nothing is due, and no row comes out, unless `activity` has changed since the analysis
  of that date was built; those of earlier dates stay as they are.
-#}
{% macro technology_trends(activity, days=none) -%}
{%- set suffix = days ~ 'd' if days else 'alltime' -%}
{#- An odd window has its middle day in the second half. -#}
{%- set first_half = days // 2 if days else none -%}
{%- set second_half = days - days // 2 if days else none -%}

with known as (

    select min(date) as first_date, max(date) as analysis_date, max(processed_at) as processed_at
    from {{ activity }}
    {%- if var('date') %}
    where date <= cast('{{ var("date") }}' as date)
    {%- endif %}

),

due as (

    select
        known.analysis_date,
        {%- if days %}
        known.analysis_date - interval '{{ days - 1 }} days' as first_date
        {%- else %}
        known.first_date
        {%- endif %}
    from known
    {%- if is_incremental() and not var('date') %}
    left join (select analysis_date, max(processed_at) as processed_at from {{ this }} group by analysis_date) as built
        on built.analysis_date = known.analysis_date
    where built.analysis_date is null or known.processed_at > built.processed_at
    {%- endif %}

),

active_days as (

    select
        due.analysis_date,
        due.first_date,
        activity.date,
        activity.technology,
        activity.technology_category,
        activity.daily_mentions,
        {%- if days %}
        activity.date >= due.first_date + interval '{{ first_half }} days' as in_second_half
        {%- else %}
        due.analysis_date - due.first_date + 1 as total_days
        {%- endif %}
    from {{ activity }} as activity
    inner join due on activity.date between due.first_date and due.analysis_date
    where
        activity.daily_mentions > 0
        and activity.technology not in {{ noise_words() }}

),

totals as (

    select
        analysis_date,
        first_date,
        technology,
        -- The category may have changed in the seed while older dates still have the one before.
        last_value(technology_category order by date) as technology_category,
        sum(daily_mentions) as total_mentions,
        max(daily_mentions) as peak_day_mentions,
        count(*) as days_with_activity,
        {%- if days %}
        coalesce(sum(daily_mentions) filter (where not in_second_half), 0) as first_half_mentions,
        coalesce(sum(daily_mentions) filter (where in_second_half), 0) as second_half_mentions
        {%- else %}
        max(total_days) as total_days
        {%- endif %}
    from active_days
    group by analysis_date, first_date, technology

)

select
    analysis_date,
    {%- if days %}
    first_date as window_start_date,
    analysis_date as window_end_date,
    {%- else %}
    first_date as data_start_date,
    analysis_date as data_end_date,
    total_days as total_days_analyzed,
    {%- endif %}
    technology,
    technology_category,
    total_mentions as total_mentions_{{ suffix }},
    cast(total_mentions as double) / days_with_activity as avg_daily_mentions_{{ suffix }},
    peak_day_mentions as peak_day_mentions_{{ suffix }},
    days_with_activity as days_with_activity_{{ suffix }},
    {%- if days %}
    -- Means per day, over {{ second_half }} days and over {{ first_half }}, compared in whole numbers: 10 % more is exact.
    case
        when first_half_mentions = 0 then 'new'
        when 10 * second_half_mentions * {{ first_half }} > 11 * first_half_mentions * {{ second_half }} then 'up'
        when 10 * second_half_mentions * {{ first_half }} < 9 * first_half_mentions * {{ second_half }} then 'down'
        else 'stable'
    end as trend_direction_{{ suffix }},
    {%- endif %}
    cast(dense_rank() over (order by total_mentions desc) as bigint) as mention_rank_{{ suffix }},
    cast(dense_rank() over (partition by technology_category order by total_mentions desc) as bigint) as category_rank_{{ suffix }},
    round(100.0 * days_with_activity / {{ days or 'total_days' }}, 1) as data_completeness_{{ suffix }},
    {%- if days == 7 %}
    case
        when cast(total_mentions as double) / days_with_activity >= 200 then 'hot'
        when cast(total_mentions as double) / days_with_activity >= 50 then 'warm'
        else 'cool'
    end as hotness_signal_{{ suffix }},
    {%- endif %}
    {{ processed_at() }} as processed_at
from totals
{%- endmacro %}
