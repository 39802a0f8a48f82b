select
    {{ http_response('remoteok') }}
from {{ source('jobs', 'remoteok') }}
