//! MySQL and MariaDB: a small pool of connections, each statement prepared once on each.

mod connect;
mod schema;
mod value;

use std::sync::Arc;

use config::database::Server;
use deadpool::managed::Pool;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Transaction, TxOpts};

use self::connect::{Connect, fail, pool, unpooled};
use self::value::{decode, encode};
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::server::{Blocking, CONNECTIONS, LEASING, MIGRATION, pooled, within};
use crate::sql::{Dialect, Statement, Step, Value};

const NAME: &str = "mysql";

/// A database of a MySQL server.
pub(crate) struct MySql {
    pool: Pool<Connect>,
    connect: Connect,
    blocking: Arc<Blocking>,
}

impl MySql {
    /// Connects to nothing yet.
    pub(crate) fn new(server: &Server) -> Result<MySql, StoreError> {
        let connect = Connect::new(server)?;
        Ok(MySql {
            pool: pool(connect.clone(), CONNECTIONS)?,
            connect,
            blocking: Arc::new(Blocking::new()?),
        })
    }

    fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut mysql_async::Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.blocking
            .wait(pooled(NAME, &self.pool, unpooled, async |connection| {
                work(connection).await
            }))
    }
}

impl Driver for MySql {
    fn apart(&self) -> Result<Option<MySql>, StoreError> {
        Ok(Some(MySql {
            pool: pool(self.connect.clone(), LEASING)?,
            connect: self.connect.clone(),
            blocking: Arc::clone(&self.blocking),
        }))
    }

    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let migration = within(NAME, MIGRATION, schema::migrate(&self.connect));
        self.blocking.wait(migration)
    }

    fn query(&self, statement: &Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
        self.with(async |connection| {
            let values = parameters(statement);
            let rows: Vec<mysql_async::Row> = connection
                .exec(&*statement.sql, values)
                .await
                .map_err(fail)?;
            rows.into_iter()
                .map(|row| row.unwrap().into_iter().map(decode).collect())
                .collect()
        })
    }

    fn commit(&self, steps: &[Step<'_>]) -> Result<Committed, StoreError> {
        self.with(async |connection| {
            let begun = connection.start_transaction(TxOpts::default()).await;
            let mut transaction = begun.map_err(fail)?;
            let run = run(&mut transaction, steps).await;
            if let Ok(Committed::All) = run {
                transaction.commit().await.map_err(fail)?;
                return run;
            }
            // One that is only dropped keeps its locks until somebody uses its connection again.
            let undone = transaction.rollback().await;
            let run = run?;
            undone.map_err(fail)?;
            Ok(run)
        })
    }
}

/// Runs the steps, up to one that changes another number of rows than it has to.
async fn run(
    transaction: &mut Transaction<'_>,
    steps: &[Step<'_>],
) -> Result<Committed, StoreError> {
    for Step { statement, changes } in steps {
        let values = parameters(statement);
        let done = transaction.exec_drop(&*statement.sql, values).await;
        done.map_err(fail)?;
        let changed = transaction.affected_rows();
        if changes.is_some_and(|changes| changes != changed) {
            return Ok(Committed::Nothing);
        }
    }
    Ok(Committed::All)
}

fn parameters(statement: &Statement<'_>) -> Params {
    match statement.values.is_empty() {
        true => Params::Empty,
        false => Params::Positional(statement.values.iter().map(encode).collect()),
    }
}

#[cfg(test)]
mod tests;
