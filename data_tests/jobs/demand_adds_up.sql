-- A posting is in one source, a job has one posting or more, and gold adds no posting to those of silver and loses none.
{{ config(enabled=var('jobs')) }}

with silver as (

    select date, technology, count(distinct source || ' ' || posting_id) as postings
    from {{ ref('silver_job_technology_mentions') }}
    group by date, technology

)

select
    coalesce(gold.date, silver.date) as date,
    coalesce(gold.technology, silver.technology) as technology,
    gold.daily_postings,
    silver.postings
from {{ ref('gold_job_technology_demand_daily') }} as gold
full join silver on silver.date = gold.date and silver.technology = gold.technology
where
    (gold.daily_postings is distinct from silver.postings)
    or gold.daily_postings <> gold.greenhouse_postings + gold.hackernews_postings + gold.remoteok_postings
    or gold.daily_jobs > gold.daily_postings
    or gold.daily_title_jobs > gold.daily_jobs
    or gold.new_postings > gold.daily_postings
    or gold.remote_postings > gold.daily_postings
    or gold.daily_jobs > gold.jobs_of_the_day
