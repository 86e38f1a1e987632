use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::ir::{Citation, Collector, Grammar, ToolKind};
use crate::responses::encode_reply;
use crate::tap::Framing;

const APPENDIX: &str = include_str!("../../fixtures/responses.appendix.sse");

fn envelope() -> Envelope {
    Envelope {
        id: "1".to_owned(),
        model: "m".to_owned(),
        created: 1,
        upstream_model: "claude-opus-4-1".to_owned(),
    }
}

/// For a caller that asked for summaries.
fn shown() -> Back {
    Back {
        show_thoughts: true,
        ..Back::default()
    }
}

fn told(events: &[Event<'_>], back: &Back) -> String {
    let mut encoder = Encoder::new(&envelope(), back);
    let mut out = Writer::new(Framing::Sse);
    let mut grammar = Grammar::default();
    for event in events {
        grammar.see(event).unwrap();
        encoder.event(event, &mut out);
    }
    String::from_utf8(out.take()).unwrap()
}

fn open(block: u32, kind: BlockKind<'_>) -> Event<'_> {
    Event::Open {
        block,
        choice: 0,
        kind,
    }
}

fn tool<'a>(block: u32, id: &'a str, name: &'a str) -> Event<'a> {
    let kind = ToolKind::Function;
    open(block, BlockKind::Tool { id, name, kind })
}

fn delta(block: u32, delta: Delta<'_>) -> Event<'_> {
    Event::Delta { block, delta }
}

fn text(block: u32, text: &str) -> Event<'_> {
    delta(block, Delta::Text(text))
}

fn args(block: u32, text: &str) -> Event<'_> {
    delta(block, Delta::Args(text))
}

fn close<'a>(block: u32) -> Event<'a> {
    Event::Close { block }
}

const START: Event<'static> = Event::Start {
    id: "x",
    model: "y",
};

const USAGE: Usage = Usage {
    input: 120,
    cache_read: 100,
    cache_write_5m: 0,
    cache_write_1h: 0,
    output: 30,
    reasoning: 10,
    audio_input: 0,
    audio_output: 0,
    image_input: 0,
    image_output: 0,
};

fn appendix() -> Vec<Event<'static>> {
    let proof = Signature::native(Origin::Messages, "SIG");
    vec![
        START,
        open(0, BlockKind::Reasoning),
        text(0, "Plan."),
        delta(0, Delta::Signature(proof)),
        close(0),
        open(1, BlockKind::Text),
        text(1, "Hé世"),
        close(1),
        tool(2, "c1", "get_w"),
        args(2, "{\"city\":"),
        args(2, "\"Oslo\"}"),
        close(2),
        tool(3, "c2", "now"),
        close(3),
        Event::Stop {
            choice: 0,
            stop: Stop::ToolCalls,
        },
        Event::Usage(&USAGE),
        Event::End,
    ]
}

#[test]
fn the_appendix_is_written_as_it_stands() {
    let told = told(&appendix(), &shown());
    assert_eq!(told, APPENDIX);
}

#[test]
fn reasoning_that_nobody_asked_to_see_goes_along_with_its_proof() {
    let told = told(&appendix(), &Back::default());
    let events = payloads(&told);
    assert!(!told.contains("summary_text"), "{told}");
    let item = &events.last().unwrap()["response"]["output"][0];
    assert_eq!(item["summary"], serde_json::json!([]));
    let hidden = item["encrypted_content"].as_str().unwrap();
    let proof = "tg1:messages:claude::SIG";
    assert_eq!(crate::ir::reveal(hidden), Some(("Plan.", proof)));
    let whole = object(&appendix(), &Back::default());
    assert_eq!(
        whole["output"],
        events.last().unwrap()["response"]["output"]
    );
    let request = serde_json::json!({ "input": [item] }).to_string();
    let request = crate::responses::decode(request.as_bytes()).unwrap();
    let wanted = crate::ir::Part::Reasoning {
        text: "Plan.".into(),
        signature: Signature::unwrap(proof),
    };
    assert_eq!(
        request.turns[0].parts,
        [wanted],
        "its replay brings it back"
    );
}

/// The payloads, after checking what the SDK needs: running numbers, `event:` equal to `type`,
/// indexes without gaps in the order of `added`, deltas that make up their `done`.
fn payloads(told: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    for event in told.split_terminator("\n\n") {
        let (name, json) = event.split_once("\ndata: ").unwrap();
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(value["type"], name.strip_prefix("event: ").unwrap());
        assert_eq!(value["sequence_number"], events.len());
        events.push(value);
    }
    let added = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.added");
    for (place, event) in added.enumerate() {
        assert_eq!(event["output_index"], place);
    }
    for done in events.iter().filter(|event| {
        let kind = event["type"].as_str().unwrap();
        kind.ends_with(".done") && !kind.contains("item") && !kind.contains("part")
    }) {
        let kind = done["type"].as_str().unwrap().replace(".done", ".delta");
        let said: String = events
            .iter()
            .filter(|event| event["type"] == kind.as_str() && event["item_id"] == done["item_id"])
            .filter(|event| event["content_index"] == done["content_index"])
            .map(|event| event["delta"].as_str().unwrap())
            .collect();
        let whole = ["text", "refusal", "arguments", "input"]
            .iter()
            .find_map(|key| done[key].as_str());
        assert_eq!(whole, Some(&*said), "{kind}");
    }
    events
}

/// The types of the events between `in_progress` and the end, each with its item's index.
fn steps(events: &[Event<'_>], back: &Back) -> Vec<String> {
    let step = |event: &Value| {
        let kind = event["type"].as_str().unwrap().replace("response.", "");
        match event["output_index"].as_u64() {
            Some(index) => format!("{kind} {index}"),
            None => kind,
        }
    };
    payloads(&told(events, back))[2..]
        .iter()
        .map(step)
        .collect()
}

/// The final object, which is the same as that of the whole answer.
fn object(events: &[Event<'_>], back: &Back) -> Value {
    let last = payloads(&told(events, back)).pop().unwrap()["response"].take();
    let mut collector = Collector::default();
    for event in events {
        assert!(collector.take(event));
    }
    let whole = encode_reply(collector.reply(), &envelope(), back);
    assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap(), last);
    last
}

fn stop<'a>(stop: Stop<'a>) -> [Event<'a>; 3] {
    let stop = Event::Stop { choice: 0, stop };
    [stop, Event::Usage(&USAGE), Event::End]
}

fn answer<'a>(events: &[Event<'a>], why: Stop<'a>) -> Vec<Event<'a>> {
    [&[START], events, &stop(why)].concat()
}

#[test]
fn a_whole_answer_is_what_its_stream_ends_with() {
    let object = object(&appendix(), &shown());
    assert_eq!(object["status"], "completed");
    assert_eq!(object["output"].as_array().unwrap().len(), 4);
    assert_eq!(object["usage"]["total_tokens"], 150);
}

#[test]
fn a_call_alone_has_index_0() {
    let call = [tool(0, "c", "f"), args(0, "{}"), close(0)];
    let steps = steps(&answer(&call, Stop::ToolCalls), &shown());
    let wanted = [
        "output_item.added 0",
        "function_call_arguments.delta 0",
        "function_call_arguments.done 0",
        "output_item.done 0",
        "completed",
    ];
    assert_eq!(steps, wanted, "no message without text");
}

#[test]
fn an_empty_text_is_no_message() {
    let empty = [
        open(0, BlockKind::Text),
        close(0),
        tool(1, "c", "f"),
        close(1),
    ];
    let object = object(&answer(&empty, Stop::ToolCalls), &shown());
    assert_eq!(object["output"].as_array().unwrap().len(), 1);
}

#[test]
fn interleaved_calls_are_told_apart_by_item() {
    let calls = [
        tool(0, "c1", "a"),
        tool(1, "c2", "b"),
        args(0, "{\"x\""),
        args(1, "{\"y\""),
        args(0, ":1}"),
        args(1, ":2}"),
        close(0),
        close(1),
    ];
    let events = answer(&calls, Stop::ToolCalls);
    let object = object(&events, &shown());
    assert_eq!(object["output"][0]["arguments"], "{\"x\":1}");
    assert_eq!(object["output"][1]["arguments"], "{\"y\":2}");
    let steps = steps(&events, &shown());
    assert_eq!(steps[..2], ["output_item.added 0", "output_item.added 1"]);
}

#[test]
fn text_after_a_call_is_an_item_of_its_own() {
    let said = [
        open(0, BlockKind::Text),
        text(0, "a"),
        close(0),
        tool(1, "c", "f"),
        close(1),
        open(2, BlockKind::Text),
        text(2, "b"),
        close(2),
    ];
    let object = object(&answer(&said, Stop::ToolCalls), &shown());
    let kinds = ["message", "function_call", "message"];
    for (item, kind) in object["output"].as_array().unwrap().iter().zip(kinds) {
        assert_eq!(item["type"], kind);
        assert_eq!(item["status"], "completed");
    }
}

#[test]
fn adjacent_texts_are_one_part_and_a_refusal_another() {
    let said = [
        open(0, BlockKind::Text),
        text(0, "世"),
        close(0),
        open(1, BlockKind::Text),
        text(1, "b"),
        delta(
            1,
            Delta::Citation(Citation {
                url: "u".into(),
                span: Some((1, 2)),
                ..Citation::default()
            }),
        ),
        delta(1, Delta::Logprobs(r#"[{"token":"b"}]"#)),
        close(1),
        open(2, BlockKind::Refusal),
        text(2, "No."),
        close(2),
    ];
    let object = object(&answer(&said, Stop::Refusal), &shown());
    let content = object["output"][0]["content"].as_array().unwrap();
    assert_eq!(content.len(), 2);
    assert_eq!(content[0]["text"], "世b");
    assert_eq!(content[0]["annotations"][0]["start_index"], 1);
    assert_eq!(content[0]["logprobs"][0]["token"], "b");
    assert_eq!(content[1]["refusal"], "No.");
    assert_eq!(object["status"], "completed");
}

#[test]
fn a_proof_that_comes_with_a_call_goes_before_it() {
    let proof = || {
        delta(
            0,
            Delta::Signature(Signature::native(Origin::Gemini, "U0lH")),
        )
    };
    let before = [tool(0, "c", "f"), proof(), args(0, "{}"), close(0)];
    let behind = [tool(0, "c", "f"), args(0, "{}"), proof(), close(0)];
    for call in [before, behind] {
        let object = object(&answer(&call, Stop::ToolCalls), &shown());
        let proof = &object["output"][0];
        assert_eq!(proof["type"], "reasoning");
        assert_eq!(proof["summary"], serde_json::json!([]));
        assert_eq!(proof["encrypted_content"], "tg1:gemini:claude::U0lH");
        assert_eq!(object["output"][1]["type"], "function_call");
        assert_eq!(object["output"][1]["arguments"], "{}");
    }
}

#[test]
fn a_custom_call_and_one_of_a_namespace_are_written_as_such() {
    let kind = ToolKind::Custom;
    let calls = [
        open(
            0,
            BlockKind::Tool {
                id: "c",
                name: "patch",
                kind,
            },
        ),
        args(0, "*** \"x\"\n"),
        close(0),
        tool(1, "d", "ns::f"),
        close(1),
    ];
    let object = object(&answer(&calls, Stop::ToolCalls), &shown());
    let item = &object["output"][0];
    assert_eq!(item["type"], "custom_tool_call");
    assert_eq!(item["input"], "*** \"x\"\n");
    assert!(item["id"].as_str().unwrap().starts_with("ctc_"));
    let item = &object["output"][1];
    assert_eq!(item["namespace"], "ns");
    assert_eq!(item["name"], "f");
    assert_eq!(item["arguments"], "{}");
}

#[test]
fn an_answer_that_stopped_too_early_says_why() {
    let said = [open(0, BlockKind::Text), text(0, "a"), close(0)];
    let call = [tool(0, "c", "f"), args(0, "{\"a"), close(0)];
    let filter = Stop::Filter {
        reason: "SAFETY",
        explanation: None,
    };
    for (events, why, reason) in [
        (&said, Stop::Length, "max_output_tokens"),
        (&call, Stop::Length, "max_output_tokens"),
        (&said, Stop::ContextWindow, "max_output_tokens"),
        (&said, filter, "content_filter"),
    ] {
        let object = object(&answer(events, why), &shown());
        assert_eq!(object["status"], "incomplete");
        assert_eq!(object["incomplete_details"]["reason"], reason);
        assert_eq!(object["output"][0]["status"], "incomplete");
    }
    let failed = object(&answer(&[], Stop::Malformed("X")), &shown());
    assert_eq!(failed["error"]["code"], "server_error");
}

fn broken_off(events: &[Event<'_>]) -> Vec<Value> {
    let mut encoder = Encoder::new(&envelope(), &shown());
    let mut out = Writer::new(Framing::Sse);
    for event in events {
        encoder.event(event, &mut out);
    }
    let telling = Telling {
        status: 502,
        kind: "server_error",
        code: Some("upstream_error"),
        message: "it broke",
        param: None,
        request_id: "1",
    };
    encoder.fail(&telling, &mut out);
    encoder.fail(&telling, &mut out);
    payloads(&String::from_utf8(out.take()).unwrap())
}

#[test]
fn a_stream_that_breaks_off_fails_with_what_it_has() {
    let said = [START, open(0, BlockKind::Text), text(0, "par")];
    let last = broken_off(&said).pop().unwrap();
    assert_eq!(last["type"], "response.failed");
    let response = &last["response"];
    assert_eq!(response["error"]["code"], "server_error");
    assert_eq!(response["error"]["message"], "it broke");
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(response["output"][0]["content"][0]["text"], "par");
}

#[test]
fn a_stream_that_never_began_fails_with_an_error_event() {
    let events = broken_off(&[]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "error");
    assert_eq!(events[0]["error"]["message"], "it broke");
    assert!(
        broken_off(&appendix()).len() == 24,
        "after the end, nothing"
    );
}

#[test]
fn what_is_longer_than_is_kept_goes_out_and_ends_as_incomplete() {
    let large = "1".repeat(33 << 20);
    let said = [
        open(0, BlockKind::Text),
        text(0, "a"),
        delta(0, Delta::Logprobs(&large)),
        text(0, "b"),
        close(0),
        tool(1, "c", "f"),
        close(1),
    ];
    let told = told(&answer(&said, Stop::ToolCalls), &shown());
    assert!(told.contains(r#""delta":"b""#), "every delta goes out");
    let last = told.rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let output = last["response"]["output"].as_array().unwrap();
    assert_eq!(output.len(), 1);
    assert_eq!(output[0]["content"][0]["text"], "a");
    assert_eq!(output[0]["status"], "incomplete");
}

#[test]
fn names_and_ids_count_as_what_is_kept() {
    let large = "f".repeat(33 << 20);
    for call in [tool(0, "c", &large), tool(0, &large, "f")] {
        let told = told(&answer(&[call, close(0)], Stop::ToolCalls), &shown());
        let last = told.rsplit("data: ").next().unwrap();
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["output"], serde_json::json!([]));
    }
}

#[test]
fn an_image_is_the_result_of_a_call() {
    let image = [
        open(0, BlockKind::Image { mime: "image/png" }),
        delta(0, Delta::Data("iVBO")),
        close(0),
    ];
    let item = &object(&answer(&image, Stop::End), &shown())["output"][0];
    assert_eq!(item["type"], "image_generation_call");
    assert_eq!(item["result"], "iVBO");
}

/// A grammatical answer: `moves` opens, feeds and closes blocks of all kinds.
fn any_answer(moves: &[(u8, u8)]) -> Vec<Event<'static>> {
    let mut events = vec![START];
    let (mut open_blocks, mut next): (Vec<(u32, u8)>, u32) = (Vec::new(), 0);
    for (what, which) in moves {
        if *what < 3 || open_blocks.is_empty() {
            let (id, name, kind) = ("c", "f", ToolKind::Function);
            let holds = which % 5;
            let kind = match holds {
                0 => BlockKind::Text,
                1 => BlockKind::Reasoning,
                2 => BlockKind::Refusal,
                3 => BlockKind::Tool { id, name, kind },
                _ => BlockKind::Image { mime: "image/png" },
            };
            events.push(open(next, kind));
            open_blocks.push((next, holds));
            next += 1;
            continue;
        }
        let place = usize::from(*which) % open_blocks.len();
        let (block, holds) = open_blocks[place];
        if *what < 5 {
            events.push(close(block));
            open_blocks.remove(place);
            continue;
        }
        let proof = Signature::native(Origin::Gemini, "U0lH");
        events.push(match (holds, what) {
            (0, 9) => delta(block, Delta::Citation(Citation::default())),
            (0, 8) => delta(block, Delta::Logprobs("[{}]")),
            (1 | 3, 9) => delta(block, Delta::Signature(proof)),
            (3, _) => args(block, "1"),
            (4, _) => delta(block, Delta::Data("AA")),
            _ => text(block, "é"),
        });
    }
    events.extend(open_blocks.iter().map(|(block, _)| close(*block)));
    events.extend(stop(Stop::End));
    events
}

proptest! {
    #[test]
    fn every_answer_keeps_the_rules_of_the_sdk(
        moves in prop::collection::vec((0u8..10, any::<u8>()), 0..60)
    ) {
        let events = payloads(&told(&any_answer(&moves), &shown()));
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        prop_assert_eq!(
            count("response.output_item.added"),
            count("response.output_item.done")
        );
        prop_assert_eq!(
            count("response.content_part.added"),
            count("response.content_part.done")
        );
        let last = events.last().unwrap();
        prop_assert_eq!(&last["type"], "response.completed");
        let output = last["response"]["output"].as_array().unwrap();
        prop_assert_eq!(output.len(), count("response.output_item.added"));
        for done in events.iter().filter(|event| event["type"] == "response.output_item.done") {
            let index = done["output_index"].as_u64().unwrap() as usize;
            prop_assert_eq!(&done["item"], &output[index]);
        }
    }
}
