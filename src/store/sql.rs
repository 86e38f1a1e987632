//! The SQL, written once: `?` for every value, no word that one of the databases does not know.

pub(crate) mod requests;
mod value;

pub(crate) use value::{Row, Value};

/// A statement and its values.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value<'a>>,
}
