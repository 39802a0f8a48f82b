//! The first line of a seed: names that a table's columns can have.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};

use crate::diagnostic::{Diagnostic, SourceText, Span};
use crate::execution::fault::storage_diagnostic;
use crate::names::{Relation, SEEDS};
use crate::storage::{StorageError, table_schema};

/// Signs that files are cut into cells by, beside the one that is set.
const DELIMITERS: &[char] = &[',', ';', '\t', '|'];

/// The first name that a table cannot take, at its place in the file.
pub(super) fn refused(source: &Arc<SourceText>, header: &[String], delimiter: u8) -> Option<Diagnostic> {
    let name = Path::new(&source.path).file_stem()?.to_str()?;
    let relation = Relation::new(SEEDS, name).ok()?;
    let fields: Vec<Field> = header.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let error = table_schema(&relation, &Schema::new(fields)).err()?;
    let line = source.text.lines().next().unwrap_or_default();
    let number = match &error {
        StorageError::ColumnName { number, .. } => Some(number - 1),
        // The second of the two is one too many.
        StorageError::DuplicateColumn { column, .. } => header.iter().rposition(|name| name == column),
        _ => None,
    };
    let cell = number.and_then(|number| cell(line, number, char::from(delimiter)));
    let span = Span::new(source, cell.unwrap_or(0..line.len()));
    let hint = match (header, &error) {
        ([only], _) if only.contains(DELIMITERS) => {
            let sign = only.chars().find(|sign| DELIMITERS.contains(sign)).unwrap_or(';');
            format!("if its cells are cut by another sign, set `delimiter: {}`", quoted(sign))
        }
        (_, StorageError::ColumnName { column, .. }) if column.is_empty() => {
            "name it, or remove the column and the sign before it from every line".to_owned()
        }
        _ => "rename it in the first line of the file".to_owned(),
    };
    let mut diagnostic = storage_diagnostic(&error).label(span, "");
    diagnostic.hints = vec![hint];
    Some(diagnostic)
}

/// A sign as YAML takes it.
fn quoted(sign: char) -> String {
    match sign {
        '\t' => "\"\\t\"".to_owned(),
        sign => format!("'{sign}'"),
    }
}

/// Where a cell of the line stands, if none of them is quoted; of an empty one the sign before it is shown.
fn cell(line: &str, number: usize, delimiter: char) -> Option<Range<usize>> {
    if line.contains('"') {
        return None;
    }
    let before: usize = line.split(delimiter).take(number).map(|cell| cell.len() + delimiter.len_utf8()).sum();
    let cell = line.split(delimiter).nth(number)?;
    let start = before + cell.len() - cell.trim_start().len();
    let end = start + cell.trim().len();
    Some(if start == end { before.saturating_sub(1)..end.max(1) } else { start..end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stands_where_it_is_written() {
        assert_eq!(cell("code, full name", 1, ','), Some(6..15));
        assert_eq!(cell("code,", 1, ','), Some(4..5));
        assert_eq!(cell(",code", 0, ','), Some(0..1));
        assert_eq!(cell("\"a,b\",c", 1, ','), None);
    }
}
