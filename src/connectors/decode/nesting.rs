//! Which objects and arrays are open around a place in a JSON text.

use super::scan::Malformed;

/// Levels of nesting a record may have.
pub(super) const MAX_DEPTH: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

/// The containers that are open, one bit each.
pub(super) struct Nesting {
    arrays: [u64; MAX_DEPTH / 64],
    depth: usize,
}

impl Default for Nesting {
    fn default() -> Self {
        Self { arrays: [0; MAX_DEPTH / 64], depth: 0 }
    }
}

impl Nesting {
    #[inline]
    pub(super) fn open(&mut self, container: Container) -> Result<(), Malformed> {
        if self.depth == MAX_DEPTH {
            return Err(Malformed::Depth);
        }
        let bit = 1 << (self.depth % 64);
        match container {
            Container::Object => self.arrays[self.depth / 64] &= !bit,
            Container::Array => self.arrays[self.depth / 64] |= bit,
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    pub(super) fn close(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    pub(super) fn innermost(&self) -> Option<Container> {
        let level = self.depth.checked_sub(1)?;
        match self.arrays[level / 64] >> (level % 64) & 1 {
            0 => Some(Container::Object),
            _ => Some(Container::Array),
        }
    }
}
