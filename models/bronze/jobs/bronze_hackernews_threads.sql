with items as (

    select
        * exclude (item_id),
        cast(item_id as bigint) as item_id,
        to_timestamp_seconds(time) as posted_at,
        coalesce(type = 'story' and lower(title) like '%who is hiring%', false) as is_hiring
    from {{ source('jobs', 'hackernews_threads') }}

)

select
    {{ http_response('hackernews_threads') }},
    item_id,
    title,
    posted_at,
    kids,
    -- Of each window's stories that ask who is hiring, the newest. The account asks two other questions each month.
    is_hiring
        and row_number() over (partition by _window_start, is_hiring order by posted_at desc, item_id desc) = 1 as is_newest
from items
