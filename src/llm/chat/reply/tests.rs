use serde_json::{Value, json};

use super::*;
use crate::Usage;
use crate::ir::{Citation, Origin};

fn written(choice: ir::Choice, back: &Back) -> Value {
    let reply = Reply {
        id: "u".into(),
        choices: vec![choice],
        usage: Usage {
            input: 9,
            output: 1,
            cache_write_1h: 3,
            audio_output: 1,
            ..Usage::default()
        },
    };
    let envelope = Envelope {
        id: "1".into(),
        model: "m".into(),
        created: 7,
        upstream_model: "gemini-3-pro".into(),
    };
    serde_json::from_slice(&encode(&reply, &envelope, back)).unwrap()
}

#[track_caller]
fn check(said: Vec<Said>, stop: Stop<'_>, message: Value, reason: &str) {
    let choice = ir::Choice {
        said,
        stop: Some(OwnedStop::new(stop)),
        logprobs: String::new(),
    };
    let written = written(choice, &Back::default());
    let mut wanted =
        json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
    for (key, value) in message.as_object().unwrap() {
        wanted[key] = value.clone();
    }
    assert_eq!(written["choices"][0]["message"], wanted);
    assert_eq!(written["choices"][0]["finish_reason"], reason);
}

fn text(text: &str) -> Said {
    Said::Text {
        text: text.into(),
        citations: Vec::new(),
    }
}

fn tool(id: &str, args: &str, signature: Option<Signature<'static>>) -> Said {
    Said::Tool {
        id: id.into(),
        name: "f".into(),
        kind: ToolKind::Function,
        args: args.into(),
        signature,
        complete: true,
    }
}

#[test]
fn an_answer_has_its_envelope_and_usage() {
    let choice = ir::Choice {
        said: vec![text("hi")],
        stop: None,
        logprobs: r#"{"token":"hi"}"#.into(),
    };
    assert_eq!(
        written(choice, &Back::default()),
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": null, "annotations": []},
                "logprobs": {"content": [{"token": "hi"}], "refusal": null}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 1}},
        })
    );
}

#[test]
fn texts_are_one_text_and_citations_mean_their_block() {
    let cited = Said::Text {
        text: "世x".into(),
        citations: vec![Citation {
            url: "u".into(),
            ..Citation::default()
        }],
    };
    let note = json!({"type": "url_citation",
        "url_citation": {"start_index": 2, "end_index": 4, "url": "u", "title": ""}});
    check(
        vec![text("né"), cited],
        Stop::End,
        json!({"content": "né世x", "annotations": [note]}),
        "stop",
    );
}

#[test]
fn calls_keep_their_order_and_proofs() {
    let proof = Signature::native(Origin::Gemini, "S");
    check(
        vec![
            text("ok"),
            tool("a", r#"{"a":1}"#, Some(proof)),
            tool("b", "", None),
        ],
        Stop::End,
        json!({"content": "ok", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"},
             "extra_content": {"google": {"thought_signature": "tg1:gemini:gemini::S"}}},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ]}),
        "tool_calls",
    );
}

#[test]
fn reasoning_is_told_with_its_proofs() {
    let reasoning = |text: &str, signature| Said::Reasoning {
        text: text.into(),
        signature,
    };
    check(
        vec![
            reasoning("a", Some(Signature::native(Origin::Messages, "S"))),
            reasoning("", Some(Signature::native(Origin::Responses, "E"))),
            reasoning("b", None),
            text("hi"),
        ],
        Stop::End,
        json!({"content": "hi", "reasoning_content": "a\n\nb", "reasoning_details": [
            {"index": 0, "type": "reasoning.text", "text": "a", "signature": "tg1:messages:gemini::S"},
            {"index": 1, "type": "reasoning.encrypted", "data": "tg1:responses:gemini::E"},
            {"index": 2, "type": "reasoning.text", "text": "b"},
        ]}),
        "stop",
    );
}

#[test]
fn what_was_held_back_has_no_content() {
    let filter = |explanation| Stop::Filter {
        reason: "PROHIBITED_CONTENT",
        explanation,
    };
    check(vec![], filter(None), json!({}), "content_filter");
    check(
        vec![],
        filter(Some("why")),
        json!({"refusal": "why"}),
        "content_filter",
    );
    check(
        vec![Said::Refusal("no".into())],
        Stop::Refusal,
        json!({"refusal": "no"}),
        "stop",
    );
    check(vec![], Stop::End, json!({"content": ""}), "stop");
    check(
        vec![],
        Stop::Other("O"),
        json!({"content": ""}),
        "content_filter",
    );
}

#[test]
fn images_and_sound_have_their_places() {
    check(
        vec![
            Said::Image {
                mime: "image/png".into(),
                base64: "AA".into(),
            },
            Said::Audio {
                id: "x".into(),
                base64: "BB".into(),
                transcript: "hey".into(),
            },
        ],
        Stop::End,
        json!({
            "images": [{"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}],
            "audio": {"id": "x", "data": "BB", "transcript": "hey", "expires_at": 7},
        }),
        "stop",
    );
}

#[test]
fn custom_tools_get_text() {
    let call = Said::Tool {
        id: "a".into(),
        name: "patch".into(),
        kind: ToolKind::Custom,
        args: "*** patch".into(),
        signature: None,
        complete: true,
    };
    check(
        vec![call],
        Stop::ToolCalls,
        json!({"tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** patch"}}]}),
        "tool_calls",
    );
}
