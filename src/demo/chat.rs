//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Answer, Arguments, Call, End};
use super::ask::{Ask, Called, Turn};
use super::dialect::Dialect;
use super::fault::Fault;
use super::wire::{self, Pace, Script};
use super::{openai, prose, read};

const CHAT: Dialect = Dialect {
    whole,
    stream,
    open: openai::open,
    refuse: openai::refuse,
};

pub(super) async fn serve(State(pace): State<Pace>, body: Bytes) -> Response {
    CHAT.reply(ask(&body), pace).await
}

fn ask(body: &[u8]) -> Result<Ask, Fault> {
    let body = &read::object(body)?;
    let mut ask = Ask::new(read::model(body)?, body);
    for message in read::filled(body, "messages")? {
        turns(message, &mut ask.turns)?;
    }
    ask.tools = openai::tools(body, true)?;
    ask.choice = openai::choice(body)?;
    ask.parallel = read::flag(body, "parallel_tool_calls")?.unwrap_or(true);
    ask.thinking = openai::effort(read::string(body, "reasoning_effort")?, ask.thinking)?;
    ask.shape = openai::shape(read::field(body, "response_format"));
    ask.stops = read::strings(body, "stop")?;
    ask.stream = read::flag(body, "stream")?.unwrap_or(false);
    ask.max_tokens = max_tokens(body)?;
    one_choice(body)?;
    if read::field(body, "stream_options").is_some() && !ask.stream {
        let words = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Fault::invalid(words).at("stream_options"));
    }
    Ok(ask)
}

fn max_tokens(body: &Value) -> Result<Option<u64>, Fault> {
    let newer = read::number(body, "max_completion_tokens", 1)?;
    let older = read::number(body, "max_tokens", 1)?;
    if newer.is_some() && older.is_some() {
        let words =
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(Fault::invalid(words).at("max_tokens"));
    }
    Ok(newer.or(older))
}

/// Like many providers, the demo gives one choice.
pub(super) fn one_choice(body: &Value) -> Result<(), Fault> {
    match read::number(body, "n", 1)? {
        None | Some(1) => Ok(()),
        Some(_) => Err(Fault::invalid("This model gives one choice: 'n' must be 1.").at("n")),
    }
}

fn turns(message: &Value, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let content = read::field(message, "content");
    match read::text(message, "role") {
        "system" | "developer" => turns.push(Turn::System(read::joined(content)?)),
        "user" => turns.extend(read::texts(content)?.into_iter().map(Turn::User)),
        "assistant" => turns.push(Turn::Assistant {
            text: read::joined(content)?,
            calls: read::array(message, "tool_calls")?
                .iter()
                .map(called)
                .collect(),
        }),
        "tool" => turns.push(Turn::Result {
            id: read::text(message, "tool_call_id").to_owned(),
            text: read::joined(content)?,
        }),
        other => {
            let words = format!("Invalid value for 'role': '{other}'.");
            return Err(Fault::invalid(words).at("messages"));
        }
    }
    Ok(())
}

fn called(call: &Value) -> Called {
    let fields = &call[read::text(call, "type")];
    let fields = if fields.is_null() {
        &call["function"]
    } else {
        fields
    };
    let arguments = [read::text(fields, "arguments"), read::text(fields, "input")].concat();
    Called {
        id: read::text(call, "id").to_owned(),
        name: read::text(fields, "name").to_owned(),
        arguments,
    }
}

fn whole(ask: &Ask, answer: &Answer) -> Value {
    let content = (!answer.text.is_empty() || answer.calls.is_empty()).then_some(&answer.text);
    let mut message = json!({
        "role": "assistant",
        "content": content,
        "refusal": null,
        "annotations": [],
    });
    if !answer.thinking.is_empty() {
        message["reasoning_content"] = json!(answer.thinking);
    }
    if !answer.calls.is_empty() {
        let calls = answer
            .calls
            .iter()
            .map(|call| tool_call(call, &call.written()));
        message["tool_calls"] = calls.collect();
    }
    json!({
        "id": wire::id("chatcmpl-"),
        "object": "chat.completion",
        "created": wire::now(),
        "model": ask.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": reason(&answer.end),
        }],
        "usage": usage(answer),
        "service_tier": "default",
        "system_fingerprint": "fp_demo",
    })
}

fn tool_call(call: &Call, written: &str) -> Value {
    match call.arguments {
        Arguments::Json(_) => json!({
            "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": written },
        }),
        Arguments::Text(_) => json!({
            "id": call.id, "type": "custom",
            "custom": { "name": call.name, "input": written },
        }),
    }
}

pub(super) fn reason(end: &End) -> &'static str {
    match end {
        End::Done | End::Stop(_) => "stop",
        End::Calls => "tool_calls",
        End::Length => "length",
    }
}

pub(super) fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// Whether the caller wants the usage chunk.
pub(super) fn wants_usage(ask: &Ask) -> bool {
    ask.body["stream_options"]["include_usage"] == true
}

fn stream(ask: &Ask, answer: &Answer) -> Script {
    let envelope = envelope(ask, "chat.completion.chunk", "chatcmpl-");
    let chunk = |delta: Value, reason: Option<&str>| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason,
        }]);
        wire::data(&chunk)
    };
    let mut script = Script::default();
    script.now(chunk(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        None,
    ));
    for piece in prose::pieces(&answer.thinking) {
        script.next(chunk(json!({ "reasoning_content": piece }), None));
    }
    for piece in prose::pieces(&answer.text) {
        script.next(chunk(json!({ "content": piece }), None));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let mut opened = tool_call(call, "");
        opened["index"] = json!(index);
        script.next(chunk(json!({ "tool_calls": [opened] }), None));
        for piece in prose::pieces(&call.written()) {
            let fragment = fragment(call, piece, index);
            script.next(chunk(json!({ "tool_calls": [fragment] }), None));
        }
    }
    script.now(chunk(json!({}), Some(reason(&answer.end))));
    finish(&mut script, ask, answer, envelope);
    script
}

fn fragment(call: &Call, piece: &str, index: usize) -> Value {
    match call.arguments {
        Arguments::Json(_) => json!({ "index": index, "function": { "arguments": piece } }),
        Arguments::Text(_) => json!({ "index": index, "custom": { "input": piece } }),
    }
}

/// What all chunks of one answer have in common. With usage asked for, every chunk says `null`
/// until the last.
pub(super) fn envelope(ask: &Ask, object: &str, prefix: &str) -> Value {
    let mut envelope = json!({
        "id": wire::id(prefix),
        "object": object,
        "created": wire::now(),
        "model": ask.model,
        "system_fingerprint": "fp_demo",
    });
    if wants_usage(ask) {
        envelope["usage"] = Value::Null;
    }
    envelope
}

/// The usage chunk, if asked for, and the terminator.
pub(super) fn finish(script: &mut Script, ask: &Ask, answer: &Answer, mut envelope: Value) {
    if wants_usage(ask) {
        envelope["choices"] = json!([]);
        envelope["usage"] = usage(answer);
        script.now(wire::data(&envelope));
    }
    script.now("data: [DONE]\n\n");
}
