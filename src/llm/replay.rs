//! Gives proofs of reasoning back to the upstream that made them, in a body of its own format.
//!
//! A conversation may have been answered by upstreams of several formats. Proofs that were wrapped
//! for the caller (`ir/opaque.rs`) come back in its next request; where that goes out unconverted,
//! they are unwrapped, or taken out where the upstream would refuse them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use crate::Format;
use crate::fields::{elements, members, text};
use crate::ir::{Origin, Signature};
use crate::patch::{Patch, quoted};
use crate::traits::{Claude, ClaudeThinking};

/// What a wrapped proof begins with, and the same in base64 but for its last two bits.
const MARKS: [&str; 2] = ["tg1:", "dGcxO"];

/// Whether a string may be a wrapped proof. The scanner asks it of every string as it passes: a
/// body is not looked through again for what nearly none holds.
pub(crate) fn begins_like_a_proof(string: &[u8]) -> bool {
    matches!(string.first(), Some(b't' | b'd'))
        && MARKS.iter().any(|mark| string.starts_with(mark.as_bytes()))
}

/// Stands for a proof that Gemini 3 demands and nobody has.
const GEMINI_SKIP: &str = "skip_thought_signature_validator";

/// Restores the proofs in a body that goes to `model` of that format.
pub(crate) fn restore(patch: &mut Patch<'_>, format: Format, model: &str) {
    let field = match format {
        Format::Chat | Format::Messages => "messages",
        Format::Responses => "input",
        Format::Gemini => "contents",
    };
    let conversation = patch.get(field).unwrap_or_default();
    let upstream = Upstream { format, model };
    if !upstream.is_marked(conversation) {
        return;
    }
    let restored = array(conversation, &mut |turn| upstream.turn(turn));
    let bare = format == Format::Messages && !may_think(&restored, model);
    if let Ok(restored) = String::from_utf8(restored) {
        patch.set(field, restored);
    }
    if bare && patch.get("thinking").is_some() {
        patch.set("thinking", r#"{"type":"disabled"}"#);
        // Refused where there is no thinking that could be cleared.
        let edits = patch.get("context_management").unwrap_or_default();
        if memmem::find(edits, b"clear_thinking").is_some() {
            patch.remove("context_management");
        }
    }
}

/// Whether a Claude model may think about how the conversation goes on: with a budget it has to see
/// its thinking at the head of the turn whose calls were answered last.
fn may_think(conversation: &[u8], model: &str) -> bool {
    let mut turns = Vec::new();
    elements(conversation, |_, turn| turns.push(turn));
    let open = turns
        .last()
        .is_some_and(|turn| first_block(turn) == "tool_result");
    let caller = turns
        .len()
        .checked_sub(2)
        .and_then(|place| turns.get(place));
    let thought = caller.is_some_and(|turn| first_block(turn).ends_with("thinking"));
    !open || thought || Claude::of(model).thinking != ClaudeThinking::Budget
}

/// The type of a turn's first block.
fn first_block(turn: &[u8]) -> String {
    let mut kind = None;
    members(turn, |name, _, content| {
        if name == "content" {
            elements(content, |_, block| {
                let mut of = String::new();
                members(block, |name, _, value| {
                    if name == "type" {
                        of = text(value).unwrap_or_default().into_owned();
                    }
                });
                kind.get_or_insert(of);
            });
        }
    });
    kind.unwrap_or_default()
}

/// Where the body goes.
#[derive(Clone, Copy)]
struct Upstream<'a> {
    format: Format,
    model: &'a str,
}

/// What becomes of a proof.
enum Proof {
    /// It is none of ours.
    Untouched,
    /// The upstream's own.
    Own(String),
    /// Another's: the upstream would refuse it.
    Foreign,
}

type Kept<'a> = Option<Cow<'a, [u8]>>;

impl Upstream<'_> {
    /// Whether there may be a proof in it. Only Google's own clients carry base64: the others'
    /// bodies are looked through once.
    fn is_marked(self, json: &[u8]) -> bool {
        let marks = match self.format {
            Format::Gemini => &MARKS[..],
            _ => &MARKS[..1],
        };
        marks
            .iter()
            .any(|mark| memmem::find(json, mark.as_bytes()).is_some())
    }

    fn turn<'a>(self, turn: &'a [u8]) -> Kept<'a> {
        if !self.is_marked(turn) {
            return Some(Cow::Borrowed(turn));
        }
        if self.format == Format::Responses {
            return self.holder(turn);
        }
        let mut emptied = false;
        let turn = object(turn, &mut |name, value| match name {
            "content" | "parts" | "reasoning_details" | "tool_calls" => {
                let kept = array(value, &mut |part| self.holder(part));
                let gone = kept == b"[]" && value != b"[]";
                emptied |= gone && name != "reasoning_details";
                (!gone).then_some(Cow::Owned(kept))
            }
            _ => Some(Cow::Borrowed(value)),
        });
        (!emptied).then_some(Cow::Owned(turn))
    }

    /// A block, item, part or call that may hold a proof; `None` where it goes with it.
    fn holder<'a>(self, holder: &'a [u8]) -> Kept<'a> {
        if !self.is_marked(holder) || holder.first() != Some(&b'{') {
            return Some(Cow::Borrowed(holder));
        }
        let (mut calls, mut empty) = (false, false);
        members(holder, |name, _, value| {
            calls |= matches!(name, "functionCall" | "function_call");
            empty |= name == "text" && value == b"\"\"";
        });
        let mut goes = false;
        let kept = object(holder, &mut |name, value| {
            let proof = match name {
                "signature" | "data" | "encrypted_content" | "thoughtSignature"
                | "thought_signature" => self.proof(value),
                // A call's proof of another vendor's; this one's own would not be wrapped.
                "extra_content" if self.is_marked(value) => return self.extra(value),
                _ => Proof::Untouched,
            };
            match proof {
                Proof::Untouched => Some(Cow::Borrowed(value)),
                Proof::Own(native) => Some(Cow::Owned(quoted(&native).into_bytes())),
                Proof::Foreign if self.format == Format::Gemini => {
                    // It was there for the proof alone, and Google refuses empty texts.
                    goes |= empty;
                    calls.then(|| Cow::Owned(quoted(GEMINI_SKIP).into_bytes()))
                }
                Proof::Foreign => {
                    goes = true;
                    None
                }
            }
        });
        (!goes).then_some(Cow::Owned(kept))
    }

    /// Google's signature on a chat call: `{"google":{"thought_signature":…}}`.
    fn extra<'a>(self, value: &'a [u8]) -> Kept<'a> {
        let mut native = None;
        members(value, |_, _, google| {
            members(google, |_, _, proof| {
                if let Proof::Own(own) = self.proof(proof) {
                    native = Some(own);
                }
            });
        });
        let native = native?;
        let extra = format!(
            "{{\"google\":{{\"thought_signature\":{}}}}}",
            quoted(&native)
        );
        Some(Cow::Owned(extra.into_bytes()))
    }

    fn proof(self, value: &[u8]) -> Proof {
        let Some(carried) = text(value) else {
            return Proof::Untouched;
        };
        let decoded = match self.format {
            Format::Gemini => STANDARD.decode(carried.as_bytes()).ok(),
            _ => None,
        };
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let wrapped = decoded.as_deref().unwrap_or(&carried);
        if !Signature::is_wrapped(wrapped) {
            return Proof::Untouched;
        }
        let origins: &[Origin] = match self.format {
            // Google's models are served in chat's format, too.
            Format::Chat => &[Origin::Chat, Origin::Gemini],
            Format::Responses => &[Origin::Responses],
            Format::Messages => &[Origin::Messages],
            Format::Gemini => &[Origin::Gemini],
        };
        match Signature::unwrap(wrapped) {
            Some(proof) if origins.iter().any(|origin| proof.fits(*origin, self.model)) => {
                Proof::Own(proof.data.into_owned())
            }
            _ => Proof::Foreign,
        }
    }
}

/// The array with what `each` makes of its elements.
fn array<'a>(value: &'a [u8], each: &mut dyn FnMut(&'a [u8]) -> Kept<'a>) -> Vec<u8> {
    if value.first() != Some(&b'[') {
        return value.to_vec();
    }
    let mut kept = vec![b'['];
    elements(value, |_, element| {
        if let Some(element) = each(element) {
            comma(&mut kept);
            kept.extend_from_slice(&element);
        }
    });
    kept.push(b']');
    kept
}

/// The object with what `each` makes of its members.
fn object<'a>(value: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8]) -> Kept<'a>) -> Vec<u8> {
    if value.first() != Some(&b'{') {
        return value.to_vec();
    }
    let mut kept = vec![b'{'];
    members(value, |name, _, member| {
        if let Some(member) = each(name, member) {
            comma(&mut kept);
            kept.extend_from_slice(quoted(name).as_bytes());
            kept.push(b':');
            kept.extend_from_slice(&member);
        }
    });
    kept.push(b'}');
    kept
}

fn comma(kept: &mut Vec<u8>) {
    if kept.len() > 1 {
        kept.push(b',');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::fields::Fields;

    #[track_caller]
    fn check(format: Format, model: &str, body: &str, wanted: &str) {
        let fields = Fields::read(body.as_bytes()).unwrap();
        let mut patch = Patch::new(body.as_bytes(), &fields);
        restore(&mut patch, format, model);
        let restored = patch.finish().map(|body| String::from_utf8(body).unwrap());
        assert_eq!(restored.as_deref().unwrap_or(body), wanted);
    }

    #[test]
    fn a_body_without_wrapped_proofs_is_not_touched() {
        let body = r#"{"messages":[ {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"SIG"}]} ]}"#;
        check(Format::Messages, "claude-opus-4-1", body, body);
    }

    #[test]
    fn messages_gets_its_own_back_and_no_others() {
        check(
            Format::Messages,
            "claude-opus-4-1",
            r#"{"messages":[{"role":"user","content":"about tg1: wraps"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"tg1:messages:claude::SIG"},{"type":"redacted_thinking","data":"tg1:messages:claude:!:RED"},{"type":"thinking","thinking":"u","signature":"tg1:responses:gpt:rs_1:gAA"},{"type":"thinking","thinking":"v","signature":"tg1:none:::"},{"type":"text","text":"so"}]}]}"#,
            r#"{"messages":[{"role":"user","content":"about tg1: wraps"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"SIG"},{"type":"redacted_thinking","data":"RED"},{"type":"text","text":"so"}]}]}"#,
        );
    }

    #[test]
    fn thinking_is_turned_off_where_its_thread_is_lost() {
        let body = |thinking: &str, first: &str| {
            format!(
                r#"{{"thinking":{thinking},"messages":[{{"role":"assistant","content":[{first}{{"type":"tool_use","id":"t"}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t"}}]}}]}}"#
            )
        };
        let enabled = r#"{"type":"enabled","budget_tokens":2000}"#;
        let block =
            |proof: &str| format!(r#"{{"type":"thinking","thinking":"t","signature":"{proof}"}},"#);
        let foreign = body(enabled, &block("tg1:none:::"));
        let disabled = body(r#"{"type":"disabled"}"#, "");
        check(Format::Messages, "claude-sonnet-4-5", &foreign, &disabled);
        let clearing = r#"{"context_management":{"edits":[{"type":"clear_thinking_20251015"}]},"#;
        let clearing = foreign.replacen('{', clearing, 1);
        check(Format::Messages, "claude-sonnet-4-5", &clearing, &disabled);
        check(
            Format::Messages,
            "claude-opus-4-7",
            &foreign,
            &body(enabled, ""),
        );
        let own = body(enabled, &block("tg1:messages:claude::SIG"));
        let restored = body(enabled, &block("SIG"));
        check(Format::Messages, "claude-sonnet-4-5", &own, &restored);
    }

    #[test]
    fn a_turn_of_foreign_reasoning_alone_goes() {
        check(
            Format::Messages,
            "claude-opus-4-1",
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"u","signature":"tg1:none:::"}]},{"role":"user","content":"b"}]}"#,
            r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}"#,
        );
    }

    #[test]
    fn responses_gets_its_own_back_and_no_others() {
        check(
            Format::Responses,
            "gpt-5",
            r#"{"input":[{"type":"reasoning","id":"rs_x","summary":[],"encrypted_content":"tg1:responses:gpt:rs_1:gAA"},{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"tg1:messages:claude::SIG"},{"role":"user","content":"b"}]}"#,
            r#"{"input":[{"type":"reasoning","id":"rs_x","summary":[],"encrypted_content":"gAA"},{"role":"user","content":"b"}]}"#,
        );
    }

    #[test]
    fn gemini_s_calls_keep_a_stand_in() {
        let wrapped = |proof: &str| STANDARD.encode(proof);
        let body = |first: &str, second: &str, third: &str| {
            format!(
                r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{first}"}},{{"functionCall":{{"name":"g"}},"thoughtSignature":"{second}"}},{{"text":"t"{third}}}]}}]}}"#
            )
        };
        let foreign = wrapped("tg1:messages:claude::SIG");
        check(
            Format::Gemini,
            "gemini-3-pro",
            &body(
                &wrapped("tg1:gemini:gemini::U0lH"),
                &foreign,
                &format!(r#","thoughtSignature":"{foreign}""#),
            ),
            &body("U0lH", GEMINI_SKIP, ""),
        );
    }

    #[test]
    fn a_part_that_was_there_for_a_foreign_proof_goes_with_it() {
        let foreign = STANDARD.encode("tg1:responses:gpt:rs_1:gAA");
        let body = |part: &str| {
            format!(r#"{{"contents":[{{"role":"model","parts":[{{"text":"t"}}{part}]}}]}}"#)
        };
        check(
            Format::Gemini,
            "gemini-3-pro",
            &body(&format!(r#",{{"text":"","thoughtSignature":"{foreign}"}}"#)),
            &body(""),
        );
    }

    #[test]
    fn chat_gets_google_s_back_where_google_s_models_answer() {
        let body = |extra: &str| {
            format!(
                r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"id":"c","function":{{"name":"f"}}{extra}}}]}}]}}"#
            )
        };
        let extra = |proof: &str| {
            format!(r#","extra_content":{{"google":{{"thought_signature":"{proof}"}}}}"#)
        };
        let wrapped = body(&extra("tg1:gemini:gemini::U0lH"));
        check(
            Format::Chat,
            "gemini-3-pro",
            &wrapped,
            &body(&extra("U0lH")),
        );
        check(Format::Chat, "gpt-5", &wrapped, &body(""));
    }

    #[test]
    fn chat_loses_details_of_others() {
        check(
            Format::Chat,
            "gpt-5",
            r#"{"messages":[{"role":"assistant","content":"a","reasoning_details":[{"index":0,"type":"reasoning.encrypted","data":"tg1:messages:claude:!:RED"}]}]}"#,
            r#"{"messages":[{"role":"assistant","content":"a"}]}"#,
        );
    }
}
