//! Mistakes collected, each once: a phase goes on past the first.

use super::{Diagnostic, Severity};

/// The mistakes of a phase, collected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.items.contains(&diagnostic) {
            self.items.push(diagnostic);
        }
    }

    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in more {
            self.push(diagnostic);
        }
    }

    /// The value of an `Ok`; an `Err` is collected.
    pub fn keep<T, E: Into<Diagnostics>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(found) => {
                let found: Diagnostics = found.into();
                self.extend(found.items);
                None
            }
        }
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    pub fn errors(&self) -> usize {
        self.items.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// Without those that are the consequence of another.
    #[must_use]
    pub fn without(mut self, mut is_consequence: impl FnMut(&Diagnostic) -> bool) -> Self {
        self.items.retain(|diagnostic| !is_consequence(diagnostic));
        self
    }

    /// By file and place, however they were found; what has neither comes first.
    #[must_use]
    pub fn by_place(mut self) -> Self {
        self.items.sort_by(|left, right| left.place_order().cmp(&right.place_order()));
        self
    }

    /// `Err` with everything found if any of it is an error, else the value with the warnings.
    pub fn finish<T>(self, value: T) -> Result<(T, Diagnostics), Diagnostics> {
        match self.has_errors() {
            true => Err(self),
            false => Ok((value, self)),
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { items: vec![diagnostic] }
    }
}

impl From<Box<Diagnostic>> for Diagnostics {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self { items: vec![*diagnostic] }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(iter: T) -> Self {
        let mut found = Self::default();
        found.extend(iter);
        found
    }
}
