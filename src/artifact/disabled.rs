//! What `enabled: false` keeps out of the graph, as the manifest still names it.

use serde_json::{Map, Value, json};

use super::config;
use super::entry::{Code, Described, below, checksum, checksum_of_seed, extend_model, extend_seed};
use crate::names::SEEDS;
use crate::project::{ModelFile, Project, SeedFile};

/// The disabled models and seeds by their unique ids; each is a list, since dbt allows of many with one id.
pub(super) fn entries(project: &Project, names: &[String], created_at: f64) -> Map<String, Value> {
    let is_disabled = |name: &String| names.contains(name);
    let models = project.models.iter().filter(|model| is_disabled(&model.name));
    let seeds = project.seeds.iter().filter(|seed| is_disabled(&seed.name));
    models
        .map(|model| of_model(project, model, created_at))
        .chain(seeds.map(|seed| of_seed(project, seed, created_at)))
        .map(|(unique_id, entry)| (unique_id, json!([entry])))
        .collect()
}

fn of_model(project: &Project, model: &ModelFile, created_at: f64) -> (String, Map<String, Value>) {
    let text = model.source.text.trim();
    let unique_id = format!("model.{}.{}", project.config.name, model.name);
    let described = Described {
        kind: "model",
        unique_id: &unique_id,
        package: &project.config.name,
        name: &model.name,
        fqn: &fqn(project, &model.fqn),
        schema: &model.layer,
        relation: None,
        file: &model.source.path,
        path: below(&model.source.path, &project.config.model_paths),
        checksum: checksum(text),
        raw_code: text,
        config: config::of_model(&model.config, None, &model.name, &model.layer),
        written: &model.config,
        tags: &config::tags(&model.config),
        description: &model.properties.description,
        columns: &model.properties.columns,
        place: model.properties.place.as_ref(),
        created_at,
    };
    let mut entry = described.entry();
    entry.extend(Code::default().entry());
    extend_model(&mut entry, &[]);
    (unique_id, entry)
}

fn of_seed(project: &Project, seed: &SeedFile, created_at: f64) -> (String, Map<String, Value>) {
    let unique_id = format!("seed.{}.{}", project.config.name, seed.name);
    let described = Described {
        kind: "seed",
        unique_id: &unique_id,
        package: &project.config.name,
        name: &seed.name,
        fqn: &fqn(project, &seed.fqn),
        schema: SEEDS,
        relation: None,
        file: &seed.path,
        path: below(&seed.path, &project.config.seed_paths),
        checksum: checksum_of_seed(&project.root, &seed.path),
        raw_code: "",
        config: config::of_seed(&seed.config, false, &seed.name, SEEDS),
        written: &seed.config,
        tags: &config::tags(&seed.config),
        description: &seed.properties.description,
        columns: &seed.properties.columns,
        place: seed.properties.place.as_ref(),
        created_at,
    };
    let mut entry = described.entry();
    extend_seed(&mut entry);
    (unique_id, entry)
}

fn fqn(project: &Project, below: &[String]) -> Vec<String> {
    std::iter::once(&project.config.name).chain(below).cloned().collect()
}
