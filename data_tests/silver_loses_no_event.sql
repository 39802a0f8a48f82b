-- Every date that silver has holds each event that bronze has of it, once.
with bronze as (

    select date, count(*) as events
    from (
        select distinct date, event_type, event_id, created_at
        from {{ github_events() }}
        where event_id is not null and event_type is not null and created_at is not null
    ) as distinct_events
    group by date

),

silver as (

    select date, count(*) as events
    from {{ ref('silver_github_events') }}
    group by date

)

select silver.date, bronze.events as bronze_events, silver.events as silver_events
from silver
left join bronze on bronze.date = silver.date
where bronze.events is distinct from silver.events
