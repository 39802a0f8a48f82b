//! What the physical planner and functions refuse that are called with a word they do not know.

use super::sql::Described;
use super::words::between;
use crate::diagnostic::Code;

/// The parts of a time that `date_part` and `extract` know.
const PARTS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
    "dow",
    "doy",
    "isodow",
    "isoyear",
    "epoch",
];

/// What they refuse, in our words.
pub(super) fn refused(text: &str) -> Option<Described> {
    unplannable(text)
        .or_else(|| unknown_part(text))
        .or_else(|| not_constant(text))
        .or_else(|| pattern(text))
        .or_else(|| argument(text))
}

/// Subqueries that cannot be made a join.
fn unplannable(text: &str) -> Option<Described> {
    let (_, expression) = text.split_once("Physical plan does not support logical expression ")?;
    let sql = |message: &str| Described::new(Code::Sql, message);
    let kind = expression.split(['(', ' ', '{']).next()?;
    Some(match kind {
        "ScalarSubquery" => sql("this subquery reads the query around it in a way that cannot be made a join")
            .only("(select")
            .hint("compute its value for all rows in a `with`, and join that"),
        "OuterReferenceColumn" => {
            sql("what is `lateral` reads the query around it in a way that cannot be made a join")
                .only("lateral")
                .hint("compute it in the `select`, or in a `with` that is joined")
        }
        "Exists" => sql("`exists` can stand in a condition only")
            .only("exists")
            .hint("join the other table with `left join`, and ask whether its key is there: `b.id is not null`"),
        "InSubquery" => sql("`in (select ...)` can stand in a condition only")
            .only("in")
            .hint("join the other table with `left join`, and ask whether its key is there: `b.id is not null`"),
        _ => return None,
    })
}

/// `date_part('dwo', ...)` and the like.
fn unknown_part(text: &str) -> Option<Described> {
    let unknown = |part: &str, known: &[&str]| {
        let message = format!("`{part}` is no part of a date");
        let described = Described::new(Code::Sql, message).text(part).nearest(part, known.iter().copied());
        match described.hints.is_empty() {
            true => described.hint(format!("use {}", known.join(", "))),
            false => described,
        }
    };
    if let Some(part) = between(text, "Date part '", "' not supported") {
        return Some(unknown(part, PARTS));
    }
    if let Some((part, known)) = text
        .strip_prefix("Execution error: ")
        .unwrap_or(text)
        .strip_prefix("Unsupported date_trunc granularity: '")
        .and_then(|rest| rest.split_once("'. Supported values are: "))
    {
        let known: Vec<&str> = known.lines().next()?.split(", ").collect();
        return Some(unknown(part, &known));
    }
    let (part, known) = text.split_once("` is no part of a date; use ")?;
    let known: Vec<&str> = known.lines().next()?.split(", ").flat_map(|part| part.split(" or ")).collect();
    Some(unknown(part.rsplit('`').next()?, &known))
}

/// Arguments that are one value for all rows.
fn not_constant(text: &str) -> Option<Described> {
    let constant = |name: &str, what: &str, example: &str| {
        let message = format!("{what} of `{name}` is one value for all rows, not a column");
        Some(Described::new(Code::Sql, message).any(name).hint(format!("write it out, as in `{name}({example})`")))
    };
    if let Some(name) = between(text, "ranularity of `", "` must be non-null scalar") {
        return constant(name, "the part", "'month', ordered_at");
    }
    if text.contains("date_part requires non-empty constant string") {
        return constant("date_part", "the part", "'month', ordered_at");
    }
    if let Some(name) = between(text, "Percentile value for '", "' must be a literal") {
        return constant(&name.to_lowercase(), "the percentile", "amount, 0.5");
    }
    if text.contains("string_agg delimiter must be a string literal") || text.contains("StringAgg delimiter") {
        return constant("string_agg", "the delimiter", "name, ', '");
    }
    if text.contains("There is only support Literal types for field at idx") {
        let message = "an argument of this window function is one value for all rows, not a column";
        return Some(Described::new(Code::Sql, message).only("over").hint("write it out, as in `lag(amount, 1)`"));
    }
    None
}

/// Arguments that are constants, and none that their function takes.
fn argument(text: &str) -> Option<Described> {
    let sql = |message: &str| Described::new(Code::Sql, message);
    if let Some(format) = between(text, "`", "` is no format of a time") {
        let described = Described::new(Code::Sql, format!("`{format}` is no format of a time")).text(format);
        return Some(described.hint("it is written as in '%Y-%m-%d %H:%M:%S'"));
    }
    if let Some(value) = between(text, "Percentile value must be between 0.0 and 1.0 inclusive, ", " is invalid") {
        let described = Described::new(Code::Sql, format!("`{value}` is no percentile: it is between 0 and 1"));
        return Some(described.only(value));
    }
    if let Some((start, rest)) = between(text, "start bound (", ")").zip(text.split_once("end bound (")) {
        let end = rest.1.split(')').next()?;
        let message =
            format!("the frame from `{}` to `{}` ends before it begins", start.to_lowercase(), end.to_lowercase());
        return Some(Described::new(Code::Sql, message).only("rows").or_only("range"));
    }
    if let Some((part, _)) = text.split_once(" does not support: Duration") {
        let part = part.rsplit([' ', ':']).next()?.to_lowercase();
        let described = Described::new(Code::Type, format!("what lies between two times has no `{part}`"));
        return Some(described.hint(format!("`datediff('{part}', start, end)` counts what lies between them")));
    }
    let told = [
        ("ield position must not be zero", "split_part", "`split_part` counts the parts from 1"),
        ("array_sort expects DESC or ASC", "array_sort", "`array_sort` takes 'ASC' or 'DESC'"),
        ("NTILE requires a positive integer", "ntile", "`ntile` takes the number of parts, from 1"),
        ("Nth value indices are 1 based", "nth_value", "`nth_value` counts the rows from 1"),
        ("egative count not allowed", "substr", "the length of `substr` is not below 0"),
        ("COUNT DISTINCT with multiple arguments", "distinct", "`count(distinct ...)` takes one column"),
        (
            "ORDER BY expressions must appear in argument list",
            "distinct",
            "with `distinct` an aggregate is ordered by its own argument only",
        ),
        ("LIMIT must be >= 0", "limit", "`limit` takes a number of rows, from 0"),
        ("OFFSET must be >=0", "offset", "`offset` takes a number of rows, from 0"),
        ("ingle expression required", "in", "`in (...)` takes values, or a `select` of one column"),
        ("`-` does not take", "-", "`-` takes a number, not a time"),
    ];
    let (_, word, message) = told.iter().find(|(part, ..)| text.contains(part))?;
    Some(sql(message).only(word))
}

/// A regular expression that is none; the parser shows it with a caret of its own.
fn pattern(text: &str) -> Option<Described> {
    let (_, shown) = text.split_once("regex parse error:")?;
    let pattern = shown.lines().map(str::trim).find(|line| !line.is_empty())?;
    let why = shown.lines().find_map(|line| line.trim().strip_prefix("error: "));
    let message = match why {
        Some(why) => format!("`{pattern}` is no regular expression: {}", why.trim()),
        None => format!("`{pattern}` is no regular expression"),
    };
    let described = Described::new(Code::Sql, message).text(pattern);
    if why.is_some_and(|why| why.contains("flag")) {
        return Some(described.hint("the flags are `i`, `m`, `s`, `U` and `x`"));
    }
    Some(described.hint("a sign that stands for itself is written `\\(`, or `[(]`"))
}
