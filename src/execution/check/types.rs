//! A query's types, worked out as they are before it runs, less what cannot find a mistake in it.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;

use crate::functions::CheckedArithmetic;

/// Fails as the analyzer of a run would. `plan` is given away: of one that somebody else holds every node would be copied.
pub(super) fn settle_types(state: &SessionState, plan: LogicalPlan, sql: &str) -> Result<LogicalPlan> {
    let (analyzer, options) = (state.analyzer(), state.config_options());
    // Operators of JSON become functions before types are looked at; how subqueries may stand is looked at at the end.
    if sql.contains("->") || sql.contains('?') || may_have_subqueries(sql) {
        return analyzer.execute_and_check(plan, options, |_, _| {});
    }
    // Checked arithmetic has the types that the unchecked has.
    let mut rules = analyzer.rules.iter().filter(|rule| rule.name() != CheckedArithmetic::NAME);
    let analyse = |plan, rule: &Arc<dyn AnalyzerRule + Send + Sync>| {
        rule.analyze(plan, options).map_err(|error| error.context(rule.name()))
    };
    rules.try_fold(plan, analyse)
}

/// Whether a `select` stands where it is neither a whole query, nor one of a `with`, nor a part of a union.
fn may_have_subqueries(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    lower.match_indices("select").any(|(at, _)| {
        let before = lower[..at].trim_end();
        let is_plain = match before.strip_suffix('(') {
            Some(before) => last_word(before) == "as",
            None => {
                before.is_empty()
                    || before.ends_with(')')
                    || ["all", "union", "except", "intersect"].contains(&last_word(before))
            }
        };
        !is_plain
    })
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subqueries_are_told_from_whole_queries() {
        for sql in [
            "select 1",
            "  \nSELECT a from b",
            "with x as (select 1), y as (\n  select 2\n)\nselect * from x union all select * from y",
        ] {
            assert!(!may_have_subqueries(sql), "{sql}");
        }
        for sql in [
            "select 1 where exists (select 1)",
            "select (select 1)",
            "select a in (select 1)",
            "select * from (select 1)",
            "select a = (/* one */ select 1)",
            "select a = ( -- one\nselect 1)",
        ] {
            assert!(may_have_subqueries(sql), "{sql}");
        }
    }
}
