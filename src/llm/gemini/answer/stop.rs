//! Why an answer ended, in Google's words.

use crate::ir::Stop;

/// Reasons of Google's own that say more than `SAFETY`.
const HELD_BACK: &[&str] = &[
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
];

/// The finish reason and what is said of it. `broken`: a call could not be told, as its
/// arguments are no JSON; where the answer was cut short, that is why.
pub(in crate::gemini) fn finish(stop: Stop<'_>, broken: bool) -> (&str, Option<&str>) {
    match stop {
        Stop::Length | Stop::ContextWindow => ("MAX_TOKENS", None),
        Stop::Filter {
            reason,
            explanation,
        } => {
            let known = HELD_BACK.iter().find(|known| **known == reason);
            (known.unwrap_or(&"SAFETY"), explanation)
        }
        Stop::Refusal => ("SAFETY", None),
        Stop::Malformed(_) => ("MALFORMED_FUNCTION_CALL", None),
        _ if broken => (
            "MALFORMED_FUNCTION_CALL",
            Some("the arguments of a function call are not JSON"),
        ),
        Stop::Other("OTHER") => ("OTHER", None),
        Stop::End | Stop::Sequence(_) | Stop::ToolCalls | Stop::Pause | Stop::Other(_) => {
            ("STOP", None)
        }
    }
}

/// Whether the answer ended before the model had come to its end.
pub(in crate::gemini) fn is_cut(stop: Stop<'_>) -> bool {
    matches!(
        stop,
        Stop::Length | Stop::ContextWindow | Stop::Filter { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_has_its_reason() {
        let filter = |reason| Stop::Filter {
            reason,
            explanation: Some("why"),
        };
        for (stop, reason) in [
            (Stop::End, "STOP"),
            (Stop::Sequence(Some("x")), "STOP"),
            (Stop::ToolCalls, "STOP"),
            (Stop::Pause, "STOP"),
            (Stop::Length, "MAX_TOKENS"),
            (Stop::ContextWindow, "MAX_TOKENS"),
            (filter("content_filter"), "SAFETY"),
            (filter("RECITATION"), "RECITATION"),
            (Stop::Refusal, "SAFETY"),
            (Stop::Malformed("x"), "MALFORMED_FUNCTION_CALL"),
            (Stop::Other("OTHER"), "OTHER"),
            (Stop::Other("new"), "STOP"),
        ] {
            assert_eq!(finish(stop, false).0, reason, "{stop:?}");
        }
        assert_eq!(finish(Stop::ToolCalls, true).0, "MALFORMED_FUNCTION_CALL");
        assert_eq!(finish(Stop::Length, true).0, "MAX_TOKENS");
        assert_eq!(finish(filter("refusal"), false).1, Some("why"));
    }
}
