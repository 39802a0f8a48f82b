//! `debug` - whether the project, its target and its warehouse can be used, each said in a line.

use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::Diagnostics;
use crate::invocation::{Settings, load_project, open_warehouse, threads};

pub(super) fn run(settings: &Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    printer.output(&format!("engine      {}", env!("CARGO_PKG_VERSION")));
    printer.output(&format!("datafusion  {}", datafusion::DATAFUSION_VERSION));
    printer.output(&format!("deltalake   {}", deltalake::crate_version()));
    let loaded = match load_project(settings) {
        Ok(loaded) => loaded,
        Err(found) => {
            printer.output("project     not usable");
            printer.diagnostics(&found);
            return Ok(Exit::Failure);
        }
    };
    printer.diagnostics(&loaded.warnings);
    let config = &loaded.project.config;
    printer.output(&format!("project     {} at {}", config.name, loaded.project.root.display()));
    let models = loaded.graph.nodes().iter().filter(|node| node.as_model().is_some()).count();
    printer.output(&format!("models      {models}"));
    printer.output(&format!("target      {}, {} at a time", config.target.name, threads(&loaded.project, settings)));
    let warehouse = match open_warehouse(&loaded.project) {
        Ok(warehouse) => warehouse,
        Err(found) => {
            printer.output(&format!("warehouse   {} cannot be used", config.target.warehouse));
            printer.diagnostics(&found);
            return Ok(Exit::Failure);
        }
    };
    let probed = block_on(warehouse.probe())?;
    match probed {
        Ok(()) => {
            printer.output(&format!("warehouse   {} is readable and writable", warehouse.location().url()));
            Ok(Exit::Success)
        }
        Err(error) => {
            printer.output(&format!("warehouse   {} cannot be used", warehouse.location().url()));
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(current) = cause {
                printer.output(&format!("            {current}"));
                cause = current.source();
            }
            Ok(Exit::Failure)
        }
    }
}
