//! The local file system with commits that survive a power loss.
//!
//! `object_store` writes a new file and puts it into place without syncing either, so a power loss can leave a commit
//! file that exists and is empty. Here a file is written, synced, linked or renamed and its folder synced, in that order: it
//! is either absent (or the old one) or whole. Only rows are left out: [`sync_files`] does them all before the commit.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// The whole local file system; a location is an absolute path.
#[derive(Debug)]
pub(super) struct DurableLocal {
    inner: LocalFileSystem,
}

impl DurableLocal {
    pub(super) fn new() -> Self {
        Self { inner: LocalFileSystem::new() }
    }
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.inner)
    }
}

/// Writes the rows' files below `root` down to the disk, with the folders they lie in; called before the commit that names
/// them.
pub fn sync_files(root: &FsPath, files: &[PathBuf]) -> io::Result<()> {
    let mut folders: BTreeSet<&FsPath> = BTreeSet::new();
    for file in files {
        File::open(file)?.sync_data()?;
        folders.extend(file.ancestors().skip(1).take_while(|folder| folder.starts_with(root)));
    }
    folders.into_iter().try_for_each(sync_folder)
}

fn sync_folder(folder: &FsPath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes `path` as a whole, or not at all; with [`Existing::Refuse`] it fails with `AlreadyExists`.
fn write_whole(path: &FsPath, payload: &PutPayload, existing: Existing) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    create_folders(folder)?;
    let staging = folder.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let placed = write_synced(&staging, payload).and_then(|()| match existing {
        Existing::Refuse => fs::hard_link(&staging, path),
        Existing::Replace => fs::rename(&staging, path),
    });
    if existing == Existing::Refuse || placed.is_err() {
        // The link holds the content now, or the attempt failed: either way the staging name has served.
        let removed = fs::remove_file(&staging);
        placed?;
        removed?;
    }
    sync_folder(folder)
}

/// What becomes of a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
}

/// Creates what is missing of a folder's path; each new entry is synced in the folder that holds it.
fn create_folders(folder: &FsPath) -> io::Result<()> {
    let missing: Vec<&FsPath> = folder.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.iter().filter_map(|path| path.parent()).try_for_each(sync_folder)
}

/// Rows: a commit has them synced before it names them.
fn holds_rows(location: &Path) -> bool {
    location.extension() == Some("parquet") && !location.parts().any(|part| part.as_ref() == "_delta_log")
}

fn write_synced(path: &FsPath, payload: &PutPayload) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    for chunk in payload {
        file.write_all(chunk)?;
    }
    file.sync_all()
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let existing = match opts.mode {
            PutMode::Create => Existing::Refuse,
            PutMode::Overwrite if !holds_rows(location) => Existing::Replace,
            PutMode::Overwrite | PutMode::Update(_) => return self.inner.put_opts(location, payload, opts).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        let shown = path.display().to_string();
        let outcome = tokio::task::spawn_blocking(move || write_whole(&path, &payload, existing)).await;
        match outcome {
            Ok(Ok(())) => Ok(PutResult { e_tag: None, version: None }),
            Ok(Err(source)) if source.kind() == ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: shown, source: Box::new(source) })
            }
            Ok(Err(source)) => Err(Error::Generic { store: "LocalFileSystem", source: Box::new(source) }),
            Err(source) => Err(Error::JoinError { source }),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}
