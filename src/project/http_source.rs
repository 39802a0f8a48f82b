//! `http:` of a source's table: what is asked, how often, and what the answers mean.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::connection::HttpConnection;
use super::json_path::JsonPath;
use super::rendered::Local;
use super::source::{ColumnDefinition, Format};
use crate::diagnostic::Span;

/// The `http:` connector's settings.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub connection: Arc<HttpConnection>,
    pub request: RequestConfig,
    pub paginate: Paginate,
    /// Pages of one chain after which nothing more is asked. Default: all; ten thousand are an error.
    pub max_pages: Option<usize>,
    /// A query whose every row is asked for by requests of its own.
    pub for_each: Option<Text>,
    pub window: Option<WindowConfig>,
    pub poll: Option<PollConfig>,
    pub cursor: Option<CursorConfig>,
    /// What an answer's status means, where it is not what it usually does.
    pub on_status: Vec<(StatusPattern, OnStatus)>,
    /// The share of requests that must succeed; with it a failed request is a row. Default: all of them.
    pub min_success: Option<f64>,
    pub format: Format,
    /// Where the records are in a JSON document. Default: the elements of an array, or the one document.
    pub records: Option<JsonPath>,
    /// In their order; those taken `each:` from the `for_each` row are no part of the answer.
    pub columns: Vec<HttpColumn>,
    /// Windows or polls whose positions are committed together. Default: 24.
    pub per_commit: usize,
    /// The `http` key.
    pub place: Span,
}

#[derive(Debug, Clone)]
pub enum HttpColumn {
    Decoded(ColumnDefinition),
    /// A value of the `for_each` row, as text.
    Each {
        name: String,
        key: String,
    },
}

/// A string with Jinja, rendered for each request.
#[derive(Debug, Clone)]
pub struct Text {
    pub text: String,
    pub place: Span,
}

#[derive(Debug, Clone)]
pub struct RequestConfig {
    /// Default: GET, or POST where there is a body.
    pub method: Method,
    /// Appended to the connection's `base_url`, or a whole URL of the same host.
    pub path: Text,
    pub query: Vec<(String, Text)>,
    pub headers: Vec<(String, Text)>,
    pub body: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// How one answer leads to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paginate {
    None,
    /// RFC 8288: the URL of this relation.
    LinkHeader {
        rel: String,
    },
    NextUrl(JsonPath),
    /// A value of the answer that goes into the next request's query.
    Cursor {
        from: JsonPath,
        to: String,
    },
    /// A number counted up until a page holds fewer records than `size`, or none.
    Page {
        param: String,
        start: u64,
        size: Option<u64>,
        size_param: Option<String>,
    },
    Offset {
        param: String,
        limit: u64,
        limit_param: Option<String>,
    },
    /// A value of the last record that goes into the next request's query, until a page holds none.
    Keyset {
        from: JsonPath,
        to: String,
    },
}

/// `window:`: time cut in equal pieces, each read once.
#[derive(Debug, Clone)]
pub struct WindowConfig {
    pub every: Duration,
    /// The first window. Without it the service is asked for what is there now, once a window.
    pub start: Option<Timestamp>,
    /// After the last window.
    pub end: Option<Timestamp>,
    /// How long after its end a window can be read. Default: at once.
    pub delay: Duration,
}

/// `poll:`: read again and again.
#[derive(Debug, Clone)]
pub struct PollConfig {
    pub every: Duration,
    /// The answer's header with the seconds to wait at least.
    pub interval_header: Option<String>,
    /// `etag`: ask only for what has changed.
    pub conditional: bool,
}

/// `cursor:`: how far a feed was read.
#[derive(Debug, Clone)]
pub struct CursorConfig {
    /// The declared column whose greatest value is the cursor.
    pub field: String,
    /// What `cursor.value` is before anything was read.
    pub initial: Option<String>,
    pub on_gap: OnGap,
}

/// When the oldest record of a poll is newer than the newest of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    Warn,
    Fail,
    Ignore,
}

/// A status or a class of them: `404`, `5xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPattern {
    One(u16),
    Class(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStatus {
    /// The window is read again until it is this old, and then recorded as absent.
    AbsentAfter(Duration),
    /// A row without a record, whose `_status` and `_error` say why.
    Row,
    /// Nothing is there, and that is all right.
    Skip,
    Retry,
    Fail,
}

impl WindowConfig {
    /// What a template sees as `window`.
    pub fn local(&self, start: Timestamp) -> Local {
        let end = start.checked_add(self.every).unwrap_or(Timestamp::MAX);
        Local::Fields(vec![("start".to_owned(), Local::Time(start)), ("end".to_owned(), Local::Time(end))])
    }
}

impl StatusPattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            return class.parse().ok().filter(|class| (1..=5).contains(class)).map(Self::Class);
        }
        text.parse().ok().filter(|status| (100..600).contains(status)).map(Self::One)
    }

    pub fn matches(self, status: u16) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl HttpConfig {
    /// What is rendered for each request.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let request = &self.request;
        let named = request.query.iter().chain(&request.headers).map(|(_, text)| text);
        std::iter::once(&request.path).chain(named).chain(&request.body)
    }

    /// What these see, with values that stand for any.
    pub fn locals_to_try(&self) -> Vec<(&'static str, Local)> {
        let window = self.window.as_ref().map(|window| ("window", window.local(Timestamp::UNIX_EPOCH)));
        let each = self.for_each.as_ref().map(|_| ("each", Local::Any));
        let cursor = self.cursor.as_ref().map(|_| ("cursor", Local::Any));
        window.into_iter().chain(each).chain(cursor).collect()
    }

    /// The columns that are decoded from an answer, in their order.
    pub fn decoded(&self) -> impl Iterator<Item = &ColumnDefinition> {
        self.columns.iter().filter_map(|column| match column {
            HttpColumn::Decoded(column) => Some(column),
            HttpColumn::Each { .. } => None,
        })
    }
}
