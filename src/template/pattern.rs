//! `modules.re`: Python's regular expressions, as far as patterns and groups go.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Tuple, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use regex::{Captures, Regex};

use super::error::misuse;
use super::python;
use super::scope::no_method;

pub(super) fn module() -> Value {
    Value::from_object(Module)
}

#[derive(Debug)]
struct Module;

impl Object for Module {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "IGNORECASE" | "I" => Some(Value::from("i")),
            "MULTILINE" | "M" => Some(Value::from("m")),
            "DOTALL" | "S" => Some(Value::from("s")),
            "VERBOSE" | "X" => Some(Value::from("x")),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "compile" => {
                let (pattern, flags): (&str, Option<&str>) = from_args(args)?;
                Ok(Value::from_object(Pattern { regex: compile(pattern, flags)? }))
            }
            "escape" => {
                let (text,): (&str,) = from_args(args)?;
                Ok(Value::from(regex::escape(text)))
            }
            _ => {
                let (pattern, rest) = args.split_first().ok_or_else(|| misuse("a pattern is missing"))?;
                if let Some(pattern) = pattern.downcast_object_ref::<Pattern>() {
                    return apply(&pattern.regex, method, rest);
                }
                let (text, flags) = flagged(method, rest);
                apply(&compile(&pattern.to_string(), flags.as_deref())?, method, text)
            }
        }
    }
}

/// The arguments without the flags that may follow them.
fn flagged<'a>(method: &str, args: &'a [Value]) -> (&'a [Value], Option<String>) {
    let plain = if method == "sub" { 2 } else { 1 };
    let flags = args.get(plain).and_then(Value::as_str).map(str::to_owned);
    (&args[..args.len().min(plain)], flags)
}

fn compile(pattern: &str, flags: Option<&str>) -> Result<Regex, Error> {
    let pattern = match flags {
        Some(flags) if !flags.is_empty() => format!("(?{flags}){pattern}"),
        _ => pattern.to_owned(),
    };
    Regex::new(&pattern).map_err(|error| {
        let text = error.to_string();
        misuse(format!("this is no regular expression: {}", text.lines().last().unwrap_or_default().trim()))
    })
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
}

impl Object for Pattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        apply(&self.regex, method, args)
    }
}

fn apply(regex: &Regex, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "search" | "match" | "fullmatch" => {
            let (text,): (&str,) = from_args(args)?;
            let found = regex.captures(text).filter(|captures| {
                let whole = captures.get_match();
                (method == "search" || whole.start() == 0) && (method != "fullmatch" || whole.end() == text.len())
            });
            Ok(found.map_or(Value::from(()), |captures| Match::value(&captures)))
        }
        "findall" => {
            let (text,): (&str,) = from_args(args)?;
            Ok(python::list(regex.captures_iter(text).map(|captures| all(&captures)).collect()))
        }
        "sub" => {
            let (with, text): (&str, &str) = from_args(args)?;
            Ok(Value::from(regex.replace_all(text, replacement(with)).into_owned()))
        }
        "split" => {
            let (text,): (&str,) = from_args(args)?;
            Ok(python::list(regex.split(text).map(Value::from).collect()))
        }
        _ => Err(no_method("`modules.re`", method)),
    }
}

/// What `findall` lists of a match: the whole, the only group, or all groups.
fn all(captures: &Captures<'_>) -> Value {
    let group = |index: usize| Value::from(captures.get(index).map_or("", |group| group.as_str()));
    match captures.len() {
        1 => group(0),
        2 => group(1),
        more => Value::from(Tuple::from((1..more).map(group).collect::<Vec<_>>())),
    }
}

/// `\1` and `\g<name>` as the regex crate writes them.
fn replacement(python: &str) -> String {
    let mut out = String::new();
    let mut characters = python.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek().copied()) {
            ('$', _) => out.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                characters.next();
                let _ = write!(out, "${{{digit}}}");
            }
            ('\\', Some('g')) => {
                characters.next();
                let name: String = characters.by_ref().skip(1).take_while(|next| *next != '>').collect();
                let _ = write!(out, "${{{name}}}");
            }
            ('\\', Some('\\')) => {
                characters.next();
                out.push('\\');
            }
            (other, _) => out.push(other),
        }
    }
    out
}

#[derive(Debug)]
struct Match {
    groups: Vec<Option<String>>,
    start: usize,
    end: usize,
}

impl Match {
    fn value(captures: &Captures<'_>) -> Value {
        let whole = captures.get_match();
        let groups = captures.iter().map(|group| group.map(|group| group.as_str().to_owned())).collect();
        Value::from_object(Self { groups, start: whole.start(), end: whole.end() })
    }

    fn group(&self, index: usize) -> Value {
        match self.groups.get(index) {
            Some(Some(text)) => Value::from(text.as_str()),
            _ => Value::from(()),
        }
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(self.group(key.as_usize()?))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "group" => {
                let (index,): (Option<usize>,) = from_args(args)?;
                Ok(self.group(index.unwrap_or(0)))
            }
            "groups" => {
                let groups: Vec<Value> = (1..self.groups.len()).map(|index| self.group(index)).collect();
                Ok(Value::from(Tuple::from(groups)))
            }
            "start" => Ok(Value::from(self.start)),
            "end" => Ok(Value::from(self.end)),
            "span" => Ok(Value::from(Tuple::from([Value::from(self.start), Value::from(self.end)]))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<match {:?}>", self.group(0))
    }
}
