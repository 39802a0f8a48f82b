select id, ordered_at, country, amount, _source, _ingested_at
from {{ source('shop', 'orders') }}
