select
    {{ http_response('greenhouse') }},
    board
from {{ source('jobs', 'greenhouse') }}
