//! Errors: as the vendors send them, and as the gateway must tell them.

use serde_json::{Value, json};

use super::{Dialect, named, unnamed};

/// What an error body of the gateway says, whatever the format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `type` (OpenAI, Anthropic) or `status` (Google).
    pub kind: String,
    /// OpenAI's `code`; empty elsewhere.
    pub code: String,
    /// The words.
    pub message: String,
    /// OpenAI's `param`.
    pub param: Option<String>,
}

impl Refusal {
    /// Reads an error body strictly: a shape that its vendor's SDK would not understand panics.
    pub fn read(dialect: Dialect, status: u16, body: &Value) -> Refusal {
        let error = &body["error"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = error["message"].as_str();
        let message = message.unwrap_or_else(|| panic!("an error has a message: {body}"));
        assert!(!message.is_empty(), "an error says something: {body}");
        match dialect {
            Dialect::Chat | Dialect::Responses => {
                for key in ["type", "param", "code"] {
                    assert!(
                        error.get(key).is_some(),
                        "OpenAI errors have `{key}`: {body}"
                    );
                }
            }
            Dialect::Messages => {
                assert_eq!(body["type"], "error", "Anthropic errors say so: {body}");
                assert!(error["type"].is_string(), "they have a type: {body}");
            }
            Dialect::Gemini => {
                assert_eq!(error["code"], status, "Google repeats the status: {body}");
                assert!(error["status"].is_string(), "they have a status: {body}");
            }
        }
        Refusal {
            kind: text(match dialect {
                Dialect::Gemini => &error["status"],
                _ => &error["type"],
            }),
            code: text(&error["code"]),
            message: message.to_owned(),
            param: error["param"].as_str().map(str::to_owned),
        }
    }
}

/// `[status, OpenAI type, Anthropic type, Google status]`
const WORDS: &[(u16, &str, &str, &str)] = &[
    (
        400,
        "invalid_request_error",
        "invalid_request_error",
        "INVALID_ARGUMENT",
    ),
    (
        401,
        "invalid_request_error",
        "authentication_error",
        "UNAUTHENTICATED",
    ),
    (
        402,
        "insufficient_quota",
        "billing_error",
        "FAILED_PRECONDITION",
    ),
    (
        403,
        "permission_denied",
        "permission_error",
        "PERMISSION_DENIED",
    ),
    (404, "invalid_request_error", "not_found_error", "NOT_FOUND"),
    (
        413,
        "invalid_request_error",
        "request_too_large",
        "INVALID_ARGUMENT",
    ),
    (
        422,
        "invalid_request_error",
        "invalid_request_error",
        "INVALID_ARGUMENT",
    ),
    (
        429,
        "rate_limit_error",
        "rate_limit_error",
        "RESOURCE_EXHAUSTED",
    ),
    (503, "server_error", "overloaded_error", "UNAVAILABLE"),
    (529, "server_error", "overloaded_error", "UNAVAILABLE"),
];

pub(super) fn vendor_body(dialect: Dialect, status: u16, message: &str) -> Value {
    let words = WORDS.iter().find(|words| words.0 == status);
    let (_, openai, anthropic, google) =
        words.unwrap_or(&(500, "server_error", "api_error", "INTERNAL"));
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            json!({ "error": { "message": message, "type": openai, "param": null, "code": null } })
        }
        Dialect::Messages => {
            json!({ "type": "error", "error": { "type": anthropic, "message": message }, "request_id": "req_up" })
        }
        Dialect::Gemini => {
            json!({ "error": { "code": status, "message": message, "status": google } })
        }
    }
}

pub(super) fn vendor_event(dialect: Dialect, message: &str) -> String {
    match dialect {
        Dialect::Chat | Dialect::Gemini => unnamed(&vendor_body(dialect, 500, message)),
        Dialect::Messages => named(&vendor_body(dialect, 529, message)),
        Dialect::Responses => named(&json!({
            "type": "error", "code": "server_error", "message": message, "param": null, "sequence_number": 9,
        })),
    }
}
