//! A project loaded: its files read, its templates rendered once, its graph linked.

use std::sync::Arc;

use serde_json::json;

use super::{Settings, threads};
use crate::data_test;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, LinkMemory, link_what_is_right};
use crate::project::{LoadOptions, Memory, Project, find_root, load};
use crate::template::{Globals, Templates, YamlRenderer};

/// What loading has found out before, in the same process.
#[derive(Debug, Default)]
pub struct LoadMemory {
    files: Arc<Memory>,
    links: LinkMemory,
}

/// A project that is right as far as can be seen without its data.
#[derive(Debug)]
pub struct Loaded {
    pub project: Arc<Project>,
    pub graph: Arc<Graph>,
    pub templates: Arc<Templates>,
    pub warnings: Diagnostics,
}

/// Reads the project and links it. Every mistake is reported together.
pub fn load_project(settings: &Settings) -> Result<Loaded, Diagnostics> {
    let Loaded { warnings, project, graph, templates } = load_what_is_right(settings)?;
    let ((), warnings) = warnings.by_place().finish(())?;
    Ok(Loaded { project, graph, templates, warnings })
}

/// The same, going on without what is wrong: its mistakes are among the warnings. `Err` when nothing can be gone on with.
pub fn load_what_is_right(settings: &Settings) -> Result<Loaded, Diagnostics> {
    let root = find_root(&settings.working_directory, settings.project_dir.as_deref())?;
    let options = LoadOptions {
        target: settings.target.clone(),
        vars: settings.vars.clone(),
        env: settings.env.clone(),
        memory: settings.memory.as_ref().map(|memory| Arc::clone(&memory.files)),
    };
    let (project, mut warnings) = load(&root, &options, &YamlRenderer::new())?;
    let globals = globals(&project, settings);
    let templates = Templates::of_what_is_right(globals, &project.macros, &project.unread)?;
    warnings.extend(templates.found().clone());
    let memory = settings.memory.as_ref().map(|memory| &memory.links);
    let (graph, more) = link_what_is_right(&project, &templates, memory);
    warnings.extend(more);
    warnings.extend(data_test::check(&graph, &templates).without(|mistake| templates.explains(mistake)));
    Ok(Loaded { project: Arc::new(project), graph: Arc::new(graph), templates: Arc::new(templates), warnings })
}

fn globals(project: &Project, settings: &Settings) -> Globals {
    let mut target = project.config.target.context();
    if let Some(object) = target.as_object_mut() {
        object.insert("threads".to_owned(), json!(threads(project, settings)));
        object.insert("schema".to_owned(), json!(project.config.layers.last()));
    }
    Globals {
        project_name: project.config.name.clone(),
        vars: project.config.vars.clone(),
        env: project.env.clone(),
        target,
        flags: json!({
            "FULL_REFRESH": settings.full_refresh,
            "STORE_FAILURES": settings.store_failures,
            "FAIL_FAST": settings.fail_fast,
            "WHICH": settings.command,
        }),
        invocation_id: settings.invocation_id.clone(),
        run_started_at: settings.started,
    }
}
