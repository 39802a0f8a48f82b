//! The body of an answer, kept until it is decoded: small ones in memory, large ones in a temporary file.
//!
//! A body is complete before the first record of it is decoded, so a connection lost half-way costs a new request and
//! never a row.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Response;

use super::error::{HttpErrorKind, innermost};
use crate::connectors::decode::{Compression, Content, decompressed};

/// What a body may take of memory.
const IN_MEMORY: usize = 1 << 20;
/// Bytes a second below which an answer counts as held back on purpose.
const SLOWEST: u128 = 100;

#[derive(Debug, Clone)]
pub(super) enum Body {
    Memory(Bytes),
    /// Without a name: gone with the process, however it ends.
    Temporary(Arc<File>),
    /// Of a recording.
    Stored(PathBuf),
}

impl Body {
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            Self::Temporary(file) => Box::new(FromStart { file: Arc::clone(file), at: 0 }),
            Self::Stored(path) => Box::new(File::open(path)?),
        })
    }

    /// A small packed body is unpacked once to see that it is whole: one that is not may be, when it is asked for again.
    pub(super) fn check(&self, encoding: Option<&str>, path: &str) -> Result<(), HttpErrorKind> {
        let Self::Memory(_) = self else { return Ok(()) };
        let Ok(compression) = self.compression(encoding, path) else { return Ok(()) };
        if compression == Compression::None {
            return Ok(());
        }
        let unpacked = self.content(compression).and_then(decompressed);
        match unpacked.and_then(|mut reader| io::copy(&mut reader, &mut io::sink())) {
            Ok(_) => Ok(()),
            Err(error) => Err(HttpErrorKind::Broken(error.to_string())),
        }
    }

    pub(super) fn content(&self, compression: Compression) -> io::Result<Content> {
        Ok(Content { reader: self.reader()?, size: self.size(), compression })
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Temporary(file) => file.metadata().map_or(0, |meta| meta.len()),
            Self::Stored(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
        }
    }

    /// How it is packed: as the header or the URL says, if its first bytes agree.
    pub(super) fn compression(&self, encoding: Option<&str>, path: &str) -> io::Result<Compression> {
        let said = match encoding {
            Some("gzip" | "x-gzip") => Compression::Gzip,
            Some("zstd") => Compression::Zstd,
            None | Some("" | "identity") => Compression::of_name(path),
            Some(other) => return Err(io::Error::other(format!("it is packed as `{other}`, which was not asked for"))),
        };
        let mut first = [0; 4];
        let read = self.reader()?.read(&mut first)?;
        let is = match said {
            Compression::Gzip => first[..read].starts_with(&[0x1f, 0x8b]),
            Compression::Zstd => first[..read].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
            Compression::None => true,
        };
        Ok(if is { said } else { Compression::None })
    }
}

/// Reads a file from its start, whoever else reads it.
struct FromStart {
    file: Arc<File>,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Receives a body to its end. `stall` is the longest silence.
pub(super) async fn receive(
    mut response: Response,
    scratch: Option<&Path>,
    stall: Duration,
    received: &(dyn Fn(usize) + Sync),
) -> Result<Body, HttpErrorKind> {
    let mut memory: Vec<u8> = Vec::new();
    let mut file: Option<File> = None;
    let (mut since, mut bytes) = (Instant::now(), 0_usize);
    loop {
        let chunk = match tokio::time::timeout(stall, response.chunk()).await {
            Err(_) => return Err(HttpErrorKind::Stalled(stall)),
            Ok(Err(error)) => return Err(HttpErrorKind::Broken(innermost(&error))),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(chunk))) => chunk,
        };
        received(chunk.len());
        bytes += chunk.len();
        let elapsed = since.elapsed();
        if elapsed >= stall {
            if (bytes as u128) * 1000 < SLOWEST * elapsed.as_millis() {
                return Err(HttpErrorKind::Slow { bytes, within: elapsed });
            }
            (since, bytes) = (Instant::now(), 0);
        }
        memory.extend_from_slice(&chunk);
        if memory.len() >= IN_MEMORY {
            file = Some(append(file, std::mem::take(&mut memory), scratch).await?);
        }
    }
    match file {
        None => Ok(Body::Memory(memory.into())),
        Some(file) => {
            let file = append(Some(file), memory, scratch).await?;
            Ok(Body::Temporary(Arc::new(file)))
        }
    }
}

async fn append(file: Option<File>, bytes: Vec<u8>, scratch: Option<&Path>) -> Result<File, HttpErrorKind> {
    let scratch = scratch.map(Path::to_owned);
    let written = tokio::task::spawn_blocking(move || {
        let mut file = match (file, scratch) {
            (Some(file), _) => file,
            (None, Some(folder)) => {
                std::fs::create_dir_all(&folder)?;
                tempfile::tempfile_in(folder)?
            }
            (None, None) => tempfile::tempfile()?,
        };
        file.write_all(&bytes)?;
        Ok(file)
    });
    match written.await {
        Ok(written) => written.map_err(HttpErrorKind::Store),
        Err(_) => Err(HttpErrorKind::Cancelled),
    }
}
