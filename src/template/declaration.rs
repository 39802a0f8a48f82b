//! Finds the declarations of a macro file by its tokens, so that comments, `raw` and strings are read as Jinja does.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::error;
use super::rewrite::Edit;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Macro,
    /// `test` or `data_test`.
    Test,
}

/// A macro or generic test in its file; all ranges are the file's.
#[derive(Debug)]
pub(super) struct Declaration {
    pub keyword: Keyword,
    /// The word `macro`, `test` or `data_test`.
    pub opening: Range<usize>,
    pub name: Range<usize>,
    pub parameters: Vec<ParameterText>,
    /// Before the parenthesis that ends the parameters, and whether a comma stands there.
    parameters_end: usize,
    trailing_comma: bool,
    /// After the opening tag, and whether that tag strips the white space after it.
    body: usize,
    strips: bool,
    /// The word `endmacro`.
    pub closing: Range<usize>,
    /// From `{%` to the last `%}`.
    pub range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct ParameterText {
    pub name: Range<usize>,
    pub default: Option<Range<usize>>,
}

/// The declarations of a file, and its top-level `{% set %}` tags, which they see.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub declarations: Vec<Declaration>,
    pub prelude: Vec<Range<usize>>,
}

impl Declaration {
    /// Catches further arguments where the body asks for them by name.
    pub(super) fn hidden_parameters(&self, varargs: bool, kwargs: bool, edits: &mut Vec<Edit>) {
        let mut comma = if self.parameters.is_empty() || self.trailing_comma { "" } else { ", " };
        let mut text = String::new();
        for (wanted, name) in [(varargs, "varargs"), (kwargs, "kwargs")] {
            if wanted {
                text.push_str(comma);
                text.push_str(name);
                text.push_str("=none");
                comma = ", ";
            }
        }
        if !text.is_empty() {
            edits.push(Edit::replace(self.parameters_end..self.parameters_end, text));
        }
    }

    /// A default may name an earlier parameter, so it is evaluated where that has its value: in the body.
    pub(super) fn late_defaults(&self, text: &str, edits: &mut Vec<Edit>) {
        let mut late = String::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            let Some(default) = &parameter.default else { continue };
            let earlier = &self.parameters[..index];
            let names_earlier = words(&text[default.clone()])
                .any(|word| earlier.iter().any(|parameter| &text[parameter.name.clone()] == word));
            if names_earlier {
                let name = &text[parameter.name.clone()];
                let value = &text[default.clone()];
                let _ = write!(late, "{{% if {name} is undefined %}}{{% set {name} = ({value}) %}}{{% endif %}}");
                edits.retain(|edit| edit.at < default.start || edit.at > default.end);
                edits.push(Edit::replace(default.clone(), "__omitted"));
            }
        }
        if late.is_empty() {
            return;
        }
        if self.strips {
            late.truncate(late.len() - "%}".len());
            late.push_str("-%}");
        }
        edits.push(Edit::replace(self.body..self.body, late));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// Reads a file's declarations; what is wrong with it goes to `found`.
pub(super) fn read(file: &Arc<SourceText>, found: &mut Diagnostics) -> Declared {
    let mut tokens = Vec::new();
    for token in tokenize(&file.text, false, SyntaxConfig::default()) {
        match token {
            Ok((token, span)) => tokens.push((token, span.start_offset as usize..span.end_offset as usize)),
            Err(mistake) => {
                found.push(error::syntax(&mistake, &file.text, &error::identity(&file.text), file));
                return Declared::default();
            }
        }
    }
    let mut reader = Reader { file, tokens: &tokens, at: 0, found, declared: Declared::default() };
    while reader.at < tokens.len() {
        reader.top_level();
    }
    reader.declared
}

struct Reader<'a> {
    file: &'a Arc<SourceText>,
    tokens: &'a [(Token<'a>, Range<usize>)],
    at: usize,
    found: &'a mut Diagnostics,
    declared: Declared,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> Option<(&Token<'_>, Range<usize>)> {
        self.tokens.get(self.at + ahead).map(|(token, range)| (token, range.clone()))
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    fn top_level(&mut self) {
        let (Some((Token::BlockStart, tag)), Some((Token::Ident(word), range))) = (self.token(0), self.token(1)) else {
            self.at += 1;
            return;
        };
        let keyword = match *word {
            "macro" => Some(Keyword::Macro),
            "test" | "data_test" => Some(Keyword::Test),
            _ => None,
        };
        let word = (*word).to_owned();
        match (keyword, word.as_str()) {
            (Some(keyword), _) => self.declaration(keyword, &word, tag.start, range),
            (None, "set") => self.set(tag.start),
            (None, "docs" | "materialization" | "snapshot") => {
                self.found.push(
                    Diagnostic::warning(
                        Code::TemplateSyntax,
                        format!("`{{% {word} %}}` is not read from a macro file"),
                    )
                    .label(self.span(range), "skipped"),
                );
                self.skip_block(&word);
            }
            (None, _) => self.at += 2,
        }
    }

    /// `{% set name = value %}` is seen by the macros of its file; the block form is skipped.
    fn set(&mut self, start: usize) {
        let mut ahead = 2;
        let mut assigns = false;
        while let Some((token, range)) = self.token(ahead) {
            match token {
                Token::Assign => assigns = true,
                Token::BlockEnd => {
                    if assigns {
                        self.declared.prelude.push(start..range.end);
                    }
                    break;
                }
                _ => {}
            }
            ahead += 1;
        }
        self.at += ahead + 1;
    }

    /// To the tag that closes the block at hand: the range of its word, and where it ends.
    fn skip_block(&mut self, word: &str) -> Option<(Range<usize>, usize)> {
        let closing = format!("end{word}");
        let mut depth = 0;
        while self.at < self.tokens.len() {
            if let (Some((Token::BlockStart, _)), Some((Token::Ident(tag), range))) = (self.token(0), self.token(1)) {
                if *tag == word {
                    depth += 1;
                } else if *tag == closing {
                    depth -= 1;
                }
                if depth == 0 {
                    self.at += 2;
                    let end = self.token(0).map_or(range.end, |(_, end)| end.end);
                    return Some((range, end));
                }
            }
            self.at += 1;
        }
        None
    }

    fn declaration(&mut self, keyword: Keyword, word: &str, start: usize, opening: Range<usize>) {
        let begin = self.at;
        let Some(signature) = self.signature() else {
            let place = self.token(2).map_or(opening.clone(), |(_, range)| range);
            self.found.push(
                Diagnostic::error(Code::TemplateSyntax, format!("this `{{% {word} %}}` has no name and parameters"))
                    .label(self.span(opening.start..place.end), "")
                    .hint(format!("write it as `{{% {word} name(first, second=none) %}}`")),
            );
            self.at = begin;
            if self.skip_block(word).is_none() {
                self.at = self.tokens.len();
            }
            return;
        };
        self.at = begin;
        let Some((closing, end)) = self.skip_block(word) else {
            self.found.push(
                Diagnostic::error(Code::TemplateSyntax, format!("`{{% {word} %}}` is never closed"))
                    .label(self.span(signature.name.clone()), format!("has no `{{% end{word} %}}`")),
            );
            // The tags after the unclosed one are still read, each for its own mistakes.
            self.at = begin + 2;
            return;
        };
        self.declared.declarations.push(Declaration { keyword, opening, closing, range: start..end, ..signature });
    }

    /// `name(parameter, parameter=default)` and the end of the opening tag.
    fn signature(&mut self) -> Option<Declaration> {
        self.at += 2;
        let (Token::Ident(_), name) = self.token(0)? else { return None };
        let (Token::ParenOpen, _) = self.token(1)? else { return None };
        self.at += 2;
        let mut parameters = Vec::new();
        let mut trailing_comma = false;
        let parameters_end = loop {
            match self.token(0)? {
                (Token::ParenClose, range) => break range.start,
                (Token::Comma, _) => {
                    trailing_comma = true;
                    self.at += 1;
                }
                (Token::Ident(_), name) => {
                    trailing_comma = false;
                    self.at += 1;
                    let default = match self.token(0)? {
                        (Token::Assign, _) => Some(self.default()?),
                        _ => None,
                    };
                    parameters.push(ParameterText { name, default });
                }
                _ => return None,
            }
        };
        self.at += 1;
        let (Token::BlockEnd, end) = self.token(0)? else { return None };
        let strips = self.file.text[end.clone()].starts_with('-');
        Some(Declaration {
            keyword: Keyword::Macro,
            opening: 0..0,
            name,
            parameters,
            parameters_end,
            trailing_comma,
            body: end.end,
            strips,
            closing: 0..0,
            range: 0..0,
        })
    }

    /// `= expression` up to the comma or parenthesis that ends it.
    fn default(&mut self) -> Option<Range<usize>> {
        self.at += 1;
        let start = self.token(0)?.1.start;
        let mut end = start;
        let mut depth = 0usize;
        loop {
            let (token, range) = self.token(0)?;
            match token {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
                Token::ParenClose | Token::Comma if depth == 0 => return Some(start..end),
                Token::ParenClose | Token::BracketClose | Token::BraceClose => depth = depth.checked_sub(1)?,
                Token::BlockEnd => return None,
                _ => {}
            }
            end = range.end;
            self.at += 1;
        }
    }
}
