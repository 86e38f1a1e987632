//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>. Reading here, writing in `write`.

mod write;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::ask::{Ask, Called, Turn};
use super::dialect::Dialect;
use super::fault::Fault;
use super::wire::Pace;
use super::{openai, read};

pub(super) use write::{envelope, finish, reason, usage};

const CHAT: Dialect = Dialect {
    whole: write::whole,
    stream: write::stream,
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
