//! What comes back of a request.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use url::Url;

use super::body::Body;

/// What is shown of the body of a refusal.
const SHOWN_BODY: usize = 500;

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Body,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first characters of a body that is text.
    pub(super) fn beginning(&self) -> String {
        let mut bytes = vec![0; SHOWN_BODY * 4];
        let compression = self.body.compression(self.header("content-encoding"), self.url.path());
        let opened = compression
            .and_then(|compression| crate::connectors::decode::decompressed(self.body.content(compression)?));
        let Ok(mut reader) = opened else { return String::new() };
        let mut filled = 0;
        while let Ok(read) = reader.read(&mut bytes[filled..]) {
            filled += read;
            if read == 0 || filled == bytes.len() {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes[..filled]);
        let strange = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER || *c == '\0').count();
        if strange * 10 > text.chars().count() {
            return "(no text)".to_owned();
        }
        // As one line, and without what a terminal would obey.
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let words: Vec<&str> = plain.split_whitespace().collect();
        words.join(" ").chars().take(SHOWN_BODY).collect()
    }
}

/// Several headers of one name are one list, as RFC 9110 has it in section 5.3.
pub(super) fn header_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        map.entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push_str(", ");
                known.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    map
}
