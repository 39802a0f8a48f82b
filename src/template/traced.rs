//! A template rendered with marks, for leading its output back to what wrote it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::marks::Marks;
use super::render::Pass;
use super::{CompileContext, NodeTemplate, Rendering, Templates, Trace, jinja};

/// The templates of a project with marks in all macros.
#[derive(Debug)]
pub(super) struct Traced {
    templates: Templates,
    marks: Marks,
}

/// How much is marked: a template that looks into its own texts gives something else with marks in them, and less is tried.
#[derive(Debug, Clone, Copy)]
enum Depth {
    Quoted,
    Macros,
    /// Nothing but the template itself.
    Own,
}

impl Depth {
    const ALL: [Self; 3] = [Self::Quoted, Self::Macros, Self::Own];
}

impl Templates {
    /// Renders once more and keeps where each part of `output` comes from; nothing if it gives something else now.
    pub fn trace(&self, template: &NodeTemplate, context: &Arc<dyn CompileContext>, output: &str) -> Option<Trace> {
        let source = &template.source;
        let Some(text) = jinja(&source.text) else { return Some(Trace::identity(source)) };
        Depth::ALL.into_iter().find_map(|depth| {
            let (templates, mut marks) = self.at(depth)?;
            let pass = Pass::Compile(Arc::clone(context));
            let rendering = Rendering::of_node(templates, template, text, pass, Some(&mut marks)).ok()?;
            Trace::new(&rendering.render().ok()?, marks, output)
        })
    }

    /// The same for a generic test's query, as far as the test's own template wrote it.
    pub fn trace_generic_test(
        &self,
        name: &str,
        arguments: &Map<String, Value>,
        node: &NodeTemplate,
        context: &Arc<dyn CompileContext>,
        output: &str,
    ) -> Option<Trace> {
        [Depth::Quoted, Depth::Macros].into_iter().find_map(|depth| {
            let (templates, marks) = self.at(depth)?;
            Trace::new(&templates.compile_generic_test(name, arguments, node, context).ok()?, marks, output)
        })
    }

    fn at(&self, depth: Depth) -> Option<(&Self, Marks)> {
        let traced = match depth {
            Depth::Quoted => self.traced[0].get_or_init(|| self.marked(true)),
            Depth::Macros => self.traced[1].get_or_init(|| self.marked(false)),
            Depth::Own => return Some((self, Marks::new(false))),
        };
        traced.as_deref().map(|traced| (&traced.templates, traced.marks.clone()))
    }

    fn marked(&self, quoted: bool) -> Option<Box<Traced>> {
        let mut marks = Marks::new(quoted);
        let templates = Self::read(self.shared.globals.clone(), &self.files, &self.unread, Some(&mut marks)).ok()?;
        Some(Box::new(Traced { templates, marks }))
    }
}
