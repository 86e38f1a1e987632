//! Work with a connection of a pool.

use deadpool::managed::{Manager, Object, Pool, PoolError};

use super::{ANSWER, CONNECT, POOL_WAIT, within};
use crate::error::StoreError;

/// Does `work` with a connection of the pool; one that is late does not go back to it.
pub(crate) async fn pooled<M: Manager, T>(
    database: &'static str,
    pool: &Pool<M>,
    unpooled: impl Fn(PoolError<M::Error>) -> StoreError,
    work: impl AsyncFnOnce(&mut Object<M>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let connected = async { pool.get().await.map_err(unpooled) };
    let mut connection = within(database, POOL_WAIT + CONNECT, connected).await?;
    let done = within(database, ANSWER, work(&mut connection)).await;
    if matches!(done, Err(StoreError::Late { .. })) {
        drop(Object::take(connection));
    }
    done
}
