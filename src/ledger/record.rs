//! The record of one request: exactly one per model operation of an authenticated caller.

use jiff::Timestamp;
use llm::{Format, Operation, Usage};
use serde::{Deserialize, Serialize};

use crate::money::Nanos;

/// How an exchange ended (contract section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The format's terminal event, or the whole body, was handed to the client.
    Complete,
    /// The client left first (status 499).
    ClientGone,
    /// The upstream's answer broke off.
    UpstreamCut,
    /// The upstream said that it failed.
    UpstreamError,
    /// The gateway refused.
    Refused,
    /// Found after a crash.
    GatewayLost,
}

impl End {
    /// The name used in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::ClientGone => "client_gone",
            End::UpstreamCut => "upstream_cut",
            End::UpstreamError => "upstream_error",
            End::Refused => "refused",
            End::GatewayLost => "gateway_lost",
        }
    }
}

/// Where the token counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider reported them.
    Provider,
    /// The gateway counted them itself.
    Estimated,
    /// Some classes of each.
    Mixed,
    /// There are none.
    None,
}

impl UsageSource {
    /// The name used in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            UsageSource::Provider => "provider",
            UsageSource::Estimated => "estimated",
            UsageSource::Mixed => "mixed",
            UsageSource::None => "none",
        }
    }
}

/// One row. Serialises to the JSON of contract section 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The gateway's own request id, unique; the answer's `x-request-id`.
    pub id: String,
    /// A well-formed request id that the client sent.
    pub client_request_id: Option<String>,
    /// When the request arrived.
    pub at: Timestamp,
    /// The token's owner.
    pub user: String,
    /// The token's name.
    pub token: String,
    /// The token's stable id.
    pub token_id: String,
    /// The group whose channels and ratio were used.
    pub group: String,
    /// What was asked for.
    pub operation: Operation,
    /// What the client speaks.
    pub client_format: Format,
    /// What the upstream speaks; null when none was reached.
    pub upstream_format: Option<Format>,
    /// The asked model name.
    pub model: String,
    /// The name sent upstream; null when none was reached.
    pub upstream_model: Option<String>,
    /// The channel that gave the answer, or the last one tried.
    pub channel: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// The HTTP status told to the client; 499 when it left.
    pub status: u16,
    /// How it ended.
    pub end: End,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Milliseconds from arrival to the first byte of the answer's body.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from arrival to the end.
    pub duration_ms: u64,
    /// Microseconds the gateway itself spent before the first attempt.
    pub overhead_us: u64,
    /// Tokens by class.
    pub usage: Usage,
    /// Where they come from.
    pub usage_source: UsageSource,
    /// What it cost, in USD as a decimal string.
    pub cost: Nanos,
    /// The configuration generation that served it.
    pub config: String,
    /// The upstream's own request id, for support cases.
    #[serde(default)]
    pub upstream_request_id: Option<String>,
    /// The upstream's or the gateway's error in words, bounded and scrubbed.
    #[serde(default)]
    pub error: Option<String>,
}

#[cfg(test)]
pub(crate) mod fixtures;

#[cfg(test)]
mod tests;
