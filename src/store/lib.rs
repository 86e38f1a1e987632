//! What is kept: one trait of domain verbs, and the databases that implement it.
//!
//! SQL is written once, with `?`, in `sql`; a driver only runs it. Every verb blocks: call them from
//! a plain thread or from `spawn_blocking`.

pub mod counters;
mod error;
mod search;
mod sql;
mod sqlite;

#[cfg(test)]
mod conformance;

use std::sync::Arc;

use ledger::{Record, Sink};

pub use error::StoreError;
pub use search::{BadCursor, Cursor, MAX_PAGE, Page, Search};

/// Everything the gateway keeps. Records come in through `Sink::put`, which is idempotent by id.
pub trait Store: Sink {
    /// The record of one request.
    fn request(&self, id: &str) -> Result<Option<Record>, StoreError>;

    /// Records that match, newest first.
    fn requests(&self, search: &Search) -> Result<Page, StoreError>;

    /// Whether the store answers.
    fn ping(&self) -> Result<(), StoreError>;
}

/// Opens the store at `url`, creating or migrating it: `sqlite://path` or `sqlite::memory:`.
pub fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(StoreError::NoScheme);
    };
    match scheme {
        "sqlite" => Ok(Arc::new(sqlite::Sqlite::open(rest)?)),
        _ => Err(StoreError::UnknownScheme(scheme.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_opened_say_what_would_be() {
        for (url, words) in [
            ("data/tollgate.db", "sqlite://"),
            ("postgres://user:secret@host/db", "postgres"),
            ("sqlite://", "sqlite://"),
            ("sqlite:data.db", "sqlite://"),
            ("sqlite://data.db?mode=ro", "options"),
        ] {
            let error = open(url).err().expect(url).to_string();
            assert!(error.contains(words), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
