//! The text a JSON string means.

use std::borrow::Cow;

/// What a string's inside means; the scanner has checked it. A lone surrogate becomes U+FFFD: it has no place in UTF-8,
/// and is no reason to lose a record.
pub(super) fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if !inside.contains(&b'\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    unescape_into(inside, &mut text);
    Cow::Owned(text)
}

/// Appends what a string's inside means.
pub(super) fn unescape_into(mut inside: &[u8], text: &mut Vec<u8>) {
    while let Some(backslash) = memchr::memchr(b'\\', inside) {
        text.extend_from_slice(&inside[..backslash]);
        let (meaning, length) = escape(&inside[backslash..]);
        let mut encoded = [0; 4];
        text.extend_from_slice(meaning.encode_utf8(&mut encoded).as_bytes());
        inside = inside.get(backslash + length..).unwrap_or_default();
    }
    text.extend_from_slice(inside);
}

/// The character of the escape `inside` begins with, and its length.
fn escape(inside: &[u8]) -> (char, usize) {
    match inside.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => unicode(inside),
        Some(other) => (char::from(*other), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn unicode(inside: &[u8]) -> (char, usize) {
    let high = hex(inside, 0).unwrap_or(0xfffd);
    if let Some(character) = char::from_u32(high) {
        return (character, 6);
    }
    match hex(inside, 6) {
        Some(low @ 0xdc00..=0xdfff) if high < 0xdc00 => {
            let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The code unit of a `\uXXXX` at `start`.
fn hex(inside: &[u8], start: usize) -> Option<u32> {
    let digits = inside.get(start..start + 6)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(inside: &str) -> String {
        String::from_utf8(unescaped(inside.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn escapes_mean_characters() {
        assert_eq!(meaning(r#"a\n\t\"\\\/\b\f\r\u00e9é\ud83d\ude00z"#), "a\n\t\"\\/\u{8}\u{c}\réé😀z");
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        assert_eq!(meaning(r"\ud800"), "\u{fffd}");
        assert_eq!(meaning(r"\udc00\ud800x"), "\u{fffd}\u{fffd}x");
        assert_eq!(meaning(r"\ud800\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(meaning(r"\ud800\u0041"), "\u{fffd}A");
    }
}
