//! A key in the original system's own words and units.

use config::snapshot::Token;
use ledger::Nanos;
use serde_json::{Map, Value, json};

use super::expiry;

/// One unit of the original's quota is 0.000002 USD (contract section 5).
const NANOS_PER_UNIT: i64 = 2_000;

/// An amount in units, rounded half away from zero.
pub(super) fn units(amount: Nanos) -> i64 {
    let half = amount.0.signum() * (NANOS_PER_UNIT / 2);
    amount.0.saturating_add(half) / NANOS_PER_UNIT
}

/// `token_usage`: what the key may spend, has spent, and may do. An unlimited one was granted nothing
/// and owes what it has spent, as in the original: tools look at `unlimited_quota` first.
pub(super) fn token(token: &Token, spent: Nanos) -> Value {
    let (granted, used) = (units(token.budget.unwrap_or_default()), units(spent));
    let models: Map<String, Value> = token
        .models
        .iter()
        .flatten()
        .map(|model| (model.as_str().to_string(), Value::Bool(true)))
        .collect();
    json!({
        // Two lineages of the original tell success by different members.
        "code": true,
        "success": true,
        "message": "ok",
        "data": {
            "object": "token_usage",
            "name": &*token.name,
            "total_granted": granted,
            "total_used": used,
            "total_available": granted.saturating_sub(used),
            "unlimited_quota": token.budget.is_none(),
            "model_limits": models,
            "model_limits_enabled": token.models.is_some(),
            "expires_at": expiry(token),
        },
    })
}
