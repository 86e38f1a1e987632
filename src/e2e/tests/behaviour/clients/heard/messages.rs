//! Messages: one block at a time, numbered from nought.

use e2e::streaming::Event;
use serde_json::{Value, json};

use super::{Heard, named, number, string};

pub(crate) fn read(events: &[Event]) -> Heard {
    let events: Vec<Value> = named(events)
        .into_iter()
        .filter(|event| event["type"] != "ping")
        .collect();
    let [start, middle @ .., last, end] = &events[..] else {
        panic!("too few events: {events:?}");
    };
    assert_eq!(start["type"], "message_start");
    assert_eq!(start["message"]["content"], json!([]));
    assert_eq!(end["type"], "message_stop");
    assert_eq!(last["type"], "message_delta");
    let mut heard = Heard {
        stop: string(&last["delta"]["stop_reason"]),
        ..Heard::default()
    };
    let mut rest = middle;
    while !rest.is_empty() {
        rest = block(rest, &mut heard);
    }
    let of = |name: &str| match &last["usage"][name] {
        Value::Null => start["message"]["usage"][name].as_u64().unwrap_or(0),
        told => number(told),
    };
    heard.usage = (
        of("input_tokens") + of("cache_read_input_tokens") + of("cache_creation_input_tokens"),
        number(&last["usage"]["output_tokens"]),
    );
    heard
}

/// Reads one block from its start to its stop; what is left.
fn block<'a>(events: &'a [Value], heard: &mut Heard) -> &'a [Value] {
    let index = json!(heard.kept.len());
    let (start, rest) = events.split_first().unwrap();
    assert_eq!(
        (&start["type"], &start["index"]),
        (&json!("content_block_start"), &index)
    );
    let length = rest
        .iter()
        .position(|event| event["type"] != "content_block_delta");
    let (deltas, rest) = rest.split_at(length.unwrap());
    assert_eq!(
        (&rest[0]["type"], &rest[0]["index"]),
        (&json!("content_block_stop"), &index)
    );
    assert!(
        deltas.iter().all(|delta| delta["index"] == index),
        "{deltas:?}"
    );
    let all = |name: &str| -> String {
        deltas
            .iter()
            .filter_map(|delta| delta["delta"][name].as_str())
            .collect()
    };
    let mut block = start["content_block"].clone();
    match block["type"].as_str().unwrap() {
        "text" => {
            block["text"] = json!(all("text"));
            heard.text += &all("text");
        }
        "thinking" => {
            block["thinking"] = json!(all("thinking"));
            // The last one counts: it comes whole.
            let mut backwards = deltas.iter().rev();
            let proof = backwards.find_map(|delta| delta["delta"]["signature"].as_str());
            block["signature"] = json!(proof.unwrap_or_default());
            heard.thought += &all("thinking");
        }
        "tool_use" => {
            let written = all("partial_json");
            if !written.is_empty() {
                block["input"] = serde_json::from_str(&written).unwrap();
            }
            let (id, name) = (string(&block["id"]), string(&block["name"]));
            heard.calls.push((id, name, block["input"].clone()));
        }
        other => panic!("no block of type {other} was expected"),
    }
    heard.kept.push(block);
    &rest[1..]
}
