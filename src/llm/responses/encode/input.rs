//! The conversation, as input items.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::shape;
use super::piece::{Content, Piece, audio, content, file, image, tell_error, words};
use crate::Format;
use crate::convert::Target;
use crate::ir::{
    Feature as F, Media, Origin, Part, Request, Role, Signature, Source, ToolCall, ToolKind,
    ToolResult, Turn,
};
use crate::loss::{Losses, Misfit};
use crate::traits::OpenAi;

/// An input item. Ids are left out: only those that the provider itself gave are taken.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Message {
        role: &'static str,
        content: Content<'a>,
    },
    Reasoning {
        summary: Vec<Summary<'a>>,
        encrypted_content: &'a str,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    CustomToolCall {
        call_id: &'a str,
        name: &'a str,
        input: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
    CustomToolCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
    #[serde(untagged)]
    Raw(Box<RawValue>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary<'a> {
    text: &'a str,
}

/// The items of a request.
pub(super) fn items<'a>(
    request: &'a Request<'_>,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Vec<Item<'a>>, Misfit> {
    let mut scribe = Scribe {
        items: Vec::new(),
        thoughts: Vec::new(),
        pieces: Vec::new(),
        custom: custom_calls(request),
        to,
        thoughtless: OpenAi::of(to.model).thoughtless,
        losses,
    };
    for block in &request.system {
        scribe.mark(block.cache.is_some());
        scribe.items.push(Item::Message {
            role: "developer",
            content: Content::Text(Cow::Borrowed(&block.text)),
        });
    }
    for turn in &request.turns {
        scribe.turn(turn)?;
    }
    Ok(scribe.items)
}

/// The ids of the calls of custom tools: their results are named otherwise too.
fn custom_calls<'a>(request: &'a Request<'_>) -> HashSet<&'a str> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let ids = parts.filter_map(|part| match part {
        Part::ToolCall(call) if call.kind == ToolKind::Custom => Some(&*call.id),
        _ => None,
    });
    ids.collect()
}

struct Scribe<'a, 'l, 't> {
    items: Vec<Item<'a>>,
    /// Reasoning that waits for what it led to: without that the provider refuses it.
    thoughts: Vec<Item<'a>>,
    /// Of the message that is being written.
    pieces: Vec<Piece<'a>>,
    custom: HashSet<&'a str>,
    to: &'l Target<'t>,
    /// The model refuses reasoning, also its own family's.
    thoughtless: bool,
    losses: &'l mut Losses,
}

impl<'a> Scribe<'a, '_, '_> {
    fn turn(&mut self, turn: &'a Turn<'_>) -> Result<(), Misfit> {
        if turn.name.is_some() {
            self.losses.hint(F::SpeakerName);
        }
        for part in &turn.parts {
            self.part(turn, part)?;
        }
        self.message(turn.role);
        if !std::mem::take(&mut self.thoughts).is_empty() {
            self.losses.hint(F::Signature);
        }
        Ok(())
    }

    fn part(&mut self, turn: &'a Turn<'_>, part: &'a Part<'_>) -> Result<(), Misfit> {
        match part {
            Part::Text {
                text,
                citations,
                cache,
            } => {
                self.mark(cache.is_some());
                if !citations.is_empty() {
                    self.losses.hint(F::Citations);
                }
                self.pieces.push(words(turn.role, Cow::Borrowed(text)));
            }
            Part::Refusal(text) => self.pieces.push(words(turn.role, Cow::Borrowed(text))),
            Part::Media { media, cache, at } => {
                self.mark(cache.is_some());
                if turn.role != Role::User {
                    let place = self.losses.turn(*at);
                    return Err(self.losses.contract_at(place, "only a user shows media"));
                }
                let piece = self.media(*at, media)?;
                self.pieces.push(piece);
            }
            Part::ToolCall(call) => self.call(turn.role, call),
            Part::ToolResult(result) => self.result(turn, result)?,
            Part::Reasoning { text, signature } => {
                let Some(proof) = signature.as_ref().filter(|proof| self.fits(proof)) else {
                    self.losses.hint(F::Signature);
                    return Ok(());
                };
                self.message(turn.role);
                let text = (!text.is_empty()).then(|| Summary { text });
                self.thoughts.push(Item::Reasoning {
                    summary: text.into_iter().collect(),
                    encrypted_content: &proof.data,
                });
            }
            Part::Opaque {
                origin,
                kind,
                raw,
                at,
            } => {
                let raw = shape::raw(raw).filter(|_| *origin == Format::Responses);
                let Some(raw) = raw else {
                    let place = self.losses.turn(*at);
                    let reason = format!("only its own provider understands `{kind}`");
                    return Err(self.losses.contract_at(place, &reason));
                };
                self.message(turn.role);
                self.push(Item::Raw(raw));
            }
        }
        Ok(())
    }

    fn fits(&self, proof: &Signature<'_>) -> bool {
        !self.thoughtless && proof.fits(Origin::Responses, self.to.model)
    }

    /// Ends the message that is being written, if any.
    fn message(&mut self, role: Role) {
        if self.pieces.is_empty() {
            return;
        }
        let content = content(std::mem::take(&mut self.pieces));
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "developer",
        };
        self.push(Item::Message { role, content });
    }

    fn push(&mut self, item: Item<'a>) {
        self.items.append(&mut self.thoughts);
        self.items.push(item);
    }

    fn call(&mut self, role: Role, call: &'a ToolCall<'_>) {
        self.message(role);
        self.mark(call.cache.is_some());
        match &call.signature {
            Some(proof) if self.fits(proof) => {
                self.thoughts.push(Item::Reasoning {
                    summary: Vec::new(),
                    encrypted_content: &proof.data,
                });
            }
            Some(_) => self.losses.hint(F::Signature),
            None => {}
        }
        let (call_id, name) = (&*call.id, &*call.name);
        self.push(match call.kind {
            ToolKind::Function => Item::FunctionCall {
                call_id,
                name,
                arguments: if call.args.is_empty() {
                    "{}"
                } else {
                    &call.args
                },
            },
            ToolKind::Custom => Item::CustomToolCall {
                call_id,
                name,
                input: &call.args,
            },
        });
    }

    fn result(&mut self, turn: &'a Turn<'_>, result: &'a ToolResult<'_>) -> Result<(), Misfit> {
        self.message(turn.role);
        self.mark(result.cache.is_some());
        let mut pieces = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text { text, cache, .. } => {
                    self.mark(cache.is_some());
                    let text = Cow::Borrowed(&**text);
                    pieces.push(Piece::InputText { text });
                }
                Part::Media { media, cache, at } => {
                    self.mark(cache.is_some());
                    pieces.push(self.media(*at, media)?);
                }
                _ => {
                    let place = self.losses.turn(turn.at);
                    let reason = "a tool's result holds text and media only";
                    return Err(self.losses.contract_at(place, reason));
                }
            }
        }
        if result.error {
            tell_error(&mut pieces);
        }
        let (call_id, output) = (&*result.id, content(pieces));
        self.push(match self.custom.contains(call_id) {
            true => Item::CustomToolCallOutput { call_id, output },
            false => Item::FunctionCallOutput { call_id, output },
        });
        Ok(())
    }

    fn media(&mut self, at: usize, media: &'a Media<'_>) -> Result<Piece<'a>, Misfit> {
        let problem = match media {
            Media::Image { source, detail } => {
                let detail = detail.as_deref().unwrap_or("auto");
                match image(source, detail) {
                    Some(piece) => return Ok(piece),
                    None => "the image is a file of another provider",
                }
            }
            Media::File { source, name } => match file(source, name.as_deref()) {
                Some(piece) => {
                    let kept = matches!(source, Source::Bytes { .. } | Source::Plain(_));
                    if name.is_some() && !kept {
                        self.losses.hint(F::FileName);
                    }
                    return Ok(piece);
                }
                None => "the file is one of another provider",
            },
            Media::Audio { source } => match audio(source) {
                Some(piece) if self.to.model.contains("audio") => return Ok(piece),
                _ => "the model takes no sound",
            },
            Media::Video { .. } => "it takes no video",
        };
        Err(self.losses.contract_at(self.losses.turn(at), problem))
    }

    fn mark(&mut self, marked: bool) {
        if marked {
            self.losses.hint(F::CacheMark);
        }
    }
}
