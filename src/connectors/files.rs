//! Files at a path or pattern, on this machine or in an object store; each is read once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::TryStreamExt;
use globset::{Glob, GlobMatcher};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use tokio::runtime::Handle;

use super::decode::{Compression, Content, Rows, Spare, arrow_schema};
use super::{ConnectorError, Item, Origin, PAGE_ROWS, Page, Surroundings, Waiting};
use crate::location::Location;
use crate::names::SourceName;
use crate::project::{FilesConfig, Format};

/// Files of a commit: at least so many, and up to the most while they weigh less than this together. A commit costs the
/// same whatever is in it, and so does each file it leaves to readers.
const COMMIT_FILES: usize = 24;
const COMMIT_FILES_MOST: usize = 1024;
const COMMIT_BYTES: u64 = 128 << 20;

#[derive(Debug)]
pub struct Files {
    name: SourceName,
    config: FilesConfig,
    schema: SchemaRef,
    place: Place,
    /// The part of the pattern before its first wildcard, up to a `/`.
    folder: String,
    pattern: Option<GlobMatcher>,
    around: Arc<Surroundings>,
}

#[derive(Debug)]
enum Place {
    /// Below this folder of this machine.
    Disk(PathBuf),
    Store {
        location: Location,
        runtime: Handle,
    },
}

impl Files {
    pub(super) fn open(
        name: &SourceName,
        config: &FilesConfig,
        around: &Arc<Surroundings>,
    ) -> Result<Self, ConnectorError> {
        let (base, env) = (around.root.as_path(), &*around.env);
        let wildcard = config.path.find(['*', '?', '[', '{']);
        let cut = wildcard.map_or(config.path.len(), |at| config.path[..at].rfind('/').map_or(0, |slash| slash + 1));
        let pattern = match wildcard {
            None => None,
            Some(_) => Some(matcher(&config.path, &config.path[cut..])?),
        };
        let folder = config.path[..cut].to_owned();
        // A recording has the files below one folder, under the names they are read by.
        let recorded = around.replay.as_ref().map(|replay| replay.files_of(name)).filter(|folder| folder.is_dir());
        let place = match config.path.contains("://") && !config.path.starts_with("file://") {
            _ if recorded.is_some() => Place::Disk(match (recorded.unwrap_or_default(), &pattern) {
                (folder, Some(_)) => folder,
                (folder, None) => folder.join(config.path.rsplit('/').next().unwrap_or_default()),
            }),
            true => Place::Store {
                location: Location::open(&folder, base, &config.storage_options, env)?,
                runtime: Handle::current(),
            },
            false => Place::Disk(base.join(folder.trim_start_matches("file://"))),
        };
        let schema = Arc::new(arrow_schema(&config.columns));
        let (name, around) = (name.clone(), Arc::clone(around));
        Ok(Self { name, config: config.clone(), schema, place, folder, pattern, around })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn per_commit(&self, waiting: &[Item]) -> usize {
        self.config.per_commit.unwrap_or_else(|| small_enough(waiting)).max(1)
    }

    pub(super) async fn waiting(&self, read: &BTreeMap<String, i64>) -> Result<Waiting, ConnectorError> {
        let mut found = match &self.place {
            Place::Disk(folder) => self.on_disk(folder)?,
            Place::Store { location, .. } => self.in_store(location).await?,
        };
        found.sort_by_key(|left| natural(&left.name));
        let mut waiting = Waiting::default();
        for item in found {
            match read.get(&item.name) {
                None => waiting.items.push(item),
                Some(mark) if *mark == item.mark => {}
                Some(_) => waiting.changed.push(item.name),
            }
        }
        Ok(waiting)
    }

    fn on_disk(&self, folder: &FsPath) -> Result<Vec<Item>, ConnectorError> {
        let Some(pattern) = &self.pattern else {
            let size = std::fs::metadata(folder)
                .map_err(|_| ConnectorError::Missing { path: self.config.path.clone() })?
                .len();
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(vec![item(name, size)]);
        };
        let mut items = Vec::new();
        for entry in walkdir::WalkDir::new(folder).follow_links(true) {
            let entry = match entry {
                Ok(entry) => entry,
                // A folder that is not there holds no files; one that cannot be read is told.
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    let shown = error.path().unwrap_or(folder).display().to_string();
                    return Err(ConnectorError::Open { file: shown, source: error.into() });
                }
            };
            let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            if entry.file_type().is_file() && pattern.is_match(relative) {
                let failed = |source: walkdir::Error| ConnectorError::Open {
                    file: entry.path().display().to_string(),
                    source: source.into(),
                };
                let size = match entry.metadata() {
                    Ok(meta) => meta.len(),
                    // Moved away in between.
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => return Err(failed(error)),
                };
                items.push(item(relative.to_string_lossy().into_owned(), size));
            }
        }
        Ok(items)
    }

    async fn in_store(&self, location: &Location) -> Result<Vec<Item>, ConnectorError> {
        let root = StorePath::from_url_path(location.url().path()).unwrap_or_default();
        let failed = |source| ConnectorError::List { path: self.config.path.clone(), source };
        let Some(pattern) = &self.pattern else {
            let meta = location.store().head(&root).await.map_err(failed)?;
            return Ok(vec![item(root.filename().unwrap_or_default().to_owned(), meta.size)]);
        };
        let listed: Vec<_> = location.store().list(Some(&root)).try_collect().await.map_err(failed)?;
        let prefix = format!("{root}/");
        Ok(listed
            .into_iter()
            .filter_map(|meta| {
                let path = meta.location.to_string();
                let relative = path.strip_prefix(&prefix).unwrap_or(&path).to_owned();
                pattern.is_match(&relative).then(|| item(relative, meta.size))
            })
            .collect())
    }

    pub(super) fn read(
        &self,
        item: &Item,
        columns: &[usize],
        spare: &mut Spare,
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        if let Some(recorder) = &self.around.recorder {
            recorder.keep_file(&self.name, &item.name, &mut *self.bytes(item)?)?;
        }
        if self.config.format == Format::Parquet {
            return self.read_parquet(item, columns, take);
        }
        let reader = self.bytes(item)?;
        let wanted: Vec<_> = columns.iter().map(|index| self.config.columns[*index].clone()).collect();
        let content = Content { reader, size: item.weight, compression: Compression::of_name(&item.name) };
        let mut rows = Rows::open(&item.name, content, self.config.format, None, &wanted, PAGE_ROWS, spare)?;
        for page in &mut rows {
            let page = page?;
            if !take(Page { batch: page.batch, rejected: page.rejected, origin: origin(item) }) {
                break;
            }
        }
        *spare = rows.spare();
        Ok(())
    }

    fn bytes(&self, item: &Item) -> Result<Box<dyn Read + Send>, ConnectorError> {
        Ok(match &self.place {
            Place::Disk(_) => {
                let path = self.disk_path(item);
                let shown = path.display().to_string();
                Box::new(File::open(&path).map_err(|source| ConnectorError::Open { file: shown, source })?)
            }
            Place::Store { .. } => Box::new(Cursor::new(self.fetch(item)?)),
        })
    }

    fn disk_path(&self, item: &Item) -> PathBuf {
        match (&self.place, &self.pattern) {
            (Place::Disk(folder), Some(_)) => folder.join(&item.name),
            (Place::Disk(file), None) => file.clone(),
            (Place::Store { .. }, _) => PathBuf::from(&self.folder).join(&item.name),
        }
    }

    /// A whole object; called on a blocking thread, where waiting for the runtime is allowed.
    fn fetch(&self, item: &Item) -> Result<bytes::Bytes, ConnectorError> {
        let Place::Store { location, runtime } = &self.place else { return Ok(bytes::Bytes::new()) };
        let root = StorePath::from_url_path(location.url().path()).unwrap_or_default();
        let path = match self.pattern {
            Some(_) => StorePath::from(format!("{root}/{}", item.name)),
            None => root,
        };
        let failed = |source| ConnectorError::Fetch { file: item.name.clone(), source };
        runtime.block_on(async { location.store().get(&path).await.map_err(failed)?.bytes().await.map_err(failed) })
    }

    fn read_parquet(
        &self,
        item: &Item,
        columns: &[usize],
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        let failed = |source| ConnectorError::Parquet { file: item.name.clone(), source };
        let wanted = Arc::new(
            self.schema.project(columns).map_err(|source| ConnectorError::Arrow { file: item.name.clone(), source })?,
        );
        let readers = match &self.place {
            Place::Disk(_) => {
                let path = self.disk_path(item);
                let file = File::open(&path)
                    .map_err(|source| ConnectorError::Open { file: path.display().to_string(), source })?;
                ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?.with_batch_size(PAGE_ROWS).build()
            }
            Place::Store { .. } => ParquetRecordBatchReaderBuilder::try_new(self.fetch(item)?)
                .map_err(failed)?
                .with_batch_size(PAGE_ROWS)
                .build(),
        };
        for batch in readers.map_err(failed)? {
            let arrow = |source| ConnectorError::Arrow { file: item.name.clone(), source };
            let batch = by_name(&batch.map_err(arrow)?, &wanted).map_err(arrow)?;
            if !take(Page { batch, rejected: Vec::new(), origin: origin(item) }) {
                break;
            }
        }
        Ok(())
    }
}

/// The wanted columns of a batch, cast to their declared types; one that the file lacks is NULL.
fn by_name(batch: &RecordBatch, wanted: &Arc<Schema>) -> Result<RecordBatch, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = wanted
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => cast_with_options(column, field.data_type(), &strict)
                .map_err(|error| ArrowError::CastError(format!("column `{}`: {error}", field.name()))),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(wanted), columns, &rows)
}

fn matcher(path: &str, pattern: &str) -> Result<GlobMatcher, ConnectorError> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    let refused =
        |error: globset::Error| ConnectorError::Path { path: path.to_owned(), reason: error.kind().to_string() };
    glob.map(|glob: Glob| glob.compile_matcher()).map_err(refused)
}

fn origin(item: &Item) -> Origin {
    Origin {
        source: Arc::from(item.name.as_str()),
        sources: None,
        window_start_micros: None,
        status: None,
        error: None,
    }
}

/// How many of the first files make a commit.
fn small_enough(waiting: &[Item]) -> usize {
    let mut bytes = 0_u64;
    let light = waiting.iter().take_while(|item| {
        bytes = bytes.saturating_add(item.weight);
        bytes <= COMMIT_BYTES
    });
    light.take(COMMIT_FILES_MOST).count().max(COMMIT_FILES)
}

fn is_gone(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn item(name: String, size: u64) -> Item {
    Item { name, mark: i64::try_from(size).unwrap_or(i64::MAX), weight: size, bytes_at_most: None }
}

/// A key that orders `2015-01-01-9` before `2015-01-01-10`.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, digits) = rest.split_at(text);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        parts.push((0, before.to_owned()));
        parts.push((digits[..end].parse().unwrap_or(u64::MAX), digits[..end].to_owned()));
        rest = &digits[end..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_takes_more_files_while_they_are_small() {
        let files = |count: usize, size: u64| vec![item("a.json".to_owned(), size); count];
        assert_eq!(small_enough(&files(3000, 1 << 10)), 1024);
        assert_eq!(small_enough(&files(3000, 1 << 20)), 128);
        assert_eq!(small_enough(&files(3000, 100 << 20)), 24);
    }

    #[test]
    fn hours_come_in_their_order() {
        let mut names = ["2015-01-01-10.json.gz", "2015-01-01-9.json.gz", "2015-01-02-0.json.gz"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["2015-01-01-9.json.gz", "2015-01-01-10.json.gz", "2015-01-02-0.json.gz"]);
    }
}
