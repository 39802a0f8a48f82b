//! The tags and brackets of Jinja: which there are, and which of a text's are never closed.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

pub(super) const TAGS: &[&str] = &[
    "autoescape",
    "block",
    "break",
    "call",
    "continue",
    "do",
    "filter",
    "for",
    "if",
    "macro",
    "raw",
    "set",
    "test",
    "data_test",
    "with",
];

/// The word of the innermost tag that is open at an offset, as far as the text can be read.
pub(super) fn open_at(text: &str, offset: usize) -> Option<Range<usize>> {
    let mut open: Vec<(&str, Range<usize>)> = Vec::new();
    let mut tokens = tokenize(text, false, SyntaxConfig::default()).peekable();
    while let Some(Ok((token, _))) = tokens.next() {
        if !matches!(token, Token::BlockStart) {
            continue;
        }
        let Some(Ok((Token::Ident(word), span))) = tokens.peek() else { continue };
        let (word, range) = (*word, span.start_offset as usize..span.end_offset as usize);
        if range.start >= offset {
            break;
        }
        if let Some(opener) = word.strip_prefix("end") {
            let (last, _) = open.pop()?;
            if last != opener {
                return None;
            }
        } else if matches!(word, "autoescape" | "block" | "call" | "filter" | "for" | "if" | "macro" | "with") {
            open.push((word, range));
        } else if word == "set" {
            let mut rest = tokens.by_ref().map_while(Result::ok).map(|(token, _)| token);
            let assigns = rest.find(|token| matches!(token, Token::Assign | Token::BlockEnd));
            if !matches!(assigns, Some(Token::Assign)) {
                open.push((word, range));
            }
        }
    }
    open.pop().map(|(_, range)| range)
}

/// The innermost bracket that is open at an offset within a tag.
pub(super) fn open_bracket(text: &str, offset: usize) -> Option<Range<usize>> {
    let mut open: Vec<(Token<'_>, Range<usize>)> = Vec::new();
    for (token, span) in tokenize(text, false, SyntaxConfig::default()).map_while(Result::ok) {
        let range = span.start_offset as usize..span.end_offset as usize;
        if range.start >= offset {
            break;
        }
        match token {
            Token::VariableStart | Token::BlockStart => open.clear(),
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => open.push((token, range)),
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop().map(|(_, range)| range)
}
