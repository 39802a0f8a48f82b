//! What goes wrong between us and a service, told with the request it happened to.

use std::error::Error as _;
use std::time::Duration;

use crate::project::shown_duration;

/// A request that failed, after all its attempts.
#[derive(Debug, thiserror::Error)]
#[error("{request} {kind}{}", after(*.attempts))]
pub struct HttpError {
    /// Method and URL, secrets masked.
    pub request: String,
    pub attempts: usize,
    #[source]
    pub kind: HttpErrorKind,
}

impl HttpError {
    /// Without the request.
    pub(super) fn said(&self) -> String {
        format!("{}{}", self.kind, after(self.attempts))
    }
}

fn after(count: usize) -> String {
    if count > 1 { format!(", after {count} attempts") } else { String::new() }
}

#[derive(Debug, thiserror::Error)]
pub enum HttpErrorKind {
    #[error("answered {status}")]
    Status { status: String, code: u16, body: String },
    #[error("could not reach the service: {0}")]
    Connect(String),
    #[error("was refused a safe connection: {0}")]
    Certificate(String),
    #[error("got no answer that can be read: {0}")]
    Answer(String),
    #[error("got no answer within {}", shown_duration(*.0))]
    NoAnswer(Duration),
    #[error("got no byte of the answer's body for {}", shown_duration(*.0))]
    Stalled(Duration),
    #[error("got the answer's body too slowly: {bytes} bytes within {}", shown_duration(*.within))]
    Slow { bytes: usize, within: Duration },
    #[error("lost the connection inside the answer's body: {0}")]
    Broken(String),
    #[error("was sent in circles: {0}")]
    RedirectLoop(String),
    #[error("was sent to {0}, which is not safe to follow")]
    UnsafeRedirect(String),
    #[error("was told to wait {}, which is longer than `retry.max_wait` ({})", shown_duration(*.wait), shown_duration(*.longest))]
    LongWait { wait: Duration, longest: Duration },
    #[error("could not store the answer: {0}")]
    Store(std::io::Error),
    #[error("could not sign in: {reason}")]
    SignIn { reason: String, is_passing: bool },
    #[error("is not a request that can be made: {0}")]
    Request(String),
    /// As it was said when it was recorded.
    #[error("{said}")]
    Recorded { said: String, code: Option<u16>, body: String },
    #[error("was given up")]
    Cancelled,
}

impl HttpErrorKind {
    /// Of a request that got no answer.
    pub(super) fn of_send(error: &reqwest::Error, limit: Duration) -> Self {
        if error.is_timeout() {
            return Self::NoAnswer(limit);
        }
        let reason = innermost(error);
        if reason.contains("certificate") || reason.contains("UnknownIssuer") || reason.contains("tls handshake") {
            return Self::Certificate(reason);
        }
        if error.is_builder() {
            return Self::Request(reason);
        }
        if error.is_connect() { Self::Connect(reason) } else { Self::Answer(reason) }
    }

    /// Whether the same request may well succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Answer(_)
            | Self::NoAnswer(_)
            | Self::Stalled(_)
            | Self::Slow { .. }
            | Self::Broken(_) => true,
            Self::SignIn { is_passing, .. } => *is_passing,
            Self::Status { .. }
            | Self::Certificate(_)
            | Self::RedirectLoop(_)
            | Self::UnsafeRedirect(_)
            | Self::LongWait { .. }
            | Self::Store(_)
            | Self::Request(_)
            | Self::Recorded { .. }
            | Self::Cancelled => false,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Recorded { code, .. } => *code,
            _ => None,
        }
    }

    /// What the service said of it.
    pub fn body(&self) -> &str {
        match self {
            Self::Status { body, .. } | Self::Recorded { body, .. } => body,
            _ => "",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Status { code: 401, .. } => Some("the credentials in the connection's `auth` were not accepted"),
            Self::Status { code: 403, .. } => {
                Some("the service refuses this caller: look at the connection's `auth` and `headers`")
            }
            Self::Status { code: 404, .. } => Some(
                "look at `path`; if it may be missing, say so: `on_status: {404: skip}`, `row` or `absent_after 48h`",
            ),
            Self::Status { code: 429, .. } => Some("declare the service's limit: `rate: {budget: 60/min}`"),
            Self::Certificate(_) => {
                Some("a private authority's certificate is trusted when SSL_CERT_FILE names a file that holds it")
            }
            Self::NoAnswer(_) | Self::Stalled(_) | Self::Slow { .. } => {
                Some("`timeout: {request: ...}` of the connection allows more time")
            }
            Self::Store(_) => Some("answers are kept on disk until they are decoded; make room, or set TMPDIR"),
            Self::LongWait { .. } => Some("run again later, or raise `retry: {max_wait: ...}` of the connection"),
            _ => None,
        }
    }
}

/// The cause below all the wrapping, without the URL, which may hold secrets.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut text = None;
    while let Some(cause) = source {
        text = Some(cause.to_string());
        source = cause.source();
    }
    text.unwrap_or_else(|| {
        let kind = error.to_string();
        kind.split(" for url").next().unwrap_or_default().to_owned()
    })
}
