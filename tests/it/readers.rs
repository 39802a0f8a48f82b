//! What other readers of Delta make of our tables: the same rows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::environment::{python, skipped};
use crate::project::TestProject;

/// From `PyPI`; `DuckDB`'s own extension comes as a package of the same version.
const PACKAGES: &[&str] =
    &["deltalake==1.6.6", "pyarrow==26.0.1", "polars==2.1.0", "duckdb==1.5.5", "duckdb-extension-delta==1.5.5"];

fn readers() -> Option<&'static PathBuf> {
    static READERS: OnceLock<Option<PathBuf>> = OnceLock::new();
    READERS.get_or_init(|| python("readers", PACKAGES)).as_ref()
}

/// The rows of relations by each reader in turn, ordered by `id`; `None` where there are no readers.
fn read(project: &TestProject, relations: &[&str]) -> Option<Vec<(&'static str, Vec<Value>)>> {
    let Some(python) = readers() else {
        skipped("reading tables by others", &format!("no Python, or no PyPI to install {PACKAGES:?} from"));
        return None;
    };
    let script = project.path("readers.py");
    fs::write(&script, include_str!("readers.py")).unwrap();
    let folders = relations.iter().map(|relation| project.path(&format!("warehouse/{relation}")));
    let folders: Vec<PathBuf> = folders.collect();
    let tables = |package| {
        let output = Command::new(python).arg(&script).args([package, "id"]).args(&folders).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{package} cannot read {relations:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    Some(["deltalake", "polars", "duckdb"].map(|package| (package, tables(package))).into())
}

const ALL_TYPES: &str = r"{{ config(materialized='table', partition_by='p') }}
select id,
    case when id = 1 then true end as yes,
    cast(id as smallint) as small, cast(id as int) as whole, cast(id as tinyint) as tiny,
    cast(1.5 as float) as single, case when id = 1 then 1e300 end as double,
    case when id = 1 then cast('-12345678901234567890.123' as decimal(38, 3)) end as amount,
    case when id = 1 then 'Größe 日本 🚀' when id = 2 then '' end as text,
    case when id = 1 then arrow_cast('bytes', 'Binary') end as bytes,
    case when id = 1 then date '1969-12-31' end as day,
    case when id = 1 then timestamp '2026-01-02 03:04:05.123456' end as at,
    case when id = 1 then ['a', null, ''] when id = 2 then [] end as words,
    case when id = 1 then named_struct('n', 1, 'inner', named_struct('list', [1, null], 's', 'x')) end as nested,
    case when id = 1 then [named_struct('message', 'm')] end as commits,
    arrow_cast(200 + id, 'UInt8') as unsigned,
    null as nothing,
    case when id = 1 then 'x y/z=ü%20' when id = 2 then null when id = 3 then '' else 'plain' end as p
from (values (1), (2), (3), (4)) as t(id)
";

#[test]
fn all_types_are_read_by_others() {
    let project = TestProject::new().file("models/gold/m.sql", ALL_TYPES);
    project.ok(&["run"]);
    let row = |id: u64, values: Value| {
        let mut row = json!({
            "id": id, "yes": null, "small": id, "whole": id, "tiny": id, "single": 1.5, "double": null, "amount": null, "text": null,
            "bytes": null, "day": null, "at": null, "words": null, "nested": null, "commits": null, "unsigned": 200 + id,
            "nothing": null, "p": null,
        });
        row.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        row
    };
    let expected = json!([
        row(
            1,
            json!({
                "yes": true, "double": 1e300, "amount": "-12345678901234567890.123", "text": "Größe 日本 🚀", "bytes": "6279746573",
                "day": "1969-12-31", "at": "2026-01-02T03:04:05.123456+00:00", "words": ["a", null, ""],
                "nested": {"n": 1, "inner": {"list": [1, null], "s": "x"}}, "commits": [{"message": "m"}], "p": "x y/z=ü%20",
            })
        ),
        row(2, json!({"text": "", "words": []})),
        row(3, json!({})),
        row(4, json!({"p": "plain"})),
    ]);
    for (reader, tables) in read(&project, &["gold/m"]).into_iter().flatten() {
        assert_eq!(tables[0], expected, "{reader}");
    }
}

#[test]
fn tables_that_were_changed_are_read_by_others() {
    let project = TestProject::new()
        .file(
            "models/gold/merged.sql",
            "{{ config(materialized='incremental', unique_key='id', partition_by='p', table_properties={'delta.checkpointInterval': '2'}) }}\n\
             {% if is_incremental() %}select * from (values (2, 'new', 'b'), (3, 'new', null), (4, 'new', 'ü')) as t(id, v, p)\n\
             {% else %}select * from (values (1, 'old', 'a'), (2, 'old', 'a'), (3, 'old', null)) as t(id, v, p){% endif %}",
        )
        .file(
            "models/gold/updated.sql",
            "{{ config(materialized='incremental', unique_key='id', merge_update_columns=['v']) }}\n\
             {% if is_incremental() %}select 2 as id, 'new' as v, 'new' as w {% else %}\n\
             select * from (values (1, 'old', 'old'), (2, 'old', 'old')) as t(id, v, w){% endif %}",
        )
        .file(
            "models/gold/overwritten.sql",
            "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by=['day', 'yes', 'at']) }}\n\
             select {% if is_incremental() %}10 +{% endif %} id as id, date '2026-01-02' as day, id = 1 as yes, \
             timestamp '2026-01-02 03:04:05.25' as at from (values (1), (2)) as t(id) {% if is_incremental() %}where id = 2{% endif %}",
        )
        .file("models/gold/emptied.sql", "{{ config(materialized='table') }}\nselect 1 as id, 'x' as v where {{ var('keep', 'true') }}");
    project.ok(&["run"]);
    for _ in 0..3 {
        project.ok(&["run", "--vars", "{keep: 'false'}"]);
    }
    let day =
        |id: u64| json!({"id": id, "day": "2026-01-02", "yes": id == 1, "at": "2026-01-02T03:04:05.250000+00:00"});
    let expected = [
        json!([
            {"id": 1, "v": "old", "p": "a"},
            {"id": 2, "v": "new", "p": "b"},
            {"id": 3, "v": "new", "p": null},
            {"id": 4, "v": "new", "p": "ü"},
        ]),
        json!([{"id": 1, "v": "old", "w": "old"}, {"id": 2, "v": "new", "w": "old"}]),
        json!([day(1), day(12)]),
        json!([]),
    ];
    let relations = ["gold/merged", "gold/updated", "gold/overwritten", "gold/emptied"];
    for (reader, tables) in read(&project, &relations).into_iter().flatten() {
        for ((relation, table), expected) in relations.iter().zip(&tables).zip(&expected) {
            assert_eq!(table, expected, "{relation} by {reader}");
        }
    }
}

#[test]
fn columns_that_changed_are_read_by_others() {
    let model = |strategy: &str| {
        format!(
            "{{{{ config(materialized='incremental', {strategy}, on_schema_change='sync_all_columns') }}}}\n\
             {{% if is_incremental() %}}select 2 as id, 'two' as v, 'new' as x\n\
             {{% else %}}select 1 as id, 1 as v, 'gone' as w union all select 2, 2, 'gone'{{% endif %}}"
        )
    };
    let project = TestProject::new()
        .file("models/gold/merged.sql", &model("unique_key='id'"))
        .file("models/gold/overwritten.sql", &model("incremental_strategy='insert_overwrite', partition_by='id'"));
    project.ok(&["run"]);
    project.ok(&["run"]);
    let expected = json!([{"id": 1, "v": "1", "x": null}, {"id": 2, "v": "two", "x": "new"}]);
    for (reader, tables) in read(&project, &["gold/merged", "gold/overwritten"]).into_iter().flatten() {
        assert_eq!(tables[0], expected, "merged by {reader}");
        assert_eq!(tables[1], expected, "overwritten by {reader}");
    }
}
