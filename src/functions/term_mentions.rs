//! `term_mentions(text, terms) -> list<string>`: which of the terms a text mentions.
//!
//! A term is mentioned where it stands in the text, upper and lower case alike, and no word character (letter, digit,
//! underscore) touches an end of it that is itself a word character: `go` is not in `mongodb`, `c++` is in `C++ rocks`.
//! Overlapping terms are all found. The list holds each term once, spelt as given, in the order of `terms`; it is empty when
//! there is none, and NULL when the text is.
//!
//! All terms are looked for in one pass over the text (Aho-Corasick). The automaton is built once for a list of terms.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, ListBuilder, StringBuilder, StringViewArray, new_empty_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Automata kept: a query rarely has more than one list of terms.
const KEPT: usize = 8;

#[derive(Debug)]
pub(super) struct TermMentions {
    signature: Signature,
    matchers: Mutex<Vec<Arc<Matcher>>>,
}

impl TermMentions {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable), matchers: Mutex::default() }
    }

    fn matcher(&self, terms: &ArrayRef) -> Result<Arc<Matcher>> {
        let terms: Vec<String> = cast(terms, &DataType::Utf8)?.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        let mut hasher = DefaultHasher::new();
        terms.hash(&mut hasher);
        let hash = hasher.finish();
        let mut kept = self.matchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.iter().find(|matcher| matcher.hash == hash && matcher.terms == terms) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Matcher::new(terms, hash)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&made));
        Ok(made)
    }
}

// One function is as good as another: what it keeps does not change what it answers.
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

/// The terms of one list, ready to be looked for.
#[derive(Debug)]
struct Matcher {
    hash: u64,
    terms: Vec<String>,
    automaton: AhoCorasick,
    /// Of each pattern: its term, and whether its first and last characters are word characters.
    patterns: Vec<(usize, bool, bool)>,
}

impl Matcher {
    fn new(terms: Vec<String>, hash: u64) -> Result<Self> {
        let mut patterns = Vec::new();
        let mut spelt = Vec::new();
        for (index, term) in terms.iter().enumerate() {
            let (Some(first), Some(last)) = (term.chars().next(), term.chars().next_back()) else { continue };
            patterns.push((index, is_word(first), is_word(last)));
            spelt.push(term.to_lowercase());
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&spelt)
            .map_err(|error| DataFusionError::Execution(format!("term_mentions cannot use its terms: {error}")))?;
        Ok(Self { hash, terms, automaton, patterns })
    }

    /// The terms in `text`, as indices in their order; `found` is cleared first.
    fn search(&self, text: &str, found: &mut Vec<usize>) {
        found.clear();
        // Letters beyond ASCII have cases too, which the automaton does not fold.
        let folded;
        let text = match text.is_ascii() {
            true => text,
            false => {
                folded = text.to_lowercase();
                &folded
            }
        };
        for hit in self.automaton.find_overlapping_iter(text) {
            let (term, word_first, word_last) = self.patterns[hit.pattern().as_usize()];
            let touched = (word_first && text[..hit.start()].chars().next_back().is_some_and(is_word))
                || (word_last && text[hit.end()..].chars().next().is_some_and(is_word));
            if !touched && !found.contains(&term) {
                found.push(term);
            }
        }
        found.sort_unstable();
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl ScalarUDFImpl for TermMentions {
    fn name(&self) -> &'static str {
        "term_mentions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if !arguments[0].is_string() && !arguments[0].is_null() {
            return Err(DataFusionError::Plan(format!("term_mentions takes a string and a list of strings; its first argument is {}", arguments[0])));
        }
        let is_list = matches!(&arguments[1], DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type().is_string() || item.data_type().is_null());
        if !is_list && !arguments[1].is_null() {
            return Err(DataFusionError::Plan(format!("term_mentions takes a string and a list of strings; its second argument is {}", arguments[1])));
        }
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let texts = cast(&arguments.args[0].to_array(rows)?, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let lists = match &arguments.args[1] {
            ColumnarValue::Scalar(scalar) => return Ok(ColumnarValue::Array(self.one_list(texts, scalar)?)),
            ColumnarValue::Array(lists) => cast(lists, &list_of_strings())?,
        };
        Ok(ColumnarValue::Array(self.list_for_each(texts, lists.as_list::<i32>())?))
    }
}

impl TermMentions {
    fn one_list(&self, texts: &StringViewArray, terms: &ScalarValue) -> Result<ArrayRef> {
        let terms = match cast(&terms.to_array()?, &list_of_strings())?.as_list::<i32>() {
            list if list.is_null(0) => new_empty_array(&DataType::Utf8),
            list => list.value(0),
        };
        let matcher = self.matcher(&terms)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut found = Vec::new();
        for text in texts {
            append(&mut lists, text, &matcher, &mut found);
        }
        Ok(Arc::new(lists.finish()))
    }

    fn list_for_each(&self, texts: &StringViewArray, terms: &ListArray) -> Result<ArrayRef> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut found = Vec::new();
        for row in 0..texts.len() {
            let own = if terms.is_null(row) { new_empty_array(&DataType::Utf8) } else { terms.value(row) };
            let matcher = self.matcher(&own)?;
            append(&mut lists, texts.is_valid(row).then(|| texts.value(row)), &matcher, &mut found);
        }
        Ok(Arc::new(lists.finish()))
    }
}

fn list_of_strings() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

fn append(lists: &mut ListBuilder<StringBuilder>, text: Option<&str>, matcher: &Matcher, found: &mut Vec<usize>) {
    let Some(text) = text else {
        lists.append_null();
        return;
    };
    matcher.search(text, found);
    for term in found.iter() {
        lists.values().append_value(&matcher.terms[*term]);
    }
    lists.append(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str, terms: &[&str]) -> Vec<String> {
        let terms: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
        let matcher = Matcher::new(terms, 0).unwrap();
        let mut found = Vec::new();
        matcher.search(text, &mut found);
        found.into_iter().map(|index| matcher.terms[index].clone()).collect()
    }

    #[test]
    fn a_term_is_a_whole_word_where_its_ends_are_word_characters() {
        let terms = ["go", "c++", "c#", ".net", "node.js", "node", "react", "react native"];
        assert!(mentions("mongodb and golang", &terms).is_empty());
        assert_eq!(mentions("C++ rocks, use Node.js!", &terms), ["c++", "node.js", "node"]);
        assert_eq!(mentions("React Native; C#", &terms), ["c#", "react", "react native"]);
        assert_eq!(mentions("asp.net", &terms), [".net"]);
        assert!(mentions("go_lang über-gö gó", &terms).is_empty());
        assert!(mentions("gö", &["g"]).is_empty());
    }
}
