//! CSV with a header row; columns are matched by name.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, WriterBuilder};

use super::table::Table;
use crate::project::{ColumnDefinition, PathStep};

pub(super) struct Delimited {
    reader: csv::Reader<Box<dyn Read + Send>>,
    record: ByteRecord,
    /// The place in the header of each declared column.
    places: Vec<Option<usize>>,
    width: usize,
}

impl Delimited {
    /// Reads the header.
    pub(super) fn open(reader: Box<dyn Read + Send>, columns: &[ColumnDefinition]) -> Result<Self, csv::Error> {
        let mut reader = ReaderBuilder::new().flexible(true).buffer_capacity(1 << 18).from_reader(reader);
        let header = reader.byte_headers()?.clone();
        let places = columns.iter().map(|column| place(&header, column)).collect();
        Ok(Self { reader, record: ByteRecord::new(), places, width: header.len() })
    }

    /// Fills the page; false when the stream has ended. An error is the stream's; the rows before it are in the page.
    pub(super) fn fill(&mut self, table: &mut Table) -> Result<bool, csv::Error> {
        while !table.is_full() {
            if !self.reader.read_byte_record(&mut self.record)? {
                return Ok(false);
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            let raw = || written(&self.record);
            if self.record.len() != self.width {
                let error = format!("expected {} fields, found {}", self.width, self.record.len());
                table.reject(&raw(), error, line);
                continue;
            }
            match str::from_utf8(self.record.as_slice()) {
                Ok(_) => {
                    let field = |place: &Option<usize>| str::from_utf8(self.record.get((*place)?)?).ok();
                    table.append_fields(self.places.iter().map(field), &raw, line);
                }
                Err(_) => table.reject(&raw(), "invalid UTF-8".to_owned(), line),
            }
        }
        Ok(true)
    }
}

/// The header's column of the declared one's name, or of its path's (`$.Name`); in any case if none has it exactly.
fn place(header: &ByteRecord, column: &ColumnDefinition) -> Option<usize> {
    let wanted = match column.path.0.as_slice() {
        [PathStep::Name(name)] => name.as_bytes(),
        _ => column.name.as_bytes(),
    };
    let exact = header.iter().position(|name| name.trim_ascii() == wanted);
    exact.or_else(|| header.iter().position(|name| name.trim_ascii().eq_ignore_ascii_case(wanted)))
}

/// The record as CSV, without the line's end.
fn written(record: &ByteRecord) -> Vec<u8> {
    let mut writer = WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let written = writer.write_byte_record(record).ok().and_then(|()| writer.into_inner().ok());
    let mut raw = written.unwrap_or_default();
    raw.truncate(raw.trim_ascii_end().len());
    raw
}
