//! Which part of a template a part of its output comes from; made only when an error of the output is to be shown.

use std::ops::Range;
use std::sync::Arc;

use minijinja::{OutputSpan, OutputSpanKind};

use super::error::ROOT;
use super::rewrite::OffsetMap;
use crate::diagnostic::{SourceText, Span};

/// Stretches of the output with their places in the template.
#[derive(Debug, Clone)]
pub struct SourceMap {
    source: Arc<SourceText>,
    pieces: Vec<Piece>,
    /// The output the map is of.
    pub output: String,
}

#[derive(Debug, Clone)]
struct Piece {
    output: Range<usize>,
    source: Range<usize>,
    /// Written as it stands in the template, byte for byte.
    verbatim: bool,
}

impl SourceMap {
    /// The map of a text that is its own output.
    pub(super) fn identity(source: &Arc<SourceText>, output: String) -> Self {
        let piece = Piece { output: 0..output.len(), source: 0..output.len(), verbatim: true };
        Self { source: Arc::clone(source), pieces: vec![piece], output }
    }

    pub(super) fn new(source: &Arc<SourceText>, output: String, spans: &[OutputSpan], map: &OffsetMap) -> Self {
        let pieces = spans.iter().filter(|span| span.name() == ROOT).map(|span| Piece {
            output: span.output_range(),
            source: map.range(span.source_range()),
            verbatim: span.kind() == OutputSpanKind::Raw,
        });
        Self { source: Arc::clone(source), pieces: pieces.collect(), output }
    }

    /// Where a range of the output comes from: the same text in the template, or the whole expression that wrote it.
    pub fn span(&self, output: Range<usize>) -> Option<Span> {
        let first = self.piece(output.start)?;
        let last = self.piece(output.end.saturating_sub(1).max(output.start)).unwrap_or(first);
        let start = match first.verbatim {
            true => first.source.start + (output.start - first.output.start),
            false => first.source.start,
        };
        let end = match last.verbatim {
            true => last.source.start + (output.end.max(output.start + 1) - last.output.start).min(last.source.len()),
            false => last.source.end,
        };
        // A loop writes one place many times, so an end may come before its start.
        let end = if end > start { end } else { first.source.end };
        Some(Span::new(&self.source, start..end))
    }

    fn piece(&self, offset: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.output.start <= offset);
        let piece = self.pieces.get(index.checked_sub(1)?)?;
        (offset <= piece.output.end).then_some(piece)
    }
}
