//! Functions nobody knows, and functions called with what they do not take.

use super::check;
use crate::mistakes::orders_and;
use crate::transcript;

#[test]
fn a_function_nobody_knows() {
    transcript!(check(&orders_and("select id,\n  uper(country) as country\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `uper`
     --> models/gold/revenue.sql:2:3
      |
    2 |   uper(country) as country
      |   ^^^^
      |
      = hint: did you mean `upper`?
    ");
}

#[test]
fn an_argument_too_many() {
    transcript!(check(&orders_and("select upper(country, 2) as country\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `upper` takes 1 argument, not 2
     --> models/gold/revenue.sql:1:8
      |
    1 | select upper(country, 2) as country
      |        ^^^^^
      |
      = hint: it is called as `upper(string)`
    ");
}

#[test]
fn an_argument_of_another_type() {
    transcript!(check(&orders_and("select date_trunc('day', amount) as day\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `date_trunc` does not take (string, double)
     --> models/gold/revenue.sql:1:8
      |
    1 | select date_trunc('day', amount) as day
      |        ^^^^^^^^^^
      |
      = hint: it is called as `date_trunc(string, timestamp)` or `date_trunc(string, time)`
    ");
}

#[test]
fn a_window_function_without_a_window() {
    transcript!(check(&orders_and("select row_number() as number\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `row_number` is a window function: it needs `over (...)`
     --> models/gold/revenue.sql:1:8
      |
    1 | select row_number() as number
      |        ^^^^^^^^^^
    ");
}

#[test]
fn a_function_of_ours_with_another_type() {
    transcript!(check(&orders_and("select safe_divide(country, amount) as part\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `safe_divide` takes numbers, not a string
     --> models/gold/revenue.sql:1:8
      |
    1 | select safe_divide(country, amount) as part
      |        ^^^^^^^^^^^
    ");
}

#[test]
fn a_function_of_ours_with_an_argument_too_few() {
    let sql = "select safe_divide(amount) as part\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `safe_divide` takes a numerator and a denominator
     --> models/gold/revenue.sql:1:8
      |
    1 | select safe_divide(amount) as part
      |        ^^^^^^^^^^^
    ");
}

#[test]
fn a_function_with_an_example() {
    let sql = "select dateadd('day', current_date) as later\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `dateadd` takes a part, a number and a date
     --> models/gold/revenue.sql:1:8
      |
    1 | select dateadd('day', current_date) as later
      |        ^^^^^^^
      |
      = hint: it is called as in `dateadd('day', 7, created_at)`
    ");
}

#[test]
fn one_of_several_arguments_of_another_type() {
    let sql = "select round(\n  amount,\n  'two'\n) as amount\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `round` does not take (double, string)
     --> models/gold/revenue.sql:1:8
      |
    1 | select round(
      |        ^^^^^
      |
      = hint: it is called as `round(decimal, int)`, `round(decimal)`, `round(integer, int)` or `round(integer)`
    ");
}

#[test]
fn a_function_with_a_short_name() {
    let sql = "select mx(amount) as most\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `mx`
     --> models/gold/revenue.sql:1:8
      |
    1 | select mx(amount) as most
      |        ^^
      |
      = hint: did you mean `max`?
    ");
}

#[test]
fn rows_to_count_that_are_no_number() {
    let query =
        "select sum(id) over (order by id rows between 'a' preceding and current row) as n from {{ ref('orders') }}\n";
    transcript!(check(&orders_and(query)), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `a` is no number of rows
     --> models/gold/revenue.sql:1:48
      |
    1 | select sum(id) over (order by id rows between 'a' preceding and current row) as n from {{ ref('orders') }}
      |                                                ^
      |
      = hint: a frame counts rows, as in `rows between 2 preceding and current row`
    ");
}

#[test]
fn a_function_that_has_another_name_here() {
    transcript!(check(&orders_and("select listagg(country, ',') as countries\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `listagg`
     --> models/gold/revenue.sql:1:8
      |
    1 | select listagg(country, ',') as countries
      |        ^^^^^^^
      |
      = hint: `string_agg` does this, as in `string_agg(name, ', ' order by name)`
    ");
}
