//! The end of the process: as soon as nothing is in flight, at the latest after `gateway.drain`.
//!
//! Pingora's own shutdown sleeps its whole grace period whatever is in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use filters::Shared;
use ledger::writer::Writer;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

use crate::logs;

/// How often the requests in flight are counted.
const LOOK: Duration = Duration::from_millis(20);
/// Longest wait for requests that were cut to be closed.
const CLOSING: Duration = Duration::from_secs(2);

/// Ends the process properly once shutdown has begun.
pub(crate) struct Drain {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) limit: Duration,
}

#[async_trait]
impl BackgroundService for Drain {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        while !*shutdown.borrow() {
            if shutdown.changed().await.is_err() {
                return;
            }
        }
        let deadline = Instant::now() + self.limit;
        tracing::info!(in_flight = self.shared.in_flight(), "draining");
        while self.shared.in_flight() > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        let left = self.shared.in_flight();
        if left > 0 {
            tracing::warn!(
                left,
                "requests still in flight at the end of gateway.drain are cut"
            );
            self.shared.cut_all();
            let deadline = Instant::now() + CLOSING;
            while self.shared.in_flight() > 0 && Instant::now() < deadline {
                tokio::time::sleep(LOOK).await;
            }
        }
        let writer = Arc::clone(&self.writer);
        let left = tokio::task::spawn_blocking(move || writer.stop()).await;
        match left {
            Ok(0) => tracing::info!("drained"),
            _ => tracing::warn!(
                records = self.writer.queued(),
                "records wait in the journal for the next start"
            ),
        }
        logs::flush();
        std::process::exit(0);
    }
}
