//! Generic tests of the project, and what their declarations say.

use super::*;
use crate::diagnostic::Span;

const WITHIN: &str = "{% test within(model, column_name, low=0, to=none) %}\nselect * from {{ model }} \
    where {{ column_name }} < {{ low }}{% if to %} and id in (select id from {{ to }}){% endif %}\n{% endtest %}";

fn project() -> Project {
    let mut project = Project::new("").macros("tests/generic/within.sql", WITHIN);
    project.node.source = SourceText::new(
        "models/gold/gold.yaml",
        "tests:\n  - within:\n      to: ref('customers')\n      low: \"{{ var('days') * 2 }}\"\n",
    );
    project
}

fn place(project: &Project) -> Span {
    Span::find(&project.node.source, "within").unwrap()
}

#[test]
fn a_test_of_the_project_is_known_by_its_parameters() {
    let project = project().package("tools", "tools/t.sql", "{% data_test other(model, **x) %}{% enddata_test %}");
    assert_eq!(
        shown(&project.templates().unwrap_err()).lines().next().unwrap(),
        "error[E0201]: this `{% data_test %}` has no name and parameters"
    );
    let project =
        self::project().package("tools", "tools/t.sql", "{% data_test other(model) %}{{ kwargs }}{% enddata_test %}");
    let templates = project.templates().unwrap();
    let info = templates.generic_test("within").unwrap();
    assert_eq!(info.parameters, ["model", "column_name", "low", "to"]);
    assert_eq!(info.required, ["model", "column_name"]);
    assert!(!info.takes_any);
    assert!(templates.generic_test("tools.other").unwrap().takes_any);
    assert!(templates.generic_test("nope").is_none());
    assert_eq!(templates.generic_test_names().collect::<Vec<_>>(), ["within", "other"]);
}

#[test]
fn arguments_that_are_jinja_mean_their_value() {
    let project = project();
    let arguments = object(json!({
        "model": "\"gold\".\"orders\"", "column_name": "amount", "low": "{{ var('days') * 2 }}", "to": "ref('customers')",
    }));
    let templates = project.templates().unwrap();
    assert_eq!(
        templates.compile_generic_test("within", &arguments, &project.node, &project.context()).unwrap(),
        "\nselect * from \"gold\".\"orders\" where amount < 6 and id in (select id from \"gold\".\"customers\")\n"
    );
}

#[test]
fn refs_in_arguments_are_found_where_they_stand() {
    let project = project();
    let arguments = object(
        json!({"to": "ref('customers')", "low": "{{ var('days') * 2 }}", "values": ["ref", {"x": "{{ source('a', 'b') }}"}]}),
    );
    let extracted =
        project.templates().unwrap().extract_arguments(&arguments, &project.node, Some(&place(&project))).unwrap();
    assert_eq!(extracted.refs.len(), 1);
    let span = extracted.refs[0].span.as_ref().unwrap();
    assert_eq!(
        (span.source.line_column(span.range.start), &span.source.text[span.range.clone()]),
        ((3, 11), "ref('customers')")
    );
    // Written differently in the file, so the declaration is the place.
    assert_eq!(extracted.sources[0].span, Some(place(&project)));
}

#[test]
fn refs_in_the_test_itself_are_found_too() {
    let project = Project::new("").macros(
        "tests/generic/t.sql",
        "{% test t(model) %}select * from {{ model }} join {{ ref('rates') }}{% endtest %}",
    );
    let extracted = project
        .templates()
        .unwrap()
        .extract_generic_test("t", &object(json!({"model": "x"})), &project.node, None)
        .unwrap();
    assert_eq!(extracted.refs[0].name, "rates");
}

#[test]
fn mistakes_in_arguments_and_tests_have_places() {
    let project = project();
    let templates = project.templates().unwrap();
    let place = place(&project);
    let arguments = [
        json!({"to": "ref('customers', v=1)"}),
        json!({"low": "{{ var('days') * 2 }"}),
        json!({"low": "{{ env_var('X') }}", "to": "{{ nope() }}"}),
    ];
    let extract =
        |arguments| shown(&templates.extract_arguments(&object(arguments), &project.node, Some(&place)).unwrap_err());
    let told = arguments.map(extract).join("\n\n");
    insta::assert_snapshot!(told, @r##"
    error[E0202]: `ref()` of a version: models have no versions here
     --> models/gold/gold.yaml:2:5
      |
    2 |   - within:
      |     ^^^^^^
      |
      = hint: write it as `ref('model')` or `ref('package', 'model')`

    error[E0201]: unexpected `}`, expected end of variable block
     --> models/gold/gold.yaml:4:32
      |
    4 |       low: "{{ var('days') * 2 }}"
      |                                ^

    error[E0204]: the environment variable `X` is not set
     --> models/gold/gold.yaml:2:5
      |
    2 |   - within:
      |     ^^^^^^
      |
      = hint: set it, or give a default: `env_var('X', 'default')`
    error[E0205]: `nope` is undefined
     --> models/gold/gold.yaml:2:5
      |
    2 |   - within:
      |     ^^^^^^
    "##);
    let tests = [
        ("within", json!({"model": "x", "colum_name": "y"})),
        ("withn", json!({"model": "x"})),
        ("within", json!({"model": "x", "column_name": "y", "low": "{{ nope + 1 }}"})),
    ];
    let compile = |(name, arguments): (&str, Value)| {
        let arguments = object(arguments);
        shown(&templates.compile_generic_test(name, &arguments, &project.node, &project.context()).unwrap_err())
    };
    let told = tests.map(compile).join("\n\n");
    insta::assert_snapshot!(told, @r##"
    error[E0202]: test `within` has no parameter `colum_name`
    --> models/gold/gold.yaml
     = hint: did you mean `column_name`?

    error[E0501]: no test is named `withn`
     |
     = hint: did you mean `within`?

    error[E0205]: `nope` is undefined
    --> models/gold/gold.yaml
    "##);
}
