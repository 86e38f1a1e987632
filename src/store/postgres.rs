//! PostgreSQL: a small pool of connections, each statement prepared once on each.

mod connect;
mod schema;
mod value;

use std::sync::Arc;

use config::database::Server;
use deadpool_postgres::{GenericClient, Object, Pool};
use tokio_postgres::types::ToSql;

use self::connect::{Connect, fail, unpooled};
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::server::{Blocking, CONNECTIONS, LEASING, MIGRATION, pooled, within};
use crate::sql::{Dialect, Statement, Step, Value};

const NAME: &str = "postgres";

/// A database of a PostgreSQL server.
pub(crate) struct Postgres {
    pool: Pool,
    connect: Connect,
    blocking: Arc<Blocking>,
}

impl Postgres {
    /// Connects to nothing yet.
    pub(crate) fn new(server: &Server) -> Result<Postgres, StoreError> {
        let connect = Connect::new(server)?;
        Ok(Postgres {
            pool: connect.pool(CONNECTIONS)?,
            connect,
            blocking: Arc::new(Blocking::new()?),
        })
    }

    fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut Object) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.blocking.wait(pooled(NAME, &self.pool, unpooled, work))
    }
}

impl Driver for Postgres {
    fn apart(&self) -> Result<Option<Postgres>, StoreError> {
        Ok(Some(Postgres {
            pool: self.connect.pool(LEASING)?,
            connect: self.connect.clone(),
            blocking: Arc::clone(&self.blocking),
        }))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let migration = within(NAME, MIGRATION, schema::migrate(&self.connect));
        self.blocking.wait(migration)
    }

    fn query(&self, statement: &Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
        self.with(async |connection| {
            let prepared = connection
                .prepare_cached(&statement.sql)
                .await
                .map_err(fail)?;
            let values = references(&statement.values);
            let rows = connection.query(&prepared, &values).await.map_err(fail)?;
            let decode = |row: &tokio_postgres::Row| {
                (0..row.len()).map(|column| row.try_get(column)).collect()
            };
            rows.iter()
                .map(decode)
                .collect::<Result<_, _>>()
                .map_err(fail)
        })
    }

    fn commit(&self, steps: &[Step<'_>]) -> Result<Committed, StoreError> {
        self.with(async |connection| {
            let transaction = connection.transaction().await.map_err(fail)?;
            for Step { statement, changes } in steps {
                let prepared = transaction
                    .prepare_cached(&statement.sql)
                    .await
                    .map_err(fail)?;
                let values = references(&statement.values);
                let changed = transaction
                    .execute(&prepared, &values)
                    .await
                    .map_err(fail)?;
                if changes.is_some_and(|changes| changes != changed) {
                    transaction.rollback().await.map_err(fail)?;
                    return Ok(Committed::Nothing);
                }
            }
            transaction.commit().await.map_err(fail)?;
            Ok(Committed::All)
        })
    }
}

fn references<'v>(values: &'v [Value<'_>]) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

#[cfg(test)]
mod tests;
