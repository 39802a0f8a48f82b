//! The types a source's column can be declared with, and their grammar.
//!
//! ```text
//! type    = primary { "[]" }
//! primary = name | "decimal" "(" precision [ "," scale ] ")" | ("list" | "array") "<" type ">"
//!         | "struct" "<" field { "," field } ">"
//! field   = (name | quoted) ":" type
//! ```

use std::fmt;
use std::ops::Range;

/// A declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    String,
    Int,
    BigInt,
    Double,
    Boolean,
    /// Microseconds, UTC.
    Timestamp,
    Date,
    /// The text of the value, whatever it is.
    Json,
    Decimal {
        precision: u8,
        scale: i8,
    },
    List(Box<ColumnType>),
    Struct(Vec<(String, ColumnType)>),
}

/// Why a text is not a type, and the bytes of it concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct InvalidType {
    pub kind: InvalidTypeKind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTypeKind {
    #[error("unknown type `{0}`")]
    Unknown(String),
    #[error("expected a type")]
    NoType,
    #[error("expected `{0}`")]
    Expected(char),
    #[error("expected a field's name")]
    NoField,
    #[error("field `{0}` is declared twice")]
    TwiceField(String),
    #[error("a decimal has 1 to 38 digits, and no more of them after the point than in all")]
    Decimal,
    #[error("a decimal needs its digits: `decimal(10, 2)`")]
    NoDigits,
    #[error("a type ends before this")]
    Trailing,
    #[error("types are nested too deep")]
    TooDeep,
}

/// The names of types, for a "did you mean".
pub(super) const TYPE_NAMES: &[&str] = &[
    "string",
    "int",
    "bigint",
    "double",
    "boolean",
    "timestamp",
    "date",
    "json",
    "decimal",
    "list",
    "struct",
    "text",
    "varchar",
    "integer",
    "long",
    "float",
    "array",
];

const DEPTH_LIMIT: usize = 64;

impl ColumnType {
    pub fn parse(text: &str) -> Result<Self, InvalidType> {
        let mut parser = TypeParser { text, at: 0 };
        let parsed = parser.parse_type(0)?;
        parser.skip_space();
        match parser.at == text.len() {
            true => Ok(parsed),
            false => Err(mistake(InvalidTypeKind::Trailing, parser.at..text.len())),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => out.write_str("string"),
            Self::Int => out.write_str("int"),
            Self::BigInt => out.write_str("bigint"),
            Self::Double => out.write_str("double"),
            Self::Boolean => out.write_str("boolean"),
            Self::Timestamp => out.write_str("timestamp"),
            Self::Date => out.write_str("date"),
            Self::Json => out.write_str("json"),
            Self::Decimal { precision, scale } => write!(out, "decimal({precision}, {scale})"),
            Self::List(element) => write!(out, "list<{element}>"),
            Self::Struct(fields) => {
                out.write_str("struct<")?;
                for (position, (name, field)) in fields.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ", " };
                    match crate::names::is_name(name) {
                        true => write!(out, "{separator}{name}: {field}")?,
                        false => write!(out, "{separator}`{name}`: {field}")?,
                    }
                }
                out.write_str(">")
            }
        }
    }
}

struct TypeParser<'a> {
    text: &'a str,
    at: usize,
}

impl TypeParser<'_> {
    fn parse_type(&mut self, depth: usize) -> Result<ColumnType, InvalidType> {
        let mut parsed = self.primary(depth)?;
        while self.take('[') {
            self.expect(']')?;
            parsed = ColumnType::List(Box::new(parsed));
        }
        Ok(parsed)
    }

    fn primary(&mut self, depth: usize) -> Result<ColumnType, InvalidType> {
        self.skip_space();
        let start = self.at;
        let name = self.word().to_lowercase();
        let range = start..self.at;
        if depth > DEPTH_LIMIT {
            return Err(mistake(InvalidTypeKind::TooDeep, range));
        }
        Ok(match name.as_str() {
            "string" | "text" | "varchar" => ColumnType::String,
            "int" | "integer" => ColumnType::Int,
            "bigint" | "long" => ColumnType::BigInt,
            "double" | "float" => ColumnType::Double,
            "boolean" | "bool" => ColumnType::Boolean,
            "timestamp" => ColumnType::Timestamp,
            "date" => ColumnType::Date,
            "json" => ColumnType::Json,
            "decimal" | "numeric" => self.decimal(range)?,
            "list" | "array" => {
                self.expect('<')?;
                let element = self.parse_type(depth + 1)?;
                self.expect('>')?;
                ColumnType::List(Box::new(element))
            }
            "struct" => self.fields(depth)?,
            "" => return Err(self.here(InvalidTypeKind::NoType)),
            _ => return Err(mistake(InvalidTypeKind::Unknown(name), range)),
        })
    }

    fn decimal(&mut self, name: Range<usize>) -> Result<ColumnType, InvalidType> {
        if !self.take('(') {
            return Err(mistake(InvalidTypeKind::NoDigits, name));
        }
        let start = self.at;
        let precision = self.number();
        let scale = if self.take(',') { self.number() } else { Some(0) };
        let end = self.at;
        self.expect(')')?;
        match (precision, scale.and_then(|scale| i8::try_from(scale).ok())) {
            (Some(precision @ 1..=38), Some(scale)) if scale.unsigned_abs() <= precision => {
                Ok(ColumnType::Decimal { precision, scale })
            }
            _ => Err(mistake(InvalidTypeKind::Decimal, start..end)),
        }
    }

    fn fields(&mut self, depth: usize) -> Result<ColumnType, InvalidType> {
        self.expect('<')?;
        let mut fields: Vec<(String, ColumnType)> = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let name = self.field_name()?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(mistake(InvalidTypeKind::TwiceField(name), start..self.at));
            }
            self.expect(':')?;
            fields.push((name, self.parse_type(depth + 1)?));
            if !self.take(',') {
                self.expect('>')?;
                return Ok(ColumnType::Struct(fields));
            }
        }
    }

    fn field_name(&mut self) -> Result<String, InvalidType> {
        let rest = &self.text[self.at..];
        let quote = rest.chars().next().filter(|first| matches!(first, '`' | '"'));
        let name = match quote {
            Some(quote) => rest[1..].split(quote).next().unwrap_or_default().to_owned(),
            None => self.word().to_owned(),
        };
        if name.is_empty() {
            return Err(self.here(InvalidTypeKind::NoField));
        }
        if let Some(quote) = quote {
            self.at += 1 + name.len();
            self.expect(quote)?;
        }
        Ok(name)
    }

    fn word(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn number(&mut self) -> Option<u8> {
        self.skip_space();
        self.word().parse().ok()
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let is_there = self.text[self.at..].starts_with(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn expect(&mut self, wanted: char) -> Result<(), InvalidType> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(self.here(InvalidTypeKind::Expected(wanted))),
        }
    }

    fn here(&self, kind: InvalidTypeKind) -> InvalidType {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        mistake(kind, self.at..self.at + length)
    }
}

fn mistake(kind: InvalidTypeKind, range: Range<usize>) -> InvalidType {
    InvalidType { kind, range }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_shown() {
        for (text, shown) in [
            ("VARCHAR", "string"),
            ("long", "bigint"),
            ("float", "double"),
            ("decimal(10,2)", "decimal(10, 2)"),
            ("numeric( 5 )", "decimal(5, 0)"),
            ("array<int>", "list<int>"),
            ("text[][]", "list<list<string>>"),
            ("struct<a: int, `b-c`: struct<d:date>[]>", "struct<a: int, `b-c`: list<struct<d: date>>>"),
            ("struct<commits: list<struct<message: string>>>", "struct<commits: list<struct<message: string>>>"),
        ] {
            let parsed = ColumnType::parse(text).unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(ColumnType::parse(shown).unwrap(), parsed);
        }
    }

    #[test]
    fn what_is_no_type_says_where() {
        for (text, message, range) in [
            ("list<strin>", "unknown type `strin`", 5..10),
            ("list<string", "expected `>`", 11..11),
            ("struct<a int>", "expected `:`", 9..10),
            ("struct<>", "expected a field's name", 7..8),
            ("struct<a: int, a: int>", "field `a` is declared twice", 15..16),
            ("decimal(39, 2)", "a decimal has 1 to 38 digits, and no more of them after the point than in all", 8..13),
            ("decimal", "a decimal needs its digits: `decimal(10, 2)`", 0..7),
            ("int not null", "a type ends before this", 4..12),
            ("", "expected a type", 0..0),
        ] {
            let mistake = ColumnType::parse(text).unwrap_err();
            assert_eq!((mistake.to_string().as_str(), mistake.range), (message, range), "{text}");
        }
        assert_eq!(ColumnType::parse(&"list<".repeat(9999)).unwrap_err().kind, InvalidTypeKind::TooDeep);
    }
}
