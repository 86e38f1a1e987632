//! Writes the conversation.

use std::borrow::Cow;

use super::super::proof::NO_PROOF;
use super::super::wire::{Call, Content, Json, Outcome, Part, Response, Said};
use super::media;
use crate::Format;
use crate::freetext::wrapped;
use crate::ir::{self, Feature, Request, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::loss::{Losses, Misfit};
use crate::normal::{Loose, arguments};
use crate::traits::Gemini;

/// The turns as contents.
pub(super) fn write<'a>(
    request: &'a Request<'_>,
    model: Gemini,
    losses: &mut Losses,
) -> Result<Vec<Content<'a>>, Misfit> {
    let turns = request.turns.iter();
    turns
        .map(|turn| {
            let pen = Pen {
                model,
                losses: &mut *losses,
                parts: Vec::with_capacity(turn.parts.len()),
                proof: None,
                attached: Vec::new(),
                called: false,
            };
            pen.turn(turn)
        })
        .collect()
}

/// Writes one turn.
struct Pen<'a, 'l> {
    model: Gemini,
    losses: &'l mut Losses,
    parts: Vec<Part<'a>>,
    /// The proof of reasoning that goes on the next part.
    proof: Option<&'a str>,
    /// Media of results, which follow all of them.
    attached: Vec<Part<'a>>,
    called: bool,
}

impl<'a> Pen<'a, '_> {
    fn turn(mut self, turn: &'a Turn<'_>) -> Result<Content<'a>, Misfit> {
        if turn.name.is_some() {
            self.losses.hint(Feature::SpeakerName);
        }
        for part in &turn.parts {
            if !matches!(part, ir::Part::ToolResult(_)) {
                self.parts.append(&mut self.attached);
            }
            self.part(part)?;
        }
        self.parts.append(&mut self.attached);
        self.flush();
        let role = match turn.role {
            Role::Assistant => "model",
            Role::User | Role::System => "user",
        };
        Ok(Content {
            role,
            parts: self.parts,
        })
    }

    fn part(&mut self, part: &'a ir::Part<'_>) -> Result<(), Misfit> {
        match part {
            ir::Part::Text {
                text,
                citations,
                cache,
            } => {
                if !citations.is_empty() {
                    self.losses.hint(Feature::Citations);
                }
                self.marked(cache.is_some());
                self.say(text);
            }
            ir::Part::Refusal(text) => self.say(text),
            ir::Part::Media { media, cache, at } => {
                self.marked(cache.is_some());
                let part = media::write(media, *at, self.model, self.losses)?;
                let proof = self.proof.take().map(str::to_owned);
                self.parts.push(part.signed(proof));
            }
            ir::Part::Reasoning { signature, .. } => {
                self.flush();
                self.proof = signature.as_ref().map(|proof| &*proof.data);
            }
            ir::Part::ToolCall(call) => self.call(call)?,
            ir::Part::ToolResult(result) => self.result(result)?,
            ir::Part::Opaque {
                origin,
                kind,
                raw,
                at,
            } => self.opaque(*origin, kind, raw, *at)?,
        }
        Ok(())
    }

    fn marked(&mut self, marked: bool) {
        if marked {
            self.losses.hint(Feature::CacheMark);
        }
    }

    /// A proof that no part follows stands on nothing.
    fn flush(&mut self) {
        if let Some(proof) = self.proof.take() {
            self.parts.push(Part::proof(proof));
        }
    }

    fn say(&mut self, text: &'a str) {
        self.parts.push(Part::from(Said {
            text: Some(Cow::Borrowed(text)),
            thought_signature: self.proof.take().map(Cow::Borrowed),
            ..Said::default()
        }));
    }

    fn call(&mut self, call: &'a ToolCall<'_>) -> Result<(), Misfit> {
        self.marked(call.cache.is_some());
        let own = call.signature.as_ref().map(|proof| &*proof.data);
        if own.is_some() {
            self.flush();
        }
        let first = !std::mem::replace(&mut self.called, true);
        let proof = own.or(self.proof.take());
        let proof = proof.or((self.model.third && first).then_some(NO_PROOF));
        self.parts.push(Part::from(Said {
            function_call: Some(Call {
                id: self.model.third.then_some(Cow::Borrowed(&*call.id)),
                name: Cow::Borrowed(&call.name),
                args: self.args(call)?,
            }),
            thought_signature: proof.map(Cow::Borrowed),
            ..Said::default()
        }));
        Ok(())
    }

    /// The arguments as an object: a custom tool was declared with one string.
    fn args(&self, call: &'a ToolCall<'_>) -> Result<Json<'a>, Misfit> {
        let loose = match self.losses.is_strict() {
            true => Loose::Refuse,
            false => Loose::Wrap,
        };
        let args = match call.kind {
            ToolKind::Custom => Some(wrapped(&call.args).into()),
            ToolKind::Function => arguments(&call.args, loose),
        };
        args.and_then(Json::new).ok_or_else(|| {
            let problem = format!(
                "calls `{}` with arguments that are no JSON object",
                call.name
            );
            Misfit::malformed(self.losses.turn(call.at), &problem)
        })
    }

    fn result(&mut self, result: &'a ToolResult<'_>) -> Result<(), Misfit> {
        self.marked(result.cache.is_some());
        let mut texts = Vec::new();
        let mut shown = Vec::new();
        for part in &result.parts {
            match part {
                ir::Part::Text { text, cache, .. } => {
                    self.marked(cache.is_some());
                    texts.push(&**text);
                }
                ir::Part::Media { media, cache, at } => {
                    self.marked(cache.is_some());
                    shown.push(media::write(media, *at, self.model, self.losses)?);
                }
                // Decoders put nothing else there.
                _ => {}
            }
        }
        if !self.model.third {
            self.attached.append(&mut shown);
        }
        self.parts.push(Part::from(Said {
            function_response: Some(Response {
                id: self.model.third.then_some(Cow::Borrowed(&*result.id)),
                name: Cow::Borrowed(result.name.as_deref().unwrap_or_default()),
                response: outcome(texts, result.error),
                parts: shown,
            }),
            ..Said::default()
        }));
        Ok(())
    }

    fn opaque(
        &mut self,
        origin: Format,
        kind: &str,
        raw: &'a str,
        at: usize,
    ) -> Result<(), Misfit> {
        let own = (origin == Format::Gemini).then(|| Json::new(raw)).flatten();
        let Some(raw) = own else {
            let at = self.losses.turn(at);
            let reason = format!("nobody but its own provider understands a `{kind}`");
            return Err(self.losses.contract_at(at, &reason));
        };
        self.flush();
        self.parts.push(Part::Raw(raw));
        Ok(())
    }
}

/// What the tool gave: an object as it is, unless it might be taken for one of the words that say
/// how it went.
fn outcome(mut texts: Vec<&str>, error: bool) -> Outcome<'_> {
    let text = match texts.len() {
        0 => Cow::Borrowed(""),
        1 => Cow::Borrowed(texts.remove(0)),
        _ => Cow::Owned(texts.concat()),
    };
    if error {
        return Outcome::Failed { error: text };
    }
    match is_plain_object(&text).then(|| Json::new(text.clone())) {
        Some(Some(object)) => Outcome::Object(object),
        _ => Outcome::Said { output: text },
    }
}

fn is_plain_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<super::super::read::Members<'_>>(text).is_ok_and(|members| {
            members
                .into_iter()
                .all(|member| !matches!(&*member.key, "error" | "output"))
        })
}
