//! Requests. `fixtures/matrix/<format>.requests.json` has the cases by name.

use std::collections::BTreeMap;

use llm::Format;
use llm::convert::{Asked, Converted, Target, convert};
use llm::dialect::Quirks;
use llm::loss::{Misfit, Strictness};
use serde_json::Value;
use serde_json::value::RawValue;

const FIXTURES: [(Format, &str); 4] = [
    (
        Format::Chat,
        include_str!("../../fixtures/matrix/chat.requests.json"),
    ),
    (
        Format::Responses,
        include_str!("../../fixtures/matrix/responses.requests.json"),
    ),
    (
        Format::Messages,
        include_str!("../../fixtures/matrix/messages.requests.json"),
    ),
    (
        Format::Gemini,
        include_str!("../../fixtures/matrix/gemini.requests.json"),
    ),
];

/// The models that are asked, one for each format and each way of thinking.
const MODELS: [(Format, &str); 6] = [
    (Format::Chat, "gpt-4o"),
    (Format::Responses, "gpt-5.2"),
    (Format::Messages, "claude-sonnet-4-5"),
    (Format::Messages, "claude-opus-4-7"),
    (Format::Gemini, "gemini-2.5-flash"),
    (Format::Gemini, "gemini-3-pro-preview"),
];

#[test]
fn every_request_goes_to_every_format() {
    for (from, fixtures) in FIXTURES {
        let cases: BTreeMap<&str, &RawValue> = serde_json::from_str(fixtures).unwrap();
        for (name, request) in cases {
            let outcome = outcome(from, request.get());
            insta::with_settings!({
                prepend_module_to_snapshot => false,
                snapshot_path => format!("../snapshots/requests/{from}"),
                omit_expression => true,
                description => format!("{from}: {request}"),
            }, { insta::assert_snapshot!(name, outcome); });
        }
    }
}

/// What becomes of a request for each model.
fn outcome(from: Format, request: &str) -> String {
    let mut told = String::new();
    for (format, model) in MODELS {
        let lenient = converted(from, request, format, model, Strictness::Lenient);
        told += &format!("== {format}, {model}\n{}\n", tell(&lenient));
        if let (Ok(_), Err(misfit)) = (
            &lenient,
            converted(from, request, format, model, Strictness::Strict),
        ) {
            told += &format!("strict: {misfit}\n");
        }
    }
    told
}

fn tell(outcome: &Result<Converted, Misfit>) -> String {
    let converted = match outcome {
        Ok(converted) => converted,
        Err(misfit) => return format!("refused: {misfit}"),
    };
    let body: Value = serde_json::from_slice(&converted.body).unwrap();
    let written = serde_json::to_string(&body).unwrap();
    match converted.dropped.as_slice() {
        [] => written,
        dropped => format!("{written}\ndropped: {}", dropped.join(", ")),
    }
}

fn converted(
    from: Format,
    request: &str,
    format: Format,
    model: &str,
    strictness: Strictness,
) -> Result<Converted, Misfit> {
    let to = Target {
        format,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    };
    let asked = Asked {
        model: "asked",
        stream: request.contains("\"stream\": true"),
        wish: None,
    };
    convert(from, request.as_bytes(), &asked, &to)
}
