//! One connection: requests with its credentials, within its budget, retried as it says.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use url::Url;

use super::answer::{Answer, header_map};
use super::auth::{Credentials, Signed};
use super::body::receive;
use super::budget::Budget;
use super::error::{HttpError, HttpErrorKind};
use super::mask::Mask;
use crate::project::{HttpConnection, Method, OnStatus};

/// How often an answer may send us elsewhere.
const REDIRECTS: usize = 10;
/// How many requests there are in all; services agree on the name.
const LIMIT_HEADER: &str = "x-ratelimit-limit";
/// A wait without any other hint of its length.
const UNKNOWN_WAIT: Duration = Duration::from_mins(1);

/// A request whose texts are rendered.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

/// All that was asked and received over a connection.
#[derive(Debug, Default)]
pub struct Traffic {
    pub requests: AtomicU64,
    pub bytes: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Client {
    config: Arc<HttpConnection>,
    clock: Clock,
    http: reqwest::Client,
    budget: Budget,
    credentials: Credentials,
    slots: Semaphore,
    pub(super) traffic: Traffic,
}

/// The connections of an invocation, each opened once, so that its budget is shared.
#[derive(Debug)]
pub struct Clients {
    clock: Clock,
    open: Mutex<BTreeMap<String, Arc<Client>>>,
}

/// What time it is: when the invocation began, and how long ago that was.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Timestamp,
    since: Instant,
}

impl Clock {
    fn seconds(self) -> i64 {
        self.started.as_second().saturating_add(i64::try_from(self.since.elapsed().as_secs()).unwrap_or(i64::MAX))
    }
}

impl Clients {
    pub fn starting_at(started: Timestamp) -> Self {
        Self { clock: Clock { started, since: Instant::now() }, open: Mutex::default() }
    }

    pub(super) fn client(&self, config: &Arc<HttpConnection>) -> Result<Arc<Client>, HttpErrorKind> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = open.get(&config.name) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(Client::new(config, self.clock)?);
        open.insert(config.name.clone(), Arc::clone(&client));
        Ok(client)
    }
}

/// Where a request's answer goes, and how it is treated.
pub(super) struct Handling<'a> {
    pub(super) mask: &'a Mask,
    pub(super) scratch: Option<&'a Path>,
    /// What the table says of a status.
    pub(super) on_status: &'a (dyn Fn(u16) -> Option<OnStatus> + Sync),
}

impl Client {
    fn new(config: &Arc<HttpConnection>, clock: Clock) -> Result<Self, HttpErrorKind> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(config.timeout.connect)
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| HttpErrorKind::of_send(&error, config.timeout.connect))?;
        Ok(Self {
            config: Arc::clone(config),
            clock,
            http,
            budget: Budget::new(&config.rate),
            credentials: Credentials::new(&config.auth),
            slots: Semaphore::new(config.concurrency.max(1)),
            traffic: Traffic::default(),
        })
    }

    /// The requests the service still allows, as far as it says.
    pub(super) fn quota_left(&self) -> Option<u64> {
        self.budget.left()
    }

    /// The answer to a request; a status that means failure is an error, unless the table says what it means.
    pub(super) async fn send(&self, request: &Request, handling: &Handling<'_>) -> Result<Answer, HttpError> {
        let method = if request.method == Method::Post { "POST" } else { "GET" };
        let shown = format!("`{method} {}`", handling.mask.url(&request.url));
        let mut attempts = 0;
        let mut renewed = false;
        let fail = |attempts, kind| HttpError { request: shown.clone(), attempts, kind };
        loop {
            attempts += 1;
            let last = attempts > self.config.retry.max;
            match self.attempt(request, handling).await {
                Ok((answer, signed)) => match self.judge(&answer, handling) {
                    Verdict::Good => return Ok(answer),
                    Verdict::SignInAgain if !renewed => {
                        renewed = true;
                        self.credentials.forget(signed.as_ref()).await;
                        continue;
                    }
                    Verdict::Wait(wait) if !last => {
                        let wait = wait.unwrap_or(UNKNOWN_WAIT);
                        if self.credentials.set_aside(signed.as_ref(), wait) {
                            // Another token of the pool goes on.
                            continue;
                        }
                        let longest = self.config.retry.max_wait;
                        if wait > longest {
                            return Err(fail(attempts, HttpErrorKind::LongWait { wait, longest }));
                        }
                        self.budget.close(wait);
                        continue;
                    }
                    Verdict::Retry if !last => {}
                    Verdict::Wait(_) | Verdict::Retry | Verdict::Final | Verdict::SignInAgain => {
                        // A status the table has words for is the table's affair.
                        return match (handling.on_status)(answer.status) {
                            Some(OnStatus::Fail | OnStatus::Retry) | None => {
                                Err(fail(attempts, self.refusal(&answer, handling.mask)))
                            }
                            Some(_) => Ok(answer),
                        };
                    }
                },
                Err(kind) if last || !kind.is_transient() => return Err(fail(attempts, kind)),
                Err(_) => {}
            }
            tokio::time::sleep(self.backoff(attempts)).await;
        }
    }

    /// Full jitter below a bound that doubles with every attempt.
    fn backoff(&self, attempts: usize) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let bound = self.config.retry.first.saturating_mul(1 << doublings).min(self.config.retry.longest);
        bound.mul_f64(rand::random_range(0.5..=1.0))
    }

    async fn attempt(
        &self,
        request: &Request,
        handling: &Handling<'_>,
    ) -> Result<(Answer, Option<Signed>), HttpErrorKind> {
        let _slot = self.slots.acquire().await.map_err(|_| HttpErrorKind::Cancelled)?;
        let signed = self.credentials.sign(&self.http, self.config.timeout.request).await?;
        let mut current = request.clone();
        let mut visited = HashSet::from([current.url.clone()]);
        for _ in 0..=REDIRECTS {
            while let Some(wait) = self.budget.take() {
                let longest = self.config.retry.max_wait;
                if wait > longest {
                    return Err(HttpErrorKind::LongWait { wait, longest });
                }
                tokio::time::sleep(wait).await;
            }
            let response = self.once(&current, &request.url, signed.as_ref()).await?;
            self.note_quota(response.headers(), signed.as_ref());
            let status = response.status().as_u16();
            let location = matches!(status, 301 | 302 | 303 | 307 | 308).then(|| response.headers().get(LOCATION));
            if let Some(location) = location.flatten() {
                let next = location.to_str().ok().and_then(|location| current.url.join(location).ok());
                let Some(next) = next else {
                    return Err(HttpErrorKind::UnsafeRedirect("a place that is no URL".to_owned()));
                };
                check_redirect(&current.url, &next, handling.mask)?;
                if !visited.insert(next.clone()) {
                    return Err(HttpErrorKind::RedirectLoop(format!("`{}` came up twice", handling.mask.url(&next))));
                }
                if !same_origin(&next, &request.url) && current.body.is_some() && !matches!(status, 301..=303) {
                    return Err(HttpErrorKind::UnsafeRedirect(format!(
                        "`{}`, with the request's body",
                        handling.mask.url(&next)
                    )));
                }
                current.url = next;
                if matches!(status, 301..=303) {
                    current.method = Method::Get;
                    current.body = None;
                }
                continue;
            }
            let headers = header_map(response.headers());
            let received = |bytes: usize| {
                self.traffic.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            };
            let body = receive(response, handling.scratch, self.config.timeout.request, &received).await?;
            body.check(headers.get("content-encoding").map(String::as_str), current.url.path())?;
            return Ok((Answer { url: current.url, status, headers, body }, signed));
        }
        Err(HttpErrorKind::RedirectLoop(format!("{REDIRECTS} redirects in a row")))
    }

    async fn once(
        &self,
        request: &Request,
        origin: &Url,
        signed: Option<&Signed>,
    ) -> Result<reqwest::Response, HttpErrorKind> {
        let same_host = same_origin(&request.url, origin);
        let mut url = request.url.clone();
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: &str| -> Result<(), HttpErrorKind> {
            let unusable = || HttpErrorKind::Request(format!("header `{name}` cannot be sent"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| unusable())?);
            Ok(())
        };
        set("user-agent", concat!("engine/", env!("CARGO_PKG_VERSION")))?;
        set("accept-encoding", "gzip")?;
        // What signs the caller in stays with the host it was meant for; so do the connection's own headers.
        if same_host {
            for (name, value) in &self.config.headers {
                set(name, &value.0)?;
            }
            for (name, value) in &request.headers {
                set(name, value)?;
            }
            match signed {
                Some(Signed::Header { name, value }) => set(name, &value.0)?,
                Some(Signed::Query { name, value }) => {
                    url.query_pairs_mut().append_pair(name, &value.0);
                }
                None => {}
            }
        }
        let builder = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
        };
        let builder = match &request.body {
            Some(body) => {
                if !headers.contains_key("content-type") {
                    headers.insert("content-type", HeaderValue::from_static("application/json"));
                }
                builder.body(body.clone())
            }
            None => builder,
        };
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let limit = self.config.timeout.request;
        match tokio::time::timeout(limit, builder.headers(headers).send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() && error.is_timeout() => {
                Err(HttpErrorKind::of_send(&error, self.config.timeout.connect))
            }
            Ok(Err(error)) => Err(HttpErrorKind::of_send(&error, limit)),
            Err(_) => Err(HttpErrorKind::NoAnswer(limit)),
        }
    }

    fn note_quota(&self, headers: &HeaderMap, signed: Option<&Signed>) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let Some(left) = number(&self.config.rate.remaining_header) else { return };
        let now = self.now(headers.get(DATE).and_then(|date| date.to_str().ok()));
        let reset = number(&self.config.rate.reset_header).map(|reset| until(reset, now));
        match self.credentials.told(signed, left, reset) {
            // The other credentials of the pool still have some.
            Some(best) => self.budget.told(best, None, None),
            None => self.budget.told(left, number(LIMIT_HEADER), reset),
        }
    }

    fn refusal(&self, answer: &Answer, mask: &Mask) -> HttpErrorKind {
        let status = reqwest::StatusCode::from_u16(answer.status);
        let status = status.map_or_else(|_| answer.status.to_string(), |status| status.to_string());
        let body = mask.text(&self.credentials.mask(&answer.beginning()));
        HttpErrorKind::Status { status, code: answer.status, body }
    }

    /// The service's own clock if it tells, in seconds since 1970: its times are of that clock.
    fn now(&self, date: Option<&str>) -> i64 {
        let told = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        told.map_or_else(|| self.clock.seconds(), |date| date.timestamp().as_second())
    }

    fn judge(&self, answer: &Answer, handling: &Handling<'_>) -> Verdict {
        let status = answer.status;
        if (200..300).contains(&status) || status == 304 {
            return Verdict::Good;
        }
        let now = self.now(answer.header(DATE.as_str()));
        let asked = answer.header(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, now));
        match (handling.on_status)(status) {
            Some(OnStatus::Fail) => return Verdict::Final,
            Some(OnStatus::Retry) => return asked.map_or(Verdict::Retry, |wait| Verdict::Wait(Some(wait))),
            Some(OnStatus::AbsentAfter(_) | OnStatus::Skip | OnStatus::Row) if status < 500 && status != 429 => {
                return Verdict::Final;
            }
            _ => {}
        }
        let number = |name: &str| answer.header(name).and_then(|text| text.trim().parse::<u64>().ok());
        let spent = number(&self.config.rate.remaining_header) == Some(0);
        match status {
            429 => {
                Verdict::Wait(asked.or_else(|| {
                    number(&self.config.rate.reset_header).filter(|_| spent).map(|reset| until(reset, now))
                }))
            }
            403 if asked.is_some() => Verdict::Wait(asked),
            403 if spent => Verdict::Wait(number(&self.config.rate.reset_header).map(|reset| until(reset, now))),
            401 if self.credentials.is_renewable() => Verdict::SignInAgain,
            503 if asked.is_some() => Verdict::Wait(asked),
            408 | 425 | 500..=599 => Verdict::Retry,
            _ => Verdict::Final,
        }
    }
}

enum Verdict {
    Good,
    /// The service asks for patience.
    Wait(Option<Duration>),
    Retry,
    SignInAgain,
    Final,
}

fn check_redirect(from: &Url, to: &Url, mask: &Mask) -> Result<(), HttpErrorKind> {
    let is_downgrade = from.scheme() == "https" && to.scheme() != "https";
    if is_downgrade || !matches!(to.scheme(), "http" | "https") {
        return Err(HttpErrorKind::UnsafeRedirect(format!("`{}`", mask.url(to))));
    }
    Ok(())
}

/// Credentials may be sent.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Seconds since 1970 or from now, as services have it.
fn until(reset: u64, now: i64) -> Duration {
    /// No service resets in over a year.
    const YEAR: u64 = 366 * 86_400;
    if reset < YEAR {
        return Duration::from_secs(reset);
    }
    // A second more: the reset may come at the end of the second told.
    Duration::from_secs(reset.saturating_sub(u64::try_from(now).unwrap_or_default()) + 1)
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::from_secs(u64::try_from(at.as_second() - now).unwrap_or(0)))
}
