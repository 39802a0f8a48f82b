//! Values a template sees under names of its own: the window of a request, the row it is made for.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::{datetime, python};
use crate::project::Local;

pub(super) fn value(local: &Local) -> Value {
    match local {
        Local::Json(json) => python::from_json(json),
        Local::Time(at) => datetime::aware(*at),
        Local::Fields(fields) => {
            python::dict(fields.iter().map(|(name, local)| (Value::from(name.as_str()), value(local))).collect())
        }
        Local::Any => Value::from_object(Anything),
    }
}

/// Has every name, and each is empty.
#[derive(Debug)]
struct Anything;

impl Object for Anything {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from(""))
    }
}
