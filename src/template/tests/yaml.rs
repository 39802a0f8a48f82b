//! Strings of YAML.

use super::*;
use crate::diagnostic::Span;
use crate::project::{RenderYaml, YamlScope};
use crate::template::YamlRenderer;

fn rendered(text: &str) -> String {
    let project = Project::new("");
    let scope = YamlScope { vars: &project.globals.vars, env: &project.globals.env, target: Some(&project.globals.target) };
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
fn show() {
    for text in ["{{ var('dyas') }}", "{{ env_var('HOEM') }}", "{{ targt.name }}", "{{ ref('a') }}", "a {{ var('days' }}", "{{ 1 + }}", "{{ target.x.y }} ", "x {{ nope }}", "{{ 'a' | nope }}"] {
        println!("=== {text}\n{}\n", rendered(text));
    }
}
