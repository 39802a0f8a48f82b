//! `paginate:` of a source's table.

use super::fields::Fields;
use super::http_reader::json_path;
use super::http_source::Paginate;
use super::json_path::JsonPath;
use super::yaml::NodeKind;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn paginate(fields: &mut Fields<'_>) -> (Paginate, Option<usize>) {
    let nothing = (Paginate::None, None);
    let Some(node) = fields.node("paginate") else { return nothing };
    if matches!(&node.kind, NodeKind::String(text) if text == "none") {
        return nothing;
    }
    let Some(mut inner) = fields.fields("paginate", "`paginate`") else { return nothing };
    let max_pages = inner.count("max_pages");
    let ways = ["link_header", "next_url", "cursor", "page", "offset", "keyset"];
    let given: Vec<&str> = ways.into_iter().filter(|way| inner.entry(way).is_some()).collect();
    let read = match given.as_slice() {
        ["link_header"] => inner.string("link_header").map(|(rel, _)| Paginate::LinkHeader { rel }),
        ["next_url"] => {
            inner.string("next_url").and_then(|(text, node)| json_path(&text, node, &mut inner)).map(Paginate::NextUrl)
        }
        ["cursor"] => from_to(&mut inner, "cursor").map(|(from, to)| Paginate::Cursor { from, to }),
        ["keyset"] => from_to(&mut inner, "keyset").map(|(from, to)| Paginate::Keyset { from, to }),
        ["page"] => counted(&mut inner, "page"),
        ["offset"] => counted(&mut inner, "offset"),
        [] => {
            let span = inner.span().clone();
            inner.push(
                Diagnostic::error(Code::Config, "`paginate` does not say how")
                    .label(span, "expected one of `link_header`, `next_url`, `cursor`, `page`, `offset` and `keyset`"),
            );
            None
        }
        [_, second, ..] => {
            let span = inner.entry(given_name(second)).map(|(key, _)| key.span.clone());
            let span = span.unwrap_or_else(|| inner.span().clone());
            inner.push(Diagnostic::error(Code::Config, "`paginate` goes one way").label(span, "a second one"));
            None
        }
        [_] => None,
    };
    inner.finish(fields.found());
    (read.unwrap_or(Paginate::None), max_pages)
}

fn given_name(name: &str) -> &'static str {
    ["next_url", "cursor", "page", "offset", "keyset"].into_iter().find(|known| *known == name).unwrap_or("link_header")
}

fn from_to(fields: &mut Fields<'_>, name: &'static str) -> Option<(JsonPath, String)> {
    let mut inner = fields.fields(name, "a way to the next page")?;
    let from = inner.required_string("from").and_then(|(text, node)| json_path(&text, node, &mut inner));
    let to = inner.required_string("to").and_then(|(text, node)| match text.strip_prefix("query.") {
        Some(param) if !param.is_empty() => Some(param.to_owned()),
        _ => {
            inner.push(
                Diagnostic::error(Code::Config, "`to` names a parameter of the query")
                    .label(node.span.clone(), "expected `query.<name>`"),
            );
            None
        }
    });
    inner.finish(fields.found());
    Some((from?, to?))
}

fn counted(fields: &mut Fields<'_>, name: &'static str) -> Option<Paginate> {
    let mut inner = fields.fields(name, "a way to the next page")?;
    let param = inner.string("param").map_or_else(|| name.to_owned(), |(param, _)| param);
    let read = if name == "page" {
        let start = inner.whole("start").map_or(1, |start| start as u64);
        let size = inner.count("size").map(|size| size as u64);
        let size_param = inner.string("size_param").map(|(param, _)| param);
        Some(Paginate::Page { param, start, size, size_param })
    } else {
        let limit_param = inner.string("limit_param").map(|(param, _)| param);
        match inner.count("limit") {
            Some(limit) => Some(Paginate::Offset { param, limit: limit as u64, limit_param }),
            None => {
                let span = inner.span().clone();
                inner.push(
                    Diagnostic::error(Code::Config, "`offset` needs `limit`")
                        .label(span, "how many records a page has"),
                );
                None
            }
        }
    };
    inner.finish(fields.found());
    read
}
