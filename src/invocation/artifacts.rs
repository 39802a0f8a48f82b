//! What an invocation leaves behind: compiled SQL, the manifest, results.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::json;

use super::{Settings, threads};
use crate::artifact;
use crate::execution::{Context, Lineage, NodeResult, Status};
use crate::graph::NodeId;

pub(super) fn write_artifacts(
    context: &Context,
    settings: &Settings,
    folder: &Path,
    compiled: &HashMap<NodeId, String>,
    (results, lineages): (Option<&[NodeResult]>, &BTreeMap<NodeId, Lineage>),
) -> std::io::Result<()> {
    let elapsed = settings.clock.elapsed();
    let header = artifact::Header {
        invocation_id: &settings.invocation_id,
        generated_at: settings.started.checked_add(elapsed).unwrap_or(settings.started),
        started_at: settings.started,
        env: settings
            .env
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), value.clone())))
            .collect(),
        args: json!({
            "which": settings.command,
            "target": context.project.config.target.name,
            "full_refresh": settings.full_refresh,
            "fail_fast": settings.fail_fast,
            "threads": threads(&context.project, settings),
            "vars": settings.vars,
        }),
    };
    artifact::write_compiled(folder, &context.graph, compiled)?;
    let manifest = artifact::manifest(&context.project, &context.graph, compiled, lineages, &header);
    artifact::write(folder, "manifest.json", &manifest)?;
    if let Some(results) = results {
        let entries: Vec<_> = results.iter().map(result_entry).collect();
        let value = artifact::run_results(&context.graph, compiled, &entries, elapsed.as_secs_f64(), &header);
        artifact::write(folder, "run_results.json", &value)?;
    }
    Ok(())
}

fn result_entry(result: &NodeResult) -> artifact::ResultEntry<'_> {
    let is_test = matches!(result.status, Status::Pass | Status::Warn | Status::Fail);
    artifact::ResultEntry {
        node: result.node,
        status: match result.status {
            Status::Success => "success",
            Status::Error => "error",
            Status::Skipped => "skipped",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
        },
        started: result.started,
        compile_ended: result.started.checked_add(result.compile).unwrap_or(result.started),
        completed: result.completed,
        thread: 1,
        rows: result.rows,
        version: result.version,
        message: &result.message,
        failures: is_test.then_some(result.rows),
        rejected: result.rejected,
        diagnostics: result.diagnostics.iter().map(crate::diagnostic::render_json).collect(),
    }
}
