select
    countries.name as country,
    count(*) as orders,
    sum(orders.amount) as revenue
from {{ ref('silver_orders') }} as orders
join {{ ref('countries') }} as countries on countries.code = orders.country
group by countries.name
