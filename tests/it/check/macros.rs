//! Mistakes that macros wrote, or what they were handed.

use super::check;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

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
     --> models/gold/revenue.sql:3:12
      |
    3 |   {{ euro('amont') }} as euro
      |            ^^^^^
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
     --> models/gold/revenue.sql:3:23
      |
    3 |   {{ sums(['amount', 'vat']) }}
      |                       ^^^
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
    1 | {% macro euro(column) %}{{ rounded(column) }}{% endmacro %}
      |                            --------------- called from here
    ...
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

#[test]
fn a_loop_inside_a_macro() {
    let project = with_macros(
        "select\n  id{{ measures() }}\nfrom {{ ref('orders') }}\n",
        "{% macro measures() %}\n{% for name in ['amount', 'vat'] %}\n  , {{ name }} as {{ name }}_eur\n{% endfor %}\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `vat`
     --> macros/money.sql:2:28
      |
    2 | {% for name in ['amount', 'vat'] %}
      |                            ^^^
    3 |   , {{ name }} as {{ name }}_eur
      |        ---- put in here
      |
     ::: models/gold/revenue.sql:2:8
      |
    2 |   id{{ measures() }}
      |        ---------- called from here
      |
      = note: there are `amount`, `country`, `id`
      = note: rendered, the line is: , vat as vat_eur
    ");
}

#[test]
fn a_body_handed_to_a_macro() {
    let project = with_macros(
        "{% call wrapped() %}\nselect amont from {{ ref('orders') }}\n{% endcall %}\n",
        "{% macro wrapped() %}\nselect * from ({{ caller() }}) as inside\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
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
fn a_bracket_that_a_macro_leaves_open() {
    let project = with_macros(
        "select\n  id,\n  {{ euro('amount') }} as euro\nfrom {{ ref('orders') }}\n",
        "{% macro euro(column) %}round({{ column }} / 100, 2{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0401]: SQL syntax: expected `)`, found `as`
     --> models/gold/revenue.sql:3:24
      |
    3 |   {{ euro('amount') }} as euro
      |                        ^^
      |
      = note: rendered, the line is: round(amount / 100, 2 as euro
    ");
}

#[test]
fn a_function_in_a_loop_of_a_macro_is_told_once() {
    let project = with_macros(
        "select\n  id{{ measures() }}\nfrom {{ ref('orders') }}\n",
        "{% macro measures() %}\n{% for name in ['amount', 'country'] %}\n  , rond({{ name }}) as {{ name }}_eur\n{% endfor %}\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> macros/money.sql:3:5
      |
    3 |   , rond({{ name }}) as {{ name }}_eur
      |     ^^^^
      |
     ::: models/gold/revenue.sql:2:8
      |
    2 |   id{{ measures() }}
      |        ---------- called from here
      |
      = note: rendered, the line is: , rond(amount) as amount_eur
      = hint: did you mean `round`?
    ");
}

#[test]
fn a_column_that_a_macro_chooses() {
    let project = with_macros(
        "select {{ measured('net') }} as measured\nfrom {{ ref('orders') }}\n",
        "{% macro measured(kind) %}\n{% if kind == 'net' %}\n  amount - vat\n{% else %}\n  amount\n{% endif %}\n{% endmacro %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `vat`
     --> macros/money.sql:3:12
      |
    3 |   amount - vat
      |            ^^^
      |
     ::: models/gold/revenue.sql:1:11
      |
    1 | select {{ measured('net') }} as measured
      |           --------------- called from here
      |
      = note: there are `amount`, `country`, `id`
    ");
}
