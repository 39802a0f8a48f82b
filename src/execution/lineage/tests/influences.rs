//! What decides which rows there are, or what goes into one column.

use super::assert_told;

#[test]
fn an_aggregate_keeps_its_filter_and_its_order_apart() {
    assert_told(&[
        (
            "select status, sum(amount) filter (where customer_id > 10) as total, count(*) as n,
                    array_agg(id order by placed) as ids
             from silver.orders group by status having max(amount) > 0",
            &[
                "status: silver.orders.status copied",
                "total: silver.orders.amount aggregated, (Filter silver.orders.customer_id)",
                "n: ",
                "ids: silver.orders.id aggregated, (Order silver.orders.placed)",
                "(Filter silver.orders.amount)",
                "(Group silver.orders.status)",
            ],
        ),
        (
            "select upper(status) as status, customer_id, sum(amount) as total
             from silver.orders group by rollup (upper(status), customer_id)",
            &[
                "status: silver.orders.status transformed",
                "customer_id: silver.orders.customer_id copied",
                "total: silver.orders.amount aggregated",
                "(Group silver.orders.customer_id, silver.orders.status)",
            ],
        ),
    ]);
}

#[test]
fn what_decides_about_one_column_goes_along_with_it() {
    assert_told(&[
        (
            "with ids as (
                select customer_id, array_agg(id order by placed) as ids, max(id) filter (where status = 'paid') as paid
                from silver.orders group by customer_id
             )
             select c.name, ids.ids, coalesce(ids.paid, 0) as paid
             from silver.customers as c join ids on ids.customer_id = c.id",
            &[
                "name: silver.customers.name copied",
                "ids: silver.orders.id aggregated, (Order silver.orders.placed)",
                "paid: silver.orders.id aggregated, (Filter silver.orders.status)",
                "(Join silver.customers.id, silver.orders.customer_id)",
                "(Group silver.orders.customer_id)",
            ],
        ),
        (
            "select c.region, sum(o.amount) filter (where c.name = 'x') as total
             from silver.orders as o join silver.customers as c on o.customer_id = c.id group by c.region",
            &[
                "region: silver.customers.region copied",
                "total: silver.orders.amount aggregated, (Filter silver.customers.name)",
                "(Join silver.customers.id, silver.orders.customer_id)",
                "(Group silver.customers.region)",
            ],
        ),
        (
            "select id, sum(amount) over (order by placed rows between 2 preceding and current row) + 1 as last_three
             from silver.orders",
            &[
                "id: silver.orders.id copied",
                "last_three: silver.orders.amount aggregated, (Window silver.orders.placed)",
            ],
        ),
        (
            "select id from silver.orders union all
             select max(id) filter (where region = 'eu') from silver.customers",
            &["id: silver.customers.id aggregated, silver.orders.id copied, (Filter silver.customers.region)"],
        ),
        (
            "select c.name, case when c.region = 'eu' then (
                select o.amount from silver.orders as o join silver.customers as p on o.customer_id = p.id
                where p.parent_id = c.id order by o.placed limit 1
             ) end as first
             from silver.customers as c",
            &[
                "name: silver.customers.name copied",
                "first: silver.customers.region transformed, silver.orders.amount transformed, \
                 (Filter silver.customers.id), (Join silver.customers.id), (Filter silver.customers.parent_id), \
                 (Join silver.orders.customer_id), (Order silver.orders.placed)",
            ],
        ),
    ]);
}

#[test]
fn a_column_that_chooses_rows_does_so_with_all_that_decides_about_it() {
    assert_told(&[
        (
            "select name from silver.customers as c
             where 10 < (select sum(o.amount) filter (where o.status = 'paid') from silver.orders as o
                         where o.customer_id = c.id)",
            &[
                "name: silver.customers.name copied",
                "(Filter silver.customers.id, silver.orders.amount, silver.orders.customer_id, silver.orders.status)",
            ],
        ),
        (
            "select customer_id from silver.orders group by customer_id
             having sum(amount) filter (where status = 'paid') > 0",
            &[
                "customer_id: silver.orders.customer_id copied",
                "(Filter silver.orders.amount, silver.orders.status)",
                "(Group silver.orders.customer_id)",
            ],
        ),
        (
            "with sums as (select id, sum(amount) over (partition by status) as total from silver.orders)
             select c.name from silver.customers as c join sums on sums.total = c.id",
            &[
                "name: silver.customers.name copied",
                "(Join silver.customers.id, silver.orders.amount)",
                "(Window silver.orders.status)",
            ],
        ),
        (
            "select id from silver.orders qualify sum(amount) over (partition by status order by placed) < 100",
            &[
                "id: silver.orders.id copied",
                "(Filter silver.orders.amount)",
                "(Window silver.orders.placed, silver.orders.status)",
            ],
        ),
        (
            "select unnest(array_agg(id) filter (where status = 'paid')) as id from silver.orders",
            &["id: silver.orders.id aggregated, (Filter silver.orders.status)", "(Filter silver.orders.status)"],
        ),
    ]);
}

#[test]
fn a_rank_is_made_of_its_keys_and_a_running_sum_of_its_argument() {
    assert_told(&[
        (
            "select row_number() over (partition by customer_id order by placed desc) as nth,
                    sum(amount) over (partition by status) as total from silver.orders",
            &[
                "nth: silver.orders.customer_id aggregated, silver.orders.placed aggregated",
                "total: silver.orders.amount aggregated, (Window silver.orders.status)",
            ],
        ),
        (
            "select id from (
                select id, row_number() over (partition by customer_id order by placed) as nth from silver.orders
             ) as ranked where nth = 1",
            &[
                "id: silver.orders.id copied",
                "(Filter silver.orders.customer_id, silver.orders.placed)",
                "(Window silver.orders.customer_id, silver.orders.placed)",
            ],
        ),
    ]);
}

#[test]
fn an_order_counts_where_it_decides_which_rows_there_are() {
    assert_told(&[
        ("select id from silver.orders order by amount", &["id: silver.orders.id copied"]),
        (
            "select id from silver.orders order by amount desc limit 3",
            &["id: silver.orders.id copied", "(Order silver.orders.amount)"],
        ),
        (
            "select distinct on (customer_id) id, amount from silver.orders order by customer_id, placed desc",
            &[
                "id: silver.orders.id copied",
                "amount: silver.orders.amount copied",
                "(Group silver.orders.customer_id)",
                "(Order silver.orders.placed)",
            ],
        ),
        ("select distinct status from silver.orders", &["status: silver.orders.status copied"]),
    ]);
}

#[test]
fn a_subquery_gives_values_or_filters() {
    assert_told(&[
        (
            "select c.name, (select max(o.amount) from silver.orders as o where o.customer_id = c.id) as largest
             from silver.customers as c",
            &[
                "name: silver.customers.name copied",
                "largest: silver.orders.amount aggregated, (Filter silver.customers.id), \
                 (Filter silver.orders.customer_id)",
            ],
        ),
        (
            "select name from silver.customers as c
             where exists (select o.amount from silver.orders as o where o.customer_id = c.id and o.status = 'paid')
               and region in (select status from silver.orders where placed > 0)",
            &[
                "name: silver.customers.name copied",
                "(Filter silver.customers.id, silver.customers.region, silver.orders.customer_id, \
                 silver.orders.placed, silver.orders.status)",
            ],
        ),
        (
            "select exists (select 1 from silver.orders as o where o.customer_id = c.id) as buys
             from silver.customers as c",
            &["buys: silver.customers.id transformed, silver.orders.customer_id transformed"],
        ),
    ]);
}
