//! The SQL, written once: `?` for every value, no word that one of the databases does not know but
//! those that `dialect` spells.

pub(crate) mod audit;
mod batch;
mod dialect;
pub(crate) mod documents;
pub(crate) mod entries;
mod hash;
pub(crate) mod journals;
pub(crate) mod keys;
pub(crate) mod leases;
pub(crate) mod purses;
pub(crate) mod requests;
pub(crate) mod revisions;
pub(crate) mod rows;
pub(crate) mod usage;
pub(crate) mod users;
mod value;
pub(crate) mod verify;

use std::borrow::Cow;

pub(crate) use dialect::Dialect;
pub(crate) use value::{Row, Value};

/// A statement, spelled for its database, and its values.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    fn new(dialect: Dialect, sql: String, values: Vec<Value<'a>>) -> Statement<'a> {
        Statement {
            sql: Cow::Owned(dialect.spell(sql)),
            values,
        }
    }
}

/// A statement of a transaction.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) statement: Statement<'a>,
    /// How many rows it has to change, when the transaction depends on that.
    pub(crate) changes: Option<u64>,
}
