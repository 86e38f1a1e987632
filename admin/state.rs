//! What the handlers share.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use config::Live;
use jiff::Timestamp;
use serde::Serialize;
use store::{Change, Changed, Deed, Store, StoreError};
use utoipa::ToSchema;

use crate::problem::Problem;

/// What the admin API may know of the data plane, and tell it.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// Records waiting for the store.
    fn ledger_queue(&self) -> usize;

    /// Requests under way.
    fn in_flight(&self) -> usize;

    /// A reload asked for over the API brought another snapshot.
    fn reloaded(&self);

    /// Rows of the store were changed over the API: when this returns, this node knows them. May block,
    /// for as long as the store takes.
    fn rows_changed(&self) {}

    /// Sends one tiny request to the channel's upstream, for the model that is named or one that the
    /// channel serves. `None`: nobody here can.
    async fn test_channel(&self, name: &str, model: Option<&str>) -> Option<Tested> {
        let _ = (name, model);
        None
    }
}

/// What a test of a channel found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tested {
    /// Whether the upstream answered as it should.
    pub ok: bool,
    /// The upstream's status; null when it was not reached.
    pub status: Option<u16>,
    /// How long it took.
    pub latency_ms: u64,
    /// What went wrong, without secrets.
    pub error: Option<String>,
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
        self.work(move |state| Ok(question(&*state.store)?)).await
    }

    /// Works on a thread that may block. It goes on when nobody waits for it any more.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AdminState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&state)).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "work for the admin API did not end");
            Err(Problem::internal())
        })
    }

    /// Changes a row and tells the gateway; returns its new revision, or `None` when the row is not what
    /// it was. Blocks.
    pub(crate) fn change(
        &self,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Option<u64>, Problem> {
        let changed = self.store.change(change, deed, now)?;
        Ok(self.changed(changed, deed))
    }

    /// The same for a document, which was tried out beside all others: `None`, too, when one of those
    /// was changed since the store counted `configuration`.
    pub(crate) fn change_beside(
        &self,
        configuration: u64,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Option<u64>, Problem> {
        let beside = self.store.change_beside(configuration, change, deed, now);
        Ok(self.changed(beside?, deed))
    }

    /// Writes down what was done to something that is no row, on a thread that may block. It is done: an
    /// audit log that cannot be written must not keep anybody from steering the gateway.
    pub(crate) async fn note(&self, deed: Deed) {
        let noted = self.ask(move |store| store.note(&deed)).await;
        if noted.is_err() {
            tracing::warn!("what was done over the admin API is not in the audit log");
        }
    }

    fn changed(&self, changed: Changed, deed: &Deed) -> Option<u64> {
        let Changed::Done { revision } = changed else {
            return None;
        };
        tracing::info!(
            action = deed.action,
            subject = deed.subject,
            "changed over the admin API"
        );
        self.gateway.rows_changed();
        Some(revision)
    }
}
