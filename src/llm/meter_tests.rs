//! Where providers put their numbers, and what they mean.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::frame::tests::pieces;
use crate::skeleton::Skeleton;

/// What the pieces of a stream report.
fn report(format: Format, quirks: Quirks, pieces: &[Value]) -> Report {
    let mut meter = Meter::new(format, quirks);
    let mut report = Report::default();
    for piece in pieces {
        let json = piece.to_string();
        meter.read(
            Piece {
                name: b"",
                json: json.as_bytes(),
                whole: false,
            },
            &mut report,
        );
    }
    report
}

#[track_caller]
fn check(format: Format, quirks: Quirks, pieces: &[Value], usage: Usage) {
    let report = report(format, quirks, pieces);
    assert_eq!(report.usage, usage, "of {pieces:?}");
    assert!(report.input_known && report.output_known, "of {pieces:?}");
}

fn usage(input: u64, cache_read: u64, output: u64, reasoning: u64) -> Usage {
    Usage {
        input,
        cache_read,
        output,
        reasoning,
        ..Usage::default()
    }
}

/// A chat chunk with this usage.
fn chat(usage: Value) -> Value {
    json!({"choices": [], "usage": usage})
}

#[test]
fn chat_usage_is_found_in_every_place() {
    let tokens = json!({"prompt_tokens": 9, "completion_tokens": 12});
    for chunk in [
        json!({"choices": [], "usage": tokens}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop", "usage": tokens}]}),
        json!({"choices": [], "x_groq": {"id": "r", "usage": tokens}}),
        json!({"choices": null, "usage": {"input_tokens": 9, "output_tokens": 12}}),
        json!({"usage": tokens, "choices": [{"delta": {"content": "x"}}]}),
    ] {
        check(Format::Chat, Quirks::NONE, &[chunk], usage(9, 0, 12, 0));
    }
}

#[test]
fn chat_details_are_read_in_every_spelling() {
    for (tokens, expected) in [
        (
            json!({"prompt_tokens": 20, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}),
            usage(20, 8, 3, 0),
        ),
        (
            json!({"prompt_tokens": 20, "completion_tokens": 3, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 12}),
            usage(20, 8, 3, 0),
        ),
        (
            json!({"prompt_tokens": 20, "completion_tokens": 3, "cached_tokens": 8}),
            usage(20, 8, 3, 0),
        ),
        (
            json!({"prompt_tokens": 20, "completion_tokens": 3, "cached_tokens": 8, "prompt_tokens_details": null}),
            usage(20, 8, 3, 0),
        ),
        (
            json!({"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 22}}),
            usage(20, 0, 30, 22),
        ),
        (
            json!({"prompt_tokens": 20, "completion_tokens": 3, "prompt_tokens_details": {"cache_write_tokens": 6, "audio_tokens": 4, "image_tokens": 2}, "completion_tokens_details": {"audio_tokens": 1, "image_tokens": 2}}),
            Usage {
                cache_write_5m: 6,
                audio_input: 4,
                image_input: 2,
                audio_output: 1,
                image_output: 2,
                ..usage(20, 0, 3, 0)
            },
        ),
    ] {
        check(Format::Chat, Quirks::NONE, &[chat(tokens)], expected);
    }
}

#[test]
fn the_total_tells_where_reasoning_belongs() {
    let tokens = |total: Value| {
        chat(
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": total, "completion_tokens_details": {"reasoning_tokens": 20}}),
        )
    };
    let outside = Quirks::REASONING_OUTSIDE_OUTPUT;
    let (added, inside) = (usage(10, 0, 25, 20), usage(10, 0, 5, 20));
    check(Format::Chat, outside, &[tokens(json!(35))], added);
    check(Format::Chat, Quirks::NONE, &[tokens(json!(35))], added);
    check(Format::Chat, outside, &[tokens(json!(null))], added);
    check(Format::Chat, Quirks::NONE, &[tokens(json!(null))], inside);
    check(Format::Chat, outside, &[tokens(json!(15))], inside);
}

#[test]
fn cumulative_usage_is_not_summed() {
    let tokens = |output: u64| chat(json!({"prompt_tokens": 4, "completion_tokens": output}));
    check(
        Format::Chat,
        Quirks::NONE,
        &[tokens(1), tokens(2), tokens(7)],
        usage(4, 0, 7, 0),
    );
    let last = json!({"choices": [], "usage": null});
    check(
        Format::Chat,
        Quirks::NONE,
        &[tokens(7), last],
        usage(4, 0, 7, 0),
    );
}

fn start(tokens: Value) -> Value {
    json!({"type": "message_start", "message": {"model": "m", "usage": tokens}})
}

fn delta(tokens: Value) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": tokens})
}

#[test]
fn messages_usage_is_merged() {
    let cases = [
        // The later output replaces, the earlier input stays.
        (
            vec![
                start(
                    json!({"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 1}),
                ),
                delta(json!({"output_tokens": 25})),
                delta(json!({"output_tokens": 40})),
            ],
            usage(110, 100, 40, 0),
        ),
        // Bedrock knows the input only at the end.
        (
            vec![
                start(json!({"input_tokens": 0, "output_tokens": 0})),
                delta(json!({"input_tokens": 12, "output_tokens": 5})),
            ],
            usage(12, 0, 5, 0),
        ),
        // Zero and null do not override.
        (
            vec![
                start(json!({"input_tokens": 10})),
                delta(
                    json!({"input_tokens": 0, "cache_read_input_tokens": null, "output_tokens": 5}),
                ),
            ],
            usage(10, 0, 5, 0),
        ),
        (
            vec![
                start(json!({"input_tokens": 43})),
                delta(json!({"input_tokens": 61, "output_tokens": 2})),
            ],
            usage(61, 0, 2, 0),
        ),
        (
            vec![
                start(
                    json!({"input_tokens": 1, "cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}}),
                ),
                delta(json!({"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 4}})),
            ],
            Usage {
                cache_write_5m: 6,
                cache_write_1h: 3,
                ..usage(10, 0, 5, 4)
            },
        ),
        (
            vec![
                start(json!({"input_tokens": 1, "cache_creation_input_tokens": 9})),
                delta(json!({"output_tokens": 5})),
            ],
            Usage {
                cache_write_5m: 9,
                ..usage(10, 0, 5, 0)
            },
        ),
        // Compaction comes on top, an adviser of another model does not.
        (
            vec![
                start(json!({"input_tokens": 7})),
                delta(
                    json!({"output_tokens": 5, "iterations": [{"type": "compaction", "input_tokens": 100, "output_tokens": 20}, {"type": "message", "input_tokens": 7, "output_tokens": 5}, {"type": "advisor_message", "input_tokens": 50, "output_tokens": 60}]}),
                ),
            ],
            usage(107, 0, 25, 0),
        ),
    ];
    for (events, expected) in cases {
        check(Format::Messages, Quirks::NONE, &events, expected);
    }
}

#[test]
fn gemini_usage_is_merged() {
    let chunk =
        |tokens: Value| json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": tokens});
    for (chunks, expected) in [
        (
            vec![chunk(
                json!({"promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 50}),
            )],
            usage(9, 0, 53, 50),
        ),
        (
            vec![chunk(
                json!({"promptTokenCount": 10, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 2}),
            )],
            usage(17, 0, 2, 0),
        ),
        (
            vec![
                chunk(json!({"promptTokenCount": 10, "cachedContentTokenCount": 6})),
                chunk(json!({"promptTokenCount": 10, "candidatesTokenCount": 2})),
            ],
            usage(10, 6, 2, 0),
        ),
        // The stop may come after the usage, or before it.
        (
            vec![
                json!({"usageMetadata": {"promptTokenCount": 10}}),
                json!({"candidates": [{"finishReason": "STOP"}]}),
            ],
            usage(10, 0, 0, 0),
        ),
        // Zeros are left out: a stop without output is an output of zero.
        (
            vec![chunk(
                json!({"promptTokenCount": 10, "totalTokenCount": 10}),
            )],
            usage(10, 0, 0, 0),
        ),
        (
            vec![
                chunk(json!({"promptTokenCount": 10})),
                json!({"usageMetadata": {"trafficType": "ON_DEMAND"}}),
            ],
            usage(10, 0, 0, 0),
        ),
    ] {
        check(Format::Gemini, Quirks::NONE, &chunks, expected);
    }
}

#[test]
fn placeholders_are_no_report() {
    for (format, event) in [
        (
            Format::Chat,
            chat(json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})),
        ),
        (Format::Chat, chat(json!({}))),
        (
            Format::Messages,
            start(json!({"input_tokens": 0, "output_tokens": 0})),
        ),
        (
            Format::Gemini,
            json!({"usageMetadata": {"trafficType": "ON_DEMAND"}}),
        ),
        (
            Format::Responses,
            json!({"type": "response.completed", "response": {"usage": null}}),
        ),
    ] {
        let report = report(format, Quirks::NONE, std::slice::from_ref(&event));
        assert!(!report.input_known && !report.output_known, "{event}");
    }
}

#[test]
fn garbage_for_numbers_is_ignored() {
    for garbage in [
        json!("12"),
        json!(-5),
        json!(true),
        json!([1]),
        json!({"a": 1}),
        json!(null),
    ] {
        let tokens = json!({"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": garbage, "prompt_tokens_details": garbage, "completion_tokens_details": {"reasoning_tokens": garbage}, "cached_tokens": garbage});
        check(
            Format::Chat,
            Quirks::NONE,
            &[chat(tokens)],
            usage(4, 0, 3, 0),
        );
    }
    let huge = chat(json!({"prompt_tokens": u64::MAX, "completion_tokens": 1e300}));
    let most = u64::from(u32::MAX);
    check(Format::Chat, Quirks::NONE, &[huge], usage(most, 0, most, 0));
    let report = report(
        Format::Chat,
        Quirks::NONE,
        &[json!({"choices": "x", "usage": [], "model": 7, "error": null})],
    );
    assert_eq!(report, Report::default());
}

#[test]
fn a_key_that_comes_twice_is_read_as_the_last() {
    let mut meter = Meter::new(Format::Chat, Quirks::NONE);
    let mut report = Report::default();
    let json = br#"{"usage":{"prompt_tokens":1,"prompt_tokens":4,"completion_tokens":3},"model":"a","model":"b"}"#;
    meter.read(
        Piece {
            name: b"",
            json,
            whole: false,
        },
        &mut report,
    );
    assert_eq!(report.usage, usage(4, 0, 3, 0));
}

fn call(call: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": {"tool_calls": call}}]})
}

#[test]
fn tool_calls_are_told_apart() {
    let whole = |id: &str| json!({"id": id, "function": {"name": "f", "arguments": "{}"}});
    let at =
        |index: u64, id: &str| json!({"index": index, "id": id, "function": {"arguments": ""}});
    for (count, chunks) in [
        (
            2,
            vec![
                call(json!([at(0, "a")])),
                call(json!([at(1, "b")])),
                call(json!([at(0, "")])),
                call(json!([at(1, "")])),
            ],
        ),
        // No index at all, or always the same.
        (
            2,
            vec![call(json!([whole("a")])), call(json!([whole("b")]))],
        ),
        (2, vec![call(json!([whole("a"), whole("b")]))]),
        (
            2,
            vec![call(json!([at(0, "a")])), call(json!([at(0, "b")]))],
        ),
        // The id in every fragment, or after the first.
        (
            1,
            vec![
                call(json!([at(0, "a")])),
                call(json!([at(0, "a")])),
                call(json!([at(0, "a")])),
            ],
        ),
        (
            1,
            vec![
                call(json!([at(0, "")])),
                call(json!([at(0, "a")])),
                call(json!([at(0, "")])),
            ],
        ),
        (
            1,
            vec![call(
                json!([{"index": 0, "id": null, "function": {"arguments": {"a": 1}}}]),
            )],
        ),
        (
            1,
            vec![
                json!({"choices": [{"delta": {"function_call": {"name": "f", "arguments": "{"}}}]}),
                json!({"choices": [{"delta": {"function_call": {"arguments": "}"}}}]}),
            ],
        ),
    ] {
        assert_eq!(
            report(Format::Chat, Quirks::NONE, &chunks).tool_calls,
            count,
            "{chunks:?}"
        );
    }
}

#[test]
fn a_call_inside_the_first_messages_event_counts() {
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}});
    let message = json!({"model": "m", "content": [call], "stop_reason": "tool_use"});
    let start = json!({"type": "message_start", "message": message});
    let report = report(Format::Messages, Quirks::NONE, &[start]);
    assert_eq!((report.tool_calls, report.output_bytes), (1, 7));
    assert_eq!(report.stop.as_deref(), Some("tool_use"));
}

#[test]
fn reasoning_sent_under_two_names_counts_once() {
    let chunk = json!({"choices": [{"delta": {"reasoning": "abc", "reasoning_content": "abc", "reasoning_details": [{"type": "reasoning.text", "text": "abc"}]}}]});
    assert_eq!(report(Format::Chat, Quirks::NONE, &[chunk]).output_bytes, 3);
}

#[test]
fn the_sample_is_bounded_and_cut_between_characters() {
    let chunk = json!({"choices": [{"delta": {"content": "é".repeat(1000)}}]});
    let report = report(Format::Chat, Quirks::NONE, &vec![chunk; 100]);
    assert_eq!(report.output_bytes, 200_000);
    assert!(
        report.output_sample.len() <= SAMPLE_BYTES && report.output_sample.len() > SAMPLE_BYTES - 2
    );
}

/// JSON made of the members that meters know, and others.
fn reply() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "stop",
        "text",
        "",
        "function_call",
        "web_search_call",
        "é\"\\\n",
        "response",
        "message",
        "tool_use",
        "x_tool_result",
    ]);
    let leaf = prop_oneof![
        word.prop_map(|word| json!(word)),
        (0u32..1000).prop_map(|count| json!(count)),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(-1.5e3)),
    ];
    let keys = vec![
        "choices",
        "message",
        "delta",
        "content",
        "text",
        "type",
        "finish_reason",
        "stop_reason",
        "finishReason",
        "usage",
        "usageMetadata",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "promptTokenCount",
        "candidatesTokenCount",
        "candidates",
        "parts",
        "functionCall",
        "args",
        "name",
        "output",
        "arguments",
        "input",
        "tool_calls",
        "function",
        "model",
        "object",
        "status",
        "error",
        "code",
        "logprobs",
        "unknown",
        "x",
        "id",
        "index",
        "thinking",
        "summary",
        "tools",
        "action",
        "reasoning_content",
        "promptFeedback",
        "blockReason",
        "audio",
        "transcript",
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys.clone()), inner), 0..6).prop_map(
                |members| members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            ),
        ]
    })
}

fn whole(format: Format, json: &[u8]) -> Report {
    let mut report = Report::default();
    Meter::new(format, Quirks::NONE).read(
        Piece {
            name: b"",
            json,
            whole: true,
        },
        &mut report,
    );
    report
}

proptest! {
    #[test]
    fn a_skeleton_reads_as_the_body_does(reply in reply(), pretty: bool, cuts in prop::collection::vec(0usize..2000, 0..6)) {
        let body = if pretty { serde_json::to_string_pretty(&reply) } else { serde_json::to_string(&reply) }.unwrap();
        let mut skeleton = Skeleton::new();
        for piece in pieces(body.as_bytes(), &cuts) {
            skeleton.push(&piece);
        }
        prop_assert!(skeleton.is_complete());
        for format in Format::ALL {
            let (mut kept, mut full) = (whole(format, skeleton.json()), whole(format, body.as_bytes()));
            // The words of a fault may lie in members that no meter knows.
            prop_assert_eq!(kept.fault.take().is_some(), full.fault.take().is_some());
            prop_assert_eq!(kept, full, "{} of {}", format, body);
        }
    }

    #[test]
    fn a_skeleton_of_anything_stays_small_and_whole(body in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(0usize..400, 0..6)) {
        let mut all = Skeleton::new();
        all.push(&body);
        let mut cut = Skeleton::new();
        for piece in pieces(&body, &cuts) {
            cut.push(&piece);
        }
        prop_assert_eq!(all.json(), cut.json());
        prop_assert!(all.json().len() <= body.len() * 3 + 8);
    }
}

#[test]
fn a_skeleton_never_grows_over_its_limit() {
    let element = r#"{"message":{"content":"some text","tool_calls":[{"id":"c","function":{"arguments":"{}"}}]}},"#;
    let mut skeleton = Skeleton::new();
    skeleton.push(br#"{"choices":["#);
    for _ in 0..100_000 {
        skeleton.push(element.as_bytes());
    }
    skeleton.push(br#"{}],"usage":{"prompt_tokens":4,"completion_tokens":3}}"#);
    assert!(skeleton.is_complete() && skeleton.json().len() <= (1 << 20) + 1024);
    assert_eq!(
        whole(Format::Chat, skeleton.json()).usage,
        usage(4, 0, 3, 0)
    );
}

#[test]
fn long_strings_are_cut_outside_escapes() {
    for pad in 0..8 {
        let text = format!("{}{}", "x".repeat(pad), "\\u4e16\\\\\\\"é".repeat(9_000));
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":"{text}"}},"finish_reason":"stop"}}]}}"#
        );
        for size in [body.len(), 1, 13] {
            let mut skeleton = Skeleton::new();
            body.as_bytes()
                .chunks(size)
                .for_each(|piece| skeleton.push(piece));
            let report = whole(Format::Chat, skeleton.json());
            assert_eq!(
                report.stop.as_deref(),
                Some("stop"),
                "pad {pad}, pieces of {size}"
            );
            let bytes = report.output_bytes + skeleton.elided();
            let real = (pad + 9_000 * 7) as u64;
            assert!(bytes.abs_diff(real) < real / 5, "{bytes} for {real}");
        }
    }
}
