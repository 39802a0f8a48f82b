//! The arguments of a call: by place, by name, and where the call stands.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::error::misuse;
use super::marks;
use super::rewrite::PLACE;

/// Where a call stands: the text's owner (a macro's number, or nothing for the template) and the range in it.
#[derive(Debug, Clone)]
pub(super) struct CallPlace {
    pub owner: String,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug)]
pub(super) struct Arguments {
    pub positional: Vec<Value>,
    pub named: Vec<(String, Value)>,
    pub place: Option<CallPlace>,
}

impl Arguments {
    pub(super) fn new(args: &[Value]) -> Result<Self, Error> {
        let (args, named) = match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => (rest, named(last)?),
            _ => (args, Vec::new()),
        };
        let place = args.first().and_then(place);
        let positional = if place.is_some() { &args[1..] } else { args };
        Ok(Self { positional: positional.to_vec(), named, place })
    }

    /// Texts as they are without marks.
    pub(super) fn take_marks_off(&mut self) {
        let named = self.named.iter_mut().map(|(_, value)| value);
        for value in self.positional.iter_mut().chain(named) {
            *value = unmarked(value);
        }
    }

    /// The argument at a position or of a name; undefined counts as not given.
    pub(super) fn get(&self, position: usize, name: &str) -> Option<&Value> {
        self.positional.get(position).or_else(|| self.named(name)).filter(|value| !value.is_undefined())
    }

    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn required(&self, function: &str, position: usize, name: &str) -> Result<&Value, Error> {
        self.get(position, name).ok_or_else(|| misuse(format!("`{function}()` needs the argument `{name}`")))
    }

    /// A required argument that is text.
    pub(super) fn text(&self, function: &str, position: usize, name: &str) -> Result<String, Error> {
        let value = self.required(function, position, name)?;
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(misuse(format!("`{name}` of `{function}()` is text, not {}", describe(value)))),
        }
    }

    pub(super) fn flag(&self, position: usize, name: &str) -> bool {
        self.get(position, name).is_some_and(Value::is_true)
    }

    pub(super) fn integer(&self, function: &str, position: usize, name: &str) -> Result<Option<i64>, Error> {
        match self.get(position, name) {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(misuse(format!("`{name}` of `{function}()` is a whole number, not {}", describe(value)))),
            },
        }
    }

    /// Refuses more arguments than `names`, and names that are not among them.
    pub(super) fn only(&self, function: &str, names: &[&str]) -> Result<(), Error> {
        if self.positional.len() > names.len() {
            let (given, most) = (self.positional.len(), names.len());
            return Err(misuse(format!("`{function}()` takes at most {}, not {given}", count(most))));
        }
        match self.named.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(misuse(format!("`{function}()` has no argument `{name}`"))),
            None => Ok(()),
        }
    }
}

/// A text as it is without marks; other values stay.
pub(super) fn unmarked(value: &Value) -> Value {
    match value.as_str().filter(|text| marks::is_marked(text)) {
        Some(text) => Value::from(marks::without(text)),
        None => value.clone(),
    }
}

fn count(number: usize) -> String {
    crate::diagnostic::count(number, "argument")
}

/// What a value is, in words.
pub(super) fn describe(value: &Value) -> String {
    if value.is_tuple() {
        return "a tuple".to_owned();
    }
    match value.kind().to_string().as_str() {
        "none" => "none".to_owned(),
        "undefined" => "undefined".to_owned(),
        "bool" => "a boolean".to_owned(),
        "number" => "a number".to_owned(),
        "string" => "text".to_owned(),
        "sequence" | "iterator" => "a list".to_owned(),
        "map" => "a dict".to_owned(),
        _ => format!("`{value}`"),
    }
}

fn named(kwargs: &Value) -> Result<Vec<(String, Value)>, Error> {
    let kwargs = Kwargs::try_from(kwargs.clone())?;
    kwargs.args().map(|name| Ok((name.to_owned(), kwargs.peek::<Value>(name)?))).collect()
}

fn place(value: &Value) -> Option<CallPlace> {
    let mut parts = value.as_str()?.strip_prefix(PLACE)?.split(':');
    Some(CallPlace {
        owner: parts.next()?.to_owned(),
        start: parts.next()?.parse().ok()?,
        end: parts.next()?.parse().ok()?,
    })
}
