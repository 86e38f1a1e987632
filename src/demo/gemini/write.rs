//! The `GenerateContentResponse`, whole and in chunks.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::demo::answer::{Answer, Arguments, Call, End};
use crate::demo::ask::Ask;
use crate::demo::fault::{Fault, Kind};
use crate::demo::wire::{self, Script};
use crate::demo::{prose, read};

/// A refusal as Google words it.
pub(in crate::demo) fn refuse(fault: &Fault) -> Response {
    let status = match fault.kind {
        Kind::Invalid => "INVALID_ARGUMENT",
        Kind::NoModel | Kind::NoPath => "NOT_FOUND",
    };
    let code = fault.status();
    let error =
        json!({ "error": { "code": code.as_u16(), "message": fault.message, "status": status } });
    wire::json(code, &error)
}

/// A stream with `alt=sse`.
pub(super) fn open_events(_: &Ask, body: Body) -> Response {
    wire::event_stream(body)
}

/// A stream without it.
pub(super) fn open_array(_: &Ask, body: Body) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json; charset=UTF-8")],
        body,
    )
        .into_response()
}

/// A whole answer.
pub(super) fn whole(ask: &Ask, answer: &Answer) -> Value {
    let mut parts = Vec::new();
    if shows_thoughts(ask) && !answer.thinking.is_empty() {
        parts.push(json!({ "text": answer.thinking, "thought": true }));
    }
    if !answer.text.is_empty() {
        parts.push(json!({ "text": answer.text }));
    }
    parts.extend(answer.calls.iter().map(call));
    let spoken = usize::from(parts.first().is_some_and(|part| part["thought"] == true));
    if let Some(part) = parts.get_mut(spoken) {
        sign(part, answer);
    }
    let mut response = chunk(ask, &wire::id(""), parts);
    response["candidates"][0]["finishReason"] = json!(reason(&answer.end));
    response["usageMetadata"] = usage(answer);
    response
}

/// Events without names and without a terminator.
pub(super) fn events(ask: &Ask, answer: &Answer) -> Script {
    let mut script = Script::default();
    for Chunk { value, paced } in chunks(ask, answer) {
        let frame = wire::data(&value);
        if paced {
            script.next(frame)
        } else {
            script.now(frame)
        }
    }
    script
}

/// One array whose elements arrive one by one.
pub(super) fn array(ask: &Ask, answer: &Answer) -> Script {
    let mut script = Script::default();
    let mut before = "[";
    for Chunk { value, paced } in chunks(ask, answer) {
        let frame = format!("{before}{value}\n");
        if paced {
            script.next(frame)
        } else {
            script.now(frame)
        }
        before = ",\r\n";
    }
    script.now("]");
    script
}

struct Chunk {
    value: Value,
    paced: bool,
}

fn chunks(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    let id = wire::id("");
    let mut chunks = Vec::new();
    let mut push = |part: Value| {
        let mut value = chunk(ask, &id, vec![part]);
        value["usageMetadata"] = prompt_usage(answer);
        chunks.push(Chunk { value, paced: true });
    };
    if shows_thoughts(ask) {
        for piece in prose::pieces(&answer.thinking) {
            push(json!({ "text": piece, "thought": true }));
        }
    }
    for piece in prose::pieces(&answer.text) {
        push(json!({ "text": piece }));
    }
    for (index, made) in answer.calls.iter().enumerate() {
        let mut part = call(made);
        if index == 0 {
            sign(&mut part, answer);
        }
        push(part);
    }
    chunks.push(last(ask, answer, &id));
    chunks
}

/// The chunk with the reason and the counts; after a text it carries the signature too.
fn last(ask: &Ask, answer: &Answer, id: &str) -> Chunk {
    let mut part = json!({ "text": "" });
    if answer.calls.is_empty() {
        sign(&mut part, answer);
    }
    let mut value = chunk(ask, id, vec![part]);
    value["candidates"][0]["finishReason"] = json!(reason(&answer.end));
    value["usageMetadata"] = usage(answer);
    Chunk {
        value,
        paced: false,
    }
}

fn chunk(ask: &Ask, id: &str, parts: Vec<Value>) -> Value {
    json!({
        "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0 }],
        "modelVersion": ask.model,
        "responseId": id,
    })
}

fn call(call: &Call) -> Value {
    let args = match &call.arguments {
        Arguments::Json(args) => args.clone(),
        Arguments::Text(input) => json!({ "input": input }),
    };
    json!({ "functionCall": { "name": call.name, "args": args } })
}

fn sign(part: &mut Value, answer: &Answer) {
    if !answer.thinking.is_empty() {
        part["thoughtSignature"] = json!(wire::signature(&answer.thinking));
    }
}

fn shows_thoughts(ask: &Ask) -> bool {
    let config = read::either(&ask.body, "generationConfig")
        .and_then(|wanted| read::either(wanted, "thinkingConfig"));
    config.and_then(|config| read::either(config, "includeThoughts")) == Some(&Value::Bool(true))
}

/// Stop sequences and calls are an ordinary stop here.
fn reason(end: &End) -> &'static str {
    match end {
        End::Done | End::Calls | End::Stop(_) => "STOP",
        End::Length => "MAX_TOKENS",
    }
}

/// Thoughts are not among the candidates' tokens in this format.
fn usage(answer: &Answer) -> Value {
    let counts = &answer.usage;
    let mut usage = prompt_usage(answer);
    usage["candidatesTokenCount"] = json!(counts.output - counts.reasoning);
    usage["totalTokenCount"] = json!(counts.input + counts.output);
    if counts.reasoning > 0 {
        usage["thoughtsTokenCount"] = json!(counts.reasoning);
    }
    usage
}

/// What is known before the answer is.
fn prompt_usage(answer: &Answer) -> Value {
    let input = answer.usage.input;
    json!({
        "promptTokenCount": input,
        "totalTokenCount": input,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": input }],
    })
}
