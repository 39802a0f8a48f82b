//! Functions that other engines have under a name of their own.

/// What is written here instead of a function that is not there; its name is as it was written.
pub(super) fn written_here(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "listagg" | "group_concat" => "`string_agg` does this, as in `string_agg(name, ', ' order by name)`",
        "arg_max" | "argmax" | "max_by" => {
            "write `first_value(a order by b desc nulls last)`: the `a` of the greatest `b`"
        }
        "arg_min" | "argmin" | "min_by" => "write `first_value(a order by b)`: the `a` of the smallest `b`",
        "mod" => "write `a % b`",
        "datetime" => "write `to_timestamp(...)`, or `cast(... as timestamp)`",
        _ => return None,
    })
}
