//! The way back from the output to the template.

use super::*;
use crate::diagnostic::Span;

/// Where a part of the output is written, then a text in quotes, its use and the calls.
fn back(template: &str, macros: &str, needle: &str) -> String {
    let project = Project::new(template).macros("macros/m.sql", macros);
    let templates = project.templates().unwrap();
    let output = templates.compile(&project.node, &project.context()).unwrap();
    let trace = templates.trace(&project.node, &project.context(), &output).unwrap();
    let at = output.find(needle).unwrap_or_else(|| panic!("{needle} is not in {output}"));
    let origin = trace.origin(&output, at..at + needle.len()).unwrap();
    let shown = |span: &Span| {
        let (line, column) = span.source.line_column(span.range.start);
        let file = if span.source.path.starts_with("macros") { "m " } else { "" };
        format!("{file}{line}:{column} {}", &span.source.text[span.range.clone()])
    };
    let mut said = vec![shown(&origin.span)];
    said.extend(origin.text.iter().map(|text| format!("text {}", shown(text))));
    said.extend(origin.used.iter().map(|used| format!("used {}", shown(used))));
    said.extend(origin.calls.iter().map(|call| format!("call {}", shown(call))));
    said.join(", ")
}

#[test]
fn text_leads_to_itself_and_output_to_its_expression() {
    let template =
        "{{ config(tags=['a', 'b']) }}\nselect {{ m() }}, amount\nfrom {{ ref('orders') }} where ámount > 1\n";
    let back = |needle| back(template, "{% macro m() %}id,\n name{% endmacro %}", needle);
    assert_eq!(back("amount"), "2:19 amount");
    assert_eq!(back("name"), "m 2:2 name, call 2:11 m()");
    assert_eq!(back("\"orders\""), "3:9 ref('orders')");
    assert_eq!(back("ámount > 1"), "3:32 ámount > 1");
    assert_eq!(back("from \"gold\""), "3:1 from {{ ref('orders')");
}

#[test]
fn loops_and_plain_text_lead_back() {
    let template = "{% for c in ['x', 'y'] %}\n  {{ c }} as col_{{ c }},\n{% endfor %}\n  1";
    assert_eq!(back(template, "", "y as"), "2:6 c }} as");
    assert_eq!(back(template, "", "col_"), "2:14 col_");
    assert_eq!(back(template, "", "col_y"), "2:14 col_{{ c, text 1:20 y");
    assert_eq!(back("select 1\nfrom b\n", "", "from b"), "2:1 from b");
}

#[test]
fn a_text_in_quotes_is_followed_to_where_it_is_written() {
    let template = "{% set names = ['id', 'vat'] %}\nselect {% for name in names %}{{ name }}, {% endfor %} 1";
    assert_eq!(back(template, "", "vat"), "1:24 vat, used 2:34 name");
    let sums = "{% macro sums(names) %}{% for name in names %}sum({{ name }}), {% endfor %}{% endmacro %}";
    assert_eq!(back("select {{ sums(['id', 'vat']) }} 1", sums, "vat"), "1:24 vat, used m 1:54 name");
    assert_eq!(back("select {{ sums(['id', 'vat']) }} 1", sums, "sum"), "m 1:47 sum, call 1:11 sums(['id', 'vat'])");
    let own = "{% macro own() %}\n{% for name in ['id', 'vat'] %}\n, {{ name }}\n{% endfor %}{% endmacro %}";
    assert_eq!(back("select 1{{ own() }}", own, "vat"), "m 2:24 vat, used m 3:6 name, call 1:12 own()");
}

#[test]
fn a_body_handed_to_a_macro_is_followed() {
    let wrapped = "{% macro wrapped() %}select * from ({{ caller() | trim }}) as i{% endmacro %}";
    let template = "{% call wrapped() %}\n  select amont from x\n{% endcall %}";
    assert_eq!(back(template, wrapped, "amont"), "2:10 amont, call m 1:40 caller() | trim, call 1:9 wrapped()");
}

#[test]
fn a_template_that_looks_into_its_texts_is_followed_as_far_as_it_goes() {
    let template = "{% for name in ['b', 'a'] | sort %}{{ name }}x {{ name | length }}, {% endfor %}";
    assert_eq!(back(template, "", "ax"), "1:39 name }}x");
    let by = "{% macro by(how) %}{% if how == 'sum' %}sum(x){% else %}max(x){% endif %}{% endmacro %}";
    assert_eq!(back("select {{ by('sum') }}", by, "sum"), "m 1:41 sum, call 1:11 by('sum')");
}

#[test]
fn a_text_in_quotes_that_became_another_is_shown_whole() {
    assert_eq!(back("select {{ 'amo' ~ 'nt' }}", "", "amont"), "1:11 'amo' ~ 'nt'");
    let expected = "1:13 a_mont, used 1:33 c | replace('_', '')";
    assert_eq!(back("{% set c = 'a_mont' %}select {{ c | replace('_', '') }}", "", "amont"), expected);
    assert_eq!(back("select {{ '%s + %s' % ('id', 'vat') }}", "", "vat"), "1:31 vat");
    let columns = "{% macro columns() %}{{ return(['id', 'vat']) }}{% endmacro %}";
    assert_eq!(
        back("select {% for c in columns() %}{{ c }}, {% endfor %}1", columns, "vat"),
        "m 1:40 vat, used 1:35 c"
    );
}
