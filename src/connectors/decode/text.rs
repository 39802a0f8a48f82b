//! Strings on their way into an Arrow array of views: short ones inline, long ones in blocks.

use datafusion::arrow::array::builder::make_view;
use datafusion::arrow::array::{NullBufferBuilder, StringViewArray};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::error::ArrowError;

use super::escape::unescape_into;

/// A block is closed at this size; a longer string has a block of its own.
const BLOCK: usize = 2 << 20;
/// The longest string that lies in its view.
const INLINE: usize = 12;
/// Parquet and Arrow count a string's bytes in 31 bits.
const LONGEST: usize = i32::MAX as usize;

/// A string longer than 2 GiB.
#[derive(Debug)]
pub(super) struct TooLong;

#[derive(Default)]
pub(super) struct TextBuilder {
    views: Vec<u128>,
    block: Vec<u8>,
    closed: Vec<Buffer>,
    /// The closed block that is the chunk the records lie in.
    shared: Option<u32>,
}

impl TextBuilder {
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) -> Result<(), TooLong> {
        if text.len() <= INLINE {
            self.views.push(make_view(text, 0, 0));
            return Ok(());
        }
        self.make_room(text.len())?;
        let start = self.block.len();
        self.block.extend_from_slice(text);
        self.view_from(start);
        Ok(())
    }

    /// The meaning of a JSON string's inside, which holds escapes.
    pub(super) fn push_escaped(&mut self, inside: &[u8]) -> Result<(), TooLong> {
        self.make_room(inside.len())?;
        let start = self.block.len();
        unescape_into(inside, &mut self.block);
        self.view_from(start);
        Ok(())
    }

    /// A piece of the chunk in hand, which is not copied.
    pub(super) fn push_shared(&mut self, chunk: &Buffer, start: usize, text: &[u8]) -> Result<(), TooLong> {
        let offset = u32::try_from(start).map_err(|_| TooLong)?;
        if text.len() > LONGEST {
            return Err(TooLong);
        }
        if self.shared.is_none() {
            self.close_block();
            self.shared = Some(block_number(self.closed.len())?);
            self.closed.push(chunk.clone());
        }
        self.views.push(make_view(text, self.shared.unwrap_or_default(), offset));
        Ok(())
    }

    /// What comes next lies in another chunk.
    pub(super) fn leave_chunk(&mut self) {
        self.shared = None;
    }

    pub(super) fn push_empty(&mut self) {
        self.views.push(0);
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.views.truncate(rows);
    }

    pub(super) fn finish(&mut self, nulls: &mut NullBufferBuilder) -> Result<StringViewArray, ArrowError> {
        self.close_block();
        self.shared = None;
        let rows = self.views.len();
        let views = std::mem::replace(&mut self.views, Vec::with_capacity(rows));
        StringViewArray::try_new(views.into(), std::mem::take(&mut self.closed), nulls.finish())
    }

    #[inline]
    fn make_room(&mut self, length: usize) -> Result<(), TooLong> {
        if length > LONGEST {
            return Err(TooLong);
        }
        if self.block.len() + length > BLOCK {
            self.close_block();
            block_number(self.closed.len())?;
        }
        Ok(())
    }

    /// Adds the view of what the open block holds from `start` on.
    #[inline]
    fn view_from(&mut self, start: usize) {
        let text = &self.block[start..];
        #[expect(clippy::cast_possible_truncation, reason = "`make_room` bounds both")]
        self.views.push(make_view(text, self.closed.len() as u32, start as u32));
        if text.len() <= INLINE {
            self.block.truncate(start);
        }
    }

    fn close_block(&mut self) {
        if !self.block.is_empty() {
            let block = std::mem::take(&mut self.block);
            self.block.reserve(block.len().min(BLOCK));
            self.closed.push(Buffer::from_vec(block));
        }
    }
}

fn block_number(blocks: usize) -> Result<u32, TooLong> {
    u32::try_from(blocks).map_err(|_| TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_shared_strings_stand_in_one_array() {
        let chunk = Buffer::from(b"first record of the chunk\nsecond record of the chunk\n".to_vec());
        let next = Buffer::from(b"a record of the next chunk\n".to_vec());
        let mut builder = TextBuilder::default();
        let mut nulls = NullBufferBuilder::new(0);
        builder.push(b"an own string, not short").unwrap();
        builder.push_shared(&chunk, 0, &chunk[..25]).unwrap();
        builder.push(b"another own string, not short").unwrap();
        builder.push_shared(&chunk, 26, &chunk[26..52]).unwrap();
        builder.leave_chunk();
        builder.push_shared(&next, 0, &next[..26]).unwrap();
        builder.push_escaped(br"short\n").unwrap();
        builder.push_empty();
        builder.push(b"dropped again").unwrap();
        builder.truncate(7);
        nulls.append_n_non_nulls(7);
        let array = builder.finish(&mut nulls).unwrap();
        assert_eq!(
            array.iter().flatten().collect::<Vec<_>>(),
            [
                "an own string, not short",
                "first record of the chunk",
                "another own string, not short",
                "second record of the chunk",
                "a record of the next chunk",
                "short\n",
                ""
            ]
        );
    }

    #[test]
    fn blocks_roll_over() {
        let mut builder = TextBuilder::default();
        let mut nulls = NullBufferBuilder::new(0);
        let long = vec![b'x'; BLOCK / 2 + 1];
        for _ in 0..5 {
            builder.push(&long).unwrap();
            nulls.append_non_null();
        }
        let array = builder.finish(&mut nulls).unwrap();
        assert_eq!(array.data_buffers().len(), 5);
        assert!(array.iter().all(|text| text.is_some_and(|text| text.len() == long.len())));
    }
}
