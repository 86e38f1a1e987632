//! The road every format's request takes: read, answer, write whole or streamed, or refuse.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::answer::{Answer, answer};
use super::ask::Ask;
use super::fault::Fault;
use super::wire::{self, Pace, Script};

/// What a format does in its own way.
pub(super) struct Dialect {
    pub(super) whole: fn(&Ask, &Answer) -> Value,
    pub(super) stream: fn(&Ask, &Answer) -> Script,
    /// Wraps a stream that plays at this pace.
    pub(super) open: fn(&Ask, axum::body::Body) -> Response,
    pub(super) refuse: fn(&Fault) -> Response,
}

impl Dialect {
    /// Answers what was asked, or tells the fault.
    pub(super) async fn reply(&self, asked: Result<Ask, Fault>, pace: Pace) -> Response {
        let ask = match asked.and_then(Ask::paired).and_then(Ask::declared) {
            Ok(ask) => ask,
            Err(fault) => return (self.refuse)(&fault),
        };
        let answer = answer(&ask);
        if ask.stream {
            let body = (self.stream)(&ask, &answer).play(pace);
            return (self.open)(&ask, body);
        }
        tokio::time::sleep(pace.first).await;
        wire::json(StatusCode::OK, &(self.whole)(&ask, &answer))
    }
}
