//! A CSV file of the project becomes a table; types are declared, or inferred from all of its values.

mod header;

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde_json::Map;

use super::step::Outcome;
use super::{Context, fault, materialize};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::graph::{NodeId, NodeKind, SeedConfig, SeedNode};
use crate::project::ColumnType;
use crate::storage::{Change, Description, Progress, Removes, StorageError, table_schema};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

pub(super) async fn run(context: &Arc<Context>, id: NodeId, progress: &Arc<Progress>) -> Result<Outcome, Diagnostics> {
    let node = context.graph.node(id);
    let NodeKind::Seed(seed) = &node.kind else { return Ok(Outcome::default()) };
    let (path, shown, config) = (context.project.root.join(&node.path), node.path.clone(), seed.config.clone());
    let (schema, batches, warnings) = super::blocking(move || read(&path, &shown, &config)).await?;
    let relation = &seed.relation;
    let warehouse = &context.warehouse;
    let written = async {
        let schema = table_schema(relation, &schema)?;
        let _lock = warehouse.lock(relation).await?;
        let base = warehouse.table(relation).await?;
        let rows = batches.into_iter().map(Ok::<_, DataFusionError>);
        let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), futures::stream::iter(rows)));
        let staged = warehouse.stage_streams(relation, vec![stream], &schema, &[], progress).await?;
        let rows = staged.rows;
        let description = description(seed, &schema);
        let change = Change {
            staged,
            rewritten: None,
            removes: Removes::All,
            describe: base.as_ref().is_none_or(|table| !description.holds_for(table)).then_some(description),
            positions: Vec::new(),
            info: materialize::commit_info(context, &node.unique_id, "", Map::new()),
            mode: "write",
            now_millis: context.started.as_millisecond(),
        };
        let committed = warehouse.commit(base.as_ref(), change).await?;
        Ok::<_, StorageError>(Outcome {
            rows,
            warnings,
            version: Some(committed.table.version()),
            ..Outcome::default()
        })
    };
    match written.await {
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(fault::run_fault(context, id, "", error).await),
    }
}

/// The rows its file has now.
pub(super) async fn rows(context: &Context, id: NodeId) -> Result<Option<MemTable>, Diagnostics> {
    let node = context.graph.node(id);
    let NodeKind::Seed(seed) = &node.kind else { return Ok(None) };
    let (path, shown, config) = (context.project.root.join(&node.path), node.path.clone(), seed.config.clone());
    let (schema, batches, _) = super::blocking(move || read(&path, &shown, &config)).await?;
    let table = MemTable::try_new(schema, vec![batches]);
    table.map(Some).map_err(|error| Diagnostic::error(Code::Execution, fault::plain(&error)).in_file(&node.path).into())
}

fn description(seed: &SeedNode, schema: &SchemaRef) -> Description {
    Description {
        schema: Arc::clone(schema),
        partition_by: Vec::new(),
        comment: seed.properties.description.trim().to_owned(),
        column_comments: seed
            .properties
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.description.trim().to_owned()))
            .collect(),
        properties: Vec::new(),
    }
}

/// The columns it will have as a table, and what is odd about it.
pub(super) fn columns(root: &Path, path: &str, config: &SeedConfig) -> Result<(SchemaRef, Diagnostics), Diagnostics> {
    read(&root.join(path), path, config).map(|(schema, _, warnings)| (schema, warnings))
}

/// A seed is small by nature: it is read whole.
fn read(
    path: &Path,
    shown: &str,
    config: &SeedConfig,
) -> Result<(SchemaRef, Vec<RecordBatch>, Diagnostics), Diagnostics> {
    let unreadable =
        |error: String| Diagnostic::error(Code::Unreadable, format!("cannot read `{shown}`: {error}")).in_file(shown);
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let source = SourceText::new(shown, text.trim_start_matches('\u{feff}'));
    let mut reader = csv::ReaderBuilder::new().delimiter(config.delimiter).from_reader(source.text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(unreadable(error.to_string()).into()),
    };
    if header.is_empty() {
        return Err(Diagnostic::error(Code::Unreadable, format!("`{shown}` is empty"))
            .in_file(shown)
            .hint("its first line names the columns")
            .into());
    }
    if let Some(refused) = header::refused(&source, &header, config.delimiter) {
        return Err(refused.into());
    }
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); header.len()];
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| row_mistake(&source, &error, header.len()))?;
        lines.push(record.position().map_or(0, csv::Position::line));
        for (column, value) in columns.iter_mut().zip(record.iter()) {
            // As in dbt: an empty cell and the word null are NULL in every type.
            let value = value.trim();
            column.push((!value.is_empty() && !value.eq_ignore_ascii_case("null")).then(|| value.to_owned()));
        }
    }
    let mut found = Diagnostics::default();
    for (name, _) in &config.column_types {
        if !header.contains(name) {
            found.push(
                Diagnostic::warning(
                    Code::Config,
                    format!("`column_types` names `{name}`, which the seed does not have"),
                )
                .label_or_file(type_place(config, name, name), "", shown)
                .nearest(name, header.iter().map(String::as_str)),
            );
        }
    }
    let mut arrays = Vec::new();
    let mut fields = Vec::new();
    for (name, values) in header.iter().zip(columns) {
        let declared = config.column_types.iter().find(|(column, _)| column == name);
        let data_type = match declared {
            Some((_, written)) => found.keep(declared_type(written, name, shown, config)).unwrap_or(DataType::Utf8),
            None => inferred_type(&values),
        };
        match typed(name, values, &data_type, &source, &lines) {
            Ok(array) => {
                fields.push(Field::new(name, data_type, true));
                arrays.push(array);
            }
            Err(mistake) => found.push(*mistake),
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let (schema, warnings) = found.finish(schema)?;
    let whole = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|error| unreadable(error.to_string()))?;
    let batches = (0..whole.num_rows())
        .step_by(BATCH_ROWS)
        .map(|at| whole.slice(at, BATCH_ROWS.min(whole.num_rows() - at)))
        .collect();
    Ok((schema, batches, warnings))
}

fn row_mistake(source: &Arc<SourceText>, error: &csv::Error, wanted: usize) -> Diagnostic {
    let (line, message) = match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, len, .. } => (
            pos.as_ref().map(csv::Position::line),
            format!(
                "this row has {}, the header {wanted}",
                crate::diagnostic::count(usize::try_from(*len).unwrap_or(0), "value")
            ),
        ),
        csv::ErrorKind::Utf8 { pos, .. } => (pos.as_ref().map(csv::Position::line), "this row is not UTF-8".to_owned()),
        _ => (error.position().map(csv::Position::line), error.to_string()),
    };
    let diagnostic = Diagnostic::error(Code::Unreadable, message);
    match line {
        Some(line) => diagnostic.label(line_span(source, line), ""),
        None => diagnostic.in_file(source.path.clone()),
    }
}

fn line_span(source: &Arc<SourceText>, line: u64) -> Span {
    let start = source.offset(usize::try_from(line).unwrap_or(1), 1);
    let end = source.text[start..].find('\n').map_or(source.text.len(), |length| start + length);
    Span::new(source, start..end)
}

/// Where `column_types` says something of a column.
fn type_place(config: &SeedConfig, column: &str, word: &str) -> Option<Span> {
    let area = config.types_place.as_ref()?;
    let text = area.source.text.get(area.range.clone())?;
    let at = text.find(column)?;
    let at = area.range.start + at + text[at..].find(word)?;
    Some(Span::new(&area.source, at..at + word.len()))
}

fn declared_type(written: &str, column: &str, shown: &str, config: &SeedConfig) -> Result<DataType, Diagnostic> {
    let place = || type_place(config, column, written);
    let parsed = ColumnType::parse(written).map_err(|_| {
        Diagnostic::error(Code::Config, format!("`{written}` of column `{column}` is no type"))
            .label_or_file(place(), "", shown)
            .hint("types are those of SQL, such as bigint, varchar, decimal(10, 2), timestamp")
    })?;
    Ok(match parsed {
        ColumnType::String | ColumnType::Json => DataType::Utf8,
        ColumnType::Int => DataType::Int32,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Date => DataType::Date32,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
        ColumnType::List(_) | ColumnType::Struct(_) => {
            return Err(Diagnostic::error(Code::Config, format!("a seed's column `{column}` cannot be {written}"))
                .label_or_file(place(), "", shown));
        }
    })
}

/// The first type that every value fits: whole number, number, date, timestamp, boolean, text.
fn inferred_type(values: &[Option<String>]) -> DataType {
    let present: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
    let all = |fits: &dyn Fn(&str) -> bool| !present.is_empty() && present.iter().all(|value| fits(value));
    if all(&|value| value.parse::<i64>().is_ok()) {
        return DataType::Int64;
    }
    if all(&|value| {
        value.parse::<f64>().is_ok() && value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
    }) {
        return DataType::Float64;
    }
    if all(&|value| value.len() == 10 && value.parse::<jiff::civil::Date>().is_ok()) {
        return DataType::Date32;
    }
    if all(&|value| {
        value.len() > 10 && (value.parse::<jiff::civil::DateTime>().is_ok() || value.parse::<jiff::Timestamp>().is_ok())
    }) {
        return DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    }
    if all(&|value| value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")) {
        return DataType::Boolean;
    }
    DataType::Utf8
}

fn typed(
    name: &str,
    values: Vec<Option<String>>,
    data_type: &DataType,
    source: &Arc<SourceText>,
    lines: &[u64],
) -> Result<ArrayRef, Box<Diagnostic>> {
    let strings: ArrayRef = Arc::new(StringArray::from(values));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let failed = match cast_with_options(&strings, data_type, &strict) {
        Ok(array) => return Ok(array),
        Err(failed) => failed,
    };
    // Which row it was: the first that becomes NULL when wrong values are let through.
    let place = cast_with_options(&strings, data_type, &CastOptions::default())
        .ok()
        .and_then(|loose| (0..strings.len()).find(|row| strings.is_valid(*row) && loose.is_null(*row)))
        .and_then(|row| lines.get(row).copied());
    let message = format!("column `{name}` does not fit its type {}", crate::storage::shown_type(data_type));
    let diagnostic = Diagnostic::error(Code::Config, message);
    Err(Box::new(match place {
        Some(line) => diagnostic.label(line_span(source, line), ""),
        None => diagnostic.in_file(source.path.clone()).note(failed.to_string()),
    }))
}
