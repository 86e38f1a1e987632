//! A small HTTP/1 server with bounds: for listeners that operators and scrapers use.
//!
//! `axum::serve` has no timer for slow headers and no bound on connections; this is its loop with
//! both.

use std::cell::LazyCell;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use prometheus::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::state::AdminState;
use crate::{metrics_router, router};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// From the connection, or the end of the last answer, to the end of the next request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head. Bodies have their own bound (`body.rs`), and their time is the call's.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;
/// After `shutdown`: how long answers may take to end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// After a failed accept, when descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the admin API until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    state: AdminState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    run(listener, move || router(state), shutdown).await;
    Ok(())
}

/// Serves the metrics until `shutdown`; `refresh` as for `metrics_router`.
pub async fn serve_metrics(
    listener: TcpListener,
    registry: Registry,
    refresh: impl Fn() + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    run(
        listener,
        move || metrics_router(registry, refresh),
        shutdown,
    )
    .await;
    Ok(())
}

/// The router is made when somebody comes: with its descriptions it is a good part of what an idle
/// gateway would have in memory.
async fn run(
    listener: TcpListener,
    router: impl FnOnce() -> Router,
    shutdown: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut shutdown = std::pin::pin!(shutdown);
    let router = LazyCell::new(router);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let next = async { (place.await, accept(&listener).await) };
        let (place, stream) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        let served = connections.watch(builder().serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(router.clone()),
        ));
        tokio::spawn(async move {
            // Clients that leave or are too slow are their own affair.
            let _ = served.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, connections.shutdown()).await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
}
