//! The listeners beside the gateway: admin API, metrics, and the demo's upstream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use admin::{AdminState, Tested};
use async_trait::async_trait;
use config::Live;
use config::snapshot::Listen;
use filters::Shared;
use ledger::writer::Writer;
use prometheus::Registry;
use store::Store;
use tokio::net::TcpListener;

use crate::demo;
use crate::listen::{self, CannotListen};
use crate::rows::Rows;
use crate::upkeep::begin_replicas;

/// How often a socket that an older process still holds is tried.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What the side listeners look at.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) live: Arc<Live>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) rows: Arc<Rows>,
    pub(crate) registry: Registry,
}

/// A listening socket of ours. Pingora hands only its own over: while taking over from an
/// older process, the others wait until it has let go.
pub(crate) enum Socket {
    Bound(std::net::TcpListener),
    Later(&'static str, Listen),
}

impl Socket {
    pub(crate) fn new(
        name: &'static str,
        listen: &Listen,
        upgrade: bool,
    ) -> Result<Socket, CannotListen> {
        match listen::bind(listen) {
            Ok(bound) => {
                tracing::info!("listening {name}={}", bound.address);
                Ok(Socket::Bound(bound.listener))
            }
            Err(_) if upgrade => Ok(Socket::Later(name, listen.clone())),
            Err(error) => Err(error),
        }
    }

    async fn listener(self) -> io::Result<TcpListener> {
        match self {
            Socket::Bound(listener) => TcpListener::from_std(listener),
            Socket::Later(name, listen) => loop {
                if let Ok(bound) = listen::bind(&listen) {
                    tracing::info!("listening {name}={}", bound.address);
                    return TcpListener::from_std(bound.listener);
                }
                tokio::time::sleep(TRY_AGAIN).await;
            },
        }
    }
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

fn serving<F>(name: &'static str, serve: F) -> Serving
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    Box::pin(async move {
        if let Err(error) = serve.await {
            tracing::error!(%error, name, "the listener failed");
        }
    })
}

/// Serves the demo's upstream.
pub(crate) fn demo(upstream: std::net::TcpListener) -> impl FnOnce() -> Serving + Send {
    move || {
        serving("demo", async move {
            let pace = crate::newcomer::pace();
            demo::serve(TcpListener::from_std(upstream)?, pace).await
        })
    }
}

/// Serves the admin API.
pub(crate) fn admin(socket: Socket, parts: Parts) -> impl FnOnce() -> Serving + Send {
    move || {
        serving("admin", async move {
            let plane = Arc::new(Plane {
                shared: parts.shared,
                writer: parts.writer,
                rows: parts.rows,
            });
            let state = AdminState::new(parts.store, parts.live, plane);
            admin::serve(socket.listener().await?, state, std::future::pending()).await
        })
    }
}

/// The data plane, as far as the admin API may know it.
struct Plane {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    rows: Arc<Rows>,
}

#[async_trait]
impl admin::Gateway for Plane {
    fn ledger_queue(&self) -> usize {
        self.writer.queued()
    }

    fn in_flight(&self) -> usize {
        self.shared.in_flight()
    }

    fn reloaded(&self) {
        self.shared.on_reload();
        begin_replicas(&self.shared);
    }

    fn rows_changed(&self) {
        if let Err(error) = self.rows.refresh() {
            tracing::warn!(%error, "a change will be known a little later");
        }
    }

    async fn test_channel(&self, name: &str, model: Option<&str>) -> Option<Tested> {
        let tested = match self.shared.probe(name, model).await {
            Ok(probed) => Tested {
                ok: probed.error.is_none(),
                status: probed.status,
                latency_ms: probed.took.as_millis() as u64,
                error: probed.error,
            },
            Err(none) => Tested {
                error: Some(none.to_string()),
                ..Tested::default()
            },
        };
        Some(tested)
    }
}

/// Serves the metrics.
pub(crate) fn metrics(socket: Socket, parts: Parts) -> impl FnOnce() -> Serving + Send {
    move || {
        serving("metrics", async move {
            let shared = parts.shared;
            let refresh = move || shared.on_scrape();
            let listener = socket.listener().await?;
            admin::serve_metrics(listener, parts.registry, refresh, std::future::pending()).await
        })
    }
}
