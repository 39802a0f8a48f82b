//! Recorded answers: written by `engine record`, read in place of the network by a target with `replay:`.
//!
//! A folder with `responses.ndjson`, an answer a line: the source and the window or poll it was received for, method and
//! URL (secrets masked), status, headers, and the body as received: a short text in `body`, anything else in a `file`
//! beside the index. A request that got no answer has `error`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use url::Url;

use super::answer::Answer;
use super::body::Body;
use super::error::{HttpError, HttpErrorKind};
use super::mask::Mask;
use crate::names::SourceName;

/// The index's name.
pub const INDEX: &str = "responses.ndjson";
/// A longer body is a file of its own.
const SHORT: u64 = 16 << 10;
/// Headers that are kept; the others say nothing that is read again, and some are secret.
const KEPT: &[&str] = &[
    "content-type",
    "content-encoding",
    "content-length",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub source: String,
    /// The window's start or the time of the poll, RFC 3339.
    pub item: String,
    pub method: String,
    pub url: String,
    /// The request's body, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("cannot read the recording `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("line {line} of `{}` is no recorded answer: {reason}", path.display())]
    Entry { path: PathBuf, line: usize, reason: String },
    #[error("cannot write the recording `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("two requests cannot be told apart in a recording, for they differ in a secret only: `{request}`")]
    Ambiguous { request: String },
    #[error("this target replays `{}`, which has nothing of source `{source_name}`", folder.display())]
    Unknown { source_name: String, folder: PathBuf },
    #[error("`{request}` was not recorded for {item} of source `{source_name}`")]
    Missing { request: String, item: String, source_name: String },
}

/// A request as it is recorded, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) body: Option<String>,
}

/// A request that failed, as it was recorded.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) said: String,
    pub(super) status: Option<u16>,
    pub(super) body: String,
}

type Answers = BTreeMap<Asked, Entry>;

/// A recording, read whole: the index is small, bodies stay where they are.
#[derive(Debug)]
pub struct Replay {
    folder: PathBuf,
    /// By source, then by window or poll, then by method and URL.
    sources: BTreeMap<String, BTreeMap<String, Answers>>,
}

impl Replay {
    pub fn open(folder: &Path) -> Result<Self, ReplayError> {
        let path = folder.join(INDEX);
        let text = std::fs::read_to_string(&path).map_err(|source| ReplayError::Read { path: path.clone(), source })?;
        let mut sources: BTreeMap<String, BTreeMap<String, Answers>> = BTreeMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |reason: String| ReplayError::Entry { path: path.clone(), line: number + 1, reason };
            let entry: Entry = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let item =
                entry.item.parse::<jiff::Timestamp>().map_err(|_| wrong(format!("`{}` is not a time", entry.item)))?;
            if entry.status.is_none() && entry.error.is_none() {
                return Err(wrong("neither `status` nor `error`".to_owned()));
            }
            let method = if entry.method == "POST" { "POST" } else { "GET" };
            let key = Asked { method, url: entry.url.clone(), body: entry.request.clone() };
            sources.entry(entry.source.clone()).or_default().entry(item.to_string()).or_default().insert(key, entry);
        }
        Ok(Self { folder: folder.to_owned(), sources })
    }

    /// Where the files of a source are, if it has any.
    pub(in crate::connectors) fn files_of(&self, source: &SourceName) -> PathBuf {
        self.folder.join("files").join(source.to_string())
    }

    /// A source of which nothing at all was recorded is not one that has nothing new.
    pub(super) fn check_source(&self, source: &str) -> Result<(), ReplayError> {
        match self.sources.contains_key(source) {
            true => Ok(()),
            false => Err(ReplayError::Unknown { source_name: source.to_owned(), folder: self.folder.clone() }),
        }
    }

    /// The windows or polls there are of a source, in order of time.
    pub(super) fn items(&self, source: &str) -> Vec<String> {
        let items: BTreeSet<(jiff::Timestamp, &String)> = self
            .sources
            .get(source)
            .into_iter()
            .flatten()
            .filter_map(|(item, _)| Some((item.parse().ok()?, item)))
            .collect();
        items.into_iter().map(|(_, item)| item.clone()).collect()
    }

    pub(super) fn answer(
        &self,
        source: &str,
        item: &str,
        asked: &Asked,
    ) -> Result<Result<Answer, Failure>, ReplayError> {
        let found = self.sources.get(source).and_then(|items| items.get(item));
        let entry = found.and_then(|answers| answers.get(asked));
        let missing = || ReplayError::Missing {
            request: format!("{} {}", asked.method, asked.url),
            item: item.to_owned(),
            source_name: source.to_owned(),
        };
        let entry = entry.ok_or_else(missing)?;
        let (Some(status), Ok(url), None) = (entry.status, Url::parse(&entry.url), &entry.error) else {
            let (said, body) = (entry.error.clone().unwrap_or_default(), entry.body.clone().unwrap_or_default());
            return Ok(Err(Failure { said, status: entry.status, body }));
        };
        let body = match (&entry.body, &entry.file) {
            (Some(text), _) => Body::Memory(text.clone().into()),
            (None, Some(file)) => Body::Stored(self.folder.join(file)),
            (None, None) => Body::Memory(bytes::Bytes::new()),
        };
        let headers = entry.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        Ok(Ok(Answer { url, status, headers, body }))
    }
}

/// Writes what connectors receive.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    index: Mutex<std::fs::File>,
    /// What each request was before its secrets were masked, as a hash.
    asked: Mutex<BTreeMap<(String, String, Asked), Vec<u8>>>,
}

impl Recorder {
    pub fn create(folder: &Path) -> Result<Self, ReplayError> {
        let path = folder.join(INDEX);
        let failed = |source| ReplayError::Write { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let index = std::fs::File::create_new(&path).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), index: Mutex::new(index), asked: Mutex::default() })
    }

    /// Keeps a file as it is.
    pub(in crate::connectors) fn keep_file(
        &self,
        source: &SourceName,
        name: &str,
        content: &mut dyn io::Read,
    ) -> Result<(), ReplayError> {
        let path = self.folder.join("files").join(source.to_string()).join(name);
        let failed = |source| ReplayError::Write { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file = std::fs::File::create(&path).map_err(failed)?;
        io::copy(content, &mut file).map_err(failed)?;
        Ok(())
    }

    /// The request is masked already; the answer is masked here.
    pub(super) fn keep(
        &self,
        source: &str,
        item: &str,
        (asked, unmasked): (&Asked, &str),
        answer: Result<&Answer, &HttpError>,
        mask: &Mask,
    ) -> Result<(), ReplayError> {
        let hash = sha2::Sha256::digest(unmasked.as_bytes()).to_vec();
        let key = (source.to_owned(), item.to_owned(), asked.clone());
        let before = self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key, hash.clone());
        if before.is_some_and(|before| before != hash) {
            return Err(ReplayError::Ambiguous { request: format!("{} {}", asked.method, asked.url) });
        }
        let mut entry = Entry {
            source: source.to_owned(),
            item: item.to_owned(),
            method: asked.method.to_owned(),
            url: asked.url.clone(),
            request: asked.body.clone(),
            status: None,
            headers: BTreeMap::new(),
            body: None,
            file: None,
            error: answer.err().map(HttpError::said),
        };
        let path = self.folder.join(INDEX);
        let failed = |source| ReplayError::Write { path: path.clone(), source };
        if let Err(HttpError { kind: HttpErrorKind::Status { code, body, .. }, .. }) = answer {
            entry.status = Some(*code);
            entry.body = Some(mask.text(body)).filter(|body| !body.is_empty());
        }
        if let Ok(answer) = answer {
            entry.status = Some(answer.status);
            let kept =
                answer.headers.iter().filter(|(name, _)| KEPT.contains(&name.as_str()) || name.starts_with("x-"));
            entry.headers = kept.map(|(name, value)| (name.clone(), mask.links(value))).collect();
            let mut reader = answer.body.reader().map_err(failed)?;
            let mut short = Vec::new();
            if answer.body.size() <= SHORT {
                io::Read::read_to_end(&mut reader, &mut short).map_err(failed)?;
            }
            match String::from_utf8(short) {
                Ok(text) if answer.body.size() <= SHORT => entry.body = Some(mask.text(&text)),
                _ => {
                    let name = file_name(source, item, &asked.url);
                    let target = self.folder.join(&name);
                    if let Some(parent) = target.parent() {
                        std::fs::create_dir_all(parent).map_err(failed)?;
                    }
                    let mut content = answer.body.reader().map_err(failed)?;
                    let mut file = std::fs::File::create(&target).map_err(failed)?;
                    mask.copy(&mut *content, &mut file, answer.body.size()).map_err(failed)?;
                    entry.file = Some(name);
                }
            }
        }
        let mut line = serde_json::to_string(&entry).map_err(|error| failed(error.into()))?;
        line.push('\n');
        self.index.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()).map_err(failed)
    }
}

/// `<source>/<item>-<end of the URL>`, with a hash that tells URLs of one end apart.
fn file_name(source: &str, item: &str, url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let path = parsed.as_ref().map_or(url, |url| url.path());
    let end = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("answer");
    let safe = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' }).collect()
    };
    let hash: String = sha2::Sha256::digest(url.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}/{}-{hash}-{}", safe(source), safe(item), safe(end))
}
