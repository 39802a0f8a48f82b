//! One execution of a command: load, link, select, look, plan, execute. What every trigger calls.

mod artifacts;
mod load;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use load::{LoadMemory, Loaded, load_project, load_what_is_right};

use crate::connectors::{Again, Clients, Recorder, Replay, Surroundings};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::execution::{
    self, Context, Event, Kept, Limits, Lineage, NodeResult, Pace, StreamEnd, StreamRequest, Streams, Walk,
};
use crate::graph::selector::Selection;
use crate::graph::{NodeId, NodeKind};
use crate::names;
use crate::plan::{Command, Request, RunPlan};
use crate::project::Project;
use crate::storage::{StorageError, Warehouse};
use crate::template::YamlRenderer;

use artifacts::write_artifacts;

/// What a command line says, resolved: nothing below asks the environment or the clock again.
#[derive(Debug, Clone)]
pub struct Settings {
    pub working_directory: PathBuf,
    pub project_dir: Option<PathBuf>,
    pub target: Option<String>,
    pub vars: Map<String, Value>,
    pub threads: Option<usize>,
    pub full_refresh: bool,
    pub fail_fast: bool,
    pub store_failures: bool,
    /// `--from`, `--to` and `--force`.
    pub again: Again,
    /// Where `engine record` keeps what connectors receive.
    pub record: Option<PathBuf>,
    /// In place of the target's warehouse.
    pub warehouse: Option<PathBuf>,
    pub env: BTreeMap<String, String>,
    /// What the process has read of the project before.
    pub memory: Option<Arc<LoadMemory>>,
    /// The command's name, for `flags.WHICH`.
    pub command: String,
    pub invocation_id: String,
    pub started: Timestamp,
    pub clock: Instant,
}

/// Models built at the same time.
pub fn threads(project: &Project, settings: &Settings) -> usize {
    settings.threads.or(project.config.target.threads).unwrap_or_else(cores).max(1)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The warehouse of the chosen target.
pub fn open_warehouse(project: &Project) -> Result<Warehouse, Diagnostics> {
    let target = &project.config.target;
    Warehouse::open(&target.warehouse, &project.root, &target.storage_options, &project.env).map_err(|error| {
        Diagnostic::error(Code::Storage, error.to_string())
            .label_or_file(target.warehouse_place.clone(), "", "project.yaml")
            .into()
    })
}

/// A loaded project with a warehouse behind it.
pub struct Invocation {
    pub context: Arc<Context>,
    pub settings: Settings,
}

impl Invocation {
    pub fn new(
        loaded: &Loaded,
        settings: Settings,
        events: mpsc::UnboundedSender<Event>,
        cancel: CancellationToken,
    ) -> Result<Self, Diagnostics> {
        Self::after(None, loaded, settings, events, cancel)
    }

    /// What an earlier invocation of the same process has opened is used on, as long as it is the same target.
    pub fn after(
        earlier: Option<&Context>,
        loaded: &Loaded,
        settings: Settings,
        events: mpsc::UnboundedSender<Event>,
        cancel: CancellationToken,
    ) -> Result<Self, Diagnostics> {
        let project = &loaded.project;
        let target = |project: &Project| format!("{:?}", project.config.target);
        let earlier =
            earlier.filter(|earlier| target(&earlier.project) == target(project) && earlier.project.env == project.env);
        let warehouse = match (&settings.warehouse, earlier) {
            (None, earlier) => {
                let opened = open_warehouse(project)?;
                let is_same = |earlier: &&Context| earlier.warehouse.location().url() == opened.location().url();
                earlier.filter(is_same).map_or_else(|| Arc::new(opened), |earlier| Arc::clone(&earlier.warehouse))
            }
            (Some(folder), _) => {
                let opened = Warehouse::open(&folder.to_string_lossy(), &project.root, &Map::new(), &project.env);
                Arc::new(opened.map_err(|error| Diagnostic::error(Code::Storage, error.to_string()))?)
            }
        };
        let limits = Limits {
            memory: project
                .config
                .target
                .memory_limit
                .map_or_else(half_of_memory, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            partitions: cores(),
            spill: None,
        };
        let base = match earlier {
            Some(earlier) => earlier.base.clone(),
            None => execution::base_state(&limits).map_err(|error| {
                Diagnostic::error(Code::Execution, format!("cannot start the query engine: {error}"))
            })?,
        };
        let around = surroundings(project, &settings, &cancel)?;
        let context = Context {
            around: Arc::new(around),
            project: Arc::clone(project),
            graph: Arc::clone(&loaded.graph),
            templates: Arc::clone(&loaded.templates),
            warehouse,
            base,
            invocation_id: settings.invocation_id.clone(),
            started: settings.started,
            clock: settings.clock,
            full_refresh: settings.full_refresh,
            store_failures: settings.store_failures,
            events,
            cancel,
            pace: Pace::CatchUp,
            kept: None,
            offline: None,
            compiled: Mutex::default(),
        };
        Ok(Self { context: Arc::new(context), settings })
    }

    /// Looks at what exists and decides; nothing is changed.
    pub async fn plan(&self, selection: &BTreeSet<NodeId>, command: Command) -> Result<RunPlan, Diagnostics> {
        let graph = &self.context.graph;
        let relations: Vec<names::Relation> = match command {
            Command::Test => Vec::new(),
            Command::Run | Command::Build | Command::Seed => {
                selection.iter().filter_map(|id| graph.node(*id).relation().cloned()).collect()
            }
        };
        let existing = match self.context.warehouse.existing(&relations).await {
            Ok(existing) => existing,
            // A table that cannot be opened fails its own step, with its own message.
            Err(error @ (StorageError::Open { .. } | StorageError::DamagedCommit { .. })) => {
                self.existing_one_by_one(&relations, error).await
            }
            Err(error) => return Err(unreachable_warehouse(&self.context, &error)),
        };
        let request = Request { command, full_refresh: self.settings.full_refresh };
        Ok(RunPlan::new(graph, selection, &existing, request))
    }

    async fn existing_one_by_one(
        &self,
        relations: &[names::Relation],
        _first: StorageError,
    ) -> HashMap<names::Relation, names::Existing> {
        let mut found = HashMap::new();
        for relation in relations {
            match self.context.warehouse.existing(std::slice::from_ref(relation)).await {
                Ok(one) => found.extend(one),
                Err(_) => {
                    found.insert(relation.clone(), names::Existing::Table { version: 0 });
                }
            }
        }
        found
    }

    /// Hooks, the steps, hooks.
    pub async fn execute(&self, plan: &RunPlan) -> Result<Vec<NodeResult>, Diagnostics> {
        let config = &self.context.project.config;
        execution::run_project_hooks(&self.context, &config.on_run_start).await?;
        let walk = Walk { threads: threads(&self.context.project, &self.settings), fail_fast: self.settings.fail_fast };
        let results = execution::execute(&self.context, plan, walk).await;
        if !self.context.cancel.is_cancelled() {
            execution::run_project_hooks(&self.context, &config.on_run_end).await?;
        }
        Ok(results)
    }

    /// What is selected beside the streams, once; then the streams, until they end.
    pub async fn stream(mut self, streams: &Streams, request: StreamRequest) -> Result<StreamEnd, Diagnostics> {
        let config = &self.context.project.config;
        execution::run_project_hooks(&self.context, &config.on_run_start).await?;
        let plan = self.plan(&streams.before, Command::Build).await?;
        let results = {
            let building = execution::execute(&self.context, &plan, request.walk);
            tokio::pin!(building);
            tokio::select! {
                results = &mut building => results,
                () = request.stop.cancelled() => {
                    self.context.cancel.cancel();
                    building.await
                }
            }
        };
        if request.stop.is_cancelled() {
            return Ok(StreamEnd::default());
        }
        let failed = results.iter().filter(|result| !result.status.lets_on());
        let mut found = Diagnostics::default();
        failed.for_each(|result| found.extend(result.diagnostics.clone()));
        if found.has_errors() {
            return Ok(StreamEnd { failures: found, ..StreamEnd::default() });
        }
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.kept = Some(Arc::new(Kept::default()));
        }
        let end = execution::stream(&self.context, streams, request).await;
        execution::run_project_hooks(&self.context, &self.context.project.config.on_run_end).await?;
        Ok(end)
    }

    /// The SQL of the nodes that have been compiled.
    pub fn compiled(&self) -> HashMap<NodeId, String> {
        let compiled = self.context.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.iter().map(|(id, (sql, _))| (*id, sql.clone())).collect()
    }

    /// Compiled SQL and the JSON artifacts.
    pub fn write_artifacts(&self, results: Option<&[NodeResult]>) -> Result<(), Diagnostics> {
        self.write(results, &BTreeMap::new())
    }

    /// The same without results, with what the columns of models are made of.
    pub fn write_artifacts_with(&self, lineages: &BTreeMap<NodeId, Lineage>) -> Result<(), Diagnostics> {
        self.write(None, lineages)
    }

    fn write(&self, results: Option<&[NodeResult]>, lineages: &BTreeMap<NodeId, Lineage>) -> Result<(), Diagnostics> {
        let folder = self.context.project.root.join(&self.context.project.config.target_path);
        let compiled = self.compiled();
        write_artifacts(&self.context, &self.settings, &folder, &compiled, (results, lineages)).map_err(|error| {
            Diagnostic::error(Code::Unreadable, format!("cannot write the artifacts: {error}"))
                .in_file(folder.display().to_string())
                .into()
        })
    }
}

fn unreachable_warehouse(context: &Context, error: &StorageError) -> Diagnostics {
    let target = &context.project.config.target;
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let diagnostic =
        Diagnostic::error(Code::Storage, format!("the warehouse of target `{}` cannot be reached", target.name))
            .label_or_file(target.warehouse_place.clone(), "", "project.yaml")
            .note(match cause.to_string() {
                cause if cause == error.to_string() => cause,
                cause => format!("{error}: {cause}"),
            });
    diagnostic.hint("`engine debug` checks the connection").into()
}

/// What connectors share; a recording that cannot be read is a mistake of the target.
fn surroundings(
    project: &Project,
    settings: &Settings,
    cancel: &CancellationToken,
) -> Result<Surroundings, Diagnostics> {
    let target = &project.config.target;
    let wrong = |error: &dyn std::error::Error, place: Option<Span>| {
        Diagnostic::error(Code::Source, error.to_string())
            .label_or_file(place, "", "project.yaml")
            .note_opt(error.source().map(ToString::to_string))
    };
    let replay = match target.replay.as_ref().filter(|_| settings.record.is_none()) {
        None => None,
        Some(folder) => {
            let replay = Replay::open(&project.root.join(folder));
            Some(Arc::new(replay.map_err(|error| wrong(&error, target.replay_place.clone()))?))
        }
    };
    let recorder = match &settings.record {
        None => None,
        Some(folder) => Some(Arc::new(Recorder::create(folder).map_err(|error| wrong(&error, None))?)),
    };
    Ok(Surroundings {
        root: project.root.clone(),
        env: Arc::new(project.env.clone()),
        vars: project.config.vars.clone(),
        target: target.context(),
        renderer: Arc::new(YamlRenderer::new()),
        now: settings.started,
        scratch: None,
        clients: Arc::new(Clients::starting_at(settings.started)),
        replay,
        recorder,
        again: settings.again,
        cancel: cancel.clone(),
    })
}

/// What operators may hold when the target does not say: half of what the machine has.
fn half_of_memory() -> usize {
    const FALLBACK: usize = 2 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return FALLBACK };
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().split(' ').next()?.parse::<usize>().ok());
    kilobytes.map_or(FALLBACK, |kilobytes| kilobytes * 1024 / 2)
}

/// The selected nodes of a loaded project.
pub fn select(loaded: &Loaded, selection: &Selection) -> Result<BTreeSet<NodeId>, Diagnostics> {
    selection.evaluate(&loaded.graph)
}

/// The models and seeds of a selection, with all that they are built from.
pub fn with_ancestors(loaded: &Loaded, selection: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let graph = &loaded.graph;
    let built = selection.iter().filter(|id| !matches!(graph.node(**id).kind, NodeKind::Test(_)));
    let all = built.flat_map(|id| graph.ancestors(*id, usize::MAX).into_iter().chain(std::iter::once(*id)));
    all.filter(|id| matches!(graph.node(*id).kind, NodeKind::Model(_) | NodeKind::Seed(_))).collect()
}
