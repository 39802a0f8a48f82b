//! Models as nodes: the first render of each says what it reads and how it is set.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::config::ModelConfig;
use super::link::{Linker, Wanted, tags};
use super::node::{ModelNode, Node, NodeKind};
use crate::diagnostic::Diagnostics;
use crate::names::Relation;
use crate::project::{self, ConfigOf, ModelFile, merge_config};
use crate::template::{Described, Extracted, NodeTemplate};

impl Linker<'_> {
    pub(super) fn models(&mut self) {
        let extracted = self.extract_models();
        for (model, extracted) in self.project.models.iter().zip(extracted) {
            let Some(extracted) = self.taken(&model.name, extracted) else { continue };
            let (told, draft) = (self.found.errors(), self.drafts.len());
            self.model(model, extracted);
            // A model whose settings could not be read is no draft: that place is the next one's.
            if self.found.errors() > told && self.drafts.len() > draft {
                self.wrong.insert(draft);
            }
        }
    }

    /// The first render of all models, on the machine's cores: it is most of the time before a run.
    fn extract_models(&self) -> Vec<Result<Extracted, Diagnostics>> {
        let models = &self.project.models;
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(models.len() / 16 + 1);
        let share = models.len().div_ceil(workers.max(1)).max(1);
        let extract = |model: &ModelFile| {
            if let Some(known) = self.memory.and_then(|memory| memory.recall(model)) {
                return Ok(known);
            }
            let extracted = self.templates.extract(&self.template(model, Arc::new(model.config.clone())))?;
            if let Some(memory) = self.memory {
                memory.keep(model, &extracted);
            }
            Ok(extracted)
        };
        if workers <= 1 {
            return models.iter().map(extract).collect();
        }
        std::thread::scope(|scope| {
            let handles: Vec<_> = models
                .chunks(share)
                .map(|chunk| scope.spawn(move || chunk.iter().map(extract).collect::<Vec<_>>()))
                .collect();
            handles
                .into_iter()
                .flat_map(|handle| match handle.join() {
                    Ok(results) => results,
                    Err(payload) => std::panic::resume_unwind(payload),
                })
                .collect()
        })
    }

    fn template(&self, model: &ModelFile, config: Arc<Map<String, Value>>) -> NodeTemplate {
        NodeTemplate {
            locals: Vec::new(),
            unique_id: self.id("model", &model.name),
            name: model.name.clone(),
            source: Arc::clone(&model.source),
            this: Relation::new(&model.layer, &model.name).ok(),
            model: described(model, &self.project.config.name, &config),
            config,
        }
    }

    fn model(&mut self, model: &ModelFile, extracted: Extracted) {
        let mut config = model.config.clone();
        self.check_config_keys(model, &extracted);
        merge_config(&mut config, &extracted.config);
        if config.get("enabled") == Some(&Value::Bool(false)) {
            self.disabled.push(model.name.clone());
            return;
        }
        let path = &model.source.path;
        let Some(relation) = self.relation(&model.layer, &model.name, path) else { return };
        let place = extracted.config_span.clone().or_else(|| model.properties.place.clone());
        let mut settings = model.properties.settings.clone();
        settings.extend(extracted.setting_places());
        let connections = &self.project.connections;
        let is_partial = model.properties.is_partial;
        let read = ModelConfig::read(&config, &model.name, place, &settings, path, is_partial, connections);
        let Some(typed) = self.taken(&model.name, read) else { return };
        let config = Arc::new(config);
        let template = self.template(model, Arc::clone(&config));
        let node = Node {
            unique_id: template.unique_id.clone(),
            name: model.name.clone(),
            fqn: self.fqn(&model.fqn),
            path: path.clone(),
            tags: tags(&config),
            description: model.properties.description.clone(),
            kind: NodeKind::Model(Box::new(ModelNode {
                relation,
                template,
                config: typed,
                properties: Arc::clone(&model.properties),
                settings,
            })),
            config,
        };
        let wanted = Wanted { refs: extracted.refs, sources: extracted.sources };
        let draft = self.add(node, wanted, Vec::new());
        self.partial.extend(is_partial.then_some(draft));
    }

    fn check_config_keys(&mut self, model: &ModelFile, extracted: &Extracted) {
        for (key, value) in &extracted.config {
            let place = extracted.config_key_span(key);
            let path = &model.source.path;
            let wrong = project::check_config_key(ConfigOf::Model, key, place.clone(), path);
            // The other values are judged where they are read.
            let is_judged_here =
                ["enabled", "tags", "meta", "docs", "persist_docs", "group", "access"].contains(&key.as_str());
            self.found.extend(match is_judged_here {
                true => wrong.or_else(|| project::check_config_value(key, value, place, path)),
                false => wrong,
            });
        }
    }
}

/// A model as its own template sees it.
fn described(model: &ModelFile, package: &str, config: &Arc<Map<String, Value>>) -> Described {
    let (name, layer, below, package) =
        (model.name.clone(), model.layer.clone(), model.fqn.clone(), package.to_owned());
    let (source, properties, config) = (Arc::clone(&model.source), Arc::clone(&model.properties), Arc::clone(config));
    Described::by(move || {
        let columns = properties.columns.iter().map(|column| {
            let told = json!({
                "name": column.name, "description": column.description, "data_type": column.data_type,
            });
            (column.name.clone(), told)
        });
        json!({
            "unique_id": format!("model.{package}.{name}"),
            "name": name,
            "alias": name,
            "schema": layer,
            "resource_type": "model",
            "package_name": package,
            "path": source.path,
            "original_file_path": source.path,
            "fqn": std::iter::once(package.clone()).chain(below).collect::<Vec<String>>(),
            "config": *config,
            "description": properties.description,
            "tags": tags(&config),
            "meta": properties.meta,
            "columns": columns.collect::<Map<String, Value>>(),
        })
    })
}
