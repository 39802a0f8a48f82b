//! Strings on their way into an Arrow array of views: their own bytes in one buffer, or pieces of the chunk as they stand.

use datafusion::arrow::array::builder::make_view;
use datafusion::arrow::array::{LargeStringArray, NullBufferBuilder, StringViewArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::error::ArrowError;

use super::escape::unescape_into;

/// Parquet and Arrow count a string's bytes in 31 bits.
const LONGEST: usize = i32::MAX as usize;

/// A string longer than 2 GiB.
#[derive(Debug)]
pub(super) struct TooLong;

pub(super) struct TextBuilder {
    /// Where each string ends, behind a zero. The views are made of them at once, and their UTF-8 is checked at once: for
    /// strings as short as names that is most of the work.
    offsets: Vec<i64>,
    bytes: Vec<u8>,
    shared: Option<Shared>,
}

/// A column of pieces of chunks.
struct Shared {
    views: Vec<u128>,
    chunks: Vec<Buffer>,
    /// The last of them is the one in hand.
    is_in_chunk: bool,
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new(), shared: None }
    }
}

impl TextBuilder {
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) -> Result<(), TooLong> {
        if text.len() > LONGEST {
            return Err(TooLong);
        }
        match &mut self.shared {
            None => {
                self.bytes.extend_from_slice(text);
                self.end();
                Ok(())
            }
            Some(shared) => shared.push_own(text),
        }
    }

    /// The meaning of a JSON string's inside, which holds escapes.
    pub(super) fn push_escaped(&mut self, inside: &[u8]) -> Result<(), TooLong> {
        if inside.len() > LONGEST {
            return Err(TooLong);
        }
        match &mut self.shared {
            None => {
                unescape_into(inside, &mut self.bytes);
                self.end();
                Ok(())
            }
            Some(shared) => {
                let mut text = Vec::new();
                unescape_into(inside, &mut text);
                shared.push_own(&text)
            }
        }
    }

    /// A piece of the chunk in hand, which is not copied unless the column has strings of its own.
    pub(super) fn push_shared(&mut self, chunk: &Buffer, start: usize, text: &[u8]) -> Result<(), TooLong> {
        if !self.bytes.is_empty() {
            return self.push(text);
        }
        let rows = self.offsets.len() - 1;
        let shared = self.shared.get_or_insert_with(|| Shared::after(rows));
        shared.push(chunk, start, text)
    }

    /// What comes next lies in another chunk.
    pub(super) fn leave_chunk(&mut self) {
        if let Some(shared) = &mut self.shared {
            shared.is_in_chunk = false;
        }
    }

    /// So many empty strings.
    pub(super) fn push_empty(&mut self, count: usize) {
        match &mut self.shared {
            None => {
                let end = self.offsets.last().copied().unwrap_or_default();
                self.offsets.resize(self.offsets.len() + count, end);
            }
            Some(shared) => shared.views.resize(shared.views.len() + count, 0),
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.shared {
            None => {
                self.offsets.truncate(rows + 1);
                let end = self.offsets.last().map_or(0, |end| usize::try_from(*end).unwrap_or_default());
                self.bytes.truncate(end);
            }
            Some(shared) => shared.views.truncate(rows),
        }
    }

    pub(super) fn finish(&mut self, nulls: &mut NullBufferBuilder) -> Result<StringViewArray, ArrowError> {
        if let Some(shared) = self.shared.take() {
            self.offsets.truncate(1);
            return StringViewArray::try_new(shared.views.into(), shared.chunks, nulls.finish());
        }
        let (rows, size) = (self.offsets.len(), self.bytes.len());
        let mut offsets = Vec::with_capacity(rows);
        offsets.push(0);
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, offsets).into());
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(size));
        let strings = LargeStringArray::try_new(offsets, Buffer::from_vec(bytes), nulls.finish())?;
        Ok(StringViewArray::from(&strings))
    }

    #[inline]
    fn end(&mut self) {
        // A vector's length always fits.
        self.offsets.push(i64::try_from(self.bytes.len()).unwrap_or(i64::MAX));
    }
}

impl Shared {
    /// With as many rows of nothing as there were before the first piece.
    fn after(rows: usize) -> Self {
        Self { views: vec![0; rows], chunks: Vec::new(), is_in_chunk: false }
    }

    fn push(&mut self, chunk: &Buffer, start: usize, text: &[u8]) -> Result<(), TooLong> {
        let offset = u32::try_from(start).map_err(|_| TooLong)?;
        if text.len() > LONGEST {
            return Err(TooLong);
        }
        if !self.is_in_chunk {
            self.chunks.push(chunk.clone());
            self.is_in_chunk = true;
        }
        self.push_view(text, offset)
    }

    /// A string that lies in no chunk.
    fn push_own(&mut self, text: &[u8]) -> Result<(), TooLong> {
        self.chunks.push(Buffer::from(text));
        self.is_in_chunk = false;
        self.push_view(text, 0)
    }

    fn push_view(&mut self, text: &[u8], offset: u32) -> Result<(), TooLong> {
        let chunk = u32::try_from(self.chunks.len().saturating_sub(1)).map_err(|_| TooLong)?;
        self.views.push(make_view(text, chunk, offset));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_chunks_stand_beside_strings_of_their_own() {
        let chunk = Buffer::from(b"first record of the chunk\nsecond record of the chunk\n".to_vec());
        let next = Buffer::from(b"a record of the next chunk\n".to_vec());
        let mut builder = TextBuilder::default();
        let mut nulls = NullBufferBuilder::new(0);
        builder.push_empty(1);
        builder.push_shared(&chunk, 0, &chunk[..25]).unwrap();
        builder.push(b"an own string, not short").unwrap();
        builder.push_shared(&chunk, 26, &chunk[26..52]).unwrap();
        builder.leave_chunk();
        builder.push_shared(&next, 0, &next[..26]).unwrap();
        builder.push_escaped(br"short\n").unwrap();
        builder.push_empty(1);
        builder.push(b"dropped again").unwrap();
        builder.truncate(7);
        nulls.append_n_non_nulls(7);
        let array = builder.finish(&mut nulls).unwrap();
        assert_eq!(
            array.iter().flatten().collect::<Vec<_>>(),
            [
                "",
                "first record of the chunk",
                "an own string, not short",
                "second record of the chunk",
                "a record of the next chunk",
                "short\n",
                ""
            ]
        );
    }

    #[test]
    fn strings_are_taken_back_and_come_after_a_page() {
        let chunk = Buffer::from(b"a piece of the chunk".to_vec());
        let mut builder = TextBuilder::default();
        for page in ["first page", "the second page, whose strings are longer than a view"] {
            let mut nulls = NullBufferBuilder::new(0);
            builder.push(page.as_bytes()).unwrap();
            builder.push_shared(&chunk, 0, &chunk).unwrap();
            builder.push_escaped(br"gr\u00fcn").unwrap();
            builder.push(b"taken back").unwrap();
            builder.truncate(3);
            builder.push_empty(1);
            nulls.append_n_non_nulls(3);
            nulls.append_null();
            let array = builder.finish(&mut nulls).unwrap();
            let expected = [Some(page), Some("a piece of the chunk"), Some("gr\u{fc}n"), None];
            assert_eq!(array.iter().collect::<Vec<_>>(), expected);
        }
    }
}
