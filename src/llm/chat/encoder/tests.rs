use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::Usage;
use crate::ir::{Collector, Grammar, Origin, Signature, ToolKind};
use crate::tap::Framing;

const USAGE: Usage = Usage {
    input: 120,
    cache_read: 100,
    output: 30,
    reasoning: 10,
    cache_write_5m: 0,
    cache_write_1h: 0,
    audio_input: 0,
    audio_output: 0,
    image_input: 0,
    image_output: 0,
};

fn envelope() -> Envelope {
    Envelope {
        id: "1".into(),
        model: "m".into(),
        created: 1,
        upstream_model: "claude-sonnet-4-5".into(),
    }
}

/// The whole stream, with start, usage and end around the events.
fn written(events: &[Event<'_>], back: &Back) -> String {
    let (mut encoder, mut out) = (Encoder::new(&envelope(), back), Writer::new(Framing::Sse));
    let mut grammar = Grammar::default();
    let start = [Event::Start {
        id: "u",
        model: "x",
    }];
    let end = [Event::Usage(&USAGE), Event::End];
    for event in start.iter().chain(events).chain(&end) {
        grammar.see(event).unwrap();
        encoder.event(event, &mut out);
        encoder.pause(&mut out);
    }
    String::from_utf8(out.take()).unwrap()
}

/// The chunks of the stream, whose end is checked.
fn chunks(events: &[Event<'_>], back: &Back) -> Vec<Value> {
    let written = written(events, back);
    let written = written
        .strip_suffix("data: [DONE]\n\n")
        .expect("the end is told");
    written
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

/// What OpenAI's SDKs make of the deltas of choice 0: texts joined, numbers added, lists by index.
fn merged(chunks: &[Value]) -> Value {
    let mut all = json!({});
    for chunk in chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(
            (&chunk["id"], &chunk["created"], &chunk["model"]),
            (&json!("chatcmpl-1"), &json!(1), &json!("m"))
        );
        for choice in chunk["choices"].as_array().unwrap() {
            for call in choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let whose = call["function"].is_object() || call["custom"].is_object();
                assert!(
                    whose,
                    "OpenAI's helper wants to know what is called: {call}"
                );
            }
            if choice["index"] == 0 {
                merge(&mut all, &choice["delta"]);
            }
        }
    }
    all
}

fn merge(into: &mut Value, delta: &Value) {
    match (into, delta) {
        (Value::Object(into), Value::Object(delta)) => {
            for (key, value) in delta {
                if key == "index" || key == "expires_at" {
                    into.insert(key.clone(), value.clone());
                } else {
                    merge(into.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(into), Value::Array(delta)) => {
            for entry in delta {
                let index = entry["index"].as_u64().expect("entries have an index") as usize;
                assert!(index <= into.len(), "indexes leave no gap");
                if index == into.len() {
                    into.push(json!({}));
                }
                merge(&mut into[index], entry);
            }
        }
        (Value::String(into), Value::String(delta)) => into.push_str(delta),
        (into @ Value::Null, Value::Array(_)) => {
            *into = json!([]);
            merge(into, delta);
        }
        (into @ Value::Null, Value::Object(_)) => {
            *into = Value::Object(Map::new());
            merge(into, delta);
        }
        (into, delta) => *into = delta.clone(),
    }
}

fn open(block: u32, kind: BlockKind<'_>) -> Event<'_> {
    Event::Open {
        block,
        choice: 0,
        kind,
    }
}

fn delta(block: u32, delta: Delta<'_>) -> Event<'_> {
    Event::Delta { block, delta }
}

fn close(block: u32) -> Event<'static> {
    Event::Close { block }
}

fn stop(stop: Stop<'_>) -> Event<'_> {
    Event::Stop { choice: 0, stop }
}

fn tool<'a>(id: &'a str, name: &'a str) -> BlockKind<'a> {
    BlockKind::Tool {
        id,
        name,
        kind: ToolKind::Function,
    }
}

/// Checks what a client's merged message is, and the `finish_reason`.
#[track_caller]
fn check(events: &[Event<'_>], back: &Back, message: Value, reason: &str) {
    let chunks = chunks(events, back);
    let mut merged = merged(&chunks);
    let members = merged.as_object_mut().unwrap();
    assert_eq!(
        members.remove("role"),
        Some(json!("assistant")),
        "the role is told once"
    );
    if members["content"] == "" {
        members.remove("content");
    }
    assert_eq!(merged, message);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], reason);
}

#[test]
fn the_appendix_is_written_as_it_stands() {
    let events = [
        open(0, BlockKind::Reasoning),
        delta(0, Delta::Text("Plan.")),
        delta(
            0,
            Delta::Signature(Signature::native(Origin::Messages, "OLD")),
        ),
        delta(
            0,
            Delta::Signature(Signature::native(Origin::Messages, "SIG")),
        ),
        close(0),
        open(1, BlockKind::Text),
        delta(1, Delta::Text("Hé世")),
        close(1),
        open(2, tool("c1", "get_w")),
        delta(2, Delta::Args("{\"city\":")),
        delta(2, Delta::Args("\"Oslo\"}")),
        close(2),
        open(3, tool("c2", "now")),
        close(3),
        stop(Stop::End),
    ];
    let back = Back {
        include_usage: true,
        ..Back::default()
    };
    assert_eq!(
        written(&events, &back),
        include_str!("../../fixtures/chat.appendix.sse")
    );
}

#[test]
fn without_the_wish_there_is_no_usage() {
    let written = written(&[stop(Stop::End)], &Back::default());
    assert!(!written.contains("usage"), "{written}");
    assert!(written.ends_with("\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"));
}

#[test]
fn reasoning_blocks_are_parted_and_keep_their_proofs() {
    let redacted = Signature {
        redacted: true,
        ..Signature::native(Origin::Messages, "R")
    };
    check(
        &[
            open(0, BlockKind::Reasoning),
            delta(0, Delta::Text("a")),
            delta(0, Delta::Text("b")),
            close(0),
            open(1, BlockKind::Reasoning),
            delta(1, Delta::Signature(redacted)),
            close(1),
            open(2, BlockKind::Reasoning),
            close(2),
            open(3, BlockKind::Reasoning),
            delta(3, Delta::Text("c")),
            delta(
                3,
                Delta::Signature(Signature::native(Origin::Messages, "S")),
            ),
            close(3),
            stop(Stop::End),
        ],
        &Back::default(),
        json!({
            "reasoning_content": "ab\n\nc",
            "reasoning_details": [
                {"index": 0, "type": "reasoning.text", "text": "ab"},
                {"index": 1, "type": "reasoning.encrypted", "data": "tg1:messages:claude:!:R"},
                {"index": 2, "type": "reasoning.text", "text": "c", "signature": "tg1:messages:claude::S"},
            ],
        }),
        "stop",
    );
}

#[test]
fn interleaved_calls_keep_their_indexes_and_proofs() {
    check(
        &[
            open(0, tool("a", "f")),
            open(1, tool("b", "g")),
            delta(1, Delta::Args("{\"y\"")),
            delta(0, Delta::Args("{\"x\"")),
            delta(1, Delta::Args(":2}")),
            delta(0, Delta::Args(":1}")),
            delta(0, Delta::Signature(Signature::native(Origin::Gemini, "S"))),
            close(1),
            close(0),
            stop(Stop::ToolCalls),
        ],
        &Back::default(),
        json!({"tool_calls": [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"},
             "extra_content": {"google": {"thought_signature": "tg1:gemini:claude::S"}}},
            {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{\"y\":2}"}},
        ]}),
        "tool_calls",
    );
}

/// The pieces of calls that are told; the upstream pauses where there is nothing.
fn pieces(events: &[Option<Event<'_>>]) -> Vec<Value> {
    let back = Back::default();
    let (mut encoder, mut out) = (Encoder::new(&envelope(), &back), Writer::new(Framing::Sse));
    for event in events {
        match event {
            Some(event) => encoder.event(event, &mut out),
            None => encoder.pause(&mut out),
        }
    }
    let told = String::from_utf8(out.take()).unwrap();
    let chunks = told.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = chunks.map(|json| serde_json::from_str::<Value>(json).unwrap());
    let calls = chunks.map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].clone());
    calls.filter(|call| !call.is_null()).collect()
}

#[test]
fn a_call_that_comes_at_once_is_told_at_once_with_its_proof() {
    let proof = || delta(0, Delta::Signature(Signature::native(Origin::Gemini, "S")));
    let call = |args: &str| {
        json!({"index": 0, "id": "a", "type": "function",
            "function": {"name": "f", "arguments": args}})
    };
    let extra = json!({"google": {"thought_signature": "tg1:gemini:claude::S"}});
    let mut signed = call("{\"x\":1}");
    signed["extra_content"] = extra.clone();
    let args = || delta(0, Delta::Args("{\"x\":1}"));
    let whole = [open(0, tool("a", "f")), proof(), args(), close(0)];
    assert_eq!(pieces(&whole.map(Some)), [signed]);
    let mut empty = call("{}");
    empty["extra_content"] = extra.clone();
    let whole = [open(0, tool("a", "f")), proof(), close(0)];
    assert_eq!(pieces(&whole.map(Some)), [empty]);

    let more = |args: &str| json!({"index": 0, "function": {"arguments": args}});
    let slow = [
        Some(open(0, tool("a", "f"))),
        None,
        Some(args()),
        None,
        Some(proof()),
        Some(close(0)),
    ];
    let mut late = more("");
    late["extra_content"] = extra;
    assert_eq!(pieces(&slow), [call(""), more("{\"x\":1}"), late]);
    let silent = [Some(open(0, tool("a", "f"))), None, Some(close(0))];
    assert_eq!(pieces(&silent), [call(""), more("{}")]);
}

#[test]
fn custom_tools_get_text() {
    let patch = BlockKind::Tool {
        id: "a",
        name: "patch",
        kind: ToolKind::Custom,
    };
    let silent = BlockKind::Tool {
        id: "b",
        name: "patch",
        kind: ToolKind::Custom,
    };
    check(
        &[
            open(0, patch),
            delta(0, Delta::Args("*** pa")),
            delta(0, Delta::Args("tch")),
            close(0),
            open(1, silent),
            close(1),
            stop(Stop::ToolCalls),
        ],
        &Back::default(),
        json!({"tool_calls": [
            {"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** patch"}},
            {"index": 1, "id": "b", "type": "custom", "custom": {"name": "patch", "input": ""}},
        ]}),
        "tool_calls",
    );
}

#[test]
fn citations_without_a_stretch_mean_their_block() {
    let source = |url: &'static str, span| {
        Delta::Citation(Citation {
            url: url.into(),
            title: Some("t".into()),
            span,
            quote: None,
        })
    };
    let note = |index: u32, start: u64, end: u64, url: &str| {
        json!({"index": index, "type": "url_citation",
            "url_citation": {"start_index": start, "end_index": end, "url": url, "title": "t"}})
    };
    check(
        &[
            open(0, BlockKind::Text),
            delta(0, Delta::Text("né ")),
            close(0),
            open(1, BlockKind::Text),
            delta(1, source("a", None)),
            delta(1, Delta::Text("世x")),
            delta(1, source("b", Some((0, 2)))),
            close(1),
            stop(Stop::End),
        ],
        &Back::default(),
        json!({"content": "né 世x", "annotations": [note(0, 0, 2, "b"), note(1, 3, 5, "a")]}),
        "stop",
    );
}

#[test]
fn images_and_sound_have_their_places() {
    check(
        &[
            open(0, BlockKind::Image { mime: "image/png" }),
            delta(0, Delta::Data("AA")),
            delta(0, Delta::Data("BB")),
            close(0),
            open(1, BlockKind::Audio { id: "x" }),
            delta(1, Delta::Data("CC")),
            delta(1, Delta::Text("hey")),
            close(1),
            open(
                2,
                BlockKind::Server {
                    origin: Format::Messages,
                    raw: "{}",
                },
            ),
            close(2),
            stop(Stop::End),
        ],
        &Back::default(),
        json!({
            "images": [{"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,AABB"}}],
            "audio": {"id": "x", "data": "CC", "transcript": "hey"},
        }),
        "stop",
    );
}

#[test]
fn every_stop_has_its_reason() {
    let text = [
        open(0, BlockKind::Text),
        delta(0, Delta::Text("x")),
        close(0),
    ];
    let filter = Stop::Filter {
        reason: "refusal",
        explanation: Some("why"),
    };
    for (stopped, reason) in [
        (Stop::End, "stop"),
        (Stop::Sequence(Some("s")), "stop"),
        (Stop::Length, "length"),
        (Stop::ContextWindow, "length"),
        (Stop::ToolCalls, "stop"),
        (filter, "content_filter"),
        (Stop::Refusal, "content_filter"),
        (Stop::Pause, "stop"),
        (Stop::Malformed("M"), "stop"),
        (Stop::Other("O"), "stop"),
    ] {
        let mut events = text.to_vec();
        events.push(stop(stopped));
        let mut message = json!({"content": "x"});
        if stopped == filter {
            message["refusal"] = json!("why");
        }
        check(&events, &Back::default(), message, reason);
    }
    check(
        &[stop(Stop::Other("O"))],
        &Back::default(),
        json!({}),
        "content_filter",
    );
    let refused = [
        open(0, BlockKind::Refusal),
        delta(0, Delta::Text("no")),
        close(0),
        stop(Stop::Refusal),
    ];
    check(&refused, &Back::default(), json!({"refusal": "no"}), "stop");
}

#[test]
fn log_probabilities_stand_beside_the_delta() {
    let events = [
        open(0, BlockKind::Text),
        delta(0, Delta::Text("x")),
        delta(0, Delta::Logprobs("[{\"token\":\"x\"}]")),
        close(0),
        stop(Stop::End),
    ];
    let chunks = chunks(&events, &Back::default());
    assert_eq!(
        chunks[2]["choices"][0]["logprobs"],
        json!({"content": [{"token": "x"}], "refusal": null})
    );
}

#[test]
fn every_choice_has_its_role_and_choice_0_comes_first() {
    let events = [
        Event::Open {
            block: 0,
            choice: 1,
            kind: BlockKind::Text,
        },
        delta(0, Delta::Text("b")),
        close(0),
        Event::Stop {
            choice: 1,
            stop: Stop::End,
        },
        stop(Stop::End),
    ];
    let chunks = chunks(&events, &Back::default());
    let of = |chunk: &Value| {
        (
            chunk["choices"][0]["index"].clone(),
            chunk["choices"][0]["delta"]["role"].clone(),
        )
    };
    assert_eq!(of(&chunks[0]), (json!(0), json!("assistant")));
    assert_eq!(of(&chunks[1]), (json!(1), json!("assistant")));
}

#[test]
fn a_broken_stream_ends_with_an_error_that_sdks_raise() {
    let (mut encoder, mut out) = (
        Encoder::new(&envelope(), &Back::default()),
        Writer::new(Framing::Sse),
    );
    let telling = Telling {
        status: 502,
        kind: "server_error",
        code: Some("upstream_error"),
        message: "cut",
        param: None,
        request_id: "r",
    };
    encoder.fail(&telling, &mut out);
    assert_eq!(
        String::from_utf8(out.take()).unwrap(),
        "data: {\"error\":{\"message\":\"cut\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\ndata: [DONE]\n\n"
    );
}

/// A block with its deltas.
fn block() -> impl Strategy<Value = (u8, Vec<String>)> {
    (0u8..6, prop::collection::vec("[a-zé\"\\\\{}]{1,4}", 0..4))
}

proptest! {
    /// A client that merges as the SDKs do ends with the same message as one that asked for it whole.
    #[test]
    fn the_merged_stream_is_the_whole_answer(blocks in prop::collection::vec(block(), 0..6)) {
        let mut events = Vec::new();
        let ids: Vec<String> = (0..blocks.len()).map(|block| format!("id{block}")).collect();
        for (number, (kind, texts)) in blocks.iter().enumerate() {
            let number = number as u32;
            let kind = match kind {
                0 => BlockKind::Text,
                1 => BlockKind::Reasoning,
                2 => BlockKind::Refusal,
                3 => tool(&ids[number as usize], "f"),
                4 => BlockKind::Tool {
                    id: &ids[number as usize],
                    name: "patch",
                    kind: ToolKind::Custom,
                },
                _ => BlockKind::Image { mime: "image/png" },
            };
            events.push(open(number, kind.clone()));
            for text in texts {
                events.push(delta(number, match kind {
                    BlockKind::Tool { .. } => Delta::Args(text),
                    BlockKind::Image { .. } => Delta::Data(text),
                    _ => Delta::Text(text),
                }));
            }
            events.push(close(number));
        }
        events.push(stop(Stop::End));
        let back = Back::default();
        let streamed = merged(&chunks(&events, &back));
        let mut collector = Collector::default();
        for event in &events {
            prop_assert!(collector.take(event));
        }
        let whole = crate::chat::reply::encode(collector.reply(), &envelope(), &back);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let message = &whole["choices"][0]["message"];
        for key in ["reasoning_content", "refusal", "reasoning_details"] {
            prop_assert_eq!(&streamed[key], &message[key], "{}", key);
        }
        prop_assert_eq!(streamed["content"].as_str().unwrap_or(""), message["content"].as_str().unwrap_or(""));
        let bare = |list: &Value| {
            let mut list = list.as_array().cloned().unwrap_or_default();
            list.iter_mut().for_each(|entry| drop(entry.as_object_mut().unwrap().remove("index")));
            list
        };
        for key in ["tool_calls", "images"] {
            prop_assert_eq!(bare(&streamed[key]), bare(&message[key]), "{}", key);
        }
    }
}
