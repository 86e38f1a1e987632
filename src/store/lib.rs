//! What is kept: one trait of domain verbs, and the databases that implement it.
//!
//! SQL is written once, with `?`, in `sql`; a driver only runs it. Every verb blocks, for a bounded
//! time: call them from a plain thread or from `spawn_blocking`.

mod accounts;
mod audit;
mod book;
pub mod counters;
mod database;
mod driver;
mod error;
mod leases;
mod mysql;
mod postgres;
mod search;
mod server;
mod sql;
mod sqlite;
mod usage;
mod verify;

#[cfg(test)]
mod conformance;

use std::sync::Arc;

use config::database::Address;
use jiff::Timestamp;
use ledger::{Record, Sink};

use crate::database::Database;

pub use accounts::{Accounts, Change, Changed, KeySearch, MAX_ROWS, Revisions};
pub use audit::{Audit, Deed, DeedPage, DeedSearch};
pub use book::{Book, EntryPage, EntrySearch, Posted};
pub use error::StoreError;
pub use leases::{LEASE_TERM, Leases};
pub use search::{BadCursor, Cursor, MAX_PAGE, Page, Search};
pub use usage::{Bucket, Dimension, MAX_SUMS, Sum, Sums, UsageSearch};
pub use verify::{Difference, MAX_DIFFERENCES, Subject};

/// Everything the gateway keeps. Records come in through `Sink::put`, which is idempotent by id.
pub trait Store: Sink + Accounts + Audit + Book + Leases {
    /// The record of one request.
    fn request(&self, id: &str) -> Result<Option<Record>, StoreError>;

    /// Records that match, newest first.
    fn requests(&self, search: &Search) -> Result<Page, StoreError>;

    /// What was used, summed up. Sums are kept with the records they count, and outlive them.
    fn usage(&self, search: &UsageSearch) -> Result<Sums, StoreError>;

    /// Removes the oldest records, at most `limit` of them, and sums of the oldest hour, when they
    /// are of before `before`. Zero: there is nothing left to remove.
    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Recomputes the sums that are kept, and tells those that differ, some of each kind. Records of
    /// before `from` may be pruned: the hours and days of before are not held against them.
    fn verify(&self, from: Timestamp) -> Result<Vec<Difference>, StoreError>;

    /// Whether the store answers.
    fn ping(&self) -> Result<(), StoreError>;
}

/// Opens the store at `address`, creating or migrating it: a file, or a database of a PostgreSQL or
/// MySQL server, in any form that `config::database` reads.
///
/// A server that cannot be reached is opened later: until then every verb fails.
pub fn open(address: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match address.parse()? {
        Address::Sqlite(rest) => Arc::new(Database::open(sqlite::Sqlite::open(&rest)?)?),
        Address::Postgres(server) => Arc::new(Database::open(postgres::Postgres::new(&server)?)?),
        Address::MySql(server) => Arc::new(Database::open(mysql::MySql::new(&server)?)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_opened_say_what_would_be() {
        for (url, words) in [
            ("data/tollgate.db", "sqlite://"),
            ("postgres://user:secret@host", "postgres"),
            ("mysql://user:secret@host:x/db", "port"),
            ("sqlite://", "sqlite://"),
            ("sqlite:data.db", "sqlite://"),
            ("sqlite://data.db?mode=ro", "options"),
            (
                "postgres://user:secret@host/db?sslmode=require&sslrootcert=/nowhere.pem",
                "/nowhere.pem",
            ),
            (
                "mysql://user:secret@host/db?sslmode=require&sslrootcert=/nowhere.pem",
                "/nowhere.pem",
            ),
        ] {
            let error = open(url).err().expect(url).to_string();
            assert!(error.contains(words), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
