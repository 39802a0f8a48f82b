//! `term_mentions(text, terms) -> list<string>`: which of the terms a text mentions.
//!
//! A term is mentioned where it stands in the text, upper and lower case alike, and no word character (letter, digit,
//! underscore) touches an end of it that is itself a word character: `go` is not in `mongodb`, `c++` is in `C++ rocks`.
//! Overlapping terms are all found. The list holds each term once, spelt as given, in the order of `terms`; it is empty when
//! there is none, and NULL when the text is. NULL instead of a list of terms is a list without terms.
//!
//! `terms` is meant to be one list for all rows, such as `(select array_agg(term) from ...)`: it is prepared once. A list
//! that differs by row works too, at the price of a look-up a row.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListBuilder, StringBuilder, StringViewArray, new_empty_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::terms::{Mentions, Terms};

/// Lists kept: a query rarely has more than one.
const KEPT: usize = 8;

#[derive(Debug)]
pub(super) struct TermMentions {
    signature: Signature,
    /// The last used is the last.
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    /// The strings the terms were made of.
    list: ArrayRef,
    hash: u64,
    terms: Arc<Terms>,
}

impl TermMentions {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable), kept: Mutex::default() }
    }

    /// The prepared terms of a list of strings.
    fn terms(&self, list: &ArrayRef) -> Arc<Terms> {
        let strings = list.as_string::<i32>();
        let mut hasher = DefaultHasher::new();
        strings.iter().for_each(|term| term.hash(&mut hasher));
        let hash = hasher.finish();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|kept| kept.hash == hash && kept.list.as_ref() == list.as_ref()) {
            let found = kept.remove(at);
            kept.push(found.clone());
            return found.terms;
        }
        let terms = Arc::new(Terms::new(strings.iter().flatten().map(str::to_owned).collect()));
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Kept { list: Arc::clone(list), hash, terms: Arc::clone(&terms) });
        terms
    }
}

// One instance is as good as another: what it keeps does not change what it answers.
impl PartialEq for TermMentions {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for TermMentions {}

impl Hash for TermMentions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for TermMentions {
    fn name(&self) -> &'static str {
        "term_mentions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let [text, terms] = arguments else { return plan_err!("term_mentions takes a text and a list of terms") };
        if !is_text(text) {
            return plan_err!("term_mentions takes a string and a list of strings; its first argument is {text}");
        }
        let is_list = match terms {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                is_text(item.data_type())
            }
            other => other.is_null(),
        };
        if !is_list {
            return plan_err!("term_mentions takes a string and a list of strings; its second argument is {terms}");
        }
        Ok(list_of_strings())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [texts, lists] = arguments.args.as_slice() else {
            return plan_err!("term_mentions takes a text and a list of terms");
        };
        let texts = cast(&texts.to_array(arguments.number_rows)?, &DataType::Utf8View)?;
        let found = match lists {
            ColumnarValue::Scalar(list) => self.in_one_list(texts.as_string_view(), list)?,
            ColumnarValue::Array(lists) => self.in_own_lists(texts.as_string_view(), lists)?,
        };
        Ok(ColumnarValue::Array(found))
    }
}

impl TermMentions {
    fn in_one_list(&self, texts: &StringViewArray, list: &ScalarValue) -> Result<ArrayRef> {
        let list = cast(&list.to_array()?, &list_of_strings())?;
        let terms = self.terms(&strings_of(&list, 0));
        let mut found = Found::default();
        for text in texts {
            found.add(text, &terms);
        }
        Ok(Arc::new(found.lists.finish()))
    }

    fn in_own_lists(&self, texts: &StringViewArray, lists: &ArrayRef) -> Result<ArrayRef> {
        let lists = cast(lists, &list_of_strings())?;
        let mut found = Found::default();
        let mut last: Option<(ArrayRef, Arc<Terms>)> = None;
        for (row, text) in texts.iter().enumerate() {
            let list = strings_of(&lists, row);
            let terms = match last.take() {
                Some((known, terms)) if known.as_ref() == list.as_ref() => terms,
                _ => self.terms(&list),
            };
            found.add(text, &terms);
            last = Some((list, terms));
        }
        Ok(Arc::new(found.lists.finish()))
    }
}

/// The answers so far.
#[derive(Default)]
struct Found {
    lists: ListBuilder<StringBuilder>,
    mentions: Mentions,
}

impl Found {
    fn add(&mut self, text: Option<&str>, terms: &Terms) {
        if let Some(text) = text {
            terms.search(text, &mut self.mentions);
            for term in &self.mentions.terms {
                self.lists.values().append_value(&terms.spelt()[*term]);
            }
        }
        self.lists.append(text.is_some());
    }
}

/// The strings of a row's list; none for NULL.
fn strings_of(lists: &ArrayRef, row: usize) -> ArrayRef {
    match lists.as_list::<i32>() {
        lists if lists.is_null(row) => new_empty_array(&DataType::Utf8),
        lists => lists.value(row),
    }
}

fn list_of_strings() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => values.is_string(),
        other => other.is_string() || other.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{DictionaryArray, StringArray};
    use datafusion::arrow::datatypes::Int32Type;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    fn list(terms: &[&str]) -> ScalarValue {
        let terms: Vec<ScalarValue> = terms.iter().map(|term| ScalarValue::from(*term)).collect();
        ScalarValue::List(ScalarValue::new_list_nullable(&terms, &DataType::Utf8))
    }

    fn mentions(texts: ColumnarValue, terms: ColumnarValue) -> Vec<String> {
        shown(&call(&ScalarUDF::from(TermMentions::new()), vec![texts, terms]).unwrap())
    }

    #[test]
    fn every_kind_of_text_is_searched() {
        let texts = [Some("Go and C++"), None, Some("nothing here"), Some("")];
        let arrays: [ArrayRef; 3] = [
            Arc::new(StringArray::from_iter(texts)),
            Arc::new(StringViewArray::from_iter(texts)),
            Arc::new(DictionaryArray::<Int32Type>::from_iter(texts)),
        ];
        for array in arrays {
            let found = mentions(ColumnarValue::Array(array), ColumnarValue::Scalar(list(&["c++", "go"])));
            assert_eq!(found, ["[c++, go]", "NULL", "[]", "[]"]);
        }
    }

    #[test]
    fn a_list_may_differ_by_row() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["go rust", "go rust", "go rust", "go rust"]));
        let lists =
            ScalarValue::iter_to_array([list(&["go"]), list(&["rust", "go"]), list(&["rust", "go"]), list(&[])])
                .unwrap();
        let found = mentions(ColumnarValue::Array(texts), ColumnarValue::Array(lists));
        assert_eq!(found, ["[go]", "[rust, go]", "[rust, go]", "[]"]);
    }

    #[test]
    fn no_list_is_a_list_without_terms() {
        let found = mentions(ColumnarValue::Scalar("go".into()), ColumnarValue::Scalar(ScalarValue::Null));
        assert_eq!(found, ["[]"]);
    }

    #[test]
    fn other_types_are_refused_in_words() {
        let refused =
            |arguments: &[DataType]| TermMentions::new().return_type(arguments).unwrap_err().strip_backtrace();
        assert_eq!(
            refused(&[DataType::Int64, list_of_strings()]),
            "Error during planning: term_mentions takes a string and a list of strings; its first argument is Int64"
        );
        assert_eq!(
            refused(&[DataType::Utf8, DataType::Utf8]),
            "Error during planning: term_mentions takes a string and a list of strings; its second argument is Utf8"
        );
    }

    #[test]
    fn a_list_is_prepared_once() {
        let function = TermMentions::new();
        let first = function.terms(&(Arc::new(StringArray::from(vec!["go"])) as ArrayRef));
        let again = function.terms(&(Arc::new(StringArray::from(vec!["go"])) as ArrayRef));
        assert!(Arc::ptr_eq(&first, &again));
        for other in 0..20 {
            function.terms(&(Arc::new(StringArray::from(vec![other.to_string()])) as ArrayRef));
        }
        assert_eq!(function.kept.lock().unwrap().len(), KEPT);
    }
}
