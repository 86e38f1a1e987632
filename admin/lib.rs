//! The control plane over HTTP: what operators read and do, and what scrapers collect.
//!
//! One file per resource. It knows the store and the running configuration, and of the data plane
//! only what `Gateway` says.

mod audit;
mod auth;
mod body;
mod channels;
mod condition;
mod configuration;
mod deed;
mod documents;
mod effective;
mod encryption;
mod entries;
mod groups;
mod health;
mod keys;
mod metrics;
mod models;
mod names;
mod openapi;
mod page;
mod patch;
mod path;
mod problem;
mod query;
mod requests;
mod said;
mod serve;
mod settings;
mod state;
mod strict;
mod usage;
mod users;

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use metrics::metrics_router;
pub use serve::{serve, serve_metrics};
pub use state::{AdminState, Gateway, Tested};

use crate::problem::Problem;

/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The admin API. Every call needs the admin's key, also those to paths that do not exist.
pub fn router(state: AdminState) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .route_layer(middleware::from_fn(query::check))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(state.clone(), auth::check))
        .layer(middleware::from_fn(private))
        .with_state(state)
}

/// Every resource, with what the document says of it.
fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(health::show))
        .routes(routes!(openapi::show))
        .routes(routes!(settings::show))
        .routes(routes!(configuration::check))
        .routes(routes!(configuration::reload))
        .routes(routes!(encryption::rotate))
        .routes(routes!(audit::list))
        .routes(routes!(requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(usage::show))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::update, users::remove))
        .routes(routes!(entries::of_user, entries::create))
        .routes(routes!(entries::list))
        .routes(routes!(keys::list, keys::change::create))
        .routes(routes!(
            keys::show,
            keys::change::update,
            keys::change::remove
        ))
        .routes(routes!(keys::rotate::rotate))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(
            channels::show,
            channels::put,
            channels::patch,
            channels::remove
        ))
        .routes(routes!(channels::health::clear))
        .routes(routes!(channels::test::test))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(
            groups::show,
            groups::put,
            groups::patch,
            groups::remove
        ))
        .routes(routes!(models::list, models::create))
        .routes(routes!(
            models::show,
            models::put,
            models::patch,
            models::remove
        ))
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
