//! Removes records and entries of the audit log that are older than the configuration keeps them, a few
//! at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Live;
use jiff::{SignedDuration, Timestamp};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use store::{Audit, Store, StoreError};
use tokio::task;

/// From the start to the first look: the start has other work.
const FIRST: Duration = Duration::from_secs(30);
/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(600);
/// Records removed at once: some ten milliseconds during which an embedded store takes no other.
const BATCH: usize = 500;
/// From one batch to the next: the writer of records comes first.
const PAUSE: Duration = Duration::from_millis(50);

/// The service.
pub(crate) struct Retention {
    pub(crate) live: Arc<Live>,
    pub(crate) store: Arc<dyn Store>,
}

#[async_trait]
impl BackgroundService for Retention {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        tokio::select! {
            () = self.keep_up() => {}
            _ = shutdown.changed() => {}
        }
    }
}

impl Retention {
    async fn keep_up(&self) {
        tokio::time::sleep(FIRST).await;
        loop {
            match self.prune(Timestamp::now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "old records removed"),
                // Also when another node removes the same ones: there is a next time.
                Err(error) => tracing::warn!(%error, "old records not removed"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Removes what is too old at `now`; returns how much that was.
    async fn prune(&self, now: Timestamp) -> Result<usize, StoreError> {
        let kept = self.live.full().retention;
        let requests = self
            .remove(before(now, kept.requests), <dyn Store>::prune)
            .await?;
        let audit = self.remove(before(now, kept.audit), <dyn Store as Audit>::prune_deeds);
        Ok(requests + audit.await?)
    }

    /// Batch after batch, until there is nothing left of before `before`.
    async fn remove(&self, before: Timestamp, batch: Batch) -> Result<usize, StoreError> {
        let mut sum = 0;
        loop {
            let store = Arc::clone(&self.store);
            let removed = task::spawn_blocking(move || batch(&*store, before, BATCH)).await;
            match removed.unwrap_or(Ok(0))? {
                0 => return Ok(sum),
                removed => sum += removed,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A verb of the store that removes so many at most.
type Batch = fn(&dyn Store, Timestamp, usize) -> Result<usize, StoreError>;

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use ledger::{End, Nanos, Record, UsageSource};
    use llm::{Format, Operation, Usage};
    use store::Search;

    use super::*;

    fn record(id: usize, at: Timestamp) -> Record {
        Record {
            id: id.to_string(),
            client_request_id: None,
            at,
            user: "root".into(),
            token: "ci".into(),
            token_id: "yaml:ci".into(),
            group: "default".into(),
            operation: Operation::Chat,
            client_format: Format::Chat,
            upstream_format: None,
            model: "m".into(),
            upstream_model: None,
            channel: None,
            attempts: 0,
            status: 404,
            end: End::Refused,
            stream: false,
            first_byte_ms: None,
            duration_ms: 1,
            overhead_us: 1,
            usage: Usage::default(),
            usage_source: UsageSource::None,
            cost: Nanos::ZERO,
            config: "1".into(),
            upstream_request_id: None,
            error: None,
        }
    }

    #[tokio::test]
    async fn what_is_too_old_goes_in_batches_and_the_rest_stays() {
        let yaml = "store: 'sqlite::memory:'\nretention: { requests: 2h }\n";
        let live = Live::from_text(yaml, &crate::assembly::environment()).expect("it compiles");
        let store = store::open("sqlite::memory:").expect("memory");
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let minutes = |n: usize| SignedDuration::from_mins(n as i64);
        // Three batches of too old ones, each minute ten.
        let records: Vec<_> = (0..1_500)
            .map(|n| record(n, now - minutes(n / 10)))
            .collect();
        store.put(&records).expect("kept");
        let retention = Retention {
            live: Arc::new(live),
            store: Arc::clone(&store),
        };
        let removed = retention.prune(now).await.expect("pruned");
        let search = Search {
            limit: 1_000,
            ..Search::default()
        };
        let oldest = Search {
            before: Some(now - minutes(120)),
            ..search.clone()
        };
        assert_eq!(store.requests(&oldest).expect("a page").items.len(), 0);
        let kept = Search {
            after: Some(now - minutes(120)),
            before: Some(now - minutes(110)),
            ..search
        };
        assert_eq!(store.requests(&kept).expect("a page").items.len(), 100);
        assert!(removed >= 290, "{removed}");
        assert_eq!(retention.prune(now).await.expect("pruned"), 0);
    }
}
