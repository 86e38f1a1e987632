use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ir::{BlockKind, Delta, Grammar, Said};

/// One event in a line.
fn told(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::Open {
            block,
            choice,
            kind,
        } => {
            let kind = match kind {
                BlockKind::Tool { id, name, kind } => format!("{kind:?} {name} {id}"),
                BlockKind::Image { mime } => format!("image {mime}"),
                BlockKind::Audio { id } => format!("audio {id}"),
                other => format!("{other:?}"),
            };
            format!("{block} open {choice} {kind}")
        }
        Event::Delta { block, delta } => match delta {
            Delta::Text(text) => format!("{block} text {text}"),
            Delta::Args(text) => format!("{block} args {text}"),
            Delta::Data(text) => format!("{block} data {text}"),
            Delta::Logprobs(text) => format!("{block} logprobs {text}"),
            Delta::Signature(proof) => format!("{block} proof {:?} {}", proof.origin, proof.data),
            Delta::Citation(source) => format!("{block} cites {} {:?}", source.url, source.span),
        },
        Event::Close { block } => format!("{block} close"),
        Event::Stop { choice, stop } => format!("stop {choice} {stop:?}"),
        other => format!("{other:?}"),
    }
}

/// The events of an answer in these pieces, which must be grammatical.
fn events(pieces: &[String], whole: bool) -> Vec<String> {
    let (mut decoder, mut grammar) = (Decoder::new(Quirks::NONE, "r"), Grammar::default());
    let mut all = Vec::new();
    let mut each = |event: Event<'_>| {
        grammar
            .see(&event)
            .unwrap_or_else(|breach| panic!("{breach}: {event:?} after {all:?}"));
        all.push(told(&event));
    };
    for piece in pieces {
        let json = piece.as_bytes();
        decoder.push(
            Piece {
                name: b"",
                json,
                whole,
            },
            &mut each,
        );
    }
    decoder.finish(&mut each);
    decoder.finish(&mut each);
    grammar.see(&Event::End).unwrap();
    all
}

fn stream(chunks: &[Value]) -> Vec<String> {
    let chunks: Vec<String> = chunks.iter().map(Value::to_string).collect();
    events(&chunks, false)
}

/// A chunk of choice 0.
fn chunk(delta: Value) -> Value {
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// What a stream of these deltas gives, between the start and a stop for `reason`.
#[track_caller]
fn check(deltas: &[Value], reason: &str, expected: &[&str]) {
    let mut chunks: Vec<Value> = deltas.iter().cloned().map(chunk).collect();
    chunks.push(finish(reason));
    let all = stream(&chunks);
    assert_eq!(all[0], "start c m");
    assert_eq!(all[1..], *expected, "of {deltas:?}");
}

fn call(call: Value) -> Value {
    json!({"tool_calls": [call]})
}

#[test]
fn the_appendix_reads_as_it_is_meant() {
    let chunks: Vec<String> = include_str!("../../fixtures/chat.sse")
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(str::to_owned)
        .collect();
    assert_eq!(
        events(&chunks, false),
        [
            "start chatcmpl-1 m",
            "0 open 0 Reasoning",
            "0 text Plan.",
            "0 close",
            "1 open 0 Text",
            "1 text Hé世",
            "1 close",
            "2 open 0 Function get_w c1",
            "2 args {\"city\":",
            "2 args \"Oslo\"}",
            "2 close",
            "3 open 0 Function now c2",
            "3 args {}",
            "3 close",
            "stop 0 ToolCalls",
        ]
    );
}

#[test]
fn a_whole_answer_replays_as_events() {
    let reply = json!({"id": "c", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi", "refusal": null,
            "reasoning_content": "hm", "annotations": [{"type": "url_citation",
                "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 2}}]},
            "logprobs": {"content": [{"token": "hi"}], "refusal": null}},
        {"index": 1, "finish_reason": "tool_calls", "message": {"content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "b", "type": "custom", "custom": {"name": "p", "input": "*** patch"}}]}}]});
    assert_eq!(
        events(&[reply.to_string()], true),
        [
            "start c m",
            "0 open 0 Reasoning",
            "0 text hm",
            "0 close",
            "1 open 0 Text",
            "1 text hi",
            "1 cites u Some((0, 2))",
            "1 logprobs [{\"token\":\"hi\"}]",
            "1 close",
            "2 open 1 Function f a",
            "2 args {\"a\":1}",
            "2 close",
            "3 open 1 Custom p b",
            "3 args *** patch",
            "3 close",
            "stop 0 End",
            "stop 1 ToolCalls",
        ]
    );
}

#[test]
fn interleaved_calls_stay_open_side_by_side() {
    check(
        &[
            call(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}})),
            call(json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}})),
            call(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
            call(json!({"index": 1, "function": {"arguments": "{\"y\""}})),
            call(json!({"index": 0, "function": {"arguments": ":1}"}})),
            call(json!({"index": 1, "function": {"arguments": ":2}"}})),
        ],
        "tool_calls",
        &[
            "0 open 0 Function f a",
            "1 open 0 Function g b",
            "0 args {\"x\"",
            "1 args {\"y\"",
            "0 args :1}",
            "1 args :2}",
            "0 close",
            "1 close",
            "stop 0 ToolCalls",
        ],
    );
}

#[test]
fn calls_are_told_apart_without_an_honest_index() {
    let two = [
        "0 open 0 Function f a",
        "0 args {}",
        "0 close",
        "1 open 0 Function g b",
        "1 args {}",
        "1 close",
        "stop 0 ToolCalls",
    ];
    for (first, second) in [(json!(null), json!(null)), (json!(0), json!(0))] {
        let calls = [(first, "a", "f"), (second, "b", "g")].map(|(index, id, name)| {
            call(json!({"index": index, "id": id, "function": {"name": name, "arguments": "{}"}}))
        });
        check(&calls, "stop", &two);
        let together =
            json!({"tool_calls": [calls[0]["tool_calls"][0], calls[1]["tool_calls"][0]]});
        check(&[together], "tool_calls", &two);
    }
}

#[test]
fn what_is_repeated_in_every_fragment_counts_once() {
    let one = [
        "0 open 0 Function f a",
        "0 args {\"a\"",
        "0 args :1}",
        "0 close",
        "stop 0 ToolCalls",
    ];
    for (id, name) in [
        ("a", json!("f")),
        ("another", json!(null)),
        ("", json!(null)),
    ] {
        check(
            &[
                call(
                    json!({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"a\""}}),
                ),
                call(
                    json!({"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ":1}"}}),
                ),
            ],
            "tool_calls",
            &one,
        );
    }
    check(
        &[
            call(json!({"id": "a", "function": {"name": "f", "arguments": "{\"a\""}})),
            call(json!({"function": {"arguments": ":1}"}})),
        ],
        "tool_calls",
        &one,
    );
}

#[test]
fn a_call_may_come_whole_or_as_an_object_or_with_its_name_late() {
    let one = [
        "0 open 0 Function f a",
        "0 args {\"a\":1}",
        "0 close",
        "stop 0 ToolCalls",
    ];
    check(
        &[call(
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": 1}}}),
        )],
        "tool_calls",
        &one,
    );
    check(
        &[
            call(json!({"index": 0, "id": "a", "function": {"arguments": "{\"a\":1}"}})),
            call(json!({"index": 0, "function": {"name": "f"}})),
        ],
        "tool_calls",
        &one,
    );
    let chunk = json!({"id": "c", "model": "m", "choices": [{"delta": call(
        json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"a\":1}"}})), "finish_reason": "tool_calls"}]});
    assert_eq!(stream(&[chunk])[1..], one);
}

#[test]
fn a_call_without_id_gets_the_same_one_every_time() {
    let of = || {
        stream(&[
            chunk(call(json!({"function": {"name": "f"}}))),
            finish("stop"),
        ])
    };
    assert!(
        of()[1].starts_with("0 open 0 Function f call_"),
        "{:?}",
        of()
    );
    assert_eq!(of(), of());
}

#[test]
fn many_calls_side_by_side_are_all_there() {
    let calls: Vec<Value> = (0..1_000)
        .map(|n| json!({"index": n, "id": format!("c{n}"), "function": {"name": "f", "arguments": "{}"}}))
        .collect();
    let opened = |all: &[String]| all.iter().filter(|event| event.contains(" open ")).count();
    let whole = chunk(json!({ "tool_calls": calls }));
    assert_eq!(opened(&stream(&[whole, finish("tool_calls")])), 1_000);
    let mut chunks: Vec<Value> = calls.into_iter().map(|one| chunk(call(one))).collect();
    chunks.push(finish("tool_calls"));
    assert_eq!(opened(&stream(&chunks)), 1_000);
}

#[test]
fn the_older_function_call_is_a_call() {
    let all = stream(&[
        chunk(json!({"function_call": {"name": "f", "arguments": "{"}})),
        chunk(json!({"function_call": {"arguments": "}"}})),
        finish("function_call"),
    ]);
    assert!(all[1].starts_with("0 open 0 Function f call_"));
    assert_eq!(
        all[2..],
        ["0 args {", "0 args }", "0 close", "stop 0 ToolCalls"]
    );
}

#[test]
fn text_after_a_call_is_a_block_of_its_own() {
    check(
        &[
            json!({"content": "before"}),
            call(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}})),
            json!({"content": "after"}),
        ],
        "stop",
        &[
            "0 open 0 Text",
            "0 text before",
            "0 close",
            "1 open 0 Function f a",
            "1 args {}",
            "1 close",
            "2 open 0 Text",
            "2 text after",
            "2 close",
            "stop 0 ToolCalls",
        ],
    );
    let late = stream(&[finish("stop"), chunk(json!({"content": "late"}))]);
    assert_eq!(
        late[1..],
        ["0 open 0 Text", "0 text late", "0 close", "stop 0 End"]
    );
}

#[test]
fn a_cut_call_keeps_the_cut() {
    check(
        &[call(
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"a\": \"xx"}}),
        )],
        "length",
        &[
            "0 open 0 Function f a",
            "0 args {\"a\": \"xx",
            "0 close",
            "stop 0 Length",
        ],
    );
}

#[test]
fn reasoning_is_read_once_under_all_its_names() {
    for delta in [
        json!({"reasoning_content": "hm"}),
        json!({"reasoning": "hm"}),
        json!({"reasoning": "hm", "reasoning_content": "hm"}),
        json!({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]}),
        json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
    ] {
        check(
            &[delta],
            "stop",
            &["0 open 0 Reasoning", "0 text hm", "0 close", "stop 0 End"],
        );
    }
}

#[test]
fn proofs_end_their_block_and_are_kept_as_entries() {
    check(
        &[
            json!({"reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0, "format": "f"}]}),
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "S", "index": 0, "format": "f"}]}),
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "D", "id": "r", "index": 1}]}),
            json!({"content": "hi"}),
        ],
        "stop",
        &[
            "0 open 0 Reasoning",
            "0 text a",
            r#"0 proof Chat {"index":0,"type":"reasoning.text","signature":"S","format":"f"}"#,
            "0 close",
            "1 open 0 Reasoning",
            r#"1 proof Chat {"index":0,"type":"reasoning.encrypted","data":"D","id":"r"}"#,
            "1 close",
            "2 open 0 Text",
            "2 text hi",
            "2 close",
            "stop 0 End",
        ],
    );
    let extra = json!({"google": {"thought_signature": "U0lH"}});
    check(
        &[call(
            json!({"id": "a", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}),
        )],
        "stop",
        &[
            "0 open 0 Function f a",
            "0 args {}",
            "0 proof Gemini U0lH",
            "0 close",
            "stop 0 ToolCalls",
        ],
    );
}

#[test]
fn images_sound_and_refusals_are_read() {
    check(
        &[
            json!({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}),
            json!({"images": [{"image_url": {"url": "https://x/y.png"}}]}),
        ],
        "stop",
        &[
            "0 open 0 image image/png",
            "0 data AAAA",
            "0 close",
            "1 open 0 Text",
            "1 text ![](https://x/y.png)",
            "1 close",
            "stop 0 End",
        ],
    );
    check(
        &[
            json!({"audio": {"id": "a", "transcript": "he"}}),
            json!({"audio": {"data": "AAAA", "transcript": "y"}}),
        ],
        "stop",
        &[
            "0 open 0 audio a",
            "0 text he",
            "0 data AAAA",
            "0 text y",
            "0 close",
            "stop 0 End",
        ],
    );
    check(
        &[json!({"refusal": "no"})],
        "stop",
        &["0 open 0 Refusal", "0 text no", "0 close", "stop 0 Refusal"],
    );
}

#[test]
fn every_reason_has_its_stop() {
    for (reason, stop) in [
        ("stop", "End"),
        ("eos", "End"),
        ("length", "Length"),
        ("model_length", "Length"),
        ("tool_calls", "End"),
        (
            "sensitive",
            "Filter { reason: \"sensitive\", explanation: None }",
        ),
        ("model_context_window_exceeded", "ContextWindow"),
        (
            "insufficient_system_resource",
            "Other(\"insufficient_system_resource\")",
        ),
    ] {
        check(&[], reason, &[&format!("stop 0 {stop}")]);
    }
    let sequence =
        json!({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": "END"}]});
    assert_eq!(stream(&[sequence])[1], "stop 0 Sequence(Some(\"END\"))");
}

#[test]
fn choices_are_followed_apart() {
    let of = |index: u64, text: &str| json!({"id": "c", "choices": [{"index": index, "delta": {"content": text}}]});
    let all = stream(&[of(1, "b"), of(0, "a"), of(1, "B"), of(500, "x")]);
    let wanted = [
        "start c ",
        "0 open 1 Text",
        "0 text b",
        "1 open 0 Text",
        "1 text a",
        "0 text B",
        "1 close",
        "stop 0 End",
        "0 close",
        "stop 1 End",
    ];
    assert_eq!(all, wanted);
}

#[test]
fn chunks_without_choices_say_nothing() {
    let filters = json!({"id": "", "choices": [], "prompt_filter_results": [{}]});
    let usage = json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 1}});
    let all = stream(&[
        filters,
        chunk(json!({"content": "hi"})),
        finish("stop"),
        usage,
    ]);
    assert_eq!(
        all,
        [
            "start c m",
            "0 open 0 Text",
            "0 text hi",
            "0 close",
            "stop 0 End"
        ]
    );
    assert_eq!(stream(&[]), ["start  ", "stop 0 End"]);
    assert_eq!(
        events(&["not JSON".into(), "[1]".into()], false),
        ["start  ", "stop 0 End"]
    );
}

#[test]
fn half_a_surrogate_pair_is_mended() {
    let text = r#"{"choices":[{"delta":{"content":"a\ud800b","reasoning_content":"\udc00"}}]}"#;
    let all = events(&[text.to_owned()], false);
    assert_eq!(all[2], "0 text \u{fffd}");
    assert_eq!(all[5], "1 text a\u{fffd}b");
}

#[test]
fn perplexitys_sources_are_told_once() {
    let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}], "search_results": [{"title": "t", "url": "u"}]});
    let all = stream(&[chunk("a"), chunk("b")]);
    let wanted = [
        "0 open 0 Text",
        "0 text a",
        "0 cites u None",
        "0 text b",
        "0 close",
        "stop 0 End",
    ];
    assert_eq!(all[1..], wanted);
}

/// A value of the same kind of shapes that answers have, with much of it wrong.
fn distorted() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        "[a{}\"]{0,3}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "choices",
        "delta",
        "message",
        "content",
        "tool_calls",
        "function",
        "custom",
        "name",
        "arguments",
        "id",
        "index",
        "finish_reason",
        "reasoning_details",
        "text",
        "signature",
        "data",
        "audio",
        "images",
        "image_url",
        "url",
        "annotations",
        "url_citation",
        "logprobs",
        "function_call",
        "refusal",
        "type",
        "thinking",
    ]);
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_breaks_the_grammar(
        deltas in prop::collection::vec((0u64..3, distorted(), any::<bool>()), 0..6),
        whole: bool,
    ) {
        let pieces: Vec<String> = deltas
            .into_iter()
            .map(|(index, delta, ends)| {
                let reason = ends.then_some("stop");
                json!({"choices": [{"index": index, "delta": delta, "finish_reason": reason}]}).to_string()
            })
            .collect();
        events(&pieces, whole);
    }

    #[test]
    fn nothing_makes_it_panic(piece in distorted()) {
        events(&[piece.to_string()], false);
    }
}

/// Collects what an answer says.
#[test]
fn a_stream_collects_to_the_whole_answer() {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let mut collector = crate::ir::Collector::default();
    let deltas = [
        json!({"reasoning": "hm"}),
        json!({"content": "Hé"}),
        json!({"content": "llo"}),
        call(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}})),
    ];
    for delta in deltas {
        let json = chunk(delta).to_string();
        let piece = Piece {
            name: b"",
            json: json.as_bytes(),
            whole: false,
        };
        decoder.push(piece, &mut |event| assert!(collector.take(&event)));
    }
    decoder.finish(&mut |event| assert!(collector.take(&event)));
    let said = &collector.reply().choices[0].said;
    assert!(matches!(&said[0], Said::Reasoning { text, .. } if text == "hm"));
    assert!(matches!(&said[1], Said::Text { text, .. } if text == "Héllo"));
    assert!(matches!(&said[2], Said::Tool { args, complete: true, .. } if args == "{}"));
}
