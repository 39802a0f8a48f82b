//! `fromjson` and `tojson`, written as Python's `json` writes.

use std::fmt::Write as _;

use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::arguments::Arguments;
use super::error::misuse;
use super::python;

/// The value of a JSON text, or the default when it is none.
pub(super) fn parse(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.required("fromjson", 0, "string")?.to_string();
    match serde_json::from_str::<Json>(&text) {
        Ok(json) => Ok(python::from_json(&json)),
        Err(_) => Ok(arguments.get(1, "default").cloned().unwrap_or_else(|| Value::from(()))),
    }
}

pub(super) fn write(arguments: &Arguments) -> Result<Value, Error> {
    let value = arguments.positional.first().or_else(|| arguments.named("value"));
    let value = value.ok_or_else(|| misuse("`tojson()` needs the argument `value`"))?;
    let mut json = python::to_json(value);
    if arguments.flag(2, "sort_keys") {
        sort(&mut json);
    }
    let mut text = String::new();
    dump(&json, &mut text);
    Ok(Value::from(text))
}

/// The filter `tojson`.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    dump(&python::to_json(value), &mut text);
    text
}

fn sort(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(sort),
        Json::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// With a space after `:` and `,`, and ASCII only.
fn dump(json: &Json, out: &mut String) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                dump(item, out);
            }
            out.push(']');
        }
        Json::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                quote(key, out);
                out.push_str(": ");
                dump(value, out);
            }
            out.push('}');
        }
        Json::String(text) => quote(text, out),
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            let _ = write!(out, "{json}");
        }
    }
}

fn quote(text: &str, out: &mut String) {
    let quoted = Json::String(text.to_owned()).to_string();
    for character in quoted.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}
