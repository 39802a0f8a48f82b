//! Functions called with what they do not take.

use super::sql::Described;
use super::words::{between, lower_first, with_sql_types};
use crate::diagnostic::{Code, or_list};

/// So many ways to call a function are shown.
const SHOWN_CALLS: usize = 4;

/// What is wrong with a call, if the message is about one.
pub(super) fn mistake(text: &str) -> Option<Described> {
    const SIGNS: &[&str] = &[
        "failed to match any signature",
        "No function matches the given name",
        "user-defined coercion failed",
        "does not support zero arguments",
        "argument but received",
        "arguments but received",
        "argument(s) but received",
        "Failed to coerce arguments",
        ", but received ",
    ];
    if !SIGNS.iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let given = between(text, "argument types '", "'. You might");
    let name = given
        .and_then(|given| given.split('(').next())
        .or_else(|| between(text, "unction '", "'"))
        .or_else(|| between(text, "call to '", "'"))?;
    let types = given.and_then(|given| given[name.len()..].strip_prefix('(')?.strip_suffix(')'));
    if let Some(own) = ours(text, name) {
        return Some(own);
    }
    // Of several arguments it is not said which one does not fit.
    let several = types.filter(|types| types.contains(", ")).map(|types| format!("({})", bare_types(types)));
    let wrong_type = match text.contains("Expect to get struct") {
        true => several,
        false => wrong_type(text).map(|one| several.unwrap_or(one)),
    };
    let described = match (wrong_type, wrong_number(text)) {
        (Some(received), _) => Described::new(Code::Type, format!("`{name}` does not take {received}")),
        (None, Some(numbers)) => Described::new(Code::Sql, format!("`{name}` takes {numbers}")),
        (None, None) => Described::new(Code::Type, other(text, name, types)),
    };
    let calls = candidates(text);
    let described = described.any(name);
    Some(match calls.is_empty() {
        true => described,
        false => described.hint(format!("it is called as {}", or_list(&calls))),
    })
}

/// Of a function of ours, which says itself what it takes: `dateadd takes the number as an integer; found a list`.
fn ours(text: &str, name: &str) -> Option<Described> {
    let (_, takes) = text.split_once(&format!("{name} takes "))?;
    let takes = takes.lines().next()?.split(". No function matches").next()?.trim_end_matches('.');
    let (takes, example) = match takes.split_once(", such as ") {
        Some((takes, example)) if example.starts_with(name) => (takes, Some(example)),
        _ => (takes, None),
    };
    let described = match takes.split_once("; found ") {
        Some((takes, found)) => {
            let found = with_sql_types(found);
            Described::new(Code::Type, format!("`{name}` takes {takes}, not {found}"))
        }
        None => Described::new(Code::Sql, format!("`{name}` takes {takes}")),
    };
    let described = described.any(name);
    Some(match example {
        Some(example) => described.hint(format!("it is called as in `{example}`")),
        None => described,
    })
}

/// `double, string`, without articles.
fn bare_types(types: &str) -> String {
    with_sql_types(types).to_lowercase().replace("a string", "string")
}

/// The type that was given and not wanted.
fn wrong_type(text: &str) -> Option<String> {
    if let Some(received) = between(text, "(DataType: ", ").") {
        return Some(with_sql_types(received));
    }
    let (_, received) = text
        .split_once(" expects Numeric but received ")
        .or_else(|| text.split_once(" expects String but received "))?;
    let received = received.split([',', '.', '\n', ' ']).next()?;
    Some(with_sql_types(received).to_lowercase())
}

/// `1 or 2 arguments, not 3`.
fn wrong_number(text: &str) -> Option<String> {
    let mut wanted: Vec<usize> = Vec::new();
    let mut given = None;
    for (at, _) in text.match_indices("but received ") {
        let before = text[..at].trim_end();
        let before = ["arguments", "argument(s)", "argument"].iter().find_map(|noun| before.strip_suffix(noun))?;
        wanted.push(match before.trim_end().rsplit(' ').next()? {
            "zero" => 0,
            "one" => 1,
            number => number.parse().ok()?,
        });
        let after: String = text[at + "but received ".len()..].chars().take_while(char::is_ascii_digit).collect();
        given = after.parse::<usize>().ok();
    }
    wanted.sort_unstable();
    wanted.dedup();
    let given = given?;
    let least = if text.contains("at least one argument") { "at least " } else { "" };
    let numbers: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    Some(match wanted.as_slice() {
        [] => return None,
        [0] => "no arguments".to_owned(),
        [1] => format!("{least}1 argument, not {given}"),
        [_] => format!("{} arguments, not {given}", numbers.concat()),
        [.., last] => format!("{} or {last} arguments, not {given}", numbers[..numbers.len() - 1].join(", ")),
    })
}

fn other(text: &str, name: &str, types: Option<&str>) -> String {
    let own = text.split_once("user-defined coercion failed with: ").map(|(_, own)| own);
    if let Some(own) = own {
        let own = own.split(". No function matches").next().unwrap_or(own);
        let own = own.rsplit_once("error: ").map_or(own, |(_, own)| own).trim_start_matches("Error during planning: ");
        return lower_first(with_sql_types(own.lines().next().unwrap_or(own)).trim_end_matches('.'));
    }
    match types {
        Some("") => format!("`{name}` needs an argument"),
        Some(types) => format!("`{name}` does not take {}", with_sql_types(types)),
        None => format!("`{name}` is called with what it does not take"),
    }
}

/// The ways in which the function can be called.
fn candidates(text: &str) -> Vec<String> {
    let Some((_, listed)) = text.split_once("Candidate functions:") else { return Vec::new() };
    let mut calls: Vec<String> = Vec::new();
    for line in listed.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // These say nothing to a user; unsigned numbers are no types of tables.
        if ["UserDefined", "NullAry", "Any", "UInt", "..", "T"].iter().any(|sign| holds(line, sign)) {
            continue;
        }
        let call = bare_types(line);
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls.truncate(SHOWN_CALLS);
    calls
}

/// Whether an argument begins with a word.
fn holds(call: &str, word: &str) -> bool {
    match word {
        "T" => call.contains("(T") && !call.contains("(Time"),
        _ => call.contains(word),
    }
}
