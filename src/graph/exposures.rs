//! Exposures as nodes: leaves of the graph that nothing builds.

use super::link::{Linker, Wanted, tags};
use super::node::{Node, NodeKind};
use crate::diagnostic::SourceText;
use crate::project::Exposure;
use crate::template::{Described, NodeTemplate};

impl Linker<'_> {
    pub(super) fn exposures(&mut self) {
        let exposures: Vec<&Exposure> = self.project.exposures.iter().filter(|each| each.is_enabled()).collect();
        for exposure in exposures {
            let wanted = self.depends_on(exposure);
            let node = Node {
                unique_id: self.id("exposure", &exposure.name),
                name: exposure.name.clone(),
                fqn: self.fqn(&exposure.fqn),
                path: exposure.place.as_ref().map(|place| place.source.path.clone()).unwrap_or_default(),
                tags: tags(&exposure.config),
                config: exposure.config.clone().into(),
                description: exposure.description.clone(),
                kind: NodeKind::Exposure(Box::new(exposure.clone())),
            };
            self.add(node, wanted, Vec::new());
        }
    }

    /// Each entry of `depends_on` is a call without braces around it.
    fn depends_on(&mut self, exposure: &Exposure) -> Wanted {
        let mut wanted = Wanted::none();
        for (call, place) in &exposure.depends_on {
            let template = NodeTemplate {
                locals: Vec::new(),
                unique_id: self.id("exposure", &exposure.name),
                name: exposure.name.clone(),
                source: SourceText::new(place.source.path.as_str(), format!("{{{{ {call} }}}}")),
                this: None,
                config: exposure.config.clone().into(),
                model: Described::default(),
            };
            let extracted = self.templates.extract_at(&template, place);
            let Some(extracted) = self.taken(&exposure.name, extracted) else { continue };
            // Places in a text that no file has are the entry's.
            wanted.refs.extend(extracted.refs.into_iter().map(|mut found| {
                found.span = Some(place.clone());
                found
            }));
            wanted.sources.extend(extracted.sources.into_iter().map(|mut found| {
                found.span = Some(place.clone());
                found
            }));
        }
        wanted
    }
}
