//! Keys of `dbt_project.yml` that are taken so that a dbt project loads; those that change results are told.

use std::path::Path;

use super::fields::Fields;
use crate::diagnostic::{Code, Diagnostic};

/// Keys without a meaning here that change no result.
const HARMLESS: &[&str] = &[
    "config_version",
    "require_dbt_version",
    "query_comment",
    "analysis_paths",
    "docs_paths",
    "asset_paths",
    "packages_install_path",
    "log_path",
    "restrict_access",
];

/// Keys whose absence can be seen in the results, and what to do instead.
const TELLING: &[(&str, &str)] = &[
    ("quoting", "every name is quoted and keeps its case"),
    ("dispatch", "macros are looked up in this project alone"),
    ("flags", "options are given on the command line"),
];

/// Trees of config for what we do not build yet.
const LATER_TREES: &[&str] =
    &["snapshots", "unit_tests", "analyses", "functions", "metrics", "semantic_models", "saved_queries"];

/// Takes dbt's own keys from the project file, with warnings for those that would have changed something.
pub(super) fn take(fields: &mut Fields<'_>, root: &Path, declares_targets: bool) {
    fields.accept(HARMLESS);
    for &(name, instead) in TELLING {
        warn(fields, name, format!("`{}` is ignored", name.replace('_', "-")), instead);
    }
    if declares_targets {
        fields.accept(&["profile"]);
    } else {
        let hint = "declare `targets:` with a `warehouse` each";
        warn(fields, "profile", "`profile` is ignored: profiles are not read".to_owned(), hint);
    }
    for name in ["snapshot_paths", "function_paths"] {
        let has_files =
            fields.strings(name).is_some_and(|paths| paths.iter().any(|(path, _)| root.join(path).is_dir()));
        if has_files {
            let kind = name.trim_end_matches("_paths");
            let message = format!("{kind}s are not part of this version: their files are not read");
            warn(fields, name, message, "build them as models");
        }
    }
    for name in LATER_TREES {
        let message = format!("`{name}` are not part of this version: this config is ignored");
        warn(fields, name, message, "remove it, or leave it for dbt");
    }
}

fn warn(fields: &mut Fields<'_>, name: &'static str, message: String, hint: &str) {
    let Some((key, value)) = fields.entry(name) else {
        return;
    };
    if !value.is_null() {
        let warning = Diagnostic::warning(Code::Config, message).label(key.span.clone(), "ignored").hint(hint);
        fields.push(warning);
    }
}
