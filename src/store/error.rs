//! Why a store cannot do what it was asked.

use std::path::PathBuf;
use std::time::Duration;

use config::database::BadAddress;
use ledger::Nanos;

/// What went wrong; the text never contains the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not an address of a store.
    #[error("{0}; {hint}", hint = .0.hint)]
    Address(#[from] BadAddress),
    /// Not an address of a file.
    #[error("not a SQLite address; write sqlite://path or sqlite::memory:")]
    SqliteAddress,
    /// `?…` after the path.
    #[error("options after `?` are not understood in a SQLite address")]
    SqliteOptions,
    /// The folder of the file cannot be made.
    #[error("cannot create the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A newer program has migrated it.
    #[error(
        "the store has schema version {found}, and this program knows versions up to {known}: \
         run the newer program, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// In the store.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// A migration failed.
    #[error("the store's schema could not be brought up to date: {0}")]
    Migration(String),
    /// A row holds what this program does not understand.
    #[error("row of `{table}`: column `{column}` holds an unknown value")]
    Row {
        /// Whose row.
        table: &'static str,
        /// Which value.
        column: &'static str,
    },
    /// The file with the certificates to trust cannot be used.
    #[error("the store's certificates at {}: {why}", path.display())]
    Certificates {
        /// `sslrootcert`.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer, or does not take another connection.
    #[error("{database} cannot be reached: {why}")]
    Unreachable {
        /// Which server.
        database: &'static str,
        /// What was seen.
        why: String,
    },
    /// Another thread is still opening the store.
    #[error("the store is not open yet")]
    Opening,
    /// No answer within the time.
    #[error("{database} did not answer within {} s", after.as_secs())]
    Late {
        /// Which server.
        database: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// Others changed the same rows again and again at the same time.
    #[error("others are changing the same rows of the store at this moment")]
    Contended,
    /// The database undid the transaction because it and another one waited for each other. Run again
    /// it may succeed.
    #[error("{database} undid a transaction that was in another's way: {words}")]
    Undone {
        /// Which server.
        database: &'static str,
        /// What it said.
        words: String,
    },
    /// An entry of no amount.
    #[error("an entry moves more or less than nothing")]
    NoAmount,
    /// A sum that no column holds.
    #[error("the sum of this account's entries would be beyond {} USD", Nanos::MAX)]
    TooMuch,
    /// A thread for the driver cannot be had.
    #[error("no thread for the store's connections: {0}")]
    Thread(std::io::Error),
    /// The database's own words.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The server's own words.
    #[error("{database}: {words}")]
    Server {
        /// Which server.
        database: &'static str,
        /// What it said.
        words: String,
    },
}

impl StoreError {
    /// A failed migration in all its words: what the database said is the last of them.
    pub(crate) fn migration(error: refinery::Error) -> StoreError {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        StoreError::Migration(words)
    }

    /// Whether the server may answer when it is asked again later.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            StoreError::Unreachable { .. } | StoreError::Late { .. } | StoreError::Opening
        )
    }
}
