//! A warehouse and files in an S3 store: `SeaweedFS`, started by `scripts/services`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::environment::{UNAVAILABLE, repository, skipped};
use crate::project::{Ran, TestProject};

/// How many tests use the service now, and whether it is ours to stop.
static USERS: Mutex<(usize, bool)> = Mutex::new((0, false));

/// A warehouse in the bucket.
const PROJECT: &str = "name: shop\nversion: '1.0'\ntargets:\n  dev:\n    warehouse: \"s3://{{ env_var('LAKE_BUCKET') }}/{{ env_var('PLACE') }}/wh\"\n    \
     storage_options:\n      AWS_ENDPOINT_URL: \"{{ env_var('ENDPOINT') }}\"\n      AWS_ALLOW_HTTP: 'true'\n      \
     AWS_ACCESS_KEY_ID: \"{{ env_var('KEY') }}\"\n      AWS_SECRET_ACCESS_KEY: \"{{ env_var('SECRET') }}\"\n      AWS_REGION: us-east-1\n";

/// The running service; the last to drop it stops it.
pub struct Store {
    environment: Vec<(String, String)>,
}

fn services(command: &str) -> Option<String> {
    let output =
        Command::new(repository().join("scripts/services")).args([command, "s3"]).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        Ok(output) if command == "env" => {
            assert_eq!(output.status.code(), Some(1));
            None
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(UNAVAILABLE), "{said}");
            skipped("the tests of S3", &said);
            None
        }
        Err(error) => {
            skipped("the tests of S3", &format!("scripts/services cannot be run: {error}"));
            None
        }
    }
}

impl Store {
    pub fn start() -> Option<Self> {
        let mut users = USERS.lock().unwrap();
        if users.0 == 0 {
            users.1 = services("env").is_none();
        }
        let text = services("up")?;
        users.0 += 1;
        let environment = text.lines().filter_map(|line| line.split_once('='));
        Some(Self { environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() })
    }

    pub fn variable(&self, name: &str) -> &str {
        &self.environment.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Puts an object: `/lake/test-1/in/a.json`.
    fn put(&self, path: &str, content: &[u8]) {
        let url = self.variable("LAKE_FILES_URL").strip_prefix("http://").unwrap();
        let (host, bucket) = url.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "PUT /{bucket}/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            content.len()
        )
        .unwrap();
        stream.write_all(content).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// The project, with its warehouse below `place` in the bucket.
    pub fn holding(&self, project: TestProject, place: &str) -> TestProject {
        project
            .file("project.yaml", PROJECT)
            .env("PLACE", place)
            .env("LAKE_BUCKET", self.variable("LAKE_BUCKET"))
            .env("ENDPOINT", self.variable("AWS_ENDPOINT_URL"))
            .env("KEY", self.variable("AWS_ACCESS_KEY_ID"))
            .env("SECRET", self.variable("AWS_SECRET_ACCESS_KEY"))
    }

    /// A project whose warehouse and source lie below `place` in the bucket.
    fn project(&self, place: &str) -> TestProject {
        let project = TestProject::empty()
            .file(
                "sources.yaml",
                "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: events\n        files:\n          \
                 path: \"s3://{{ env_var('LAKE_BUCKET') }}/{{ env_var('PLACE') }}/in/*.json\"\n          per_commit: 2\n          storage_options:\n            \
                 AWS_ENDPOINT_URL: \"{{ env_var('ENDPOINT') }}\"\n            AWS_ALLOW_HTTP: 'true'\n            \
                 AWS_ACCESS_KEY_ID: \"{{ env_var('KEY') }}\"\n            AWS_SECRET_ACCESS_KEY: \"{{ env_var('SECRET') }}\"\n            AWS_REGION: us-east-1\n        \
                 format: ndjson\n        columns: [{name: id, type: bigint}, {name: name, type: string}]\n",
            )
            .file(
                "models/bronze/events.sql",
                "{{ config(materialized='incremental', incremental_strategy='append', partition_by='name') }}\n\
                 select id, name from {{ source('raw', 'events') }}",
            );
        self.holding(project, place)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut users = USERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        users.0 -= 1;
        if users.0 == 0 && users.1 {
            services("down");
        }
    }
}

/// A place of its own in the bucket.
pub fn place(test: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    format!("{test}-{}", folder.path().file_name().unwrap().to_string_lossy().trim_start_matches('.'))
}

fn ids(project: &TestProject) -> Vec<u64> {
    let rows = project.rows("select id from bronze.events order by id");
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_warehouse_in_s3() {
    let Some(store) = Store::start() else { return };
    let place = place("warehouse");
    let project = store
        .project(&place)
        .file("seeds/names.csv", "name,label\na b/ü,first\nc,second\n")
        .file(
            "models/silver/labels.sql",
            "select e.id, n.label from {{ ref('events') }} e left join {{ ref('names') }} n using (name)",
        )
        .file(
            "models/silver/latest.sql",
            "{{ config(materialized='incremental', unique_key='name', partition_by='name') }}\n\
             select name, max(id) as id, count(*) as n from {{ ref('events') }} group by name",
        )
        .file(
            "models/gold/totals.sql",
            "{{ config(materialized='table') }}\nselect label, count(*) as n from {{ ref('labels') }} group by label",
        );
    store.put(
        &format!("{place}/in/1.json"),
        b"{\"id\": 1, \"name\": \"a b/\xc3\xbc\"}\n{\"id\": 2, \"name\": \"c\"}\nbroken\n",
    );
    store.put(&format!("{place}/in/2.json"), b"{\"id\": 3, \"name\": \"a b/\xc3\xbc\"}\n");
    store.put(&format!("{place}/in/other.txt"), b"not asked for");
    store.put(&format!("{place}/in/10.json"), b"{\"id\": 4}\n");
    project.ok(&["build"]);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    assert_eq!(
        project.rows("select raw, _source, _line from bronze.events__rejected"),
        [json!({"raw": "broken", "_source": "1.json", "_line": 3})]
    );
    let totals = "select label, n from gold.totals order by label";
    assert_eq!(
        Value::from(project.rows(totals)),
        json!([{"label": "first", "n": 2}, {"label": "second", "n": 1}, {"label": null, "n": 1}])
    );

    // Again: nothing new, and what is built anew is the same.
    let again = project.ok(&["run"]);
    assert!(again.stderr.contains("append 0 rows"), "{again}");
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    store.put(&format!("{place}/in/11.json"), b"{\"id\": 5, \"name\": \"c\"}\n");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
    assert_eq!(
        Value::from(project.rows("select name, id, n from silver.latest order by id")),
        // A key that is NULL matches nothing: one row more for each run.
        json!([
            {"name": "a b/ü", "id": 3, "n": 2},
            {"name": null, "id": 4, "n": 1},
            {"name": null, "id": 4, "n": 1},
            {"name": null, "id": 4, "n": 1},
            {"name": "c", "id": 5, "n": 2},
        ])
    );

    // A view in place of a table, a table in place of a view.
    project.write(
        "models/gold/totals.sql",
        "{{ config(materialized='view') }}\nselect label, count(*) as n from {{ ref('labels') }} group by label",
    );
    project.write(
        "models/silver/labels.sql",
        "{{ config(materialized='table') }}\nselect id, upper(name) as label from {{ ref('events') }} where name is not null",
    );
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(Value::from(project.rows(totals)), json!([{"label": "A B/Ü", "n": 2}, {"label": "C", "n": 2}, ]));
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
    assert_eq!(project.value("select count(*) from silver.latest"), json!(3));
}

#[test]
fn processes_that_race_in_s3_read_every_file_once() {
    let Some(store) = Store::start() else { return };
    let place = place("race");
    let project = store.project(&place);
    for round in 0..3 {
        for file in 0..4 {
            let id = round * 4 + file;
            store.put(
                &format!("{place}/in/{id}.json"),
                format!("{{\"id\": {id}, \"name\": \"n\"}}\nbroken {id}\n").as_bytes(),
            );
        }
        // No lock reaches from one machine to another: the conditional put of the commit decides.
        let start =
            || project.command(&["run", "--quiet"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ran = [start(), start(), start()].map(|child| Ran::new(&child.wait_with_output().unwrap(), project.root()));
        for ran in &ran {
            assert!(ran.code == 0 || ran.stderr.starts_with("error[E0606]: `bronze.events"), "{ran}");
        }
        project.ok(&["run"]);
        assert_eq!(ids(&project), (0..(round + 1) * 4).collect::<Vec<u64>>(), "round {round}");
        let rejected =
            project.rows("select raw, count(*) as n from bronze.events__rejected group by raw having count(*) > 1");
        assert_eq!(rejected, Vec::<Value>::new(), "round {round}");
    }
}

#[test]
fn wrong_keys_are_told() {
    let Some(store) = Store::start() else { return };
    let project = store.project(&place("keys")).env("SECRET", "not-the-secret");
    let ran = project.run(&["run", "--quiet"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(
        ran.stderr.starts_with("error[E0601]: the warehouse of target `dev` cannot be reached\n --> project.yaml:5:16"),
        "{ran}"
    );
    assert!(ran.stderr.contains("SignatureDoesNotMatch"), "{ran}");
    assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("not-the-secret"), "{ran}");
}
