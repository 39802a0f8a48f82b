//! A declared test becomes a query that returns failing rows, and its count a verdict.
//!
//! The built-in generic tests are a table of name, arguments and SQL; a project's own come from its macros.

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{Graph, Node, NodeKind, TestKind, TestNode};
use crate::names::is_name;
use crate::template::Templates;

/// One built-in generic test.
struct Builtin {
    name: &'static str,
    arguments: &'static [&'static str],
    needs_column: bool,
    sql: fn(&Call<'_>) -> String,
}

/// A built-in test about to be written as SQL: the tested rows, the column, the arguments as SQL or text.
struct Call<'a> {
    model: &'a str,
    column: &'a str,
    arguments: &'a Map<String, Value>,
    /// `relationships`' parent as SQL.
    to: &'a str,
}

const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "not_null",
        arguments: &[],
        needs_column: true,
        sql: |call| format!("select {column} from {} where {column} is null", call.model, column = call.column),
    },
    Builtin {
        name: "unique",
        arguments: &[],
        needs_column: true,
        sql: |call| {
            format!(
                "select {column} as unique_field, count(*) as n_records from {} where {column} is not null group by {column} having count(*) > 1",
                call.model,
                column = call.column
            )
        },
    },
    Builtin {
        name: "accepted_values",
        arguments: &["values", "quote"],
        needs_column: true,
        sql: |call| {
            format!(
                "select {column} as value_field, count(*) as n_records from {} where {column} not in ({}) group by {column}",
                call.model,
                accepted(call.arguments),
                column = call.column
            )
        },
    },
    Builtin {
        name: "relationships",
        arguments: &["to", "field"],
        needs_column: true,
        sql: |call| {
            let field = identifier(call.arguments.get("field").and_then(Value::as_str).unwrap_or_default());
            format!(
                "select child.{column} as from_field from {} as child left join {} as parent on child.{column} = parent.{field} where child.{column} is not null and parent.{field} is null",
                call.model,
                call.to,
                column = call.column
            )
        },
    },
];

fn accepted(arguments: &Map<String, Value>) -> String {
    let quote = arguments.get("quote") != Some(&Value::Bool(false));
    let values = arguments.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let listed: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::String(text) if quote => literal(text),
            Value::String(text) => text.clone(),
            other if quote => literal(&other.to_string()),
            other => other.to_string(),
        })
        .collect();
    listed.join(", ")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A plain name is quoted, so that its case holds; an expression stays as it is.
fn identifier(column: &str) -> String {
    match is_name(column) {
        true => format!("\"{column}\""),
        false => column.to_owned(),
    }
}

/// Whether failing rows stop what is below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestSeverity {
    Error,
    Warn,
}

/// A comparison on the number of failing rows: `!= 0`, `> 10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    operator: Operator,
    number: i64,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Threshold {
    fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        let operators = [
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
        ];
        let (sign, operator) = operators.into_iter().find(|(sign, _)| trimmed.starts_with(sign))?;
        let number = trimmed[sign.len()..].trim().parse().ok()?;
        Some(Self { operator, number, text: trimmed.to_owned() })
    }

    fn not_zero() -> Self {
        Self { operator: Operator::NotEqual, number: 0, text: "!= 0".to_owned() }
    }

    fn holds(&self, failures: i64) -> bool {
        match self.operator {
            Operator::Equal => failures == self.number,
            Operator::NotEqual => failures != self.number,
            Operator::Less => failures < self.number,
            Operator::LessOrEqual => failures <= self.number,
            Operator::Greater => failures > self.number,
            Operator::GreaterOrEqual => failures >= self.number,
        }
    }
}

/// How a test is judged; every key of a test's `config:`.
#[derive(Debug, Clone)]
pub struct TestConfig {
    pub severity: TestSeverity,
    pub warn_if: Threshold,
    pub error_if: Threshold,
    /// A condition on the tested table's rows.
    pub filter: Option<String>,
    /// At most so many failing rows are looked at.
    pub limit: Option<u64>,
    /// Failing rows are kept in `test_audit.<test>`.
    pub store_failures: bool,
    /// What counts as failures; default `count(*)`.
    pub fail_calc: String,
}

/// The outcome of a test whose query ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Warn { failures: i64, message: String },
    Fail { failures: i64, message: String },
}

impl TestConfig {
    /// `default_store` is `--store-failures`.
    pub fn read(test: &TestNode, name: &str, path: &str, default_store: bool) -> Result<Self, Diagnostics> {
        let config = &test.config;
        let mut found = Diagnostics::default();
        let wrong = |message: String, hint: &str| {
            Diagnostic::error(Code::TestArguments, message).label_or_file(test.place.clone(), "", path).hint(hint)
        };
        let severity = match config.get("severity").and_then(Value::as_str).unwrap_or("error").to_lowercase().as_str() {
            "error" => TestSeverity::Error,
            "warn" => TestSeverity::Warn,
            other => {
                found.push(wrong(format!("`severity` of test `{name}` is `{other}`"), "it is `error` or `warn`"));
                TestSeverity::Error
            }
        };
        let mut threshold = |key: &str| match config.get(key) {
            None | Some(Value::Null) => Threshold::not_zero(),
            Some(value) => value.as_str().and_then(Threshold::parse).unwrap_or_else(|| {
                found.push(wrong(
                    format!("`{key}` of test `{name}` is not a comparison: `{value}`"),
                    "as in `!= 0`, `> 10`",
                ));
                Threshold::not_zero()
            }),
        };
        let read = Self {
            severity,
            warn_if: threshold("warn_if"),
            error_if: threshold("error_if"),
            filter: config.get("where").and_then(Value::as_str).map(str::to_owned),
            limit: config.get("limit").and_then(Value::as_u64),
            store_failures: config.get("store_failures").and_then(Value::as_bool).unwrap_or(default_store),
            fail_calc: config.get("fail_calc").and_then(Value::as_str).unwrap_or("count(*)").to_owned(),
        };
        found.finish(read).map(|(read, _)| read)
    }

    pub fn verdict(&self, failures: i64) -> Verdict {
        let results = match failures {
            1 => "got 1 result".to_owned(),
            many => format!("got {many} results"),
        };
        if self.severity == TestSeverity::Error && self.error_if.holds(failures) {
            return Verdict::Fail {
                failures,
                message: format!("{results}, configured to fail if {}", self.error_if.text),
            };
        }
        match self.warn_if.holds(failures) {
            true => {
                Verdict::Warn { failures, message: format!("{results}, configured to warn if {}", self.warn_if.text) }
            }
            false => Verdict::Pass,
        }
    }

    /// Whether failing rows are just counted.
    pub fn is_plain_count(&self) -> bool {
        self.fail_calc == "count(*)"
    }

    /// The query that counts failing rows.
    pub fn count_sql(&self, failing_rows: &str) -> String {
        let limit = self.limit.map(|limit| format!("\nlimit {limit}")).unwrap_or_default();
        format!("select {} as failures from (\n{failing_rows}{limit}\n) as failing_rows", self.fail_calc)
    }

    /// The tested rows: the relation, or those of it that `where` lets through. A name may stand behind it, and need not.
    pub fn tested(&self, relation_sql: &str) -> String {
        match &self.filter {
            None => relation_sql.to_owned(),
            Some(filter) => {
                format!("(select * from (select * from {relation_sql} where {filter}) as tested_rows)")
            }
        }
    }
}

/// SQL of a built-in test; `None` when the name is not one of them. `to` is `relationships`' parent as SQL.
pub fn builtin_sql(test: &str, model: &str, arguments: &Map<String, Value>, to: &str) -> Option<String> {
    let builtin = BUILTINS.iter().find(|builtin| builtin.name == bare(test))?;
    let column = identifier(arguments.get("column_name").and_then(Value::as_str).unwrap_or_default());
    Some((builtin.sql)(&Call { model, column: &column, arguments, to }))
}

/// `dbt.not_null` is `not_null`.
fn bare(test: &str) -> &str {
    test.strip_prefix("dbt.").unwrap_or(test)
}

/// Every declared test exists and has the arguments it needs.
pub fn check(graph: &Graph, templates: &Templates) -> Diagnostics {
    graph.nodes().iter().flat_map(|node| mistakes(node, templates)).collect()
}

/// What is wrong with how a test is declared.
pub fn mistakes(node: &Node, templates: &Templates) -> Diagnostics {
    let mut found = Diagnostics::default();
    let NodeKind::Test(test) = &node.kind else { return found };
    found.keep(TestConfig::read(test, &node.name, &node.path, false));
    if let TestKind::Generic { test: name, arguments } = &test.kind {
        found.extend(check_generic(test, name, arguments, templates, &node.path));
    }
    found
}

fn check_generic(
    test: &TestNode,
    name: &str,
    arguments: &Map<String, Value>,
    templates: &Templates,
    path: &str,
) -> Vec<Diagnostic> {
    let wrong =
        |message: String| Diagnostic::error(Code::TestArguments, message).label_or_file(test.place.clone(), "", path);
    // A project's own test of the same name replaces the built-in one.
    if let Some(custom) = templates.generic_test(name) {
        let known = |argument: &str| custom.parameters.iter().any(|parameter| parameter == argument);
        let unknown: Vec<Diagnostic> = arguments
            .keys()
            .filter(|argument| !known(argument) && !custom.takes_any)
            .map(|argument| {
                wrong(format!("test `{name}` has no argument `{argument}`"))
                    .nearest(argument, custom.parameters.iter().map(String::as_str))
            })
            .collect();
        if !unknown.is_empty() {
            // One that is missing may have been meant.
            return unknown;
        }
        let missing = custom.required.iter().filter(|needed| *needed != "model" && !arguments.contains_key(*needed));
        return missing
            .map(|needed| match needed.as_str() {
                "column_name" => wrong(format!("test `{name}` needs a column")).hint("declare it under a column"),
                needed => wrong(format!("test `{name}` needs the argument `{needed}`")),
            })
            .collect();
    }
    let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == bare(name)) else {
        let names = BUILTINS.iter().map(|builtin| builtin.name.to_owned()).chain(templates.generic_test_names());
        let names: Vec<String> = names.collect();
        return vec![
            Diagnostic::error(Code::UnknownTest, format!("no test named `{name}`"))
                .label_or_file(test.place.clone(), "", path)
                .nearest(name, names.iter().map(String::as_str))
                .unknown(name)
                .hint(format!(
                    "write it as `{{% test {name}(model, column_name) %}}` in `tests/generic/`, or use one that exists"
                )),
        ];
    };
    let mut found = Vec::new();
    if builtin.needs_column && !arguments.contains_key("column_name") {
        found.push(
            wrong(format!("test `{name}` needs a column")).hint("declare it under a column, or set `column_name`"),
        );
    }
    let told = found.len();
    for argument in arguments.keys().filter(|argument| *argument != "column_name") {
        if !builtin.arguments.contains(&argument.as_str()) {
            found.push(
                wrong(format!("test `{name}` has no argument `{argument}`"))
                    .nearest(argument, builtin.arguments.iter().copied()),
            );
        }
    }
    let is_known = found.len() == told;
    // Behind an argument that nobody knows, one that is missing may have been meant.
    for needed in builtin.arguments.iter().filter(|needed| is_known && **needed != "quote") {
        if !arguments.contains_key(*needed) {
            found.push(wrong(format!("test `{name}` needs the argument `{needed}`")));
        }
    }
    if builtin.name == "accepted_values" && arguments.get("values").is_some_and(|values| !values.is_array()) {
        found.push(wrong("`values` of test `accepted_values` is a list".to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_comparison() {
        assert!(Threshold::parse("> 10").unwrap().holds(11));
        assert!(!Threshold::parse(">10").unwrap().holds(10));
        assert!(Threshold::parse("!= 0").unwrap().holds(1));
        assert!(Threshold::parse("ten").is_none());
    }

    #[test]
    fn values_are_escaped() {
        let arguments = serde_json::json!({"column_name": "kind", "values": ["it's", 2]});
        let sql = builtin_sql("accepted_values", "t", arguments.as_object().unwrap(), "").unwrap();
        assert!(sql.contains("not in ('it''s', '2')"), "{sql}");
    }
}
