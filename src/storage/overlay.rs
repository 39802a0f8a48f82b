//! A table version that is not committed: real data files under a log of one commit that exists only in memory.
//!
//! Staged rows are read through this by the queries that must see them first: a merge looks for duplicate keys, a test
//! for failures, before anything is published.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// Reads `_delta_log` of one table from memory and everything else from the store below.
#[derive(Debug)]
pub(super) struct Overlay {
    log: InMemory,
    /// The table's `_delta_log`, as a path of the store below.
    log_path: Path,
    below: Arc<dyn ObjectStore>,
}

impl Overlay {
    pub(super) fn new(log_path: Path, below: Arc<dyn ObjectStore>) -> Self {
        Self { log: InMemory::new(), log_path, below }
    }

    fn store(&self, location: &Path) -> &dyn ObjectStore {
        match location.prefix_matches(&self.log_path) {
            true => &self.log,
            false => &self.below,
        }
    }
}

impl fmt::Display for Overlay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Overlay({})", self.below)
    }
}

#[async_trait]
impl ObjectStore for Overlay {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.store(location).put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.store(location).put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store(location).get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store(location).get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.below.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match prefix {
            Some(inside) => self.store(inside).list(prefix),
            None => self.below.list(None),
        }
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        match prefix {
            Some(inside) => self.store(inside).list_with_offset(prefix, offset),
            None => self.below.list_with_offset(None, offset),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match prefix {
            Some(inside) => self.store(inside).list_with_delimiter(prefix).await,
            None => self.below.list_with_delimiter(None).await,
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.below.copy_opts(from, to, options).await
    }
}
