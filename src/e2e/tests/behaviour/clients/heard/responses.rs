//! Responses: items from their `done` events, the end from `response.completed`; deltas are for show.

use e2e::streaming::Event;
use serde_json::{Value, json};

use super::{Heard, named, number, string};

pub(crate) fn read(events: &[Event]) -> Heard {
    let events = named(events);
    let numbers: Vec<&Value> = events
        .iter()
        .map(|event| &event["sequence_number"])
        .collect();
    for (at, number) in numbers.iter().enumerate() {
        assert_eq!(**number, json!(at), "numbers count up from nought");
    }
    assert_eq!(events[0]["type"], "response.created");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed", "{last}");
    let response = &last["response"];
    let mut heard = Heard {
        stop: string(&response["status"]),
        usage: (
            number(&response["usage"]["input_tokens"]),
            number(&response["usage"]["output_tokens"]),
        ),
        ..Heard::default()
    };
    for event in events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
    {
        assert_eq!(
            event["output_index"],
            json!(heard.kept.len()),
            "one item after another"
        );
        item(&event["item"], &mut heard);
    }
    assert_eq!(
        response["output"],
        json!(heard.kept),
        "the end repeats the items"
    );
    let shown: String = of(&events, "response.output_text.delta");
    assert_eq!(shown, heard.text);
    assert_eq!(
        of(&events, "response.reasoning_summary_text.delta"),
        heard.thought
    );
    let added = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.added");
    assert_eq!(added.count(), heard.kept.len());
    heard
}

fn of(events: &[Value], kind: &str) -> String {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .map(|event| string(&event["delta"]))
        .collect()
}

fn item(item: &Value, heard: &mut Heard) {
    let call = |input: Value| (string(&item["call_id"]), string(&item["name"]), input);
    match item["type"].as_str().unwrap() {
        "message" => {
            for part in item["content"].as_array().unwrap() {
                heard.text += part["text"].as_str().unwrap();
            }
        }
        "reasoning" => {
            for part in item["summary"].as_array().unwrap() {
                heard.thought += part["text"].as_str().unwrap();
            }
        }
        "function_call" => {
            let arguments = serde_json::from_str(item["arguments"].as_str().unwrap());
            heard.calls.push(call(arguments.unwrap()));
        }
        "custom_tool_call" => heard.calls.push(call(item["input"].clone())),
        other => panic!("no item of type {other} was expected"),
    }
    heard.kept.push(item.clone());
}
