//! Brings the schema to the version of this program, one node at a time.

use tokio_postgres::Client;

use super::connect::{Connect, fail};
use crate::error::StoreError;
use crate::server::{MIGRATION_LOCK, check_version};

mod embedded {
    refinery::embed_migrations!("../../migrations/postgres");
}

/// The lock that a migrating node holds in the database; any number that nothing else uses.
const LOCK: i64 = 0x746f_6c6c_6761_7465;

/// Runs the migrations that the store has not seen, on a connection of its own: the lock ends with
/// it, however that ends.
pub(super) async fn migrate(connect: &Connect) -> Result<(), StoreError> {
    let mut client = connect.once().await?;
    let lock = format!(
        "SET lock_timeout = {}; SELECT pg_advisory_lock({LOCK}); SET lock_timeout = 0",
        MIGRATION_LOCK.as_millis()
    );
    client.batch_execute(&lock).await.map_err(fail)?;
    let runner = embedded::migrations::runner();
    let found = version(&client).await?;
    let known = check_version(&runner, found)?;
    if found == known {
        return Ok(());
    }
    let report = runner.set_grouped(true).run_async(&mut client).await;
    report.map_err(StoreError::migration)?;
    tracing::info!(from = found, to = known, "store migrated");
    Ok(())
}

/// The newest migration the store has seen; 0 for a new one.
async fn version(client: &Client) -> Result<i64, StoreError> {
    let kept = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    let kept = client.query_one(kept, &[]).await.map_err(fail)?;
    if !kept.try_get::<_, bool>(0).map_err(fail)? {
        return Ok(0);
    }
    let newest = "SELECT CAST(coalesce(max(version), 0) AS BIGINT) FROM refinery_schema_history";
    let newest = client.query_one(newest, &[]).await.map_err(fail)?;
    newest.try_get(0).map_err(fail)
}
