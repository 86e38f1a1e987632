mod control;
mod conversation;
mod media;
mod tools;

use serde_json::Value;

use super::*;
use crate::Format;
use crate::dialect::Quirks;
use crate::ir::{
    CacheMark, Effort, Media, Origin, Output, Part, Role, Show, Signature, Source, System,
    Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use crate::loss::Strictness::{self, Lenient, Strict};

/// A model of the generation with budgets and schemas.
const BUDGET: &str = "claude-sonnet-4-5";
/// One that thinks as it finds right.
const ADAPTIVE: &str = "claude-opus-4-8";
/// One that knows neither.
const OLD: &str = "claude-3-5-sonnet-20241022";

fn to(model: &str, strictness: Strictness) -> Target<'_> {
    Target {
        format: Format::Messages,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    }
}

/// A chat client's request that says "hi".
fn asked() -> Request<'static> {
    let mut request = Request::new(Format::Chat);
    request.turns = vec![turn(0, Role::User, vec![Part::text("hi")])];
    request
}

fn turn(at: usize, role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn::new(role, parts, at)
}

fn call(id: &'static str, args: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        args: args.into(),
        kind: ToolKind::Function,
        signature: None,
        cache: None,
        at: 0,
    })
}

fn result(id: &'static str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: None,
        parts,
        error: false,
        cache: None,
        at: 0,
    })
}

fn function(name: &'static str) -> Tool<'static> {
    Tool::Function {
        name: name.into(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    }
}

fn thought(text: &'static str, signature: Option<Signature<'static>>) -> Part<'static> {
    let text = text.into();
    Part::Reasoning { text, signature }
}

fn image(mime: &'static str, base64: &'static str) -> Part<'static> {
    let source = Source::Bytes {
        mime: mime.into(),
        base64: base64.into(),
    };
    media(Media::Image {
        source,
        detail: None,
    })
}

fn file(source: Source<'static>) -> Part<'static> {
    let name = Some("n".into());
    media(Media::File { source, name })
}

fn media(media: Media<'static>) -> Part<'static> {
    Part::Media {
        media,
        cache: None,
        at: 0,
    }
}

fn schema(schema: &'static str) -> Output<'static> {
    Output::Schema {
        name: "s".into(),
        description: None,
        schema: schema.into(),
        strict: Some(true),
    }
}

/// The body, what is known for the way back, and what was dropped.
fn sent(model: &str, request: Request<'_>) -> (Value, Back, Vec<String>) {
    let mut losses = Losses::new(request.origin, Format::Messages, model, Strictness::Lenient);
    let encoded = encode(request, &to(model, Strictness::Lenient), &mut losses).unwrap();
    let dropped = losses
        .into_dropped()
        .into_iter()
        .map(|name| name.into_owned());
    (
        serde_json::from_slice(&encoded.body).unwrap(),
        encoded.back,
        dropped.collect(),
    )
}

/// Checks members of the body, by JSON pointer; null: not there.
#[track_caller]
fn check(
    model: &str,
    edit: impl FnOnce(&mut Request<'static>),
    members: &[(&str, Value)],
    dropped: &[&str],
) {
    let mut request = asked();
    edit(&mut request);
    let (body, _, lost) = sent(model, request);
    for (pointer, wanted) in members {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, wanted, "{pointer} of {body}");
    }
    assert_eq!(lost, dropped);
}

/// Checks that a request is refused, and in which words it begins and ends.
#[track_caller]
fn refused(
    strictness: Strictness,
    model: &str,
    edit: impl FnOnce(&mut Request<'static>),
    param: &str,
    reason: &str,
) {
    let mut request = asked();
    edit(&mut request);
    let mut losses = Losses::new(request.origin, Format::Messages, model, strictness);
    let misfit = encode(request, &to(model, strictness), &mut losses).unwrap_err();
    assert_eq!(misfit.param(), param);
    assert!(misfit.to_string().ends_with(reason), "{misfit}");
}

const SCHEMA: &str = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";
