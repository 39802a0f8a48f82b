//! `clean` - deletes what is made anew: compiled SQL and the artifacts. Never a warehouse.

use super::Exit;
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::invocation::{Settings, load_project};

pub(super) fn run(settings: &Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(settings)?;
    let root = &loaded.project.root;
    let mut found = Diagnostics::default();
    for target in &loaded.project.config.clean_targets {
        let path = std::path::absolute(root.join(target)).unwrap_or_else(|_| root.join(target));
        let outside = target.split('/').any(|part| part == "..") || !path.starts_with(root) || path == *root;
        if outside {
            found.push(
                Diagnostic::error(Code::Config, format!("`{target}` is not below the project, and is left alone"))
                    .in_file("project.yaml"),
            );
            continue;
        }
        if path.join("_delta_log").exists() || path == root.join(&loaded.project.config.target.warehouse) {
            found.push(
                Diagnostic::error(Code::Config, format!("`{target}` holds tables, and is left alone"))
                    .in_file("project.yaml")
                    .hint("take it out of `clean-targets`"),
            );
            continue;
        }
        match std::fs::remove_dir_all(&path) {
            Ok(()) => printer.progress_line(&format!("deleted {target}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => found.push(Diagnostic::error(Code::Unreadable, format!("cannot delete `{target}`: {error}"))),
        }
    }
    found.finish(Exit::Success).map(|(exit, _)| exit)
}
