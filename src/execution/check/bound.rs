//! What binding comes to.

use datafusion::arrow::datatypes::SchemaRef;

use super::Wrong;
use crate::execution::lineage::Lineage;
use crate::template::Templates;

/// What became of a node.
#[derive(Default)]
pub(super) struct Bound {
    pub(super) schema: Option<SchemaRef>,
    pub(super) lineage: Option<Lineage>,
    /// Of its SQL and its settings, or its file.
    pub(super) fingerprint: u64,
    pub(super) wrong: Vec<Wrong>,
    /// Its template asks for what is not known without a run.
    pub(super) asks: bool,
}

/// What is known of a query that can be planned.
pub(super) struct Planned {
    pub(super) rows: SchemaRef,
    pub(super) lineage: Option<Lineage>,
}

impl Bound {
    /// Leaves out what is wrong only because something else could not be read; whether there was any.
    pub(super) fn forgive(&mut self, templates: &Templates) -> bool {
        let mut is_any = false;
        for wrong in &mut self.wrong {
            if let Wrong::Found(found) = wrong {
                *found = std::mem::take(found).without(|mistake| {
                    let is_explained = templates.explains(mistake);
                    is_any |= is_explained;
                    is_explained
                });
            }
        }
        self.wrong.retain(|wrong| !matches!(wrong, Wrong::Found(found) if found.is_empty()));
        is_any
    }

    /// Whether anything is wrong, beside what is only odd.
    pub(super) fn has_errors(&self) -> bool {
        self.wrong.iter().any(|wrong| match wrong {
            Wrong::Found(found) => found.has_errors(),
            Wrong::Sql { .. } | Wrong::Storage { .. } => true,
        })
    }
}
