//! A moving window over a stream of bytes: records are read in place, and what is cut off at its end comes again whole.

use std::io::{self, ErrorKind, Read};

use datafusion::arrow::buffer::Buffer;

use super::compression::Decompressed;

/// What is read at a time; a longer record makes the window grow. Tests meet its border in every record.
const CHUNK: usize = if cfg!(test) { 64 } else { 1 << 20 };
/// A longer record is taken for a stream that is none of records.
const LARGEST_RECORD: usize = 256 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    chunk: Buffer,
    at: usize,
    began: bool,
    ended: bool,
    failure: Option<io::Error>,
}

impl Window {
    pub(super) fn new(content: Decompressed) -> Self {
        let (whole, reader, ended): (_, Box<dyn Read + Send>, _) = match content {
            Decompressed::Whole(whole) => (whole, Box::new(io::empty()), true),
            Decompressed::Stream(reader) => (Vec::new(), reader, false),
        };
        let mut window = Self { reader, chunk: Buffer::from_vec(whole), at: 0, began: false, ended, failure: None };
        window.skip_mark();
        window
    }

    /// Shared with the rows that lie in it.
    pub(super) fn chunk(&self) -> &Buffer {
        &self.chunk
    }

    /// Where in the chunk the rest begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.chunk.as_slice().get(self.at..).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Why the stream broke off, if it did.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// A new chunk that begins with the rest of this one and has more behind it; false if there is no more.
    pub(super) fn read_more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let kept = self.rest().len();
        if kept > LARGEST_RECORD {
            self.ended = true;
            self.failure = Some(io::Error::other(format!("a record is longer than {} MiB", LARGEST_RECORD >> 20)));
            return false;
        }
        let size = CHUNK.max(kept * 2);
        let start = self.at;
        let mut next = match std::mem::replace(&mut self.chunk, Buffer::from_vec(Vec::<u8>::new())).into_vec::<u8>() {
            // No row lies in the chunk: it serves again.
            Ok(mut chunk) => {
                chunk.copy_within(start.., 0);
                chunk
            }
            Err(shared) => {
                let mut chunk = Vec::with_capacity(size);
                chunk.extend_from_slice(&shared[start..]);
                chunk
            }
        };
        next.resize(size.max(kept), 0);
        let filled = self.fill(&mut next, kept);
        next.truncate(filled);
        self.chunk = Buffer::from_vec(next);
        self.at = 0;
        self.skip_mark();
        filled > kept
    }

    /// Reads behind the first `filled` bytes until `chunk` is full or the stream ends.
    fn fill(&mut self, chunk: &mut [u8], mut filled: usize) -> usize {
        while filled < chunk.len() {
            match self.reader.read(&mut chunk[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                    break;
                }
            }
        }
        filled
    }

    fn skip_mark(&mut self) {
        if self.began || self.chunk.is_empty() {
            return;
        }
        self.began = true;
        if self.chunk.starts_with(BYTE_ORDER_MARK) {
            self.at = BYTE_ORDER_MARK.len();
        }
    }
}
