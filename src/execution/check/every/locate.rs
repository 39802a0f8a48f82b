//! The expression behind an error that tells no place: the innermost one without which the error is gone.

use std::collections::BTreeMap;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::Rounds;
use super::substitute::Substitute;

/// More than these are tried by halves first.
const FEW: usize = 8;

/// What tells an error from others.
pub(super) fn key(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => format!("no field {field}"),
            other => other.to_string(),
        },
        root => root.strip_backtrace(),
    }
}

/// Whether an error is, or holds, the one of this key.
pub(super) fn has(error: &DataFusionError, wanted: &str) -> bool {
    match error {
        DataFusionError::Collection(errors) => errors.iter().any(|error| has(error, wanted)),
        single => key(single) == wanted,
    }
}

impl Rounds<'_> {
    pub(super) fn located(&mut self, error: &DataFusionError) -> Option<usize> {
        let key = key(error);
        let mut without = self.substitutes.clone();
        let mut found = None;
        loop {
            let mut below = self.parts.below(found);
            below.retain(|number| !without.contains_key(number));
            match self.narrowed(&key, &mut without, &below) {
                Some(inner) => found = Some(inner),
                None => return found,
            }
        }
    }

    /// The one of some expressions that an error comes from; none if it comes from several together.
    fn narrowed(&mut self, key: &str, without: &mut BTreeMap<usize, Substitute>, among: &[usize]) -> Option<usize> {
        if among.len() > FEW {
            let (first, second) = among.split_at(among.len() / 2);
            match (self.is_gone_without(key, without, first), self.is_gone_without(key, without, second)) {
                (true, false) => return self.narrowed(key, without, first),
                (false, true) => return self.narrowed(key, without, second),
                (true, true) | (false, false) => {}
            }
        }
        let needed: Vec<usize> =
            among.iter().copied().filter(|number| self.is_gone_without(key, without, &[*number])).collect();
        match needed.as_slice() {
            [only] => Some(*only),
            [] => self.last_of_equals(key, without, among),
            [_, _, ..] => None,
        }
    }

    /// Where the same mistake was made several times: the last one, with the others taken out for now.
    fn last_of_equals(
        &mut self,
        key: &str,
        without: &mut BTreeMap<usize, Substitute>,
        among: &[usize],
    ) -> Option<usize> {
        let before = without.clone();
        for number in among {
            if self.is_gone_without(key, without, &[*number]) {
                return Some(*number);
            }
            without.insert(*number, Substitute::Null);
        }
        *without = before;
        None
    }

    fn is_gone_without(&mut self, key: &str, without: &BTreeMap<usize, Substitute>, numbers: &[usize]) -> bool {
        if self.probes == 0 {
            return false;
        }
        self.probes -= 1;
        let mut without = without.clone();
        without.extend(numbers.iter().map(|number| (*number, Substitute::Null)));
        !self.planned(&without).is_some_and(|error| has(&error, key))
    }
}
