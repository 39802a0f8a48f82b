//! What the Delta log of a table says, of which tests know more than its readers do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::project::TestProject;

/// Whether `bronze/events` has a first commit.
pub fn is_table(project: &TestProject, relation: &str) -> bool {
    project.path(&format!("warehouse/{relation}/_delta_log/00000000000000000000.json")).exists()
}

/// All actions of a kind, from the first commit on.
pub fn actions(project: &TestProject, relation: &str, kind: &str) -> Vec<Value> {
    if !is_table(project, relation) {
        return Vec::new();
    }
    let commits = (0..=project.version(relation)).flat_map(|version| project.commit(relation, version));
    commits.filter_map(|mut action| action.get_mut(kind).map(Value::take)).collect()
}

/// The positions as they stand in the newest version: `engine/raw.events/0/1.json` and what was noted of it.
pub fn positions(project: &TestProject, relation: &str) -> BTreeMap<String, i64> {
    let transactions = actions(project, relation, "txn");
    transactions.iter().map(|txn| (text(&txn["appId"]), txn["version"].as_i64().unwrap())).collect()
}

/// The files of the newest version.
pub fn live_files(project: &TestProject, relation: &str) -> BTreeSet<String> {
    let mut files: BTreeSet<String> =
        actions(project, relation, "add").iter().map(|added| text(&added["path"])).collect();
    for removed in actions(project, relation, "remove") {
        files.remove(&text(&removed["path"]));
    }
    files
}

/// Names and types of the columns, as the log declares them.
pub fn columns(project: &TestProject, relation: &str) -> BTreeMap<String, Value> {
    let metadata = actions(project, relation, "metaData").pop().unwrap();
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
    let fields = schema["fields"].as_array().unwrap().iter();
    fields.map(|field| (text(&field["name"]), field["type"].clone())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
