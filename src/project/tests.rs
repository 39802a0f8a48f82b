//! Whole projects in temporary folders, and all that is said of them.

mod broken_yaml;
mod mistakes;
mod sources;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, render};

/// Knows `{{ var('x') }}`, `{{ env_var('X', 'default') }}` and `{{ target.name }}`, which is enough for YAML.
struct LittleJinja;

impl RenderYaml for LittleJinja {
    fn render(&self, text: &str, span: &Span, scope: &YamlScope<'_>) -> Result<Value, Diagnostic> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (expression, after) = after.split_once("}}").unwrap();
            let value = evaluate(expression.trim(), scope)
                .ok_or_else(|| Diagnostic::error(Code::MissingVar, "not set").label(span.clone(), "here"))?;
            if before.is_empty() && after.is_empty() && out.is_empty() {
                return Ok(value);
            }
            out += before;
            out += value.as_str().unwrap_or_default();
            rest = after;
        }
        Ok(Value::String(out + rest))
    }
}

fn evaluate(expression: &str, scope: &YamlScope<'_>) -> Option<Value> {
    if expression == "target.name" {
        return scope.target.map(|target| target["name"].clone());
    }
    let words: Vec<&str> = expression.split('\'').collect();
    match words.as_slice() {
        ["var(", name, ..] => scope.vars.get(*name).cloned(),
        ["env_var(", name, _, default, ..] => Some(json!(scope.env.get(*name).map_or(*default, String::as_str))),
        _ => None,
    }
}

/// A project of the given files; `project.yaml` is `name: shop` unless given.
fn project(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let default = ("project.yaml", "name: shop\n");
    for (path, text) in std::iter::once(&default).chain(files) {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

fn loaded(files: &[(&str, &str)], options: &LoadOptions) -> Result<(Project, Diagnostics), Diagnostics> {
    load(project(files).path(), options, &LittleJinja)
}

/// The project, and its warnings rendered.
fn good(files: &[(&str, &str)]) -> (Project, String) {
    match loaded(files, &LoadOptions::default()) {
        Ok((project, found)) if !found.has_errors() => (project, all(&found)),
        Ok((_, found)) | Err(found) => panic!("{}", all(&found)),
    }
}

/// All that is found of a project that is wrong, gone past or not.
fn found(files: &[(&str, &str)]) -> Diagnostics {
    match loaded(files, &LoadOptions::default()) {
        Ok((_, found)) | Err(found) => found,
    }
}

fn mistakes(files: &[(&str, &str)]) -> String {
    let found = found(files);
    assert!(found.has_errors(), "{}", all(&found));
    all(&found)
}

fn all(found: &Diagnostics) -> String {
    found.iter().map(|diagnostic| render(diagnostic, false)).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn the_smallest_project_has_defaults() {
    let (project, warnings) = good(&[]);
    let config = &project.config;
    assert_eq!(warnings, "");
    assert_eq!(config.layers, ["bronze", "silver", "gold", "analytics"]);
    assert_eq!((config.target.name.as_str(), config.target.warehouse.as_str()), ("dev", "warehouse"));
    assert_eq!((config.version.as_str(), config.target_path.as_str()), ("0.1.0", ".engine"));
    assert_eq!(config.clean_targets, [".engine"]);
}

#[test]
fn config_comes_from_folders_and_properties_in_order() {
    let tree = "
name: shop
models:
  +tags: all
  +pre-hook: \"{{ later() }}\"
  shop:
    gold:
      +materialized: table
      eu: {+tags: [eu], +enabled: \"{{ var('eu') }}\"}
vars: {eu: false}
data_tests: {+severity: WARN}
";
    let properties = "
models:
  - name: revenue
    description: \"{{ doc('x') }}\"
    tags: money
    config: {materialized: incremental, unique_key: id, meta: {target: \"{{ target.name }}\"}}
    columns:
      - name: id
        config: {tags: key}
        data_tests:
          - unique
          - relationships: {to: \"ref('x')\", field: id, where: \"a = '{{ var('eu') }}'\"}
          - test_name: shop.mine
            name: my_own_name
            arguments: {limit: \"{{ this_is_rendered_later }}\"}
            config: {severity: error, limit: 5}
";
    let (project, warnings) = good(&[
        ("project.yaml", tree),
        ("models/gold/eu/revenue.sql", "select 1"),
        ("models/gold/gold.yml", properties),
        ("models/gold/.hidden.sql", "select"),
    ]);
    assert_eq!((warnings.as_str(), project.models.len()), ("", 1));
    let model = &project.models[0];
    assert_eq!((model.layer.as_str(), model.fqn.join(".").as_str()), ("gold", "gold.eu.revenue"));
    let config = json!({
        "tags": ["all", "eu", "money"], "pre_hook": ["{{ later() }}"], "materialized": "incremental",
        "enabled": false, "unique_key": "id", "meta": {"target": "dev"},
    });
    assert_eq!(Value::Object(model.config.clone()), config);
    assert_eq!(model.properties.description, "{{ doc('x') }}");
    assert_eq!(Value::Object(model.properties.meta.clone()), json!({"target": "dev"}));
    let column = &model.properties.columns[0];
    assert_eq!(column.tags, ["key"]);
    let tests: Vec<Value> =
        column.data_tests.iter().map(|test| json!([test.test, test.name, test.arguments, test.config])).collect();
    let wanted = json!([
        ["unique", null, {}, {"severity": "warn"}],
        ["relationships", null, {"to": "ref('x')", "field": "id"}, {"severity": "warn", "where": "a = ''"}],
        [
            "shop.mine", "my_own_name", {"limit": "{{ this_is_rendered_later }}"},
            {"severity": "error", "limit": 5},
        ],
    ]);
    assert_eq!(Value::Array(tests), wanted);
}

#[test]
fn vars_of_the_command_line_win_over_the_target_and_the_target_over_the_project() {
    let yaml = "name: shop\nvars: {a: 1, b: 1, c: 1, shop: {d: 1}}\ntargets:\n  dev: {vars: {b: 2, c: 2}}\n  prod: {warehouse: \"s3://{{ env_var('BUCKET', 'lake') }}/{{ var('c') }}x\", threads: \"{{ env_var('N', '4') }}\", memory_limit: 4GiB}\n";
    let files = [("project.yaml", yaml), (".env", "BUCKET=mine\n")];
    let options = LoadOptions { vars: json!({"c": "3"}).as_object().unwrap().clone(), ..LoadOptions::default() };
    let (first, _) = loaded(&files, &options).unwrap();
    assert_eq!(Value::Object(first.config.vars), json!({"a": 1, "b": 2, "c": "3", "d": 1}));
    let prod = LoadOptions { target: Some("prod".to_owned()), ..options };
    let (second, _) = loaded(&files, &prod).unwrap();
    let target = &second.config.target;
    assert_eq!(
        (target.warehouse.as_str(), target.threads, target.memory_limit),
        ("s3://mine/3x", Some(4), Some(4 << 30))
    );
    assert_eq!(second.env["BUCKET"], "mine");
    let unknown = loaded(&files, &LoadOptions { target: Some("prd".to_owned()), ..prod }).unwrap_err();
    insta::assert_snapshot!(all(&unknown), @r#"
    error[E0106]: no target is called `prd`
     |
     = hint: did you mean `prod`?
    "#);
}

#[test]
fn a_dbt_project_loads_and_says_what_it_loses() {
    let root = tempfile::tempdir().unwrap();
    let yaml = "
name: shop
config-version: 2
version: '1.0'
profile: shop
require-dbt-version: '>=1.0'
quoting: {identifier: false}
flags: {}
";
    std::fs::write(root.path().join("dbt_project.yml"), yaml).unwrap();
    let (project, warnings) = load(root.path(), &LoadOptions::default(), &LittleJinja).unwrap();
    assert_eq!((project.config.version.as_str(), project.config.target_path.as_str()), ("1.0", "target"));
    insta::assert_snapshot!(all(&warnings), @r#"
    warning[E0103]: `quoting` is ignored
     --> dbt_project.yml:7:1
      |
    7 | quoting: {identifier: false}
      | ^^^^^^^ ignored
      |
      = hint: every name is quoted and keeps its case

    warning[E0103]: `flags` is ignored
     --> dbt_project.yml:8:1
      |
    8 | flags: {}
      | ^^^^^ ignored
      |
      = hint: options are given on the command line

    warning[E0103]: `profile` is ignored: profiles are not read
     --> dbt_project.yml:5:1
      |
    5 | profile: shop
      | ^^^^^^^ ignored
      |
      = hint: declare `targets:` with a `warehouse` each
    "#);
}

#[test]
fn the_root_is_found_from_below() {
    let project = project(&[("models/gold/a.sql", "")]);
    let below = project.path().join("models/gold");
    assert_eq!(find_root(&below, None).unwrap(), project.path());
    let missing = find_root(&below, Some(&below)).unwrap_err();
    assert_eq!((missing.code, missing.hints.len()), (Code::NoProject, 1));
}
