//! The stretches of JSON strings that stand for themselves: most bytes of most files.

use memchr::memchr2;

/// A stretch longer than this is searched with SIMD, whose start costs more than a few words by hand.
const LONG: usize = 64;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const QUOTES: u64 = ONES * 0x22;
const BACKSLASHES: u64 = ONES * 0x5c;
const SPACES: u64 = ONES * 0x20;

/// The bytes from `start` to the next quote, backslash or control character, or to the end.
#[inline]
pub(super) fn plain_length(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            return at - start + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
        if at - start >= LONG {
            return at - start + plain_length_long(&text[at..]);
        }
    }
    while text.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at - start
}

#[inline(never)]
fn plain_length_long(text: &[u8]) -> usize {
    let plain = &text[..memchr2(b'"', b'\\', text).unwrap_or(text.len())];
    // One vectorised pass; the place matters only where it finds one.
    let least = plain.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    if least >= 0x20 {
        return plain.len();
    }
    plain.iter().position(|byte| *byte < 0x20).unwrap_or(plain.len())
}

/// The high bit of each byte that is a quote, a backslash or a control character; exact up to the lowest.
#[inline]
fn special_bytes(word: u64) -> u64 {
    let quote = word ^ QUOTES;
    let backslash = word ^ BACKSLASHES;
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    let controls = word.wrapping_sub(SPACES) & !word;
    (quotes | backslashes | controls) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place() {
        for length in 0..150 {
            for special in 0..=255u8 {
                let mut text = "é".repeat(length / 2).into_bytes();
                text.resize(length, b'x');
                text.push(special);
                text.extend(b"behind\"");
                let expected = match special {
                    b'"' | b'\\' | 0..0x20 => length,
                    _ => length + 7,
                };
                assert_eq!(plain_length(&text, 0), expected, "{special} after {length}");
            }
        }
    }
}
