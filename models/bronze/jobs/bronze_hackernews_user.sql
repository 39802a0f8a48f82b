select
    {{ http_response('hackernews_user') }},
    submitted
from {{ source('jobs', 'hackernews_user') }}
