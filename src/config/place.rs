//! Where in the configuration something stands, as problems say it.

use crate::raw::Node;

/// `path` and one more step.
pub(crate) fn key(path: &str, key: &str) -> String {
    match path {
        "" => key.to_string(),
        _ => format!("{path}.{key}"),
    }
}

/// An item of the list at `path`: by its name when it has one, which outlives a reordering.
pub(crate) fn item(path: &str, index: usize, item: &Node) -> String {
    match name(item) {
        Some(name) => key(path, name),
        None => format!("{path}[{index}]"),
    }
}

fn name(item: &Node) -> Option<&str> {
    let Node::Map(entries) = item else {
        return None;
    };
    let (_, value) = entries.iter().find(|(key, _)| key == "name")?;
    match value {
        Node::Text(name) => Some(name.trim()).filter(|name| !name.is_empty()),
        _ => None,
    }
}
