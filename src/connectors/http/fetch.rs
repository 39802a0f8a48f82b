//! All requests of an item: a chain of pages for each row of `for_each`, some of them at the same time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::answer::Answer;
use super::body::Body;
use super::client::{Handling, Request};
use super::error::{HttpError, HttpErrorKind};
use super::outcome::{Outcome, OutcomeKind};
use super::paging::{Content, Pages};
use super::position::read_text;
use super::replay::{Asked, Failure};
use super::{ConnectorError, Http, Item, Slot, lock, start_of};
use crate::connectors::decode::Compression;
use crate::project::{Method, OnStatus, StatusPattern};

/// What a row says of a failure.
const SHOWN_ERROR: usize = 500;

/// An item's answers, in the order of the rows they were asked for.
#[derive(Debug, Default)]
pub(in crate::connectors) struct Fetched {
    pub(super) answers: Vec<Received>,
    pub(super) outcome: Outcome,
}

/// An answer, or what became of a request without one.
#[derive(Debug)]
pub(super) struct Received {
    /// The URL, secrets masked.
    pub(super) url: String,
    pub(super) status: Option<u16>,
    /// Why there is no record.
    pub(super) error: Option<String>,
    pub(super) each: Arc<Map<String, Value>>,
    pub(super) body: Option<(Body, Compression)>,
}

/// The answers to one row, and what they say of the item.
#[derive(Default)]
struct Chain {
    answers: Vec<Received>,
    outcome: Outcome,
    failed: bool,
}

impl Http {
    /// Everything of an item; asked for once, however often it is read.
    pub(super) async fn fetched(&self, item: &Item) -> Result<Arc<Fetched>, ConnectorError> {
        let slot = self.slot(item);
        let mut place = slot.lock().await;
        place.begun = true;
        let fetched = match place.result.take() {
            Some(Ok(fetched)) => fetched,
            // What failed while nobody waited for it yet.
            Some(Err(error)) => return Err(error),
            None => self.fetch_or_cancel(item).await?,
        };
        place.result = Some(Ok(Arc::clone(&fetched)));
        Ok(fetched)
    }

    /// As [`Self::fetched`], ahead of its reader; a failure is kept for him.
    pub(in crate::connectors) async fn prefetch(&self, item: &Item, slot: &Slot) {
        let mut place = slot.lock().await;
        if !place.begun {
            place.begun = true;
            place.result = Some(self.fetch_or_cancel(item).await);
        }
    }

    /// Where the item is, or will be.
    pub(in crate::connectors) fn slot(&self, item: &Item) -> Slot {
        Arc::clone(lock(&self.fetched).entry(item.name.clone()).or_default())
    }

    async fn fetch_or_cancel(&self, item: &Item) -> Result<Arc<Fetched>, ConnectorError> {
        tokio::select! {
            fetched = self.fetch(item) => fetched.map(Arc::new),
            () = self.around.cancel.cancelled() => {
                let request = format!("{} of `{}`", item.name, self.name);
                Err(ConnectorError::Http(Box::new(HttpError { request, attempts: 1, kind: HttpErrorKind::Cancelled })))
            }
        }
    }

    async fn fetch(&self, item: &Item) -> Result<Fetched, ConnectorError> {
        let rows = match &self.config.for_each {
            None => vec![Map::new()],
            Some(_) => {
                let window = jiff::Timestamp::from_second(start_of(item)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                self.for_each.rows(window).await.map_err(ConnectorError::Found)?
            }
        };
        self.check_each(&rows)?;
        let chains: Vec<Chain> = futures::stream::iter(rows.into_iter().map(Arc::new))
            .map(|row| self.chain(item, row))
            .buffered(self.config.connection.concurrency.max(1))
            .try_collect()
            .await?;
        self.enough(item, &chains)?;
        let mut fetched = Fetched::default();
        let (mut pending, mut absent) = (0, 0);
        let count = chains.len();
        for chain in chains {
            pending += usize::from(chain.outcome.kind == OutcomeKind::Pending);
            absent += usize::from(chain.outcome.kind == OutcomeKind::Absent);
            let etag = fetched.outcome.etag.take().or(chain.outcome.etag);
            let wait = fetched.outcome.wait.max(chain.outcome.wait);
            fetched.outcome = Outcome { kind: chain.outcome.kind, etag, wait, ..Outcome::default() };
            fetched.answers.extend(chain.answers);
        }
        fetched.outcome.kind = match (pending, absent) {
            // Half a window is none.
            (1.., _) => OutcomeKind::Pending,
            (0, 1..) if absent == count => OutcomeKind::Absent,
            _ if count == 1 && fetched.outcome.kind == OutcomeKind::Unchanged => OutcomeKind::Unchanged,
            _ => OutcomeKind::Read,
        };
        if fetched.outcome.kind != OutcomeKind::Read {
            fetched.answers.clear();
        }
        self.progress.items.fetch_add(1, Ordering::Relaxed);
        Ok(fetched)
    }

    /// Every column of `each:` must be in the query.
    fn check_each(&self, rows: &[Map<String, Value>]) -> Result<(), ConnectorError> {
        if let Some((key, _)) = rows.iter().flatten().find(|(_, value)| value.is_null()) {
            let text = self.config.for_each.as_ref().map(|text| text.place.clone());
            return Err(ConnectorError::Found(
                crate::diagnostic::Diagnostic::error(
                    crate::diagnostic::Code::Source,
                    format!("the `for_each` query of source `{}` gives a NULL as `{key}`", self.name),
                )
                .label_or_file(text, "", "sources.yaml")
                .hint(format!("leave such rows out: `where {key} is not null`"))
                .into(),
            ));
        }
        let Some(row) = rows.first() else { return Ok(()) };
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        match super::request::missing_each(&self.config, &self.name, &names) {
            Some(missing) => Err(ConnectorError::Found(missing.into())),
            None => Ok(()),
        }
    }

    fn enough(&self, item: &Item, chains: &[Chain]) -> Result<(), ConnectorError> {
        let Some(least) = self.config.min_success else { return Ok(()) };
        let failed: Vec<&Chain> = chains.iter().filter(|chain| chain.failed).collect();
        let good = chains.len() - failed.len();
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        if chains.is_empty() || count(good) >= least * count(chains.len()) {
            return Ok(());
        }
        let first = failed.iter().flat_map(|chain| &chain.answers).find_map(|answer| {
            let status = answer.status.map(|status| format!(" answered {status}:")).unwrap_or_default();
            Some(format!("`{}`{status} {}", answer.url, answer.error.as_ref()?))
        });
        Err(ConnectorError::TooFewGood {
            source_name: self.name.to_string(),
            item: item.name.clone(),
            good,
            all: chains.len(),
            percent: least * 100.0,
            first: first.unwrap_or_default(),
        })
    }

    /// A row's pages. With `min_success` a failure is a row; without it, it is the item's.
    async fn chain(&self, item: &Item, each: Arc<Map<String, Value>>) -> Result<Chain, ConnectorError> {
        let mut chain = Chain::default();
        match self.pages(item, &each, &mut chain).await {
            Ok(()) => Ok(chain),
            Err(ConnectorError::Http(error)) if self.config.min_success.is_some() => {
                let cancelled = matches!(error.kind, HttpErrorKind::Cancelled | HttpErrorKind::Store(_));
                if cancelled {
                    return Err(ConnectorError::Http(error));
                }
                let body = error.kind.body();
                let said = if body.is_empty() { error.to_string() } else { body.to_owned() };
                let url = error.request.trim_matches('`').split_once(' ').map_or("", |(_, url)| url).to_owned();
                chain.answers.clear();
                chain.answers.push(Received {
                    url,
                    status: error.kind.status(),
                    error: Some(said.chars().take(SHOWN_ERROR).collect()),
                    each,
                    body: None,
                });
                chain.failed = true;
                Ok(chain)
            }
            Err(error) => Err(error),
        }
    }

    async fn pages(
        &self,
        item: &Item,
        each: &Arc<Map<String, Value>>,
        chain: &mut Chain,
    ) -> Result<(), ConnectorError> {
        let mut request = self.request(item, each)?;
        let mut pages =
            Pages::new(&self.config.paginate, self.config.records.as_ref(), self.config.max_pages, &self.mask);
        pages.first(&mut request);
        self.make_conditional(&mut request);
        loop {
            let answer = self.answer(item, &request).await?;
            let url = self.mask.url(&request.url);
            if self.take_status(item, &answer, &url, each, chain)? {
                return Ok(());
            }
            if chain.answers.is_empty() {
                self.note_poll(&answer, &mut chain.outcome);
            }
            let next = pages.next(&request, &answer, &mut Content::new(&answer));
            let next = next.map_err(|source| ConnectorError::Paging { request: url.clone(), source })?;
            let compression = answer.body.compression(answer.header("content-encoding"), answer.url.path());
            let compression = compression.map_err(|source| ConnectorError::Open { file: url.clone(), source })?;
            chain.answers.push(Received {
                url,
                status: Some(answer.status),
                error: None,
                each: Arc::clone(each),
                body: Some((answer.body, compression)),
            });
            match next {
                None => return Ok(()),
                Some(mut next) => {
                    next.headers.retain(|(name, _)| name != "if-none-match");
                    request = next;
                }
            }
        }
    }

    /// From the recording or from the service.
    async fn answer(&self, item: &Item, request: &Request) -> Result<Answer, ConnectorError> {
        let method = if request.method == Method::Post { "POST" } else { "GET" };
        let source = self.name.to_string();
        let url = self.mask.url(&request.url);
        let asked = Asked { method, url: url.clone(), body: request.body.as_deref().map(|body| self.mask.text(body)) };
        if let Some(replay) = &self.around.replay {
            let recorded = replay.answer(&source, &item.name, &asked)?;
            let failed = |kind| {
                let request = format!("`{method} {url}`");
                ConnectorError::Http(Box::new(HttpError { request, attempts: 1, kind }))
            };
            let answer = recorded.map_err(|failure| {
                let Failure { said, status, body } = failure;
                failed(HttpErrorKind::Recorded { said, code: status, body })
            })?;
            let means_failure = answer.status >= 400
                && matches!(self.on_status(answer.status), None | Some(OnStatus::Fail | OnStatus::Retry));
            if means_failure {
                let body = answer.beginning();
                return Err(failed(HttpErrorKind::Status {
                    status: answer.status.to_string(),
                    code: answer.status,
                    body,
                }));
            }
            return Ok(Answer { url: request.url.clone(), ..answer });
        }
        let on_status = |status| self.on_status(status);
        let scratch = self.around.scratch.as_deref();
        let handling = Handling { mask: &self.mask, scratch, on_status: &on_status };
        let traffic = &self.client.traffic;
        let sent = self.client.send(request, &handling).await;
        self.progress.requests.store(traffic.requests.load(Ordering::Relaxed), Ordering::Relaxed);
        self.progress.bytes.store(traffic.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        let quota = self.client.quota_left().and_then(|left| i64::try_from(left).ok());
        self.progress.quota.store(quota.unwrap_or(-1), Ordering::Relaxed);
        if let Some(recorder) = &self.around.recorder {
            recorder.keep(&source, &item.name, (&asked, request.url.as_str()), sent.as_ref(), &self.mask)?;
        }
        sent.map_err(|error| ConnectorError::Http(Box::new(error)))
    }

    /// Acts on an answer that is no page; true if the chain ends here.
    fn take_status(
        &self,
        item: &Item,
        answer: &Answer,
        url: &str,
        each: &Arc<Map<String, Value>>,
        chain: &mut Chain,
    ) -> Result<bool, ConnectorError> {
        if answer.status == 304 {
            chain.outcome.kind = OutcomeKind::Unchanged;
            return Ok(true);
        }
        if (200..300).contains(&answer.status) {
            return Ok(false);
        }
        match self.on_status(answer.status) {
            Some(OnStatus::AbsentAfter(age)) => {
                let waited = self.around.now.as_second() - item.mark;
                let is_old = self.around.replay.is_some() || waited >= i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                chain.outcome.kind = if is_old { OutcomeKind::Absent } else { OutcomeKind::Pending };
            }
            Some(OnStatus::Row) => {
                chain.failed = true;
                chain.answers.push(Received {
                    url: url.to_owned(),
                    status: Some(answer.status),
                    error: Some(self.mask.text(&answer.beginning())),
                    each: Arc::clone(each),
                    body: None,
                });
            }
            Some(OnStatus::Skip) => {}
            Some(OnStatus::Fail | OnStatus::Retry) | None => {
                let kind = HttpErrorKind::Status {
                    status: answer.status.to_string(),
                    code: answer.status,
                    body: answer.beginning(),
                };
                let error = HttpError { request: format!("`{url}`"), attempts: 1, kind };
                return Err(ConnectorError::Http(Box::new(error)));
            }
        }
        Ok(true)
    }

    /// What the table says of a status; an exact one goes before a class.
    fn on_status(&self, status: u16) -> Option<OnStatus> {
        let exact = self.config.on_status.iter().find(|(pattern, _)| *pattern == StatusPattern::One(status));
        let found = exact.or_else(|| self.config.on_status.iter().find(|(pattern, _)| pattern.matches(status)));
        found.map(|(_, action)| *action)
    }

    fn make_conditional(&self, request: &mut Request) {
        let is_conditional = self.config.poll.as_ref().is_some_and(|poll| poll.conditional);
        if is_conditional
            && !self.around.again.force
            && let Some(etag) = read_text(&lock(&self.position), "etag")
        {
            request.headers.push(("if-none-match".to_owned(), etag));
        }
    }

    fn note_poll(&self, answer: &Answer, outcome: &mut Outcome) {
        let Some(poll) = &self.config.poll else { return };
        if poll.conditional {
            outcome.etag = answer.header("etag").map(str::to_owned);
        }
        outcome.wait = poll
            .interval_header
            .as_ref()
            .and_then(|name| answer.header(name))
            .and_then(|text| text.trim().parse().ok());
    }
}
