//! What is known about upstream accounts while running: who may be tried, who must rest.
//!
//! State lives here, outside the snapshot, keyed by channel and key, so that it survives reloads.

mod book;
mod gate;
mod lane;
mod tick;
mod window;

use std::fmt;
use std::time::Duration;

pub use book::{LaneBook, fingerprint};
pub use lane::Lane;
pub use tick::Tick;

use crate::snapshot::Channel;

/// A disabled key is tried once in this time, to see whether it works again.
const DISABLED_PROBE_PERIOD: Duration = Duration::from_secs(300);
/// An upstream's `retry-after` is believed up to this long.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// A channel's `breaker` and `auto_disable` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures inside `window` open it; 0: never.
    pub failures: u32,
    /// How long a failure counts.
    pub window: Duration,
    /// How long it stays open before a probe.
    pub open: Duration,
    /// 401 and exhausted accounts take the key out; else they count as failures.
    pub auto_disable: bool,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings {
            failures: 5,
            window: Duration::from_secs(30),
            open: Duration::from_secs(30),
            auto_disable: true,
        }
    }
}

/// What an attempt says about its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Success,
    /// Connect failure, timer, 5xx, cut or unreadable answer.
    Failure,
    /// 429: others are preferred until then (`now` when it did not say).
    RateLimited {
        /// The end of its `retry-after`.
        until: Tick,
    },
    /// 401: the key is wrong.
    Unauthorized,
    /// The account has no money or quota left.
    Exhausted,
    /// Nothing: the caller left, or the request itself was refused.
    Neutral,
}

/// Why nothing goes through a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shut {
    /// Too many failures.
    Breaker,
    /// The upstream refused the key.
    Unauthorized,
    /// The account is exhausted.
    Exhausted,
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shut::Breaker => "breaker open",
            Shut::Unauthorized => "key refused by the upstream",
            Shut::Exhausted => "account exhausted",
        })
    }
}

/// The answer to "may this attempt go through?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Go,
    /// Yes, and its outcome decides whether the lane opens again. Report it.
    Probe,
    /// No.
    Closed {
        /// When it is worth asking again.
        until: Tick,
        /// Why.
        reason: Shut,
    },
}

/// What a report changed, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was up and is shut now, or shut for another reason.
    Shut(Shut),
    /// It was shut for this reason and is up again.
    Up(Shut),
}

/// A lane as the admin API and the plan see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// In use.
    Up,
    /// In use when nothing better is left.
    RateLimited {
        /// The end of its `retry-after`.
        until: Tick,
    },
    /// Out of use.
    Shut {
        /// Why.
        reason: Shut,
        /// When a probe may go through; while one runs, when it counts as lost.
        until: Tick,
        /// A probe is on its way.
        probing: bool,
    },
}

impl LaneState {
    /// Whether `admit` would let an attempt through at `now`.
    pub fn usable(self, now: Tick) -> bool {
        match self {
            LaneState::Up | LaneState::RateLimited { .. } => true,
            LaneState::Shut { until, .. } => until <= now,
        }
    }
}

/// Whether any key of the channel may be used at `now`, the admin's and the metrics' "up".
pub fn channel_up(channel: &Channel, now: Tick) -> bool {
    channel.enabled
        && channel
            .keys
            .iter()
            .any(|key| key.lane.state(now).usable(now))
}
