//! One table: what happened to an attempt -> try on or give up, and what it does to the key's health.

use std::time::Duration;

use config::health::{Outcome, Tick};
use llm::fault::{Fault, FaultClass};

use crate::reject::{self, Cause, Refusal};

/// What became of an attempt before anything of it was shown to the client.
#[derive(Debug)]
pub(crate) enum Happened {
    /// No connection: refused, unresolved, TLS failure, connect timer.
    NoConnection(String),
    /// The connection broke before the answer's first content.
    Broken { reused: bool, detail: String },
    /// Our first-byte or idle timer ran out before the first content.
    TimedOut,
    /// The upstream answered with an error status, as judged after `status_map`.
    Status {
        status: u16,
        fault: Box<Fault>,
        retry_after: Option<Duration>,
    },
    /// An error inside a 200, before its first content.
    ErrorIn200(Box<Fault>),
    /// A 200 that is not what was asked for (HTML, an empty body).
    Unreadable(String),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next candidate of the plan.
    Candidate,
    /// The same candidate once more, on a fresh connection.
    Same,
    /// Tell the caller.
    GiveUp,
}

/// The failover table of contract section 3.
pub(crate) fn next(happened: &Happened) -> Next {
    match happened {
        Happened::Broken { reused: true, .. } => Next::Same,
        Happened::NoConnection(_)
        | Happened::Broken { .. }
        | Happened::TimedOut
        | Happened::Unreadable(_) => Next::Candidate,
        Happened::ErrorIn200(fault) => match fault.class {
            FaultClass::BadRequest | FaultClass::ContextLength | FaultClass::ContentPolicy => {
                Next::GiveUp
            }
            _ => Next::Candidate,
        },
        Happened::Status { status, .. } => match status {
            401 | 402 | 403 | 408 | 409 | 425 | 429 => Next::Candidate,
            // It worked as long as it could: another would take as long.
            504 | 524 => Next::GiveUp,
            500..=599 => Next::Candidate,
            _ => Next::GiveUp,
        },
    }
}

/// What the attempt says about the key and channel it used.
pub(crate) fn effect(happened: &Happened) -> Effect {
    match happened {
        Happened::NoConnection(_)
        | Happened::Broken { .. }
        | Happened::TimedOut
        | Happened::Unreadable(_) => Effect::Failure,
        Happened::ErrorIn200(fault) => of_class(fault.class, fault.retry_after),
        Happened::Status {
            status,
            fault,
            retry_after,
        } => match status {
            401 => Effect::Unauthorized,
            402 => Effect::Exhausted,
            _ if fault.class == FaultClass::Quota => Effect::Exhausted,
            429 => Effect::RateLimited(*retry_after),
            // A 403 speaks of this model or region as often as of the key: no lasting effect.
            403 | 408 | 409 | 425 => Effect::Neutral,
            500..=599 => Effect::Failure,
            _ => Effect::Neutral,
        },
    }
}

/// The label of `tollgate_attempts_total`.
pub(crate) fn label(happened: &Happened) -> &'static str {
    match happened {
        Happened::NoConnection(_) => "no_connection",
        Happened::Broken { .. } => "broken",
        Happened::TimedOut => "timeout",
        Happened::ErrorIn200(_) => "error_in_200",
        Happened::Unreadable(_) => "unreadable",
        Happened::Status { status, .. } => match status {
            401..=403 => "unauthorized",
            429 => "rate_limited",
            400..=499 => "refused",
            _ => "failed",
        },
    }
}

/// What happened in words, for the log; not yet scrubbed.
pub(crate) fn detail(happened: &Happened) -> String {
    match happened {
        Happened::NoConnection(what) | Happened::Unreadable(what) => what.clone(),
        Happened::Broken { detail, .. } => detail.clone(),
        Happened::TimedOut => "a timer ran out".into(),
        Happened::ErrorIn200(fault) => fault.message.clone(),
        Happened::Status { status, fault, .. } => format!("status {status}: {}", fault.message),
    }
}

/// What a lane learns from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing about its health.
    Neutral,
    /// A failure for the breaker.
    Failure,
    /// The key was refused.
    Unauthorized,
    /// The account has no money left.
    Exhausted,
    /// Too fast; come back after this long, when said.
    RateLimited(Option<Duration>),
}

impl Effect {
    /// The health module's word for it, `auto_disable` considered.
    pub(crate) fn outcome(self, auto_disable: bool, now: Tick) -> Outcome {
        match self {
            Effect::Neutral => Outcome::Neutral,
            Effect::Failure => Outcome::Failure,
            Effect::Unauthorized if auto_disable => Outcome::Unauthorized,
            Effect::Exhausted if auto_disable => Outcome::Exhausted,
            Effect::Unauthorized | Effect::Exhausted => Outcome::Neutral,
            Effect::RateLimited(wait) => Outcome::RateLimited {
                until: now + wait.unwrap_or_default(),
            },
        }
    }
}

fn of_class(class: FaultClass, retry_after: Option<Duration>) -> Effect {
    match class {
        FaultClass::Auth => Effect::Unauthorized,
        FaultClass::Quota => Effect::Exhausted,
        FaultClass::RateLimit => Effect::RateLimited(retry_after),
        FaultClass::BadRequest
        | FaultClass::ContextLength
        | FaultClass::ContentPolicy
        | FaultClass::NotFound
        | FaultClass::TooLarge
        | FaultClass::Permission => Effect::Neutral,
        FaultClass::Overloaded | FaultClass::Timeout | FaultClass::Server | FaultClass::Unknown => {
            Effect::Failure
        }
    }
}

/// The refusal for a caller whose last attempt ended so. `scrub` takes secrets and hosts out
/// of the upstream's words.
pub(crate) fn refusal(happened: &Happened, scrub: impl Fn(&str) -> String) -> Refusal {
    match happened {
        Happened::NoConnection(_) => Refusal::new(
            Cause::UpstreamFailed,
            "the upstream could not be reached; try again later",
        ),
        Happened::Broken { .. } => Refusal::new(
            Cause::UpstreamFailed,
            "the upstream closed the connection before it answered; try again later",
        ),
        Happened::TimedOut => Refusal::new(
            Cause::Timeout,
            "the upstream did not answer in time; try again, or ask for a shorter answer",
        ),
        Happened::Unreadable(what) => Refusal::new(
            Cause::UpstreamFailed,
            format!("the upstream's answer could not be read: {what}"),
        ),
        Happened::ErrorIn200(fault) => {
            let cause = match fault.class {
                FaultClass::BadRequest | FaultClass::ContextLength | FaultClass::ContentPolicy => {
                    Cause::UpstreamRefused(400)
                }
                FaultClass::NotFound => Cause::UpstreamRefused(404),
                FaultClass::TooLarge => Cause::UpstreamRefused(413),
                FaultClass::RateLimit => Cause::RateLimited,
                FaultClass::Overloaded => Cause::UpstreamBusy,
                FaultClass::Timeout => Cause::Timeout,
                _ => Cause::UpstreamFailed,
            };
            waiting(upstream_said(cause, fault, scrub), fault.retry_after)
        }
        Happened::Status {
            status,
            fault,
            retry_after,
        } => {
            let cause = match status {
                400 | 404 | 413 | 422 => Cause::UpstreamRefused(*status),
                429 => Cause::RateLimited,
                503 | 529 => Cause::UpstreamBusy,
                408 | 504 | 524 => Cause::Timeout,
                _ => Cause::UpstreamFailed,
            };
            waiting(upstream_said(cause, fault, scrub), *retry_after)
        }
    }
}

/// The refusal with the upstream's wait, where waiting helps.
fn waiting(mut refusal: Refusal, wait: Option<Duration>) -> Refusal {
    if matches!(refusal.cause, Cause::RateLimited | Cause::UpstreamBusy) {
        refusal.retry_after = wait;
    }
    refusal
}

/// The upstream's own message, kept where it helps the caller. What is wrong between the
/// gateway and its provider (keys, accounts) is not the caller's to read.
fn upstream_said(cause: Cause, fault: &Fault, scrub: impl Fn(&str) -> String) -> Refusal {
    let own = matches!(
        fault.class,
        FaultClass::Auth | FaultClass::Quota | FaultClass::Permission
    );
    let message = if own || fault.message.is_empty() {
        match cause {
            Cause::RateLimited => "the upstream refused for its rate limit; try again later".into(),
            _ => "the upstream refused the gateway's request; the operator finds the reason in the gateway's log".into(),
        }
    } else {
        scrub(&fault.message)
    };
    let mut refusal = Refusal::new(cause, message);
    if let Cause::UpstreamRefused(_) = cause {
        refusal.param = fault.param.clone();
        refusal.code = code(fault);
    }
    refusal
}

/// The upstream's own code; where clients act upon the kind of fault, OpenAI's word for it.
fn code(fault: &Fault) -> Option<String> {
    let own = fault.code.clone();
    match fault.class {
        FaultClass::ContextLength => Some(reject::CONTEXT_LENGTH.to_owned()),
        FaultClass::ContentPolicy => {
            let word = own.filter(|code| code.starts_with("content_"));
            word.or_else(|| Some("content_filter".to_owned()))
        }
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Happened {
        Happened::Status {
            status,
            fault: Box::new(llm::fault::read(status, b"")),
            retry_after: None,
        }
    }

    #[test]
    fn what_is_tried_again_is_the_contracts() {
        for code in [401, 402, 403, 408, 409, 425, 429, 500, 502, 503, 520, 529] {
            assert_eq!(next(&status(code)), Next::Candidate, "{code}");
        }
        for code in [400, 404, 405, 410, 413, 418, 422, 504, 524] {
            assert_eq!(next(&status(code)), Next::GiveUp, "{code}");
        }
        let broken = |reused| Happened::Broken {
            reused,
            detail: String::new(),
        };
        assert_eq!(next(&broken(true)), Next::Same);
        assert_eq!(next(&broken(false)), Next::Candidate);
        assert_eq!(next(&Happened::TimedOut), Next::Candidate);
        assert_eq!(
            next(&Happened::NoConnection(String::new())),
            Next::Candidate
        );
    }

    #[test]
    fn a_key_suffers_only_for_its_own_faults() {
        assert_eq!(effect(&status(401)), Effect::Unauthorized);
        assert_eq!(effect(&status(402)), Effect::Exhausted);
        assert_eq!(effect(&status(400)), Effect::Neutral);
        assert_eq!(effect(&status(503)), Effect::Failure);
        assert_eq!(effect(&status(429)), Effect::RateLimited(None));
    }

    #[test]
    fn the_callers_error_hides_what_is_between_us_and_the_provider() {
        let happened = Happened::Status {
            status: 401,
            fault: Box::new(llm::fault::read(401, br#"{"error":{"message":"Incorrect API key provided: sk-abc","type":"invalid_request_error","code":"invalid_api_key"}}"#)),
            retry_after: None,
        };
        let refusal = refusal(&happened, str::to_string);
        assert_eq!(refusal.cause, Cause::UpstreamFailed);
        assert!(!refusal.message.contains("sk-abc"), "{}", refusal.message);
    }

    /// What a client of `format` is told of an upstream's 400: code and message.
    fn told(format: llm::Format, body: &str) -> (serde_json::Value, String) {
        let happened = Happened::Status {
            status: 400,
            fault: Box::new(llm::fault::read(400, body.as_bytes())),
            retry_after: None,
        };
        let body = refusal(&happened, str::to_string).body(format, "r");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let message = body["error"]["message"].as_str().expect("a message");
        (body["error"]["code"].clone(), message.to_owned())
    }

    #[test]
    fn a_wait_told_inside_a_200_counts_as_any_other() {
        let body = br#"{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"7s"}]}}"#;
        let happened = Happened::ErrorIn200(Box::new(llm::fault::read(200, body)));
        let wait = Some(Duration::from_secs(7));
        assert_eq!(effect(&happened), Effect::RateLimited(wait));
        let refusal = refusal(&happened, str::to_string);
        assert_eq!(
            (refusal.cause, refusal.retry_after),
            (Cause::RateLimited, wait)
        );
    }

    #[test]
    fn a_prompt_that_is_too_long_is_told_so_that_every_client_knows_it() {
        use llm::Format::{Chat, Gemini, Messages, Responses};
        let openai = r#"{"error":{"message":"This model's maximum context length is 8 tokens","type":"invalid_request_error","code":null}}"#;
        let google = r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"#;
        let anthropic = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#;
        for body in [openai, google, anthropic] {
            for format in [Chat, Responses] {
                assert_eq!(told(format, body).0, "context_length_exceeded", "{body}");
            }
            // Claude Code compacts the conversation upon these words.
            let (_, message) = told(Messages, body);
            assert_eq!(
                message.matches("prompt is too long").count(),
                1,
                "{message}"
            );
            assert_eq!(told(Gemini, body).0, 400);
        }
    }

    #[test]
    fn a_blocked_prompt_has_openais_word_for_it() {
        let anthropic = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#;
        assert_eq!(told(llm::Format::Chat, anthropic).0, "content_filter");
        let openai = r#"{"error":{"message":"no","code":"content_policy_violation"}}"#;
        assert_eq!(
            told(llm::Format::Chat, openai).0,
            "content_policy_violation"
        );
    }
}
