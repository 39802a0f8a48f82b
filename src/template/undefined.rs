//! Finds which name of a failed expression means nothing, so that the caret stands under it.

use std::collections::HashSet;
use std::ops::Range;

use minijinja::machinery::ast::Expr;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

use super::syntax::{self, Visit};

pub(super) const FILTERS: &[&str] = &[
    "abs",
    "as_bool",
    "as_native",
    "as_number",
    "as_text",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "is_list",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
    "zip",
];

pub(super) const TESTS: &[&str] = &[
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// The expression that the template engine names as undefined: `` `a.b` is undefined ``.
pub(super) fn expression(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once('`')?;
    let (expression, _) = rest.split_once('`')?;
    Some(expression.to_owned())
}

/// The first name within the tag around `range` that is neither known nor assigned in the text.
pub(super) fn unknown_name(
    text: &str,
    range: &Range<usize>,
    known: &dyn Fn(&str) -> bool,
) -> Option<(String, Range<usize>)> {
    let around = tag_around(text, range);
    let tree = parse(text, "", SyntaxConfig::default()).ok()?;
    let mut walk = Names { used: Vec::new(), assigned: HashSet::new() };
    syntax::statement(&tree, &mut walk);
    let Names { used, assigned } = walk;
    let within = |name: &Range<usize>, outer: &Range<usize>| name.start >= outer.start && name.end <= outer.end;
    let unknown = |name: &str| !assigned.contains(name) && !known(name);
    let candidates: Vec<(&str, Range<usize>)> =
        used.into_iter().filter(|(name, place)| within(place, &around) && unknown(name)).collect();
    let exact = candidates.iter().find(|(_, place)| within(place, range));
    exact.or(candidates.first()).map(|(name, place)| ((*name).to_owned(), place.clone()))
}

/// From the `{{` or `{%` before a range to the end of its tag.
fn tag_around(text: &str, range: &Range<usize>) -> Range<usize> {
    let before = &text[..range.start.min(text.len())];
    let start = before.rfind("{{").max(before.rfind("{%")).unwrap_or(range.start);
    let after = &text[range.end.min(text.len())..];
    let end = [after.find("}}"), after.find("%}")].into_iter().flatten().min();
    start..end.map_or(text.len(), |end| range.end + end)
}

struct Names<'a> {
    used: Vec<(&'a str, Range<usize>)>,
    assigned: HashSet<&'a str>,
}

impl<'a> Visit<'a> for Names<'a> {
    fn enter(&mut self, expr: &Expr<'a>) {
        if let Expr::Var(name) = expr {
            let span = name.span();
            self.used.push((name.id, span.start_offset as usize..span.end_offset as usize));
        }
    }

    fn assigned(&mut self, name: &'a str) {
        self.assigned.insert(name);
    }
}
