//! What the audit log is told of a change.

use jiff::Timestamp;
use serde_json::Value;
use store::Deed;
use uuid::Uuid;

/// Whoever has the admin key.
pub(crate) const ADMIN: &str = "admin";

/// The time, no finer than stores keep it: what is answered now is what is answered later.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// A new unique id; later ones sort after earlier ones.
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// A change that is made now. Secrets are out of `was` and `became` already.
pub(crate) fn deed(
    action: &str,
    subject: String,
    was: Option<&Value>,
    became: Option<&Value>,
    now: Timestamp,
) -> Deed {
    Deed {
        id: new_id(),
        at: now,
        actor: ADMIN.into(),
        action: action.into(),
        subject,
        was: was.map(Value::to_string),
        became: became.map(Value::to_string),
    }
}
