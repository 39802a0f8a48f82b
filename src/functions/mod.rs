//! The SQL functions we add to `DataFusion`, one file each; the file's doc states the signature and what it answers.

mod term_mentions;
mod terms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

/// All of them.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![Arc::new(ScalarUDF::from(term_mentions::TermMentions::new()))]
}
