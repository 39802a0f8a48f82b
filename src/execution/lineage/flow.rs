//! What a column is made of while a plan is walked, and where an expression finds the columns it names.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use datafusion::common::{Column, DFSchemaRef};

use super::{Influence, Use};

/// A column of a table, as places in the lists of the walk: names are written once, at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) table: usize,
    pub(super) column: usize,
}

/// Columns with how they decide about rows.
pub(super) type Influences = BTreeSet<(Influence, Mark)>;

/// What a column is made of. Shared, since most steps hand most columns on as they are.
pub(super) type Flow = Rc<Blend>;

/// A column in the making.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Blend {
    pub(super) values: BTreeMap<Mark, Use>,
    /// What decides which rows go into this column, and about no other.
    pub(super) influences: Influences,
}

impl Blend {
    pub(super) fn copied(mark: Mark) -> Self {
        Self { values: BTreeMap::from([(mark, Use::Copied)]), ..Self::default() }
    }

    pub(super) fn add(&mut self, mark: Mark, how: Use) {
        let known = self.values.entry(mark).or_insert(how);
        *known = how.max(*known);
    }

    /// All that decides about rows, if this column does.
    pub(super) fn deciding(&self, influence: Influence) -> impl Iterator<Item = (Influence, Mark)> {
        let own = self.values.keys().map(move |mark| (influence, *mark));
        own.chain(self.influences.iter().copied())
    }

    /// Adds all of `flows`, each used at least as `least` says.
    pub(super) fn pour<'a>(&mut self, flows: impl IntoIterator<Item = &'a Flow>, least: Use) {
        for flow in flows {
            for (mark, how) in &flow.values {
                self.add(*mark, least.max(*how));
            }
            self.influences.extend(&flow.influences);
        }
    }

    pub(super) fn flow(self) -> Flow {
        Rc::new(self)
    }
}

/// What several columns are made of together.
pub(super) fn mixed<'a>(flows: impl IntoIterator<Item = &'a Flow>, least: Use) -> Flow {
    let mut blend = Blend::default();
    blend.pour(flows, least);
    blend.flow()
}

/// One input of a step, with what its columns are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) schema: &'a DFSchemaRef,
    pub(super) flows: &'a [Flow],
}

/// The columns an expression may name: those of the step's inputs, and those of the queries around it.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) inputs: &'a [Input<'a>],
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn column(&self, column: &Column) -> Option<&'a Flow> {
        self.inputs.iter().find_map(|input| input.flows.get(input.schema.maybe_index_of_column(column)?))
    }

    pub(super) fn outer_column(&self, column: &Column) -> Option<&'a Flow> {
        let outer = self.outer?;
        outer.column(column).or_else(|| outer.outer_column(column))
    }
}
