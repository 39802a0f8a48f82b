//! Every mistake of one query.
//!
//! The planner stops at the first. What it stumbles over is taken out of the parsed query, and the rest is planned again,
//! until nothing is said against it. Only a query that has a mistake is planned more than once. What may be the
//! consequence of something that was taken out is not told.

mod anything;
mod locate;
mod parts;
mod reduce;
mod substitute;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::ScalarUDF;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::bind::Binder;
use super::suspect::{Reach, unsortable_in};
use super::unbound::is_unbound;
use crate::diagnostic::SourceText;
use crate::execution::fault::{Mistake, Nature, nature, told_at};
use crate::execution::statement::statement_of;
use crate::names::nearest;
use parts::{Clause, Parts, read};
use substitute::{Substitute, substituted};

/// So often a query is planned without what was found.
const ROUNDS: usize = 40;
/// So often it is planned to find a place that the planner does not tell.
const PROBES: usize = 120;

/// The functions that only this module calls.
pub(super) fn prepare(state: &mut SessionState) {
    // A registry that holds functions takes one more.
    let _ = state.register_udf(Arc::new(ScalarUDF::new_from_impl(anything::Anything::new())));
}

impl Binder {
    /// What is wrong with a query beside its first mistake, and that, with their places.
    pub(super) fn every_mistake(&self, sql: &str, first: DataFusionError, reach: Reach) -> Vec<Mistake> {
        let Ok(statement) = statement_of(&self.state, sql) else { return vec![Mistake::new(first)] };
        let plan = |statement: Statement| {
            let again = statement.clone();
            let refused = self.plan_statement(statement, sql, reach).err();
            refused.or_else(|| unsortable_in(&self.planned(again).ok()?))
        };
        let missing = |table: &str| {
            let error = self.plan_to(&format!("select 1 from {table}"), Reach::Bound).err();
            error.filter(|error| !is_unbound(error) && nature(error) == Nature::Table)
        };
        let mut rounds = Rounds {
            sql,
            text: SourceText::new("compiled", sql),
            parts: Parts::of(&statement, sql),
            statement,
            plan: &plan,
            missing: &missing,
            probes: PROBES,
            substitutes: BTreeMap::new(),
            unused: Vec::new(),
            touched: BTreeSet::new(),
            shapes: BTreeSet::new(),
            corrected: BTreeSet::new(),
            is_reduced: false,
            told: Vec::new(),
        };
        rounds.begin(first);
        rounds.told
    }
}

struct Rounds<'a> {
    sql: &'a str,
    text: Arc<SourceText>,
    statement: Statement,
    parts: Parts,
    plan: &'a dyn Fn(Statement) -> Option<DataFusionError>,
    /// What is wrong with a table that is nowhere.
    missing: &'a dyn Fn(&str) -> Option<DataFusionError>,
    probes: usize,
    substitutes: BTreeMap<usize, Substitute>,
    /// Columns of `using` that are not in both tables.
    unused: Vec<Span>,
    /// Selects in which a name or a value was taken out: their groups are no longer what was written.
    touched: BTreeSet<usize>,
    /// What is missing in a `select`, or too much: once said, it may be said again of another column.
    shapes: BTreeSet<(usize, String)>,
    /// What columns may be called that were misspelt in a select list.
    corrected: BTreeSet<String>,
    /// A part was left out, and what was taken out before is no longer known.
    is_reduced: bool,
    told: Vec<Mistake>,
}

impl Rounds<'_> {
    fn begin(&mut self, first: DataFusionError) {
        let mut next = Some(first);
        for _ in 0..ROUNDS {
            let Some(error) = next.filter(|error| !is_unbound(error)) else { return };
            let mut goes_on = false;
            for error in flat(error) {
                goes_on |= match nature(&error) {
                    Nature::Table => self.leave_out(error),
                    nature @ (Nature::Name | Nature::Shape | Nature::Constant | Nature::Other) => {
                        self.take(error, nature)
                    }
                };
            }
            if !goes_on {
                return;
            }
            next = self.planned(&self.substitutes);
        }
    }

    fn planned(&self, substitutes: &BTreeMap<usize, Substitute>) -> Option<DataFusionError> {
        (self.plan)(substituted(&self.statement, &self.parts, substitutes, &self.unused))
    }

    /// Takes out what an error is about, and tells it unless it may be a consequence; false if that leads no further.
    fn take(&mut self, error: DataFusionError, nature: Nature) -> bool {
        let is_first = self.told.is_empty();
        let Some(culprit) = self.culprit(&error, nature) else {
            if let Some((place, span)) = self.in_using(&error) {
                self.unused.push(span);
                self.told.push(Mistake { error: Arc::new(error), place: Some(place), around: Vec::new() });
                return true;
            }
            if is_first {
                self.told.push(Mistake::new(error));
            }
            return false;
        };
        let (is_told, places) = (self.is_cause(&error, nature, culprit) || is_first, self.places(culprit));
        let substitute = match nature {
            Nature::Name if self.is_call(culprit) => Substitute::Call,
            Nature::Constant => Substitute::Opaque,
            Nature::Name | Nature::Shape | Nature::Table | Nature::Other => Substitute::Null,
        };
        let same = match nature {
            Nature::Name => self.same_names(culprit, &error),
            Nature::Shape | Nature::Table | Nature::Constant | Nature::Other => Vec::new(),
        };
        if nature == Nature::Name && self.parts.output(culprit).is_some() {
            self.corrected.extend(corrections(&error));
        }
        let error = without_candidates(error, &self.lost_outputs());
        self.substitute(culprit, substitute, nature);
        let place = match told_at(&error, &self.text) {
            None if nature == Nature::Name => self.name_at(culprit),
            _ => None,
        };
        let error = Arc::new(error);
        if is_told {
            self.told.push(Mistake { error: Arc::clone(&error), place, around: places });
        }
        for other in same {
            self.substitute(other, substitute, nature);
            let place = self.name_at(other);
            if is_told && place.is_some() {
                self.told.push(Mistake { error: Arc::clone(&error), place, around: self.places(other) });
            }
        }
        true
    }

    /// Tells of a table that is nowhere, and leaves out what reads it; false if nothing is left then.
    fn leave_out(&mut self, error: DataFusionError) -> bool {
        let Some(place) = told_at(&error, &self.text) else {
            self.told.push(Mistake::new(error));
            return false;
        };
        if !self.is_reduced {
            for (name, other) in reduce::tables(&self.statement, self.sql) {
                if other.start != place.start
                    && let Some(error) = (self.missing)(&name)
                {
                    self.told.push(Mistake { error: Arc::new(error), place: Some(other), around: Vec::new() });
                }
            }
            self.told.push(Mistake::new(error));
        }
        let so_far = substituted(&self.statement, &self.parts, &self.substitutes, &self.unused);
        let reduced = reduce::without(&so_far, self.sql, &place);
        let Some(reduced) = reduced else { return false };
        self.parts = Parts::of(&reduced, self.sql);
        self.statement = reduced;
        self.substitutes.clear();
        self.touched.clear();
        self.is_reduced = true;
        true
    }

    fn substitute(&mut self, number: usize, substitute: Substitute, nature: Nature) {
        self.substitutes.insert(number, substitute);
        if nature != Nature::Shape
            && let Some(part) = self.parts.get(number)
        {
            self.touched.insert(part.select);
        }
    }

    /// The expression that an error is about.
    fn culprit(&mut self, error: &DataFusionError, nature: Nature) -> Option<usize> {
        let told = told_at(error, &self.text).and_then(|range| {
            let named = self.parts.named_at(&range);
            if nature == Nature::Name { named } else { named.or_else(|| self.parts.covering(&range)) }
        });
        let is_new = |number: &usize| self.parts.around(*number).all(|around| !self.is_gone(around));
        match told.filter(is_new) {
            Some(number) => Some(number),
            None => self.located(error),
        }
    }

    /// Names of select lists that are those of unknown columns.
    fn lost_outputs(&self) -> BTreeSet<String> {
        let names = self.substitutes.keys().filter(|number| self.name_at(**number).is_some());
        names.filter_map(|number| self.parts.output(*number)).map(read).collect()
    }

    /// Whether nothing is left of an expression; a call's arguments are.
    fn is_gone(&self, number: usize) -> bool {
        matches!(self.substitutes.get(&number), Some(Substitute::Null | Substitute::Opaque))
    }

    fn name_at(&self, number: usize) -> Option<std::ops::Range<usize>> {
        Some(self.parts.get(number)?.name.as_ref()?.range.clone())
    }

    fn is_call(&self, number: usize) -> bool {
        self.parts.get(number).and_then(|part| part.name.as_ref()).is_some_and(|name| name.is_call)
    }

    /// Whether an error would be there if nothing had been taken out.
    fn is_cause(&mut self, error: &DataFusionError, nature: Nature, culprit: usize) -> bool {
        match nature {
            Nature::Name => match unknown_column(error) {
                Some(name) => !self.corrected.contains(name),
                // Of a column of `using` there is one.
                None => self.is_call(culprit) || self.unused.is_empty(),
            },
            Nature::Shape => {
                let select = self.parts.get(culprit).map_or(0, |part| part.select);
                let is_new = self.shapes.insert((select, locate::key(error)));
                let is_whole = self.substitutes.range(culprit..self.parts.end(culprit)).next().is_none();
                is_new && is_whole && !self.is_reduced && !self.touched.contains(&select)
            }
            Nature::Table => false,
            Nature::Constant | Nature::Other => {
                // Of a name or a constant the type is wrong for what stands around it.
                let is_leaf = self.parts.below(Some(culprit)).is_empty();
                let parent = self.parts.get(culprit).and_then(|part| part.parent).filter(|_| is_leaf);
                let taken: BTreeSet<usize> = self.substitutes.keys().copied().collect();
                !self.is_reduced && !self.parts.depends_on(parent.unwrap_or(culprit), &taken)
            }
        }
    }

    /// Other places that name the same unknown column, which would be found where names of the select list are known.
    fn same_names(&self, culprit: usize, error: &DataFusionError) -> Vec<usize> {
        let is_unknown = unknown_column(error).is_some();
        let mut same = self.parts.same_names(culprit);
        same.retain(|number| {
            let part = self.parts.get(*number);
            !self.substitutes.contains_key(number)
                && (is_unknown || part.is_some_and(|part| part.clause == Clause::Input))
        });
        same
    }

    /// A column of `using` that one of the tables does not have.
    fn in_using(&self, error: &DataFusionError) -> Option<(std::ops::Range<usize>, Span)> {
        let name = unknown_column(error)?;
        let mut using = self.parts.using.iter();
        let found = using.find(|using| using.name == name && !self.unused.contains(&using.span))?;
        Some((found.range.clone(), found.span))
    }

    fn places(&self, number: usize) -> Vec<std::ops::Range<usize>> {
        self.parts.around(number).filter_map(|around| self.parts.get(around)?.range.clone()).collect()
    }
}

/// What the user may have meant, who will call the column so further down.
fn corrections(error: &DataFusionError) -> Vec<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                nearest(&field.name, valid_fields.iter().map(|column| column.name.as_str()))
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// An unknown column for which names of the select list that are unknown themselves are not offered.
fn without_candidates(error: DataFusionError, lost: &BTreeSet<String>) -> DataFusionError {
    match error {
        DataFusionError::SchemaError(mut schema, backtrace) => {
            if let SchemaError::FieldNotFound { valid_fields, .. } = schema.as_mut() {
                valid_fields.retain(|column| column.relation.is_some() || !lost.contains(&column.name));
            }
            DataFusionError::SchemaError(schema, backtrace)
        }
        DataFusionError::Diagnostic(told, inner) => {
            DataFusionError::Diagnostic(told, Box::new(without_candidates(*inner, lost)))
        }
        DataFusionError::Context(around, inner) => {
            DataFusionError::Context(around, Box::new(without_candidates(*inner, lost)))
        }
        other => other,
    }
}

fn unknown_column(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(&field.name),
            _ => None,
        },
        _ => None,
    }
}

/// Errors that were found at once, each by itself.
fn flat(error: DataFusionError) -> Vec<DataFusionError> {
    match error {
        DataFusionError::Collection(errors) => errors.into_iter().flat_map(flat).collect(),
        single => vec![single],
    }
}
