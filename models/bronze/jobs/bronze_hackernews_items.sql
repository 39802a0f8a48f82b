select
    {{ http_response('hackernews_items') }},
    cast(thread_id as bigint) as thread_id,
    cast(item_id as bigint) as item_id
from {{ source('jobs', 'hackernews_items') }}
