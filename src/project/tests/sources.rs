//! Sources as they are read, and what is said of mistakes in them.

use super::*;

#[test]
fn sources_are_read_from_the_root_and_from_beside_the_models() {
    let root = "
sources:
  - name: github
    description: public
    meta: {owner: a}
    tables:
      - name: archive
        tags: raw
        files: {path: \"{{ var('path') }}\", per_commit: 5, storage_options: {KEY: secret, EMPTY: \"\"}}
        format: ndjson
        columns:
          - {name: id, type: string, data_tests: [not_null]}
          - {name: messages, type: \"text[]\", path: \"$.payload.commits[*].message\"}
";
    let beside = "
sources:
  - name: lake
    tables:
      - {name: orders, external: {location: data/orders.parquet}}
      - {name: items, location: \"s3://lake/items\", storage_options: {KEY: secret}}
";
    let (project, warnings) = good(&[
        ("project.yaml", "name: shop\nvars: {path: 'data/*.json.gz'}\nsources: {github: {+tags: all}}\n"),
        ("sources.yaml", root),
        ("models/bronze/lake.yml", beside),
    ]);
    assert_eq!(warnings, "");
    let [archive, orders, items] = project.sources.as_slice() else { panic!("{:?}", project.sources.len()) };
    assert_eq!(
        (archive.tags.as_slice(), archive.meta["owner"].as_str()),
        (["all", "raw"].map(str::to_owned).as_slice(), Some("a"))
    );
    assert_eq!(archive.columns[1].data_type.as_deref(), Some("list<string>"));
    let TableReader::Files(files) = &archive.reader else { panic!("{:?}", archive.reader) };
    assert_eq!((files.path.as_str(), files.per_commit, files.columns.len()), ("data/*.json.gz", Some(5), 2));
    assert_eq!(files.columns[1].path.to_string(), "$.payload.commits[*].message");
    assert_eq!(files.storage_options.len(), 1);
    let reader = |table: &SourceTable| format!("{:?}", table.reader);
    assert_eq!(reader(orders), r#"Table { location: "data/orders.parquet", format: Parquet, storage_options: {} }"#);
    assert_eq!(
        reader(items),
        r#"Table { location: "s3://lake/items", format: Delta, storage_options: {"KEY": "***"} }"#
    );
}

#[test]
fn mistakes_in_sources_are_told_together() {
    let yaml = "
connections:
  github: {http: {base_url: x}}
sources:
  - name: github
    tables:
      - {name: events, http: {connection: github}, poll: {every: 3s}}
      - {name: nowhere}
      - {name: windows, files: {path: a.csv}, window: {every: 1h}}
      - {name: unknown, files: {path: a.json}}
      - {name: twice, files: {path: a.csv}, location: b}
      - name: archive
        files: {path: 'a/*.json', percommit: 5}
        format: ndjsn
      - name: typed
        files: {path: a.ndjson}
        columns:
          - {name: a}
          - {name: b, type: list<sting>}
          - {name: c, type: int, path: 'x.y'}
          - {name: d, type: int, path: '$.y[*]'}
      - {name: table, location: a.parquet, format: orc}
      - {name: events, location: a.parquet}
      - {name: events, location: b.parquet}
";
    insta::assert_snapshot!(mistakes(&[("sources.yaml", yaml)]), @"
    error[E0103]: `base_url` is not a URL that can be used
     --> sources.yaml:3:29
      |
    3 |   github: {http: {base_url: x}}
      |                             ^ expected `https://host/...`

    error[E0103]: `http` needs `path`
     --> sources.yaml:7:31
      |
    7 |       - {name: events, http: {connection: github}, poll: {every: 3s}}
      |                               ^^^^^^^^^^ `path` is missing

    error[E0103]: nothing says where `github.nowhere` is read from
     --> sources.yaml:8:16
      |
    8 |       - {name: nowhere}
      |                ^^^^^^^ neither `files`, `http`, `kafka` nor `location`
      |
      = hint: add `files: {path: ...}` to read files, `http:` to ask a service, `kafka:` to read a topic, or `location:` for an existing table

    error[E0103]: `window` has a meaning for `http` only
     --> sources.yaml:9:47
      |
    9 |       - {name: windows, files: {path: a.csv}, window: {every: 1h}}
      |                                               ^^^^^^ this table is not read over HTTP

    error[E0103]: `files` needs a `format` beside it
      --> sources.yaml:10:39
       |
    10 |       - {name: unknown, files: {path: a.json}}
       |                                       ^^^^^^ the name does not say what is inside
       |
       = hint: expected `ndjson`, `json`, `document`, `csv`, `parquet` or `text`

    error[E0103]: `github.twice` is read from two places
      --> sources.yaml:11:45
       |
    11 |       - {name: twice, files: {path: a.csv}, location: b}
       |                       ----- from here       ^^^^^^^^ and from here
       |
       = hint: keep one

    error[E0103]: unknown key `percommit` in `files`
      --> sources.yaml:13:35
       |
    13 |         files: {path: 'a/*.json', percommit: 5}
       |                                   ^^^^^^^^^ not a setting
       |
       = hint: did you mean `per_commit`?

    error[E0103]: unknown format `ndjsn`
      --> sources.yaml:14:17
       |
    14 |         format: ndjsn
       |                 ^^^^^ not a format that can be read here
       |
       = hint: did you mean `ndjson`?

    error[E0103]: unknown type `sting`
      --> sources.yaml:19:34
       |
    19 |           - {name: b, type: list<sting>}
       |                                  ^^^^^ in the type `list<sting>`
       |
       = hint: did you mean `string`?

    error[E0103]: a path begins with `$`
      --> sources.yaml:20:41
       |
    20 |           - {name: c, type: int, path: 'x.y'}
       |                                         ^^^ in the path `x.y`

    error[E0103]: column `a` needs a `type`
      --> sources.yaml:18:20
       |
    18 |           - {name: a}
       |                    ^ `type` is missing
       |
       = hint: `string` takes any value as it is written

    error[E0103]: column `d` is a list: its path holds `[*]`
      --> sources.yaml:21:40
       |
    21 |           - {name: d, type: int, path: '$.y[*]'}
       |                                        ^^^^^^^^ finds any number of values
       |
       = hint: declare it `list<int>`, or take one element with `[0]`

    error[E0103]: unknown format `orc`
      --> sources.yaml:22:52
       |
    22 |       - {name: table, location: a.parquet, format: orc}
       |                                                    ^^^ not a format that can be read here
       |
       = hint: expected `delta`, `parquet`, `csv` or `json`

    error[E0104]: source table `github.events` is declared twice
      --> sources.yaml:24:16
       |
    23 |       - {name: events, location: a.parquet}
       |                ------ first declared here
    24 |       - {name: events, location: b.parquet}
       |                ^^^^^^ declared again here
    ");
}
