//! A look into a whole JSON document: a value, or how many elements an array has and what the last of them says.

use std::io::{self, Read};

use super::compression::Content;
use super::escape::unescaped;
use super::paths::{Found, PathTree};
use super::scan::{Scanner, Span};
use crate::project::JsonPath;

/// A document that is looked into or taken as one record may have so many bytes.
pub(super) const LARGEST_DOCUMENT: usize = 256 << 20;

/// What a path finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Of a path without `[*]`: a string's meaning, the text of anything else; null and missing are nothing.
    pub value: Option<String>,
    /// Of a path with `[*]`.
    pub elements: u64,
    pub last: Option<String>,
}

/// Walks the document; the error is a text about it.
pub fn survey(document: &[u8], path: &JsonPath) -> Result<Decoded, String> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let mut found = [Found::default()];
    let start = document.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(document.len());
    let document = &document[start..];
    let mut scanner = Scanner::new(document, 0);
    let walked = PathTree::new([path]).walk(&mut scanner, document, &mut found);
    walked.map_err(|error| super::table::malformed(error, scanner.position()))?;
    let [found] = found;
    Ok(Decoded {
        value: found.value.and_then(|span| text(document, span)),
        elements: found.elements.len() as u64,
        last: found.elements.last().copied().flatten().and_then(|span| text(document, span)),
    })
}

/// All of a document, decompressed.
pub fn read_document(from: Content) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = LARGEST_DOCUMENT as u64 + 1;
    from.decompressed()?.into_reader().take(most).read_to_end(&mut content)?;
    if content.len() > LARGEST_DOCUMENT {
        return Err(io::Error::other(format!("the document is larger than {} MiB", LARGEST_DOCUMENT >> 20)));
    }
    Ok(content)
}

/// As a stream.
pub fn decompressed(from: Content) -> io::Result<Box<dyn Read + Send>> {
    Ok(from.decompressed()?.into_reader())
}

fn text(document: &[u8], span: Span) -> Option<String> {
    let bytes = &document[span.range()];
    let inside = bytes.strip_prefix(b"\"").and_then(|bytes| bytes.strip_suffix(b"\""));
    let text = match inside {
        Some(inside) if span.escaped => unescaped(inside).into_owned(),
        Some(inside) => inside.to_vec(),
        None if bytes == b"null" => return None,
        None => bytes.to_vec(),
    };
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_looked_into() {
        let document = br#" {"meta":{"next":"a\/b","n":3,"no":null},"jobs":[{"id":1},{"id":"z"}]}"#;
        let look = |path: &str| survey(document, &JsonPath::parse(path).unwrap()).unwrap();
        assert_eq!(look("$.meta.next").value.as_deref(), Some("a/b"));
        assert_eq!(look("$.meta.n").value.as_deref(), Some("3"));
        assert_eq!(look("$.meta.no").value, None);
        assert_eq!(look("$.jobs[*]").elements, 2);
        assert_eq!(look("$.jobs[*].id").last.as_deref(), Some("z"));
        assert_eq!(look("$.nothing[*]").elements, 0);
        assert!(survey(b"<html>", &JsonPath::parse("$.a").unwrap()).is_err());
    }
}
