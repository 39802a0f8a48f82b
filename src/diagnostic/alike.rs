//! Many mistakes of one cause, told once: of those that say the same the first few are shown whole, the rest by their places.

use std::collections::HashMap;

use super::{Diagnostic, Diagnostics, Label, count};

/// So many that say the same are shown whole.
const WHOLE: usize = 3;
/// So many places of the rest are named.
const NAMED: usize = 5;

/// A diagnostic to be shown whole, and the others that its place stands for.
#[derive(Debug)]
pub struct Told<'a> {
    pub diagnostic: &'a Diagnostic,
    /// With the same code and message; behind the last one that is shown whole.
    alike: Vec<&'a Diagnostic>,
}

impl Told<'_> {
    /// With a note of the others: `the same at 97 more places: a.yml:3:5, b.yml:3:5, ...`.
    pub fn whole(&self) -> Diagnostic {
        let told = self.diagnostic.clone();
        match self.alike.len() {
            0 => told,
            more => told.note(format!("the same at {}: {}", count(more, "more place"), self.places())),
        }
    }

    fn places(&self) -> String {
        let own = self.diagnostic.shown_place();
        // Of what stands in one macro, where that is called.
        let place = |alike: &&Diagnostic| match alike.shown_place() {
            place if place == own => alike.secondary.last().map(Label::shown_place).or(place),
            place => place,
        };
        let named = self.alike.iter().filter_map(place).take(NAMED);
        let mut named: Vec<String> = named.collect();
        if named.len() < self.alike.len() {
            named.push("...".to_owned());
        }
        named.join(", ")
    }
}

/// In the order in which they were found.
pub fn gathered(found: &Diagnostics) -> Vec<Told<'_>> {
    let mut told: Vec<Told<'_>> = Vec::new();
    // By what they say: how many are shown whole, and the last of these.
    let mut shown: HashMap<(super::Code, &str), (usize, usize)> = HashMap::new();
    for diagnostic in found.iter() {
        let (number, last) = shown.entry((diagnostic.code, diagnostic.message.as_str())).or_default();
        if *number == WHOLE {
            told[*last].alike.push(diagnostic);
            continue;
        }
        (*number, *last) = (*number + 1, told.len());
        told.push(Told { diagnostic, alike: Vec::new() });
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::{Code, SourceText, Span};
    use super::*;

    fn found(many: usize) -> Diagnostics {
        let mistake = |number: usize| {
            let source = SourceText::new(format!("models/{number}.yml"), "a: uniqe");
            Diagnostic::error(Code::UnknownTest, "no test named `uniqe`").label(Span::new(&source, 3..8), "")
        };
        let other = Diagnostic::error(Code::UnknownTest, "no test named `not_nul`");
        (0..many).map(mistake).chain([other]).collect()
    }

    #[test]
    fn a_few_are_told_one_by_one() {
        let found = found(3);
        let told = gathered(&found);
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|told| told.whole() == *told.diagnostic));
    }

    #[test]
    fn many_are_told_by_their_places() {
        let found = found(10);
        let told = gathered(&found);
        assert_eq!(told.len(), 4);
        assert_eq!(
            told[2].whole().notes,
            ["the same at 7 more places: models/3.yml:1:4, models/4.yml:1:4, models/5.yml:1:4, models/6.yml:1:4, \
              models/7.yml:1:4, ..."]
        );
        assert!(told[3].whole().notes.is_empty());
    }
}
