//! The template engine itself: set up once, with all macros compiled.

use minijinja::{Environment, Error, State, UndefinedBehavior, Value};
use serde_json::Value as Json;

use super::macros::Macros;
use super::{error, json, methods, python};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Put before every template: the macro that reads the others, handed to the rendering.
pub(super) const PRELUDE: &str = "{%macro __load(__name)%}{%include __name%}{%endmacro%}{%do __ready(__load)%}";
/// How deep macros may call each other, in the engine's own count; each call is four.
const DEEPEST: usize = 400;

#[derive(Debug)]
pub(super) struct Environments {
    /// For the second pass: what is undefined fails.
    pub strict: Environment<'static>,
    /// For the first: what is undefined stays so, as what a query returns.
    pub lenient: Environment<'static>,
}

impl Environments {
    /// Macros that cannot be compiled are forgotten, and their mistakes told.
    pub(super) fn new(macros: &mut Macros, texts: Vec<String>, found: &mut Diagnostics) -> Self {
        let mut strict = base();
        for (index, text) in texts.into_iter().enumerate() {
            let Some(item) = macros.get(index).cloned() else { continue };
            if let Err(mistake) = strict.add_template_owned(item.template.clone(), text.clone()) {
                found.push(error::syntax(&mistake, &text, &item.map, &item.file));
                macros.forget(&item);
            }
        }
        strict.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let mut lenient = strict.clone();
        lenient.set_undefined_behavior(UndefinedBehavior::Chainable);
        lenient.set_unknown_method_callback(methods::lenient_method);
        Self { strict, lenient }
    }

    /// Undefined, but printed as nothing.
    pub(super) fn omitted(&self) -> Result<Value, Diagnostic> {
        let silent = self.strict.compile_expression("1 if false").and_then(|expression| expression.eval(()));
        silent.map_err(|error| {
            Diagnostic::error(crate::diagnostic::Code::Template, error.detail().unwrap_or_default().to_owned())
        })
    }
}

/// Filters and methods that every kind of template has.
pub(super) fn base() -> Environment<'static> {
    let mut environment = Environment::new();
    // Errors then know the text and the name they are about.
    environment.set_debug(true);
    environment.set_recursion_limit(DEEPEST);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(methods::unknown_method);
    environment.add_filter("list", |value: Value| python::items(&value).map(python::list));
    environment.add_filter("tojson", |value: Value| json::text(&value));
    environment.add_filter("as_text", |value: Value| value.to_string());
    environment.add_filter("as_bool", |value: Value| as_bool(&value));
    environment.add_filter("as_number", |value: Value| as_number(&value));
    environment.add_filter("as_native", |value: Value| as_native(&value));
    environment.add_filter("strftime", |state: &mut State<'_, '_>, value: Value, format: String| {
        value.call_method(state, "strftime", &[Value::from(format)])
    });
    environment.add_filter("is_list", |value: Value| value.kind() == minijinja::value::ValueKind::Seq);
    environment.add_filter("wordcount", |value: String| value.split_whitespace().count());
    environment.add_filter("truncate", truncate);
    environment.add_test("callable", |value: Value| {
        value.as_object().is_some_and(|object| object.repr() == minijinja::value::ObjectRepr::Plain)
    });
    environment
}

fn truncate(text: String, length: Option<usize>, whole: Option<bool>, end: Option<String>) -> String {
    let (length, end) = (length.unwrap_or(255), end.unwrap_or_else(|| "...".to_owned()));
    if text.chars().count() <= length {
        return text;
    }
    let cut: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let cut = match (whole.unwrap_or(false), cut.rsplit_once(' ')) {
        (false, Some((words, _))) => words.to_owned(),
        _ => cut,
    };
    cut + &end
}

fn as_bool(value: &Value) -> Result<Value, Error> {
    match value.to_string().to_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(Value::from(true)),
        "false" | "0" | "no" => Ok(Value::from(false)),
        other => Err(error::misuse(format!("`{other}` is not a boolean"))),
    }
}

fn as_number(value: &Value) -> Result<Value, Error> {
    let text = value.to_string();
    if let Ok(number) = text.trim().parse::<i64>() {
        return Ok(Value::from(number));
    }
    text.trim().parse::<f64>().map(Value::from).map_err(|_| error::misuse(format!("`{text}` is not a number")))
}

/// A literal of Python or JSON as its value; anything else stays text.
fn as_native(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    match text.trim() {
        "True" => Value::from(true),
        "False" => Value::from(false),
        "None" => Value::from(()),
        text => match serde_json::from_str::<Json>(text) {
            Ok(json) => python::from_json(&json),
            Err(_) => value.clone(),
        },
    }
}
