//! What is known about upstream accounts while running: who may be tried, who must rest.
//!
//! State lives here, outside the snapshot, keyed by channel and key, so that it survives reloads.

mod book;
mod lane;
mod tick;

pub use book::{LaneBook, fingerprint};
pub use lane::{Admission, BreakerSettings, Change, Lane, LaneState, Outcome, Shut};
pub use tick::Tick;

use crate::snapshot::Channel;

/// Whether any key of the channel may be used at `now`, the admin's and the metrics' "up".
pub fn channel_up(channel: &Channel, now: Tick) -> bool {
    channel.enabled
        && channel
            .keys
            .iter()
            .any(|key| key.lane.state(now).usable(now))
}
