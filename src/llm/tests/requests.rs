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

fn sent(from: Format, request: &Value, to: Format) -> Result<Converted, Misfit> {
    let target = Target {
        format: to,
        model: model(to),
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 4096,
    };
    let asked = Asked {
        model: "asked",
        stream: false,
        wish: None,
    };
    convert(from, request.to_string().as_bytes(), &asked, &target)
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
