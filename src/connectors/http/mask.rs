//! URLs as they may be shown, logged and stored: without what signs the caller in.

use url::Url;

/// What replaces a secret.
const MASK: &str = "***";
/// A parameter whose name holds one of these is a secret.
const SECRET_NAMES: &[&str] =
    &["key", "token", "secret", "passw", "pwd", "signature", "sig", "auth", "credential", "session"];
/// A shorter text is found in too many places to be taken for a secret.
const SHORTEST: usize = 4;

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
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
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

    fn holds(&self, value: &str) -> bool {
        self.secrets.iter().any(|secret| value.contains(secret.as_str()))
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
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
}
