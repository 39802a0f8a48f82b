//! `init` - a small project that runs as it is: a source file, a model for each layer, a seed, tests.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Exit;
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::invocation::Settings;

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The folder; made if it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
}

/// Path and content of every file; the project's name replaces `my_project`.
const FILES: &[(&str, &str)] = &[
    ("project.yaml", include_str!("project.yaml")),
    ("sources.yaml", include_str!("sources.yaml")),
    ("data/orders/2026-01-01.ndjson", include_str!("orders.ndjson")),
    ("seeds/countries.csv", include_str!("countries.csv")),
    ("models/bronze/bronze_orders.sql", include_str!("bronze_orders.sql")),
    ("models/silver/silver_orders.sql", include_str!("silver_orders.sql")),
    ("models/gold/gold_revenue.sql", include_str!("gold_revenue.sql")),
    ("models/models.yml", include_str!("models.yml")),
    (".gitignore", "/.engine/\n/warehouse/\n.env\n"),
];

pub(super) fn run(arguments: &InitArguments, settings: &Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let folder = settings.working_directory.join(&arguments.folder);
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let mut found = Diagnostics::default();
    for (path, _) in FILES.iter().filter(|(path, _)| folder.join(path).exists()) {
        found.push(
            Diagnostic::error(Code::Duplicate, format!("`{path}` is there already"))
                .hint("nothing was written; start in an empty folder: engine init my_project"),
        );
    }
    found.finish(())?;
    let name = project_name(&folder);
    for (path, content) in FILES {
        write(&folder.join(path), &content.replace("my_project", &name))
            .map_err(|error| Diagnostic::error(Code::Unreadable, format!("cannot write `{path}`: {error}")))?;
    }
    let shown = arguments.folder.display();
    printer.progress_line(&format!("made project `{name}` in {shown}"));
    let enter = if arguments.folder == Path::new(".") { String::new() } else { format!("cd {shown} && ") };
    printer.progress_line(&format!("build it: {enter}engine build"));
    Ok(Exit::Success)
}

/// The folder's name as far as it can be an identifier.
fn project_name(folder: &Path) -> String {
    let name: String = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    match crate::names::is_name(&name) {
        true => name,
        false => "my_project".to_owned(),
    }
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}
