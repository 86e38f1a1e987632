//! What the OpenAI formats share: refusals, tool declarations and choices, reasoning effort.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use super::ask::{Ask, Choice, Input, Shape, Tool};
use super::fault::{Fault, Kind};
use super::{read, wire};

/// A refusal as OpenAI words it.
pub(super) fn refuse(fault: &Fault) -> Response {
    let code = match fault.kind {
        Kind::Invalid => None,
        Kind::NoModel => Some("model_not_found"),
        Kind::NoPath => Some("unknown_url"),
    };
    let error = json!({ "error": {
        "message": fault.message,
        "type": "invalid_request_error",
        "param": fault.param,
        "code": code,
    }});
    with_id(wire::json(fault.status(), &error))
}

/// A stream as OpenAI sends it.
pub(super) fn open(_: &Ask, body: Body) -> Response {
    with_id(wire::event_stream(body))
}

fn with_id(mut response: Response) -> Response {
    if let Ok(id) = wire::id("req_").parse() {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Tool declarations. `nested` is where this format keeps the fields of a tool: under its
/// type's name (Chat) or beside it (Responses). Hosted tools are none of ours.
pub(super) fn tools(body: &Value, nested: bool) -> Result<Vec<Tool>, Fault> {
    let mut tools = Vec::new();
    for declared in read::array(body, "tools")? {
        let kind = read::text(declared, "type");
        let fields = if nested { &declared[kind] } else { declared };
        let input = match kind {
            "function" => Input::Json(parameters(fields)),
            "custom" => Input::Text,
            _ => continue,
        };
        let name = read::text(fields, "name");
        if name.is_empty() {
            return Err(Fault::missing("tools[].name"));
        }
        tools.push(Tool {
            name: name.to_owned(),
            input,
        });
    }
    Ok(tools)
}

fn parameters(fields: &Value) -> Value {
    let none = || json!({ "type": "object" });
    read::field(fields, "parameters")
        .cloned()
        .unwrap_or_else(none)
}

/// The tool choice of both formats; names stand under the type's name or beside it.
pub(super) fn choice(body: &Value) -> Result<Choice, Fault> {
    let Some(choice) = read::field(body, "tool_choice") else {
        return Ok(Choice::Auto);
    };
    match choice.as_str() {
        Some("none") => return Ok(Choice::Never),
        Some("auto") => return Ok(Choice::Auto),
        Some("required") => return Ok(Choice::Must),
        _ => {}
    }
    let kind = read::text(choice, "type");
    let fields = read::field(choice, kind).unwrap_or(choice);
    match kind {
        "function" | "custom" => Ok(Choice::Among(vec![read::text(fields, "name").to_owned()])),
        "allowed_tools" if read::text(fields, "mode") == "required" => allowed(fields),
        "allowed_tools" => Ok(Choice::Auto),
        _ => Err(Fault::invalid("Invalid value for 'tool_choice'.").at("tool_choice")),
    }
}

fn allowed(fields: &Value) -> Result<Choice, Fault> {
    let named = |tool: &Value| {
        let fields = read::field(tool, read::text(tool, "type")).unwrap_or(tool);
        read::text(fields, "name").to_owned()
    };
    Ok(Choice::Among(
        read::array(fields, "tools")?.iter().map(named).collect(),
    ))
}

/// Sentences of reasoning an effort is worth; `usual` when nothing is said.
pub(super) fn effort(level: Option<&str>, usual: usize) -> Result<usize, Fault> {
    match level {
        None => Ok(usual),
        Some("none" | "minimal") => Ok(0),
        Some("low") => Ok(1),
        Some("medium") => Ok(2),
        Some("high") => Ok(3),
        Some("xhigh" | "max") => Ok(4),
        Some(other) => Err(Fault::invalid(format!(
            "Unsupported reasoning effort '{other}'."
        ))),
    }
}

/// The shape of the text. `format` is `response_format` (Chat) or `text.format` (Responses); the
/// schema stands under `json_schema` or beside the type.
pub(super) fn shape(format: Option<&Value>) -> Shape {
    let Some(format) = format else {
        return Shape::Text;
    };
    match read::text(format, "type") {
        "json_schema" => {
            let fields = read::field(format, "json_schema").unwrap_or(format);
            Shape::Json(fields["schema"].clone())
        }
        "json_object" => Shape::Json(any_object()),
        _ => Shape::Text,
    }
}

/// For a caller who wants JSON and does not say which.
pub(super) fn any_object() -> Value {
    json!({
        "type": "object",
        "properties": { "answer": { "type": "string" } },
        "required": ["answer"],
    })
}
