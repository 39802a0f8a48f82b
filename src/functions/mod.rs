//! The SQL functions we add to DataFusion, one file each; the file's doc states the signature and what it answers.
//!
//! `strftime` is DataFusion's own `to_char` under another name.

mod calendar;
mod checked;
mod dateadd;
mod datediff;
mod html_entities;
mod html_to_text;
mod iff;
mod last_day;
mod regexp_substr;
mod safe_divide;
mod term_mentions;
mod terms;
#[cfg(test)]
mod tests;
mod words;

pub use checked::CheckedArithmetic;
pub use words::KnownWords;

use std::sync::Arc;

use datafusion::functions::datetime::to_char;
use datafusion::logical_expr::ScalarUDF;

/// All of them.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    let functions = [
        ScalarUDF::from(dateadd::DateAdd::new()),
        ScalarUDF::from(datediff::DateDiff::new()),
        ScalarUDF::from(html_to_text::HtmlToText::new()),
        ScalarUDF::from(iff::Iff::new()),
        ScalarUDF::from(last_day::LastDay::new()),
        ScalarUDF::from(regexp_substr::RegexpSubstr::new()),
        ScalarUDF::from(safe_divide::SafeDivide::new()),
        to_char().as_ref().clone().with_aliases(["strftime"]),
        ScalarUDF::from(term_mentions::TermMentions::new()),
    ];
    functions.into_iter().map(Arc::new).collect()
}
