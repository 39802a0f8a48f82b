//! What is asked about as a user writes it: a table, by one word or two, and maybe a column of it.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, or_list};
use crate::graph::{Graph, NodeId, NodeKind};

/// A word between dots, in double quotes or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    is_quoted: bool,
}

impl Word {
    /// As SQL has it: what is not in quotes means small and capital letters alike.
    fn is_alike(&self, name: &str) -> bool {
        if self.is_quoted { self.text == name } else { self.text.eq_ignore_ascii_case(name) }
    }

    /// The one of `names` that is meant: the same before one that is alike.
    pub(super) fn find<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let same = names.iter().find(|name| **name == self.text);
        same.or_else(|| names.iter().find(|name| self.is_alike(name))).copied()
    }
}

/// The words of a target; a dot in quotes parts nothing.
pub(super) fn words(target: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word { text: String::new(), is_quoted: false };
    let mut is_inside = false;
    let mut letters = target.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_inside && letters.next_if_eq(&'"').is_some() => word.text.push('"'),
            '"' => {
                is_inside = !is_inside;
                word.is_quoted = true;
            }
            '.' if !is_inside => {
                let next = Word { text: String::new(), is_quoted: false };
                words.push(std::mem::replace(&mut word, next));
            }
            letter => word.text.push(letter),
        }
    }
    words.push(word);
    words
}

/// The node a target names, and the column if it names one.
pub(super) fn find(graph: &Graph, target: &str) -> Result<(NodeId, Option<Word>), Diagnostic> {
    let words = words(target.strip_prefix("source:").unwrap_or(target));
    let found = match words.as_slice() {
        [name] => named(graph, name).map(|id| (id, &[][..])),
        [first, second, rest @ ..] => {
            table(graph, first, second).map(|id| (id, rest)).or_else(|| named(graph, first).map(|id| (id, &words[1..])))
        }
        [] => None,
    };
    let Some((id, column)) = found else { return Err(unknown(graph, &words)) };
    match column {
        [] => Ok((id, None)),
        [only] if only.text.is_empty() => {
            let message = format!("`{target}` ends with a dot, and no column behind it");
            let table = target.trim_end_matches('.');
            Err(Diagnostic::error(Code::UnknownColumn, message).hint(format!("`{table}` is all of its columns")))
        }
        [only] => Ok((id, Some(only.clone()))),
        // A name with dots in it.
        several => {
            let text = several.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(".");
            Ok((id, Some(Word { text, is_quoted: several.iter().any(|word| word.is_quoted) })))
        }
    }
}

/// A model or a seed by its name alone.
fn named(graph: &Graph, word: &Word) -> Option<NodeId> {
    let is_alike = |id: &NodeId| {
        let node = graph.node(*id);
        matches!(node.kind, NodeKind::Model(_) | NodeKind::Seed(_)) && word.is_alike(&node.name)
    };
    graph.by_ref(&word.text).or_else(|| graph.ids().find(is_alike))
}

/// A model or seed with its layer, or a source with its name.
fn table(graph: &Graph, first: &Word, second: &Word) -> Option<NodeId> {
    let is = |id: &NodeId, is_meant: fn(&Word, &str) -> bool| {
        let node = graph.node(*id);
        let names = match &node.kind {
            NodeKind::Source(source) => Some((source.name.source.as_str(), source.name.table.as_str())),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
                node.relation().map(|relation| (relation.layer(), relation.name()))
            }
        };
        names.is_some_and(|(schema, name)| is_meant(first, schema) && is_meant(second, name))
    };
    let same = graph.ids().find(|id| is(id, |word, name| word.text == name));
    same.or_else(|| graph.ids().find(|id| is(id, Word::is_alike)))
}

fn unknown(graph: &Graph, words: &[Word]) -> Diagnostic {
    let shown = words.iter().take(2).map(|word| word.text.as_str()).collect::<Vec<_>>().join(".");
    let wrong = Diagnostic::error(Code::UnknownSelection, format!("no model, seed or source is named `{shown}`"));
    let is_table = |id: &NodeId| !matches!(graph.node(*id).kind, NodeKind::Test(_) | NodeKind::Exposure(_));
    let tables: Vec<NodeId> = graph.ids().filter(is_table).collect();
    let column = if let [_, column] = words { format!(".{}", column.text) } else { String::new() };
    // A source needs its own name before that of its table.
    let is_bare = |id: &&NodeId| match (&graph.node(**id).kind, words) {
        (NodeKind::Source(source), [first, ..]) => first.is_alike(&source.name.table),
        _ => false,
    };
    let bare: Vec<String> =
        tables.iter().filter(is_bare).map(|id| format!("{}{column}", graph.node(*id).label())).collect();
    if !bare.is_empty() {
        return wrong.hint(format!("did you mean {}?", or_list(&bare)));
    }
    let mut known = BTreeSet::new();
    for id in tables {
        let node = graph.node(id);
        known.insert(node.label());
        if !matches!(node.kind, NodeKind::Source(_)) {
            known.insert(format!("{}{column}", node.name));
        }
    }
    wrong.nearest(&shown, known.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_quotes_parts_nothing() {
        let told = |target: &str| words(target).into_iter().map(|word| (word.text, word.is_quoted)).collect::<Vec<_>>();
        let word = |text: &str, is_quoted| (text.to_owned(), is_quoted);
        assert_eq!(told("gold.\"a.b\".C"), [word("gold", false), word("a.b", true), word("C", false)]);
        assert_eq!(told("l2.\"say \"\"x\"\"\""), [word("l2", false), word("say \"x\"", true)]);
        assert_eq!(told("l2."), [word("l2", false), word("", false)]);
    }
}
