//! Which keys of a channel can be used, and whose turn it is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;

use crate::health::{LaneState, Tick};
use crate::snapshot::{Channel, KeyRotation};

/// Whether looking at a round robin moves it on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Take,
    Peek,
}

/// How a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Ready,
    Limited,
    Shut,
}

/// How a key of `channel` stands at `now`.
pub(super) fn standing(channel: &Channel, key: usize, now: Tick) -> Standing {
    match channel.keys[key].lane.state(now) {
        LaneState::RateLimited { .. } => Standing::Limited,
        // A lane whose probe is due stands where it always does, else it would never be probed
        // while others are well. One request gets the probe, the rest go on to the next.
        state if state.usable(now) => Standing::Ready,
        _ => Standing::Shut,
    }
}

/// Until the first key of a channel may be tried again.
pub(super) fn wait(channel: &Channel, now: Tick) -> Option<Duration> {
    let waits = channel
        .keys
        .iter()
        .filter_map(|key| match key.lane.state(now) {
            LaneState::Shut { until, .. } => Some(until.since(now)),
            LaneState::Up | LaneState::RateLimited { .. } => None,
        });
    waits.min()
}

/// The keys of `channel` in this standing, in the order of its rotation.
pub(super) fn rotated(
    channel: &Channel,
    wanted: Standing,
    turn: Turn,
    now: Tick,
    rng: &mut impl Rng,
) -> Vec<usize> {
    let fit = |key: &usize| standing(channel, *key, now) == wanted;
    let mut keys: Vec<usize> = (0..channel.keys.len()).filter(fit).collect();
    if keys.len() < 2 {
        return keys;
    }
    match channel.key_rotation {
        KeyRotation::Random => keys.shuffle(rng),
        KeyRotation::RoundRobin => {
            let first = next_turn(channel, turn) % keys.len();
            keys.rotate_left(first);
        }
    }
    keys
}

fn next_turn(channel: &Channel, turn: Turn) -> usize {
    let Some(key) = channel.keys.first() else {
        return 0;
    };
    let counter = key.lane.turn();
    match turn {
        Turn::Take => counter.fetch_add(1, Ordering::Relaxed),
        Turn::Peek => counter.load(Ordering::Relaxed),
    }
}
