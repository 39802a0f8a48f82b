//! Mistakes that Jinja wrote: loops, branches, variables and macros.

use super::check;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn a_column_of_a_loop() {
    let sql = "select\n{% for name in ['id', 'amont'] %}\n  orders.{{ name }},\n{% endfor %}\n  1 as one\nfrom {{ ref('orders') }} as orders\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `orders` has no column `amont`
     --> models/gold/revenue.sql:3:3
      |
    3 |   orders.{{ name }},
      |   ^^^^^^^^^^^^^^
      |
      = note: rendered, the line is: orders.amont,
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_column_that_is_a_variable() {
    let project = orders_and("select sum({{ var('measure') }}) as total\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\nvars: {measure: amont}\ntargets:\n  dev: {warehouse: warehouse}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:15
      |
    1 | select sum({{ var('measure') }}) as total
      |               ^^^^^^^^^^^^^^
      |
      = note: rendered, the line is: select sum(amont) as total
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_branch_of_this_target() {
    let sql = "select id\nfrom {{ ref('orders') }}\n{% if target.name == 'dev' %}\nwhere contry = 'DE'\n{% else %}\nwhere country = 'FR'\n{% endif %}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:4:7
      |
    4 | where contry = 'DE'
      |       ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_branch_that_only_a_run_takes() {
    let sql = "{% if execute %}\nselect amont from {{ ref('orders') }}\n{% else %}\nselect * from {{ ref('orders') }}\n{% endif %}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:2:8
      |
    2 | select amont from {{ ref('orders') }}
      |        ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_ref_that_only_a_run_meets() {
    transcript!(check(&orders_and("{% if execute %}\nselect * from {{ ref('orders') }}\n{% endif %}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0306]: `ref('orders')` was not seen before the run
     --> models/gold/revenue.sql:2:18
      |
    2 | select * from {{ ref('orders') }}
      |                  ^^^^^^^^^^^^^
      |
      = note: it stands where only the second render comes, so the graph does not know of it
      = hint: add a line to the model: -- depends_on: {{ ref('orders') }}
    ");
}

#[test]
fn a_wide_character_before_the_mistake() {
    let sql = "select 'größe 🚀' as label, {{ 'amont' }} as amount from {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:31
      |
    1 | select 'größe 🚀' as label, {{ 'amont' }} as amount from {{ ref('orders') }}
      |                                ^^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

/// `gold.revenue` and the macros of `macros/money.sql`.
fn with_macros(revenue: &str, macros: &str) -> TestProject {
    orders_and(revenue).file("macros/money.sql", macros)
}

#[test]
fn an_argument_of_a_macro() {
    let project = with_macros(
        "select\n  id,\n  {{ euro('amont') }} as euro\nfrom {{ ref('orders') }}\n",
        "{% macro euro(column) %}round({{ column }} / 100, 2){% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:3:6
      |
    3 |   {{ euro('amont') }} as euro
      |      ^^^^^^^^^^^^^
      |
      = note: rendered, the line is: round(amont / 100, 2) as euro
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_list_that_a_macro_goes_through() {
    let project = with_macros(
        "select\n  id,\n  {{ sums(['amount', 'vat']) }}\nfrom {{ ref('orders') }}\ngroup by id\n",
        "{% macro sums(columns) %}\n{% for column in columns %}\n  sum({{ column }}) as sum_{{ column }}{{ ',' if not loop.last }}\n{% endfor %}\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `vat`
     --> models/gold/revenue.sql:3:6
      |
    3 |   {{ sums(['amount', 'vat']) }}
      |      ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: there are `amount`, `country`, `id`
      = note: rendered, the line is: sum(vat) as sum_vat
    ");
}

#[test]
fn a_function_written_in_a_macro() {
    let project = with_macros(
        "select\n  id,\n  {{ euro('amount') }} as euro\nfrom {{ ref('orders') }}\n",
        "{% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> macros/money.sql:1:25
      |
    1 | {% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}
      |                         ^^^^
      |
     ::: models/gold/revenue.sql:3:6
      |
    3 |   {{ euro('amount') }} as euro
      |      -------------- called from here
      |
      = note: rendered, the line is: rond(amount / 100, 2) as euro
      = hint: did you mean `round`?
    ");
}

#[test]
fn a_line_of_a_macro() {
    let project = with_macros(
        "select\n  id,\n{{ amounts() }}\nfrom {{ ref('orders') }}\n",
        "{% macro amounts() %}\n  amount,\n  amont * 2 as twice,\n  country\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> macros/money.sql:3:3
      |
    3 |   amont * 2 as twice,
      |   ^^^^^
      |
     ::: models/gold/revenue.sql:3:4
      |
    3 | {{ amounts() }}
      |    --------- called from here
      |
      = note: rendered, the line is: amont * 2 as twice,
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_macro_that_a_macro_calls() {
    let project = with_macros(
        "select\n  {{ euro('amount') }} as euro\nfrom {{ ref('orders') }}\n",
        "{% macro euro(column) %}{{ rounded(column) }}{% endmacro %}\n\n{% macro rounded(column) %}\n  rond({{ column }}, 2)\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> macros/money.sql:4:3
      |
    4 |   rond({{ column }}, 2)
      |   ^^^^
      |
     ::: models/gold/revenue.sql:2:6
      |
    2 |   {{ euro('amount') }} as euro
      |      -------------- called from here
      |
      = note: rendered, the line is: rond(amount, 2)
      = hint: did you mean `round`?
    ");
}

#[test]
fn a_column_that_a_macro_calls_something_else() {
    let project = with_macros(
        "select id, total\nfrom {{ totals() }}\n",
        "{% macro totals() %}\n(select id, amount as totl from {{ ref('orders') }})\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `total`
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, total
      |            ^^^^^
      |
      = hint: did you mean `totl`?
    ");
}

#[test]
fn a_name_that_a_macro_does_not_define() {
    let project = with_macros(
        "select\n  {{ euro('amount') }} as euro\nfrom {{ ref('orders') }}\n",
        "{% macro euro(column) %}\n  {{ colum }} / 100\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `colum` is undefined
     --> macros/money.sql:2:6
      |
    2 |   {{ colum }} / 100
      |      ^^^^^ no variable, macro or function of this name
      |
     ::: models/gold/revenue.sql:2:6
      |
    2 |   {{ euro('amount') }} as euro
      |      -------------- called from here
    ");
}
