//! Why a store cannot do what it was asked.

use std::path::PathBuf;

/// What went wrong; the text never contains the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No `scheme:` in the address.
    #[error("the store's address has no scheme; write for example sqlite://data/tollgate.db")]
    NoScheme,
    /// A database this build does not speak.
    #[error("no store speaks `{0}`; this build has sqlite://path and sqlite::memory:")]
    UnknownScheme(String),
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
    #[error("the store's schema could not be brought up to date")]
    Migration(#[source] Box<refinery::Error>),
    /// A row holds what this program does not understand.
    #[error("row of `{table}`: column `{column}` holds an unknown value")]
    Row {
        /// Whose row.
        table: &'static str,
        /// Which value.
        column: &'static str,
    },
    /// The database's own words.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}
