//! Where records are kept: `store`, `redis`, `encryption_key`.

use secrecy::SecretString;

use super::environment::Environment;
use crate::database::Address;
use crate::reader::{Field, Map};

const DEFAULT: &str = "sqlite://data/tollgate.db";

/// Reads the keys; gives the URLs of the store and of Redis.
pub(super) fn read(
    root: &mut Map<'_>,
    environment: &Environment<'_>,
) -> (Option<String>, Option<SecretString>) {
    let store = store(&root.take("store"), environment);
    let redis = redis(&root.take("redis"), environment);
    // Read so that it is known and checked; nothing is encrypted before keys are stored.
    root.take("encryption_key").text();
    (store, redis)
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

/// The address of the counters that nodes share; it may hold a password and is never repeated.
fn redis(field: &Field<'_>, environment: &Environment<'_>) -> Option<SecretString> {
    let variable = environment.instead_of(field, "REDIS_CONN_STRING");
    let field = variable.as_ref().unwrap_or(field);
    let text = field.text()?.trim();
    if text.is_empty() {
        return None;
    }
    let schemes = ["redis://", "rediss://", "redis+unix://", "unix://"];
    if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
        field.error(
            "not the address of a Redis server",
            "write redis://127.0.0.1:6379, or rediss:// for TLS",
        );
        return None;
    }
    Some(text.into())
}
