//! The macros of a project: found in their files, compiled once, looked up by name and package.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::declaration::{self, Declaration, Keyword};
use super::error;
use super::marks::Marks;
use super::rewrite::{Edit, Marking, OffsetMap, Rewritten, marked_findings};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::project::{MacroFile, last_word};

/// The namespace of the macros that come with the engine.
pub(super) const BUILTIN_PACKAGE: &str = "dbt";
const BUILTIN_SOURCE: &str = include_str!("builtin.sql");

#[derive(Debug)]
pub(super) struct Macro {
    pub name: String,
    pub package: String,
    pub file: Arc<SourceText>,
    /// Of its name in the file.
    pub place: Span,
    pub parameters: Vec<Parameter>,
    pub uses_caller: bool,
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
    /// What the template engine knows it by: `macro:7`.
    pub template: String,
    pub map: OffsetMap,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    pub optional: bool,
}

impl Macro {
    /// Whether the user wrote it.
    pub(super) fn is_builtin(&self) -> bool {
        self.package == BUILTIN_PACKAGE
    }
}

/// All macros, and where each name leads.
#[derive(Debug, Default)]
pub(super) struct Macros {
    items: Vec<Arc<Macro>>,
    packages: BTreeMap<String, BTreeMap<String, usize>>,
    /// The package of the project itself.
    root: String,
    /// Files of which not every macro could be read.
    unread: Vec<Arc<SourceText>>,
}

/// The registry of what could be read, with the texts to compile.
pub(super) struct Read {
    pub macros: Macros,
    /// By the index of the macro.
    pub texts: Vec<String>,
    /// What is wrong or odd.
    pub found: Diagnostics,
}

impl Macros {
    /// Reads all files; the mistakes of all of them. With `marks`, what they write is marked.
    pub(super) fn read(files: &[MacroFile], root: &str, mut marks: Option<&mut Marks>) -> Read {
        let builtin = MacroFile {
            package: BUILTIN_PACKAGE.to_owned(),
            source: SourceText::new("the macros of the engine", BUILTIN_SOURCE),
        };
        let mut macros = Self { root: root.to_owned(), ..Self::default() };
        let mut texts = Vec::new();
        let mut found = Diagnostics::default();
        for file in files.iter().chain([&builtin]) {
            let told = found.errors();
            // Its namespace is there, whatever becomes of its macros.
            macros.packages.entry(file.package.clone()).or_default();
            let declared = declaration::read(&file.source, &mut found);
            for declaration in &declared.declarations {
                let template = format!("macro:{}", macros.items.len());
                // What the engine's own macros write comes from their call.
                let marks = marks.as_deref_mut().filter(|_| file.package != BUILTIN_PACKAGE);
                match compile(file, &declared.prelude, declaration, template, marks) {
                    Ok((item, text)) => {
                        if let Err(twin) = macros.add(item) {
                            found.push(*twin);
                        } else {
                            texts.push(text);
                        }
                    }
                    Err(mistake) => found.push(*mistake),
                }
            }
            macros.unread.extend((found.errors() > told).then(|| Arc::clone(&file.source)));
        }
        Read { macros, texts, found }
    }

    /// Takes a macro out that turned out not to be one.
    pub(super) fn forget(&mut self, item: &Macro) {
        if let Some(names) = self.packages.get_mut(&item.package) {
            names.remove(&item.name);
        }
        self.unread.push(Arc::clone(&item.file));
    }

    /// Whether a file that could not be read in whole says something of a macro of this name.
    pub(super) fn may_be(&self, name: &str) -> bool {
        self.unread.iter().any(|file| file.mentions(last_word(name)))
    }

    fn add(&mut self, item: Macro) -> Result<(), Box<Diagnostic>> {
        let names = self.packages.entry(item.package.clone()).or_default();
        if let Some(first) = names.get(&item.name) {
            let first = &self.items[*first];
            let kind = if item.name.starts_with("test_") { "test" } else { "macro" };
            let name = item.name.strip_prefix("test_").unwrap_or(&item.name);
            return Err(Box::new(
                Diagnostic::error(Code::Duplicate, format!("two {kind}s are named `{name}`"))
                    .label(item.place, "defined again")
                    .secondary(first.place.clone(), "first defined here"),
            ));
        }
        names.insert(item.name.clone(), self.items.len());
        self.items.push(Arc::new(item));
        Ok(())
    }

    pub(super) fn get(&self, index: usize) -> Option<&Arc<Macro>> {
        self.items.get(index)
    }

    /// The macro behind a template's name.
    pub(super) fn by_template(&self, template: &str) -> Option<&Arc<Macro>> {
        self.get(template.strip_prefix("macro:")?.parse().ok()?)
    }

    pub(super) fn in_package(&self, package: &str, name: &str) -> Option<&Arc<Macro>> {
        self.get(*self.packages.get(package)?.get(name)?)
    }

    /// By its bare name, as a template of `package` sees it: its own package, then the project, without the engine's.
    pub(super) fn visible(&self, package: Option<&str>, name: &str) -> Option<&Arc<Macro>> {
        package.and_then(|package| self.in_package(package, name)).or_else(|| self.in_package(&self.root, name))
    }

    /// Among the macros that come with the engine.
    pub(super) fn builtin(&self, name: &str) -> Option<&Arc<Macro>> {
        self.in_package(BUILTIN_PACKAGE, name)
    }

    pub(super) fn has_package(&self, package: &str) -> bool {
        self.packages.contains_key(package)
    }

    pub(super) fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str)
    }

    pub(super) fn names_in(&self, package: &str) -> impl Iterator<Item = &str> {
        self.packages.get(package).into_iter().flat_map(|names| names.keys().map(String::as_str))
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// What `adapter.dispatch` looks for, in order: the project's own, then the namespace's, the engine's before the
    /// default.
    pub(super) fn dispatch(&self, name: &str, namespace: Option<&str>, current: Option<&str>) -> Option<&Arc<Macro>> {
        let packages = [Some(self.root.as_str()), namespace.or(current), Some(BUILTIN_PACKAGE)];
        packages
            .into_iter()
            .flatten()
            .flat_map(|package| ["engine", "default"].map(|prefix| (package, format!("{prefix}__{name}"))))
            .find_map(|(package, name)| self.in_package(package, &name))
    }

    /// A generic test by the name it is declared with, `package.name` or bare.
    pub(super) fn test(&self, name: &str) -> Option<&Arc<Macro>> {
        if let Some((package, name)) = name.split_once('.') {
            return self.in_package(package, &format!("test_{name}"));
        }
        let name = format!("test_{name}");
        self.visible(None, &name)
            .or_else(|| self.packages.values().find_map(|names| names.get(&name)).and_then(|index| self.get(*index)))
    }

    pub(super) fn tests(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| item.name.strip_prefix("test_"))
    }
}

/// A declaration as a template of its own: the file's `set`s, the macro under a fixed name, and its hand-over.
fn compile(
    file: &MacroFile,
    prelude: &[std::ops::Range<usize>],
    declaration: &Declaration,
    template: String,
    marks: Option<&mut Marks>,
) -> Result<(Macro, String), Box<Diagnostic>> {
    let text = file.source.text.as_str();
    let mut fixed = Vec::new();
    if declaration.keyword != Keyword::Macro {
        fixed.push(Edit::replace(declaration.opening.clone(), "macro"));
        fixed.push(Edit::replace(declaration.closing.clone(), "endmacro"));
    }
    let assemble = |edits: &[Edit]| {
        let mut rewritten = Rewritten::default();
        for range in prelude {
            rewritten.copy(text, range.clone(), edits);
        }
        rewritten.copy(text, declaration.range.clone(), edits);
        rewritten
    };
    let draft = assemble(&fixed);
    let owner = template.strip_prefix("macro:").unwrap_or_default();
    let marking = marks.map(|marks| Marking { source: &file.source, marks });
    let found = marked_findings(&draft.text, owner, Some(&draft.map), marking)
        .map_err(|mistake| Box::new(error::syntax(&mistake, &draft.text, &draft.map, &file.source)))?;
    let mut edits = found.edits;
    edits.append(&mut fixed);
    edits.push(Edit::replace(declaration.name.clone(), "__macro"));
    declaration.late_defaults(text, &mut edits);
    let named = |name: &str| declaration.parameters.iter().any(|parameter| &text[parameter.name.clone()] == name);
    let uses_varargs = found.uses_varargs && !named("varargs");
    let uses_kwargs = found.uses_kwargs && !named("kwargs");
    declaration.hidden_parameters(uses_varargs, uses_kwargs, &mut edits);
    Edit::sort(&mut edits);
    let mut rewritten = assemble(&edits);
    rewritten.insert("{%do __define(__macro)%}");
    let name = &text[declaration.name.clone()];
    let item = Macro {
        name: match declaration.keyword {
            Keyword::Macro => name.to_owned(),
            Keyword::Test => format!("test_{name}"),
        },
        package: file.package.clone(),
        file: Arc::clone(&file.source),
        place: Span::new(&file.source, declaration.name.clone()),
        parameters: declaration
            .parameters
            .iter()
            .map(|parameter| Parameter {
                name: text[parameter.name.clone()].to_owned(),
                optional: parameter.default.is_some(),
            })
            .collect(),
        uses_caller: found.uses_caller,
        uses_varargs,
        uses_kwargs,
        template,
        map: rewritten.map,
    };
    Ok((item, rewritten.text))
}
