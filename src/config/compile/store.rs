//! Where records are kept: `store`, `redis`, `encryption_key`.

use secrecy::SecretString;

use super::environment::Environment;
use crate::database::Address;
use crate::raw::Node;
use crate::reader::{Field, Map, Problems};
use crate::seal::Sealer;
use crate::source::Sources;

const DEFAULT: &str = "sqlite://data/tollgate.db";

/// A key shorter than this can be guessed.
const SHORTEST_KEY: usize = 16;

/// What the keys say.
pub(super) struct Places {
    pub(super) store: Option<String>,
    pub(super) redis: Option<SecretString>,
    pub(super) sealer: Option<Sealer>,
}

/// Reads the keys.
pub(super) fn read(root: &mut Map<'_>, environment: &Environment<'_>) -> Places {
    Places {
        store: store(&root.take("store"), environment),
        redis: redis(&root.take("redis"), environment),
        sealer: sealer(&root.take("encryption_key"), environment),
    }
}

/// The keys that open documents, of a tree that is read as a whole only afterwards: nothing is
/// reported here.
pub(super) fn sealer_of(sources: &Sources) -> Option<Sealer> {
    let problems = Problems::default();
    let environment = Environment::new(&sources.environment, &problems);
    let root = Field::root(&sources.root, &problems);
    let mut entries = root.entries().into_iter();
    let field = entries.find(|(name, _)| *name == "encryption_key");
    let absent = Field::root(&Node::Null, &problems);
    sealer(&field.map_or(absent, |(_, field)| field), &environment)
}

/// One key, or several: the first seals, all open. An empty one is none.
fn sealer(field: &Field<'_>, environment: &Environment<'_>) -> Option<Sealer> {
    let variable = environment.instead_of(field, "CRYPTO_SECRET");
    let field = variable.as_ref().unwrap_or(field);
    let fields = match field.is_list() {
        true => field.list(),
        false => vec![field.clone()],
    };
    let keys: Vec<SecretString> = fields.iter().filter_map(encryption_key).collect();
    Sealer::new(&keys)
}

fn encryption_key(field: &Field<'_>) -> Option<SecretString> {
    let text = field.text()?.trim();
    if text.is_empty() {
        return None;
    }
    if text.chars().count() < SHORTEST_KEY {
        field.warn(
            format!("shorter than {SHORTEST_KEY} characters"),
            "take a long random one: openssl rand -hex 32",
        );
    }
    Some(text.into())
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
