//! The macros of the project as the manifest has them, and which of them a template calls.
//!
//! Both are found by looking at a template's tags. What is looked for is a name, so this need not understand Jinja as
//! `template` does: a call that no render reaches counts, a name put together from strings does not.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value, json};

use crate::project::MacroFile;

/// All macros, with their names as other files write them.
pub(super) struct Macros<'a> {
    items: Vec<Macro<'a>>,
    by_name: BTreeMap<String, Vec<usize>>,
}

struct Macro<'a> {
    unique_id: String,
    name: String,
    package: &'a str,
    path: &'a str,
    /// From the opening to the closing tag.
    sql: &'a str,
}

impl<'a> Macros<'a> {
    pub(super) fn read(files: &'a [MacroFile]) -> Self {
        let mut macros = Self { items: Vec::new(), by_name: BTreeMap::new() };
        for file in files {
            for (name, range) in declarations(&file.source.text) {
                macros.by_name.entry(name.clone()).or_default().push(macros.items.len());
                macros.items.push(Macro {
                    unique_id: format!("macro.{}.{name}", file.package),
                    name,
                    package: &file.package,
                    path: &file.source.path,
                    sql: &file.source.text[range],
                });
            }
        }
        macros
    }

    pub(super) fn entries(&self, created_at: f64) -> Map<String, Value> {
        self.items.iter().map(|item| (item.unique_id.clone(), self.entry(item, created_at))).collect()
    }

    fn entry(&self, item: &Macro<'_>, created_at: f64) -> Value {
        let called: Vec<&str> =
            self.called(item.sql, item.package).into_iter().filter(|id| *id != item.unique_id).collect();
        json!({
            "name": item.name,
            "resource_type": "macro",
            "package_name": item.package,
            "path": item.path,
            "original_file_path": item.path,
            "unique_id": item.unique_id,
            "macro_sql": item.sql,
            "depends_on": {"macros": called},
            "description": "",
            "meta": {},
            "docs": {"show": true, "node_color": null},
            "patch_path": null,
            "arguments": [],
            "created_at": created_at,
            "supported_languages": null,
        })
    }

    /// The unique ids of the macros that a template of `package` calls, in the order of their first calls.
    pub(super) fn called(&self, template: &str, package: &str) -> Vec<&str> {
        let mut found = Vec::new();
        for tag in tags(template).filter(|tag| tag.declares().is_none()) {
            for call in calls(tag.inner) {
                if let Some(id) = self.resolve(call, package)
                    && !found.contains(&id)
                {
                    found.push(id);
                }
            }
        }
        found
    }

    /// The unique id behind `name`, first in the package itself, or `package.name`.
    pub(super) fn resolve(&self, call: &str, package: &str) -> Option<&str> {
        let (wanted, name) = match call.split_once('.') {
            Some((wanted, name)) => (Some(wanted), name),
            None => (None, call),
        };
        let candidates = self.by_name.get(name)?;
        let in_package = |package: &str| candidates.iter().find(|index| self.items[**index].package == package);
        let found = match wanted {
            Some(wanted) => in_package(wanted),
            None => in_package(package).or(candidates.first()),
        };
        found.map(|index| self.items[*index].unique_id.as_str())
    }
}

/// Name and place of every macro in a file; a generic test is the macro `test_<name>`.
fn declarations(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    let mut tags = tags(text);
    while let Some(tag) = tags.next() {
        let Some((keyword, name)) = tag.declares() else { continue };
        let name = if keyword == "macro" { name.to_owned() } else { format!("test_{name}") };
        let closing = format!("end{keyword}");
        let mut depth = 1_usize;
        let end = tags.by_ref().find_map(|inner| {
            match inner.word() {
                word if word == keyword => depth += 1,
                word if word == closing => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(inner.range.end)
        });
        if let Some(end) = end {
            found.push((name, tag.range.start..end));
        }
    }
    found
}

/// `{{ inner }}` or `{% inner %}`.
struct Tag<'a> {
    range: Range<usize>,
    inner: &'a str,
    is_block: bool,
}

impl<'a> Tag<'a> {
    /// The first word of a block, such as `set`.
    fn word(&self) -> &'a str {
        if self.is_block { leading_word(self.inner) } else { "" }
    }

    /// The keyword and name of a macro or generic test that begins here.
    fn declares(&self) -> Option<(&'a str, &'a str)> {
        let keyword = self.word();
        if !["macro", "test", "data_test"].contains(&keyword) {
            return None;
        }
        let name = leading_word(self.inner[keyword.len()..].trim_start());
        (!name.is_empty()).then_some((keyword, name))
    }
}

/// The tags of a template in their order; comments and what `raw` protects are not among them.
fn tags(text: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find('{')?;
            let body = start + 2;
            let is_block = match text.as_bytes().get(start + 1) {
                Some(b'#') => {
                    at = body + text[body..].find("#}")? + 2;
                    continue;
                }
                Some(b'%') => true,
                Some(b'{') => false,
                _ => {
                    at = start + 1;
                    continue;
                }
            };
            let length = length(&text[body..], if is_block { "%}" } else { "}}" })?;
            at = body + length + 2;
            let inner = text[body..body + length].trim_matches(['-', '+']).trim();
            if is_block && inner == "raw" {
                let end = at + text[at..].find("endraw")?;
                at = end + text[end..].find("%}")? + 2;
                continue;
            }
            return Some(Tag { range: start..at, inner, is_block });
        }
    })
}

/// How far it is to the end of a tag, which does not count within a string or a mapping.
fn length(text: &str, closing: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        if depth == 0 && text.as_bytes()[at..].starts_with(closing.as_bytes()) {
            return Some(at);
        }
        match byte {
            b'\'' | b'"' => at += string_length(&text[at..])? - 1,
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The length of the string literal that `text` begins with, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if *byte == bytes[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// What is called within a tag: `name` or `package.name`. A filter is no call of a macro.
fn calls(inner: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let first = inner[at..].chars().next()?;
            if first == '\'' || first == '"' {
                at += string_length(&inner[at..])?;
                continue;
            }
            let path = inner[at..].find(|next| !is_word(next) && next != '.').unwrap_or(inner.len() - at);
            if path == 0 {
                at += first.len_utf8();
                continue;
            }
            let start = at;
            at += path;
            let is_filter = inner[..start].trim_end().ends_with('|');
            if !is_filter && inner[at..].trim_start().starts_with('(') {
                return Some(&inner[start..at]);
            }
        }
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn leading_word(text: &str) -> &str {
    &text[..text.find(|next| !is_word(next)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceText;

    const FILE: &str = "\
{# {% macro no() %}{% endmacro %} #}
{%- macro cents(column, text='%}') -%}
  {{ round(column, {'a': {'b': 2}}) }} {{ 'unit(x)' }} {{ column | unit(1) }}
{%- endmacro %}
{% raw %}{% macro neither() %}{% endmacro %}{% endraw %}
{% test positive(model) %}{{ other.unit(model) }}{{ cents(1) }}{% endtest %}";

    fn files() -> Vec<MacroFile> {
        let file =
            |package: &str, path, text| MacroFile { package: package.to_owned(), source: SourceText::new(path, text) };
        vec![
            file("shop", "macros/money.sql", FILE),
            file("other", "macros/unit.sql", "{% macro unit(x) %}{% macro inner() %}{% endmacro %}{% endmacro %}"),
        ]
    }

    #[test]
    fn macros_are_found_with_their_text() {
        let files = files();
        let macros = Macros::read(&files);
        let ids: Vec<&str> = macros.items.iter().map(|item| item.unique_id.as_str()).collect();
        assert_eq!(ids, ["macro.shop.cents", "macro.shop.test_positive", "macro.other.unit"]);
        assert!(macros.items[0].sql.starts_with("{%- macro cents") && macros.items[0].sql.ends_with("{%- endmacro %}"));
        assert!(macros.items[2].sql.ends_with("{% endmacro %}{% endmacro %}"));
        assert_eq!(macros.resolve("test_positive", "shop"), Some("macro.shop.test_positive"));
        assert_eq!(macros.resolve("other.cents", "shop"), None);
    }

    #[test]
    fn calls_are_those_of_tags_and_of_the_right_package() {
        let files = files();
        let macros = Macros::read(&files);
        let called = |text| macros.called(text, "shop");
        assert_eq!(called("cents(1) {{ x | cents (1) }} {{ 'cents(1)' }} {# {{ cents(1) }} #}"), Vec::<&str>::new());
        assert_eq!(
            called("{{ unit(cents (1)) }} {% set a = shop.unit(1) %} {% do cents(2) %}"),
            ["macro.other.unit", "macro.shop.cents"]
        );
        assert_eq!(called(macros.items[1].sql), ["macro.other.unit", "macro.shop.cents"]);
        assert_eq!(called("{{ it's never closed"), Vec::<&str>::new());
    }
}
