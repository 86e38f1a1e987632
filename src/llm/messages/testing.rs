//! Events in words, and streams as clients read them, for the tests of this format.

use serde_json::Value;

use super::{Decoder, Encoder, encode_reply};
use crate::convert::Back;
use crate::dialect::Quirks;
use crate::frame::sse;
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Collector, Delta, Event, Grammar, Reply, Signature, Stop};
use crate::meter::Piece;
use crate::tap::Framing;
use crate::transcode::Envelope;

/// An answer in Anthropic's stream.
pub(super) const APPENDIX: &str = include_str!("../fixtures/messages.appendix.sse");

/// The same answer, whole.
pub(super) const APPENDIX_WHOLE: &str = include_str!("../fixtures/messages.appendix.json");

/// The words of an answer that the upstream gives as these stream events.
pub(super) fn heard(stream: &str) -> Vec<String> {
    let mut words = Vec::new();
    hear(stream, &mut |event| words.push(told(&event)));
    words
}

/// The words of a whole answer.
pub(super) fn heard_whole(body: &str) -> Vec<String> {
    let mut words = Vec::new();
    hear_whole(body, &mut |event| words.push(told(&event)));
    words
}

/// The whole answer that comes of a stream.
pub(super) fn collected(hear: impl FnOnce(&mut dyn FnMut(Event<'_>))) -> Reply {
    let mut collector = Collector::default();
    hear(&mut |event| assert!(collector.take(&event)));
    collector.reply().clone()
}

/// Reads a stream, checking the grammar of its events.
pub(super) fn hear(stream: &str, each: &mut dyn FnMut(Event<'_>)) {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let mut grammar = Grammar::default();
    let mut each = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        each(event);
    };
    let mut read = |event: &sse::Event| {
        if let Some(json) = event.data() {
            let name = event.name();
            let whole = false;
            decoder.push(Piece { name, json, whole }, &mut each);
        }
    };
    let mut reader = sse::Reader::new();
    let bytes = bytes::Bytes::copy_from_slice(stream.as_bytes());
    reader.push(&bytes, |event| read(&event)).unwrap();
    reader.finish(|event| read(&event));
    decoder.finish(&mut each);
    decoder.finish(&mut each);
    grammar.see(&Event::End).unwrap();
}

/// Reads a whole answer, checking the grammar of its events.
pub(super) fn hear_whole(body: &str, each: &mut dyn FnMut(Event<'_>)) {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let mut grammar = Grammar::default();
    let mut each = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        each(event);
    };
    let piece = Piece {
        name: b"",
        json: body.as_bytes(),
        whole: true,
    };
    decoder.push(piece, &mut each);
    decoder.finish(&mut each);
    grammar.see(&Event::End).unwrap();
}

/// An event in words.
pub(super) fn told(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::Open { block, kind, .. } => format!("{block}: {}", begun(kind)),
        Event::Delta { block, delta } => format!("{block}+ {}", said(delta)),
        Event::Close { block } => format!("{block}."),
        Event::Stop { stop, .. } => format!("stop {stop:?}"),
        Event::Usage(_) => "usage".to_owned(),
        Event::End => "end".to_owned(),
    }
}

fn begun(kind: &BlockKind<'_>) -> String {
    match kind {
        BlockKind::Text => "text".to_owned(),
        BlockKind::Reasoning => "reasoning".to_owned(),
        BlockKind::Tool { id, name, .. } => format!("tool {id} {name}"),
        BlockKind::Server { raw, .. } => {
            let block: Value = serde_json::from_str(raw).unwrap();
            format!("server {}", block["type"].as_str().unwrap())
        }
        other => format!("{other:?}"),
    }
}

fn said(delta: &Delta<'_>) -> String {
    match delta {
        Delta::Text(text) | Delta::Args(text) => (*text).to_owned(),
        Delta::Signature(proof) => match proof.redacted {
            true => format!("redacted {}", proof.data),
            false => format!("signature {}", proof.data),
        },
        Delta::Citation(citation) => format!("cites {} {:?}", citation.url, citation.span),
        other => format!("{other:?}"),
    }
}

/// How the answers of the tests speak of themselves.
pub(super) fn envelope() -> Envelope {
    Envelope {
        id: "req1".to_owned(),
        model: "asked".to_owned(),
        created: 0,
        upstream_model: "gpt-5".to_owned(),
    }
}

/// What a caller asked for who wants to see thinking, or not.
pub(super) fn back(show_thoughts: bool) -> Back {
    Back {
        show_thoughts,
        ..Back::default()
    }
}

/// The stream that a client gets of these events.
pub(super) fn written(back: &Back, events: &[Event<'_>]) -> String {
    let mut encoder = Encoder::new(&envelope(), back);
    let mut out = Writer::new(Framing::Sse);
    for event in events {
        encoder.event(event, &mut out);
    }
    String::from_utf8(out.take()).unwrap()
}

/// The whole answer that a client gets.
pub(super) fn written_whole(back: &Back, reply: &Reply) -> Value {
    serde_json::from_slice(&encode_reply(reply, &envelope(), back)).unwrap()
}

/// What Anthropic's SDKs make of a stream: blocks are appended at their start and addressed by
/// index, a signature is overwritten, usage that is not null replaces. Panics where they would.
pub(super) fn accumulated(stream: &str) -> Value {
    let mut message = Value::Null;
    let mut open: Option<usize> = None;
    let mut json = String::new();
    let mut ended = false;
    for event in events(stream) {
        assert!(!ended, "nothing comes after message_stop: {event}");
        let index = event["index"].as_u64().map(|index| index as usize);
        match event["type"].as_str().unwrap() {
            "message_start" => {
                assert!(message.is_null(), "one message_start");
                message = event["message"].clone();
            }
            "content_block_start" => {
                assert_eq!(open, None, "one block is open at a time: {event}");
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(index, Some(content.len()), "blocks are counted from 0");
                content.push(event["content_block"].clone());
                open = index;
                json.clear();
            }
            "content_block_delta" => {
                assert_eq!(open, index, "a delta is of the open block: {event}");
                let block = &mut message["content"][index.unwrap()];
                add(block, &event["delta"], &mut json);
            }
            "content_block_stop" => {
                assert_eq!(open.take(), index, "the open block is closed: {event}");
                let block = &mut message["content"][index.unwrap()];
                if !json.is_empty() {
                    block["input"] = serde_json::from_str(&json).unwrap_or(json.clone().into());
                }
            }
            "message_delta" => {
                for (key, value) in event["delta"].as_object().unwrap() {
                    message[key] = value.clone();
                }
                for (key, value) in event["usage"].as_object().unwrap() {
                    message["usage"][key] = value.clone();
                }
            }
            "message_stop" => ended = true,
            other => panic!("unknown event {other}"),
        }
    }
    assert!(ended && open.is_none(), "the stream is complete");
    message
}

fn add(block: &mut Value, delta: &Value, json: &mut String) {
    let more = |key: &str| delta[key].as_str().unwrap();
    let append = |place: &mut Value, more: &str| {
        *place = format!("{}{more}", place.as_str().unwrap()).into();
    };
    match (
        delta["type"].as_str().unwrap(),
        block["type"].as_str().unwrap(),
    ) {
        ("text_delta", "text") => append(&mut block["text"], more("text")),
        ("thinking_delta", "thinking") => append(&mut block["thinking"], more("thinking")),
        ("signature_delta", "thinking") => block["signature"] = delta["signature"].clone(),
        ("input_json_delta", "tool_use") => json.push_str(more("partial_json")),
        (delta, block) => panic!("{delta} in a block of type {block}"),
    }
}

/// The events of a stream; each must have the name of its type.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for block in stream.split_terminator("\n\n") {
        let (name, data) = block.split_once('\n').unwrap();
        let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
        events.push(event);
    }
    events
}

/// A proof of another kind, for answers from elsewhere.
pub(super) fn proof(data: &'static str) -> Signature<'static> {
    Signature::native(crate::ir::Origin::Gemini, data)
}

/// The end of every answer.
pub(super) fn stop(stop: Stop<'static>) -> Event<'static> {
    Event::Stop { choice: 0, stop }
}
