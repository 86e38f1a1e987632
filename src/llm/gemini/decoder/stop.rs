//! What Google's finish reasons mean.

use crate::ir::Stop;

/// Whether the model wrote something that nobody can use.
pub(crate) fn is_malformed(reason: &str) -> bool {
    matches!(stop(reason, None), Stop::Malformed(_))
}

/// The meaning of `reason`.
pub(super) fn stop<'a>(reason: &'a str, explanation: Option<&'a str>) -> Stop<'a> {
    match reason {
        // Nothing was to be shown, or nothing was said of it.
        "STOP" | "NO_IMAGE" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_OTHER"
        | "MODEL_ARMOR" => Stop::Filter {
            reason,
            explanation,
        },
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE" => Stop::Malformed(reason),
        other => Stop::Other(other),
    }
}
