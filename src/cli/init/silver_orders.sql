-- One row for each order, whatever the shop sent twice.
select id, ordered_at, country, amount
from {{ ref('bronze_orders') }}
qualify row_number() over (partition by id order by _ingested_at desc) = 1
