//! Brings the schema to the version of this program, one node at a time.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Pool, PoolConstraints, PoolOpts};

use super::NAME;
use super::connect::{Connect, fail};
use crate::error::StoreError;
use crate::server::{CONNECT, MIGRATION_LOCK, check_version, within};

mod embedded {
    refinery::embed_migrations!("../../migrations/mysql");
}

/// Runs the migrations that the store has not seen. The lock ends with its connection, however that
/// ends.
pub(super) async fn migrate(connect: &Connect) -> Result<(), StoreError> {
    let connected = async { connect.once().await.map_err(fail) };
    let mut connection = within(NAME, CONNECT, connected).await?;
    lock(&mut connection).await?;
    let runner = embedded::migrations::runner();
    let found = version(&mut connection).await?;
    let known = check_version(&runner, found)?;
    if found < known {
        // The lock's connection serves as the pattern of those that migrate.
        let mut pool = pool_like(&connection);
        let report = runner.run_async(&mut pool).await;
        // A connection that cannot be closed well is closed all the same.
        let _ = pool.disconnect().await;
        report.map_err(StoreError::migration)?;
        tracing::info!(from = found, to = known, "store migrated");
    }
    connection.disconnect().await.map_err(fail)
}

/// Locks are the server's, not the database's; their names have 64 characters at most.
async fn lock(connection: &mut Conn) -> Result<(), StoreError> {
    let lock = "SELECT GET_LOCK(CONCAT('tollgate.', SHA1(DATABASE())), ?)";
    let got = connection
        .exec_first(lock, (MIGRATION_LOCK.as_secs(),))
        .await;
    match got.map_err(fail)? {
        Some(Some(1_i64)) => Ok(()),
        _ => Err(StoreError::Late {
            database: NAME,
            after: MIGRATION_LOCK,
        }),
    }
}

/// The newest migration the store has seen; 0 for a new one.
async fn version(connection: &mut Conn) -> Result<i64, StoreError> {
    let kept = "SELECT COUNT(*) FROM information_schema.tables \
                WHERE table_schema = DATABASE() AND table_name = 'refinery_schema_history'";
    let kept: Option<i64> = connection.query_first(kept).await.map_err(fail)?;
    if kept == Some(0) {
        return Ok(0);
    }
    let newest = "SELECT CAST(COALESCE(MAX(version), 0) AS SIGNED) FROM refinery_schema_history";
    let newest: Option<i64> = connection.query_first(newest).await.map_err(fail)?;
    Ok(newest.unwrap_or(0))
}

/// What the migrations need: one connection is enough.
fn pool_like(connection: &Conn) -> Pool {
    let one = PoolConstraints::new(1, 1).expect("the least is not above the most");
    let opts = OptsBuilder::from_opts(connection.opts().clone());
    Pool::new(opts.pool_opts(PoolOpts::default().with_constraints(one)))
}
