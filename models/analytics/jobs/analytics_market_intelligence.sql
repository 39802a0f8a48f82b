{{ config(partition_by=['analysis_date']) }}

{#-
  What people build with against what they are hired for, over the 30 days up to the newest date that both are known of. A
  share is that of all mentions of technologies, so the two add up to 1 each and compare.

  The movement over the 30 days is the second half of the window against the first, 15 days each; it is NULL where one of
  the halves has nothing of its side at all.
-#}

{% set days = 30 %}
{% set sides = {
    'github': ('gold_github_technology_daily_activity', 'daily_mentions'),
    'job': ('gold_job_technology_demand_daily', 'daily_jobs'),
} %}

with known as (

    select
        least(
            (select max(date) from {{ ref('gold_github_technology_daily_activity') }}),
            (select max(date) from {{ ref('gold_job_technology_demand_daily') }})
        ) as newest_date,
        greatest(
            (select max(processed_at) from {{ ref('gold_github_technology_daily_activity') }}),
            (select max(processed_at) from {{ ref('gold_job_technology_demand_daily') }})
        ) as processed_at

),

analyses as (

    select
        {% if var('date') %}
        cast('{{ var("date") }}' as date) as analysis_date,
        {% else %}
        newest_date as analysis_date,
        {% endif %}
        processed_at
    from known

),

due as (

    select
        analyses.analysis_date,
        analyses.analysis_date - interval '{{ days - 1 }} days' as first_date,
        analyses.analysis_date - interval '{{ days // 2 - 1 }} days' as second_half
    from analyses
    {% if is_incremental() and not var('date') %}
    left join (select analysis_date, max(processed_at) as processed_at from {{ this }} group by analysis_date) as built
        on built.analysis_date = analyses.analysis_date
    where built.analysis_date is null or analyses.processed_at > built.processed_at
    {% endif %}

),

{% for side, (table, measure) in sides.items() %}
{{ side }}_totals as (

    select
        due.analysis_date,
        due.first_date,
        activity.technology,
        -- The category may have changed in the seed while older dates still have the one before.
        last_value(activity.technology_category order by activity.date) as technology_category,
        sum(activity.{{ measure }}) as total,
        sum(case when activity.date < due.second_half then activity.{{ measure }} else 0 end) as first_half,
        sum(case when activity.date >= due.second_half then activity.{{ measure }} else 0 end) as second_half
    from {{ ref(table) }} as activity
    inner join due on activity.date between due.first_date and due.analysis_date
    where activity.{{ measure }} > 0 and activity.technology not in {{ noise_words() }}
    group by due.analysis_date, due.first_date, activity.technology

),

{{ side }} as (

    select
        *,
        total / sum(total) over () as share,
        cast(dense_rank() over (order by total desc) as bigint) as rank,
        second_half / nullif(sum(second_half) over (), 0) - first_half / nullif(sum(first_half) over (), 0) as share_change,
        case
            when sum(first_half) over () > 0 and sum(second_half) over () > 0
                then cast(dense_rank() over (order by first_half desc) as bigint)
                    - cast(dense_rank() over (order by second_half desc) as bigint)
        end as rank_change
    from (
        select
            * exclude (total, first_half, second_half),
            cast(total as double) as total,
            cast(first_half as double) as first_half,
            cast(second_half as double) as second_half
        from {{ side }}_totals
    ) as totals

),

{% endfor %}

-- Days on which jobs were collected, whatever they asked for.
job_days as (

    select count(distinct demand.date) as days
    from {{ ref('gold_job_technology_demand_daily') }} as demand
    inner join due on demand.date between due.first_date and due.analysis_date

)

select
    coalesce(github.analysis_date, job.analysis_date) as analysis_date,
    coalesce(github.first_date, job.first_date) as window_start_date,
    coalesce(github.analysis_date, job.analysis_date) as window_end_date,
    coalesce(github.technology, job.technology) as technology,
    coalesce(github.technology_category, job.technology_category) as technology_category,
    cast(coalesce(github.total, 0) as bigint) as github_mentions_30d,
    cast(coalesce(job.total, 0) as bigint) as job_days_30d,
    coalesce(safe_divide(job.total, job_days.days), 0) as avg_daily_jobs_30d,
    coalesce(github.share, 0) as github_share_30d,
    coalesce(job.share, 0) as job_share_30d,
    coalesce(job.share, 0) - coalesce(github.share, 0) as share_gap_30d,
    github.rank as github_rank_30d,
    job.rank as job_rank_30d,
    github.rank - job.rank as rank_gap_30d,
    github.share_change as github_share_change_30d,
    job.share_change as job_share_change_30d,
    github.rank_change as github_rank_change_30d,
    job.rank_change as job_rank_change_30d,
    case
        when github.technology is null then 'demand_only'
        when job.technology is null then 'activity_only'
        when 4 * job.share > 5 * github.share then 'demand_ahead'
        when 5 * job.share < 4 * github.share then 'activity_ahead'
        else 'balanced'
    end as market_position,
    {{ processed_at() }} as processed_at
from github
full join job on job.technology = github.technology
cross join job_days
