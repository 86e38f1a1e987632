//! Stories of requests on their way to an upstream of another format.

#![allow(clippy::unwrap_used, missing_docs)]

use llm::Format;
use llm::convert::{Asked, Converted, Target, convert};
use llm::dialect::Quirks;
use llm::loss::{Misfit, Strictness};
use serde_json::{Value, json};

/// A model of each format's provider.
fn model(format: Format) -> &'static str {
    match format {
        Format::Chat => "gpt-4o",
        Format::Responses => "gpt-5.2",
        Format::Messages => "claude-sonnet-4-5",
        Format::Gemini => "gemini-3-pro-preview",
    }
}

const ASKED: Asked<'_> = Asked {
    model: "asked",
    stream: false,
    wish: None,
};

fn target(to: Format) -> Target<'static> {
    Target {
        format: to,
        model: model(to),
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 4096,
    }
}

fn sent(from: Format, request: &Value, to: Format) -> Result<Converted, Misfit> {
    convert(from, request.to_string().as_bytes(), &ASKED, &target(to))
}

/// Requests that show what lies at that address, and the field that names it.
fn showing(url: &str) -> Vec<(Format, Value, &'static str)> {
    let chat = |part| json!({ "messages": [{ "role": "user", "content": [part] }] });
    let responses = |part| json!({ "input": [{ "role": "user", "content": [part] }] });
    let messages =
        |block| json!({ "max_tokens": 9, "messages": [{ "role": "user", "content": [block] }] });
    let source = json!({ "type": "url", "url": url });
    let file = json!({ "fileData": { "mimeType": "image/png", "fileUri": url } });
    vec![
        (
            Format::Chat,
            chat(json!({ "type": "image_url", "image_url": { "url": url } })),
            "messages[0].content[0].image_url",
        ),
        (
            Format::Chat,
            chat(json!({ "type": "video_url", "video_url": { "url": url } })),
            "messages[0].content[0].video_url",
        ),
        (
            Format::Responses,
            responses(json!({ "type": "input_image", "image_url": url })),
            "input[0].content[0].image_url",
        ),
        (
            Format::Responses,
            responses(json!({ "type": "input_file", "file_url": url })),
            "input[0].content[0].file_url",
        ),
        (
            Format::Messages,
            messages(json!({ "type": "image", "source": source })),
            "messages[0].content[0].source.url",
        ),
        (
            Format::Messages,
            messages(json!({ "type": "document", "source": source })),
            "messages[0].content[0].source.url",
        ),
        (
            Format::Gemini,
            json!({ "contents": [{ "role": "user", "parts": [file] }] }),
            "contents[0].parts[0].fileData.fileUri",
        ),
    ]
}

#[test]
fn what_lies_on_a_servers_disk_is_not_asked_for() {
    for url in [
        "file:///etc/passwd",
        "FILE://x/y.png",
        "file:/etc/x.png",
        "ftp://x/y.png",
    ] {
        for (from, request, field) in showing(url) {
            for to in Format::ALL {
                let misfit = sent(from, &request, to).unwrap_err();
                assert_eq!(misfit.param(), field, "{url} from {from} to {to}: {misfit}");
            }
        }
    }
    for url in ["/etc/x.png", "x.png"] {
        let (from, request, field) = showing(url).remove(0);
        let misfit = sent(from, &request, Format::Responses).unwrap_err();
        assert_eq!(misfit.param(), field, "{misfit}");
    }
}

#[test]
fn what_lies_in_the_web_is() {
    for url in ["https://x.example/y.png", "http://x.example/y.png"] {
        for (from, request, _) in showing(url) {
            if request.to_string().contains("video_url") {
                continue;
            }
            let converted = sent(from, &request, Format::Responses).unwrap();
            let body = String::from_utf8(converted.body).unwrap();
            assert!(body.contains(url), "{from}: {body}");
        }
    }
}

/// What of a chat request is dropped on the way to that model, by name.
fn dropped(request: &Value, to: Format, model: &str) -> Vec<String> {
    let mut target = target(to);
    target.model = model;
    let body = request.to_string();
    let converted = convert(Format::Chat, body.as_bytes(), &ASKED, &target).unwrap();
    converted.dropped.iter().map(ToString::to_string).collect()
}

#[test]
fn keywords_of_schemas_that_gemini_does_not_know_are_named() {
    let schema = json!({ "type": "object", "$comment": "c", "properties": {
        "a": { "type": "object", "patternProperties": { "^x": {} }, "not": { "required": ["b"] } },
        "b": { "type": "string", "minLength": 3 },
        "c": { "type": "object", "not": {}, "default": {} },
    } });
    let user = json!([{ "role": "user", "content": "x" }]);
    let tool = json!({ "type": "function", "function": { "name": "f", "parameters": schema } });
    let request = json!({ "messages": user, "tools": [tool] });
    assert_eq!(
        dropped(&request, Format::Gemini, "gemini-3-pro-preview"),
        [
            "tools.function.parameters.patternProperties",
            "tools.function.parameters.not"
        ],
    );
    let schema = json!({ "name": "n", "description": "d", "schema": schema });
    let format = json!({ "type": "json_schema", "json_schema": schema });
    let request = json!({ "messages": user, "response_format": format });
    assert_eq!(
        dropped(&request, Format::Gemini, "gemini-3-pro-preview"),
        [
            "response_format.description",
            "response_format.patternProperties",
            "response_format.not"
        ],
    );
    let mut strict = target(Format::Gemini);
    strict.strictness = Strictness::Strict;
    let misfit = convert(
        Format::Chat,
        request.to_string().as_bytes(),
        &ASKED,
        &strict,
    );
    assert_eq!(
        misfit.unwrap_err().param(),
        "response_format.patternProperties"
    );
}

#[test]
fn a_files_name_is_told_or_named_as_dropped() {
    let pdf = "data:application/pdf;base64,JVBERi0=";
    let file = |data: &str| json!({ "file_data": data, "filename": "Notes" });
    let request = |file| {
        let part = json!({ "type": "file", "file": file });
        json!({ "messages": [{ "role": "user", "content": [part] }] })
    };
    let names = ["file.filename"];
    assert_eq!(
        dropped(&request(file(pdf)), Format::Gemini, "gemini-3-pro-preview"),
        names
    );
    let stored = json!({ "file_id": "file-1", "filename": "Notes" });
    assert_eq!(
        dropped(&request(stored), Format::Responses, "gpt-5.2"),
        names
    );
    let image = file("data:image/png;base64,iVBORw0KGgo=");
    assert_eq!(
        dropped(&request(image), Format::Messages, "claude-sonnet-4-5"),
        names
    );
    for to in [Format::Messages, Format::Responses] {
        let sent = sent(Format::Chat, &request(file(pdf)), to).unwrap();
        assert!(
            String::from_utf8(sent.body).unwrap().contains("Notes"),
            "{to}"
        );
    }
    let source = json!({ "type": "text", "media_type": "text/plain", "data": "x" });
    let document = json!({ "type": "document", "title": "Notes", "source": source });
    let message = json!({ "role": "user", "content": [document] });
    let request = json!({ "max_tokens": 99, "messages": [message] });
    for to in [Format::Chat, Format::Responses, Format::Gemini] {
        let sent = sent(Format::Messages, &request, to).unwrap();
        assert!(sent.dropped.is_empty(), "{to}: {:?}", sent.dropped);
        assert!(
            String::from_utf8(sent.body)
                .unwrap()
                .contains(r"Notes\n\nx"),
            "{to}"
        );
    }
}

#[test]
fn a_refusal_names_the_message_that_is_at_fault() {
    let user = |content: Value| json!({ "role": "user", "content": content });
    let picture =
        json!([{ "type": "image_url", "image_url": { "url": "data:image/svg+xml;base64,AAAA" } }]);
    let call = |id| {
        json!({ "role": "assistant", "tool_calls": [
            { "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } }] })
    };
    let tool =
        |id, content: Value| json!({ "role": "tool", "tool_call_id": id, "content": content });
    for (messages, at) in [
        (json!([user(json!("a")), user(picture.clone())]), 1),
        (
            json!([
                user(json!("a")),
                call("x"),
                tool("x", json!("b")),
                user(picture)
            ]),
            3,
        ),
        (
            json!([
                user(json!("a")),
                call("x"),
                tool("x", json!("b")),
                tool("x", json!("c"))
            ]),
            3,
        ),
        (
            json!([
                user(json!("a")),
                call("x"),
                tool("x", json!("b")),
                tool("zz", json!("c"))
            ]),
            3,
        ),
        (json!([user(json!("a")), call("x"), user(json!("b"))]), 2),
    ] {
        let misfit = sent(
            Format::Chat,
            &json!({ "messages": messages }),
            Format::Messages,
        );
        let misfit = misfit.unwrap_err();
        assert_eq!(misfit.param(), format!("messages[{at}]"), "{misfit}");
    }
    let said = json!({ "type": "message", "role": "assistant", "content": "b" });
    let stored = json!({ "type": "item_reference", "id": "msg_1" });
    let request = json!({ "input": [user(json!("a")), said, stored] });
    for to in [Format::Chat, Format::Messages, Format::Gemini] {
        let misfit = sent(Format::Responses, &request, to).unwrap_err();
        assert_eq!(misfit.param(), "input[2]", "{misfit}");
    }
}
