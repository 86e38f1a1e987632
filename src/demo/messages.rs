//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages>. Reading here, writing in `write`.

mod write;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::ask::{Ask, Called, Choice, Input, Shape, Tool, Turn};
use super::dialect::Dialect;
use super::fault::Fault;
use super::limit::prompt_tokens;
use super::wire::{self, Pace};
use super::{openai, read};

pub(super) use write::refuse;

/// Anthropic's least thinking budget.
const LEAST_BUDGET: u64 = 1024;

const MESSAGES: Dialect = Dialect {
    whole: write::whole,
    stream: write::stream,
    open: write::open,
    refuse,
};

pub(super) async fn serve(State(pace): State<Pace>, body: Bytes) -> Response {
    MESSAGES.reply(ask(&body).and_then(limited), pace).await
}

/// Counts the tokens of a request without answering it.
pub(super) async fn count(body: Bytes) -> Response {
    match ask(&body) {
        Ok(ask) => wire::json(
            StatusCode::OK,
            &json!({ "input_tokens": prompt_tokens(&ask) }),
        ),
        Err(fault) => refuse(&fault),
    }
}

fn ask(body: &[u8]) -> Result<Ask, Fault> {
    let body = &read::object(body)?;
    let mut ask = Ask::new(read::model(body)?, body);
    if let Some(system) = read::field(body, "system") {
        ask.turns.push(Turn::System(read::joined(Some(system))?));
    }
    for message in read::filled(body, "messages")? {
        turns(message, &mut ask.turns)?;
    }
    ask.tools = tools(body)?;
    let choice = &body["tool_choice"];
    ask.choice = self::choice(choice)?;
    ask.parallel = !read::flag(choice, "disable_parallel_tool_use")?.unwrap_or(false);
    ask.stops = read::strings(body, "stop_sequences")?;
    ask.stream = read::flag(body, "stream")?.unwrap_or(false);
    ask.max_tokens = read::number(body, "max_tokens", 1)?;
    ask.thinking = thinking(body, ask.thinking)?;
    ask.shape = shape(body);
    Ok(ask)
}

/// What an answer needs beyond what counting needs.
fn limited(ask: Ask) -> Result<Ask, Fault> {
    let Some(most) = ask.max_tokens else {
        return Err(Fault::invalid("max_tokens: Field required").at("max_tokens"));
    };
    if read::number(&ask.body["thinking"], "budget_tokens", 0)?.is_some_and(|budget| budget >= most)
    {
        return Err(Fault::invalid(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ));
    }
    let forced = matches!(ask.choice, Choice::Must | Choice::Among(_));
    if forced && read::text(&ask.body["thinking"], "type") == "enabled" {
        return Err(Fault::invalid(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
    Ok(ask)
}

fn thinking(body: &Value, usual: usize) -> Result<usize, Fault> {
    let thinking = &body["thinking"];
    let effort = read::string(&body["output_config"], "effort")?;
    match read::text(thinking, "type") {
        "" => Ok(usual),
        "disabled" => Ok(0),
        "adaptive" => openai::effort(effort, 2),
        "enabled" => match read::number(thinking, "budget_tokens", LEAST_BUDGET)? {
            Some(_) => openai::effort(effort, 2),
            None => Err(Fault::invalid(
                "thinking.enabled.budget_tokens: Field required",
            )),
        },
        other => Err(Fault::invalid(format!("thinking: unknown type '{other}'"))),
    }
}

fn shape(body: &Value) -> Shape {
    let newer = read::field(&body["output_config"], "format");
    openai::shape(newer.or(read::field(body, "output_format")))
}

fn turns(message: &Value, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let content = read::field(message, "content");
    if content.is_none() {
        return Err(Fault::invalid("messages: content: Field required"));
    }
    match read::text(message, "role") {
        "user" => user(content, turns),
        "assistant" => assistant(content, turns),
        "system" => {
            turns.push(Turn::System(read::joined(content)?));
            Ok(())
        }
        other => Err(Fault::invalid(format!(
            "messages: Unexpected role \"{other}\". Allowed roles are \"user\" or \"assistant\"."
        ))),
    }
}

fn blocks(content: Option<&Value>) -> &[Value] {
    content.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn user(content: Option<&Value>, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let texts = read::texts(content)?;
    let blocks = blocks(content);
    for (at, text) in texts.into_iter().enumerate() {
        let block = blocks.get(at).unwrap_or(&Value::Null);
        turns.push(match read::text(block, "type") {
            "tool_result" => Turn::Result {
                id: read::text(block, "tool_use_id").to_owned(),
                text: read::joined(read::field(block, "content"))?,
            },
            "text" if text.is_empty() => {
                return Err(Fault::invalid(
                    "messages: text content blocks must be non-empty",
                ));
            }
            _ => Turn::User(text),
        });
    }
    Ok(())
}

fn assistant(content: Option<&Value>, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let mut text = String::new();
    let mut calls = Vec::new();
    if let Some(Value::String(said)) = content {
        text.push_str(said);
    }
    for block in blocks(content) {
        match read::text(block, "type") {
            "tool_use" => calls.push(called(block)?),
            "thinking" => vouched(block)?,
            _ => text.push_str(read::text(block, "text")),
        }
    }
    turns.push(Turn::Assistant { text, calls });
    Ok(())
}

fn called(block: &Value) -> Result<Called, Fault> {
    if !block["input"].is_object() {
        return Err(Fault::invalid(
            "tool_use.input: Input should be a valid dictionary",
        ));
    }
    Ok(Called {
        id: read::text(block, "id").to_owned(),
        name: read::text(block, "name").to_owned(),
        arguments: block["input"].to_string(),
    })
}

/// Reasoning that comes back has to be what was sent, to the letter. Omitted reasoning has only its signature.
fn vouched(block: &Value) -> Result<(), Fault> {
    let thinking = read::text(block, "thinking");
    let signed = read::text(block, "signature");
    if signed == wire::signature(thinking) || (thinking.is_empty() && !signed.is_empty()) {
        return Ok(());
    }
    Err(Fault::invalid(
        "messages: Invalid `signature` in `thinking` block",
    ))
}

fn tools(body: &Value) -> Result<Vec<Tool>, Fault> {
    let mut tools = Vec::new();
    for declared in read::array(body, "tools")? {
        // What has another type is a tool of the vendor's own, with a schema only it knows.
        if !matches!(read::text(declared, "type"), "" | "custom") {
            continue;
        }
        let name = read::text(declared, "name").to_owned();
        match read::field(declared, "input_schema") {
            Some(schema) if !name.is_empty() => tools.push(Tool {
                name,
                input: Input::Json(schema.clone()),
            }),
            _ => {
                return Err(Fault::invalid(
                    "tools: name and input_schema: Field required",
                ));
            }
        }
    }
    Ok(tools)
}

fn choice(choice: &Value) -> Result<Choice, Fault> {
    match read::text(choice, "type") {
        "" | "auto" => Ok(Choice::Auto),
        "any" => Ok(Choice::Must),
        "none" => Ok(Choice::Never),
        "tool" => Ok(Choice::Among(vec![read::text(choice, "name").to_owned()])),
        other => Err(Fault::invalid(format!(
            "tool_choice: unknown type '{other}'"
        ))),
    }
}
