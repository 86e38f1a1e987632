use super::super::testing::{
    APPENDIX, accumulated, back, collected, envelope, events, hear, proof, stop, written,
    written_whole,
};
use proptest::prelude::*;

use super::*;
use crate::ir::{Signature, ToolKind};
use crate::tap::Framing;

const BEGIN: Event<'static> = Event::Start {
    id: "r",
    model: "m",
};

fn open(block: u32, kind: BlockKind<'static>) -> Event<'static> {
    Event::Open {
        block,
        choice: 0,
        kind,
    }
}

fn tool(block: u32, id: &'static str, name: &'static str) -> Event<'static> {
    let kind = ToolKind::Function;
    open(block, BlockKind::Tool { id, name, kind })
}

fn text(block: u32, text: &'static str) -> Event<'static> {
    let delta = Delta::Text(text);
    Event::Delta { block, delta }
}

fn args(block: u32, args: &'static str) -> Event<'static> {
    let delta = Delta::Args(args);
    Event::Delta { block, delta }
}

fn sign(block: u32, proof: Signature<'static>) -> Event<'static> {
    let delta = Delta::Signature(proof);
    Event::Delta { block, delta }
}

fn close(block: u32) -> Event<'static> {
    Event::Close { block }
}

/// A stream in few words: `0 text`, `0+ words`, `0.`, `stop_reason`.
fn brief(stream: &str) -> Vec<String> {
    let word = |event: &serde_json::Value| {
        let index = &event["index"];
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                let block = &event["content_block"];
                let name = block["name"]
                    .as_str()
                    .or(block["data"].as_str())
                    .unwrap_or("");
                format!("{index} {} {name}", block["type"].as_str().unwrap())
                    .trim()
                    .to_owned()
            }
            "content_block_delta" => {
                let delta = event["delta"].as_object().unwrap();
                let more = delta.iter().find(|(key, _)| *key != "type").unwrap().1;
                format!("{index}+ {}", more.as_str().unwrap())
            }
            "content_block_stop" => format!("{index}."),
            "message_delta" => event["delta"]["stop_reason"].as_str().unwrap().to_owned(),
            _ => String::new(),
        }
    };
    let words = events(stream);
    words
        .iter()
        .map(word)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Checks a stream, and that it says the same as the whole answer.
#[track_caller]
fn check(thoughts: bool, said: &[Event<'static>], wanted: &[&str]) {
    let mut all = vec![BEGIN];
    all.extend(said.iter().cloned());
    all.push(Event::End);
    let stream = written(&back(thoughts), &all);
    assert_eq!(brief(&stream), wanted);
    let mut message = accumulated(&stream);
    let reply = collected(|each| all.iter().for_each(|event| each(event.clone())));
    let mut whole = written_whole(&back(thoughts), &reply);
    // Only the order of the blocks may differ, where they overlapped.
    for message in [&mut message, &mut whole] {
        let content = message["content"].as_array_mut().unwrap();
        content.sort_by_key(|block| block.to_string());
    }
    assert_eq!(message, whole, "the stream adds up to the whole answer");
}

#[test]
fn an_answer_is_written_as_anthropic_writes_it() {
    let usage = Usage {
        input: 120,
        cache_read: 100,
        output: 30,
        ..Usage::default()
    };
    let mut encoder = Encoder::new(&envelope(), &back(true));
    let mut out = Writer::new(Framing::Sse);
    hear(APPENDIX, &mut |event| encoder.event(&event, &mut out));
    encoder.event(&Event::Usage(&usage), &mut out);
    encoder.event(&Event::End, &mut out);
    let wanted = APPENDIX
        .replace("msg_1", "msg_req1")
        .replace(r#""model":"m""#, r#""model":"asked""#)
        .replace(r#""SIG""#, r#""tg1:messages:gpt::SIG""#)
        .replace(
            r#"{"input_tokens":20,"cache_read_input_tokens":100,"cache_creation_input_tokens":0,"output_tokens":1}"#,
            r#"{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":0}"#,
        );
    assert_eq!(String::from_utf8(out.take()).unwrap(), wanted);
}

#[test]
fn calls_that_come_in_turns_are_written_one_after_the_other() {
    check(
        false,
        &[
            tool(0, "c1", "a"),
            tool(1, "c2", "b"),
            args(0, "{\"x\""),
            args(1, "{\"y\""),
            args(0, ":1}"),
            args(1, ":2}"),
            close(0),
            close(1),
            stop(Stop::ToolCalls),
        ],
        &[
            "0 tool_use a",
            "0+ {\"x\"",
            "0+ :1}",
            "0.",
            "1 tool_use b",
            "1+ {\"y\"",
            "1+ :2}",
            "1.",
            "tool_use",
        ],
    );
}

#[test]
fn a_call_that_waits_is_written_in_one_piece_when_the_first_is_closed() {
    check(
        false,
        &[
            tool(0, "c1", "a"),
            args(0, "{\"x\":\"}"),
            tool(1, "c2", "b"),
            tool(2, "c3", "c"),
            args(2, "{}"),
            args(1, "{\"y\""),
            args(1, ":2}"),
            close(1),
            close(2),
            args(0, "\"}"),
            close(0),
            stop(Stop::End),
        ],
        &[
            "0 tool_use a",
            "0+ {\"x\":\"}",
            "0+ \"}",
            "0.",
            "1 tool_use b",
            "1+ {\"y\":2}",
            "1.",
            "2 tool_use c",
            "2+ {}",
            "2.",
            "tool_use",
        ],
    );
}

#[test]
fn text_after_a_call_is_a_block_of_its_own() {
    let end = [close(1), close(0), stop(Stop::End), Event::End];
    let said = [
        BEGIN,
        open(0, BlockKind::Text),
        text(0, "a"),
        tool(1, "c1", "f"),
        args(1, "{}"),
        text(0, "b"),
        text(0, "c"),
    ];
    let stream = written(&back(false), &[&said[..], &end[..]].concat());
    let wanted = [
        "0 text",
        "0+ a",
        "0.",
        "1 tool_use f",
        "1+ {}",
        "1.",
        "2 text",
        "2+ b",
        "2+ c",
        "2.",
        "tool_use",
    ];
    assert_eq!(brief(&stream), wanted);
    accumulated(&stream);
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    check(
        false,
        &[tool(0, "c1", "f"), close(0), stop(Stop::ToolCalls)],
        &["0 tool_use f", "0+ {}", "0.", "tool_use"],
    );
}

#[test]
fn a_call_that_was_cut_short_keeps_its_pieces_and_the_reason() {
    let said = [
        tool(0, "c1", "f"),
        args(0, "{\"a\": \"xx"),
        close(0),
        stop(Stop::Length),
    ];
    let mut all = vec![BEGIN];
    all.extend(said);
    all.push(Event::End);
    let stream = written(&back(false), &all);
    let wanted = ["0 tool_use f", "0+ {\"a\": \"xx", "0.", "max_tokens"];
    assert_eq!(brief(&stream), wanted);
}

#[test]
fn thinking_is_shown_to_those_who_asked_for_it_with_a_mark_for_its_replay() {
    let said = [
        open(0, BlockKind::Reasoning),
        text(0, "a"),
        text(0, "b"),
        close(0),
        open(1, BlockKind::Text),
        text(1, "c"),
        close(1),
        stop(Stop::End),
    ];
    check(
        true,
        &said,
        &[
            "0 thinking",
            "0+ a",
            "0+ b",
            "0+ tg1:none:::",
            "0.",
            "1 text",
            "1+ c",
            "1.",
            "end_turn",
        ],
    );
    check(false, &said, &["0 text", "0+ c", "0.", "end_turn"]);
}

#[test]
fn a_proof_goes_out_whole_at_the_end_of_its_thinking() {
    check(
        true,
        &[
            open(0, BlockKind::Reasoning),
            sign(0, proof("old")),
            text(0, "a"),
            sign(0, proof("U0lH")),
            close(0),
            stop(Stop::End),
        ],
        &[
            "0 thinking",
            "0+ a",
            "0+ tg1:gemini:gpt::U0lH",
            "0.",
            "end_turn",
        ],
    );
}

#[test]
fn encrypted_thinking_without_words_is_redacted() {
    let mut encrypted = Signature::native(crate::ir::Origin::Responses, "ENC");
    encrypted.id = Some("rs_1".into());
    let said = [
        open(0, BlockKind::Reasoning),
        sign(0, encrypted),
        close(0),
        stop(Stop::End),
    ];
    let wanted = [
        "0 redacted_thinking tg1:responses:gpt:rs_1:ENC",
        "0.",
        "end_turn",
    ];
    check(true, &said, &wanted);
    check(false, &said, &["end_turn"]);
}

#[test]
fn the_proof_of_a_call_stands_in_thinking_before_it() {
    let said = [
        tool(0, "c1", "f"),
        sign(0, proof("U0lH")),
        args(0, "{}"),
        close(0),
        stop(Stop::End),
    ];
    check(
        true,
        &said,
        &[
            "0 thinking",
            "0+ tg1:gemini:gpt::U0lH",
            "0.",
            "1 tool_use f",
            "1+ {}",
            "1.",
            "tool_use",
        ],
    );
    check(false, &said, &["0 tool_use f", "0+ {}", "0.", "tool_use"]);
}

#[test]
fn a_proof_behind_the_arguments_still_goes_before_the_call() {
    check(
        true,
        &[
            tool(0, "c1", "f"),
            args(0, "{}"),
            sign(0, proof("U0lH")),
            close(0),
            tool(1, "c2", "g"),
            args(1, "{\"a\":"),
            args(1, "1}"),
            close(1),
            stop(Stop::End),
        ],
        &[
            "0 thinking",
            "0+ tg1:gemini:gpt::U0lH",
            "0.",
            "1 tool_use f",
            "1+ {}",
            "1.",
            "2 tool_use g",
            "2+ {\"a\":",
            "2+ 1}",
            "2.",
            "tool_use",
        ],
    );
}

#[test]
fn blocks_that_say_nothing_are_left_out() {
    check(
        true,
        &[
            open(0, BlockKind::Text),
            open(1, BlockKind::Reasoning),
            close(0),
            close(1),
            stop(Stop::End),
        ],
        &["end_turn"],
    );
}

#[test]
fn a_refusal_is_text_and_an_image_a_note() {
    check(
        false,
        &[
            open(0, BlockKind::Refusal),
            text(0, "No."),
            close(0),
            open(1, BlockKind::Image { mime: "image/png" }),
            close(1),
            stop(Stop::Refusal),
        ],
        &[
            "0 text",
            "0+ No.",
            "0.",
            "1 text",
            "1+ [The model made an image (image/png), which cannot be shown in this format.]",
            "1.",
            "refusal",
        ],
    );
}

#[test]
fn free_text_for_a_tool_becomes_an_object() {
    let kind = ToolKind::Custom;
    let tool = BlockKind::Tool {
        id: "c:1",
        name: "apply",
        kind,
    };
    let said = [
        open(0, tool),
        args(0, "a\"\n"),
        args(0, "é"),
        close(0),
        stop(Stop::ToolCalls),
    ];
    check(
        false,
        &said,
        &[
            "0 tool_use apply",
            "0+ {\"input\":\"a\\\"\\n",
            "0+ é",
            "0+ \"}",
            "0.",
            "tool_use",
        ],
    );
}

#[test]
fn every_stop_has_its_word() {
    let filter = Stop::Filter {
        reason: "SAFETY",
        explanation: Some("No."),
    };
    for (given, wanted) in [
        (Stop::End, "end_turn"),
        (Stop::Sequence(Some("X")), "stop_sequence"),
        (Stop::Sequence(None), "end_turn"),
        (Stop::Length, "max_tokens"),
        // The caller's tools were not called.
        (Stop::ToolCalls, "end_turn"),
        (filter, "refusal"),
        (Stop::Pause, "pause_turn"),
        (Stop::ContextWindow, "model_context_window_exceeded"),
        (Stop::Malformed("MALFORMED_FUNCTION_CALL"), "end_turn"),
        (Stop::Other("?"), "end_turn"),
    ] {
        check(false, &[stop(given)], &[wanted]);
    }
    let stream = written(&back(false), &[BEGIN, stop(filter), Event::End]);
    let details = &accumulated(&stream)["stop_details"];
    assert_eq!(details["category"], "SAFETY");
    assert_eq!(details["explanation"], "No.");
}

#[test]
fn cache_reads_and_writes_stand_beside_the_input() {
    let check = |usage: Usage, wanted: &str| {
        let stream = written(
            &back(false),
            &[BEGIN, stop(Stop::End), Event::Usage(&usage), Event::End],
        );
        assert_eq!(accumulated(&stream)["usage"].to_string(), wanted);
    };
    check(
        Usage {
            input: 100,
            cache_read: 30,
            cache_write_5m: 20,
            cache_write_1h: 10,
            output: 9,
            reasoning: 4,
            ..Usage::default()
        },
        r#"{"input_tokens":40,"cache_read_input_tokens":30,"cache_creation_input_tokens":30,"output_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},"output_tokens_details":{"thinking_tokens":4}}"#,
    );
    // More is said to come from the cache than there was.
    check(
        Usage {
            input: 120,
            cache_read: 130,
            ..Usage::default()
        },
        r#"{"input_tokens":0,"cache_read_input_tokens":130,"cache_creation_input_tokens":0,"output_tokens":0}"#,
    );
}

#[test]
fn an_error_is_told_and_nothing_after_it() {
    let telling = Telling {
        status: 529,
        kind: "overloaded_error",
        code: None,
        message: "Overloaded",
        param: None,
        request_id: "req1",
    };
    let mut encoder = Encoder::new(&envelope(), &back(false));
    let mut out = Writer::new(Framing::Sse);
    encoder.event(&BEGIN, &mut out);
    out.take();
    encoder.fail(&telling, &mut out);
    assert_eq!(
        String::from_utf8(out.take()).unwrap(),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"},\"request_id\":\"req1\"}\n\n"
    );
}

#[test]
fn what_waits_for_a_call_is_bounded() {
    let mut encoder = Encoder::new(&envelope(), &back(false));
    let mut out = Writer::new(Framing::Sse);
    for event in [
        BEGIN,
        tool(0, "c1", "f"),
        args(0, "{\"a"),
        open(1, BlockKind::Text),
    ] {
        encoder.event(&event, &mut out);
    }
    let words = "x".repeat(1024 * 1024);
    for _ in 0..=8 {
        let delta = Delta::Text(&words);
        encoder.event(&Event::Delta { block: 1, delta }, &mut out);
    }
    assert_eq!(encoder.held, 0, "the unfinished call lost its place");
    for event in [
        args(0, "\":1}"),
        close(0),
        close(1),
        stop(Stop::End),
        Event::End,
    ] {
        encoder.event(&event, &mut out);
    }
    let stream = String::from_utf8(out.take()).unwrap();
    let message = accumulated(&stream);
    assert_eq!(
        message["content"][1]["text"].as_str().unwrap().len(),
        9 * words.len()
    );
}

/// Steps of an answer whose blocks overlap: which block, and whether it opens, says or closes.
fn steps() -> impl Strategy<Value = Vec<(u32, u8)>> {
    prop::collection::vec((0..4u32, 0..8u8), 0..40)
}

/// The pieces of arguments that a call says one after the other.
const PIECES: [&str; 4] = ["{\"a\":[", "1,{\"b\":\"}", "\"}", "]}"];

/// Makes the steps an answer that keeps the grammar.
fn answer(steps: &[(u32, u8)]) -> Vec<Event<'static>> {
    let mut events = vec![BEGIN];
    let mut open: Vec<(u32, u32, usize)> = Vec::new();
    let mut next = 0;
    for (kind, act) in steps {
        let found = open.iter().position(|(_, of, _)| of == kind);
        match (found, act) {
            (None, _) => {
                events.push(match kind {
                    0 => self::open(next, BlockKind::Text),
                    1 => self::open(next, BlockKind::Reasoning),
                    _ => tool(next, "c1", "f"),
                });
                open.push((next, *kind, 0));
                next += 1;
            }
            (Some(at), 0) => events.push(close(open.remove(at).0)),
            (Some(at), 1) if *kind > 0 => events.push(sign(open[at].0, proof("U0lH"))),
            (Some(at), _) => {
                let (block, kind, said) = &mut open[at];
                if *kind < 2 {
                    events.push(text(*block, "ab"));
                } else if let Some(piece) = PIECES.get(*said) {
                    events.push(args(*block, piece));
                }
                *said += 1;
            }
        }
    }
    // Calls say the rest of their arguments, or nothing at all.
    for (block, kind, said) in open {
        for piece in PIECES.iter().skip(said).filter(|_| kind > 1 && said > 0) {
            events.push(args(block, piece));
        }
        events.push(close(block));
    }
    events.extend([stop(Stop::End), Event::End]);
    events
}

/// All text, all thinking and the arguments of the calls, in order of their beginning.
fn meaning(message: &serde_json::Value) -> (String, String, Vec<String>) {
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for block in message["content"].as_array().unwrap() {
        text += block["text"].as_str().unwrap_or("");
        thinking += block["thinking"].as_str().unwrap_or("");
        if block["type"] == "tool_use" {
            // What was cut short is wrapped in a whole answer.
            let input = match &block["input"] {
                cut @ serde_json::Value::String(_) => serde_json::json!({"_raw": cut}),
                input => input.clone(),
            };
            calls.push(input.to_string());
        }
    }
    (text, thinking, calls)
}

proptest! {
    #[test]
    fn any_overlap_adds_up_to_the_whole_answer(steps in steps(), thoughts: bool) {
        let events = answer(&steps);
        let mut grammar = crate::ir::Grammar::default();
        for event in &events {
            prop_assert_eq!(grammar.see(event), Ok(()));
        }
        let streamed = accumulated(&written(&back(thoughts), &events));
        let reply = collected(|each| events.iter().for_each(|event| each(event.clone())));
        let whole = written_whole(&back(thoughts), &reply);
        let (text, thinking, calls) = meaning(&streamed);
        let (all_text, all_thinking, all_calls) = meaning(&whole);
        prop_assert_eq!(text, all_text);
        prop_assert_eq!(thinking, all_thinking);
        prop_assert_eq!(calls, all_calls);
        prop_assert_eq!(&streamed["stop_reason"], &whole["stop_reason"]);
    }
}
