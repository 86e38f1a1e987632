//! What runs beside the requests: configuration reloads, the admin API, the metrics listener.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use config::Live;
use config::live::Reloaded;
use filters::Shared;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::sync::watch;

use crate::logs;

/// Watches the configuration files and SIGHUP, and tells the data plane of every new snapshot,
/// wherever it comes from.
pub(crate) struct Reloads {
    pub(crate) live: Arc<Live>,
    pub(crate) shared: Arc<Shared>,
}

#[async_trait]
impl BackgroundService for Reloads {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let numbers = self.live.subscribe();
        self.shared.on_reload();
        begin_replicas(&self.shared);
        let shared = Arc::clone(&self.shared);
        // Whether the files compile may have changed without a new snapshot.
        let reloaded = move |_: &Reloaded| shared.on_reload();
        tokio::select! {
            () = Arc::clone(&self.live).watch(reloaded) => {}
            () = follow(numbers, &self.live, &self.shared) => {}
            _ = shutdown.changed() => {}
        }
    }
}

async fn follow(mut numbers: watch::Receiver<u64>, live: &Live, shared: &Arc<Shared>) {
    while numbers.changed().await.is_ok() {
        logs::change(&live.load().log);
        shared.on_reload();
        begin_replicas(shared);
    }
}

/// Beside the caller, not before it goes on: names may take their time. Needs a runtime.
pub(crate) fn begin_replicas(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move { shared.begin_replicas().await });
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Start = Box<dyn FnOnce() -> Serving + Send>;

/// Runs one server of ours (admin, metrics) until the process ends: it stays up while
/// requests drain.
pub(crate) struct Side {
    start: Mutex<Option<Start>>,
}

impl Side {
    /// `start` is called on the service's own runtime.
    pub(crate) fn new(start: impl FnOnce() -> Serving + Send + 'static) -> Side {
        Side {
            start: Mutex::new(Some(Box::new(start))),
        }
    }
}

#[async_trait]
impl BackgroundService for Side {
    async fn start(&self, _shutdown: ShutdownWatch) {
        let start = self
            .start
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(start) = start {
            start().await;
        }
    }
}
