//! The metrics listener: what scrapers and liveness probes read.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};

/// `GET /metrics` and `GET /healthz`. `refresh` is called before each scrape, for gauges that
/// are read rather than counted.
pub fn metrics_router(registry: Registry, refresh: impl Fn() + Send + Sync + 'static) -> Router {
    let refresh = Arc::new(refresh);
    let scrape = move || {
        refresh();
        let answer = encode(&registry);
        async move { answer }
    };
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(async || "ok\n"))
}

fn encode(registry: &Registry) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
