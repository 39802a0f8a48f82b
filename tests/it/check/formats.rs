//! What programs read: JSON, and SARIF as code hosts take it.

use serde_json::{Value, json};

use crate::mistakes::orders_and;
use crate::project::TestProject;

/// What a format says, parsed, and the exit code.
fn said(project: &TestProject, arguments: &[&str]) -> (Value, i32) {
    let ran = project.run(&[&["check"], arguments].concat());
    assert_eq!(ran.stderr, "", "{ran}");
    (serde_json::from_str(&ran.stdout).expect("one document"), ran.code)
}

/// The results of SARIF, after a look at what is around them.
fn results(project: &TestProject, arguments: &[&str]) -> Vec<Value> {
    let (sarif, _) = said(project, &[&["--format", "sarif"], arguments].concat());
    assert_eq!(sarif["version"], "2.1.0");
    let runs = sarif["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "engine");
    let rules: Vec<&Value> = driver["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    let results = runs[0]["results"].as_array().unwrap().clone();
    for result in &results {
        assert!(rules.contains(&&result["ruleId"]), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{result}");
    }
    results
}

fn wrong() -> TestProject {
    orders_and("select\n  'größe 🚀' as label, amont\nfrom {{ ref('orders') }}\n")
        .file("models/models.yml", "models:\n  - name: ordrs\n    description: All of them.\n")
}

#[test]
fn json_is_one_object_with_every_mistake() {
    let (mut told, code) = said(&wrong(), &["--format", "json"]);
    assert_eq!(code, 2);
    assert!(told["seconds"].take().is_f64());
    assert_eq!(
        told,
        json!({
            "models": 2,
            "tests": 0,
            "errors": 1,
            "not_bound": [],
            "seconds": null,
            "diagnostics": [
                {
                    "code": "E0403",
                    "severity": "error",
                    "message": "no column named `amont`",
                    "file": "models/gold/revenue.sql",
                    "place": {"line": 2, "column": 23, "end_line": 2, "end_column": 28, "text": ""},
                    "related": [],
                    "notes": [],
                    "hints": ["did you mean `amount`?"],
                },
                {
                    "code": "E0107",
                    "severity": "warning",
                    "message": "no model is called `ordrs`",
                    "file": "models/models.yml",
                    "place": {"line": 2, "column": 11, "end_line": 2, "end_column": 16, "text": "these properties describe nothing"},
                    "related": [],
                    "notes": [],
                    "hints": ["did you mean `orders`?"],
                },
            ],
        })
    );
}

#[test]
fn json_of_a_right_project_has_no_diagnostics() {
    let project = orders_and("select amount\nfrom {{ ref('orders') }}\n");
    let (told, code) = said(&project, &["--format", "json"]);
    assert_eq!((code, &told["errors"], &told["diagnostics"]), (0, &json!(0), &json!([])));
}

#[test]
fn json_names_what_could_not_be_bound() {
    let project = orders_and(
        "{% set rows = run_query('select id from ' ~ ref('orders')) %}\nselect {{ rows.rows | length }} as n\n",
    );
    let (told, code) = said(&project, &["--format", "json"]);
    assert_eq!((code, &told["not_bound"]), (0, &json!(["model.shop.revenue"])));
}

#[test]
fn json_of_a_project_that_cannot_be_loaded() {
    let project = orders_and("select *\nfrom {{ ref('ordres') }}\n");
    let (told, code) = said(&project, &["--format", "json"]);
    assert_eq!(code, 2);
    let found = &told["diagnostics"][0];
    assert_eq!((&found["code"], &found["place"]["line"]), (&json!("E0301"), &json!(2)));
}

#[test]
fn a_log_in_json_has_the_same() {
    let ran = wrong().run(&["check", "--log-format", "json"]);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = lines.iter().find(|line| line["event"] == "check").unwrap();
    assert_eq!((ran.code, &told["errors"], &told["diagnostics"][0]["code"]), (2, &json!(1), &json!("E0403")));
}

#[test]
fn sarif_has_a_rule_a_level_and_a_place() {
    let results = results(&wrong(), &[]);
    assert_eq!(
        results,
        [
            // Columns are characters, not bytes.
            json!({
                "ruleId": "E0403",
                "level": "error",
                "message": {"text": "no column named `amont`\ndid you mean `amount`?"},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": "models/gold/revenue.sql"},
                    "region": {"startLine": 2, "startColumn": 23, "endLine": 2, "endColumn": 28},
                }}],
                "relatedLocations": [],
            }),
            json!({
                "ruleId": "E0107",
                "level": "warning",
                "message": {"text": "no model is called `ordrs`\ndid you mean `orders`?"},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": "models/models.yml"},
                    "region": {"startLine": 2, "startColumn": 11, "endLine": 2, "endColumn": 16},
                }}],
                "relatedLocations": [],
            }),
        ]
    );
}

#[test]
fn sarif_of_several_lines() {
    let project = orders_and("select id, country from {{ ref('orders') }}\nunion all\nselect 1 as id\n");
    let results = results(&project, &[]);
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region, &json!({"startLine": 1, "startColumn": 1, "endLine": 3, "endColumn": 15}));
}

#[test]
fn sarif_without_a_line_has_the_file() {
    let results = results(&orders_and("-- to be written\n"), &[]);
    assert_eq!(
        results[0]["locations"],
        json!([{"physicalLocation": {"artifactLocation": {"uri": "models/gold/revenue.sql"}}}])
    );
}

#[test]
fn sarif_without_a_file_has_no_location() {
    let results = results(&TestProject::empty(), &[]);
    assert_eq!((&results[0]["ruleId"], &results[0]["locations"]), (&json!("E0101"), &json!([])));
}

#[test]
fn sarif_of_a_right_project_has_no_results() {
    let project = orders_and("select amount\nfrom {{ ref('orders') }}\n");
    let (_, code) = said(&project, &["--format", "sarif"]);
    assert_eq!((code, results(&project, &[])), (0, Vec::new()));
}

#[test]
fn places_that_explain_the_first_are_told_too() {
    let project = orders_and("select\n  {{ gross('amount') }} as gross\nfrom {{ ref('orders') }}\n")
        .file("macros/gross.sql", "{% macro gross(column) %}\nrond({{ column }})\n{% endmacro %}\n");
    let (told, _) = said(&project, &["--format", "json"]);
    let found = &told["diagnostics"][0];
    assert_eq!((&found["file"], &found["place"]["line"]), (&json!("macros/gross.sql"), &json!(2)), "{found}");
    let related = json!([{
        "file": "models/gold/revenue.sql", "line": 2, "column": 6, "end_line": 2, "end_column": 21, "text": "called from here",
    }]);
    assert_eq!(found["related"], related);
    let [result] = results(&project, &[]).try_into().unwrap();
    let related = &result["relatedLocations"][0];
    assert_eq!(related["message"]["text"], "called from here");
    assert_eq!(related["physicalLocation"]["artifactLocation"]["uri"], "models/gold/revenue.sql");
    assert_eq!(related["physicalLocation"]["region"]["startColumn"], 6);
}
