//! One answer, as every format's upstream gives it, told to a Responses client: the same items,
//! the same running numbers, whatever the cut, streamed or whole.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use llm::Format;
use llm::convert::back_unconverted;
use llm::dialect::Quirks;
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use serde_json::{Value, json};

const STREAMS: [(Format, &str); 4] = [
    (Format::Chat, include_str!("../fixtures/chat.sse")),
    (
        Format::Responses,
        include_str!("../fixtures/responses.appendix.sse"),
    ),
    (Format::Messages, include_str!("../fixtures/messages.sse")),
    (
        Format::Gemini,
        include_str!("../fixtures/gemini.appendix.sse"),
    ),
];

fn told(from: Format, body: &str, wanted: Framing, size: usize) -> String {
    let mut transcoder = Transcoder::new(TranscodeOptions {
        from,
        to: Format::Responses,
        framing: Framing::Sse,
        wanted,
        quirks: Quirks::NONE,
        back: back_unconverted(
            Format::Responses,
            br#"{"input":"x","reasoning":{"summary":"auto"}}"#,
        ),
        envelope: Envelope {
            id: "1".to_owned(),
            model: "m".to_owned(),
            created: 1,
            upstream_model: "m".to_owned(),
        },
        input_estimate: 1,
        thinking_to_content: false,
    });
    let mut out = Vec::new();
    for piece in body.as_bytes().chunks(size) {
        transcoder.push(&Bytes::copy_from_slice(piece), &mut out);
    }
    transcoder.finish(&mut out);
    String::from_utf8(out.concat()).unwrap()
}

fn events(told: &str) -> Vec<Value> {
    let payloads = told.lines().filter_map(|line| line.strip_prefix("data: "));
    payloads
        .map(|json| serde_json::from_str(json).unwrap())
        .collect()
}

/// What an item says, without its ids and proofs.
fn said(item: &Value) -> Value {
    match item["type"].as_str().unwrap() {
        "reasoning" => item["summary"].clone(),
        "message" => item["content"][0]["text"].clone(),
        _ => json!([item["call_id"], item["name"], item["arguments"]]),
    }
}

#[test]
fn every_upstream_gives_the_same_items() {
    let wanted = json!([
        [{"type": "summary_text", "text": "Plan."}],
        "Hé世",
        ["c1", "get_w", r#"{"city":"Oslo"}"#],
        ["c2", "now", "{}"],
    ]);
    for (from, body) in STREAMS {
        let events = events(&told(from, body, Framing::Sse, body.len()));
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{from}");
        }
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.completed", "{from}");
        let response = &last["response"];
        // A proof on a call is a reasoning item without a summary.
        let output = response["output"].as_array().unwrap();
        let items = output.iter().filter(|item| item["summary"] != json!([]));
        assert_eq!(items.map(said).collect::<Value>(), wanted, "{from}");
        let usage = &response["usage"];
        assert_eq!(usage["input_tokens"], 120, "{from}");
        let cached = &usage["input_tokens_details"];
        let count = |key: &str| cached[key].as_u64().unwrap();
        assert_eq!(count("cached_tokens") + count("cache_write_tokens"), 100);
        assert_eq!(usage["output_tokens"], 30, "{from}");
        assert_eq!(usage["output_tokens_details"]["reasoning_tokens"], 10);
    }
}

#[test]
fn the_cut_of_the_upstream_does_not_matter() {
    for (from, body) in STREAMS {
        let whole = told(from, body, Framing::Sse, body.len());
        for size in [1, 7, 100] {
            let cut = told(from, body, Framing::Sse, size);
            assert!(cut == whole, "{from} in pieces of {size}");
        }
    }
}

#[test]
fn a_whole_answer_is_what_its_stream_ends_with() {
    for (from, body) in STREAMS {
        let mut last = events(&told(from, body, Framing::Sse, 64)).pop().unwrap();
        let whole = told(from, body, Framing::Whole, 64);
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(whole, last["response"].take(), "{from}");
    }
}
