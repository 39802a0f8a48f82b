//! `html_to_text(html) -> string`: what a reader of the HTML would read.
//!
//! Tags go, entities become characters, white space collapses. Paragraphs and headings stand apart by an empty line, other
//! blocks and `<br>` begin a line, items of lists begin with `- ` or their number, cells of a row are parted by a space.
//! Scripts, styles and comments go with what they hold. HTML that came escaped as a whole (`&lt;p&gt;`) is unescaped first.
//! A text without any markup is only trimmed. NULL gives NULL.
//!
//! Nothing is refused and every byte is looked at a bounded number of times, so bad HTML is no danger: an html5 parser with
//! a tree and a layout would be, at the price of depth and of wide rules and tables.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::html_entities::decode;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HtmlToText {
    signature: Signature,
}

impl HtmlToText {
    pub(super) fn new() -> Self {
        Self { signature: Signature::string(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for HtmlToText {
    fn name(&self) -> &'static str {
        "html_to_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [html] = arguments.args.as_slice() else { return plan_err!("html_to_text takes one string") };
        let html = cast(&html.to_array(arguments.number_rows)?, &DataType::Utf8View)?;
        let mut texts = StringViewBuilder::with_capacity(html.len());
        for html in html.as_string_view() {
            texts.append_option(html.map(to_text));
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}

fn to_text(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.trim().to_owned();
    }
    if !has_tag(html, "<") && has_tag(html, "&lt;") {
        let mut unescaped = String::with_capacity(html.len());
        decode(html, |character| unescaped.push(character));
        return render(&unescaped);
    }
    render(html)
}

/// Whether a tag or comment begins somewhere, its bracket spelt `bracket`.
fn has_tag(html: &str, bracket: &str) -> bool {
    html.match_indices(bracket).any(|(at, _)| begins_tag(&html[at + bracket.len()..]))
}

fn begins_tag(behind: &str) -> bool {
    behind.starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'))
}

fn render(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some(bracket) = rest.find('<') {
        text.push(&rest[..bracket]);
        rest = &rest[bracket..];
        if !begins_tag(&rest[1..]) {
            text.push("<");
            rest = &rest[1..];
            continue;
        }
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let (tag, behind) = split_tag(&rest[1..]);
        rest = behind;
        let (name, closes) = name_of(tag);
        if !closes && matches!(name.as_str(), "script" | "style" | "head" | "template" | "noscript" | "iframe" | "svg")
        {
            rest = behind_element(rest, &name);
        } else {
            text.tag(&name, closes);
        }
    }
    text.push(rest);
    text.written
}

/// The tag up to its closing bracket, and what is behind it. A bracket in a quoted value does not close.
fn split_tag(html: &str) -> (&str, &str) {
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return (&html[..at], &html[at + 1..]),
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (None, _) => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    // A tag that does not end: its quote may be to blame, and then the next bracket is as good an end as any.
    match html.find('>') {
        Some(end) if quote.is_some() => (&html[..end], &html[end + 1..]),
        _ => (html, ""),
    }
}

fn name_of(tag: &str) -> (String, bool) {
    let (tag, closes) = tag.strip_prefix('/').map_or((tag, false), |tag| (tag, true));
    let end = tag.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(tag.len()).min(16);
    (tag[..end].to_ascii_lowercase(), closes)
}

/// What is behind the end of an element whose content is no text; nothing, if it does not end.
fn behind_element<'a>(html: &'a str, name: &str) -> &'a str {
    let end = html.match_indices("</").find(|(at, _)| {
        html.as_bytes()
            .get(at + 2..at + 2 + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    });
    end.map_or("", |(at, _)| split_tag(&html[at + 1..]).1)
}

/// Deeper lists are not indented further.
const MAX_INDENT: usize = 8;

/// The text written so far, and what is due before its next character.
#[derive(Default)]
struct Text {
    written: String,
    space: bool,
    line_breaks: usize,
    /// The lists that are open; the number of the last item, for a numbered one.
    lists: Vec<Option<usize>>,
    /// `- ` or a number, for the next character.
    marker: String,
    preformatted: usize,
}

impl Text {
    fn push(&mut self, html: &str) {
        decode(html, |character| self.push_character(character));
    }

    fn push_character(&mut self, character: char) {
        if self.preformatted > 0 && character == '\n' {
            self.line_breaks += 1;
            return;
        }
        if character.is_whitespace() || character.is_ascii_control() {
            if self.preformatted > 0 && self.line_breaks == 0 && self.marker.is_empty() {
                self.written.push(' ');
            } else {
                self.space = true;
            }
            return;
        }
        if matches!(character, '\u{200b}' | '\u{feff}' | '\u{ad}') {
            return;
        }
        self.settle();
        self.written.push(character);
    }

    /// Writes what is due.
    fn settle(&mut self) {
        if self.line_breaks > 0 {
            self.written.truncate(self.written.trim_end().len());
            for _ in 0..self.line_breaks.min(2) {
                if !self.written.is_empty() {
                    self.written.push('\n');
                }
            }
        } else if self.space && !self.written.is_empty() {
            self.written.push(' ');
        }
        if !self.marker.is_empty() {
            let depth = self.lists.len().saturating_sub(1).min(MAX_INDENT);
            self.written.push_str(&"  ".repeat(depth));
            self.written.push_str(&self.marker);
            self.marker.clear();
        }
        self.line_breaks = 0;
        self.space = false;
    }

    fn tag(&mut self, name: &str, closes: bool) {
        match name {
            "br" => self.line_breaks += 1,
            "p" if !self.lists.is_empty() => self.break_line(1),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "table" | "hr" | "dl" => self.break_line(2),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside" | "form"
            | "fieldset" | "address" | "figure" | "figcaption" | "dt" | "dd" | "caption" | "title" | "option"
            | "details" | "summary" | "center" | "body" | "html" | "thead" | "tbody" | "tfoot" => self.break_line(1),
            "pre" => {
                self.break_line(2);
                self.preformatted = if closes { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            "ul" | "menu" => self.list(closes, None),
            "ol" => self.list(closes, Some(0)),
            "li" if closes => self.break_line(1),
            "li" => {
                self.break_line(1);
                self.marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{number}. ")
                    }
                    Some(None) | None => "- ".to_owned(),
                };
            }
            "td" | "th" => self.space = true,
            _ => {}
        }
    }

    fn list(&mut self, closes: bool, first: Option<usize>) {
        if closes {
            self.lists.pop();
        } else {
            self.lists.push(first);
        }
        // A list within a list goes on at its line.
        self.break_line(if self.lists.is_empty() || (self.lists.len() == 1 && !closes) { 2 } else { 1 });
    }

    /// A paragraph within an item stands behind the item's marker.
    fn break_line(&mut self, lines: usize) {
        if self.marker.is_empty() {
            self.line_breaks = self.line_breaks.max(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, StringArray};
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    #[test]
    fn blocks_become_lines_and_entities_characters() {
        assert_eq!(
            to_text("<p>One &amp; two</p><p>Three<br>four &#x2F; five&nbsp;six</p>"),
            "One & two\n\nThree\nfour / five six"
        );
        assert_eq!(
            to_text("<h1>A</h1>text <b>bold</b>,\n  <i>slanted</i><div>B</div><div>C</div>"),
            "A\n\ntext bold, slanted\nB\nC"
        );
        assert_eq!(to_text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"), "a b\nc");
        assert_eq!(to_text("  plain\ntext "), "plain\ntext");
        assert_eq!(to_text(""), "");
    }

    #[test]
    fn lists_are_readable() {
        assert_eq!(
            to_text("Do:<ul><li>one</li><li><p>two</p><ol><li>a<li>b</ol></li></ul>Done"),
            "Do:\n\n- one\n- two\n  1. a\n  2. b\n\nDone"
        );
        assert_eq!(to_text("<li>alone"), "- alone");
    }

    #[test]
    fn what_came_escaped_as_a_whole_is_unescaped_first() {
        assert_eq!(
            to_text(
                "&lt;p&gt;R&amp;amp;D &amp;nbsp;now&lt;/p&gt;\n&lt;ul&gt;&lt;li&gt;C++ &amp;lt; Rust&lt;/li&gt;&lt;/ul&gt;"
            ),
            "R&D now\n\n- C++ < Rust"
        );
        assert_eq!(to_text("<p>write &lt;b&gt; for bold</p>"), "write <b> for bold");
        assert_eq!(to_text("a &lt; b and 1 < 2"), "a < b and 1 < 2");
    }

    #[test]
    fn unclosed_paragraphs_of_hacker_news_stand_apart() {
        let html = "Acme | Rust | REMOTE<p>We build &quot;things&quot;.<p>Apply: <a href=\"https:&#x2F;&#x2F;acme.example\" rel='x>y'>here</a>";
        assert_eq!(to_text(html), "Acme | Rust | REMOTE\n\nWe build \"things\".\n\nApply: here");
    }

    #[test]
    fn scripts_comments_and_broken_tags_leave_nothing_behind() {
        assert_eq!(to_text("a<script>if (a<b) { '</p>' }</SCRIPT >b<!-- <p> -- > -->c<style>x"), "abc");
        assert_eq!(to_text("a<!DOCTYPE html><?xml?>b</>c<p"), "abc");
        assert_eq!(to_text("<a title=\"never closed>b</a> c"), "b c");
        assert_eq!(to_text("<pre>a\n  b\n\nc</pre>d"), "a\nb\n\nc\n\nd");
    }

    #[test]
    fn hostile_html_is_only_long() {
        for piece in [
            "<div>",
            "<ul>",
            "<ul><li>",
            "</ul>",
            "<",
            "<a href='",
            "<!--",
            "&",
            "&#",
            "<script>",
            "<hr>",
            "<table><td>",
            "<pre>",
            "\u{0}<p/>",
        ] {
            let html = piece.repeat(200_000);
            assert!(to_text(&html).len() <= html.len() * 4, "{piece}");
        }
    }

    #[test]
    fn null_stays_null() {
        let html: ArrayRef = Arc::new(StringArray::from(vec![Some("<p>a"), None, Some("b")]));
        let function = ScalarUDF::from(HtmlToText::new());
        assert_eq!(shown(&call(&function, vec![ColumnarValue::Array(html)]).unwrap()), ["a", "NULL", "b"]);
    }
}
