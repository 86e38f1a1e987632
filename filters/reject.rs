//! Every refusal: status, words and advice, told in the caller's own format.

use std::borrow::Cow;
use std::time::Duration;

use llm::Format;
use llm::fault::{self, Telling};

/// OpenAI's code for a request that is longer than the model's context.
pub(crate) const CONTEXT_LENGTH: &str = "context_length_exceeded";

/// Why the caller gets an error instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The request itself is wrong.
    Malformed,
    /// Key missing, unknown, disabled, expired.
    Unauthenticated,
    /// Model or address not allowed for this key.
    Forbidden,
    /// A model nobody serves, or not in the key's group.
    UnknownModel,
    /// A path nobody serves.
    UnknownPath,
    /// A known path under another method.
    WrongMethod,
    /// A protocol upgrade that is not served.
    UpgradeRequired,
    /// The body is larger than allowed.
    TooLarge,
    /// The body did not arrive in time.
    SlowBody,
    /// Every candidate is disabled or open, or the gateway itself has no room.
    Unavailable,
    /// A limit of requests, tokens or concurrency has no room.
    OverLimit,
    /// The budget of the key does not cover the request.
    OverBudget,
    /// Every attempt was answered 429.
    RateLimited,
    /// The upstream refused the request itself: 400, 404, 413, 422.
    UpstreamRefused(u16),
    /// The upstream failed or could not be understood.
    UpstreamFailed,
    /// The upstream is overloaded: 503, 529.
    UpstreamBusy,
    /// The upstream's timer or ours ran out.
    Timeout,
}

/// An error for the caller.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) cause: Cause,
    /// What happened and what to do next, in words for the caller.
    pub(crate) message: String,
    /// The field at fault.
    pub(crate) param: Option<String>,
    /// The upstream's own code, kept for the caller's error handling.
    pub(crate) code: Option<String>,
    /// When to come back.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with nothing but words.
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Refusal {
        Refusal {
            cause,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub(crate) fn at(mut self, param: Option<&str>) -> Refusal {
        self.param = param.map(str::to_string);
        self
    }

    /// Says when to come back.
    #[must_use]
    pub(crate) fn after(mut self, wait: Duration) -> Refusal {
        self.retry_after = Some(wait);
        self
    }

    /// The HTTP status for a client of `format`.
    pub(crate) fn status(&self, format: Format) -> u16 {
        words(self.cause, format).0
    }

    /// Whole seconds for `retry-after`, at least one.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64)
    }

    /// Whether clients are told not to repeat the request as it is.
    pub(crate) fn forbids_retry(&self, format: Format) -> bool {
        self.cause == Cause::OverBudget || matches!(self.status(format), 401 | 403 | 404 | 413)
    }

    /// The label of `tollgate_refused_total`.
    pub(crate) fn reason(&self) -> &'static str {
        match self.cause {
            Cause::Malformed => "malformed",
            Cause::Unauthenticated => "unauthenticated",
            Cause::Forbidden => "forbidden",
            Cause::UnknownModel => "unknown_model",
            Cause::UnknownPath => "unknown_path",
            Cause::WrongMethod | Cause::UpgradeRequired => "wrong_method",
            Cause::TooLarge => "too_large",
            Cause::SlowBody => "slow_body",
            Cause::Unavailable => "unavailable",
            Cause::OverLimit => "rate_limited",
            Cause::OverBudget => "over_budget",
            Cause::RateLimited => "upstream_rate_limited",
            Cause::UpstreamRefused(_) => "upstream_refused",
            Cause::UpstreamFailed => "upstream_failed",
            Cause::UpstreamBusy => "upstream_busy",
            Cause::Timeout => "timeout",
        }
    }

    /// The sentence. Claude Code knows by these words that it has to shorten the conversation.
    fn message(&self, format: Format) -> Cow<'_, str> {
        const TOO_LONG: &str = "prompt is too long";
        let said = &*self.message;
        let tells = format != Format::Messages || self.code.as_deref() != Some(CONTEXT_LENGTH);
        match tells || said.to_lowercase().contains(TOO_LONG) {
            true => Cow::Borrowed(said),
            false => Cow::Owned(format!("{TOO_LONG}: {said}")),
        }
    }

    /// The error body for a client of `format`.
    pub(crate) fn body(&self, format: Format, request_id: &str) -> Vec<u8> {
        self.with_telling(format, request_id, |telling| fault::body(format, telling))
    }

    /// Hands the refusal in the caller's words to `tell`.
    pub(crate) fn with_telling<T>(
        &self,
        format: Format,
        request_id: &str,
        tell: impl FnOnce(&Telling<'_>) -> T,
    ) -> T {
        let (status, kind, code) = words(self.cause, format);
        tell(&Telling {
            status,
            kind,
            code: self.code.as_deref().or(code),
            message: &self.message(format),
            param: self.param.as_deref(),
            request_id,
        })
    }
}

/// The table of contract section 3: status, the format's own word, and OpenAI's code.
fn words(cause: Cause, format: Format) -> (u16, &'static str, Option<&'static str>) {
    match format {
        Format::Chat | Format::Responses => openai_words(cause),
        Format::Messages => {
            let (status, kind) = anthropic_words(cause);
            (status, kind, None)
        }
        Format::Gemini => {
            let (status, kind) = google_words(cause);
            (status, kind, None)
        }
    }
}

fn openai_words(cause: Cause) -> (u16, &'static str, Option<&'static str>) {
    const INVALID: &str = "invalid_request_error";
    match cause {
        Cause::Malformed => (400, INVALID, None),
        Cause::Unauthenticated => (401, INVALID, Some("invalid_api_key")),
        Cause::Forbidden => (403, "permission_denied", Some("permission_denied")),
        Cause::UnknownModel => (404, INVALID, Some("model_not_found")),
        Cause::UnknownPath => (404, INVALID, Some("unknown_url")),
        Cause::WrongMethod => (405, INVALID, Some("method_not_allowed")),
        Cause::UpgradeRequired => (426, INVALID, Some("upgrade_required")),
        Cause::TooLarge => (413, INVALID, Some("request_too_large")),
        Cause::SlowBody => (408, INVALID, Some("request_timeout")),
        Cause::Unavailable => (503, "service_unavailable", Some("service_unavailable")),
        Cause::OverLimit | Cause::RateLimited => {
            (429, "rate_limit_exceeded", Some("rate_limit_exceeded"))
        }
        Cause::OverBudget => (429, "insufficient_quota", Some("insufficient_quota")),
        Cause::UpstreamRefused(status) => (status, INVALID, None),
        Cause::UpstreamFailed => (502, "upstream_error", Some("upstream_error")),
        Cause::UpstreamBusy => (503, "service_unavailable", Some("upstream_overloaded")),
        Cause::Timeout => (504, "timeout", Some("timeout")),
    }
}

fn anthropic_words(cause: Cause) -> (u16, &'static str) {
    match cause {
        Cause::Malformed => (400, "invalid_request_error"),
        Cause::Unauthenticated => (401, "authentication_error"),
        Cause::Forbidden => (403, "permission_error"),
        Cause::UnknownModel | Cause::UnknownPath => (404, "not_found_error"),
        Cause::WrongMethod => (405, "invalid_request_error"),
        Cause::UpgradeRequired => (426, "invalid_request_error"),
        Cause::TooLarge => (413, "request_too_large"),
        Cause::SlowBody => (408, "timeout_error"),
        Cause::Unavailable | Cause::UpstreamBusy => (529, "overloaded_error"),
        Cause::OverLimit | Cause::OverBudget | Cause::RateLimited => (429, "rate_limit_error"),
        Cause::UpstreamRefused(404) => (404, "not_found_error"),
        Cause::UpstreamRefused(413) => (413, "request_too_large"),
        Cause::UpstreamRefused(status) => (status, "invalid_request_error"),
        Cause::UpstreamFailed => (500, "api_error"),
        Cause::Timeout => (504, "timeout_error"),
    }
}

fn google_words(cause: Cause) -> (u16, &'static str) {
    match cause {
        Cause::Malformed => (400, "INVALID_ARGUMENT"),
        Cause::Unauthenticated => (401, "UNAUTHENTICATED"),
        Cause::Forbidden => (403, "PERMISSION_DENIED"),
        Cause::UnknownModel | Cause::UnknownPath => (404, "NOT_FOUND"),
        Cause::WrongMethod => (405, "INVALID_ARGUMENT"),
        Cause::UpgradeRequired => (426, "FAILED_PRECONDITION"),
        Cause::TooLarge => (413, "INVALID_ARGUMENT"),
        Cause::SlowBody => (408, "DEADLINE_EXCEEDED"),
        Cause::Unavailable | Cause::UpstreamBusy => (503, "UNAVAILABLE"),
        Cause::OverLimit | Cause::OverBudget | Cause::RateLimited => (429, "RESOURCE_EXHAUSTED"),
        Cause::UpstreamRefused(404) => (404, "NOT_FOUND"),
        Cause::UpstreamRefused(status) => (status, "INVALID_ARGUMENT"),
        Cause::UpstreamFailed => (502, "UNAVAILABLE"),
        Cause::Timeout => (504, "DEADLINE_EXCEEDED"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract's table, row by row.
    #[test]
    fn statuses_and_words_are_the_contracts() {
        use Cause::*;
        let rows = [
            (
                Malformed,
                (400, "invalid_request_error"),
                (400, "invalid_request_error"),
                (400, "INVALID_ARGUMENT"),
            ),
            (
                UpstreamRefused(422),
                (422, "invalid_request_error"),
                (422, "invalid_request_error"),
                (422, "INVALID_ARGUMENT"),
            ),
            (
                Unauthenticated,
                (401, "invalid_api_key"),
                (401, "authentication_error"),
                (401, "UNAUTHENTICATED"),
            ),
            (
                Forbidden,
                (403, "permission_denied"),
                (403, "permission_error"),
                (403, "PERMISSION_DENIED"),
            ),
            (
                UnknownModel,
                (404, "model_not_found"),
                (404, "not_found_error"),
                (404, "NOT_FOUND"),
            ),
            (
                OverBudget,
                (429, "insufficient_quota"),
                (429, "rate_limit_error"),
                (429, "RESOURCE_EXHAUSTED"),
            ),
            (
                RateLimited,
                (429, "rate_limit_exceeded"),
                (429, "rate_limit_error"),
                (429, "RESOURCE_EXHAUSTED"),
            ),
            (
                UpstreamFailed,
                (502, "upstream_error"),
                (500, "api_error"),
                (502, "UNAVAILABLE"),
            ),
            (
                Timeout,
                (504, "timeout"),
                (504, "timeout_error"),
                (504, "DEADLINE_EXCEEDED"),
            ),
        ];
        for (cause, openai, anthropic, google) in rows {
            let (status, kind, code) = words(cause, Format::Chat);
            assert_eq!((status, code.unwrap_or(kind)), openai, "{cause:?}");
            assert_eq!(words(cause, Format::Responses), (status, kind, code));
            let (status, kind, _) = words(cause, Format::Messages);
            assert_eq!((status, kind), anthropic, "{cause:?}");
            let (status, kind, _) = words(cause, Format::Gemini);
            assert_eq!((status, kind), google, "{cause:?}");
        }
        for cause in [Unavailable, UpstreamBusy] {
            assert_eq!(words(cause, Format::Chat).0, 503);
            assert_eq!(
                words(cause, Format::Messages),
                (529, "overloaded_error", None)
            );
            assert_eq!(words(cause, Format::Gemini), (503, "UNAVAILABLE", None));
        }
        assert_eq!(
            words(TooLarge, Format::Messages),
            (413, "request_too_large", None)
        );
    }

    #[test]
    fn a_conversation_that_is_too_long_is_told_in_each_clients_words() {
        let message = |said: &str, format| {
            let mut refusal = Refusal::new(Cause::UpstreamRefused(400), said);
            refusal.code = Some(CONTEXT_LENGTH.into());
            refusal.message(format).into_owned()
        };
        assert_eq!(
            message("at most 9", Format::Messages),
            "prompt is too long: at most 9"
        );
        let known = "Prompt is too long: 11 tokens > 9 maximum";
        assert_eq!(message(known, Format::Messages), known);
        assert_eq!(message("at most 9", Format::Chat), "at most 9");
    }

    #[test]
    fn waiting_times_are_whole_seconds_and_never_zero() {
        let after = |ms| {
            Refusal::new(Cause::Unavailable, "x")
                .after(Duration::from_millis(ms))
                .retry_after_seconds()
        };
        assert_eq!(after(0), Some(1));
        assert_eq!(after(1), Some(1));
        assert_eq!(after(1001), Some(2));
        assert_eq!(
            Refusal::new(Cause::Timeout, "x").retry_after_seconds(),
            None
        );
    }
}
