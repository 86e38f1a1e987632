//! Requests. `fixtures/matrix/<format>.requests.json` has the cases by name.

use std::collections::BTreeMap;

use bytes::Bytes;
use llm::convert::{Asked, Converted, Target, convert};
use llm::dialect::Quirks;
use llm::loss::{Misfit, Strictness};
use llm::prepare::{Prepare, prepare};
use llm::{Format, Operation, ask};
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

/// The gateway does not read again what it just wrote, unless the channel wants something else in it.
#[test]
fn a_converted_request_needs_no_preparation() {
    for (from, fixtures) in FIXTURES {
        let cases: BTreeMap<&str, &RawValue> = serde_json::from_str(fixtures).unwrap();
        for ((name, request), (format, model)) in cases
            .iter()
            .flat_map(|case| MODELS.iter().map(move |to| (case, to)))
        {
            let lenient = Strictness::Lenient;
            let Ok(converted) = converted(from, request.get(), *format, model, lenient) else {
                continue;
            };
            let body = Bytes::from(converted.body);
            let mut ask = ask::read(*format, Operation::Chat, &body).unwrap();
            ask.stream = false;
            let prepared = prepare(
                &body,
                &Prepare {
                    format: *format,
                    operation: Operation::Chat,
                    ask: &ask,
                    model,
                    quirks: Quirks::ERRORS_IN_200,
                    wish: None,
                    ask_usage: false,
                    remove: &[],
                    default: &[],
                    set: &[],
                    system_prompt: "",
                },
            );
            assert_eq!(
                prepared.unwrap(),
                body,
                "{from} {name} to {format}, {model}"
            );
        }
    }
}

/// Requests of equal formats go around the common model, untouched: this is what that spares them.
#[test]
fn what_the_common_model_cannot_hold_is_known() {
    let mut lost = Vec::new();
    for (from, fixtures) in FIXTURES {
        let cases: BTreeMap<&str, &RawValue> = serde_json::from_str(fixtures).unwrap();
        for (name, request) in cases {
            let model = MODELS.iter().find(|(format, _)| *format == from).unwrap().1;
            match converted(from, request.get(), from, model, Strictness::Lenient) {
                Ok(converted) => {
                    let dropped = converted.dropped.into_iter();
                    lost.extend(dropped.map(|field| format!("{from} {name}: {field}")));
                }
                Err(misfit) => lost.push(format!("{from} {name}: refused: {misfit}")),
            }
        }
    }
    insta::with_settings!({
        snapshot_path => "../snapshots/requests",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!("within", lost.join("\n")); });
}
