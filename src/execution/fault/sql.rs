//! Errors of the query engine in our words.
//!
//! It gives a kind and a place for few of them; for the others the first words of its message tell what is meant, and a
//! message we do not know is shown as it is, with the names of types in SQL.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{Column, Diagnostic as Told, SchemaError, Span as SqlSpan, TableReference};
use datafusion::error::DataFusionError;

use super::call;
use super::chain;
use super::data::data_mistake;
use super::elsewhere::written_here;
use super::planner;
use super::query::query_mistake;
use super::shape;
use super::syntax::{syntax_mistake, without_values};
use super::types::type_mistake;
use super::words::{between, code_only, lower_first, with_sql_types};
use crate::diagnostic::{Code, SourceText, Span, listed_columns, or_list};
use crate::execution::statement::Misuse;
use crate::names::{is_name, nearest};
use crate::storage::FILE_COLUMN;

/// So many tables are listed.
const LISTED_TABLES: usize = 12;

/// A place in the compiled SQL.
#[derive(Debug, Clone)]
pub(super) enum SqlRange {
    Lines(SqlSpan),
    /// The first word of the query.
    Start,
    /// The last character: the query ended too early.
    End,
}

impl SqlRange {
    pub(super) fn bytes(&self, compiled: &Arc<SourceText>) -> Range<usize> {
        let span = match self {
            Self::Lines(span) => span,
            Self::Start => {
                let code = code_only(&compiled.text);
                let start = code.len() - code.trim_start().len();
                let (line, column) = compiled.line_column(start);
                return Span::word_at(compiled, line, column).range;
            }
            Self::End => {
                let end = compiled.text.trim_end().len();
                return compiled.floor(end.saturating_sub(1))..end;
            }
        };
        let number = |number: u64| usize::try_from(number).unwrap_or(1);
        let start = compiled.offset(number(span.start.line), number(span.start.column));
        let end = compiled.offset(number(span.end.line), number(span.end.column));
        match end > start {
            true => start..end,
            false => Span::word_at(compiled, number(span.start.line), number(span.start.column)).range,
        }
    }
}

/// A word of the SQL that an error is about.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// Wrong wherever it stands: the first place is shown.
    Any(String),
    /// Shown only if it stands in one place.
    Only(String),
    /// A column, shown where it gets its name.
    Named(String),
    /// What stands in quotes.
    Text(String),
}

impl Word {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Any(word) | Self::Only(word) | Self::Named(word) | Self::Text(word) => word,
        }
    }
}

/// An error in our words.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) notes: Vec<String>,
    pub(super) hints: Vec<String>,
    pub(super) range: Option<SqlRange>,
    pub(super) word: Option<Word>,
    /// A word that is shown where the first stands in several places or in none.
    pub(super) or_word: Option<&'static str>,
    /// A constant that is shown if it stands in the expression in question.
    pub(super) value: Option<String>,
    /// A field that a struct does not have.
    pub(super) field: Option<String>,
}

impl Described {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let (notes, hints) = (Vec::new(), Vec::new());
        Self {
            code,
            message: message.into(),
            notes,
            hints,
            range: None,
            word: None,
            or_word: None,
            value: None,
            field: None,
        }
    }

    pub(super) fn of(misuse: &Misuse) -> Self {
        let mut described = Self::new(misuse.code, misuse.message.as_str()).hint(misuse.hint);
        described.range = SqlSpan::try_from_sqlparser_span(misuse.place).map(SqlRange::Lines);
        described
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn any(mut self, word: &str) -> Self {
        self.word = Some(Word::Any(word.to_owned()));
        self
    }

    pub(super) fn only(mut self, word: &str) -> Self {
        self.word = Some(Word::Only(word.to_owned()));
        self
    }

    pub(super) fn or_only(mut self, word: &'static str) -> Self {
        self.or_word = Some(word);
        self
    }

    pub(super) fn value(mut self, value: &str) -> Self {
        self.value = Some(value.to_owned());
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.word = Some(Word::Text(text.to_owned()));
        self
    }

    pub(super) fn nearest<'a>(self, wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let near = nearest(wanted, candidates);
        match near.is_empty() {
            true => self,
            false => self.hint(format!("did you mean {}?", or_list(&near))),
        }
    }
}

/// `missing` are tables that were asked for in vain, `functions` all there are.
pub(super) fn describe(error: &DataFusionError, missing: &[String], functions: &[String]) -> Described {
    let told = error.diagnostic();
    let mut described = match error.find_root() {
        DataFusionError::SchemaError(schema_error, _) => schema_mistake(schema_error, told),
        DataFusionError::SQL(parser_error, _) => return syntax_mistake(parser_error),
        root => text_mistake(&text_of(root), told, missing, functions),
    };
    let range = told.and_then(|told| {
        let noted = || told.notes.iter().find_map(|note| note.span);
        told.span.or_else(noted).map(SqlRange::Lines)
    });
    described.range = range.or(described.range);
    described
}

/// The message without the names of error kinds around it, and without a backtrace.
fn text_of(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::ResourcesExhausted(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::Internal(text) => text.clone(),
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::External(inner) => chain(inner.as_ref()),
        other => other.strip_backtrace(),
    };
    let text = text.split("\n   0:").next().unwrap_or(&text);
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    text.trim_start_matches("Error during planning: ").to_owned()
}

fn schema_mistake(error: &SchemaError, told: Option<&Told>) -> Described {
    match error {
        SchemaError::FieldNotFound { field, .. } if field.name.starts_with(planner::EXTRACTED) => planner::extracted(),
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.retain(|name| *name != FILE_COLUMN);
            if let Some(described) =
                field.relation.as_ref().and_then(|table| unknown_alias(table, &field.name, valid_fields))
            {
                return described;
            }
            let message = match &field.relation {
                Some(table) => format!("`{}` has no column `{}`", table.table(), field.name),
                None => format!("no column named `{}`", field.name),
            };
            let mut described = Described::new(Code::UnknownColumn, message).any(&field.name);
            if let Some(cased) = names.iter().find(|name| name.eq_ignore_ascii_case(&field.name)) {
                return described.hint(match cased.chars().any(char::is_uppercase) {
                    true => format!("write `\"{cased}\"`: without quotes a name is read in small letters"),
                    false => format!("write `{cased}`: in quotes a name keeps its capitals"),
                });
            }
            described = described.nearest(&field.name, names.iter().copied());
            if described.hints.is_empty() {
                described.notes.extend(listed_columns(&names));
            }
            described
        }
        // Of a column that two tables have, the tables are told.
        SchemaError::AmbiguousReference { field } if told.is_none() => twins(&field.name),
        SchemaError::AmbiguousReference { field } => {
            let message = format!("column `{}` is in more than one of the tables", field.name);
            let described = Described::new(Code::AmbiguousColumn, message).any(&field.name);
            let possible: Vec<String> = told
                .map(|told| told.notes.as_slice())
                .unwrap_or_default()
                .iter()
                .filter_map(|note| note.message.to_lowercase().strip_prefix("possible column ").map(str::to_owned))
                .collect();
            match possible.is_empty() {
                true => described.hint(format!("say which: `<table>.{}`", field.name)),
                false => described.hint(format!("say which: {}", or_list(&possible))),
            }
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            match error {
                SchemaError::DuplicateQualifiedField { qualifier, .. } => same_tables(qualifier),
                _ => twins(name),
            }
        }
    }
}

/// Two tables that go by one name.
fn same_tables(table: &TableReference) -> Described {
    let name = table.table();
    let mut described = Described::new(Code::Sql, format!("two tables of this query are called `{name}`"))
        .hint("give one of them another name with `as`");
    described.word = Some(Word::Named(name.to_owned()));
    described
}

/// A name before a column that is none of the query's tables; most often the table goes by an alias.
fn unknown_alias(table: &TableReference, name: &str, columns: &[Column]) -> Option<Described> {
    // Of a subquery the tables around it are not told: only one that has the column is meant.
    if !columns.iter().any(|column| column.name == name) {
        return None;
    }
    let mut names: Vec<&str> = columns.iter().filter_map(|column| Some(column.relation.as_ref()?.table())).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.contains(&table.table()) {
        return None;
    }
    // A subquery that was to become a join: the optimizer has names of its own for it.
    if names.iter().any(|name| name.starts_with("__")) {
        let message = "this subquery reads the query around it in a way that cannot be made a join";
        return Some(Described::new(Code::Sql, message).only("exists").hint(
            "move the condition from `on` to `where`, or compute its value for all rows in a `with`, and join that",
        ));
    }
    let listed: Vec<String> = names.iter().take(LISTED_TABLES).map(|name| format!("`{name}`")).collect();
    let message = format!("no table of this query is called `{}`", table.table());
    let described = Described::new(Code::UnknownColumn, message).any(table.table());
    Some(described.hint(match listed.as_slice() {
        [only] => format!("here it is {only}"),
        _ => format!("they are {}", listed.join(", ")),
    }))
}

pub(super) fn twins(name: &str) -> Described {
    let mut described = Described::new(Code::AmbiguousColumn, format!("two columns are called `{name}`"))
        .hint("give one of them another name with `as`");
    described.word = Some(Word::Named(name.to_owned()));
    described
}

/// Errors that are given as text only.
fn text_mistake(text: &str, told: Option<&Told>, missing: &[String], functions: &[String]) -> Described {
    name_mistake(text, missing, functions)
        .or_else(|| call::mistake(text))
        .or_else(|| type_mistake(text))
        .or_else(|| query_mistake(text, told))
        .or_else(|| shape::mistake(text))
        .or_else(|| planner::refused(text))
        .or_else(|| data_mistake(text))
        .unwrap_or_else(|| {
            let first = without_values(text.lines().next().unwrap_or(text));
            let code = if text.to_lowercase().contains("coerc") { Code::Type } else { Code::Sql };
            let described = Described::new(code, lower_first(with_sql_types(&first).trim_end_matches(['.', ':', ' '])));
            match quoted_word(text) {
                Some(word) => described.only(&word),
                None => described,
            }
        })
}

fn name_mistake(text: &str, missing: &[String], functions: &[String]) -> Option<Described> {
    if let Some(name) = text.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        if functions.iter().any(|function| function.eq_ignore_ascii_case(name)) {
            let message = format!("`{name}` is a window function: it needs `over (...)`");
            return Some(Described::new(Code::Sql, message).any(name));
        }
        let described = Described::new(Code::UnknownFunction, format!("no function named `{name}`")).any(name);
        return Some(match written_here(name) {
            Some(hint) => described.hint(hint),
            None => described.nearest(name, functions.iter().map(String::as_str)),
        });
    }
    if let Some(name) = text.strip_prefix("table function '").and_then(|rest| rest.split('\'').next()) {
        return Some(Described::new(Code::UnknownFunction, format!("no table function named `{name}`")).any(name));
    }
    if let Some(name) = text.strip_prefix("table '").and_then(|rest| rest.split('\'').next()) {
        let short = name.trim_start_matches("warehouse.").trim_start_matches("public.");
        let shown = missing.iter().find(|missing| missing.ends_with(short)).map_or(short, String::as_str);
        let described = Described::new(Code::UnknownTable, format!("no table named `{shown}`"));
        return Some(
            described
                .any(shown.rsplit('.').next().unwrap_or(shown))
                .hint("name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`"),
        );
    }
    if let Some(field) = between(text, "Field ", " not found in struct") {
        let message = format!("the struct has no field `{field}`");
        return Some(Described {
            field: Some(field.to_owned()),
            ..Described::new(Code::UnknownColumn, message).any(field)
        });
    }
    let name = text.strip_prefix("Unsupported SQL type ")?.to_lowercase();
    Some(Described::new(Code::Type, format!("no type named `{name}`")).any(&name))
}

/// The first thing in quotes or backticks: usually what it is about.
pub(super) fn quoted_word(text: &str) -> Option<String> {
    let start = text.find(['\'', '`'])?;
    let word = text[start + 1..].split(['\'', '`', '(']).next()?;
    is_name(word).then(|| word.to_owned())
}
