{{ config(partition_by=['date']) }}

{#-
  Dates behind a date that is due are built again: a posting that turns out to have been there on the earlier date is no
  longer new on the later one.
-#}

with mentions as (

    select date, source, posting_id, job_id, technology, bool_or(mention_kind = 'title') as in_title
    from {{ ref('silver_job_technology_mentions') }}
    where {{ date_or_one_before_is_due(ref('silver_job_technology_mentions'), 'processed_at') }}
    group by date, source, posting_id, job_id, technology

),

-- A job that is posted for several places is one job.
demand as (

    select
        mentions.date,
        mentions.technology,
        count(distinct mentions.source || ' ' || mentions.job_id) as daily_jobs,
        count(*) as daily_postings,
        count(distinct mentions.source || ' ' || mentions.job_id) filter (where mentions.in_title) as daily_title_jobs,
        count(*) filter (where postings.first_seen = mentions.date) as new_postings,
        count(*) filter (where sightings.is_remote) as remote_postings,
        count(*) filter (where mentions.source = 'greenhouse') as greenhouse_postings,
        count(*) filter (where mentions.source = 'hackernews') as hackernews_postings,
        count(*) filter (where mentions.source = 'remoteok') as remoteok_postings,
        count(distinct lower(sightings.company)) as companies
    from mentions
    inner join {{ ref('silver_job_sightings') }} as sightings
        on sightings.date = mentions.date
        and sightings.source = mentions.source
        and sightings.posting_id = mentions.posting_id
    inner join {{ ref('silver_job_postings') }} as postings
        on postings.source = mentions.source
        and postings.posting_id = mentions.posting_id
    group by mentions.date, mentions.technology

),

days as (

    select date, count(distinct source || ' ' || job_id) as jobs
    from {{ ref('silver_job_sightings') }}
    group by date

)

select
    demand.date,
    demand.technology,
    {{ technology_category('technologies.type') }} as technology_category,
    demand.daily_jobs,
    demand.daily_postings,
    demand.daily_title_jobs,
    demand.new_postings,
    demand.remote_postings,
    demand.greenhouse_postings,
    demand.hackernews_postings,
    demand.remoteok_postings,
    demand.companies,
    days.jobs as jobs_of_the_day,
    cast(demand.daily_jobs as double) / days.jobs as demand_share,
    cast(dense_rank() over (partition by demand.date order by demand.daily_jobs desc) as bigint) as demand_rank,
    {{ processed_at() }} as processed_at
from demand
inner join days on days.date = demand.date
left join {{ ref('technologies') }} as technologies on technologies.technology = demand.technology
