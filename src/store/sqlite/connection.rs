//! How a connection is opened and set.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::address::Address;
use crate::error::StoreError;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries for a lock that SQLite does not wait for.
const PAUSE: Duration = Duration::from_millis(2);
/// Pages of 4 KiB in the log before they are folded into the file: the ends of the indexes are written by
/// every batch, and folded in once for all of them. Four times the default saves 2 % of a batch's CPU, more of the disk's.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Pages that the writer keeps in memory: those that rows are added to, of each index.
const CACHE_KIB: i64 = 8_192;
/// Prepared statements kept: each combination of filters is one.
const CACHED_STATEMENTS: usize = 64;

/// The one connection that writes.
pub(super) fn writer(address: &Address) -> Result<Connection, StoreError> {
    let Address::File(path) = address else {
        return set(Connection::open_in_memory()?);
    };
    make_folder(path)?;
    let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let writer = set(Connection::open_with_flags(path, create | own_mutex())?)?;
    begin_log(&writer)?;
    // The journal forgets what is stored: a commit must outlive a loss of power, too, which NORMAL
    // does not promise in WAL mode. One sync for each batch. https://sqlite.org/pragma.html#pragma_synchronous
    writer.pragma_update(None, "synchronous", "full")?;
    writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    writer.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(writer)
}

/// Readers go on while the writer writes; kept in the file, so asked for once. https://sqlite.org/wal.html
///
/// SQLite does not wait for the lock of another process that does the same to a new file: it refuses at once,
/// whatever the timeout.
fn begin_log(writer: &Connection) -> rusqlite::Result<()> {
    let begin = Instant::now();
    loop {
        let begun = writer.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
        match begun {
            Err(error) if is_busy(&error) && begin.elapsed() < BUSY_TIMEOUT => thread::sleep(PAUSE),
            begun => return begun,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    // Not opened read-only: a reader may have to recover the log of a process that was killed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | own_mutex();
    let reader = set(Connection::open_with_flags(path, flags)?)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

/// Each connection is behind a mutex of ours.
fn own_mutex() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn set(connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
        path: folder.to_owned(),
        source,
    })
}
