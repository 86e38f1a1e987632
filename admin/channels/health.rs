//! How channels are, and an admin's word that they are well again.

use axum::Json;
use axum::extract::State;
use config::health::{self, LaneState, Shut, Tick};
use config::snapshot::{Channel, UpstreamKey};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::deed::{self, deed};
use crate::path::Named;
use crate::problem::Problem;
use crate::state::AdminState;

/// How a channel is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    pub(super) name: String,
    provider: String,
    enabled: bool,
    /// Enabled, and at least one key may be used now.
    up: bool,
    keys: Vec<KeyHealth>,
}

/// How a provider key is.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyHealth {
    /// How the key is told apart without showing it; null for a channel without keys.
    fingerprint: Option<String>,
    /// `up`, `rate_limited` or `shut`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why it is shut: `breaker`, `unauthorized` or `exhausted`.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// When it is worth trying again.
    until: Option<Timestamp>,
    /// Whether a first request tries it just now.
    probing: bool,
}

/// Every key of the channel is tried again.
#[utoipa::path(post, path = "/api/channels/{name}/clear", tag = "channels", params(("name" = String, Path)),
    responses((status = 200, body = Health), (status = 404, body = Problem)))]
pub(crate) async fn clear(
    State(state): State<AdminState>,
    Named(name): Named,
) -> Result<Json<Health>, Problem> {
    let snapshot = state.live.full();
    let found = snapshot
        .channels
        .iter()
        .find(|channel| *channel.name == *name);
    let channel = found.ok_or_else(|| Problem::not_found(format!("no channel {name}")))?;
    let was = Clock::now().channel(channel);
    for key in &channel.keys {
        key.lane.clear();
    }
    tracing::info!(channel = name, "channel cleared over the admin API");
    let became = Clock::now().channel(channel);
    let subject = format!("channel:{name}");
    let (before, after) = (json!(was), json!(became));
    let deed = deed(
        "channel.clear",
        subject,
        Some(&before),
        Some(&after),
        deed::now(),
    );
    state.note(deed).await;
    Ok(Json(became))
}

impl Health {
    /// Of a channel that does not run here.
    pub(super) fn waiting(name: &str, settings: &Map<String, Value>) -> Health {
        let provider = settings.get("provider").and_then(Value::as_str);
        Health {
            name: name.to_owned(),
            provider: provider.unwrap_or_default().to_owned(),
            enabled: settings.get("enabled") != Some(&Value::Bool(false)),
            up: false,
            keys: Vec::new(),
        }
    }
}

/// One moment, in the monotonic time of the lanes and in the wall time of the answer.
pub(super) struct Clock {
    tick: Tick,
    wall: Timestamp,
}

impl Clock {
    pub(super) fn now() -> Clock {
        Clock {
            tick: Tick::now(),
            wall: Timestamp::now(),
        }
    }

    pub(super) fn channel(&self, channel: &Channel) -> Health {
        Health {
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
