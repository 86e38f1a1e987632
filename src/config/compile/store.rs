//! Where records are kept: `store`, `redis`, `encryption_key`.

use super::environment::Environment;
use super::unbuilt;
use crate::database::Address;
use crate::reader::{Field, Map};

const DEFAULT: &str = "sqlite://data/tollgate.db";

/// Reads the keys; gives the URL of the store.
pub(super) fn read(root: &mut Map<'_>, environment: &Environment<'_>) -> Option<String> {
    let store = store(&root.take("store"), environment);
    redis(&root.take("redis"), environment);
    // Read so that it is known and checked; nothing is encrypted before keys are stored.
    root.take("encryption_key").text();
    store
}

fn store(field: &Field<'_>, environment: &Environment<'_>) -> Option<String> {
    if !field.is_absent() {
        return url(field);
    }
    let set = ["SQL_DSN", "DATABASE_URL"]
        .into_iter()
        .find_map(|name| environment.get(name));
    match set {
        // The original system's word for its file beside the program.
        Some(field) if field.peek().is_some_and(|text| text.starts_with("local")) => {
            Some(DEFAULT.to_string())
        }
        Some(field) => url(&field),
        None => Some(DEFAULT.to_string()),
    }
}

/// The URL may hold a password: it is never repeated.
fn url(field: &Field<'_>) -> Option<String> {
    let text = field.word("store URL")?;
    match text.parse::<Address>() {
        Ok(_) => Some(text.to_string()),
        Err(error) => {
            field.error(error.what, error.hint);
            None
        }
    }
}

fn redis(field: &Field<'_>, environment: &Environment<'_>) {
    if let Some(variable) = environment.instead_of(field, "REDIS_CONN_STRING") {
        unbuilt::refuse(
            &variable,
            "unset REDIS_CONN_STRING, or write redis: \"\" into the configuration, which wins",
        );
    }
    if field.text().is_some_and(|text| !text.trim().is_empty()) {
        unbuilt::refuse(
            field,
            "take it out: limits are not shared between nodes yet",
        );
    }
}
