//! What the physical planner and functions refuse that are called with a word they do not know.

use super::sql::Described;
use super::words::{between, with_sql_types};
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
        .or_else(|| unwritable(text))
        .or_else(|| without_type(text))
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

/// What can be parsed, and stand elsewhere or be written in another way only.
fn unwritable(text: &str) -> Option<Described> {
    const OF_A_ZONE: &[&str] =
        &["Identifier(", "CompoundIdentifier(", "Function(", "BinaryOp", "Nested(", "Case", "Cast", "Subquery("];
    let sql = |message: &str| Described::new(Code::Sql, message);
    if text.contains(EXTRACTED) {
        return Some(extracted());
    }
    if let Some((_, node)) = text.split_once("Unsupported ast node in sqltorel: ") {
        return Some(match OF_A_ZONE.iter().any(|kind| node.starts_with(kind)) {
            true => sql("the zone behind `at time zone` is one text for all rows, not a column or an expression")
                .only("zone")
                .hint("write it out, as in `ordered_at at time zone 'Europe/Berlin'`"),
            false => sql("an expression of this query can be parsed, and is not supported")
                .hint("write it in another way; leave out one expression after the other to find it"),
        });
    }
    if text.contains("unnest should be rewritten to LogicalPlan::Unnest") {
        let message = "`unnest` makes rows: it can stand in a select list or in `from`, and inside of no aggregate";
        return Some(
            sql(message)
                .any("unnest")
                .hint("do it in a `with` first, as in `select id, unnest(tags) as tag from ...`, and use its column"),
        );
    }
    if text.contains("null_aware anti join only supports") {
        return Some(
            sql("`not in (select ...)` cannot read the query around it")
                .only("not in")
                .hint("write `not exists (select 1 from ... where b.id = a.id and ...)`; a NULL equals nothing there"),
        );
    }
    let (clause, hint) = ["LIMIT", "OFFSET"].iter().find_map(|clause| {
        let hint = match *clause {
            "LIMIT" => "number the rows instead: `qualify row_number() over (order by id) <= (select ...)`",
            _ => "number the rows instead: `qualify row_number() over (order by id) > (select ...)`",
        };
        text.contains(&format!("Unsupported {clause} expression: ")).then(|| (clause.to_lowercase(), hint))
    })?;
    let message = format!("`{clause}` takes a number that is written out, not one that a query finds");
    Some(Described::new(Code::Sql, message).only(&clause).hint(hint))
}

/// The optimizer's names for the fields of structs that it takes out of an expression.
pub(super) const EXTRACTED: &str = "__datafusion_extracted_";

/// A query of which the optimizer has lost one of them.
pub(super) fn extracted() -> Described {
    Described::new(Code::Sql, "a field of a struct stands where this query cannot be planned with it")
        .hint("take the field out in a `with` first, as in `select s['x'] as x, ... from ...`, and use that column")
}

/// Aggregates of nothing but NULL, and of types they do not know.
fn without_type(text: &str) -> Option<Described> {
    let (name, given) = text
        .split_once("[return_type] ")
        .and_then(|(_, rest)| rest.split_once(" not supported for "))
        .or_else(|| {
            let (name, rest) = text.split_once("Accumulator for (Null")?;
            rest.contains(')').then_some((name.rsplit([' ', ':']).next()?, "Null"))
        })?;
    let (name, given) = (name.to_lowercase(), given.lines().next()?.trim());
    let described = match given {
        "Null" | "null" => Described::new(Code::Type, format!("`{name}` does not take a NULL without a type"))
            .hint(format!("give it one, as in `{name}(cast(null as bigint))`")),
        given => Described::new(Code::Type, format!("`{name}` does not take {}", with_sql_types(given))),
    };
    Some(described.any(&name))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_planner_is_shown() {
        let told = [
            "Unsupported ast node in sqltorel: Identifier(Ident { value: \"zone\" })",
            "unnest should be rewritten to LogicalPlan::Unnest before type coercion",
            "null_aware anti join only supports single column join key, got 2 columns",
            "Unsupported LIMIT expression: Some(ScalarSubquery(<subquery>))",
            "No field named __datafusion_extracted_3",
            "[return_type] SUM not supported for Null",
            "AvgAccumulator for (Null --> Float64)",
        ];
        let messages: Vec<String> = told.iter().map(|text| refused(text).unwrap().message).collect();
        assert_eq!(
            messages,
            [
                "the zone behind `at time zone` is one text for all rows, not a column or an expression",
                "`unnest` makes rows: it can stand in a select list or in `from`, and inside of no aggregate",
                "`not in (select ...)` cannot read the query around it",
                "`limit` takes a number that is written out, not one that a query finds",
                "a field of a struct stands where this query cannot be planned with it",
                "`sum` does not take a NULL without a type",
                "`avg` does not take a NULL without a type",
            ]
        );
    }
}
