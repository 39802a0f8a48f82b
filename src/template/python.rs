//! Lists and dicts that can be changed in place, as templates written for Python's Jinja expect, and JSON both ways.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::error::misuse;
use super::relation;

/// What a list may hold of lists before its text ends in dots; a list can contain itself.
const DEEPEST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct List {
    items: Mutex<Vec<Value>>,
}

#[derive(Debug, Default)]
pub(super) struct Dict {
    entries: Mutex<Vec<(Value, Value)>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn list(items: Vec<Value>) -> Value {
    Value::from_object(List { items: Mutex::new(items) })
}

pub(super) fn dict(entries: Vec<(Value, Value)>) -> Value {
    Value::from_object(Dict { entries: Mutex::new(entries) })
}

pub(super) fn text_dict<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    dict(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// The pairs of anything that is a map.
pub(super) fn pairs(map: &Value) -> Vec<(Value, Value)> {
    map.as_object().and_then(DynObject::try_iter_pairs).map(Iterator::collect).unwrap_or_default()
}

/// The items of anything that can be iterated.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    value.try_iter()?.checked().collect()
}

pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Value::from(value),
            (None, Some(value), _) => Value::from(value),
            (None, None, value) => Value::from(value.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(values) => list(values.iter().map(from_json).collect()),
        Json::Object(map) => {
            dict(map.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value))).collect())
        }
    }
}

/// What cannot be JSON becomes its text, as a relation in a config.
pub(super) fn to_json(value: &Value) -> Json {
    if let Some(sql) = relation::text(value) {
        return Json::String(sql.to_owned());
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None | ValueKind::Invalid => Json::Null,
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(items(value).unwrap_or_default().iter().map(to_json).collect())
        }
        ValueKind::Map => {
            Json::Object(pairs(value).into_iter().map(|(key, value)| (key.to_string(), to_json(&value))).collect())
        }
        ValueKind::Plain | ValueKind::Bytes | ValueKind::String => Json::String(value.to_string()),
        _ => serde_json::to_value(value).unwrap_or(Json::Null),
    }
}

impl List {
    fn position(&self, wanted: &Value) -> Option<usize> {
        let items = held(&self.items).clone();
        items.iter().position(|item| item == wanted)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        held(&self.items).get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(held(&self.items).clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(held(&self.items).len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let none = Ok(Value::from(()));
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                held(&self.items).push(item);
                none
            }
            "extend" => {
                let (more,): (&Value,) = from_args(args)?;
                let more = items(more)?;
                held(&self.items).extend(more);
                none
            }
            "insert" => {
                let (index, item): (i64, Value) = from_args(args)?;
                let mut items = held(&self.items);
                let at = clamped(index, items.len());
                items.insert(at, item);
                none
            }
            "pop" => {
                let (index,): (Option<i64>,) = from_args(args)?;
                let mut items = held(&self.items);
                let at = clamped(index.unwrap_or(-1), items.len());
                match at < items.len() {
                    true => Ok(items.remove(at)),
                    false => Err(misuse("pop from a list that has no such item")),
                }
            }
            "remove" => {
                let (item,): (&Value,) = from_args(args)?;
                let at = self.position(item).ok_or_else(|| misuse(format!("{item:?} is not in the list")))?;
                held(&self.items).remove(at);
                none
            }
            "index" => {
                let (item,): (&Value,) = from_args(args)?;
                let at = self.position(item).ok_or_else(|| misuse(format!("{item:?} is not in the list")))?;
                Ok(Value::from(at))
            }
            "count" => {
                let (wanted,): (&Value,) = from_args(args)?;
                let items = held(&self.items).clone();
                Ok(Value::from(items.iter().filter(|item| *item == wanted).count()))
            }
            "reverse" => {
                held(&self.items).reverse();
                none
            }
            "sort" => {
                let (options,): (Kwargs,) = from_args(args)?;
                let backwards: Option<bool> = options.get("reverse")?;
                options.assert_all_used()?;
                let mut sorted = held(&self.items).clone();
                sorted.sort();
                if backwards.unwrap_or(false) {
                    sorted.reverse();
                }
                *held(&self.items) = sorted;
                none
            }
            "clear" => {
                held(&self.items).clear();
                none
            }
            "copy" => Ok(list(held(&self.items).clone())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&repr(&Value::from_dyn_object(Arc::clone(self)), 0))
    }
}

/// A Python index: from the end when negative, clipped to the list.
fn clamped(index: i64, length: usize) -> usize {
    let from_end = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    match index < 0 {
        true => length.saturating_sub(from_end),
        false => from_end.min(length),
    }
}

impl Dict {
    fn find(&self, key: &Value) -> Option<Value> {
        held(&self.entries).iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    fn set(&self, key: Value, value: Value) {
        let mut entries = held(&self.entries);
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key, value)),
        }
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let entries = held(&self.entries);
        entries.iter().find(|(known, _)| known.as_str() == Some(key)).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::KeyValueIter(Box::new(held(&self.entries).clone().into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(held(&self.entries).len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let entries = || held(&self.entries).clone();
        let none = || Value::from(());
        match method {
            "get" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                Ok(self.find(key).or(default).unwrap_or_else(none))
            }
            "keys" => Ok(list(entries().into_iter().map(|(key, _)| key).collect())),
            "values" => Ok(list(entries().into_iter().map(|(_, value)| value).collect())),
            "items" => {
                Ok(list(entries().into_iter().map(|(key, value)| Value::from(Tuple::from([key, value]))).collect()))
            }
            "update" => {
                let (more, named): (Option<&Value>, Kwargs) = from_args(args)?;
                for (key, value) in more.map(pairs).unwrap_or_default() {
                    self.set(key, value);
                }
                for name in named.args() {
                    self.set(Value::from(name), named.peek(name)?);
                }
                Ok(none())
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                if let Some(value) = self.find(&key) {
                    return Ok(value);
                }
                let value = default.unwrap_or_else(none);
                self.set(key, value.clone());
                Ok(value)
            }
            "pop" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                let mut entries = held(&self.entries);
                match entries.iter().position(|(known, _)| known == key) {
                    Some(at) => Ok(entries.remove(at).1),
                    None => default.ok_or_else(|| misuse(format!("the dict has no key {key:?}"))),
                }
            }
            "clear" => {
                held(&self.entries).clear();
                Ok(none())
            }
            "copy" => Ok(dict(entries())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&repr(&Value::from_dyn_object(Arc::clone(self)), 0))
    }
}

/// A value as Python's `repr` writes it.
pub(super) fn repr(value: &Value, depth: usize) -> String {
    if depth > DEEPEST {
        return "...".to_owned();
    }
    if let Some(sql) = relation::text(value) {
        return sql.to_owned();
    }
    let mut text = String::new();
    if value.is_tuple() || !matches!(value.kind(), ValueKind::Seq | ValueKind::Map) {
        return format!("{value:?}");
    }
    if value.kind() == ValueKind::Map {
        text.push('{');
        for (index, (key, value)) in pairs(value).iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}{}: {}", repr(key, depth + 1), repr(value, depth + 1));
        }
        text.push('}');
        return text;
    }
    text.push('[');
    for (index, item) in items(value).unwrap_or_default().iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{}", repr(item, depth + 1));
    }
    text.push(']');
    text
}
