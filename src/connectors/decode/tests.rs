//! Whole files through the decoder, and random JSON against `serde_json`.

use std::fmt::Write as _;
use std::io::{Cursor, Write};

use datafusion::arrow::util::pretty::pretty_format_batches;
use serde_json::Value;

use super::*;
use crate::project::{ColumnType, JsonPath, PathStep};

fn column(name: &str, column_type: ColumnType, path: &str) -> ColumnDefinition {
    let mut steps = Vec::new();
    for part in path.split('.').skip(1) {
        let (part, each) = part.strip_suffix("[*]").map_or((part, false), |part| (part, true));
        steps.push(PathStep::Name(part.to_owned()));
        steps.extend(each.then_some(PathStep::Each));
    }
    ColumnDefinition { name: name.to_owned(), column_type, path: JsonPath(steps), place: None }
}

fn open(name: &str, content: impl Into<Vec<u8>>, format: Format, columns: &[ColumnDefinition], rows: usize) -> Rows {
    let content = content.into();
    let (size, reader) = (content.len() as u64, Box::new(Cursor::new(content)));
    let content = Content { reader, size, compression: Compression::of_name(name) };
    Rows::open(name, content, format, None, columns, rows, &mut Spare::default()).unwrap()
}

/// The rows as a table, then the rejected records, then the error, as a reader would see them.
fn transcript(rows: Rows) -> String {
    let (mut batches, mut rejected, mut error) = (Vec::new(), Vec::new(), None);
    for page in rows {
        match page {
            Ok(page) => {
                batches.push(page.batch);
                rejected.extend(page.rejected);
            }
            Err(found) => error = Some(found),
        }
    }
    let mut shown = pretty_format_batches(&batches).unwrap().to_string();
    for record in rejected {
        write!(shown, "\n{}: {} <- {}", record.line, record.error, String::from_utf8_lossy(&record.raw)).unwrap();
    }
    if let Some(error) = error {
        write!(shown, "\n{error}: {}", std::error::Error::source(&error).unwrap()).unwrap();
    }
    shown
}

fn ndjson(content: &str, columns: &[ColumnDefinition]) -> String {
    transcript(open("a.ndjson", content, Format::Ndjson, columns, 100))
}

#[test]
fn every_type_takes_its_values_and_null() {
    let columns = [
        column("s", ColumnType::String, "$.s"),
        column("b", ColumnType::BigInt, "$.b"),
        column("d", ColumnType::Double, "$.d"),
        column("o", ColumnType::Boolean, "$.o"),
        column("t", ColumnType::Timestamp, "$.t"),
        column("a", ColumnType::Date, "$.a"),
        column("j", ColumnType::Json, "$.j"),
        column("c", ColumnType::Decimal { precision: 5, scale: 2 }, "$.c"),
    ];
    let content = concat!(
        r#"{"s":"a\u00e9\ud800","b":1,"d":1.5,"o":true,"t":"2015-01-01T00:00:00Z","a":"2015-01-01","j":"x","c":1.005}"#,
        "\r\n",
        r#"{"s":[1, 2],"b":"2","d":"-2e3","o":false,"t":1420070400,"a":"2015-01-01T23:00:00-05:00","j":{"k": 1},"c":"12.3"}"#,
        "\n\n",
        r#"{"s":12345678901234567890.10,"b":3.0,"d":7,"o":"TRUE","t":"2015-01-01 00:00:00.5 UTC","j":[],"c":-1}"#,
        "\n",
        r#"{"s":null,"b":null,"d":null,"o":null,"t":null,"a":null,"j":null,"c":null}"#,
        "\n{}"
    );
    assert_eq!(
        ndjson(content, &columns),
        "\
+-------------------------+---+---------+-------+--------------------------+------------+----------+-------+
| s                       | b | d       | o     | t                        | a          | j        | c     |
+-------------------------+---+---------+-------+--------------------------+------------+----------+-------+
| aé\u{fffd}                     | 1 | 1.5     | true  | 2015-01-01T00:00:00Z     | 2015-01-01 | \"x\"      | 1.01  |
| [1, 2]                  | 2 | -2000.0 | false | 2015-01-01T00:00:00Z     | 2015-01-02 | {\"k\": 1} | 12.30 |
| 12345678901234567890.10 | 3 | 7.0     | true  | 2015-01-01T00:00:00.500Z |            | []       | -1.00 |
|                         |   |         |       |                          |            |          |       |
|                         |   |         |       |                          |            |          |       |
+-------------------------+---+---------+-------+--------------------------+------------+----------+-------+"
    );
}

#[test]
fn nested_types_and_paths_with_each() {
    let message = ColumnType::Struct(vec![("m".to_owned(), ColumnType::String), ("n".to_owned(), ColumnType::Int)]);
    let columns = [
        column("messages", ColumnType::String, "$.c[*].m"),
        column("numbers", ColumnType::List(Box::new(ColumnType::Int)), "$.c[*].n"),
        column("c", ColumnType::List(Box::new(message)), "$.c"),
        column("raw", ColumnType::String, "$"),
    ];
    let content = "{\"c\":[{\"m\":\"x\",\"n\":1},{\"m\":null,\"z\":[{}]},{\"n\":3}]} \n{\"c\":[]}\n {\"c\":null}\n{\"c\":[{\"n\":\"no\"}]}";
    assert_eq!(
        ndjson(content, &columns),
        "\
+----------+----------+-----------------------------------------+------------------------------------------------------+
| messages | numbers  | c                                       | raw                                                  |
+----------+----------+-----------------------------------------+------------------------------------------------------+
| [x, , ]  | [1, , 3] | [{m: x, n: 1}, {m: , n: }, {m: , n: 3}] | {\"c\":[{\"m\":\"x\",\"n\":1},{\"m\":null,\"z\":[{}]},{\"n\":3}]}  |
| []       | []       | []                                      | {\"c\":[]}                                             |
|          |          |                                         |  {\"c\":null}                                          |
+----------+----------+-----------------------------------------+------------------------------------------------------+
4: column `numbers[*]`: expected int, found \"no\" <- {\"c\":[{\"n\":\"no\"}]}"
    );
}

#[test]
fn what_is_not_a_record_is_rejected_whole_with_its_line_and_reason() {
    let columns = [
        column("s", ColumnType::String, "$.s"),
        column("x", ColumnType::BigInt, "$.x"),
        column("raw", ColumnType::String, "$"),
    ];
    let mut content = b"\xef\xbb\xbf{\"s\":\"long enough to be copied\",\"x\":\"abc\"}\n{\"x\":1.5}\n{\"x\":9223372036854775808}\n\n{\"x\":{}}\n{\"x\":1}}\n{\"x\":1,}\n[1]\nhello\n{\"s\":\"a".to_vec();
    content.extend(b"\n{\"s\":\"\xff\"}\n{\"s\":\"\\u12\"}\n{\"x\":1}\n");
    assert_eq!(
        transcript(open("a.ndjson", content, Format::Ndjson, &columns, 100)),
        "\
+---+---+---------+
| s | x | raw     |
+---+---+---------+
|   | 1 | {\"x\":1} |
+---+---+---------+
1: column `x`: expected bigint, found \"abc\" <- {\"s\":\"long enough to be copied\",\"x\":\"abc\"}
2: column `x`: expected bigint, found 1.5 <- {\"x\":1.5}
3: column `x`: expected bigint, found 9223372036854775808 <- {\"x\":9223372036854775808}
5: column `x`: expected bigint, found {} <- {\"x\":{}}
6: malformed JSON at byte 7: trailing characters <- {\"x\":1}}
7: malformed JSON at byte 7: expected a key <- {\"x\":1,}
8: expected a JSON object <- [1]
9: malformed JSON at byte 0: expected a value <- hello
10: malformed JSON at byte 7: unexpected end <- {\"s\":\"a
11: invalid UTF-8 at byte 6 <- {\"s\":\"\u{fffd}\"}
12: malformed JSON at byte 6: invalid escape in a string <- {\"s\":\"\\u12\"}"
    );
}

#[test]
fn a_document_is_read_record_by_record() {
    let columns = [column("x", ColumnType::Int, "$.x"), column("raw", ColumnType::String, "$")];
    let document = |content: &str| transcript(open("a.json", content, Format::Json, &columns, 100));
    let rows = "\
+---+----------+
| x | raw      |
+---+----------+
| 1 | {\"x\":1}  |
| 2 | {\"x\": 2} |
+---+----------+";
    assert_eq!(document(" [ {\"x\":1} ,\n{\"x\": 2} ]\n"), rows);
    assert_eq!(document("{\"x\":1}\n{\"x\": 2}"), rows);
    assert_eq!(
        document("[{\"x\":1},{\"x\":\"no\"},7,{\"x\": 2}]"),
        format!(
            "{rows}\n1: column `x`: expected int, found \"no\" <- {{\"x\":\"no\"}}\n1: expected a JSON object <- 7"
        )
    );
    assert_eq!(
        document("[{\"x\":1},{\"x\": 2}\n,{\"x\":}, {}]"),
        format!("{rows}\n2: malformed JSON at byte 5: expected a value <- {{\"x\":}}, {{}}]")
    );
    assert_eq!(document("[{\"x\":1},{\"x\": 2}"), format!("{rows}\n1: the document ends inside its array <- "));
    assert_eq!(
        document("[{\"x\":1},{\"x\": 2}] nonsense"),
        format!("{rows}\n1: malformed JSON at byte 0: expected a value <- nonsense")
    );
    assert_eq!(document("[{\"x\":1},{\"x\": 2},"), format!("{rows}\n1: the document ends inside its array <- "));
}

#[test]
fn csv_columns_are_found_by_name() {
    let columns = [
        column("amount", ColumnType::Double, "$.Amount"),
        column("id", ColumnType::BigInt, "$.id"),
        column("tags", ColumnType::List(Box::new(ColumnType::String)), "$.tags"),
        column("absent", ColumnType::String, "$.absent"),
    ];
    let content = "\u{feff}ID,Amount,tags\n1,1.5,\"[\"\"a\"\",\"\"b\nc\"\"]\"\n2,,\nx,1,\n3,1\n";
    assert_eq!(
        transcript(open("a.csv", content, Format::Csv, &columns, 100)),
        "\
+--------+----+------+--------+
| amount | id | tags | absent |
+--------+----+------+--------+
|        | 2  |      |        |
+--------+----+------+--------+
2: column `tags`: malformed JSON: control character in a string <- 1,1.5,\"[\"\"a\"\",\"\"b\nc\"\"]\"
5: column `id`: expected bigint, found \"x\" <- x,1,
6: expected 3 fields, found 2 <- 3,1"
    );
}

#[test]
fn text_is_a_line_a_row() {
    let columns = [column("value", ColumnType::String, "$.value")];
    assert_eq!(
        transcript(open("a.txt", b"one\r\n\ntwo \xff\nthree".to_vec(), Format::Text, &columns, 2)),
        "\
+-------+
| value |
+-------+
| one   |
|       |
| three |
+-------+
3: invalid UTF-8 at byte 4 <- two \u{fffd}"
    );
}

#[test]
fn a_record_comes_whole_wherever_a_chunk_ends() {
    let columns = [column("s", ColumnType::String, "$.s"), column("raw", ColumnType::String, "$")];
    for (format, open_with, between, close_with) in [(Format::Ndjson, "", "\n", ""), (Format::Json, "[", ",", "]")] {
        for shift in 0..160 {
            let lines: Vec<String> =
                (0..9).map(|row| format!("{{\"s\":\"é\\u00e9 {}\",\"n\":{row}}}", "ü".repeat(row * 13 % 40))).collect();
            let content = format!("{}{open_with}{}{close_with}", " ".repeat(shift), lines.join(between));
            let mut raw = Vec::new();
            for page in open("a", content, format, &columns, 4) {
                let page = page.unwrap();
                assert!(page.rejected.is_empty() && page.batch.num_rows() <= 4, "{:?}", page.rejected);
                let strings =
                    page.batch.column(1).as_any().downcast_ref::<datafusion::arrow::array::StringViewArray>().unwrap();
                raw.extend(strings.iter().map(|line| line.unwrap().trim_start().to_owned()));
            }
            assert_eq!(raw, lines, "shifted by {shift}");
        }
    }
}

#[test]
fn numbers_at_the_end_of_a_chunk_are_whole() {
    let columns = [column("raw", ColumnType::String, "$")];
    for shift in 0..80 {
        let content = format!("{}[1234567890,12,{}]", " ".repeat(shift), "9".repeat(150));
        let rows: Vec<Page> = open("a", content, Format::Json, &columns, 100).map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[0].batch.num_rows(), rows[0].rejected.len()), (1, 3, 0));
    }
}

#[test]
fn a_file_cut_short_gives_the_rows_before_the_damage_and_then_the_error() {
    let columns = [column("x", ColumnType::BigInt, "$.x")];
    let lines: Vec<String> =
        (0..20_000u64).map(|row| format!("{{\"x\":{}}}", row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1)).collect();
    let content = lines.join("\n") + "\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    for (name, whole) in [("a.ndjson.gz", gzip), ("a.ndjson.zst", zstd::encode_all(content.as_bytes(), 1).unwrap())] {
        let count = |bytes: &[u8]| {
            let (mut rows, mut rejected, mut error) = (0, 0, None);
            for page in open(name, bytes, Format::Ndjson, &columns, 1000) {
                match page {
                    Ok(page) => (rows, rejected) = (rows + page.batch.num_rows(), rejected + page.rejected.len()),
                    Err(found) => error = Some(found.to_string()),
                }
            }
            (rows, rejected, error)
        };
        assert_eq!(count(&whole), (20_000, 0, None));
        assert_eq!(count(&[whole.clone(), whole.clone()].concat()), (40_000, 0, None));
        let (rows, rejected, error) = count(&whole[..whole.len() / 2]);
        assert!((1000..20_000).contains(&rows), "{rows}");
        assert_eq!((rejected, error), (0, Some(format!("cannot read `{name}`"))));
    }
}

#[test]
fn random_values_are_what_serde_json_says() {
    let columns = [
        column("ab", ColumnType::Json, "$.a.b"),
        column("c", ColumnType::String, "$.c"),
        column("d", ColumnType::Json, "$.d[*].a"),
        column("raw", ColumnType::Json, "$"),
    ];
    let mut random = Random(42);
    for round in 0..6_000 {
        let mut line = object(&mut random, 4).into_bytes();
        if round % 2 == 0 {
            let at = random.below(line.len());
            line[at] = b"{}[]\",:\\0e-.tn u\x01\xc3"[random.below(18)];
        }
        let text = str::from_utf8(&line).unwrap_or("");
        let sound = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() && text.starts_with('{');
        let pages: Vec<Page> = open("a", line.clone(), Format::Ndjson, &columns, 10).map(Result::unwrap).collect();
        let shown = String::from_utf8_lossy(&line).into_owned();
        assert_eq!(pages.first().map(|page| page.batch.num_rows()), Some(usize::from(sound)), "{shown} {pages:?}");
        let (true, Ok(expected)) = (sound, serde_json::from_str::<Value>(text)) else { continue };
        let found = |at: usize| {
            let array = datafusion::arrow::util::display::array_value_to_string(pages[0].batch.column(at), 0).unwrap();
            (!pages[0].batch.column(at).is_null(0)).then_some(array)
        };
        let json = |text: Option<String>| text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        assert_eq!(json(found(0)), expected["a"]["b"], "{shown}");
        match &expected["c"] {
            Value::String(string) => assert_eq!(found(1).as_ref(), Some(string), "{shown}"),
            other => assert_eq!(&json(found(1)), other, "{shown}"),
        }
        assert_eq!(found(2).is_some(), expected["d"].is_array(), "{shown}");
        assert_eq!(found(3).as_deref(), Some(text.trim_end_matches('\r')), "{shown}");
    }
}

/// A generator that needs no crate.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let members: Vec<String> = (0..random.below(6))
        .map(|_| {
            let key = ["a", "b", "c", "d", "\\u0061", "a_longer_key_than_eight"][random.below(6)];
            let space = ["", "", " ", "\t"][random.below(4)];
            format!("\"{key}\"{space}:{space}{}", any(random, depth - 1))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn any(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => "null".to_owned(),
        1 => ["true", "false"][random.below(2)].to_owned(),
        2 => ["0", "-1", "1.50", "1e3", "-0.1E-2", "123456789"][random.below(6)].to_owned(),
        3 => format!("\"{}\"", "word ".repeat(random.below(30))),
        4 => ["\"\\n\\u00e9\\ud83d\\ude00\"", "\"é\\\\\"", "\"\""][random.below(3)].to_owned(),
        5 => format!("\"\\\"{}\"", "ü".repeat(random.below(40))),
        6 | 7 => format!("[{}]", (0..random.below(4)).map(|_| any(random, depth - 1)).collect::<Vec<_>>().join(", ")),
        _ => object(random, depth),
    }
}

#[test]
fn a_real_hour_is_complete() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/gharchive/2015-01-01-0.json.gz");
    // The data lies beside the repository only where it is developed.
    let Ok(bytes) = std::fs::read(path) else { return };
    let columns = [
        column("id", ColumnType::BigInt, "$.id"),
        column("created_at", ColumnType::Timestamp, "$.created_at"),
        column("messages", ColumnType::String, "$.payload.commits[*].message"),
        column("raw", ColumnType::String, "$"),
    ];
    let pages: Vec<Page> = open("a.gz", bytes, Format::Ndjson, &columns, 4096).map(Result::unwrap).collect();
    assert_eq!(pages.iter().map(|page| page.batch.num_rows()).sum::<usize>(), 7702);
    assert_eq!(pages.iter().map(|page| page.rejected.len()).sum::<usize>(), 0);
    assert!(pages.iter().all(|page| page.batch.column(1).null_count() == 0));
}
