//! Which operation a path asks for, in which format: with the spellings that clients really send.

use llm::{Format, Operation};
use pingora::http::Method;

use crate::own::Question;

/// Longest model name taken from a path, in bytes.
const MAX_PATH_MODEL: usize = 512;

/// What a path and a method ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An operation on a model: authenticated, planned, recorded.
    Model(ModelEndpoint),
    /// What this key may use; `Some`: one model.
    Models(Option<String>),
    /// What this key may know of itself.
    Own(Question),
    /// Liveness.
    Health,
    /// Readiness.
    Ready,
    /// A preflight request of a browser.
    Preflight,
    /// Part of the contract, built by a later version.
    NotServedYet,
    /// Known path, wrong method; the methods it knows.
    WrongMethod(&'static str),
    /// Nothing that anybody serves.
    Unknown,
}

/// An operation on a model, as its path tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelEndpoint {
    /// What the client speaks.
    pub(crate) format: Format,
    /// What it wants done.
    pub(crate) operation: Operation,
    /// The model, where the path names it (Gemini, Azure deployments).
    pub(crate) model: Option<String>,
    /// Whether the path itself asks for a stream (Gemini).
    pub(crate) stream: bool,
}

impl Endpoint {
    /// Understands `path` (without query) under `method`.
    pub(crate) fn of(method: &Method, path: &str) -> Endpoint {
        if method == Method::OPTIONS {
            return Endpoint::Preflight;
        }
        let path = Normal::of(path);
        match path.rest.as_str() {
            "/healthz" => only(method, Method::GET, "GET, HEAD", || Endpoint::Health),
            "/readyz" => only(method, Method::GET, "GET, HEAD", || Endpoint::Ready),
            rest => model_endpoint(method, rest, path.deployment),
        }
    }
}

fn only(
    method: &Method,
    want: Method,
    allow: &'static str,
    endpoint: impl FnOnce() -> Endpoint,
) -> Endpoint {
    if *method == want || (want == Method::GET && *method == Method::HEAD) {
        endpoint()
    } else {
        Endpoint::WrongMethod(allow)
    }
}

fn model_endpoint(method: &Method, rest: &str, deployment: Option<String>) -> Endpoint {
    let post = |format, operation| {
        only(method, Method::POST, "POST", || {
            Endpoint::Model(ModelEndpoint {
                format,
                operation,
                model: deployment,
                stream: false,
            })
        })
    };
    let own = |question| only(method, Method::GET, "GET, HEAD", || Endpoint::Own(question));
    match rest {
        "/chat/completions" => post(Format::Chat, Operation::Chat),
        "/completions" => post(Format::Chat, Operation::Completion),
        "/responses" => match *method {
            // The WebSocket upgrade is refused at once, so that clients fall back to SSE.
            Method::GET => Endpoint::WrongMethod("POST"),
            _ => post(Format::Responses, Operation::Chat),
        },
        "/messages" => post(Format::Messages, Operation::Chat),
        "/messages/count_tokens" => post(Format::Messages, Operation::Count),
        "/models" => only(method, Method::GET, "GET, HEAD", || Endpoint::Models(None)),
        "/embeddings"
        | "/moderations"
        | "/rerank"
        | "/images/generations"
        | "/images/edits"
        | "/images/variations"
        | "/audio/speech"
        | "/audio/transcriptions"
        | "/audio/translations" => only(method, Method::POST, "POST", || Endpoint::NotServedYet),
        "/realtime" => only(method, Method::GET, "GET", || Endpoint::NotServedYet),
        "/dashboard/billing/subscription" => own(Question::Subscription),
        "/dashboard/billing/usage" => own(Question::Usage),
        "/api/usage/token" => own(Question::Token),
        "/api/log/token" => own(Question::Log),
        _ => match rest.strip_prefix("/models/") {
            Some(model) => named_model(method, model),
            None => Endpoint::Unknown,
        },
    }
}

/// `/models/{model}` and Gemini's `/models/{model}:action`.
fn named_model(method: &Method, tail: &str) -> Endpoint {
    // The action stands after the last colon: fine-tuned names contain colons themselves.
    let action = tail.rsplit_once(':').and_then(|(model, action)| {
        let (operation, stream) = match action {
            "generateContent" => (Some(Operation::Chat), false),
            "streamGenerateContent" => (Some(Operation::Chat), true),
            "countTokens" => (Some(Operation::Count), false),
            "embedContent" | "batchEmbedContents" => (None, false),
            _ => return None,
        };
        Some((model, operation, stream))
    });
    let Some((model, operation, stream)) = action else {
        return match percent_decoded(tail) {
            // An action that nobody knows; but names have colons, too.
            Some(_) if *method == Method::POST && tail.contains(':') => Endpoint::Unknown,
            Some(model) => only(method, Method::GET, "GET, HEAD", || {
                Endpoint::Models(Some(model))
            }),
            None => Endpoint::Unknown,
        };
    };
    let (Some(operation), Some(model)) = (operation, percent_decoded(model)) else {
        return only(method, Method::POST, "POST", || Endpoint::NotServedYet);
    };
    only(method, Method::POST, "POST", || {
        Endpoint::Model(ModelEndpoint {
            format: Format::Gemini,
            operation,
            model: Some(model),
            stream,
        })
    })
}

/// A path without the prefixes that clients add in good faith.
struct Normal {
    /// Starts with `/`; version and vendor prefixes are gone.
    rest: String,
    /// The model of `/openai/deployments/{model}/…`.
    deployment: Option<String>,
}

impl Normal {
    fn of(path: &str) -> Normal {
        let mut segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let mut deployment = None;
        if let ["openai", "deployments", model, ..] = segments[..] {
            deployment = percent_decoded(model);
            segments.drain(..3);
        }
        // `/openai/v1/x`, `/anthropic/v1/x`, `/v1/v1/x`, `/v1/v1beta/x`, `/v2/rerank`, `/x`.
        if matches!(segments.first(), Some(&("openai" | "anthropic"))) {
            segments.remove(0);
        }
        while matches!(segments.first(), Some(&("v1" | "v1beta"))) {
            segments.remove(0);
        }
        if segments == ["v2", "rerank"] {
            segments.remove(0);
        }
        let mut rest = String::with_capacity(path.len());
        for segment in segments {
            rest.push('/');
            rest.push_str(segment);
        }
        Normal { rest, deployment }
    }
}

/// The decoded text of a path segment; `None` when it is not UTF-8, too long or empty.
fn percent_decoded(segment: &str) -> Option<String> {
    let decoded = crate::query::percent_decode(segment)?;
    let fits = !decoded.is_empty() && decoded.len() <= MAX_PATH_MODEL;
    (fits && !decoded.chars().any(char::is_control)).then_some(decoded)
}

/// The format a refusal is told in when the endpoint itself is unknown.
pub(crate) fn guess_format(path: &str, anthropic: bool, google: bool) -> Format {
    if anthropic || path.contains("/messages") {
        Format::Messages
    } else if google || path.contains("/v1beta") || path.contains("Content") {
        Format::Gemini
    } else if path.contains("/responses") {
        Format::Responses
    } else {
        Format::Chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, format: Format, operation: Operation) {
        match Endpoint::of(&Method::POST, path) {
            Endpoint::Model(found) => {
                assert_eq!(
                    (found.format, found.operation),
                    (format, operation),
                    "{path}"
                );
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn every_tolerated_spelling_is_understood() {
        for path in [
            "/v1/chat/completions",
            "//v1/chat/completions",
            "/v1/v1/chat/completions",
            "/openai/v1/chat/completions",
            "/chat/completions",
            "/v1/chat/completions/",
        ] {
            check(path, Format::Chat, Operation::Chat);
        }
        for path in ["/v1/messages", "/anthropic/v1/messages", "/messages"] {
            check(path, Format::Messages, Operation::Chat);
        }
        check(
            "/v1/messages/count_tokens",
            Format::Messages,
            Operation::Count,
        );
        check("/v1/responses", Format::Responses, Operation::Chat);
        check("/v1/completions", Format::Chat, Operation::Completion);
    }

    #[test]
    fn gemini_and_azure_name_the_model_in_the_path() {
        let of = |path: &str| match Endpoint::of(&Method::POST, path) {
            Endpoint::Model(found) => (found.model, found.stream, found.operation),
            other => panic!("{path}: {other:?}"),
        };
        let gemini = "gemini-2.5-pro".to_string();
        assert_eq!(
            of("/v1beta/models/gemini-2.5-pro:generateContent"),
            (Some(gemini.clone()), false, Operation::Chat)
        );
        assert_eq!(
            of("/v1/models/gemini-2.5-pro:streamGenerateContent"),
            (Some(gemini.clone()), true, Operation::Chat)
        );
        assert_eq!(
            of("/v1/v1beta/models/gemini-2.5-pro:countTokens"),
            (Some(gemini), false, Operation::Count)
        );
        assert_eq!(
            of("/v1beta/models/ft%3Agpt:x:generateContent").0.as_deref(),
            Some("ft:gpt:x"),
            "the action stands after the last colon"
        );
        assert_eq!(
            of("/openai/deployments/my%20gpt/chat/completions")
                .0
                .as_deref(),
            Some("my gpt")
        );
    }

    #[test]
    fn key_holders_find_their_paths_as_their_tools_write_them() {
        let own = |method: Method, path: &str| match Endpoint::of(&method, path) {
            Endpoint::Own(question) => Some(question),
            _ => None,
        };
        for (path, question) in [
            ("/dashboard/billing/subscription", Question::Subscription),
            ("/v1/dashboard/billing/subscription", Question::Subscription),
            ("/v1/v1/dashboard/billing/usage", Question::Usage),
            ("//dashboard/billing/usage/", Question::Usage),
            ("/api/usage/token", Question::Token),
            ("/api/usage/token/", Question::Token),
            ("/api/log/token", Question::Log),
        ] {
            assert_eq!(own(Method::GET, path), Some(question), "{path}");
            assert_eq!(own(Method::POST, path), None, "{path}");
        }
    }

    #[test]
    fn wrong_methods_and_strangers_are_told_apart() {
        let of = |method: Method, path: &str| Endpoint::of(&method, path);
        assert_eq!(
            of(Method::GET, "/v1/chat/completions"),
            Endpoint::WrongMethod("POST")
        );
        assert_eq!(
            of(Method::POST, "/healthz"),
            Endpoint::WrongMethod("GET, HEAD")
        );
        assert_eq!(of(Method::POST, "/v1/embeddings"), Endpoint::NotServedYet);
        assert_eq!(of(Method::POST, "/v2/rerank"), Endpoint::NotServedYet);
        assert_eq!(of(Method::GET, "/wp-login.php"), Endpoint::Unknown);
        assert_eq!(of(Method::GET, "/v1/models"), Endpoint::Models(None));
        assert_eq!(
            of(Method::GET, "/v1/models/gpt-4o"),
            Endpoint::Models(Some("gpt-4o".into()))
        );
        assert_eq!(of(Method::OPTIONS, "/v1/x"), Endpoint::Preflight);
    }
}
