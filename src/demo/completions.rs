//! The older OpenAI text completion: <https://platform.openai.com/docs/api-reference/completions>.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Turn};
use super::dialect::Dialect;
use super::fault::Fault;
use super::wire::{self, Pace, Script};
use super::{chat, openai, prose, read};

/// What OpenAI gives a caller who sets no limit.
const MAX_TOKENS: u64 = 16;

const COMPLETIONS: Dialect = Dialect {
    whole,
    stream,
    open: openai::open,
    refuse: openai::refuse,
};

pub(super) async fn serve(State(pace): State<Pace>, body: Bytes) -> Response {
    COMPLETIONS.reply(ask(&body), pace).await
}

fn ask(body: &[u8]) -> Result<Ask, Fault> {
    let body = &read::object(body)?;
    let mut ask = Ask::new(read::model(body)?, body);
    ask.turns = vec![Turn::User(prompt(body)?)];
    // There is no field for reasoning in this format.
    ask.thinking = 0;
    ask.stops = read::strings(body, "stop")?;
    ask.stream = read::flag(body, "stream")?.unwrap_or(false);
    ask.max_tokens = Some(read::number(body, "max_tokens", 1)?.unwrap_or(MAX_TOKENS));
    chat::one_choice(body)?;
    Ok(ask)
}

fn prompt(body: &Value) -> Result<String, Fault> {
    let prompts = read::strings(body, "prompt")?;
    match <[String; 1]>::try_from(prompts) {
        Ok([prompt]) => Ok(prompt),
        Err(none) if none.is_empty() => Err(Fault::missing("prompt")),
        Err(_) => Err(Fault::invalid("This model takes one prompt.").at("prompt")),
    }
}

fn whole(ask: &Ask, answer: &Answer) -> Value {
    json!({
        "id": wire::id("cmpl-"),
        "object": "text_completion",
        "created": wire::now(),
        "model": ask.model,
        "choices": [choice(&answer.text, Some(chat::reason(&answer.end)))],
        "usage": chat::usage(answer),
        "system_fingerprint": "fp_demo",
    })
}

fn choice(text: &str, reason: Option<&str>) -> Value {
    json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": reason })
}

fn stream(ask: &Ask, answer: &Answer) -> Script {
    let envelope = chat::envelope(ask, "text_completion", "cmpl-");
    let chunk = |text: &str, reason: Option<&str>| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([choice(text, reason)]);
        wire::data(&chunk)
    };
    let mut script = Script::default();
    for piece in prose::pieces(&answer.text) {
        script.next(chunk(piece, None));
    }
    script.now(chunk("", Some(chat::reason(&answer.end))));
    chat::finish(&mut script, ask, answer, envelope);
    script
}
