//! What the drivers of database servers share: their bounds, and waiting for them.

mod blocking;
mod pooled;
mod tls;

use std::future::Future;
use std::time::Duration;

use refinery::Runner;
use tokio::time::timeout;

use crate::error::StoreError;

pub(crate) use blocking::Blocking;
pub(crate) use pooled::pooled;
pub(crate) use tls::client_config;

/// Until a connection stands, TLS and password included.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// Until a statement, or the statements of a transaction, are done.
pub(crate) const ANSWER: Duration = Duration::from_secs(15);
/// What the server itself is told to give up after, so that it does not go on for nobody.
pub(crate) const SERVER_ANSWER: Duration = Duration::from_secs(12);
/// Until a connection of the pool is free: the admin API may use all of them.
pub(crate) const POOL_WAIT: Duration = Duration::from_secs(5);
/// Until the nodes that migrate first are done.
pub(crate) const MIGRATION_LOCK: Duration = Duration::from_secs(120);
/// Until the migrations are done, the wait for other nodes included: they may rewrite tables.
pub(crate) const MIGRATION: Duration = Duration::from_secs(3_600);
/// Silence of a connection after which the server is asked whether it is still there.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(30);
/// Connections at most: one writes, the others serve the admin API.
pub(crate) const CONNECTIONS: usize = 5;
/// Connections of leases beside those: callers wait for them, and must not wait for an admin's question.
/// One may be kept by an account whose rows are locked.
pub(crate) const LEASING: usize = 2;

/// The newest migration of this program; none of the store may be newer.
pub(crate) fn check_version(runner: &Runner, found: i64) -> Result<i64, StoreError> {
    let versions = runner.get_migrations().iter();
    let known = versions.map(|step| i64::from(step.version())).max();
    let known = known.unwrap_or(0);
    match found > known {
        true => Err(StoreError::NewerSchema { found, known }),
        false => Ok(known),
    }
}

/// Gives `work` up after `bound`.
pub(crate) async fn within<T>(
    database: &'static str,
    bound: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = StoreError::Late {
        database,
        after: bound,
    };
    timeout(bound, work).await.unwrap_or(Err(late))
}

#[cfg(test)]
pub(crate) mod tests;
