//! Seeds: their columns and types come from the file, which is read.

use super::{check, refused};
use crate::mistakes::revenue;
use crate::project::TestProject;
use crate::transcript;

/// A seed and a model of it.
fn countries(csv: &str, sql: &str) -> TestProject {
    revenue(sql).file("seeds/countries.csv", csv)
}

#[test]
fn a_column_that_the_header_does_not_name() {
    let project = countries("code,name\nDE,Germany\n", "select cod\nfrom {{ ref('countries') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `cod`
     --> models/gold/revenue.sql:1:8
      |
    1 | select cod
      |        ^^^
      |
      = hint: did you mean `code`?
    ");
}

#[test]
fn a_column_whose_values_are_no_numbers() {
    let project =
        countries("code,people\nDE,83\nFR,many\n", "select sum(people) as people\nfrom {{ ref('countries') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `sum` does not take a string
     --> models/gold/revenue.sql:1:8
      |
    1 | select sum(people) as people
      |        ^^^
      |
      = hint: it is called as `sum(decimal)`, `sum(bigint)`, `sum(double)` or `sum(duration)`
    ");
}

#[test]
fn a_column_that_is_declared_to_be_text() {
    let project = countries("code,people\nDE,83\n", "select people + 1 as people\nfrom {{ ref('countries') }}\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {people: varchar}}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate a string + bigint
     --> models/gold/revenue.sql:1:8
      |
    1 | select people + 1 as people
      |        ^^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_row_that_is_too_short() {
    let project = countries("code,name\nDE,Germany\nFR\n", "select code\nfrom {{ ref('countries') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0100]: this row has 1 value, the header 2
     --> seeds/countries.csv:3:1
      |
    3 | FR
      | ^^
    ");
}

#[test]
fn a_value_that_does_not_fit_its_type() {
    let project = countries("code,people\nDE,many\n", "select code\nfrom {{ ref('countries') }}\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {people: bigint}}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0103]: column `people` does not fit its type bigint
     --> seeds/countries.csv:2:1
      |
    2 | DE,many
      | ^^^^^^^
    ");
}

#[test]
fn a_file_without_a_header() {
    transcript!(check(&countries("", "select code\nfrom {{ ref('countries') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0100]: `seeds/countries.csv` is empty
    --> seeds/countries.csv
     = hint: its first line names the columns
    ");
}

#[test]
fn a_type_nobody_knows() {
    let project = countries("code,people\nDE,83\n", "select code\nfrom {{ ref('countries') }}\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {people: money}}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `money` of column `people` is no type
     --> seeds/seeds.yml:3:37
      |
    3 |     config: {column_types: {people: money}}
      |                                     ^^^^^
      |
      = hint: types are those of SQL, such as bigint, varchar, decimal(10, 2), timestamp
    ");
}

#[test]
fn a_type_of_no_column() {
    let project = countries("code,people\nDE,83\n", "select code\nfrom {{ ref('countries') }}\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {peple: bigint}}\n");
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    warning[E0103]: `column_types` names `peple`, which the seed does not have
     --> seeds/seeds.yml:3:29
      |
    3 |     config: {column_types: {peple: bigint}}
      |                             ^^^^^
      |
      = hint: did you mean `people`?

    checked 1 model and 0 data tests in [TIME]: 1 warning
    ");
}

#[test]
fn a_name_with_capitals() {
    let project = countries("Code,name\nDE,Germany\n", "select Code\nfrom {{ ref('countries') }}\n");
    transcript!(check(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `code`
     --> models/gold/revenue.sql:1:8
      |
    1 | select Code
      |        ^^^^
      |
      = hint: write `"Code"`: without quotes a name is read in small letters
    "#);
}

#[test]
fn two_columns_of_one_name() {
    let project = countries("code,code\nDE,Germany\n", "select code\nfrom {{ ref('countries') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: two columns of `seeds.countries` are called `code`
     --> seeds/countries.csv:1:6
      |
    1 | code,code
      |      ^^^^
      |
      = hint: rename it in the first line of the file
    ");
}

#[test]
fn cells_that_are_cut_by_another_sign() {
    let project = countries("code;name\nDE;Germany\n", "select code\nfrom {{ ref('countries') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column 1 of `seeds.countries` has no name that a table's column can have
     --> seeds/countries.csv:1:1
      |
    1 | code;name
      | ^^^^^^^^^
      |
      = hint: if its cells are cut by another sign, set `delimiter: ';'`
    ");
}

#[test]
fn a_name_with_a_space() {
    let project = countries("code,full name\nDE,Germany\n", "select code\nfrom {{ ref('countries') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column 2 of `seeds.countries` has no name that a table's column can have
     --> seeds/countries.csv:1:6
      |
    1 | code,full name
      |      ^^^^^^^^^
      |
      = hint: rename it in the first line of the file
    ");
}

#[test]
fn a_column_without_a_name() {
    let project = countries("code,\nDE,Germany\n", "select code\nfrom {{ ref('countries') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column 2 of `seeds.countries` has no name that a table's column can have
     --> seeds/countries.csv:1:5
      |
    1 | code,
      |     ^
      |
      = hint: name it, or remove the column and the sign before it from every line
    ");
}
