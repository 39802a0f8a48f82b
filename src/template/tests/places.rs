//! The way back from the output to the template.

use super::*;

fn back(template: &str, needle: &str) -> String {
    let project = Project::new(template).macros("macros/m.sql", "{% macro m() %}id,\n name{% endmacro %}");
    let templates = project.templates().unwrap();
    let map = templates.source_map(&project.node, &project.context()).unwrap();
    let at = map.output.find(needle).unwrap_or_else(|| panic!("{needle} is not in {}", map.output));
    let span = map.span(at..at + needle.len()).unwrap();
    let (line, column) = span.source.line_column(span.range.start);
    format!("{line}:{column} {}", &span.source.text[span.range])
}

#[test]
fn text_leads_to_itself_and_output_to_its_expression() {
    let template =
        "{{ config(tags=['a', 'b']) }}\nselect {{ m() }}, amount\nfrom {{ ref('orders') }} where ámount > 1\n";
    assert_eq!(back(template, "amount"), "2:19 amount");
    assert_eq!(back(template, "name"), "2:11 m()");
    assert_eq!(back(template, "\"orders\""), "3:9 ref('orders')");
    assert_eq!(back(template, "ámount > 1"), "3:32 ámount > 1");
    assert_eq!(back(template, "from \"gold\""), "3:1 from {{ ref('orders')");
}

#[test]
fn loops_and_plain_text_lead_back() {
    let template = "{% for c in ['x', 'y'] %}\n  {{ c }} as col_{{ c }},\n{% endfor %}\n  1";
    assert_eq!(back(template, "y as"), "2:6 c }} as");
    assert_eq!(back(template, "col_"), "2:14 col_");
    assert_eq!(back("select 1\nfrom b\n", "from b"), "2:1 from b");
}
