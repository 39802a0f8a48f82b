//! Queries whose parts do not go together, in our words.

use datafusion::common::Diagnostic as Told;

use super::sql::{Described, SqlRange, quoted_word, twins};
use super::words::{between, lower_first, with_sql_types};
use crate::diagnostic::Code;
use crate::names::is_name;

/// Queries of the wrong shape.
pub(super) fn query_mistake(text: &str, told: Option<&Told>) -> Option<Described> {
    let sql = |message: &str| Described::new(Code::Sql, message);
    if let Some(expression) = between(text, "column \"", "\" must appear in the GROUP BY clause") {
        let name = expression.rsplit('.').next().filter(|name| is_name(name));
        let hint = |shown: &str| format!("add it to `group by`, or aggregate it, as in `max({shown})`");
        return Some(match name {
            Some(name) => sql(&format!("`{name}` is neither in `group by` nor in an aggregate function"))
                .any(name)
                .hint(hint(name)),
            None => sql("an expression is neither in `group by` nor in an aggregate function").hint(hint("...")),
        });
    }
    if let Some(expression) = between(text, "HAVING clause references: ", " must appear in the GROUP BY clause") {
        let name = expression.rsplit('.').next().filter(|name| is_name(name));
        let message = match name {
            Some(name) => format!("`{name}` in `having` is neither in `group by` nor in an aggregate function"),
            None => "`having` takes what is in `group by` or in an aggregate function".to_owned(),
        };
        let described = sql(&message).hint("a condition on single rows goes into `where`").or_only("having");
        return Some(match name {
            Some(name) => described.only(name),
            None => described,
        });
    }
    if let Some(given) = text.strip_prefix("Expected LIMIT to be an integer or null, but got ") {
        let message = format!("`limit` takes a whole number, not {}", with_sql_types(given));
        return Some(Described::new(Code::Type, message).only("limit"));
    }
    if text.contains("only supports a single SQL statement") {
        return Some(
            sql("this is more than one statement")
                .any(";")
                .hint("a model is one query: remove what comes after the first `;`"),
        );
    }
    if text.starts_with("No SQL statements were provided") {
        return Some(
            sql("there is no query in it").hint("write a `select`; `engine compile` shows what the template gives"),
        );
    }
    if text.starts_with("only a query can be run here") {
        let mut described = sql(text).hint("write a `select`: the engine makes the table of what it returns");
        described.range = Some(SqlRange::Start);
        return Some(described);
    }
    if text.starts_with("Aggregate functions are not allowed in the WHERE clause") {
        return Some(
            sql("an aggregate function cannot stand in `where`")
                .only("where")
                .hint("a condition on it goes into `having`"),
        );
    }
    if text.contains("logical expression WindowFunction") {
        return Some(sql("a window function cannot stand here").only("over").hint("to filter on it, use `qualify`"));
    }
    if text.contains("calls cannot be nested") || text.contains("calls cannot contain window function calls") {
        let message = text.split(':').next().unwrap_or(text);
        let described = sql(&lower_first(message)).hint("compute the inner one in a subquery or a `with` first");
        return Some(match quoted_word(text) {
            Some(word) => described.any(&word),
            None => described,
        });
    }
    if let Some(operation) = text.strip_suffix(" queries have different number of columns") {
        let counts: Vec<&str> =
            told?.notes.iter().filter_map(|note| between(&note.message, "side has ", " field")).collect();
        let operation = operation.to_lowercase();
        return Some(sql(&format!("the queries of this `{operation}` have {} columns", counts.join(" and "))));
    }
    if let Some(columns) = text.strip_prefix("Too many columns! The subquery should only return one column: ") {
        let number = columns.split(", ").count();
        return Some(sql(&format!("this subquery stands for one column and selects {number}")));
    }
    if text.contains(" require unique expression names ") {
        let first = between(text, "expression \"", "\" at position")?;
        let name = first.rsplit_once(" AS ").map_or(first, |(_, alias)| alias);
        return Some(match name.rsplit('.').next().filter(|name| is_name(name)) {
            Some(name) => twins(name),
            None => sql("two columns of a subquery have the same name").hint("give one of them another name with `as`"),
        });
    }
    let name = between(text, "WITH query name \"", "\" specified more than once")?;
    Some(sql(&format!("`with` defines `{name}` twice")).any(name))
}
