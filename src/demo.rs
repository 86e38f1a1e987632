//! The upstream of `tollgate demo`: a provider on the loopback that speaks all four formats.
//!
//! It answers what was asked, at the pace of a model: streams word by word, calls the tools the caller
//! declared with arguments that fit their schemas, reasons when asked to, keeps to token
//! limits and stop sequences, counts tokens, and refuses what a vendor would refuse.
//! It has no memory, no account and no network.

mod answer;
mod ask;
mod chat;
mod choose;
mod completions;
mod curl;
mod dialect;
mod fault;
mod gemini;
mod limit;
mod messages;
mod models;
mod openai;
mod prose;
mod read;
mod responses;
mod said;
mod schema;
mod wire;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;

pub use curl::curl_lines;
pub use wire::Pace;

/// The names the demo lists; it answers to any other as well, except those that begin with `no-such-`.
pub const MODELS: [&str; 2] = ["demo-fast", "demo-reasoner"];

/// As much as the gateway itself lets through by default.
const MAX_BODY: usize = 32 << 20;

/// Serves the demo upstream until the listener fails or the task is dropped.
pub async fn serve(listener: TcpListener, pace: Pace) -> std::io::Result<()> {
    axum::serve(listener, router_at(pace)).await
}

/// The demo upstream at that pace.
pub fn router_at(pace: Pace) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat::serve))
        .route("/v1/completions", post(completions::serve))
        .route("/v1/responses", post(responses::serve))
        .route("/v1/messages", post(messages::serve))
        .route("/v1/messages/count_tokens", post(messages::count))
        .route("/v1/models", get(models::list))
        .route("/v1beta/models", get(models::list))
        // Google's clients call both versions, and the first one shares its list with OpenAI's.
        .route("/v1/models/{*call}", get(models::one).post(gemini::serve))
        .route(
            "/v1beta/models/{*call}",
            get(models::one).post(gemini::serve),
        )
        .fallback(models::no_path)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(pace)
}
