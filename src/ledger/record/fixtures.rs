//! A record to test with: the example of the documentation.

use llm::{Format, Operation, Usage};

use super::{End, Record, UsageSource};
use crate::journal::{HeldRates, Hold};
use crate::money::Nanos;

/// The documented example, with this id.
pub(crate) fn record(id: &str) -> Record {
    Record {
        id: id.into(),
        client_request_id: None,
        at: "2026-11-21T20:00:00Z".parse().expect("a literal time"),
        user: "root".into(),
        token: "ci".into(),
        token_id: "yaml:ci".into(),
        group: "default".into(),
        operation: Operation::Chat,
        client_format: Format::Messages,
        upstream_format: Some(Format::Chat),
        model: "gpt-4o".into(),
        upstream_model: Some("gpt-4o".into()),
        channel: Some("openai-main".into()),
        attempts: 1,
        status: 200,
        end: End::Complete,
        stream: true,
        first_byte_ms: Some(210),
        duration_ms: 3120,
        overhead_us: 95,
        usage: Usage {
            input: 1200,
            cache_read: 400,
            output: 310,
            reasoning: 120,
            ..Usage::default()
        },
        usage_source: UsageSource::Provider,
        cost: Nanos(5_600_000),
        config: "1-abc".into(),
        upstream_request_id: None,
        error: None,
    }
}

/// A request about to be sent: a hundred tokens in at 2.50 USD for a million, 10 USD out.
pub(crate) fn hold(id: &str) -> Hold {
    Hold {
        record: Record {
            attempts: 1,
            status: 503,
            end: End::GatewayLost,
            first_byte_ms: None,
            duration_ms: 0,
            usage: Usage {
                input: 100,
                ..Usage::default()
            },
            usage_source: UsageSource::Estimated,
            cost: Nanos::ZERO,
            ..record(id)
        },
        rates: HeldRates {
            input: 2_500_000_000,
            output: 10_000_000_000,
            request: 0,
            ratio: 1_000_000_000,
        },
    }
}
