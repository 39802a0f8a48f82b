//! Services asked over HTTP: by windows of time, by polls, for each row of a query, page by page.
//!
//! An item (a window or a poll) is fetched whole, all its requests and pages, before a record of it is decoded: what fails
//! half-way is asked again and costs no row, and a query that names its source twice sees the same answers twice.

mod answer;
mod auth;
mod body;
mod budget;
mod client;
mod error;
mod fetch;
mod mask;
mod outcome;
mod paging;
mod position;
mod probe;
mod read;
mod replay;
mod request;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use client::Clients;
pub use error::{HttpError, HttpErrorKind};
pub use outcome::SourceProgress;
pub use paging::PagingError;
pub use probe::probe;
pub use replay::{INDEX, Recorder, Replay, ReplayError};
pub use request::missing_each;

use super::decode::arrow_schema;
use super::{ConnectorError, Item, Waiting};
use crate::diagnostic::Diagnostics;
use crate::names::SourceName;
use crate::project::{HttpColumn, HttpConfig, RenderYaml, window_start};
use client::Client;
use fetch::Fetched;
use mask::Mask;
use outcome::Outcome;
use position::{Ranges, time_name};

/// What the connectors of an invocation share.
#[derive(Clone)]
pub struct Surroundings {
    pub root: PathBuf,
    pub env: Arc<BTreeMap<String, String>>,
    pub vars: Map<String, Value>,
    pub target: Value,
    pub renderer: Arc<dyn RenderYaml + Send + Sync>,
    /// When the invocation began.
    pub now: Timestamp,
    /// Where large answers are kept until they are decoded.
    pub scratch: Option<PathBuf>,
    pub clients: Arc<Clients>,
    /// Answers are read from here and from nowhere else.
    pub replay: Option<Arc<Replay>>,
    /// Answers are also kept here.
    pub recorder: Option<Arc<Recorder>>,
    pub again: Again,
    pub cancel: CancellationToken,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Surroundings").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Which windows are read though they are done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Again {
    /// `--from` and `--to`: the windows that begin in between, and no others.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// `--force`: the newest window, or all of those between.
    pub force: bool,
}

/// Runs a source's `for_each` query.
pub trait ForEach: Send + Sync {
    /// Its rows, for the window that begins at `window`.
    fn rows(&self, window: Timestamp) -> BoxFuture<'_, Result<Vec<Map<String, Value>>, Diagnostics>>;
}

/// Where an item is fetched: whoever comes first does it, the others wait.
pub(super) type Slot = Arc<tokio::sync::Mutex<Place>>;

#[derive(Debug, Default)]
pub(super) struct Place {
    /// Somebody has fetched it, or tried to: no need to do it ahead of anybody.
    begun: bool,
    result: Option<Result<Arc<Fetched>, ConnectorError>>,
}

pub struct Http {
    name: SourceName,
    config: HttpConfig,
    schema: SchemaRef,
    client: Arc<Client>,
    mask: Mask,
    around: Arc<Surroundings>,
    for_each: Arc<dyn ForEach>,
    runtime: Handle,
    /// What is fetched and not yet forgotten, by item.
    fetched: Mutex<HashMap<String, Slot>>,
    /// The position the items in hand start from.
    position: Mutex<BTreeMap<String, i64>>,
    outcomes: Mutex<BTreeMap<String, Outcome>>,
    progress: Arc<SourceProgress>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Http").field("name", &self.name).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Http {
    pub(super) fn open(
        name: &SourceName,
        config: &HttpConfig,
        around: &Arc<Surroundings>,
        for_each: Arc<dyn ForEach>,
    ) -> Result<Self, ConnectorError> {
        let client = around.clients.client(&config.connection).map_err(|kind| {
            let request = format!("connection `{}`", config.connection.name);
            ConnectorError::Http(Box::new(HttpError { request, attempts: 1, kind }))
        })?;
        Ok(Self {
            name: name.clone(),
            schema: schema(config),
            client,
            mask: request::mask(config, &around.env),
            config: config.clone(),
            around: Arc::clone(around),
            for_each,
            runtime: Handle::current(),
            fetched: Mutex::default(),
            position: Mutex::default(),
            outcomes: Mutex::default(),
            progress: Arc::default(),
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn per_commit(&self) -> usize {
        if self.config.window.is_some() { self.config.per_commit } else { 1 }
    }

    pub(super) fn unit(&self) -> &'static str {
        if self.config.window.is_some() { "window" } else { "poll" }
    }

    pub(super) fn progress(&self) -> &Arc<SourceProgress> {
        &self.progress
    }

    /// Windows that are due and not done, or the poll that is due; as the position says.
    pub(super) fn waiting(&self, position: &BTreeMap<String, i64>) -> Result<Waiting, ConnectorError> {
        if let Some(replay) = &self.around.replay {
            replay.check_source(&self.name.to_string())?;
        }
        lock(&self.position).clone_from(position);
        let items = match &self.config.window {
            Some(_) => self.waiting_windows(&Ranges::read(position)),
            None => self.waiting_polls(position),
        };
        self.progress.expect(items.len());
        Ok(Waiting { items, ..Waiting::default() })
    }

    pub(super) fn is_read(&self, position: &BTreeMap<String, i64>, item: &Item) -> bool {
        match self.config.window {
            Some(_) => Ranges::read(position).holds(start_of(item), item.mark),
            None => position.get("polled").is_some_and(|polled| *polled >= item.mark),
        }
    }

    /// Items that a table has read before and that are read again: their rows are replaced.
    pub(super) fn is_again(&self, item: &Item) -> bool {
        self.config.window.is_some() && self.is_read(&lock(&self.position), item)
    }

    fn waiting_windows(&self, done: &Ranges) -> Vec<Item> {
        let Some(window) = &self.config.window else { return Vec::new() };
        let length = i64::try_from(window.every.as_secs()).unwrap_or(i64::MAX);
        let again = self.around.again;
        let in_range = |start: i64| {
            again.from.is_none_or(|from| start >= window_start(from.as_second(), window.every))
                && again.to.is_none_or(|to| start < to.as_second())
        };
        let is_ranged = again.from.is_some() || again.to.is_some();
        let all: Vec<i64> = match &self.around.replay {
            Some(replay) => {
                let recorded = replay.items(&self.name.to_string());
                recorded.iter().filter_map(|item| Some(item.parse::<Timestamp>().ok()?.as_second())).collect()
            }
            None => {
                let due = self.around.now.as_second() - i64::try_from(window.delay.as_secs()).unwrap_or(0);
                match window.start {
                    // What is there now, once a window.
                    None => vec![window_start(self.around.now.as_second(), window.every)],
                    Some(start) => {
                        let first = start.as_second();
                        let end = window.end.map_or(due, |end| end.as_second().min(due));
                        let count = (end - first).div_euclid(length).max(0);
                        (0..count).map(|index| first + index * length).collect()
                    }
                }
            }
        };
        let newest = all.iter().copied().filter(|start| in_range(*start)).max();
        all.into_iter()
            .filter(|start| in_range(*start))
            .filter(|start| {
                let is_done = done.holds(*start, start + length);
                !is_done || is_ranged || (again.force && Some(*start) == newest)
            })
            .filter_map(|start| {
                let name = time_name(Timestamp::from_second(start).ok()?);
                Some(Item { name, mark: start + length, weight: 1, bytes_at_most: None })
            })
            .collect()
    }

    fn waiting_polls(&self, position: &BTreeMap<String, i64>) -> Vec<Item> {
        let polled = position.get("polled").copied();
        let item =
            |at: Timestamp| Item { name: time_name(at), mark: at.as_microsecond(), weight: 1, bytes_at_most: None };
        if let Some(replay) = &self.around.replay {
            let recorded = replay.items(&self.name.to_string());
            let times = recorded.iter().filter_map(|item| item.parse::<Timestamp>().ok());
            return times.filter(|at| polled.is_none_or(|polled| at.as_microsecond() > polled)).map(item).collect();
        }
        let now = self.around.now;
        let every = self.config.poll.as_ref().map_or(0, |poll| poll.every.as_micros());
        let asked = position.get("wait").map_or(0, |wait| i128::from(*wait) * 1_000_000);
        let pause = i64::try_from(asked.max(i128::try_from(every).unwrap_or(0))).unwrap_or(i64::MAX);
        let early = polled.is_some_and(|polled| now.as_microsecond() < polled.saturating_add(pause));
        if early && !self.around.again.force { Vec::new() } else { vec![item(now)] }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    pub(super) fn release(&self, item: &Item) {
        lock(&self.fetched).remove(&item.name);
    }

    /// What was fetched is not asked for again.
    pub(super) fn forget(&self) {
        lock(&self.fetched).clear();
    }
}

/// The start of a window or the time of a poll, in seconds.
fn start_of(item: &Item) -> i64 {
    item.name.parse::<Timestamp>().map_or(0, Timestamp::as_second)
}

pub(super) fn schema(config: &HttpConfig) -> SchemaRef {
    let decoded: Vec<_> = config.decoded().cloned().collect();
    let arrow = arrow_schema(&decoded);
    let mut decoded = arrow.fields().iter();
    let fields: Vec<Field> = config
        .columns
        .iter()
        .filter_map(|column| match column {
            HttpColumn::Decoded(_) => decoded.next().map(|field| field.as_ref().clone()),
            HttpColumn::Each { name, .. } => Some(Field::new(name, DataType::Utf8View, true)),
        })
        .collect();
    Arc::new(Schema::new(fields))
}
