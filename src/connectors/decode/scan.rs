//! Reads JSON text in place: where a value ends, and nothing more.
//!
//! Every value is checked in full against RFC 8259, skipped ones too, without a stack frame per level: hostile nesting ends
//! in an error, not in an overflow. UTF-8 is the caller's to check.

use std::ops::Range;

use super::nesting::{Container, MAX_DEPTH, Nesting};
use super::plain::plain_length;

/// Why a text is not JSON; where, is the scanner's position. One byte, since every step may return it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// With more text behind it, it might be right.
    #[error("unexpected end")]
    End,
    #[error("expected a value")]
    Value,
    #[error("expected a key")]
    Key,
    #[error("expected `:`")]
    Colon,
    #[error("expected `,` or `}}`")]
    ObjectEnd,
    #[error("expected `,` or `]`")]
    ArrayEnd,
    #[error("expected a digit")]
    Digit,
    #[error("control character in a string")]
    Control,
    #[error("invalid escape in a string")]
    Escape,
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("trailing characters")]
    Trailing,
}

/// A value in the text; of a string, the range includes the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// A string that holds at least one backslash.
    pub(super) escaped: bool,
}

impl Span {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// What is between the quotes of a string.
    pub(super) fn inside(&self) -> Range<usize> {
        self.start + 1..self.end - 1
    }
}

pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// The key last read, with its quotes.
    key: Range<usize>,
    /// The string last read holds a backslash.
    escaped: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, key: 0..0, escaped: false }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The key last read.
    #[inline]
    pub(super) fn key(&self) -> Span {
        Span { start: self.key.start, end: self.key.end, escaped: self.escaped }
    }

    fn fail(&self, what: Malformed) -> Malformed {
        if self.at >= self.text.len() { Malformed::End } else { what }
    }

    /// The next byte that is no white space, not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Takes the next byte if it is `wanted`.
    #[inline]
    pub(super) fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Fails if anything but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Malformed::Trailing),
        }
    }

    /// Reads the first key of an object whose brace was taken; false if it is empty.
    #[inline]
    pub(super) fn first_key(&mut self) -> Result<bool, Malformed> {
        if self.take(b'}') { Ok(false) } else { self.read_key().map(|()| true) }
    }

    /// Reads the key after a value; false at the object's end.
    #[inline]
    pub(super) fn next_key(&mut self) -> Result<bool, Malformed> {
        if self.take(b',') {
            self.read_key().map(|()| true)
        } else if self.take(b'}') {
            Ok(false)
        } else {
            Err(self.fail(Malformed::ObjectEnd))
        }
    }

    /// Whether an array whose bracket was taken has a first element.
    #[inline]
    pub(super) fn first_element(&mut self) -> bool {
        !self.take(b']')
    }

    /// Whether another element follows the one just read.
    #[inline]
    pub(super) fn next_element(&mut self) -> Result<bool, Malformed> {
        if self.take(b',') {
            Ok(true)
        } else if self.take(b']') {
            Ok(false)
        } else {
            Err(self.fail(Malformed::ArrayEnd))
        }
    }

    #[inline]
    fn read_key(&mut self) -> Result<(), Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.fail(Malformed::Key));
        }
        let start = self.at;
        self.string()?;
        self.key = start..self.at;
        if !self.take(b':') {
            return Err(self.fail(Malformed::Colon));
        }
        Ok(())
    }

    /// Any value, checked and passed over.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Span, Malformed> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(Span { start, end: self.at, escaped: self.escaped })
    }

    /// Passes over any value, checking it.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.container(),
            Some(other) => self.scalar(other),
            None => Err(Malformed::End),
        }
    }

    /// An object or array and all within it.
    fn container(&mut self) -> Result<(), Malformed> {
        let mut nesting = Nesting::default();
        loop {
            // A value stands here.
            match self.peek() {
                Some(b'"') => self.string()?,
                Some(b'{') => {
                    self.at += 1;
                    if self.first_key()? {
                        nesting.open(Container::Object)?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if self.first_element() {
                        nesting.open(Container::Array)?;
                        continue;
                    }
                }
                Some(other) => self.scalar(other)?,
                None => return Err(Malformed::End),
            }
            // Behind a value: the next one, or the ends of what is open.
            loop {
                let more = match nesting.innermost() {
                    None => return Ok(()),
                    Some(Container::Object) => self.next_key()?,
                    Some(Container::Array) => self.next_element()?,
                };
                if more {
                    break;
                }
                nesting.close();
            }
        }
    }

    /// A string whose opening quote is next.
    #[inline]
    fn string(&mut self) -> Result<(), Malformed> {
        self.escaped = false;
        self.at += 1;
        loop {
            self.at += plain_length(self.text, self.at);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(Malformed::Control),
                None => return Err(Malformed::End),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.text.get(self.at + 2..self.at + 6);
                match digits {
                    Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.at += 6,
                    Some(_) => return Err(Malformed::Escape),
                    None => return Err(Malformed::End),
                }
            }
            Some(_) => return Err(Malformed::Escape),
            None => return Err(Malformed::End),
        }
        Ok(())
    }

    #[inline]
    fn scalar(&mut self, first: u8) -> Result<(), Malformed> {
        match first {
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => Err(Malformed::Value),
        }
    }

    #[inline]
    fn literal(&mut self, word: &'static [u8]) -> Result<(), Malformed> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(if word.starts_with(rest) { Malformed::End } else { Malformed::Value })
    }

    #[inline]
    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.text.get(self.at) == Some(&b'-'));
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.fail(Malformed::Digit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Malformed> {
        let mut scanner = Scanner::new(text.as_bytes(), 0);
        scanner.value()?;
        scanner.end()
    }

    #[test]
    fn what_is_json_passes() {
        for text in r#"{} [] @[@]@ -0.5e+3 0 "a\u00e9\n\"" {"a":[1,{"b":null}],"c":true} [[],{}]"#.split(' ') {
            assert_eq!(check(&text.replace('@', " ")), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_fails() {
        let numbers = "01 1. - .5 1e +1 1.e3 0x1 NaN";
        let strings = r#" " "\x" "\u12g4" "\u12 'a' "#;
        let containers = r#"{ [1,] {"a"} {"a":} {a:1} {"a":1,} [1@2] {"a":1@"b":2} {}{} ] [,] {,} [1} {"a":1]"#;
        for text in
            numbers.split(' ').chain(strings.split(' ')).chain(containers.split(' ')).chain(["nul", "truex", "\"\t\""])
        {
            assert!(check(&text.replace('@', " ")).is_err(), "{text}");
        }
    }

    #[test]
    fn every_part_of_a_value_asks_for_more() {
        let text = "{\"a\":[true,false,null,-1.5e3,\"x\\n\\u00e9 long enough to take more than one word\"]}";
        for end in 0..text.len() {
            assert_eq!(check(&text[..end]), Err(Malformed::End), "{}", &text[..end]);
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_an_overflow() {
        assert_eq!(check(&format!("{}{}", "[".repeat(1024), "]".repeat(1024))), Ok(()));
        assert_eq!(check(&"[".repeat(10_000_000)), Err(Malformed::Depth));
        assert_eq!(check(&"{\"a\":".repeat(10_000_000)), Err(Malformed::Depth));
    }

    #[test]
    fn a_string_ends_where_it_ends_at_any_length() {
        for length in 0..200 {
            let text = format!("\"{}\" ", "é".repeat(length));
            let span = Scanner::new(text.as_bytes(), 0).value().unwrap();
            assert_eq!(span, Span { start: 0, end: text.len() - 1, escaped: false });
            assert!(check(&format!("\"{}\u{1}\"", "a".repeat(length))).is_err());
        }
    }
}
