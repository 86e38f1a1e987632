//! Waiting for an async driver, from any thread.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::task;

use crate::error::StoreError;

/// The runtime of a driver: one thread, which serves the sockets.
pub(crate) struct Blocking {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Blocking {
    pub(crate) fn new() -> Result<Blocking, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(StoreError::Thread)?;
        Ok(Blocking {
            runtime: Some(runtime),
        })
    }

    /// Blocks this thread until `work` is done, which bounds itself.
    ///
    /// Not `Runtime::block_on`, which panics on the threads of any runtime: a probe may ask from one.
    /// There the budget of the task that asks must not count, or `work` may never go on.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("taken only by drop");
        let _entered = runtime.enter();
        futures_executor::block_on(task::unconstrained(work))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // A plain drop waits, and panics where that is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
