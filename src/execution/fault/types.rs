//! Types that do not go together, in our words.

use super::sql::Described;
use super::words::{between, with_sql_types};
use crate::diagnostic::Code;
use crate::names::is_name;

/// Types that do not go together.
pub(super) fn type_mistake(text: &str) -> Option<Described> {
    let pair = |pair: &str, signs: &[&str]| {
        signs.iter().find_map(|sign| {
            let (left, right) = pair.split_once(&format!(" {sign} "))?;
            Some((with_sql_types(left), (*sign).to_owned(), with_sql_types(right)))
        })
    };
    let mut at = String::new();
    let message = if let Some(types) = between(text, "Cannot coerce arithmetic expression ", " to valid types") {
        let (left, sign, right) = pair(types, &["+", "-", "*", "/", "%"])?;
        at.clone_from(&sign);
        format!("cannot calculate {left} {sign} {right}")
    } else if let Some(types) = between(text, "Cannot get result type for temporal operation ", ": ") {
        let (left, sign, right) = pair(types, &["+", "-", "*", "/", "%"])?;
        at.clone_from(&sign);
        format!("cannot calculate {left} {sign} {right}")
    } else if let Some(types) = text.strip_prefix("Cannot infer common argument type for comparison operation ") {
        let signs = ["=", "!=", "<=", ">=", "<", ">", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];
        let (left, sign, right) = pair(types.lines().next()?, &signs)?;
        at = sign;
        format!("cannot compare {left} with {right}")
    } else if let Some(types) = text.strip_prefix("Cannot infer common argument type for logical boolean operation ") {
        let (left, sign, right) = pair(types.lines().next()?, &["AND", "OR"])?;
        at.clone_from(&sign);
        format!("`{}` takes two booleans, not {left} and {right}", sign.to_lowercase())
    } else if let Some(types) = between(text, "There isn't a common type to coerce ", " in LIKE expression") {
        let (left, _, right) = pair(types, &["and"])?;
        "like".clone_into(&mut at);
        format!("`like` compares strings, not {left} and {right}")
    } else if let Some(given) = text.strip_prefix("Unary operator 'NOT' requires a boolean expression, got ") {
        let message = format!("`not` takes a boolean, not {}", with_sql_types(given));
        return Some(Described::new(Code::Type, message).only("not").hint("compare it with something first"));
    } else if let Some((_, given)) = text.split_once("Cannot create filter with non-boolean predicate ") {
        let (condition, given) = given.rsplit_once(" returning ")?;
        let message = format!("a condition is a boolean, not {}", with_sql_types(given));
        let name = condition.trim_matches('\'').rsplit('.').next().filter(|name| is_name(name));
        let shown = name.unwrap_or("...");
        let described = Described::new(Code::Type, message)
            .hint(format!("compare it with something, as in `{shown} = 'x'`"))
            .or_only("where");
        return Some(match name {
            Some(name) => described.only(name),
            None => described.only("where"),
        });
    } else if text.starts_with("Expect to get struct but got ") {
        let message = "what `coalesce` chooses from is of different types";
        let described = Described::new(Code::Type, message).only("coalesce").or_only("case");
        return Some(described.hint("cast one of them: `cast(... as ...)`"));
    } else if let Some(given) = between(text, "Cannot automatically convert ", " to Interval") {
        at.push_str("interval");
        format!("cannot calculate {} with an interval", with_sql_types(given))
    } else if let Some((then, other)) = between(text, "Failed to coerce then (", ") to common types in CASE")
        .and_then(|types| types.split_once(") and else ("))
    {
        at.push_str("case");
        format!("the branches of this `case` are {} and {}", with_sql_types(then), with_sql_types(other))
    } else if let Some(types) = between(text, "Failed to coerce types ", " in BETWEEN expression") {
        let (left, _, right) = pair(types, &["and"])?;
        at.push_str("between");
        format!("`between` cannot compare {left} with {right}")
    } else if let Some((left, rest)) =
        text.strip_prefix("Can not find compatible types to compare ").and_then(|rest| rest.split_once(" with "))
    {
        at.push_str("in");
        let others = with_sql_types(rest.trim_matches(['[', ']']));
        format!("`in` cannot compare {} with {others}", with_sql_types(left))
    } else if text.starts_with("Unary operator '-' only supports") {
        return Some(
            Described::new(Code::Type, "`-` takes a number").hint("cast what stands behind it: `-cast(... as bigint)`"),
        );
    } else if let Some((from, to)) =
        text.strip_prefix("Unsupported CAST from ").and_then(|rest| rest.split_once(" to "))
    {
        return Some(
            Described::new(Code::Type, format!("cannot cast {} to {}", with_sql_types(from), with_sql_types(to)))
                .only("cast"),
        );
    } else if text.starts_with("Incompatible inputs for Union") {
        let first = between(text, "were of type ", ", but got")?;
        let other = between(text, "incompatible type ", " on column")?;
        at.push_str("union");
        format!("a union cannot put {} and {} into one column", with_sql_types(first), with_sql_types(other))
    } else {
        return None;
    };
    Some(Described::new(Code::Type, message).only(&at).hint("cast one of them: `cast(... as ...)`"))
}
