//! Takes proofs of other providers out of a request that stays in its format.
//!
//! A client keeps what it was given, among it the reasoning of an upstream of another format, its proof
//! wrapped (`ir/opaque.rs`). Once the conversation goes on at a provider of the client's own format, that one
//! takes a wrapping for a broken proof and refuses the request. Nothing but what the gateway has wrapped
//! itself is touched.

use std::borrow::Cow;

use memchr::memmem;

use crate::Format;
use crate::fields::{elements, members, text};
use crate::gemini;
use crate::ir::Signature;
use crate::patch::{Patch, quoted};

/// What becomes of an element of a list.
enum Edit {
    Keep,
    Drop,
    With(Vec<u8>),
}

/// Takes them out.
pub(crate) fn take_out(patch: &mut Patch<'_>, format: Format) {
    let (name, mark): (_, &[u8]) = match format {
        // Its proofs stand in members that its providers do not read.
        Format::Chat => return,
        Format::Responses => ("input", b"\"tg1:"),
        Format::Messages => ("messages", b"\"tg1:"),
        Format::Gemini => ("contents", gemini::WRAPPED.as_bytes()),
    };
    let turns = patch.get(name).unwrap_or_default();
    // Spares nearly every request the walk. What is written with escapes was not written by us.
    if memmem::find(turns, mark).is_none() {
        return;
    }
    let edited = match format {
        Format::Responses => edited(turns, item),
        Format::Messages => edited(turns, |message| turn(message, "content", block)),
        _ => edited(turns, |content| turn(content, "parts", part)),
    };
    let Some(edited) = edited.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return;
    };
    if format == Format::Messages && begins_unthought(edited.as_bytes()) {
        think_no_more(patch);
    }
    patch.set(name, edited);
}

/// Whether the results of a step come now that no longer begins with its thinking.
fn begins_unthought(messages: &[u8]) -> bool {
    let mut last: [&[u8]; 2] = [b"", b""];
    elements(messages, |_, message| last = [last[1], message]);
    let [step, results] = last.map(first_block);
    results == "tool_result" && !matches!(&*step, "thinking" | "redacted_thinking")
}

/// The type of a message's first block; empty where there is none.
fn first_block(message: &[u8]) -> String {
    let mut kinds = Vec::new();
    members(message, |name, _, content| {
        if name == "content" {
            elements(content, |_, block| kinds.push(kind(block)));
        }
    });
    kinds.into_iter().next().unwrap_or_default()
}

fn kind(object: &[u8]) -> String {
    let mut kind = String::new();
    members(object, |name, _, value| {
        if name == "type" {
            kind = text(value).map_or_else(String::new, Cow::into_owned);
        }
    });
    kind
}

/// With a budget Anthropic insists on a step's own thinking; without it there is none to be cleared. Where the
/// model sets its budget itself it insists on nothing.
fn think_no_more(patch: &mut Patch<'_>) {
    if kind(patch.get("thinking").unwrap_or_default()) == "enabled" {
        patch.set("thinking", r#"{"type":"disabled"}"#);
        let edits = patch.get("context_management").unwrap_or_default();
        if memmem::find(edits, b"clear_thinking").is_some() {
            patch.remove("context_management");
        }
    }
}

/// The list after its elements were edited; `None` when all stay.
fn edited(list: &[u8], mut edit: impl FnMut(&[u8]) -> Edit) -> Option<Vec<u8>> {
    let (mut out, mut changed) = (vec![b'['], false);
    elements(list, |_, element| {
        let edit = edit(element);
        changed |= !matches!(edit, Edit::Keep);
        let kept = match &edit {
            Edit::Keep => element,
            Edit::With(other) => other,
            Edit::Drop => return,
        };
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(kept);
    });
    out.push(b']');
    changed.then_some(out)
}

/// A turn, what its list holds edited. One that holds nothing any more goes.
fn turn(turn: &[u8], list: &str, edit: fn(&[u8]) -> Edit) -> Edit {
    let mut after = Edit::Keep;
    members(turn, |name, place, value| {
        if name == list {
            after = match edited(value, edit) {
                None => Edit::Keep,
                Some(left) if left == b"[]" => Edit::Drop,
                Some(left) => {
                    Edit::With([&turn[..place.start], &left, &turn[place.end..]].concat())
                }
            };
        }
    });
    after
}

/// A block of Messages: unsigned thinking is refused, so that it goes with its proof.
fn block(block: &[u8]) -> Edit {
    drop_if(block, |name, proof| {
        ["signature", "data"].contains(&name) && Signature::is_wrapped(proof)
    })
}

/// An item of Responses.
fn item(item: &[u8]) -> Edit {
    drop_if(item, |name, proof| {
        name == "encrypted_content" && Signature::is_wrapped(proof)
    })
}

fn drop_if(object: &[u8], is_wrapped: fn(&str, &str) -> bool) -> Edit {
    let mut after = Edit::Keep;
    members(object, |name, _, value| {
        if text(value).is_some_and(|value| is_wrapped(name, &value)) {
            after = Edit::Drop;
        }
    });
    after
}

/// A part of Gemini: thoughts go, and what else has a wrapping has no proof.
fn part(part: &[u8]) -> Edit {
    let (mut wrapped, mut empty) = (None, false);
    members(part, |name, place, value| match name {
        "thought" => empty |= value == b"true",
        "text" => empty |= value == b"\"\"",
        "thoughtSignature" | "thought_signature"
            if text(value).is_some_and(|proof| gemini::is_wrapped(&proof)) =>
        {
            wrapped = Some(place);
        }
        _ => {}
    });
    match wrapped {
        None => Edit::Keep,
        Some(_) if empty => Edit::Drop,
        Some(place) => {
            let none = quoted(gemini::NO_PROOF).into_bytes();
            Edit::With([&part[..place.start], &none, &part[place.end..]].concat())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;
    use crate::fields::Fields;

    #[track_caller]
    fn check(format: Format, body: &str, wanted: Value) {
        let fields = Fields::read(body.as_bytes()).unwrap();
        let mut patch = Patch::new(body.as_bytes(), &fields);
        take_out(&mut patch, format);
        let edited = patch.finish().unwrap_or_else(|| body.as_bytes().to_vec());
        assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), wanted);
    }

    #[track_caller]
    fn stays(format: Format, body: &str) {
        let fields = Fields::read(body.as_bytes()).unwrap();
        let mut patch = Patch::new(body.as_bytes(), &fields);
        take_out(&mut patch, format);
        assert_eq!(patch.finish(), None, "{body}");
    }

    #[test]
    fn anthropic_gets_no_thinking_of_others() {
        check(
            Format::Messages,
            r#"{"a":1,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[
                {"type":"thinking","thinking":"a","signature":"tg1:gemini:gemini::AAAA"},
                {"type":"thinking","thinking":"b","signature":"EqQB"},
                {"type":"redacted_thinking","data":"tg1:responses:gpt:rs_1:gAAA"},
                {"type":"text","text":"tg1: is no proof"}], "more":{}},
                {"role":"assistant","content":[{"type":"thinking","thinking":"c","signature":"tg1:none:::"}]}]}"#,
            json!({"a": 1, "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "more": {}, "content": [
                {"type": "thinking", "thinking": "b", "signature": "EqQB"},
                {"type": "text", "text": "tg1: is no proof"}]}]}),
        );
    }

    #[test]
    fn a_step_that_lost_its_thinking_is_ended_without() {
        let body = |context: &str, thinking: &str, first: &str| {
            format!(
                r#"{{{context}"thinking":{{"type":"{thinking}"}},"messages":[{{"role":"assistant","content":[{first}
                {{"type":"tool_use","id":"a","name":"f","input":{{}}}}]}},
                {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a"}}]}}]}}"#
            )
        };
        let wrapped = r#"{"type":"thinking","thinking":"a","signature":"tg1:none:::"},"#;
        let clear = r#""context_management":{"edits":[{"type":"clear_thinking_20251015"}]},"#;
        let without = |thinking: &str| serde_json::from_str(&body("", thinking, "")).unwrap();
        let asked = body(clear, "enabled", wrapped);
        check(Format::Messages, &asked, without("disabled"));
        let asked = body("", "adaptive", wrapped);
        check(Format::Messages, &asked, without("adaptive"));
        let own = r#"{"type":"thinking","thinking":"a","signature":"EqQB"},"#;
        stays(Format::Messages, &body("", "enabled", own));
    }

    #[test]
    fn openai_gets_no_reasoning_of_others() {
        check(
            Format::Responses,
            r#"{"input":[{"type":"reasoning","summary":[],"encrypted_content":"tg1:messages:claude::S"},
                {"type":"reasoning","summary":[],"encrypted_content":"gAAA"},{"role":"user","content":"x"}]}"#,
            json!({"input": [{"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                {"role": "user", "content": "x"}]}),
        );
    }

    #[test]
    fn google_gets_no_thoughts_of_others_and_calls_without_proof() {
        let wrapped = "dGcxOm1lc3NhZ2VzOmNsYXVkZTo6Uw==";
        let body = json!({"contents": [{"role": "model", "parts": [
            {"text": "a", "thought": true, "thoughtSignature": wrapped},
            {"text": "b", "thought": true, "thoughtSignature": "U0lH"},
            {"functionCall": {"name": "f"}, "thoughtSignature": wrapped},
            {"text": "", "thoughtSignature": wrapped},
        ]}]});
        check(
            Format::Gemini,
            &body.to_string(),
            json!({"contents": [{"role": "model", "parts": [
                {"text": "b", "thought": true, "thoughtSignature": "U0lH"},
                {"functionCall": {"name": "f"}, "thoughtSignature": gemini::NO_PROOF},
            ]}]}),
        );
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        stays(Format::Messages, r#"{"messages":"tg1:"}"#);
        stays(
            Format::Messages,
            r#"{"messages":[{"content":[{"type":"text","text":"\"tg1:"}]},{"content":"\"tg1:none"}]}"#,
        );
        stays(
            Format::Gemini,
            r#"{"contents":[{"parts":[{"text":"","thoughtSignature":"dGcxO3g="}]}]}"#,
        );
        stays(Format::Responses, r#"{"input":"tg1:none"}"#);
        stays(Format::Chat, r#"{"messages":[{"data":"tg1:none"}]}"#);
    }
}
