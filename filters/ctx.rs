//! A request's stages: each knows only what is known by then.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use config::snapshot::Snapshot;
use jiff::Timestamp;
use llm::Format;

use crate::exchange::{Asked, Exchange};
use crate::reject::Refusal;

/// What Pingora carries from phase to phase.
pub struct Ctx {
    /// When the head was read.
    pub(crate) arrived: Instant,
    /// The same moment on the wall clock.
    pub(crate) at: Timestamp,
    /// The request's own id, on every answer and record.
    pub(crate) id: Arc<str>,
    /// The configuration this request keeps to its end.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The client's address, `X-Forwarded-For` of a trusted proxy considered.
    pub(crate) client: IpAddr,
    /// What the caller's errors look like.
    pub(crate) format: Format,
    /// How far it came.
    pub(crate) stage: Stage,
    /// Counts the request as in flight while it lives.
    pub(crate) _in_flight: crate::shared::InFlight,
}

/// How far a request came.
pub(crate) enum Stage {
    /// The head is known.
    Received,
    /// Answered by the gateway itself, not a model operation.
    Local,
    /// Refused before there was a caller.
    Refused(Refusal),
    /// A model operation of an authenticated caller: exactly one record comes of it.
    Exchange(Box<Exchange>),
}

impl Ctx {
    pub(crate) fn new(snapshot: Arc<Snapshot>, in_flight: crate::shared::InFlight) -> Ctx {
        let at = Timestamp::now();
        Ctx {
            arrived: Instant::now(),
            at,
            id: new_id(at),
            snapshot,
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            format: Format::Chat,
            stage: Stage::Received,
            _in_flight: in_flight,
        }
    }

    /// The exchange with what it asks for, once that is understood.
    pub(crate) fn asked(&self) -> Option<(&Exchange, &Asked)> {
        match &self.stage {
            Stage::Exchange(exchange) => Some((&**exchange, exchange.asked.as_ref()?)),
            _ => None,
        }
    }

    pub(crate) fn exchange(&mut self) -> Option<&mut Exchange> {
        match &mut self.stage {
            Stage::Exchange(exchange) => Some(exchange),
            _ => None,
        }
    }
}

/// A UUID version 7 (RFC 9562, 5.7): ids sort by their time. The random part comes from the
/// thread's own generator, which asks the kernel once and not for every request.
fn new_id(at: Timestamp) -> Arc<str> {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    let mut text = uuid::Uuid::encode_buffer();
    Arc::from(&*id.simple().encode_lower(&mut text))
}
