//! Flags that every command has, and what the words in them mean.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, SourceText, Span};
use crate::graph::selector::Selection;
use crate::project::parse_yaml;

#[derive(Debug, Args)]
pub(super) struct Global {
    /// The folder with project.yaml; default: the nearest at or above this one
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(super) project_dir: Option<PathBuf>,
    /// The target of project.yaml to work on
    #[arg(long, short = 't', global = true, value_name = "NAME", help_heading = "Global options")]
    pub(super) target: Option<String>,
    /// Variables for the project, as YAML: '{start: 2026-01-01}'
    #[arg(long, global = true, value_name = "YAML", help_heading = "Global options")]
    pub(super) vars: Option<String>,
    /// Models built at the same time
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Global options")]
    pub(super) threads: Option<u16>,
    /// Print only mistakes, warnings and results
    #[arg(long, short = 'q', global = true, help_heading = "Global options")]
    pub(super) quiet: bool,
    /// How to print what happens
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, help_heading = "Global options")]
    pub(super) log_format: LogFormat,
    /// Print without colours
    #[arg(long, global = true, help_heading = "Global options")]
    pub(super) no_color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Args)]
pub(super) struct SelectionArguments {
    /// What to select: `gold+`, `+revenue`, `tag:nightly`, `path:models/gold`; space is or, comma is and
    #[arg(long, short = 's', num_args = 1.., value_name = "SELECTION", visible_aliases = ["models"])]
    select: Vec<String>,
    /// What to leave out
    #[arg(long, num_args = 1.., value_name = "SELECTION")]
    exclude: Vec<String>,
}

impl SelectionArguments {
    pub(super) fn selection(&self) -> Selection {
        Selection { select: self.select.clone(), exclude: self.exclude.clone() }
    }
}

/// `--vars` as a mapping.
pub(super) fn parse_vars(text: Option<&str>) -> Result<Map<String, Value>, Diagnostic> {
    let Some(text) = text else { return Ok(Map::new()) };
    let source = SourceText::new("--vars", text);
    let value = parse_yaml(&source)?.to_json();
    match value {
        Value::Object(vars) => Ok(vars),
        Value::Null => Ok(Map::new()),
        _ => Err(Diagnostic::error(Code::Usage, "`--vars` is no mapping")
            .label(Span::new(&source, 0..text.len()), "expected `name: value`")
            .hint("as in --vars '{start: 2026-01-01, limit: 10}'")),
    }
}
