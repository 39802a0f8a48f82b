//! URLs as they may be shown, logged and stored: without what signs the caller in.

use std::io;

use url::Url;

/// What replaces a secret.
const MASK: &str = "***";
/// A parameter of one of these names is a secret, whatever stands before it.
const SECRET_WORDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "signature",
    "credential",
    "credentials",
    "apikey",
    "sessionid",
];
/// These are, by themselves or behind one of the words that say so.
const SECRET_KINDS: &[&str] = &["key", "token", "sig", "auth"];
const OF_A_SECRET: &[&str] = &[
    "api", "access", "auth", "bearer", "private", "client", "id", "refresh", "session", "security", "oauth", "user",
    "x",
];
/// A shorter text is found in too many places to be taken for a secret.
const SHORTEST: usize = 4;
/// A larger body is stored as it is.
const LARGEST_MASKED: u64 = 64 << 20;

/// Knows the secrets of a table's requests.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Mask").finish_non_exhaustive()
    }
}

impl Mask {
    pub(super) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        // As they stand in a form or a URL, too.
        let encoded = |secret: String| {
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let is_other = form != secret;
            std::iter::once(secret).chain(is_other.then_some(form))
        };
        let known = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        let mut secrets: Vec<String> = known.flat_map(encoded).collect();
        // A secret that holds another is replaced first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    pub(crate) fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        // Fails only for URLs without a host, which have no user either.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if !pairs.is_empty() && pairs.iter().any(|(name, value)| is_secret_name(name) || self.holds(value)) {
            let mut query = shown.query_pairs_mut();
            query.clear();
            for (name, value) in &pairs {
                match is_secret_name(name) || self.holds(value) {
                    true => query.append_pair(name, MASK),
                    false => query.append_pair(name, value),
                };
            }
        }
        self.text(shown.as_str())
    }

    /// A text without the known secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.secrets {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), MASK);
            }
        }
        masked
    }

    /// A header that may hold URLs, as `Link` does.
    pub(super) fn links(&self, value: &str) -> String {
        let mut masked = self.text(value);
        for link in value.split(['<', '>', ' ', ',']).filter(|part| part.contains("://")) {
            if let Ok(url) = Url::parse(link.trim_end_matches(';')) {
                let shown = self.url(&url);
                if shown != url.as_str() {
                    masked = masked.replace(link, &shown);
                }
            }
        }
        masked
    }

    /// Copies a body, without the known secrets where it is text that fits into memory.
    pub(super) fn copy(&self, from: &mut dyn io::Read, to: &mut dyn io::Write, size: u64) -> io::Result<()> {
        if self.secrets.is_empty() || size > LARGEST_MASKED {
            io::copy(from, to)?;
            return Ok(());
        }
        let mut content = Vec::new();
        from.read_to_end(&mut content)?;
        match String::from_utf8(content) {
            Ok(text) => to.write_all(self.text(&text).as_bytes()),
            Err(bytes) => to.write_all(bytes.as_bytes()),
        }
    }

    fn holds(&self, value: &str) -> bool {
        self.secrets.iter().any(|secret| value.contains(secret.as_str()))
    }
}

/// `page_token` and `keyword` are none.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let Some((last, before)) = words.split_last() else { return false };
    let is_kind = SECRET_KINDS.iter().any(|kind| {
        let joined = last.strip_suffix(kind).is_some_and(|rest| OF_A_SECRET.contains(&rest));
        joined || (last == kind && before.iter().all(|word| OF_A_SECRET.contains(word)))
    });
    is_kind || words.iter().any(|word| SECRET_WORDS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let mask = Mask::new(["s3cret-value".to_owned(), "ab".to_owned()]);
        for (url, shown) in [
            ("https://h/p?per_page=100&page=2", "https://h/p?per_page=100&page=2"),
            ("https://h/p?api_key=abcdef&page=2", "https://h/p?api_key=***&page=2"),
            ("https://user:word@h/p", "https://h/p"),
            ("https://h/p?q=xs3cret-valuex", "https://h/p?q=***"),
            ("https://h/s3cret-value/p?q=ab", "https://h/***/p?q=ab"),
        ] {
            assert_eq!(mask.url(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn names_of_secrets_are_words() {
        for name in [
            "key",
            "api_key",
            "apikey",
            "X-Api-Key",
            "token",
            "access_token",
            "accesstoken",
            "sig",
            "X-Amz-Signature",
            "client_secret",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["keyword", "keyset", "author", "signal", "page_token", "next_token", "sort_key", "monkey", "q"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
