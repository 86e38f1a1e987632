//! Why a request cannot be admitted, in words for its caller.

use crate::fields::Unreadable;

/// A request the gateway cannot admit: which field, what is wrong, what to do. Its words are
/// meant for the caller and repeat nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAsk {
    /// Not a JSON object.
    #[error("the request body cannot be read: {0}; send one JSON object in UTF-8")]
    Unreadable(#[from] Unreadable),
    /// A field that must be there is not.
    #[error("`{field}` is missing; {hint}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A field of another type than the format's.
    #[error("`{field}` must be {wanted}, not {found}")]
    Type {
        /// The field.
        field: &'static str,
        /// The type or types the format has for it.
        wanted: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A value of the right type that cannot be meant.
    #[error("`{field}` {problem}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
}

impl BadAsk {
    /// The field that is at fault.
    pub fn param(&self) -> Option<&str> {
        match self {
            BadAsk::Unreadable(_) => None,
            BadAsk::Missing { field, .. }
            | BadAsk::Type { field, .. }
            | BadAsk::Value { field, .. } => Some(field),
        }
    }
}

/// The kind of a value, for telling the caller.
pub(crate) fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-') => "a negative number",
        Some(_) if value.iter().any(|byte| b".eE".contains(byte)) => "a fractional number",
        _ => "a number",
    }
}
