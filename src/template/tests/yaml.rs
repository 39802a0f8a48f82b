//! Strings of YAML.

use super::*;
use crate::diagnostic::Span;
use crate::project::{RenderYaml, YamlScope};
use crate::template::YamlRenderer;

fn rendered(text: &str) -> String {
    let project = Project::new("");
    let scope = YamlScope {
        vars: &project.globals.vars,
        env: &project.globals.env,
        target: Some(&project.globals.target),
        locals: &[],
    };
    let source = SourceText::new("project.yaml", format!("name: x\nkey: \"{text}\"\n"));
    let span = Span::find(&source, text).unwrap();
    match YamlRenderer::new().render(text, &span, &scope) {
        Ok(value) => value.to_string(),
        Err(diagnostic) => render(&diagnostic, false),
    }
}

#[test]
fn one_expression_keeps_its_type() {
    assert_eq!(rendered("plain"), "\"plain\"");
    assert_eq!(rendered("{{ var('days') }}"), "3");
    assert_eq!(rendered(" {{- var('layers') -}} "), "[\"a\",\"b\"]");
    assert_eq!(rendered("{{ var('on', true) }}"), "true");
    assert_eq!(rendered("{{ target.name == 'prod' }}"), "false");
    assert_eq!(rendered("{{ env_var('HOME') }}/x"), "\"/home/ada/x\"");
    assert_eq!(rendered("{{ '7' | as_number }}"), "7");
    assert_eq!(rendered("{{ 7 | as_text }}"), "\"7\"");
    assert_eq!(rendered("{{ 'True' | as_bool }}"), "true");
    assert_eq!(rendered("{% if target.name == 'dev' %}view{% else %}table{% endif %}"), "\"view\"");
}

#[test]
fn mistakes_are_shown_in_the_file() {
    let texts = [
        "{{ var('dyas') }}",
        "{{ env_var('HOEM') }}",
        "{{ targt.name }}",
        "{{ ref('a') }}",
        "a {{ var('days' }}",
        "{{ 1 + }}",
        "x {{ target.x.y }}",
        "{{ 'a' | nope }}",
    ];
    let told = texts.map(rendered).join("\n\n");
    insta::assert_snapshot!(told, @r##"
    error[E0203]: the variable `dyas` is not set
     --> project.yaml:2:10
      |
    2 | key: "{{ var('dyas') }}"
      |          ^^^^^^^^^^^
      |
      = note: set are `start`, `days` and `layers`
      = hint: did you mean `days`?
      = hint: set it under `vars:`, with `--vars`, or give a default: `var('dyas', 'default')`

    error[E0204]: the environment variable `HOEM` is not set
     --> project.yaml:2:10
      |
    2 | key: "{{ env_var('HOEM') }}"
      |          ^^^^^^^^^^^^^^^
      |
      = hint: did you mean `HOME`?
      = hint: set it, or give a default: `env_var('HOEM', 'default')`

    error[E0205]: `targt` is undefined
     --> project.yaml:2:10
      |
    2 | key: "{{ targt.name }}"
      |          ^^^^^ no variable, macro or function of this name
      |
      = hint: did you mean `target`?
      = hint: YAML sees `var`, `env_var` and `target`; macros are for SQL

    error[E0205]: `ref` is undefined
     --> project.yaml:2:10
      |
    2 | key: "{{ ref('a') }}"
      |          ^^^ no variable, macro or function of this name
      |
      = hint: YAML sees `var`, `env_var` and `target`; macros are for SQL

    error[E0201]: `(` is never closed
     --> project.yaml:2:15
      |
    2 | key: "a {{ var('days' }}"
      |               ^

    error[E0201]: unexpected end of variable block
     --> project.yaml:2:14
      |
    2 | key: "{{ 1 + }}"
      |              ^^

    error[E0205]: `target.x` is undefined
     --> project.yaml:2:12
      |
    2 | key: "x {{ target.x.y }}"
      |            ^^^^^^^^^^
      |
      = hint: YAML sees `var`, `env_var` and `target`; macros are for SQL

    error[E0205]: no filter is named `nope`
     --> project.yaml:2:16
      |
    2 | key: "{{ 'a' | nope }}"
      |                ^^^^
    "##);
}
