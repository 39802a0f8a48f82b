//! `source probe` - looks at a URL once and prints what a project would say to read it.

use clap::Args;

use super::printer::Printer;
use super::{Exit, block_on};
use crate::connectors::http::probe;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::invocation::Settings;

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    /// The URL, as it would be asked
    url: String,
    /// A header to send, as `name: value`
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
}

pub(super) fn run(arguments: &ProbeArguments, settings: &Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let mut headers = Vec::new();
    for header in &arguments.header {
        let Some((name, value)) = header.split_once(':') else {
            let message = "a header is written `name: value`";
            return Err(Diagnostic::error(Code::Usage, message).into());
        };
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    match block_on(probe(&arguments.url, &headers, settings.started))? {
        Ok(yaml) => {
            printer.output(&yaml);
            Ok(Exit::Success)
        }
        Err(error) => {
            let diagnostic = Diagnostic::error(Code::Source, error.to_string());
            printer.diagnostics(&diagnostic.hint_opt(error.kind.remedy().map(str::to_owned)).into());
            Ok(Exit::Failure)
        }
    }
}
