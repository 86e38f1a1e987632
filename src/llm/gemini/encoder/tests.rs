//! Stories of streams as Google's clients get them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ir::{Citation, Origin, Signature};
use crate::tap::Framing;

fn envelope(model: &str) -> Envelope {
    Envelope {
        id: "r1".to_owned(),
        model: model.to_owned(),
        created: 0,
        upstream_model: "claude-opus-4-1".to_owned(),
    }
}

fn back(show_thoughts: bool) -> Back {
    Back {
        show_thoughts,
        ..Back::default()
    }
}

/// The stream that `events` become, for a caller that asked for `model`.
fn stream(model: &str, show: bool, events: &[Event<'_>]) -> String {
    let mut encoder = Encoder::new(&envelope(model), &back(show));
    let mut out = Writer::new(Framing::Sse);
    let mut grammar = crate::ir::Grammar::default();
    encoder.event(
        &Event::Start {
            id: "x",
            model: "y",
        },
        &mut out,
    );
    grammar
        .see(&Event::Start {
            id: "x",
            model: "y",
        })
        .unwrap();
    for event in events {
        grammar.see(event).unwrap();
        encoder.event(event, &mut out);
    }
    String::from_utf8(out.take()).unwrap()
}

/// The chunks of a stream, checked as python-genai reads them: nothing but lines that begin with
/// `data: ` and hold a JSON object.
fn chunks(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

/// `wanted`: the parts of each chunk but the last.
fn check(events: &[Event<'_>], wanted: Value) -> Value {
    check_for("gpt-4o", true, events, wanted)
}

fn check_for(model: &str, show: bool, events: &[Event<'_>], wanted: Value) -> Value {
    let usage = Usage::default();
    let mut events = events.to_vec();
    if !events
        .iter()
        .any(|event| matches!(event, Event::Stop { .. }))
    {
        events.push(Event::Stop {
            choice: 0,
            stop: Stop::End,
        });
    }
    events.push(Event::Usage(&usage));
    events.push(Event::End);
    let mut chunks = chunks(&stream(model, show, &events));
    let last = chunks.pop().unwrap();
    let parts: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["candidates"][0]["content"]["parts"])
        .collect();
    assert_eq!(json!(parts), wanted);
    for chunk in &chunks {
        assert_eq!(chunk["candidates"][0]["content"]["role"], "model");
        assert_eq!(chunk["modelVersion"], model);
        assert_eq!(chunk["responseId"], "r1");
        assert!(chunk["candidates"][0].get("finishReason").is_none());
    }
    last["candidates"][0].clone()
}

fn text(block: u32, text: &str) -> Event<'_> {
    Event::Delta {
        block,
        delta: Delta::Text(text),
    }
}

fn args(block: u32, args: &str) -> Event<'_> {
    Event::Delta {
        block,
        delta: Delta::Args(args),
    }
}

/// What the first call of an answer carries where it came without a proof.
const UNPROVEN: &str = "dGcxOm5vbmU6Ojo=";

fn sign(block: u32, signature: Signature<'_>) -> Event<'_> {
    Event::Delta {
        block,
        delta: Delta::Signature(signature),
    }
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

fn close(block: u32) -> Event<'static> {
    Event::Close { block }
}

fn stop(stop: Stop<'_>) -> Event<'_> {
    Event::Stop { choice: 0, stop }
}

#[test]
fn the_answer_of_the_appendix() {
    let usage = Usage {
        input: 120,
        cache_read: 100,
        output: 30,
        reasoning: 10,
        ..Usage::default()
    };
    let events = [
        open(0, BlockKind::Reasoning),
        text(0, "Plan."),
        close(0),
        open(1, BlockKind::Text),
        text(1, "Hé世"),
        close(1),
        tool(2, "c1", "get_w"),
        args(2, "{\"city\":"),
        args(2, "\"Oslo\"}"),
        sign(2, Signature::native(Origin::Gemini, "U0lH")),
        close(2),
        tool(3, "c2", "now"),
        args(3, "{}"),
        close(3),
        stop(Stop::ToolCalls),
        Event::Usage(&usage),
        Event::End,
    ];
    let told = chunks(&stream("gemini-3-pro", true, &events));
    let fixture =
        include_str!("../../fixtures/gemini.appendix.sse").replace("\"m\"", "\"gemini-3-pro\"");
    let mut wanted = chunks(&fixture);
    // What was used is known at the end only.
    wanted[0].as_object_mut().unwrap().remove("usageMetadata");
    assert_eq!(json!(told), json!(wanted));
}

#[test]
fn interleaved_calls_come_whole_and_in_order() {
    let last = check(
        &[
            tool(0, "c1", "a"),
            tool(1, "c2", "b"),
            args(0, "{\"x\""),
            args(1, "{\"y\""),
            args(1, ":2}"),
            close(1),
            args(0, ":1}"),
            close(0),
            stop(Stop::ToolCalls),
        ],
        json!([
            [{"functionCall": {"name": "a", "args": {"x": 1}}, "thoughtSignature": UNPROVEN}],
            [{"functionCall": {"name": "b", "args": {"y": 2}}}],
        ]),
    );
    assert_eq!(last["finishReason"], "STOP");
    assert_eq!(last["content"]["parts"], json!([{"text": ""}]));
}

#[test]
fn a_call_cut_by_the_limit_is_not_told() {
    let cut = |reason| {
        check(
            &[
                tool(0, "c1", "a"),
                args(0, "{\"x\": \"y"),
                close(0),
                tool(1, "c2", "b"),
                args(1, "{}"),
                close(1),
                stop(reason),
            ],
            json!([[{"functionCall": {"name": "b", "args": {}}, "thoughtSignature": UNPROVEN}]]),
        )
    };
    assert_eq!(cut(Stop::Length)["finishReason"], "MAX_TOKENS");
    let broken = cut(Stop::ToolCalls);
    assert_eq!(broken["finishReason"], "MALFORMED_FUNCTION_CALL");
}

#[test]
fn a_call_without_arguments_is_told_unless_it_may_have_been_cut() {
    let events = |reason| {
        [
            tool(0, "c1", "a"),
            close(0),
            tool(1, "c2", "b"),
            close(1),
            stop(reason),
        ]
    };
    let first = json!([{"functionCall": {"name": "a", "args": {}}, "thoughtSignature": UNPROVEN}]);
    let second = json!([{"functionCall": {"name": "b", "args": {}}}]);
    check(&events(Stop::ToolCalls), json!([first, second]));
    check(&events(Stop::Length), json!([first]));
}

#[test]
fn a_foreign_proof_rides_on_the_part_behind_its_reasoning() {
    let proof = || Signature::native(Origin::Messages, "sig");
    let carried = super::super::proof::write(&proof(), "claude");
    let events = [
        open(0, BlockKind::Reasoning),
        text(0, "Hm"),
        sign(0, Signature::native(Origin::Messages, "old")),
        sign(0, proof()),
        close(0),
        open(1, BlockKind::Text),
        text(1, "a"),
        text(1, "b"),
        close(1),
    ];
    let said = json!([{"text": "a", "thoughtSignature": carried}]);
    check(
        &events,
        json!([[{"text": "Hm", "thought": true}], said, [{"text": "b"}]]),
    );
    check_for("gpt-4o", false, &events, json!([said, [{"text": "b"}]]));
    let events = [
        open(0, BlockKind::Reasoning),
        sign(0, proof()),
        close(0),
        open(1, BlockKind::Reasoning),
        sign(1, proof()),
        close(1),
        tool(2, "c", "f"),
        close(2),
        open(3, BlockKind::Reasoning),
        sign(3, Signature::none()),
        close(3),
        open(4, BlockKind::Reasoning),
        sign(4, proof()),
        close(4),
    ];
    let last = check(
        &events,
        json!([
            [{"text": "", "thoughtSignature": carried}],
            [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": carried}],
        ]),
    );
    assert_eq!(
        last["content"]["parts"],
        json!([{"text": "", "thoughtSignature": carried}])
    );
}

#[test]
fn ids_are_for_callers_of_the_third_generation() {
    let events = [tool(0, "c1", "f"), close(0)];
    let call = |call| json!([[{"functionCall": call, "thoughtSignature": UNPROVEN}]]);
    check_for(
        "gemini-2.5-pro",
        true,
        &events,
        call(json!({"name": "f", "args": {}})),
    );
    let with_id = call(json!({"id": "c1", "name": "f", "args": {}}));
    check_for("gemini-3-pro-preview", true, &events, with_id);
}

#[test]
fn text_for_a_custom_tool_is_a_functions_one_argument() {
    let custom = BlockKind::Tool {
        id: "c1",
        name: "sql",
        kind: ToolKind::Custom,
    };
    check(
        &[open(0, custom), args(0, "SELECT \"a\""), close(0)],
        json!([[{"functionCall": {"name": "sql", "args": {"input": "SELECT \"a\""}}, "thoughtSignature": UNPROVEN}]]),
    );
}

#[test]
fn images_come_whole_and_foreign_steps_not_at_all() {
    let data = |data| Event::Delta {
        block: 0,
        delta: Delta::Data(data),
    };
    let server = |block, origin, raw| open(block, BlockKind::Server { origin, raw });
    let raw = r#"{"executableCode":{"code":"1"}}"#;
    check(
        &[
            open(0, BlockKind::Image { mime: "image/png" }),
            data("AA"),
            data("AA"),
            close(0),
            server(1, Format::Messages, "{}"),
            close(1),
            server(2, Format::Gemini, raw),
            close(2),
        ],
        json!([
            [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
            [{"executableCode": {"code": "1"}}],
        ]),
    );
}

#[test]
fn sources_are_told_at_the_end_in_bytes() {
    let cite = Event::Delta {
        block: 0,
        delta: Delta::Citation(Citation {
            url: "https://a".into(),
            title: Some("A".into()),
            span: Some((0, 2)),
            quote: None,
        }),
    };
    let last = check(
        &[
            open(0, BlockKind::Text),
            text(0, "né"),
            cite.clone(),
            cite,
            text(0, " [1]"),
            close(0),
        ],
        json!([[{"text": "né"}], [{"text": " [1]"}]]),
    );
    let support =
        json!({"segment": {"startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0]});
    assert_eq!(
        last["groundingMetadata"],
        json!({"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}], "groundingSupports": [support, support]})
    );
}

#[test]
fn log_probabilities_take_googles_shape() {
    let logprobs = Event::Delta {
        block: 0,
        delta: Delta::Logprobs(
            r#"[{"token":"a","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"b","logprob":-1}]}]"#,
        ),
    };
    let events = [
        open(0, BlockKind::Text),
        text(0, "a"),
        logprobs,
        close(0),
        stop(Stop::End),
        Event::End,
    ];
    let told = chunks(&stream("m", false, &events));
    assert_eq!(
        told[1]["candidates"][0]["logprobsResult"],
        json!({"chosenCandidates": [{"token": "a", "logProbability": -0.5}], "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}]})
    );
}

#[test]
fn several_answers_end_in_one_chunk() {
    let of = |block, choice| Event::Open {
        block,
        choice,
        kind: BlockKind::Text,
    };
    let events = [
        of(0, 1),
        of(1, 0),
        text(0, "b"),
        text(1, "a"),
        close(0),
        close(1),
        Event::Stop {
            choice: 1,
            stop: Stop::Length,
        },
        stop(Stop::Refusal),
        Event::End,
    ];
    let told = chunks(&stream("m", false, &events));
    let candidates = told[2]["candidates"].as_array().unwrap();
    let reasons: Vec<_> = candidates
        .iter()
        .map(|one| (one["index"].as_u64(), one["finishReason"].as_str()))
        .collect();
    assert_eq!(
        reasons,
        [(Some(0), Some("SAFETY")), (Some(1), Some("MAX_TOKENS"))]
    );
    assert_eq!(told[0]["candidates"][0]["index"], 1);
}

#[test]
fn an_array_is_closed_and_an_error_is_its_last_element() {
    let mut encoder = Encoder::new(&envelope("m"), &back(false));
    let mut out = Writer::new(Framing::JsonArray);
    encoder.event(&open(0, BlockKind::Text), &mut out);
    encoder.event(&text(0, "a"), &mut out);
    let telling = Telling {
        status: 503,
        kind: "UNAVAILABLE",
        code: None,
        message: "over\nloaded",
        param: None,
        request_id: "q",
    };
    encoder.fail(&telling, &mut out);
    out.close();
    let told: Value = serde_json::from_slice(&out.take()).unwrap();
    assert_eq!(
        told[1],
        json!({"error": {"code": 503, "message": "over\nloaded", "status": "UNAVAILABLE"}})
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let mut encoder = Encoder::new(&envelope("m"), &back(false));
    let mut out = Writer::new(Framing::Sse);
    encoder.event(&tool(0, "c", "f"), &mut out);
    let piece = "x".repeat(MAX_KEPT_BYTES / 2);
    for _ in 0..5 {
        encoder.event(&args(0, &piece), &mut out);
        assert!(encoder.kept <= MAX_KEPT_BYTES);
    }
    encoder.event(&close(0), &mut out);
    assert_eq!(encoder.kept, 0);
    encoder.event(&stop(Stop::ToolCalls), &mut out);
    encoder.event(&Event::End, &mut out);
    let told = chunks(&String::from_utf8(out.take()).unwrap());
    assert_eq!(
        told[0]["candidates"][0]["finishReason"],
        "MALFORMED_FUNCTION_CALL"
    );
}

/// A block of an answer, from its beginning to its end.
fn block(number: u32, kind: usize) -> Vec<Event<'static>> {
    let proof = |data| sign(number, Signature::native(Origin::Messages, data));
    let said = match kind {
        0 => vec![
            open(number, BlockKind::Text),
            text(number, "a"),
            text(number, "é"),
        ],
        1 => vec![
            open(number, BlockKind::Reasoning),
            text(number, "t"),
            proof("p"),
        ],
        2 => vec![open(number, BlockKind::Reasoning), proof("q")],
        3 => vec![
            tool(number, "c", "f"),
            args(number, "{\"a\""),
            args(number, ":1}"),
        ],
        4 => vec![tool(number, "c", "f"), args(number, "{\"a\"")],
        5 => vec![tool(number, "c", "f"), proof("r")],
        6 => vec![open(number, BlockKind::Refusal), text(number, "no")],
        7 => vec![open(number, BlockKind::Image { mime: "image/png" })],
        _ => vec![
            open(number, BlockKind::Image { mime: "image/png" }),
            Event::Delta {
                block: number,
                delta: Delta::Data("AAAA"),
            },
        ],
    };
    said.into_iter().chain([close(number)]).collect()
}

/// The parts with neighbouring texts of one kind joined, where no proof stands between.
fn joined(parts: Vec<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for part in parts {
        let more = part["text"].as_str().unwrap_or_default().to_owned();
        match all.last_mut() {
            Some(last)
                if last["text"].is_string()
                    && part["text"].is_string()
                    && part["thoughtSignature"].is_null()
                    && last["thought"] == part["thought"] =>
            {
                last["text"] = (last["text"].as_str().unwrap().to_owned() + &more).into();
            }
            _ => all.push(part),
        }
    }
    all
}

proptest! {
    /// A stream says what the whole answer says, in either framing, in lines that
    /// python-genai reads.
    #[test]
    fn a_stream_says_what_the_whole_answer_says(
        kinds in prop::collection::vec(0usize..9, 0..8),
        show in any::<bool>(),
        length in any::<bool>(),
    ) {
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        let numbered = kinds.iter().enumerate();
        let mut events: Vec<Event<'_>> = numbered.flat_map(|(at, kind)| block(at as u32, *kind)).collect();
        events.push(stop(if length { Stop::Length } else { Stop::End }));
        events.push(Event::Usage(&usage));
        events.push(Event::End);
        let told = chunks(&stream("m", show, &events));
        let mut collector = crate::ir::Collector::default();
        prop_assert!(events.iter().all(|event| collector.take(event)));
        let whole = crate::gemini::encode_reply(collector.reply(), &envelope("m"), &back(show));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let parts = |answer: &Value| answer["candidates"][0]["content"]["parts"].as_array().unwrap().clone();
        let meant = |parts: Vec<Value>| {
            let said = |part: &Value| *part != json!({"text": ""});
            joined(parts.into_iter().filter(said).collect())
        };
        prop_assert_eq!(meant(told.iter().flat_map(parts).collect()), meant(parts(&whole)));
        let last = told.last().unwrap();
        prop_assert_eq!(&last["usageMetadata"], &whole["usageMetadata"]);
        prop_assert_eq!(&last["candidates"][0]["finishReason"], &whole["candidates"][0]["finishReason"]);

        let mut encoder = Encoder::new(&envelope("m"), &back(show));
        let mut out = Writer::new(Framing::JsonArray);
        events.iter().for_each(|event| encoder.event(event, &mut out));
        out.close();
        prop_assert_eq!(serde_json::from_slice::<Vec<Value>>(&out.take()).unwrap(), told);
    }
}
