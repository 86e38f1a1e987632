//! Google's `generateContent`: <https://ai.google.dev/api/generate-content>. Reading here, writing in `write`.

mod write;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
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

/// Streams as server-sent events, asked for with `alt=sse`.
const EVENTS: Dialect = Dialect {
    whole: write::whole,
    stream: write::events,
    open: write::open_events,
    refuse,
};

/// Streams as one JSON array, element by element: what comes without `alt=sse`.
const ARRAY: Dialect = Dialect {
    whole: write::whole,
    stream: write::array,
    open: write::open_array,
    refuse,
};

/// The query parameters that matter.
pub(super) type Params = Query<Vec<(String, String)>>;

/// `{model}:{action}`; the model may hold colons of its own.
pub(super) async fn serve(
    State(pace): State<Pace>,
    Path(call): Path<String>,
    Query(params): Params,
    body: Bytes,
) -> Response {
    let (model, action) = call.rsplit_once(':').unwrap_or((&call, ""));
    let stream = match action {
        "generateContent" => false,
        "streamGenerateContent" => true,
        "countTokens" => return count(model, &body),
        _ => return refuse(&Fault::no_path(&call)),
    };
    let events = params
        .iter()
        .any(|(name, value)| name == "alt" && value == "sse");
    let dialect = if events { EVENTS } else { ARRAY };
    let asked = ask(model, &body).map(|ask| Ask { stream, ..ask });
    dialect.reply(asked, pace).await
}

fn count(model: &str, body: &[u8]) -> Response {
    match counted(model, body) {
        Ok(tokens) => wire::json(
            StatusCode::OK,
            &json!({
                "totalTokens": tokens,
                "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens }],
            }),
        ),
        Err(fault) => refuse(&fault),
    }
}

/// Either bare contents, or a whole request under `generateContentRequest`.
fn counted(model: &str, body: &[u8]) -> Result<u64, Fault> {
    let body = read::object(body)?;
    let request = read::either(&body, "generateContentRequest").unwrap_or(&body);
    Ok(prompt_tokens(&from(model, request)?))
}

fn ask(model: &str, body: &[u8]) -> Result<Ask, Fault> {
    from(model, &read::object(body)?)
}

fn from(model: &str, body: &Value) -> Result<Ask, Fault> {
    let mut ask = Ask::new(read::known(model)?, body);
    if let Some(system) = read::either(body, "systemInstruction") {
        ask.turns
            .push(Turn::System(read::joined(read::field(system, "parts"))?));
    }
    for content in read::filled(body, "contents")? {
        turns(content, &mut ask.turns)?;
    }
    ask.tools = tools(body)?;
    ask.choice = choice(body)?;
    let nothing = Value::Null;
    let wanted = read::either(body, "generationConfig").unwrap_or(&nothing);
    ask.stops = match read::either(wanted, "stopSequences") {
        Some(stops) => read::strings(&json!({ "stopSequences": stops }), "stopSequences")?,
        None => Vec::new(),
    };
    ask.max_tokens = number(wanted, "maxOutputTokens")?;
    if number(wanted, "candidateCount")?.is_some_and(|count| count > 1) {
        return Err(Fault::invalid("Only one candidate can be specified."));
    }
    ask.thinking = thinking(wanted, ask.thinking)?;
    ask.shape = shape(wanted);
    Ok(ask)
}

fn number(of: &Value, name: &str) -> Result<Option<u64>, Fault> {
    match read::either(of, name) {
        Some(value) => read::number(&json!({ name: value }), name, 1),
        None => Ok(None),
    }
}

fn turns(content: &Value, turns: &mut Vec<Turn>) -> Result<(), Fault> {
    let parts = read::filled(content, "parts")?;
    if read::text(content, "role") == "model" {
        turns.push(model_turn(parts));
        return Ok(());
    }
    for part in parts {
        turns.push(match read::either(part, "functionResponse") {
            Some(result) => Turn::Result {
                id: identity(result),
                text: output(result),
            },
            None => Turn::User(read::joined(Some(&json!([part])))?),
        });
    }
    Ok(())
}

fn model_turn(parts: &[Value]) -> Turn {
    let said = parts.iter().filter(|part| part["thought"] != true);
    let text = said.map(|part| read::text(part, "text")).collect();
    let calls = parts
        .iter()
        .filter_map(|part| read::either(part, "functionCall"));
    let calls = calls.map(|call| Called {
        id: identity(call),
        name: read::text(call, "name").to_owned(),
        arguments: call["args"].to_string(),
    });
    Turn::Assistant {
        text,
        calls: calls.collect(),
    }
}

/// Calls and results find each other by id, and by name where there is none.
fn identity(of: &Value) -> String {
    let id = read::text(of, "id");
    if id.is_empty() {
        read::text(of, "name").to_owned()
    } else {
        id.to_owned()
    }
}

/// The result's words: `output` or `error` by convention, else the only field, else all of it.
fn output(result: &Value) -> String {
    let response = &result["response"];
    let usual = ["output", "result", "error"]
        .iter()
        .find_map(|name| read::field(response, name));
    match usual.unwrap_or(response) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Fault> {
    let mut tools = Vec::new();
    for group in read::array(body, "tools")? {
        let declared = read::either(group, "functionDeclarations").and_then(Value::as_array);
        for function in declared.into_iter().flatten() {
            let name = read::text(function, "name").to_owned();
            if name.is_empty() {
                return Err(Fault::invalid(
                    "Invalid function name. Must start with a letter or an underscore.",
                ));
            }
            let schema = read::either(function, "parametersJsonSchema")
                .or(read::field(function, "parameters"));
            let input = Input::Json(
                schema
                    .cloned()
                    .unwrap_or_else(|| json!({ "type": "object" })),
            );
            tools.push(Tool { name, input });
        }
    }
    Ok(tools)
}

fn choice(body: &Value) -> Result<Choice, Fault> {
    let config = read::either(body, "toolConfig");
    let Some(calling) = config.and_then(|config| read::either(config, "functionCallingConfig"))
    else {
        return Ok(Choice::Auto);
    };
    match read::text(calling, "mode") {
        "" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED" => Ok(Choice::Auto),
        "NONE" => Ok(Choice::Never),
        "ANY" => {
            let names = read::either(calling, "allowedFunctionNames").and_then(Value::as_array);
            let names = names.into_iter().flatten().filter_map(Value::as_str);
            let names: Vec<String> = names.map(str::to_owned).collect();
            Ok(if names.is_empty() {
                Choice::Must
            } else {
                Choice::Among(names)
            })
        }
        other => Err(Fault::invalid(format!(
            "Invalid value at 'tool_config.function_calling_config.mode': \"{other}\""
        ))),
    }
}

fn thinking(wanted: &Value, usual: usize) -> Result<usize, Fault> {
    let Some(config) = read::either(wanted, "thinkingConfig") else {
        return Ok(usual);
    };
    let level = read::either(config, "thinkingLevel").and_then(Value::as_str);
    let budget = read::either(config, "thinkingBudget").and_then(Value::as_i64);
    match (level, budget) {
        (Some(_), Some(_)) => Err(Fault::invalid(
            "You can only set only one of thinking budget and thinking level.",
        )),
        (None, Some(0)) => Ok(0),
        (None, _) => Ok(usual.max(2)),
        (Some(level), None) => openai::effort(Some(&level.to_lowercase()), usual),
    }
}

fn shape(wanted: &Value) -> Shape {
    let kind = read::either(wanted, "responseMimeType").and_then(Value::as_str);
    if kind != Some("application/json") {
        return Shape::Text;
    }
    let schema = ["responseJsonSchema", "responseSchema"]
        .iter()
        .find_map(|name| read::either(wanted, name));
    Shape::Json(schema.cloned().unwrap_or_else(openai::any_object))
}
