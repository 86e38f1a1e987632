//! Stories of answers on their way from an upstream to a caller of another format.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "recorded/answer.rs"]
mod answer;

use answer::Answer;
use bytes::Bytes;
use llm::Format;
use llm::convert::{Asked, Back, Target, back_unconverted, convert, convert_with};
use llm::dialect::Quirks;
use llm::fault::{FaultClass, Telling};
use llm::loss::Strictness;
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use serde_json::{Value, json};

const CHAT: &str = include_str!("../fixtures/chat.appendix.sse");
const RESPONSES: &str = include_str!("../fixtures/responses.appendix.sse");
const MESSAGES: &str = include_str!("../fixtures/messages.appendix.sse");
const GEMINI: &str = include_str!("../fixtures/gemini.appendix.sse");

/// One answer in every format.
const STREAMS: [(Format, &str); 4] = [
    (Format::Chat, CHAT),
    (Format::Responses, RESPONSES),
    (Format::Messages, MESSAGES),
    (Format::Gemini, GEMINI),
];

fn options(from: Format, to: Format) -> TranscodeOptions {
    TranscodeOptions {
        from,
        to,
        framing: Framing::Sse,
        wanted: Framing::Sse,
        quirks: Quirks::NONE,
        back: match to {
            Format::Responses => {
                back_unconverted(to, br#"{"input":"x","reasoning":{"summary":"auto"}}"#)
            }
            _ => Back::default(),
        },
        envelope: Envelope {
            id: "0194d6c8".to_owned(),
            model: "asked".to_owned(),
            created: 1_700_000_000,
            upstream_model: "upstream".to_owned(),
        },
        input_estimate: 7,
        thinking_to_content: false,
    }
}

/// The transcoder after a whole body, and what the caller got.
fn through(options: TranscodeOptions, body: &str) -> (Transcoder, String) {
    let mut transcoder = Transcoder::new(options);
    let mut out = Vec::new();
    transcoder.push(&Bytes::copy_from_slice(body.as_bytes()), &mut out);
    transcoder.finish(&mut out);
    (transcoder, String::from_utf8(out.concat()).unwrap())
}

fn heard(to: Format, said: &str) -> Answer {
    let events: Vec<Value> = said
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|line| *line != "[DONE]")
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    answer::stream(to, &events, "")
}

const TELLING: Telling<'_> = Telling {
    status: 502,
    kind: "api_error",
    code: None,
    message: "it broke",
    param: None,
    request_id: "0194d6c8",
};

#[test]
fn reasoning_is_said_aloud_where_that_is_wanted_also_within_a_format() {
    for (from, stream) in STREAMS {
        for to in Format::ALL {
            let options = TranscodeOptions {
                thinking_to_content: true,
                ..options(from, to)
            };
            let got = heard(to, &through(options, stream).1);
            assert_eq!(
                (&*got.text, &*got.reasoning),
                ("<think>\nPlan.\n</think>\nHé世", ""),
                "{from} to {to}"
            );
            assert_eq!(got.calls.len(), 2, "{from} to {to}");
        }
    }
}

#[test]
fn a_stream_is_given_whole_and_a_whole_answer_streamed() {
    for (from, stream) in STREAMS {
        for middle in Format::ALL {
            let whole = TranscodeOptions {
                wanted: Framing::Whole,
                ..options(from, middle)
            };
            let whole = through(whole, stream).1;
            let collected = answer::whole(middle, &serde_json::from_str(&whole).unwrap(), "");
            assert_eq!(collected.calls.len(), 2, "{from} as {middle}");
            let streamed = TranscodeOptions {
                framing: Framing::Whole,
                ..options(middle, Format::Responses)
            };
            let said = through(streamed, &whole).1;
            assert_eq!(
                heard(Format::Responses, &said),
                collected,
                "{from} as {middle}"
            );
        }
    }
}

/// Two calls without ids in an answer that says of itself what every answer of its server says.
fn nameless(from: Format) -> (String, String) {
    let args = json!({});
    let whole = match from {
        Format::Chat => {
            let call =
                json!({ "type": "function", "function": { "name": "f", "arguments": "{}" } });
            let said = json!({ "role": "assistant", "tool_calls": [call, call] });
            json!({ "id": "chatcmpl-1", "object": "chat.completion",
                "choices": [{ "index": 0, "message": said, "finish_reason": "tool_calls" }] })
        }
        Format::Responses => {
            let call = json!({ "type": "function_call", "name": "f", "arguments": "{}" });
            json!({ "object": "response", "status": "completed", "output": [call, call] })
        }
        Format::Messages => {
            let call = json!({ "type": "tool_use", "name": "f", "input": args });
            json!({ "type": "message", "content": [call, call], "stop_reason": "tool_use" })
        }
        Format::Gemini => {
            let call = json!({ "functionCall": { "name": "f", "args": args } });
            json!({ "candidates": [{ "content": { "parts": [call, call] }, "finishReason": "STOP" }] })
        }
    };
    let whole = whole.to_string();
    let stream = match from {
        Format::Chat => {
            let call = |n| json!({ "index": n, "function": { "name": "f", "arguments": "{}" } });
            let delta = json!({ "tool_calls": [call(0), call(1)] });
            let chunk = json!({ "id": "chatcmpl-1", "choices": [
                { "index": 0, "delta": delta, "finish_reason": "tool_calls" }] });
            format!("data: {chunk}\n\ndata: [DONE]\n\n")
        }
        Format::Responses => {
            let item = |n| {
                let call = json!({ "type": "function_call", "name": "f", "arguments": "{}" });
                let done =
                    json!({ "type": "response.output_item.done", "output_index": n, "item": call });
                format!("data: {done}\n\n")
            };
            let end = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
            format!("{}{}data: {end}\n\n", item(0), item(1))
        }
        Format::Messages => {
            let start = r#"{"type":"message_start","message":{"content":[]}}"#;
            let call = |n| {
                json!({ "type": "content_block_start", "index": n,
                "content_block": { "type": "tool_use", "name": "f", "input": {} } })
            };
            let stop = |n| json!({ "type": "content_block_stop", "index": n });
            let ended = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#;
            let end = r#"{"type":"message_stop"}"#;
            let (one, two) = (call(0), call(1));
            format!(
                "data: {start}\n\ndata: {one}\n\ndata: {}\n\ndata: {two}\n\ndata: {}\n\ndata: {ended}\n\ndata: {end}\n\n",
                stop(0),
                stop(1)
            )
        }
        Format::Gemini => format!("data: {whole}\n\n"),
    };
    (whole, stream)
}

/// The ids of an answer's calls, as a chat caller gets them.
fn ids(from: Format, framing: Framing, body: &str, request: &str) -> Vec<String> {
    let mut options = TranscodeOptions {
        framing,
        wanted: Framing::Whole,
        ..options(from, Format::Chat)
    };
    options.envelope.id = request.to_owned();
    let whole: Value = serde_json::from_str(&through(options, body).1).unwrap();
    let calls = whole["choices"][0]["message"]["tool_calls"].as_array();
    let ids = calls.unwrap().iter().map(|call| call["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

#[test]
fn a_call_without_id_gets_one_that_no_other_answer_has() {
    for from in Format::ALL {
        let (whole, stream) = nameless(from);
        let one = ids(from, Framing::Whole, &whole, "0194d6c8");
        assert_eq!(one.len(), 2, "{from}");
        assert_ne!(one[0], one[1], "{from}");
        let streamed = ids(from, Framing::Sse, &stream, "0194d6c8");
        assert_eq!(streamed, one, "{from}: the same, whole or streamed");
        let next = ids(from, Framing::Whole, &whole, "0194d6c9");
        assert!(next.iter().all(|id| !one.contains(id)), "{from}: {next:?}");
    }
}

#[test]
fn what_is_no_answer_is_a_fault_in_any_framing() {
    for from in Format::ALL {
        for (framing, body) in [
            (Framing::Whole, "<html>"),
            (Framing::Whole, "{}"),
            (Framing::Whole, ""),
            (Framing::JsonArray, "[{},{}]"),
            (Framing::Sse, "data: {}\n\ndata: [DONE]\n\n"),
        ] {
            let options = TranscodeOptions {
                framing,
                ..options(from, Format::Messages)
            };
            let (mut transcoder, _) = through(options, body);
            let report = transcoder.report();
            assert!(
                report.fault.is_some() || !report.terminal,
                "{from} {framing:?} {body}"
            );
            assert!(!report.content, "so that another may answer");
            assert!(!transcoder.last_event(&TELLING).is_empty());
        }
    }
}

#[test]
fn an_answer_that_is_too_large_is_a_fault() {
    let options = TranscodeOptions {
        framing: Framing::Whole,
        ..options(Format::Chat, Format::Messages)
    };
    let mut transcoder = Transcoder::new(options);
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    let mut out = Vec::new();
    for _ in 0..=64 {
        transcoder.push(&chunk, &mut out);
    }
    let fault = transcoder.report().fault.as_ref().unwrap();
    assert_eq!(fault.class, FaultClass::Server);
    transcoder.finish(&mut out);
    assert!(out.is_empty());
}

#[test]
fn nothing_follows_the_end() {
    for (from, stream) in STREAMS {
        let (mut transcoder, _) = through(options(from, Format::Chat), stream);
        assert!(transcoder.report().terminal);
        assert!(transcoder.last_event(&TELLING).is_empty());
        let mut out = Vec::new();
        transcoder.push(&Bytes::from(stream), &mut out);
        transcoder.finish(&mut out);
        assert!(out.is_empty(), "{from}");
    }
}

#[test]
fn halves_of_letters_are_replaced_and_not_lost() {
    let body = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}

data: {"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}

data: [DONE]

"#;
    let (_, said) = through(options(Format::Chat, Format::Messages), body);
    assert_eq!(heard(Format::Messages, &said).text, "a\u{fffd}b");
}

#[test]
fn tokens_nobody_reported_are_estimated() {
    let body = r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"12345678"},"finish_reason":"stop"}]}"#;
    let options = TranscodeOptions {
        framing: Framing::Whole,
        wanted: Framing::Whole,
        ..options(Format::Chat, Format::Messages)
    };
    let said: Value = serde_json::from_str(&through(options, body).1).unwrap();
    assert_eq!(said["usage"]["input_tokens"], 7);
    assert_eq!(said["usage"]["output_tokens"], 2);
}

#[test]
fn the_end_waits_for_counts_where_nobody_reported_any() {
    let stop = r#"{"choices":[{"index":0,"delta":{"content":"four"},"finish_reason":"stop"}]}"#;
    let stream = format!("data: {stop}\n\ndata: [DONE]\n\n");
    for to in [Format::Responses, Format::Messages, Format::Gemini] {
        let mut transcoder = Transcoder::new(options(Format::Chat, to));
        transcoder.wait_for_counts();
        let mut out = Vec::new();
        let body = Bytes::from(stream.clone());
        let seen = transcoder.push(&body, &mut out);
        assert!(transcoder.owes_usage() && !seen.terminal, "{to}");
        assert!(
            String::from_utf8(out.concat()).unwrap().contains("four"),
            "{to}"
        );
        assert!(
            !transcoder.finish(&mut out).terminal,
            "{to}: and it goes on waiting"
        );
        let seen = transcoder.count(1234, 56, &mut out);
        assert!(seen.terminal && !transcoder.owes_usage(), "{to}");
        let told = String::from_utf8(out.concat()).unwrap();
        assert!(told.contains("1234") && told.contains("56"), "{to}: {told}");
        let mut roughly = Transcoder::new(options(Format::Chat, to));
        let mut out = Vec::new();
        assert!(
            roughly.push(&body, &mut out).terminal,
            "{to}: nobody counts"
        );
    }
    // A stream whose caller wants no usage ends at once.
    let mut transcoder = Transcoder::new(options(Format::Chat, Format::Chat));
    transcoder.wait_for_counts();
    assert!(
        transcoder
            .push(&Bytes::from(stream), &mut Vec::new())
            .terminal
    );
}

/// What the way back must know of a chat request that went to a model behind Messages; and the
/// name of its first tool there.
fn went(request: &Value, model: &str) -> (Back, String) {
    let to = Target {
        format: Format::Messages,
        model,
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 4096,
    };
    let asked = Asked {
        model: "asked",
        stream: true,
        wish: None,
    };
    let converted = convert(Format::Chat, request.to_string().as_bytes(), &asked, &to).unwrap();
    let body: Value = serde_json::from_slice(&converted.body).unwrap();
    let name = body["tools"][0]["name"].as_str().unwrap().to_owned();
    (converted.back, name)
}

/// A Messages stream that calls a tool, its arguments in pieces of three bytes.
fn calls(name: &str, arguments: &str) -> String {
    let mut events = vec![
        json!({ "type": "message_start", "message": { "id": "m", "type": "message", "role": "assistant", "content": [], "usage": { "input_tokens": 1, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "tool_use", "id": "toolu_1", "name": name, "input": {} } }),
    ];
    for piece in arguments.as_bytes().chunks(3) {
        let piece = std::str::from_utf8(piece).unwrap();
        events.push(json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "input_json_delta", "partial_json": piece } }));
    }
    events.extend([
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } }),
        json!({ "type": "message_stop" }),
    ]);
    let event = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    events.iter().map(event).collect()
}

/// What the chat client that sent `request` gets when the model calls its first tool so.
fn answered(request: &Value, model: &str, arguments: &str) -> Answer {
    let (back, name) = went(request, model);
    let options = TranscodeOptions {
        back,
        ..options(Format::Messages, Format::Chat)
    };
    heard(Format::Chat, &through(options, &calls(&name, arguments)).1)
}

#[test]
fn a_tool_has_the_callers_name_again() {
    let request = json!({
        "messages": [{ "role": "user", "content": "x" }],
        "tools": [{ "type": "function", "function": { "name": "files.read/v2" } }],
    });
    let got = answered(&request, "claude-sonnet-4-5", "{\"p\":1}");
    assert_eq!(got.calls, [("files.read/v2".to_owned(), json!({ "p": 1 }))]);
}

#[test]
fn a_custom_tool_gets_text_again() {
    let request = json!({
        "messages": [{ "role": "user", "content": "x" }],
        "tools": [{ "type": "custom", "custom": { "name": "apply" } }],
    });
    let got = answered(
        &request,
        "claude-sonnet-4-5",
        r#"{"input":"*** \"patch\"\n"}"#,
    );
    assert_eq!(
        got.calls,
        [("apply".to_owned(), json!({ "input": "*** \"patch\"\n" }))]
    );
}

#[test]
fn a_forced_schema_is_the_answer_s_text() {
    let request = json!({
        "messages": [{ "role": "user", "content": "x" }],
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "out", "schema": { "type": "object", "properties": { "n": { "type": "integer" } } }
        } },
    });
    let got = answered(&request, "claude-3-5-sonnet-latest", "{\"n\": 1}");
    assert_eq!((&*got.text, got.stop), ("{\"n\": 1}", "end"));
    assert_eq!(got.calls, []);
}

/// What Gemini says when its model wrote a call that nobody can read.
const MALFORMED: &str = r#"{"candidates":[{"content":{"role":"model"},"finishReason":"MALFORMED_FUNCTION_CALL","index":0}],"usageMetadata":{"promptTokenCount":5}}"#;

#[test]
fn a_malformed_call_without_content_is_a_failure_that_another_upstream_may_mend() {
    for to in [Format::Chat, Format::Responses, Format::Messages] {
        for wanted in [Framing::Sse, Framing::Whole] {
            let options = TranscodeOptions {
                wanted,
                ..options(Format::Gemini, to)
            };
            let (transcoder, said) = through(options, &format!("data: {MALFORMED}\n\n"));
            let report = transcoder.report();
            let class = report.fault.as_ref().map(|fault| fault.class);
            assert_eq!(class, Some(FaultClass::Server), "{to}");
            assert!(
                !report.content && !report.terminal,
                "{to}: nothing was said"
            );
            for end in ["[DONE]", "end_turn", "response.completed"] {
                assert!(!said.contains(end), "{to}: {said}");
            }
        }
    }
}

#[test]
fn a_malformed_call_behind_text_ends_the_text() {
    let text = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm"}]}}]}"#;
    let body = format!("data: {text}\n\ndata: {MALFORMED}\n\n");
    let (transcoder, said) = through(options(Format::Gemini, Format::Messages), &body);
    assert!(transcoder.report().fault.is_none());
    assert!(said.contains("end_turn"), "{said}");
}

#[test]
fn proofs_of_calls_are_kept_for_clients_that_send_none_back() {
    let call = |name: &str| json!({ "name": name, "args": {} });
    let parts = json!([
        { "functionCall": call("f"), "thoughtSignature": "UzE=" },
        { "functionCall": call("g") },
    ]);
    let answer =
        json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": "STOP" }] });
    let mut transcoder = Transcoder::new(options(Format::Gemini, Format::Chat));
    transcoder.keep_proofs();
    let body = Bytes::from(format!("data: {answer}\n\n"));
    let mut out = Vec::new();
    transcoder.push(&body, &mut out);
    transcoder.finish(&mut out);
    let proofs = transcoder.take_proofs();
    assert_eq!(proofs.len(), 1, "{proofs:?}");
    assert_eq!(proofs[0].1, "UzE=");
    assert!(transcoder.take_proofs().is_empty(), "they are taken once");

    let call = |id: &str, name: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{}" } });
    let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "r" });
    let (f, g) = (proofs[0].0.clone(), "call_g");
    let request = json!({ "messages": [
        { "role": "user", "content": "x" },
        { "role": "assistant", "tool_calls": [call(&f, "f"), call(g, "g")] },
        result(&f), result(g),
    ] });
    let sent = |model, kept: &dyn Fn(&str) -> Option<String>| -> Vec<Value> {
        let target = Target {
            format: Format::Gemini,
            model,
            quirks: Quirks::NONE,
            strictness: Strictness::Lenient,
            max_output: None,
            default_output: 4096,
        };
        let asked = Asked {
            model: "asked",
            stream: false,
            wish: None,
        };
        let body = request.to_string();
        let converted = convert_with(Format::Chat, body.as_bytes(), &asked, &target, kept);
        let body: Value = serde_json::from_slice(&converted.unwrap().body).unwrap();
        let parts = body["contents"][1]["parts"].as_array().unwrap();
        parts
            .iter()
            .map(|part| part["thoughtSignature"].clone())
            .collect()
    };
    let kept = |id: &str| {
        proofs
            .iter()
            .find(|(of, _)| of == id)
            .map(|(_, proof)| proof.clone())
    };
    let third = "gemini-3-pro-preview";
    assert_eq!(sent(third, &kept), [json!("UzE="), Value::Null]);
    let stand_in = json!("skip_thought_signature_validator");
    assert_eq!(sent(third, &|_| None), [stand_in, Value::Null], "a miss");
    assert_eq!(sent("gemini-2.5-flash", &kept), [Value::Null, Value::Null]);
}
