//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>. Reading here, writing in
//! `whole` and `stream`.

mod stream;
mod whole;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::ask::{Ask, Called, Turn};
use super::dialect::Dialect;
use super::fault::Fault;
use super::wire::Pace;
use super::{openai, read};

const RESPONSES: Dialect = Dialect {
    whole: whole::completed,
    stream: stream::script,
    open: openai::open,
    refuse: openai::refuse,
};

pub(super) async fn serve(State(pace): State<Pace>, body: Bytes) -> Response {
    RESPONSES.reply(ask(&body), pace).await
}

fn ask(body: &[u8]) -> Result<Ask, Fault> {
    let body = &read::object(body)?;
    let mut ask = Ask::new(read::model(body)?, body);
    stateless(body)?;
    if let Some(words) = read::string(body, "instructions")? {
        ask.turns.push(Turn::System(words.to_owned()));
    }
    match read::field(body, "input") {
        Some(Value::String(text)) => ask.turns.push(Turn::User(text.clone())),
        _ => {
            for item in read::filled(body, "input")? {
                turns(item, &mut ask.turns)?;
            }
        }
    }
    ask.tools = openai::tools(body, false)?;
    ask.choice = openai::choice(body)?;
    ask.parallel = read::flag(body, "parallel_tool_calls")?.unwrap_or(true);
    ask.thinking = openai::effort(read::string(&body["reasoning"], "effort")?, ask.thinking)?;
    ask.shape = openai::shape(read::field(&body["text"], "format"));
    ask.stream = read::flag(body, "stream")?.unwrap_or(false);
    ask.max_tokens = read::number(body, "max_output_tokens", 16)?;
    Ok(ask)
}

/// The demo keeps nothing, so nothing can be referred to.
fn stateless(body: &Value) -> Result<(), Fault> {
    match read::string(body, "previous_response_id")? {
        None => Ok(()),
        Some(id) => {
            let words = format!("Previous response with id '{id}' not found.");
            Err(Fault::invalid(words).at("previous_response_id"))
        }
    }
}

fn turns(item: &Value, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let kind = match read::text(item, "type") {
        "" => "message",
        kind => kind,
    };
    match kind {
        "message" => message(item, turns),
        "function_call" | "custom_tool_call" => {
            turns.push(Turn::Assistant {
                text: String::new(),
                calls: vec![called(item)],
            });
            Ok(())
        }
        "function_call_output" | "custom_tool_call_output" => {
            turns.push(Turn::Result {
                id: read::text(item, "call_id").to_owned(),
                text: read::joined(read::field(item, "output"))?,
            });
            Ok(())
        }
        // Reasoning and hosted calls of earlier turns say nothing the demo would use.
        _ => Ok(()),
    }
}

fn message(item: &Value, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let content = read::field(item, "content");
    match read::text(item, "role") {
        "user" => turns.extend(read::texts(content)?.into_iter().map(Turn::User)),
        "system" | "developer" => turns.push(Turn::System(read::joined(content)?)),
        "assistant" => turns.push(Turn::Assistant {
            text: read::joined(content)?,
            calls: Vec::new(),
        }),
        other => {
            let words = format!("Invalid value for 'role': '{other}'.");
            return Err(Fault::invalid(words).at("input"));
        }
    }
    Ok(())
}

fn called(item: &Value) -> Called {
    Called {
        id: read::text(item, "call_id").to_owned(),
        name: read::text(item, "name").to_owned(),
        arguments: [read::text(item, "arguments"), read::text(item, "input")].concat(),
    }
}
