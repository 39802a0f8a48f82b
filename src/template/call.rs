//! Calling a macro: it is read once per rendering, into the rendering's own state, so it sees the caller's names.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::arguments::Arguments;
use super::error::{InMacro, fault, misuse, returned};
use super::macros::Macro;
use super::python;
use super::render::Render;
use crate::diagnostic::{Code, Diagnostic, count};

/// Under this name the rendering keeps the macro that reads other templates.
pub(super) const LOADER: &str = "loader";

/// A macro as a value: what its name means in a template.
pub(super) struct MacroCall {
    item: Arc<Macro>,
    render: Arc<Render>,
}

impl fmt::Debug for MacroCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<macro {}>", self.item.name)
    }
}

impl MacroCall {
    pub(super) fn value(item: &Arc<Macro>, render: &Arc<Render>) -> Value {
        Value::from_object(Self { item: Arc::clone(item), render: Arc::clone(render) })
    }

    /// The macro in this rendering's state.
    fn load(&self, state: &mut State<'_, '_>) -> Result<Value, Error> {
        let template = self.item.template.as_str();
        if let Some(loaded) = state.get_temp(template) {
            return Ok(loaded);
        }
        let loader = state.get_temp(LOADER).ok_or_else(|| misuse("macros cannot be called here"))?;
        loader.call(state, &[Value::from(template)])?;
        state.get_temp(template).ok_or_else(|| misuse(format!("macro `{}` cannot be read", self.item.name)))
    }

    /// The arguments in the order of the parameters, with what is left over where the macro asks for it.
    fn bind(&self, args: &[Value]) -> Result<Vec<Value>, Error> {
        let Arguments { mut positional, mut named, .. } = Arguments::new(args)?;
        let parameters = &self.item.parameters;
        let further = positional.split_off(positional.len().min(parameters.len()));
        if !further.is_empty() && !self.item.uses_varargs {
            let given = parameters.len() + further.len();
            return Err(self.refuse(&format!("takes {}, not {given}", count(parameters.len(), "argument"))));
        }
        let given = positional.len();
        let mut bound = positional;
        for parameter in &parameters[given..] {
            let at = named.iter().position(|(name, _)| *name == parameter.name);
            bound.push(match at {
                Some(at) => named.remove(at).1,
                None if self.item.is_builtin() && !parameter.optional => {
                    return Err(self.refuse(&format!("needs the argument `{}`", parameter.name)));
                }
                None => self.render.shared.omitted.clone(),
            });
        }
        let caller = named.iter().position(|(name, _)| name == "caller").map(|at| named.remove(at).1);
        if let Some((name, _)) = named.first().filter(|_| !self.item.uses_kwargs) {
            return Err(self.refuse_name(name, given));
        }
        if self.item.uses_varargs {
            bound.push(python::list(further));
        }
        if self.item.uses_kwargs {
            bound.push(python::text_dict(named.iter().map(|(name, value)| (name.as_str(), value.clone()))));
        }
        match caller {
            Some(caller) if self.item.uses_caller => bound.push(Kwargs::from_iter([("caller", caller)]).into()),
            Some(_) => return Err(self.refuse("takes no `{% call %}` block")),
            None => {}
        }
        Ok(bound)
    }

    fn refusal(&self, what: &str) -> Diagnostic {
        let named = match self.item.name.strip_prefix("test_") {
            Some(test) => format!("test `{test}`"),
            None => format!("macro `{}`", self.item.name),
        };
        let diagnostic = Diagnostic::error(Code::Template, format!("{named} {what}"));
        match self.item.is_builtin() {
            true => diagnostic,
            false => diagnostic.secondary(self.item.place.clone(), "declared here"),
        }
    }

    fn refuse(&self, what: &str) -> Error {
        fault(self.refusal(what))
    }

    fn refuse_name(&self, name: &str, given: usize) -> Error {
        let mut names = self.item.parameters.iter().map(|parameter| parameter.name.as_str());
        if names.clone().take(given).any(|known| known == name) {
            return self.refuse(&format!("got `{name}` twice"));
        }
        fault(self.refusal(&format!("has no parameter `{name}`")).nearest(name, &mut names))
    }
}

impl Object for MacroCall {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        (key == "name").then(|| Value::from(self.item.name.as_str()))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let bound = self.bind(args)?;
        let outer = self.render.enter(Some(self.item.package.clone()));
        let outcome = self.load(state).and_then(|loaded| loaded.call(state, &bound));
        self.render.enter(outer);
        let Err(error) = outcome else { return outcome };
        returned(&error).ok_or_else(|| {
            let name = self.item.name.clone();
            Error::new(error.kind(), format!("in macro `{name}`")).with_source(InMacro { name, source: error })
        })
    }
}
