//! What went wrong upstream, whatever the vendor's words for it, and how to tell a caller.

mod class;
mod read;
mod scrub;
mod tell;

pub use read::read;
pub use scrub::scrub;
pub(crate) use tell::responses_event;
pub use tell::{Telling, body, last_event};

use std::time::Duration;

use crate::meter::cut;

/// Bytes of any text of a fault that are kept.
pub const MAX_TEXT_BYTES: usize = 4096;

/// What kind of failure it is: what decides about the next attempt and the caller's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The request is at fault.
    BadRequest,
    /// The request is longer than the model's context.
    ContextLength,
    /// The provider will not process or show this content.
    ContentPolicy,
    /// The key is not accepted.
    Auth,
    /// The key is accepted and may not do this.
    Permission,
    /// The model or address does not exist.
    NotFound,
    /// The body is larger than the provider takes.
    TooLarge,
    /// Too many requests or tokens in a time; waiting helps.
    RateLimit,
    /// The account has nothing left to spend; waiting does not help.
    Quota,
    /// The provider has no capacity at the moment.
    Overloaded,
    /// The provider gave up waiting.
    Timeout,
    /// The provider failed.
    Server,
    /// Nothing says what it is.
    Unknown,
}

impl FaultClass {
    /// The name used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            FaultClass::BadRequest => "bad_request",
            FaultClass::ContextLength => "context_length",
            FaultClass::ContentPolicy => "content_policy",
            FaultClass::Auth => "auth",
            FaultClass::Permission => "permission",
            FaultClass::NotFound => "not_found",
            FaultClass::TooLarge => "too_large",
            FaultClass::RateLimit => "rate_limit",
            FaultClass::Quota => "quota",
            FaultClass::Overloaded => "overloaded",
            FaultClass::Timeout => "timeout",
            FaultClass::Server => "server",
            FaultClass::Unknown => "unknown",
        }
    }
}

/// An error as an upstream told it; its texts are the vendor's own and not scrubbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure it is.
    pub class: FaultClass,
    /// The vendor's word for the kind: OpenAI's and Anthropic's `type`, Google's `status`.
    pub kind: Option<String>,
    /// The vendor's code.
    pub code: Option<String>,
    /// What the vendor says; never empty, never HTML.
    pub message: String,
    /// The field of the request that is at fault.
    pub param: Option<String>,
    /// When to come back, where the body says it (Google's `RetryInfo`); up to a day.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault that has a class and a message.
    pub fn new(class: FaultClass, message: &str) -> Fault {
        let message = cut(message, MAX_TEXT_BYTES).to_owned();
        Fault {
            class,
            kind: None,
            code: None,
            message,
            param: None,
            retry_after: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
