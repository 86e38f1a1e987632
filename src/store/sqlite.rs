//! The embedded store: one SQLite file, one writing connection, a few that read.

mod address;
mod connection;
mod schema;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use self::address::Address;
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::sql::{self, Dialect, Statement, Step, Value};

/// Connections for reading: they serve the admin API, not the traffic.
const READERS: usize = 4;

/// A SQLite database.
pub(crate) struct Sqlite {
    writer: Mutex<Connection>,
    /// Opened when they are needed, because each has the schema in memory. Empty for a database in memory,
    /// which only its one connection sees.
    readers: Vec<OnceLock<Mutex<Connection>>>,
    path: PathBuf,
    turn: AtomicUsize,
}

impl Sqlite {
    /// Opens what follows `sqlite:` in the address.
    pub(crate) fn open(address: &str) -> Result<Sqlite, StoreError> {
        let address: Address = address.parse()?;
        let mut writer = connection::writer(&address)?;
        schema::migrate(&mut writer)?;
        let (readers, path) = match address {
            Address::Memory => (0, PathBuf::new()),
            Address::File(path) => (READERS, path),
        };
        Ok(Sqlite {
            writer: Mutex::new(writer),
            readers: (0..readers).map(|_| OnceLock::new()).collect(),
            path,
            turn: AtomicUsize::new(0),
        })
    }

    /// A free reader, or the one whose turn it is.
    fn reader(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        if self.readers.is_empty() {
            return Ok(lock(&self.writer));
        }
        for reader in &self.readers {
            let Some(opened) = reader.get() else {
                // Where two open it at once, one of the two connections goes again.
                let opened = connection::reader(&self.path)?;
                return Ok(lock(reader.get_or_init(|| Mutex::new(opened))));
            };
            if let Ok(free) = opened.try_lock() {
                return Ok(free);
            }
        }
        let opened: Vec<_> = self.readers.iter().filter_map(OnceLock::get).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Ok(lock(opened[turn % opened.len()]))
    }
}

/// A panic between two statements leaves a connection usable: its transaction is rolled back.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Driver for Sqlite {
    fn apart(&self) -> Result<Option<Sqlite>, StoreError> {
        Ok(None)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    /// A file is there or not: `open` has done it all.
    fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn query(&self, statement: &Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
        let connection = self.reader()?;
        let mut query = connection.prepare_cached(&statement.sql)?;
        let columns = query.column_count();
        let rows = query.query_map(params_from_iter(&statement.values), |row| {
            (0..columns).map(|column| row.get(column)).collect()
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn commit(&self, steps: &[Step<'_>]) -> Result<Committed, StoreError> {
        let mut writer = lock(&self.writer);
        // Immediate: waits for another process's lock here, where waiting is allowed.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for step in steps {
            let values = params_from_iter(&step.statement.values);
            let mut statement = transaction.prepare_cached(&step.statement.sql)?;
            let changed = statement.execute(values)? as u64;
            if step.changes.is_some_and(|changes| changes != changed) {
                return Ok(Committed::Nothing);
            }
        }
        transaction.commit()?;
        Ok(Committed::All)
    }
}

impl rusqlite::ToSql for sql::Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl rusqlite::types::FromSql for sql::Value<'static> {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        use rusqlite::types::ValueRef;
        Ok(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(_) => Value::Text(value.as_str()?.to_owned().into()),
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(rusqlite::types::FromSqlError::InvalidType);
            }
        })
    }
}

#[cfg(test)]
mod money_tests;
#[cfg(test)]
mod tests;
