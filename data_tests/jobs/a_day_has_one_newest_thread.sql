-- A day on which Hacker News told what it knows has one story that asks who is hiring, and the comments are its own.
{{ config(enabled=var('jobs')) }}

with days as (

    select date, count(*) filter (where is_newest) as newest, max(case when is_newest then item_id end) as thread_id
    from {{ ref('bronze_hackernews_threads') }}
    group by date

)

select days.date, days.newest, days.thread_id, items.thread_id as thread_of_the_comments
from days
left join (select distinct date, thread_id from {{ ref('bronze_hackernews_items') }}) as items on items.date = days.date
where days.newest <> 1 or items.thread_id is distinct from days.thread_id
