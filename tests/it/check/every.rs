//! All mistakes of one query at once, each at its place, and nothing that only follows from them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::check;
use crate::mistakes::orders_and;
use crate::transcript;

#[test]
fn three_columns_in_three_clauses() {
    let project = orders_and(
        "select country, sum(amuont) as total\nfrom {{ ref('orders') }}\nwhere idd > 3\ngroup by country\norder by contry\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:1:21
      |
    1 | select country, sum(amuont) as total
      |                     ^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:3:7
      |
    3 | where idd > 3
      |       ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:5:10
      |
    5 | order by contry
      |          ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_that_is_misspelt_twice_in_the_same_way() {
    let project = orders_and("select contry, count(*) as orders\nfrom {{ ref('orders') }}\ngroup by contry\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:8
      |
    1 | select contry, count(*) as orders
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:3:10
      |
    3 | group by contry
      |          ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn what_is_not_in_the_group_because_of_a_misspelling() {
    let project = orders_and("select country, sum(amount) as total\nfrom {{ ref('orders') }}\ngroup by contry\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:3:10
      |
    3 | group by contry
      |          ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_condition_of_a_join_and_a_table_by_its_other_name() {
    let project = orders_and(
        "select o.idd, k.country\nfrom {{ ref('orders') }} as o\njoin {{ ref('orders') }} as c on c.id = o.ident\norder by o.amuont\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `o` has no column `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select o.idd, k.country
      |        ^^^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no table of this query is called `k`
     --> models/gold/revenue.sql:1:15
      |
    1 | select o.idd, k.country
      |               ^^^^^^^^^
      |
      = hint: they are `c`, `o`

    error[E0403]: `o` has no column `ident`
     --> models/gold/revenue.sql:3:41
      |
    3 | join {{ ref('orders') }} as c on c.id = o.ident
      |                                         ^^^^^^^
      |
      = hint: did you mean `id`?

    error[E0403]: `o` has no column `amuont`
     --> models/gold/revenue.sql:4:10
      |
    4 | order by o.amuont
      |          ^^^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn each_query_of_a_with() {
    let project = orders_and(
        "with small as (\n  select idd from {{ ref('orders') }}\n), large as (\n  select amuont from {{ ref('orders') }}\n)\nselect * from small cross join large\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:2:10
      |
    2 |   select idd from {{ ref('orders') }}
      |          ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:4:10
      |
    4 |   select amuont from {{ ref('orders') }}
      |          ^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_column_that_is_misspelt_above_is_told_there_alone() {
    let project = orders_and(
        "with all_orders as (\n  select id, contry, amount from {{ ref('orders') }}\n)\nselect country, contry, sum(amuont) as total from all_orders group by 1, 2\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:2:14
      |
    2 |   select id, contry, amount from {{ ref('orders') }}
      |              ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:4:29
      |
    4 | select country, contry, sum(amuont) as total from all_orders group by 1, 2
      |                             ^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_function_and_what_it_is_called_with() {
    let project = orders_and("select rond(amuont) as total, uper(country) as country\nfrom {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> models/gold/revenue.sql:1:8
      |
    1 | select rond(amuont) as total, uper(country) as country
      |        ^^^^
      |
      = hint: did you mean `round`?

    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:1:13
      |
    1 | select rond(amuont) as total, uper(country) as country
      |             ^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0404]: no function named `uper`
     --> models/gold/revenue.sql:1:31
      |
    1 | select rond(amuont) as total, uper(country) as country
      |                               ^^^^
      |
      = hint: did you mean `upper`?
    ");
}

#[test]
fn an_unknown_aggregate_function() {
    let project = orders_and(
        "select country, summ(amount) as total\nfrom {{ ref('orders') }}\ngroup by country\nhaving summ(amount) > idd\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `summ`
     --> models/gold/revenue.sql:1:17
      |
    1 | select country, summ(amount) as total
      |                 ^^^^
      |
      = hint: did you mean `sum`?

    error[E0404]: no function named `summ`
     --> models/gold/revenue.sql:4:8
      |
    4 | having summ(amount) > idd
      |        ^^^^
      |
      = hint: did you mean `sum`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:4:23
      |
    4 | having summ(amount) > idd
      |                       ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn types_and_a_column() {
    let project = orders_and(
        "select id + current_date() as day, contry\nfrom {{ ref('orders') }}\nwhere id = 'x' and amount < 'y'\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:36
      |
    1 | select id + current_date() as day, contry
      |                                    ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0605]: cannot cast the string 'x' to bigint
     --> models/gold/revenue.sql:3:12
      |
    3 | where id = 'x' and amount < 'y'
      |            ^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast

    error[E0605]: cannot cast the string 'y' to double
     --> models/gold/revenue.sql:3:29
      |
    3 | where id = 'x' and amount < 'y'
      |                             ^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_type_that_only_follows_is_not_told() {
    let project = orders_and(
        "with named as (select contry from {{ ref('orders') }})\nselect contry + interval '1 day' as x, upper(contry) as y, idd from named\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:23
      |
    1 | with named as (select contry from {{ ref('orders') }})
      |                       ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:2:60
      |
    2 | select contry + interval '1 day' as x, upper(contry) as y, idd from named
      |                                                            ^^^
      |
      = note: there is only `contry`
    ");
}

#[test]
fn a_loop_and_a_column() {
    let project = orders_and(
        "select\n{% for number in [1, 2, 3] %}\n  sum(amuont * {{ number }}) as times_{{ number }},\n{% endfor %}\n  max(idd) as last\nfrom {{ ref('orders') }}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:3:7
      |
    3 |   sum(amuont * {{ number }}) as times_{{ number }},
      |       ^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:5:7
      |
    5 |   max(idd) as last
      |       ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_macro_and_a_column() {
    let project = orders_and("select\n  {{ euro('amuont') }} as euro,\n  contry\nfrom {{ ref('orders') }}\n")
        .file("macros/money.sql", "{% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> macros/money.sql:1:25
      |
    1 | {% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}
      |                         ^^^^
      |
     ::: models/gold/revenue.sql:2:6
      |
    2 |   {{ euro('amuont') }} as euro,
      |      -------------- called from here
      |
      = note: rendered, the line is: rond(amuont / 100, 2) as euro,
      = hint: did you mean `round`?

    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:2:12
      |
    2 |   {{ euro('amuont') }} as euro,
      |            ^^^^^^
      |
      = note: rendered, the line is: rond(amuont / 100, 2) as euro,
      = hint: did you mean `amount`?

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:3:3
      |
    3 |   contry
      |   ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn ambiguous_and_unknown() {
    let project = orders_and(
        "select id, a.contry\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0406]: column `id` is in more than one of the tables
     --> models/gold/revenue.sql:1:8
      |
    1 | select id, a.contry
      |        ^^
      |
      = hint: say which: `a.id` or `b.id`

    error[E0403]: `a` has no column `contry`
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, a.contry
      |            ^^^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn both_queries_of_a_union() {
    let project =
        orders_and("select idd as id from {{ ref('orders') }}\nunion all\nselect ident from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd as id from {{ ref('orders') }}
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `ident`
     --> models/gold/revenue.sql:3:8
      |
    3 | select ident from {{ ref('orders') }}
      |        ^^^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn subqueries() {
    let project = orders_and(
        "select id, (select max(b.amuont) from {{ ref('orders') }} as b) as most\nfrom {{ ref('orders') }}\nwhere id in (select idd from {{ ref('orders') }}) and contry = 'DE'\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `b` has no column `amuont`
     --> models/gold/revenue.sql:1:24
      |
    1 | select id, (select max(b.amuont) from {{ ref('orders') }} as b) as most
      |                        ^^^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:3:21
      |
    3 | where id in (select idd from {{ ref('orders') }}) and contry = 'DE'
      |                     ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:3:55
      |
    3 | where id in (select idd from {{ ref('orders') }}) and contry = 'DE'
      |                                                       ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn tables_and_a_query_that_reads_none_of_them() {
    let project = orders_and(
        "with lost as (\n  select id from nowhere join nothing using (id)\n), found as (\n  select idd from {{ ref('orders') }}\n)\nselect * from lost join found on lost.id = found.idd\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `nowhere`
     --> models/gold/revenue.sql:2:18
      |
    2 |   select id from nowhere join nothing using (id)
      |                  ^^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`

    error[E0402]: no table named `nothing`
     --> models/gold/revenue.sql:2:31
      |
    2 |   select id from nowhere join nothing using (id)
      |                               ^^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:4:10
      |
    4 |   select idd from {{ ref('orders') }}
      |          ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn columns_of_the_tables_beside_one_that_is_nowhere() {
    let project = orders_and(
        "select x.amuont, y.total, nope\nfrom {{ ref('orders') }} as x\njoin nothere as y on x.idd = y.id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `x` has no column `amuont`
     --> models/gold/revenue.sql:1:8
      |
    1 | select x.amuont, y.total, nope
      |        ^^^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0402]: no table named `nothere`
     --> models/gold/revenue.sql:3:6
      |
    3 | join nothere as y on x.idd = y.id
      |      ^^^^^^^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`

    error[E0403]: `x` has no column `idd`
     --> models/gold/revenue.sql:3:22
      |
    3 | join nothere as y on x.idd = y.id
      |                      ^^^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn columns_of_using() {
    let project =
        orders_and("select contry\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b using (idd)\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:8
      |
    1 | select contry
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:3:38
      |
    3 | join {{ ref('orders') }} as b using (idd)
      |                                      ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn two_columns_that_are_in_no_group() {
    let project = orders_and("select id, country, sum(amount) as total from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `id` is neither in `group by` nor in an aggregate function
     --> models/gold/revenue.sql:1:8
      |
    1 | select id, country, sum(amount) as total from {{ ref('orders') }}
      |        ^^
      |
      = hint: add it to `group by`, or aggregate it, as in `max(id)`

    error[E0407]: `country` is neither in `group by` nor in an aggregate function
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, country, sum(amount) as total from {{ ref('orders') }}
      |            ^^^^^^^
      |
      = hint: add it to `group by`, or aggregate it, as in `max(country)`
    ");
}

#[test]
fn two_parts_of_a_date() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect date_trunc('moth', now()) as a, date_part('yaer', now()) as b from {{ ref('orders') }}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `moth` is no part of a date
     --> models/gold/revenue.sql:2:20
      |
    2 | select date_trunc('moth', now()) as a, date_part('yaer', now()) as b from {{ ref('orders') }}
      |                    ^^^^
      |
      = hint: did you mean `month`?

    error[E0407]: `yaer` is no part of a date
     --> models/gold/revenue.sql:2:51
      |
    2 | select date_trunc('moth', now()) as a, date_part('yaer', now()) as b from {{ ref('orders') }}
      |                                                   ^^^^
      |
      = hint: did you mean `year`?
    ");
}

/// Right queries; what stands between two `@` is a name that may be misspelt.
const RIGHT: &[&str] = &[
    "select @id@, @upper@(@country@) as country, @amount@ * 2 as twice\nfrom ORDERS\nwhere @amount@ > 3 and @id@ in (1, 2)\norder by @id@\n",
    "select @country@, @sum@(@amount@) as total, count(distinct @id@) as number\nfrom ORDERS\ngroup by @country@\nhaving max(@amount@) > 3\n",
    "with large as (\n  select @id@ as number, @amount@ as price, @country@ as land from ORDERS\n)\nselect l.@number@, @round@(l.@price@, 2) as price, o.@country@\nfrom large as l\njoin ORDERS as o on o.@id@ = l.@number@\nwhere exists (select 1 from ORDERS as k where k.@country@ = l.@land@)\n",
    "select @id@, row_number() over (partition by @country@ order by @amount@) as rank from ORDERS\nunion all\nselect @id@, @length@(@country@) from ORDERS\nqualify rank() over (order by @amount@) < 3\n",
];

#[test]
fn of_a_right_query_any_two_misspelt_names_are_told_and_nothing_else() {
    let mut project = orders_and("select 1 as id\n");
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (query, text) in RIGHT.iter().enumerate() {
        let text = text.replace("ORDERS", "{{ ref('orders') }}");
        let parts: Vec<&str> = text.split('@').collect();
        let names = parts.len() / 2;
        for (first, second) in (0..names).flat_map(|first| (first + 1..names).map(move |second| (first, second))) {
            let path = format!("models/gold/wrong_{query}_{first}_{second}.sql");
            let mut sql = String::new();
            for (index, part) in parts.iter().enumerate() {
                sql.push_str(part);
                if index % 2 == 1 && (index / 2 == first || index / 2 == second) {
                    // Told apart, and like no other name.
                    let ending = if index / 2 == first { "_qqqqqqqqqq" } else { "_zzzzzzzzzz" };
                    sql.push_str(ending);
                    wanted.entry(path.clone()).or_default().push(format!("{part}{ending}"));
                }
            }
            project = project.file(&path, &sql);
        }
    }
    let ran = project.run(&["check", "--format", "json"]);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for diagnostic in said["diagnostics"].as_array().unwrap() {
        let path = diagnostic["file"].as_str().unwrap().to_owned();
        let message = diagnostic["message"].as_str().unwrap();
        told.entry(path).or_default().push(message.trim_end_matches('`').rsplit('`').next().unwrap().to_owned());
    }
    assert_eq!(told, wanted);
}
