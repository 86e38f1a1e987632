//! The data plane: one file per phase of a request.

mod answer;
mod attempt;
mod auth;
mod body;
mod budget;
mod conduct;
mod connections;
mod count;
mod ctx;
mod endpoint;
mod error_event;
mod exchange;
mod fail_to_proxy;
mod failover;
mod framing;
mod head;
mod hold;
mod limit;
mod local;
mod logging;
pub mod metrics;
mod own;
mod probe;
mod proofs;
pub mod proxy;
mod query;
mod reject;
mod replicas;
mod request_filter;
pub mod resolve;
mod route;
mod settle;
pub mod shared;
mod show;
mod translate;
mod upstream;

pub use metrics::Metrics;
pub use own::{Statement, Unread};
pub use probe::{NoProbe, Probed};
pub use proxy::Gateway;
pub use shared::Shared;

/// The format and operation that a POST to `path` asks for; `None` when it is not a model
/// operation.
pub fn operation_of(path: &str) -> Option<(llm::Format, llm::Operation)> {
    match endpoint::Endpoint::of(&http::Method::POST, path) {
        endpoint::Endpoint::Model(model) => Some((model.format, model.operation)),
        _ => None,
    }
}
