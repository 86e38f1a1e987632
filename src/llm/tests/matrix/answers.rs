//! Answers. `fixtures/matrix/<format>.answers.json` has the cases by name: `whole`, or the events
//! of a `stream`.

use std::collections::BTreeMap;

use bytes::Bytes;
use llm::Format;
use llm::convert::{Back, back_unconverted};
use llm::dialect::Quirks;
use llm::fault::Telling;
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use serde::Deserialize;
use serde_json::Value;

const FIXTURES: [(Format, &str); 4] = [
    (
        Format::Chat,
        include_str!("../../fixtures/matrix/chat.answers.json"),
    ),
    (
        Format::Responses,
        include_str!("../../fixtures/matrix/responses.answers.json"),
    ),
    (
        Format::Messages,
        include_str!("../../fixtures/matrix/messages.answers.json"),
    ),
    (
        Format::Gemini,
        include_str!("../../fixtures/matrix/gemini.answers.json"),
    ),
];

#[derive(Deserialize)]
struct Case {
    whole: Option<Value>,
    #[serde(default)]
    stream: Vec<Value>,
    /// The provider's mark of the end does not come.
    #[serde(default)]
    no_end: bool,
}

#[test]
fn every_answer_goes_to_the_clients_of_every_format() {
    for (from, fixtures) in FIXTURES {
        let cases: BTreeMap<String, Case> = serde_json::from_str(fixtures).unwrap();
        for (name, case) in cases {
            let told: String = Format::ALL.map(|to| outcome(from, &case, to)).concat();
            insta::with_settings!({
                prepend_module_to_snapshot => false,
                snapshot_path => format!("../snapshots/answers/{from}"),
                omit_expression => true,
            }, { insta::assert_snapshot!(name, told); });
        }
    }
}

/// What the clients of a format get, whole and streamed.
fn outcome(from: Format, case: &Case, to: Format) -> String {
    let whole = said(from, case, to, Framing::Whole);
    let streamed = said(from, case, to, Framing::Sse);
    format!("== {to}, whole\n{whole}\n== {to}, streamed\n{streamed}\n")
}

fn said(from: Format, case: &Case, to: Format, wanted: Framing) -> String {
    let mut transcoder = Transcoder::new(TranscodeOptions {
        from,
        to,
        framing: match case.whole {
            Some(_) => Framing::Whole,
            None => Framing::Sse,
        },
        wanted,
        quirks: Quirks::NONE,
        back: back(to),
        envelope: Envelope {
            id: "0194d6c8".to_owned(),
            model: "asked".to_owned(),
            created: 1_700_000_000,
            upstream_model: format!("{}-x", family(from)),
        },
        input_estimate: 7,
        thinking_to_content: false,
    });
    let mut out = Vec::new();
    transcoder.push(&Bytes::from(body(from, case)), &mut out);
    let seen = transcoder.finish(&mut out);
    let mut said = String::from_utf8(out.concat()).unwrap();
    if seen.failed || !seen.terminal {
        said += &String::from_utf8(transcoder.last_event(&Telling {
            status: 502,
            kind: "upstream_error",
            code: None,
            message: "it broke",
            param: None,
            request_id: "0194d6c8",
        }))
        .unwrap();
        let fault = transcoder.report().fault.as_ref();
        let fault = fault.map_or("the stream broke off", |fault| &fault.message);
        said += &format!("(fault: {fault})");
    }
    said
}

fn body(from: Format, case: &Case) -> String {
    if let Some(whole) = &case.whole {
        return whole.to_string();
    }
    let mut body = String::new();
    for event in &case.stream {
        if let Some(name) = event["type"].as_str() {
            body += &format!("event: {name}\n");
        }
        body += &format!("data: {event}\n\n");
    }
    if from == Format::Chat && !case.no_end {
        body += "data: [DONE]\n\n";
    }
    body
}

fn family(format: Format) -> &'static str {
    match format {
        Format::Chat => "deepseek",
        Format::Responses => "gpt",
        Format::Messages => "claude",
        Format::Gemini => "gemini",
    }
}

/// A request that wants to be told everything.
fn back(to: Format) -> Back {
    let request = match to {
        Format::Chat => {
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}"#
        }
        Format::Responses => {
            r#"{"model":"m","input":"x","reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]}"#
        }
        Format::Messages => {
            r#"{"model":"m","max_tokens":9999,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"x"}]}"#
        }
        Format::Gemini => {
            r#"{"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#
        }
    };
    back_unconverted(to, request.as_bytes())
}
