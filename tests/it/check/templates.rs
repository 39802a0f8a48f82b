//! Mistakes that Jinja wrote: loops, branches and variables.

use super::check;
use crate::mistakes::orders_and;
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
    2 | {% for name in ['id', 'amont'] %}
      |                        ----- written here
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
     --> models/gold/revenue.sql:1:32
      |
    1 | select 'größe 🚀' as label, {{ 'amont' }} as amount from {{ ref('orders') }}
      |                                 ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_column_of_a_list_that_is_set() {
    let sql = "{% set columns = ['id', 'contry'] %}\nselect\n{%- for name in columns %}\n  {{ name }}\n  {%- if not loop.last %},{% endif %}\n{%- endfor %}\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:26
      |
    1 | {% set columns = ['id', 'contry'] %}
      |                          ^^^^^^
    ...
    4 |   {{ name }}
      |      ---- put in here
      |
      = note: rendered, the line is: contry
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_that_is_set() {
    let sql = "{% set measure = 'amont' %}\nselect sum({{ measure }}) as total\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:19
      |
    1 | {% set measure = 'amont' %}
      |                   ^^^^^
    2 | select sum({{ measure }}) as total
      |               ------- put in here
      |
      = note: rendered, the line is: select sum(amont) as total
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_column_of_a_dict() {
    let sql = "{% set totals = {'total': 'amount', 'taxes': 'vat'} %}\nselect\n{% for name, column in totals.items() %}\n  sum({{ column }}) as {{ name }},\n{% endfor %}\n  1 as one\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `vat`
     --> models/gold/revenue.sql:1:47
      |
    1 | {% set totals = {'total': 'amount', 'taxes': 'vat'} %}
      |                                               ^^^
    ...
    4 |   sum({{ column }}) as {{ name }},
      |          ------ put in here
      |
      = note: there are `amount`, `country`, `id`
      = note: rendered, the line is: sum(vat) as taxes,
    ");
}

#[test]
fn a_column_of_a_list_that_is_joined() {
    let sql = "{% set columns = ['id', 'amont'] %}\nselect {{ columns | join(', ') }}\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:26
      |
    1 | {% set columns = ['id', 'amont'] %}
      |                          ^^^^^
    2 | select {{ columns | join(', ') }}
      |           -------------------- put in here
      |
      = note: rendered, the line is: select id, amont
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_list_that_is_compared() {
    let sql = "{% for name in ['id', 'amont'] %}\n{% if name == 'amont' %}\nselect {{ name }}\nfrom {{ ref('orders') }}\n{% endif %}\n{% endfor %}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:24
      |
    1 | {% for name in ['id', 'amont'] %}
      |                        ^^^^^
    2 | {% if name == 'amont' %}
    3 | select {{ name }}
      |           ---- put in here
      |
      = note: rendered, the line is: select amont
      = hint: did you mean `amount`?
    ");
}
