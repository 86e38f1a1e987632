//! The control plane over HTTP: what operators read and do, and what scrapers collect.
//!
//! One file per resource. It knows the store and the running configuration, and of the data plane
//! only what `Gateway` says.

mod auth;
mod channels;
mod configuration;
mod health;
mod metrics;
mod problem;
mod query;
mod requests;
mod serve;
mod state;
mod usage;

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

pub use metrics::metrics_router;
pub use serve::{serve, serve_metrics};
pub use state::{AdminState, Gateway};

use crate::problem::Problem;

/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The admin API. Every call needs the admin's key, also those to paths that do not exist.
pub fn router(state: AdminState) -> Router {
    Router::new()
        .route("/api/health", get(health::show))
        .route("/api/requests", get(requests::list))
        .route("/api/requests/{id}", get(requests::show))
        .route("/api/usage", get(usage::show))
        .route("/api/channels", get(channels::list))
        .route("/api/channels/{name}/clear", post(channels::clear))
        .route("/api/check", get(configuration::check))
        .route("/api/reload", post(configuration::reload))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(state.clone(), auth::check))
        .layer(middleware::from_fn(private))
        .with_state(state)
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(format!("no resource at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::wrong_method(format!("{method} is not possible on {}", uri.path()))
}

async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let seconds = REQUEST_TIMEOUT.as_secs();
        Problem::unavailable(format!("no answer within {seconds} s")).into_response()
    })
}

/// Answers hold what callers did: no cache keeps them, no browser guesses at their type.
async fn private(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    answer
}

#[cfg(test)]
mod tests;
