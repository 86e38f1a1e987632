//! `/api/channels`: how the upstream accounts are, and an admin's word that they are well again.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use config::health::{self, LaneState, Shut, Tick};
use config::snapshot::{Channel, UpstreamKey};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::problem::Problem;
use crate::state::AdminState;

#[derive(Serialize)]
pub(crate) struct Channels {
    items: Vec<ChannelHealth>,
}

#[derive(Serialize)]
pub(crate) struct ChannelHealth {
    name: String,
    provider: String,
    enabled: bool,
    /// Enabled, and at least one key may be used now.
    up: bool,
    keys: Vec<KeyHealth>,
}

#[derive(Serialize)]
struct KeyHealth {
    /// How the key is told apart without showing it; null for a channel without keys.
    fingerprint: Option<String>,
    /// `up`, `rate_limited` or `shut`.
    state: &'static str,
    /// Why it is shut: `breaker`, `unauthorized` or `exhausted`.
    reason: Option<&'static str>,
    /// When it is worth trying again.
    until: Option<Timestamp>,
    /// Whether a first request tries it just now.
    probing: bool,
}

/// `GET /api/channels`.
pub(crate) async fn list(State(state): State<AdminState>) -> Json<Channels> {
    let clock = Clock::now();
    let snapshot = state.live.full();
    let items = snapshot.channels.iter();
    let items = items.map(|channel| clock.channel(channel)).collect();
    Json(Channels { items })
}

/// `POST /api/channels/{name}/clear`: every key of the channel is tried again.
pub(crate) async fn clear(
    State(state): State<AdminState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<ChannelHealth>, Problem> {
    let Path(name) = name.map_err(|error| Problem::bad_request(error.body_text()))?;
    let snapshot = state.live.full();
    let found = snapshot
        .channels
        .iter()
        .find(|channel| *channel.name == *name);
    let channel = found.ok_or_else(|| Problem::not_found(format!("no channel {name}")))?;
    for key in &channel.keys {
        key.lane.clear();
    }
    tracing::info!(channel = name, "channel cleared over the admin API");
    Ok(Json(Clock::now().channel(channel)))
}

/// One moment, in the monotonic time of the lanes and in the wall time of the answer.
struct Clock {
    tick: Tick,
    wall: Timestamp,
}

impl Clock {
    fn now() -> Clock {
        Clock {
            tick: Tick::now(),
            wall: Timestamp::now(),
        }
    }

    fn channel(&self, channel: &Channel) -> ChannelHealth {
        ChannelHealth {
            name: channel.name.to_string(),
            provider: channel.provider.to_string(),
            enabled: channel.enabled,
            up: health::channel_up(channel, self.tick),
            keys: channel.keys.iter().map(|key| self.key(key)).collect(),
        }
    }

    fn key(&self, key: &UpstreamKey) -> KeyHealth {
        let secret = key.secret.expose_secret();
        let up = KeyHealth {
            fingerprint: (!secret.is_empty()).then(|| health::fingerprint(secret)),
            state: "up",
            reason: None,
            until: None,
            probing: false,
        };
        match key.lane.state(self.tick) {
            LaneState::Up => up,
            LaneState::RateLimited { until } => KeyHealth {
                state: "rate_limited",
                until: self.wall(until),
                ..up
            },
            LaneState::Shut {
                reason,
                until,
                probing,
            } => KeyHealth {
                state: "shut",
                reason: Some(reason_name(reason)),
                until: self.wall(until),
                probing,
                ..up
            },
        }
    }

    /// A time that has passed already is now: the lane waits for its next request.
    fn wall(&self, until: Tick) -> Option<Timestamp> {
        let left = SignedDuration::try_from(until.since(self.tick)).ok()?;
        self.wall.checked_add(left).ok()
    }
}

fn reason_name(reason: Shut) -> &'static str {
    match reason {
        Shut::Breaker => "breaker",
        Shut::Unauthorized => "unauthorized",
        Shut::Exhausted => "exhausted",
    }
}
