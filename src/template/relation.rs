//! Relations and columns as templates see them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::context::RelationKind;
use super::error::misuse;
use crate::names::Relation;

/// `this`, and what `ref()` and `source()` return: printed as the SQL it stands for.
#[derive(Debug, Clone)]
pub(super) struct RelationValue {
    schema: String,
    identifier: String,
    sql: String,
    kind: Option<RelationKind>,
}

pub(super) fn of(relation: &Relation, kind: Option<RelationKind>) -> Value {
    named(relation.layer(), relation.name(), relation.to_sql(), kind)
}

pub(super) fn named(schema: &str, identifier: &str, sql: String, kind: Option<RelationKind>) -> Value {
    Value::from_object(RelationValue { schema: schema.to_owned(), identifier: identifier.to_owned(), sql, kind })
}

/// What a `"schema"."name"` in given SQL stands for; other SQL stays text.
pub(super) fn from_sql(sql: &str) -> Value {
    let parts: Vec<&str> = sql.split('.').collect();
    if let [schema, name] = parts.as_slice() {
        let bare = |part: &str| part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).map(str::to_owned);
        if let (Some(schema), Some(name)) = (bare(schema), bare(name))
            && let Ok(relation) = Relation::new(&schema, &name)
        {
            return of(&relation, None);
        }
    }
    Value::from(sql)
}

/// The relation behind a value, for looking it up.
pub(super) fn relation(value: &Value) -> Result<Relation, Error> {
    let Some(value) = value.downcast_object_ref::<RelationValue>() else {
        return Err(misuse(format!("`{value}` is not a relation")));
    };
    Relation::new(&value.schema, &value.identifier).map_err(|invalid| misuse(invalid.to_string()))
}

/// The SQL of a relation, for where it stands as text.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.downcast_object_ref::<RelationValue>().map(|relation| relation.sql.as_str())
}

fn quoted(parts: &[&str]) -> String {
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_empty()).map(|part| quote(part)).collect();
    parts.join(".")
}

pub(super) fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// `api.Relation.create(schema=.., identifier=..)`.
pub(super) fn create(args: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::new(args)?;
    let text = |name: &str| arguments.named(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (schema, identifier) = (text("schema"), text("identifier"));
    let sql = quoted(&[&schema, &identifier]);
    Ok(named(&schema, &identifier, sql, kind_of(&text("type"))))
}

fn kind_of(word: &str) -> Option<RelationKind> {
    match word {
        "table" => Some(RelationKind::Table),
        "view" => Some(RelationKind::View),
        _ => None,
    }
}

impl RelationValue {
    fn attribute(&self, name: &str) -> Option<Value> {
        Some(match name {
            "database" => Value::from(""),
            "schema" => Value::from(self.schema.as_str()),
            "identifier" | "name" | "table" => Value::from(self.identifier.as_str()),
            "type" => match self.kind {
                Some(RelationKind::Table) => Value::from("table"),
                Some(RelationKind::View) => Value::from("view"),
                None => Value::from(()),
            },
            "is_table" => Value::from(self.kind == Some(RelationKind::Table)),
            "is_view" => Value::from(self.kind == Some(RelationKind::View)),
            "is_cte" | "is_materialized_view" => Value::from(false),
            "metadata" => super::python::text_dict([("type", Value::from("EngineRelation"))]),
            _ => return None,
        })
    }

    fn with_sql(&self, parts: &[&str]) -> Value {
        Value::from_object(Self { sql: quoted(parts), ..self.clone() })
    }
}

impl Object for RelationValue {
    // Packages tell a relation by its being a mapping whose `metadata.type` ends in `Relation`.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["database", "schema", "identifier", "type", "metadata"])
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.sql.cmp(&other.downcast_ref::<Self>()?.sql))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.attribute(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.attribute(key)
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        let wants = |name: &str| arguments.named(name).is_none_or(Value::is_true);
        match method {
            "render" => Ok(Value::from(self.sql.as_str())),
            "quote" => Ok(Value::from_dyn_object(Arc::clone(self))),
            "include" => {
                let schema = if wants("schema") { self.schema.as_str() } else { "" };
                let identifier = if wants("identifier") { self.identifier.as_str() } else { "" };
                Ok(self.with_sql(&[schema, identifier]))
            }
            "without_identifier" => Ok(self.with_sql(&[&self.schema])),
            "incorporate" | "replace_path" => {
                let path = arguments.named("path").map(super::python::pairs).unwrap_or_default();
                let part = |name: &str, old: &str| {
                    let in_path = path.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
                    let value = in_path.or_else(|| arguments.named(name)).and_then(Value::as_str);
                    value.unwrap_or(old).to_owned()
                };
                let (schema, identifier) = (part("schema", &self.schema), part("identifier", &self.identifier));
                let kind = arguments.named("type").and_then(Value::as_str).and_then(kind_of).or(self.kind);
                let sql = quoted(&[&schema, &identifier]);
                Ok(named(&schema, &identifier, sql, kind))
            }
            "get" => {
                let name = arguments.text("get", 0, "key")?;
                let default = arguments.get(1, "default").cloned();
                Ok(self.attribute(&name).or(default).unwrap_or_else(|| Value::from(())))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sql)
    }
}

/// A column as `adapter.get_columns_in_relation` lists it.
#[derive(Debug)]
pub(super) struct ColumnValue {
    pub name: String,
    pub data_type: String,
}

impl ColumnValue {
    fn is(&self, kinds: &[&str]) -> Value {
        let data_type = self.data_type.to_lowercase();
        Value::from(kinds.iter().any(|kind| data_type.starts_with(kind)))
    }
}

impl Object for ColumnValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "name" | "column" => Some(Value::from(self.name.as_str())),
            "dtype" | "data_type" | "expanded_data_type" => Some(Value::from(self.data_type.as_str())),
            "quoted" => Some(Value::from(quote(&self.name))),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        const INTEGERS: &[&str] = &["int", "bigint", "smallint", "tinyint", "uint"];
        const FLOATS: &[&str] = &["float", "double", "real"];
        match method {
            "is_string" => Ok(self.is(&["utf8", "largeutf8", "varchar", "string", "text", "char"])),
            "is_integer" => Ok(self.is(INTEGERS)),
            "is_float" => Ok(self.is(FLOATS)),
            "is_numeric" => Ok(self.is(&["decimal", "numeric"])),
            "is_number" => Ok(self.is(&[INTEGERS, FLOATS, &["decimal", "numeric"]].concat())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<Column {} ({})>", self.name, self.data_type)
    }
}
