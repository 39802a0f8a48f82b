//! `.env` at the project's root, below the real environment.
//!
//! No message quotes a line of it: such a line may hold a secret.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// The variables of `.env`, with those of the process over them.
pub(super) fn load(
    root: &Path,
    process: &BTreeMap<String, String>,
    found: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut env = match std::fs::read_to_string(root.join(".env")) {
        Ok(text) => parse(&text, found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => {
            let message = format!("`.env` cannot be read: {error}");
            found.push(Diagnostic::error(Code::Unreadable, message).in_file(".env"));
            BTreeMap::new()
        }
    };
    env.extend(process.iter().map(|(name, value)| (name.clone(), value.clone())));
    env
}

fn parse(text: &str, found: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match assignment(line) {
            Ok((name, value)) => {
                env.insert(name, value);
            }
            Err(mistake) => found.push(
                Diagnostic::error(Code::Config, format!("line {} of `.env` {}", number + 1, mistake.as_str()))
                    .in_file(".env")
                    .hint("write `NAME=value`, `NAME=\"value\"` or `# a comment`"),
            ),
        }
    }
    env
}

#[derive(Clone, Copy)]
enum Mistake {
    NoAssignment,
    Name,
    OpenQuote,
    AfterQuote,
}

impl Mistake {
    fn as_str(self) -> &'static str {
        match self {
            Self::NoAssignment => "sets nothing",
            Self::Name => "has a name of other characters than letters, digits and underscores",
            Self::OpenQuote => "opens a quote and never closes it",
            Self::AfterQuote => "goes on after the closing quote",
        }
    }
}

fn assignment(line: &str) -> Result<(String, String), Mistake> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or(Mistake::NoAssignment)?;
    let name = name.trim();
    if !crate::names::is_name(name) {
        return Err(Mistake::Name);
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(&value[1..], quote)?,
        _ => unquoted(value),
    };
    Ok((name.to_owned(), value))
}

/// Up to a ` #`.
fn unquoted(value: &str) -> String {
    let end = match value.starts_with('#') {
        true => 0,
        false => value.find(" #").unwrap_or(value.len()),
    };
    value[..end].trim_end().to_owned()
}

/// In double quotes a backslash escapes; in single quotes everything is as it stands.
fn quoted(rest: &str, quote: char) -> Result<String, Mistake> {
    let mut value = String::new();
    let mut characters = rest.chars();
    while let Some(next) = characters.next() {
        match next {
            _ if next == quote => {
                let after = characters.as_str().trim_start();
                return match after.is_empty() || after.starts_with('#') {
                    true => Ok(value),
                    false => Err(Mistake::AfterQuote),
                };
            }
            '\\' if quote == '"' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(escaped @ ('"' | '\\' | '$')) => value.push(escaped),
                Some(other) => value.extend(['\\', other]),
                None => return Err(Mistake::OpenQuote),
            },
            _ => value.push(next),
        }
    }
    Err(Mistake::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_export_are_understood() {
        let text = "# all\nexport A=1\nB = two words # note\nC=\"x # \\\"y\\\"\\n\" # note\nD='$a\\n'\nE=\nF=a#b=c\n";
        let mut found = Diagnostics::default();
        let env = parse(text, &mut found);
        assert!(found.is_empty());
        let values: Vec<&str> = env.values().map(String::as_str).collect();
        assert_eq!(values, ["1", "two words", "x # \"y\"\n", "$a\\n", "", "a#b=c"]);
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let mut found = Diagnostics::default();
        parse("SECRET hunter2\nA-B=1\nC=\"x\nD='x' y\n", &mut found);
        let messages: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "line 1 of `.env` sets nothing (.env)",
                "line 2 of `.env` has a name of other characters than letters, digits and underscores (.env)",
                "line 3 of `.env` opens a quote and never closes it (.env)",
                "line 4 of `.env` goes on after the closing quote (.env)",
            ]
        );
    }

    #[test]
    fn the_process_wins() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(".env"), "A=file\nB=file\n").unwrap();
        let process = BTreeMap::from([("A".to_owned(), "process".to_owned())]);
        let env = load(root.path(), &process, &mut Diagnostics::default());
        assert_eq!((env["A"].as_str(), env["B"].as_str()), ("process", "file"));
    }
}
