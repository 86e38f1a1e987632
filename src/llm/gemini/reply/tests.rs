//! Stories of whole answers.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::Usage;
use crate::ir::{Citation, Origin, Signature, ToolKind};

fn written(choices: Vec<Choice>, show_thoughts: bool) -> Value {
    let reply = Reply {
        id: "x".to_owned(),
        choices,
        usage: Usage {
            input: 9,
            output: 3,
            ..Usage::default()
        },
    };
    let envelope = Envelope {
        id: "r1".to_owned(),
        model: "gemini-3-pro".to_owned(),
        created: 0,
        upstream_model: "gpt-5".to_owned(),
    };
    let back = Back {
        show_thoughts,
        ..Back::default()
    };
    serde_json::from_slice(&encode(&reply, &envelope, &back)).unwrap()
}

fn choice(said: Vec<Said>, stop: Stop<'_>) -> Choice {
    Choice {
        said,
        stop: Some(OwnedStop::new(stop)),
        logprobs: String::new(),
    }
}

/// `wanted`: the parts and the finish reason of the one candidate.
fn check(said: Vec<Said>, stop: Stop<'_>, parts: Value, reason: &str) -> Value {
    let whole = written(vec![choice(said, stop)], true);
    let candidate = &whole["candidates"][0];
    assert_eq!(candidate["content"]["parts"], parts);
    assert_eq!(candidate["finishReason"], reason);
    whole
}

fn text(text: &str) -> Said {
    Said::Text {
        text: text.to_owned(),
        citations: Vec::new(),
    }
}

fn call(name: &str, args: &str, complete: bool) -> Said {
    Said::Tool {
        id: "c1".to_owned(),
        name: name.to_owned(),
        kind: ToolKind::Function,
        args: args.to_owned(),
        signature: None,
        complete,
    }
}

#[test]
fn an_answer_with_a_thought_and_a_call() {
    let proof = Signature::native(Origin::Responses, "enc");
    let carried = super::super::proof::write(&proof, "gpt");
    let whole = check(
        vec![
            Said::Reasoning {
                text: "Hm".to_owned(),
                signature: Some(proof),
            },
            text("a"),
            call("f", r#"{"n":1.0}"#, true),
        ],
        Stop::ToolCalls,
        json!([
            {"text": "Hm", "thought": true},
            {"text": "a", "thoughtSignature": carried},
            {"functionCall": {"id": "c1", "name": "f", "args": {"n": 1.0}},
             "thoughtSignature": "dGcxOm5vbmU6Ojo="},
        ]),
        "STOP",
    );
    assert_eq!(
        whole["usageMetadata"],
        json!({"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12})
    );
    assert_eq!(whole["modelVersion"], "gemini-3-pro");
    assert_eq!(whole["responseId"], "r1");
}

#[test]
fn hidden_thoughts_leave_their_proof() {
    let said = vec![Said::Reasoning {
        text: "Hm".to_owned(),
        signature: Some(Signature::native(Origin::Gemini, "U0lH")),
    }];
    let whole = written(vec![choice(said, Stop::End)], false);
    assert_eq!(
        whole["candidates"][0]["content"]["parts"],
        json!([{"text": "", "thoughtSignature": "U0lH"}])
    );
}

#[test]
fn calls_that_are_not_whole_are_left_out() {
    let cut = |args, complete| vec![call("f", args, complete)];
    let nothing = || json!([{"text": ""}]);
    check(cut("{\"a\"", true), Stop::Length, nothing(), "MAX_TOKENS");
    check(cut("{}", false), Stop::Length, nothing(), "MAX_TOKENS");
    check(
        cut("{\"a\"", true),
        Stop::ToolCalls,
        nothing(),
        "MALFORMED_FUNCTION_CALL",
    );
}

#[test]
fn an_answer_held_back_says_why() {
    let filter = Stop::Filter {
        reason: "refusal",
        explanation: Some("why"),
    };
    let whole = check(Vec::new(), filter, json!([{"text": ""}]), "SAFETY");
    assert_eq!(whole["candidates"][0]["finishMessage"], "why");
    let refusal = vec![Said::Refusal("no".to_owned())];
    check(refusal, Stop::Refusal, json!([{"text": "no"}]), "SAFETY");
}

#[test]
fn several_answers_with_sources_and_log_probabilities() {
    let cited = Said::Text {
        text: "né".to_owned(),
        citations: vec![Citation {
            url: "https://a".into(),
            span: Some((1, 2)),
            ..Citation::default()
        }],
    };
    let second = Choice {
        logprobs: r#"{"token":"b","logprob":-1}"#.to_owned(),
        ..choice(vec![text("b")], Stop::Length)
    };
    let whole = written(vec![choice(vec![cited], Stop::End), second], true);
    let segment = &whole["candidates"][0]["groundingMetadata"]["groundingSupports"][0]["segment"];
    assert_eq!(*segment, json!({"startIndex": 1, "endIndex": 3}));
    let second = &whole["candidates"][1];
    assert_eq!(second["index"], 1);
    assert_eq!(
        second["logprobsResult"]["chosenCandidates"],
        json!([{"token": "b", "logProbability": -1}])
    );
}
