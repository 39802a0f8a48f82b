//! The SQL functions we add to DataFusion, one file each.

mod term_mentions;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

/// All of them.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![Arc::new(ScalarUDF::from(term_mentions::TermMentions::new()))]
}
