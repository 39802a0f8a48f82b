//! What is there and could not be read: a name that may be declared in it is no second mistake where it is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, SourceText};
use crate::names::SourceName;

/// What the mistakes of loading leave unknown.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// Layer and name of models and seeds that could not be read, or are there twice.
    pub relations: BTreeSet<(String, String)>,
    /// Data tests in files of their own.
    pub tests: BTreeSet<String>,
    /// Tables of sources whose columns are not known, or that are declared twice.
    pub tables: BTreeSet<SourceName>,
    /// YAML files of which not everything was understood.
    pub properties: Vec<Arc<SourceText>>,
    /// Macro files that are no text.
    pub macros: Vec<Arc<SourceText>>,
    /// Where the files lie is not known for sure.
    pub folders: bool,
    /// The same of variables.
    pub vars: bool,
}

impl Unread {
    pub fn has_relation(&self, name: &str) -> bool {
        self.folders || self.has_another(name)
    }

    /// Whether a model or seed of this name is not read: of one that is, what is said of the name may not be meant.
    pub fn has_another(&self, name: &str) -> bool {
        self.relations.iter().any(|(_, known)| known == name)
    }

    pub fn has_table(&self, source: &str, table: &str) -> bool {
        let is_told = self.tables.iter().any(|name| name.source == source && name.table == table);
        self.folders || is_told || self.properties.iter().any(|file| file.mentions(source) && file.mentions(table))
    }

    /// Whether a file that is only known in part says something of what is called so.
    pub fn describes(&self, name: &str) -> bool {
        self.properties.iter().any(|file| file.mentions(name))
    }

    /// Whether a mistake may be the consequence of something that was not read.
    pub fn explains(&self, mistake: &Diagnostic) -> bool {
        match mistake.code {
            Code::MissingVar => self.vars,
            // A connection.
            Code::Config => mistake.unknown.as_deref().is_some_and(|name| self.folders || self.describes(name)),
            // A macro or a test.
            Code::Undefined | Code::UnknownTest => mistake
                .unknown
                .as_deref()
                .is_some_and(|name| self.folders || self.macros.iter().any(|file| file.mentions(last_word(name)))),
            _ => false,
        }
    }
}

/// `cents` of `shop.cents`.
pub fn last_word(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
