//! The shapes of OpenAI's old billing dashboard.

use config::snapshot::Token;
use ledger::Nanos;
use serde_json::{Value, json};

use super::{expiry, number};

/// The limit by which tools tell an unlimited key, in USD.
const UNLIMITED: i64 = 100_000_000;
const NANOS_PER_USD: i64 = 1_000_000_000;
const NANOS_PER_CENT: i64 = NANOS_PER_USD / 100;

/// `billing_subscription`: what the key may spend in all, in USD.
pub(super) fn subscription(token: &Token) -> Value {
    let limit = match token.budget {
        Some(budget) => number(budget.0, NANOS_PER_USD),
        None => UNLIMITED.into(),
    };
    json!({
        "object": "billing_subscription",
        "has_payment_method": true,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": expiry(token),
    })
}

/// What the key has spent in all, in cents.
pub(super) fn usage(spent: Nanos) -> Value {
    json!({ "object": "list", "total_usage": number(spent.0, NANOS_PER_CENT) })
}
