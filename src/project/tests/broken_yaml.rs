//! What is said of YAML that nobody meant so.

use super::*;

#[test]
fn yaml_that_is_not_meant_so_is_explained() {
    let first = |text: &str| {
        let found = loaded(&[("project.yaml", text)], &LoadOptions::default()).unwrap_err();
        found.iter().map(|diagnostic| render(diagnostic, false)).next().unwrap()
    };
    insta::assert_snapshot!(first("name: {{ var('x') }} # comment\n"), @r#"
    error[E0102]: Jinja must be quoted in YAML
     --> project.yaml:1:7
      |
    1 | name: {{ var('x') }} # comment
      |       ^^^^^^^^^^^^^^ YAML reads this bracket as a mapping
      |
      = hint: quote values that hold Jinja: `"{{ var('x') }}"`
    "#);
    insta::assert_snapshot!(first("name: shop\nvars:\n  a: {{ var('x') }}/b\n"), @r#"
    error[E0102]: Jinja must be quoted in YAML
     --> project.yaml:3:6
      |
    3 |   a: {{ var('x') }}/b
      |      ^^^^^^^^^^^^^^^^ YAML reads this bracket as a mapping
      |
      = hint: quote values that hold Jinja: `"{{ var('x') }}/b"`
    "#);
    insta::assert_snapshot!(first("name: shop\nversion: '1'\nname: stop\n"), @r#"
    error[E0103]: `name` is set twice
     --> project.yaml:3:1
      |
    1 | name: shop
      | ---- first set here
    2 | version: '1'
    3 | name: stop
      | ^^^^ set again here
    "#);
    insta::assert_snapshot!(first("name: shop\nvars:\n\ta: 1\n"), @r#"
    error[E0102]: a tab cannot indent YAML
     --> project.yaml:3:2
      |
    3 |     a: 1
      |     ^ after a tab
      |
      = hint: indent with spaces
    "#);
    insta::assert_snapshot!(first("name: 'ü'\nvars: {a: 1\n"), @r#"
    error[E0102]: `{` is never closed
     --> project.yaml:2:7
      |
    2 | vars: {a: 1
      |       ^ opened here
    "#);
    insta::assert_snapshot!(first("name: shop\nvars:\n  a: 1\n b: 2\n"), @r#"
    error[E0102]: expected `key: value` here
     --> project.yaml:4:2
      |
    4 |  b: 2
      |  ^ neither a key nor part of the value above
      |
      = hint: check the indentation of this line and of the one above
    "#);
    insta::assert_snapshot!(first("name: shop: two\n"), @r#"
    error[E0102]: a key cannot stand here
     --> project.yaml:1:11
      |
    1 | name: shop: two
      |           ^ this `:` begins a value
      |
      = hint: check the indentation of this line; quote a value that holds `: `
    "#);
    insta::assert_snapshot!(first(""), @r#"
    error[E0103]: `project.yaml` holds no settings
    --> project.yaml
     = hint: it needs at least `name: my_project`
    "#);
}
