//! Puts answers on the wire: the paced body, the event frames, ids and dates.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;

/// How fast the demo model speaks.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before the first content.
    pub first: Duration,
    /// Before each further piece of about one word.
    pub each: Duration,
}

impl Pace {
    /// About forty tokens a second, as a mid-sized hosted model does.
    pub const NATURAL: Pace = Pace {
        first: Duration::from_millis(120),
        each: Duration::from_millis(25),
    };
    /// No waiting at all.
    pub const INSTANT: Pace = Pace {
        first: Duration::ZERO,
        each: Duration::ZERO,
    };
}

/// The frames of a streamed answer, in order.
#[derive(Default)]
pub(super) struct Script {
    steps: VecDeque<Step>,
}

struct Step {
    paced: bool,
    frame: Bytes,
}

impl Script {
    /// A frame that goes out together with the one before.
    pub(super) fn now(&mut self, frame: impl Into<Bytes>) {
        self.push(false, frame.into());
    }

    /// A frame the model had to produce: one pace later.
    pub(super) fn next(&mut self, frame: impl Into<Bytes>) {
        self.push(true, frame.into());
    }

    fn push(&mut self, paced: bool, frame: Bytes) {
        self.steps.push_back(Step { paced, frame });
    }

    /// The body, which waits before each step as `pace` says. A client that leaves drops it.
    pub(super) fn play(self, pace: Pace) -> Body {
        let next = move |(mut steps, mut wait): (VecDeque<Step>, Duration)| async move {
            let step = steps.pop_front()?;
            if step.paced && !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            if step.paced {
                wait = pace.each;
            }
            Some((Ok::<_, Infallible>(step.frame), (steps, wait)))
        };
        Body::from_stream(stream::unfold((self.steps, pace.first), next))
    }
}

/// A `data:` frame.
pub(super) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A frame with the event name its payload's `type` gives.
pub(super) fn event(value: &Value) -> String {
    let name = value["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n")
}

/// A streamed answer as server-sent events.
pub(super) fn event_stream(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

/// An answer of one JSON value.
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], value.to_string()).into_response()
}

/// A fresh id: the prefix and 24 hexadecimal digits.
pub(super) fn id(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // RandomState has fresh random keys each time: no random source needed for ids of a demo.
    let random = RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    let count = COUNT.load(Ordering::Relaxed) & 0xffff_ffff;
    format!("{prefix}{count:08x}{random:016x}")
}

/// What vouches for a piece of reasoning: as opaque to clients as a vendor's signature, valid
/// base64, and checked when it comes back, so that a gateway that alters either is found out.
pub(super) fn signature(thinking: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let part = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        (salt, thinking).hash(&mut hasher);
        hasher.finish()
    };
    format!(
        "{:016x}{:016x}{:016x}{:016x}",
        part(1),
        part(2),
        part(3),
        part(4)
    )
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
