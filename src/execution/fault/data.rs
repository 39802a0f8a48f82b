//! Mistakes that only the rows show.

use super::sql::Described;
use super::words::{between, lower_first, with_sql_types};
use crate::diagnostic::Code;

/// What only the rows show.
pub(super) fn data_mistake(text: &str) -> Option<Described> {
    const KINDS: &[&str] = &[
        "Cast error: ",
        "Parser error: ",
        "Execution error: ",
        "Compute error: ",
        "Arithmetic overflow: ",
        "Arrow error: ",
        "Invalid argument error: ",
        "Parquet error: ",
        "External error: ",
    ];
    if text.starts_with("Divide by zero") {
        let zero = Described::new(Code::Execution, "division by zero").only("/");
        return Some(zero.hint("`nullif(divisor, 0)` gives NULL instead"));
    }
    if let Some(sum) = text.strip_prefix("Arithmetic overflow: Overflow happened on: ") {
        let operator = [" + ", " - ", " * "].into_iter().find(|operator| sum.contains(operator)).unwrap_or(" + ");
        let message = format!("`{}` is beyond the whole numbers of its type", sum.trim());
        let overflow = Described::new(Code::Execution, message).only(operator.trim());
        return Some(overflow.hint("cast one side to a wider type first: `bigint`, `decimal(38, 0)` or `double`"));
    }
    if let Some(file) = between(text, "Failed to fetch metadata for file ", ": ").filter(|_| text.contains("not found"))
    {
        let gone = Described::new(Code::Damaged, format!("a file of a table it reads is gone: `{file}`"));
        return Some(gone.hint("somebody deleted it; rebuild that table with `--full-refresh`"));
    }
    let (_, rest) = KINDS.iter().find_map(|kind| Some((kind, text.strip_prefix(kind)?)))?;
    if let Some((value, kind)) =
        rest.strip_prefix("Cannot cast string '").and_then(|rest| rest.rsplit_once("' to value of "))
    {
        let kind = with_sql_types(kind.trim_end_matches(" type"));
        let cast = Described::new(Code::Execution, format!("cannot cast the string '{value}' to {kind}"))
            .only("cast")
            .value(value);
        return Some(cast.hint("`try_cast` gives NULL for what cannot be cast"));
    }
    if let Some((value, kind)) = rest.strip_prefix("Can't cast value ").and_then(|rest| rest.rsplit_once(" to type ")) {
        let kind = with_sql_types(kind);
        let cast = Described::new(Code::Execution, format!("cannot cast {value} to {kind}")).only("cast").value(value);
        return Some(cast);
    }
    let mut rest = rest;
    while let Some(inner) = KINDS.iter().find_map(|kind| rest.strip_prefix(kind)) {
        rest = inner;
    }
    Some(Described::new(Code::Execution, lower_first(&with_sql_types(rest.lines().next().unwrap_or(rest)))))
}
