//! A mistake in what a macro wrote, found in the macro: Jinja tells which call wrote a part of the SQL, not which line of
//! the macro. That line is the one whose text, its expressions left open, is the line of the SQL.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{SourceText, Span};
use crate::project::MacroFile;

/// Fewer characters of a line outside of expressions say too little.
const TELLING: usize = 4;

/// The place in the macros that wrote `wrong`, a range of `sql`; none, if no line or several could have.
pub(super) fn place(macros: &[MacroFile], sql: &str, wrong: Range<usize>) -> Option<Span> {
    let start = sql[..wrong.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = sql[start..].lines().next()?;
    let wrong = wrong.start - start..(wrong.end - start).min(line.len());
    let mut found: Option<Span> = None;
    for source in macros.iter().map(|file| &file.source) {
        for place in lines(source, line, &wrong) {
            if found.is_some() {
                return None;
            }
            found = Some(place);
        }
    }
    found
}

/// The places in a file that may have written the part of the line that is wrong.
fn lines(source: &Arc<SourceText>, line: &str, wrong: &Range<usize>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut offset = 0;
    for written in source.text.split_inclusive('\n') {
        if let Some(range) = wrote(written.trim_end_matches(['\n', '\r']), line, wrong) {
            found.push(Span::new(source, offset + range.start..offset + range.end));
        }
        offset += written.len();
    }
    found
}

/// Where `written` says what is `wrong` in `line`, if the one can have become the other.
fn wrote(written: &str, line: &str, wrong: &Range<usize>) -> Option<Range<usize>> {
    let indent = written.len() - written.trim_start().len();
    let pieces = literals(written);
    if pieces.iter().map(|(_, text)| text.trim().len()).sum::<usize>() < TELLING {
        return None;
    }
    let mut at = 0;
    let mut place = None;
    for (index, (offset, text)) in pieces.iter().enumerate() {
        // A macro's indentation may be another in the SQL.
        let (offset, text) = if index == 0 { (*offset + indent, text.trim_start()) } else { (*offset, *text) };
        let text = if index + 1 == pieces.len() { text.trim_end() } else { text };
        let found = at + line[at..].find(text)?;
        let is_first_word = index == 0 && !text.is_empty() && !line[..found].trim().is_empty();
        // What stands before it was written by another line.
        if is_first_word && !line[..found].ends_with([' ', ',', '(']) {
            return None;
        }
        if found <= wrong.start && wrong.end <= found + text.len() {
            let start = offset + (wrong.start - found);
            place = Some(start..start + wrong.len());
        }
        at = found + text.len();
    }
    place
}

/// The stretches of a line that Jinja copies, with where they begin.
fn literals(line: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) =
        line[at..].find("{{").into_iter().chain(line[at..].find("{%")).chain(line[at..].find("{#")).min()
    {
        pieces.push((at, &line[at..at + open]));
        let rest = &line[at + open..];
        let close = ["}}", "%}", "#}"].iter().filter_map(|end| rest.find(end)).min();
        match close {
            Some(close) => at += open + close + 2,
            // It goes on in the next line.
            None => return pieces,
        }
    }
    pieces.push((at, &line[at..]));
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(macros: &str, sql: &str, wrong: &str) -> Option<String> {
        let file = MacroFile { package: "shop".to_owned(), source: SourceText::new("macros/m.sql", macros) };
        let at = sql.find(wrong).unwrap();
        let place = place(&[file], sql, at..at + wrong.len())?;
        let (line, column) = place.source.line_column(place.range.start);
        Some(format!("{line}:{column} {}", &place.source.text[place.range.clone()]))
    }

    #[test]
    fn a_line_of_a_macro_is_known_by_its_text() {
        let amounts = "{% macro amounts() %}\n  amount,\n  amont * 2 as twice,\n  country\n{% endmacro %}\n";
        let sql = "select\n  id,\namount,\n  amont * 2 as twice,\n  country\nfrom x";
        assert_eq!(shown(amounts, sql, "amont").as_deref(), Some("3:3 amont"));
        let euro = "{% macro euro(column) %}\nround({{ column }} / 100, decimls) as {{ column }}_eur\n{% endmacro %}";
        let sql = "select id,\nround(amount / 100, decimls) as amount_eur\nfrom x";
        assert_eq!(shown(euro, sql, "decimls").as_deref(), Some("2:27 decimls"));
        // What an argument said is not the macro's.
        assert_eq!(shown(euro, sql, "amount"), None);
    }

    #[test]
    fn a_line_that_stands_twice_is_no_place() {
        let twice = "{% macro a() %}\n  amont as x\n{% endmacro %}\n{% macro b() %}\n  amont as x\n{% endmacro %}";
        assert_eq!(shown(twice, "select\n  amont as x\nfrom t", "amont"), None);
    }
}
