//! Numbers, names and arguments that are too many, too few or not what is meant, in our words.

use super::sql::Described;
use super::words::{between, with_sql_types};
use crate::diagnostic::{Code, count};

pub(super) fn mistake(text: &str) -> Option<Described> {
    column_number(text).or_else(|| lists(text)).or_else(|| arguments(text)).or_else(|| constants(text))
}

fn sql(message: String) -> Described {
    Described::new(Code::Sql, message)
}

/// `order by 5` and `group by 5`.
fn column_number(text: &str) -> Option<Described> {
    let numbered = |clause: &str, number: &str, all: &str| {
        let selected = all.trim().parse().map_or_else(|_| format!("{all} columns"), |all: usize| count(all, "column"));
        Some(sql(format!("`{clause} {number}`: the query selects {selected}")).hint("name the column instead"))
    };
    if let Some((number, all)) =
        text.strip_prefix("Order by column out of bounds, specified: ").and_then(|rest| rest.split_once(", max: "))
    {
        return numbered("order by", number, all);
    }
    if let Some((number, rest)) = text
        .strip_prefix("Cannot find column with position ")
        .and_then(|rest| rest.split_once(" in SELECT clause. Valid columns: 1 to "))
    {
        return numbered("group by", number, rest);
    }
    text.starts_with("Order by index starts at 1")
        .then(|| sql("`order by 0`: columns are counted from 1".to_owned()).hint("name the column instead"))
}

/// Rows of `values`, names of columns, windows.
fn lists(text: &str) -> Option<Described> {
    if let Some(rest) = text.strip_prefix("Inconsistent data length across values list: got ") {
        let (got, rest) = rest.split_once(" values in row ")?;
        let (row, expected) = rest.split_once(" but expected ")?;
        let row = row.parse::<usize>().ok()? + 1;
        let (got, expected) = (count(got.parse().ok()?, "column"), expected.trim());
        return Some(sql(format!("row {row} of `values` has {got}, and the first one {expected}")).only("values"));
    }
    if let Some((has, given)) =
        text.strip_prefix("Source table contains ").and_then(|rest| rest.split_once(" columns but only "))
    {
        let given = given.split(' ').next()?;
        let message = format!("{given} names are given to the columns of a table that has {has} of them");
        return Some(sql(message).hint("behind the name of a table stands one name for each column: `as t (a, b)`"));
    }
    if let Some(name) = between(text, "The window ", " is not defined") {
        let described = sql(format!("no window named `{name}`")).any(name);
        return Some(described.hint(format!("define it behind the tables: `window {name} as (partition by ...)`")));
    }
    if text.starts_with("SELECT DISTINCT ON expressions must match") {
        let message = "`order by` begins with other columns than `distinct on`".to_owned();
        return Some(sql(message).only("distinct").hint("order by those of `distinct on` first, then by the others"));
    }
    let given = text.strip_prefix("Join condition must be boolean type, but got ")?;
    let message = format!("a condition is a boolean, not {}", with_sql_types(given));
    Some(Described::new(Code::Type, message).hint("compare it with something, as in `a.id = b.id`"))
}

/// Arguments of functions and operators.
fn arguments(text: &str) -> Option<Described> {
    if text.starts_with("named_struct requires ") {
        let message = "`named_struct` takes names and values by turns, the names in quotes".to_owned();
        return Some(
            sql(message).any("named_struct").hint("it is called as in `named_struct('id', id, 'name', name)`"),
        );
    }
    let name = between(text, "Unexpected argument type to '", "'")?;
    let (_, rest) = text.split_once(" at position ")?;
    let (position, rest) = rest.split_once(", expected ")?;
    let (_, given) = rest.lines().next()?.split_once(", got ")?;
    let given = given.trim_end_matches('.');
    let operator = match name {
        "json_get" => "->",
        "json_as_text" => "->>",
        "json_contains" => "?",
        _ => {
            let given = with_sql_types(given).to_lowercase();
            let message = format!("argument {position} of `{name}` is a text or a whole number, not {given}");
            return Some(Described::new(Code::Type, message).any(name));
        }
    };
    let message = format!("what stands behind `{operator}` is a key or a number, not {}", with_sql_types(given));
    let described = Described::new(Code::Type, message.to_lowercase()).any(operator);
    Some(described.hint(format!(
        "`=` and other operators bind more closely than `{operator}`: write `(x {operator} 'key') = 'value'`"
    )))
}

/// Constants that are not what their type wants.
fn constants(text: &str) -> Option<Described> {
    if let Some(value) = between(text, "Invalid input syntax for type interval: \"", "\"") {
        let message = format!("`{value}` is no interval");
        return Some(Described::new(Code::Type, message).text(value).hint("write it as in `interval '2 days'`"));
    }
    let (_, rest) = text.split_once("Error parsing timestamp from '")?;
    let (value, why) = rest.split_once("': ")?;
    let message = format!("cannot cast the string '{value}' to a timestamp: {}", why.lines().next()?);
    let cast = Described::new(Code::Execution, message).only("cast").value(value);
    Some(cast.hint("`try_cast` gives NULL for what cannot be cast"))
}
