//! What the handlers share.

use std::sync::Arc;
use std::time::Instant;

use config::Live;
use store::{Store, StoreError};

use crate::problem::Problem;

/// What the admin API may know of the data plane, and tell it.
pub trait Gateway: Send + Sync + 'static {
    /// Records waiting for the store.
    fn ledger_queue(&self) -> usize;

    /// Requests under way.
    fn in_flight(&self) -> usize;

    /// A reload asked for over the API brought another snapshot.
    fn reloaded(&self);
}

/// Shared by all calls; cheap to clone.
#[derive(Clone)]
pub struct AdminState {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) started: Instant,
}

impl AdminState {
    /// Uptime counts from here.
    pub fn new(store: Arc<dyn Store>, live: Arc<Live>, gateway: Arc<dyn Gateway>) -> AdminState {
        AdminState {
            store,
            live,
            gateway,
            started: Instant::now(),
        }
    }

    /// Asks the store on a thread that may block.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.store);
        let asked = tokio::task::spawn_blocking(move || question(&*store));
        match asked.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the store did not answer the admin API");
                Err(Problem::unavailable(format!("the store: {error}")))
            }
            Err(error) => {
                tracing::error!(%error, "a question to the store did not end");
                Err(Problem::internal())
            }
        }
    }
}
