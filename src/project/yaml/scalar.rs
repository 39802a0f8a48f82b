//! What a plain scalar means: the core schema of YAML 1.2, but no number that loses digits.

use super::NodeKind;

/// A plain scalar by the core schema.
pub(super) fn resolve_plain(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
        "true" | "True" | "TRUE" => return NodeKind::Bool(true),
        "false" | "False" | "FALSE" => return NodeKind::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins_number = digits.trim_start_matches('.').starts_with(|first: char| first.is_ascii_digit());
    if !begins_number || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return NodeKind::String(text.to_owned());
    }
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole && digits.len() > 1 && digits.starts_with('0') {
        return NodeKind::String(text.to_owned());
    }
    if is_whole {
        return text.parse().map_or_else(|_| NodeKind::String(text.to_owned()), NodeKind::Int);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => NodeKind::Float(value),
        _ => NodeKind::String(text.to_owned()),
    }
}
