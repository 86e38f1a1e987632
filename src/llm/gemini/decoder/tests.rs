//! Stories of answers as Google gives them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::ir::{BlockKind, Delta, Grammar};

/// What comes of `chunks`, a line for each event.
fn events(chunks: &[&str]) -> Vec<String> {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let mut grammar = Grammar::default();
    let mut lines = Vec::new();
    let mut each = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        lines.push(line(&event));
    };
    for chunk in chunks {
        let piece = Piece {
            name: b"",
            json: chunk.as_bytes(),
            whole: false,
        };
        assert!(!decoder.push(piece, &mut each), "usage may still come");
    }
    decoder.finish(&mut each);
    decoder.finish(&mut each);
    each(Event::End);
    lines.pop();
    lines
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::Open {
            block,
            choice,
            kind,
        } => {
            let kind = match kind {
                BlockKind::Tool { id, name, .. } => format!("tool {id} {name}"),
                BlockKind::Image { mime } => format!("image {mime}"),
                BlockKind::Server { raw, .. } => format!("server {raw}"),
                other => format!("{other:?}").to_lowercase(),
            };
            match choice {
                0 => format!("{block} {kind}"),
                choice => format!("{block} of {choice} {kind}"),
            }
        }
        Event::Delta { block, delta } => {
            let delta = match delta {
                Delta::Text(text) | Delta::Args(text) | Delta::Data(text) => format!("< {text}"),
                Delta::Signature(proof) => format!("+ {}", proof.data),
                Delta::Citation(source) => format!(
                    "cites {} {} {:?}",
                    source.url,
                    source.title.as_deref().unwrap_or("-"),
                    source.span
                ),
                Delta::Logprobs(entries) => format!("logprobs {entries}"),
            };
            format!("{block} {delta}")
        }
        Event::Close { block } => format!("{block} ."),
        Event::Stop { choice, stop } => format!("stop {choice} {stop:?}"),
        other => format!("{other:?}"),
    }
}

fn check(chunks: &[&str], wanted: &[&str]) {
    assert_eq!(events(chunks)[1..], *wanted, "{chunks:?}");
}

/// A chunk of one candidate with these parts and nothing else.
fn parts(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}],"responseId":"r1"}}"#)
}

const STOP: &str = r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}"#;

#[test]
fn the_answer_of_the_appendix() {
    let chunks: Vec<&str> = include_str!("../../fixtures/gemini.appendix.sse")
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let wanted = [
        "start r1 m",
        "0 reasoning",
        "0 < Plan.",
        "0 .",
        "1 text",
        "1 < Hé世",
        "1 .",
        "2 tool c1 get_w",
        "2 + U0lH",
        "2 < {\"city\":\"Oslo\"}",
        "2 .",
        "3 tool c2 now",
        "3 < {}",
        "3 .",
        "stop 0 ToolCalls",
    ];
    assert_eq!(events(&chunks), wanted);
    let array = format!("[{}]", chunks.join(","));
    assert_eq!(
        events(&[&array]),
        wanted,
        "and when it is wrapped in an array"
    );
}

#[test]
fn calls_of_one_chunk_get_ids_of_their_own() {
    let chunk = parts(
        r#"{"text":"ok"},{"functionCall":{"name":"f","args":{ "a": 1 }}},{"functionCall":{"name":"f"}}"#,
    );
    let lines = events(&[&chunk, STOP]);
    let id = |line: &str| line.split(' ').nth(2).unwrap().to_owned();
    let (one, two) = (id(&lines[4]), id(&lines[7]));
    assert_ne!(one, two);
    assert!(one.len() <= 40 && one.starts_with("call_"), "{one}");
    assert_eq!(lines[5], r#"1 < {"a":1}"#);
    assert_eq!(lines[8], "2 < {}");
    assert_eq!(lines.last().unwrap(), "stop 0 ToolCalls");
    assert_eq!(lines, events(&[&chunk, STOP]), "the same every time");
}

#[test]
fn arguments_that_come_in_pieces_are_told_when_they_are_whole() {
    let call = |call: &str| parts(&format!(r#"{{"functionCall":{call}}}"#));
    let head = parts(
        r#"{"functionCall":{"id":"c","name":"f","willContinue":true},"thoughtSignature":"QQ=="}"#,
    );
    let one = call(
        r#"{"partialArgs":[{"jsonPath":"$.q","stringValue":"New ","willContinue":true}],"willContinue":true}"#,
    );
    let two = call(
        r#"{"partialArgs":[{"jsonPath":"$.q","stringValue":"York"},{"jsonPath":"$.n","numberValue":2.0}],"willContinue":true}"#,
    );
    let wanted = [
        "0 tool c f",
        "0 + QQ==",
        r#"0 < {"q":"New York","n":2.0}"#,
        "0 .",
        "stop 0 ToolCalls",
    ];
    check(&[&head, &one, &two, &call("{}"), STOP], &wanted);
    check(&[&head, &one, &two, STOP], &wanted);
    let cut = STOP.replace("STOP", "MAX_TOKENS");
    check(&[&head, &one, &cut], &["stop 0 Length"]);
}

#[test]
fn a_proof_on_text_is_of_the_reasoning_before_it() {
    let whole = parts(r#"{"text":"Hm","thought":true},{"text":"A","thoughtSignature":"QQ=="}"#);
    check(
        &[&whole, STOP],
        &[
            "0 reasoning",
            "0 < Hm",
            "0 + QQ==",
            "0 .",
            "1 text",
            "1 < A",
            "1 .",
            "stop 0 End",
        ],
    );
}

#[test]
fn a_proof_on_nothing_is_a_thought_of_its_own() {
    let end = parts(r#"{"text":"","thoughtSignature":"QQ=="}"#);
    check(
        &[&parts(r#"{"text":"A"}"#), &end, STOP],
        &[
            "0 text",
            "0 < A",
            "0 .",
            "1 reasoning",
            "1 + QQ==",
            "1 .",
            "stop 0 End",
        ],
    );
}

#[test]
fn a_line_break_alone_is_text_and_an_empty_text_is_none() {
    check(
        &[&parts(r#"{"text":"\n"},{"text":""}"#), STOP],
        &["0 text", "0 < \n", "0 .", "stop 0 End"],
    );
}

#[test]
fn images_and_what_google_ran_are_blocks() {
    let chunk = parts(
        r#"{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"QQ=="},{"executableCode":{"language":"PYTHON","code":"1"}},
            {"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}},{"text":"b"}"#,
    );
    check(
        &[&chunk, STOP],
        &[
            "0 text",
            "0 < a",
            "0 .",
            "1 reasoning",
            "1 + QQ==",
            "1 .",
            "2 image image/png",
            "2 < AAAA",
            "2 .",
            r#"3 server {"executableCode":{"language":"PYTHON","code":"1"}}"#,
            "3 .",
            r#"4 server {"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}"#,
            "4 .",
            "5 text",
            "5 < b",
            "5 .",
            "stop 0 End",
        ],
    );
}

#[test]
fn sources_are_cited_by_character() {
    let chunk = parts(r#"{"text":"né [1]"}"#);
    let end = r#"{"candidates":[{"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q"],
        "groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"web":{"uri":"https://b"}}],
        "groundingSupports":[{"segment":{"endIndex":3,"text":"né"},"groundingChunkIndices":[0]}]}}]}"#;
    check(
        &[&chunk, end],
        &[
            "0 text",
            "0 < né [1]",
            "0 cites https://a A Some((0, 2))",
            "0 cites https://b - None",
            "0 .",
            "stop 0 End",
        ],
    );
}

#[test]
fn a_blocked_prompt_is_an_answer_held_back() {
    let chunk = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":8}}"#;
    check(
        &[chunk],
        &[r#"stop 0 Filter { reason: "PROHIBITED_CONTENT", explanation: Some("no") }"#],
    );
}

#[test]
fn candidates_are_choices() {
    let chunk = r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS"},
        {"content":{"parts":[{"text":"a"}]},"finishReason":"SAFETY","finishMessage":"why"},{"index":99,"content":{"parts":[{"text":"c"}]}}]}"#;
    check(
        &[chunk],
        &[
            "0 of 1 text",
            "0 < b",
            "1 text",
            "1 < a",
            "0 .",
            "stop 1 Length",
            "1 .",
            r#"stop 0 Filter { reason: "SAFETY", explanation: Some("why") }"#,
        ],
    );
}

#[test]
fn log_probabilities_take_chats_shape() {
    let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"é"}]},"finishReason":"STOP","logprobsResult":{
        "chosenCandidates":[{"token":"é","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"é","logProbability":-0.5},{"token":"e","logProbability":-2}]}]}}]}"#;
    check(
        &[chunk],
        &[
            "0 text",
            "0 < é",
            r#"0 logprobs [{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-0.5,"bytes":[195,169]},{"token":"e","logprob":-2,"bytes":[101]}]}]"#,
            "0 .",
            "stop 0 End",
        ],
    );
}

#[test]
fn every_finish_reason_has_a_meaning() {
    let stop = |reason: &str| {
        let chunk = format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#);
        events(&[&chunk]).pop().unwrap()
    };
    for (reason, wanted) in [
        ("STOP", "End"),
        ("NO_IMAGE", "End"),
        ("MAX_TOKENS", "Length"),
        (
            "RECITATION",
            r#"Filter { reason: "RECITATION", explanation: None }"#,
        ),
        (
            "MALFORMED_FUNCTION_CALL",
            r#"Malformed("MALFORMED_FUNCTION_CALL")"#,
        ),
        ("OTHER", r#"Other("OTHER")"#),
        ("NEW", r#"Other("NEW")"#),
    ] {
        assert_eq!(stop(reason), format!("stop 0 {wanted}"));
    }
}

#[test]
fn nothing_and_dirt_are_an_empty_answer() {
    assert_eq!(events(&[]), ["start  ", r#"stop 0 Other("")"#]);
    check(
        &["{", "7", "null", r#"{"candidates":5}"#],
        &[r#"stop 0 Other("")"#],
    );
    check(
        &[&parts(r#"{"text":"a\ud800"}"#), STOP],
        &["0 text", "0 < a\u{fffd}", "0 .", "stop 0 End"],
    );
}

proptest! {
    #[test]
    fn no_answer_breaks_the_grammar(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                r#"{"text":"a"}"#, r#"{"text":"b","thought":true}"#, r#"{"text":"","thoughtSignature":"QQ=="}"#,
                r#"{"text":"c","thoughtSignature":"QQ=="}"#, r#"{"functionCall":{"name":"f","args":{}}}"#, r#"{"functionCall":{}}"#,
                r#"{"functionCall":{"name":"f","willContinue":true}}"#, r#"{"inlineData":{"mimeType":"image/png","data":""}}"#,
                r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"x"}],"willContinue":true}}"#,
                r#"{"executableCode":{}}"#, r#"{"text":7}"#,
            ]), 0..12),
        index in 0..3,
        cut in any::<prop::sample::Index>(),
    ) {
        let chunks: Vec<String> = pieces.iter().map(|part| format!(
            r#"{{"candidates":[{{"index":{index},"content":{{"parts":[{part}]}},"logprobsResult":{{"chosenCandidates":[{{"token":"t","logProbability":0}}]}}}}]}}"#
        )).collect();
        let mut chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        if let Some(last) = chunks.last_mut() {
            *last = &last[..last.floor_char_boundary(cut.index(last.len() + 1))];
        }
        events(&chunks);
    }
}
