//! Writes the conversation.

use std::borrow::Cow;

use super::accent::{Accent, Prefill};
use super::media::{content, piece, text};
use super::tools::mark;
use super::wire::{Content, Message, Piece};
use crate::chat::detail::Entry;
use crate::chat::said::{Call, Extra};
use crate::freetext::wrapped;
use crate::ir::{
    Feature, Origin, Part, Request, Role, Signature, System, ToolCall, ToolKind, ToolResult, Turn,
};
use crate::loss::{Losses, Misfit};

/// Every message; `instruction` is ours and comes last in the system prompt.
pub(super) fn messages<'a>(
    request: &'a Request<'_>,
    accent: &Accent<'_>,
    instruction: Option<String>,
    losses: &mut Losses,
) -> Result<Vec<Message<'a>>, Misfit> {
    let mut writer = Writer {
        accent,
        losses,
        messages: Vec::with_capacity(request.turns.len() + 1),
    };
    writer.system(&request.system, instruction);
    for turn in &request.turns {
        match turn.role {
            Role::User => writer.user(turn)?,
            Role::Assistant => writer.assistant(turn)?,
            Role::System => writer.instruct(turn)?,
        }
    }
    writer.prefill(request)?;
    Ok(writer.messages)
}

struct Writer<'w, 'a> {
    accent: &'w Accent<'w>,
    losses: &'w mut Losses,
    messages: Vec<Message<'a>>,
}

impl<'a> Writer<'_, 'a> {
    /// One message: several at the start are more than some servers' templates take.
    fn system(&mut self, blocks: &'a [System<'_>], instruction: Option<String>) {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for block in blocks {
            pieces.push(Piece::Text {
                text: Cow::Borrowed(&block.text),
                cache_control: mark(block.cache, self.accent, self.losses),
            });
        }
        pieces.extend(instruction.map(text));
        let marked = |piece: &Piece<'_>| matches!(piece, Piece::Text { cache_control, .. } if cache_control.is_some());
        if pieces.is_empty() {
            return;
        }
        let content = match pieces.iter().any(marked) {
            true => Content::Pieces(pieces),
            false => Content::Text(joined(pieces)),
        };
        self.say(self.accent.system(), content, None);
    }

    /// Instructions in the middle stay where they are.
    fn instruct(&mut self, turn: &'a Turn<'_>) -> Result<(), Misfit> {
        let pieces = self.pieces(&turn.parts)?;
        self.say(self.accent.system(), content(pieces), turn.name.as_deref());
        Ok(())
    }

    /// Results of tools come first, each in its message; what they hold beside text follows in
    /// the user's.
    fn user(&mut self, turn: &'a Turn<'_>) -> Result<(), Misfit> {
        let (mut attached, mut answered) = (Vec::new(), false);
        for part in &turn.parts {
            if let Part::ToolResult(result) = part {
                self.result(result, &mut attached)?;
                answered = true;
            }
        }
        attached.extend(self.pieces(&turn.parts)?);
        if !answered || !attached.is_empty() {
            self.say("user", content(attached), turn.name.as_deref());
        }
        Ok(())
    }

    fn result(
        &mut self,
        result: &'a ToolResult<'_>,
        attached: &mut Vec<Piece<'a>>,
    ) -> Result<(), Misfit> {
        if result.cache.is_some() {
            self.losses.hint(Feature::CacheMark);
        }
        let mut said: Vec<Cow<'a, str>> = Vec::new();
        for part in &result.parts {
            match piece(part, self.accent, self.losses)? {
                Some(Piece::Text { text, .. }) => said.push(text),
                Some(piece) => {
                    said.push(Cow::Borrowed(match piece {
                        Piece::ImageUrl { .. } => "[image attached below]",
                        _ => "[file attached below]",
                    }));
                    attached.push(piece);
                }
                None => {}
            }
        }
        let mut said = match said.len() {
            1 => said.remove(0),
            _ => Cow::Owned(said.join("\n")),
        };
        if result.error && !is_plainly_an_error(&said) {
            said.to_mut().insert_str(0, "Error: ");
        }
        self.messages.push(Message {
            role: "tool",
            tool_call_id: Some(&result.id),
            content: Some(Content::Text(said)),
            ..Message::default()
        });
        Ok(())
    }

    fn pieces(&mut self, parts: &'a [Part<'_>]) -> Result<Vec<Piece<'a>>, Misfit> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            pieces.extend(piece(part, self.accent, self.losses)?);
        }
        Ok(pieces)
    }

    fn assistant(&mut self, turn: &'a Turn<'_>) -> Result<(), Misfit> {
        let mut message = Message {
            role: "assistant",
            name: turn.name.as_deref(),
            ..Message::default()
        };
        let (mut said, mut refusal) = (None, None);
        for part in &turn.parts {
            match part {
                Part::Text {
                    text,
                    citations,
                    cache,
                } => {
                    if !citations.is_empty() {
                        self.losses.hint(Feature::Citations);
                    }
                    if cache.is_some() {
                        self.losses.hint(Feature::CacheMark);
                    }
                    append(&mut said, text, "");
                }
                // Only OpenAI has a place for it.
                Part::Refusal(text) if self.accent.own => append(&mut refusal, text, ""),
                Part::Refusal(text) => append(&mut said, text, ""),
                Part::Reasoning { text, signature } => {
                    self.reasoning(&mut message, text, signature.as_ref());
                }
                Part::ToolCall(call) => {
                    let call = self.call(call);
                    message.tool_calls.push(call);
                }
                Part::Media { at, .. } => {
                    let reason = "an assistant's earlier message can hold text and calls only";
                    return Err(self.losses.contract_at(self.losses.turn(*at), reason));
                }
                Part::Opaque { kind, at, .. } => self.opaque(kind, *at)?,
                Part::ToolResult(_) => {}
            }
        }
        let bare = said.is_none() && refusal.is_none() && message.tool_calls.is_empty();
        if bare && message.reasoning_content.is_none() && message.reasoning_details.is_empty() {
            // Nothing is left of it, and an empty answer was never given.
            return Ok(());
        }
        let said = said.or_else(|| bare.then_some(Cow::Borrowed("")));
        message.content = said.map(Content::Text);
        message.refusal = refusal;
        self.messages.push(message);
        Ok(())
    }

    /// An answer that the caller began. Most servers do not go on with it but answer it, which
    /// serves a caller better than nothing.
    fn prefill(&mut self, request: &Request<'_>) -> Result<(), Misfit> {
        let Some(turn) = request
            .turns
            .last()
            .filter(|turn| turn.role == Role::Assistant)
        else {
            return Ok(());
        };
        let begun = self.messages.last_mut();
        match (
            self.accent.prefill(),
            begun.filter(|begun| begun.role == "assistant"),
        ) {
            (Some(Prefill::Partial), Some(message)) => message.partial = true,
            (Some(Prefill::Prefix), Some(message)) => message.prefix = true,
            _ if self.losses.is_strict() => {
                let reason = "it does not go on with an answer that was begun";
                return Err(self.losses.contract_at(self.losses.turn(turn.at), reason));
            }
            _ => {}
        }
        Ok(())
    }

    /// Steps of tools that a provider ran are told by the text that followed them; a reference
    /// to what only a provider keeps is not.
    fn opaque(&mut self, kind: &str, at: usize) -> Result<(), Misfit> {
        let path = self.losses.turn(at);
        if matches!(kind, "item_reference" | "compaction" | "audio") {
            let reason = format!("what `{kind}` stands for is known to its own provider only");
            return Err(self.losses.contract_at(path, &reason));
        }
        self.losses.hint_at(format!("{path}.{kind}"));
        Ok(())
    }

    fn reasoning(
        &mut self,
        message: &mut Message<'a>,
        text: &'a str,
        signature: Option<&Signature<'_>>,
    ) {
        let own = signature.filter(|proof| proof.fits(Origin::Chat, self.accent.model));
        let index = message.reasoning_details.len() as u32;
        if let Some(entry) = own.and_then(|proof| Entry::restored(proof, index, text)) {
            message.reasoning_details.push(entry);
        } else if self.accent.replay && !text.is_empty() {
            append(&mut message.reasoning_content, text, "\n\n");
        } else {
            self.losses.hint(Feature::Signature);
        }
    }

    fn call(&mut self, call: &'a ToolCall<'_>) -> Call<'a> {
        if call.cache.is_some() {
            self.losses.hint(Feature::CacheMark);
        }
        let (kind, args) = match call.kind {
            ToolKind::Custom if self.accent.is_gpt_5() => (ToolKind::Custom, (&*call.args).into()),
            ToolKind::Custom => {
                let stand_in = wrapped(&call.args);
                (ToolKind::Function, Cow::Owned(stand_in))
            }
            ToolKind::Function if call.args.trim().is_empty() => (ToolKind::Function, "{}".into()),
            ToolKind::Function => (ToolKind::Function, (&*call.args).into()),
        };
        Call {
            extra_content: self.proof(call),
            ..Call::whole(&call.id, &call.name, args, kind)
        }
    }

    /// Gemini behind OpenAI's format takes its proofs back.
    fn proof(&mut self, call: &'a ToolCall<'_>) -> Option<Extra<'a>> {
        let proof = call.signature.as_ref()?;
        let gemini = self.accent.family == "gemini";
        if gemini && proof.fits(Origin::Gemini, self.accent.model) {
            return Some(Extra::new(&proof.data));
        }
        self.losses.hint(Feature::Signature);
        None
    }

    fn say(&mut self, role: &'static str, content: Content<'a>, name: Option<&'a str>) {
        self.messages.push(Message {
            role,
            name,
            content: Some(content),
            ..Message::default()
        });
    }
}

fn joined<'a>(pieces: Vec<Piece<'a>>) -> Cow<'a, str> {
    let mut texts = pieces.into_iter().filter_map(|piece| match piece {
        Piece::Text { text, .. } => Some(text),
        _ => None,
    });
    let mut all = texts.next().unwrap_or_default();
    for text in texts {
        let all = all.to_mut();
        all.push_str("\n\n");
        all.push_str(&text);
    }
    all
}

fn append<'a>(place: &mut Option<Cow<'a, str>>, text: &'a str, between: &str) {
    match place {
        _ if text.is_empty() => {}
        Some(all) => {
            let all = all.to_mut();
            all.push_str(between);
            all.push_str(text);
        }
        None => *place = Some(Cow::Borrowed(text)),
    }
}

/// Chat has no flag for it, so that the text must say it.
fn is_plainly_an_error(said: &str) -> bool {
    let start = said.trim_start().as_bytes();
    let begins = |word: &str| {
        let head = start.get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    ["error", "exception", "traceback", "failed"]
        .into_iter()
        .any(begins)
}
