//! Mistakes in the query of a generic test, which the user has not written: they stand in the column, an argument or a
//! setting that is declared in YAML, or in the file of a test of the project's own.

use serde_json::Value;

use super::mistake::Around;
use super::sql::{Described, Word};
use super::words::word_places;
use super::{Code, Diagnostic, Diagnostics, Place, Span};
use crate::execution::Context;
use crate::graph::{NodeKind, TestKind, TestNode};
use crate::project::ColumnProperties;

const IN_TEST: &str = "in the query of this test";

/// Settings of a test that are SQL.
const SQL_SETTINGS: &[&str] = &["where", "fail_calc"];

impl Place<'_> {
    /// The mistake at the place where the test is declared, or in the test's own file.
    pub(super) async fn in_declared(&self, test: &TestNode, mut described: Described, around: &Around) -> Diagnostic {
        let word = described.word.as_ref().map(Word::text).map(str::to_owned);
        let bytes = self.bytes(&described, around);
        self.name_tables(test, &mut described);
        let is_of_values = matches!(&test.kind, TestKind::Generic { test, .. } if test == "accepted_values");
        if is_of_values && described.code == Code::Execution {
            described.hints = vec!["values that are no texts are written as they are, with `quote: false`".to_owned()];
        }
        let place = test.place.as_ref();
        let message = described.message.clone();
        let told = |message: String| {
            let mut diagnostic = Diagnostic::error(described.code, message);
            diagnostic.notes.clone_from(&described.notes);
            diagnostic.hints.clone_from(&described.hints);
            diagnostic
        };
        if let (Code::UnknownColumn, Some(name), Some((label, column))) =
            (described.code, &word, tested_column(self.context, test))
            && column.name == *name
        {
            return told(format!("`{label}` has no column `{name}`")).label_or_file(
                column.place.clone(),
                "tested here",
                &self.path(),
            );
        }
        if let (Some(name), Some(place)) = (&word, place)
            && let Some((span, is_column)) = said_in(test, place, name)
        {
            let attached = test.attached.map(|id| self.context.graph.node(id).label());
            return match attached.filter(|_| is_column && described.code == Code::UnknownColumn) {
                Some(label) => told(format!("`{label}` has no column `{name}`")).label(span, "tested here"),
                None => told(message).label(span, ""),
            };
        }
        let origin = match bytes.clone() {
            Some(bytes) => self.origin(bytes).await,
            None => None,
        };
        if let (Some(origin), Some(bytes)) = (origin.filter(|origin| origin.is_verbatim), bytes) {
            let rendered = self.rendered(described.code, &origin, &bytes);
            let diagnostic = self.at(told(message), origin).note_opt(rendered);
            return match place {
                Some(place) => diagnostic.secondary(place.clone(), "called from here"),
                None => diagnostic,
            };
        }
        let filter = test.config.get("where").and_then(Value::as_str);
        if let (Code::SqlSyntax, Some(filter), Some(place)) = (described.code, filter, place) {
            let span = after(place, filter).unwrap_or_else(|| place.clone());
            let message = "SQL syntax: `where` of this test is not a condition";
            return Diagnostic::error(Code::SqlSyntax, message)
                .label(span, "")
                .hint("it stands behind `where` in a query, as in `amount > 0`");
        }
        told(message).label_or_file(place.cloned(), IN_TEST, &self.path())
    }

    /// What is wrong with what a generic test reads, with the place of the test.
    pub(super) fn at_declaration(&self, found: Diagnostics) -> Diagnostics {
        let test = self.context.graph.node(self.id).as_test();
        let generic = test.filter(|test| matches!(test.kind, TestKind::Generic { .. }));
        let Some(place) = generic.and_then(|test| test.place.as_ref()) else { return found };
        let told = |mut diagnostic: Diagnostic| {
            if diagnostic.path().is_some_and(|path| path != place.source.path) {
                return diagnostic.secondary(place.clone(), IN_TEST);
            }
            diagnostic.file = None;
            diagnostic.label(place.clone(), IN_TEST)
        };
        found.into_iter().map(told).collect()
    }

    /// `child` and `parent` are names that nobody wrote.
    fn name_tables(&self, test: &TestNode, described: &mut Described) {
        let graph = &self.context.graph;
        let label = |id| graph.node(id).label();
        let parent = graph.parents(self.id).iter().find(|parent| Some(**parent) != test.attached).copied();
        let names = [("child", test.attached), ("parent", parent.or(test.attached))];
        for (ours, theirs) in names.into_iter().filter_map(|(ours, id)| Some((ours, label(id?)))) {
            let begin = format!("`{ours}` has no column");
            if let Some(rest) = described.message.strip_prefix(&begin) {
                described.message = format!("`{theirs}` has no column{rest}");
            }
        }
    }
}

/// Where an argument or a setting of a test says a word, and whether it is the name of the tested column.
fn said_in(test: &TestNode, place: &Span, word: &str) -> Option<(Span, bool)> {
    let TestKind::Generic { arguments, .. } = &test.kind else { return None };
    let settings = SQL_SETTINGS.iter().filter_map(|key| Some((*key, test.config.get(*key)?.as_str()?)));
    let arguments = arguments.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let (key, text) = settings.chain(arguments).find(|(_, text)| word_places(text, word).next().is_some())?;
    let written = after(place, text)?;
    let at = written.range.start + word_places(text, word).next()?;
    Some((Span::new(&written.source, at..at + word.len()), key == "column_name"))
}

/// The next place of a text in a file.
fn after(place: &Span, text: &str) -> Option<Span> {
    let from = place.range.end;
    let start = from + word_places(place.source.text.get(from..)?, text).next()?;
    Some(Span::new(&place.source, start..start + text.len()))
}

/// The column a test is declared under, and the table it is of.
fn tested_column<'a>(context: &'a Context, test: &TestNode) -> Option<(String, &'a ColumnProperties)> {
    let node = context.graph.node(test.attached?);
    let columns = match &node.kind {
        NodeKind::Model(model) => &*model.properties.columns,
        NodeKind::Seed(seed) => &*seed.properties.columns,
        NodeKind::Source(table) => table.columns.as_slice(),
        NodeKind::Test(_) | NodeKind::Exposure(_) => return None,
    };
    let name = test.column.as_ref()?;
    columns.iter().find(|column| column.name == *name).map(|column| (node.label(), column))
}
