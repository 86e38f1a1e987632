//! The lists of models, and what is said to a path the demo does not know.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::fault::Fault;
use super::{MODELS, gemini, messages, openai, wire};

/// 1 January 2026, when the demo models were "released".
const CREATED: u64 = 1_767_225_600;
const CREATED_DATE: &str = "2026-01-01T00:00:00Z";
const CONTEXT: u64 = 1_000_000;
const MAX_OUTPUT: u64 = 65_536;

/// Whose client asks.
enum Caller {
    OpenAi,
    Anthropic,
    Google,
}

impl Caller {
    /// OpenAI and Anthropic share their path, as do OpenAI and Google's version 1: headers tell.
    fn of(uri: &Uri, headers: &HeaderMap) -> Caller {
        if headers.contains_key("anthropic-version") {
            return Caller::Anthropic;
        }
        let google = ["x-goog-api-key", "x-goog-api-client"]
            .iter()
            .any(|name| headers.contains_key(*name));
        if google || uri.path().starts_with("/v1beta") {
            return Caller::Google;
        }
        Caller::OpenAi
    }

    fn refuse(&self, fault: &Fault) -> Response {
        match self {
            Caller::OpenAi => openai::refuse(fault),
            Caller::Anthropic => messages::refuse(fault),
            Caller::Google => gemini::refuse(fault),
        }
    }
}

/// The list of models.
pub(super) async fn list(uri: Uri, headers: HeaderMap) -> Response {
    let list = match Caller::of(&uri, &headers) {
        Caller::OpenAi => json!({ "object": "list", "data": MODELS.map(openai_model) }),
        Caller::Google => json!({ "models": MODELS.map(google_model) }),
        Caller::Anthropic => json!({
            "data": MODELS.map(anthropic_model),
            "first_id": MODELS[0],
            "last_id": MODELS[MODELS.len() - 1],
            "has_more": false,
        }),
    };
    wire::json(StatusCode::OK, &list)
}

/// One model.
pub(super) async fn one(Path(model): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let caller = Caller::of(&uri, &headers);
    if !MODELS.contains(&model.as_str()) {
        return caller.refuse(&Fault::no_model(&model));
    }
    let found = match caller {
        Caller::OpenAi => openai_model(&model),
        Caller::Anthropic => anthropic_model(&model),
        Caller::Google => google_model(&model),
    };
    wire::json(StatusCode::OK, &found)
}

/// Anything else.
pub(super) async fn no_path(uri: Uri, headers: HeaderMap) -> Response {
    Caller::of(&uri, &headers).refuse(&Fault::no_path(uri.path()))
}

fn google_model(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "version": "1",
        "displayName": model,
        "inputTokenLimit": CONTEXT,
        "outputTokenLimit": MAX_OUTPUT,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    })
}

fn openai_model(model: &str) -> Value {
    json!({ "id": model, "object": "model", "created": CREATED, "owned_by": "tollgate" })
}

fn anthropic_model(model: &str) -> Value {
    json!({ "type": "model", "id": model, "display_name": model, "created_at": CREATED_DATE })
}
