//! Writes a whole answer.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::detail::Entry;
use super::said::{
    Address, Annotation, Audio, Call, Extra, Held, Image, Logprobs, Tokens, finish_reason,
};
use crate::convert::Back;
use crate::ir::{self, OwnedStop, Reply, Said, Signature, Stop, ToolKind, family};
use crate::media;
use crate::transcode::Envelope;
use crate::words;

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    usage: Tokens,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    #[serde(serialize_with = "words::optional")]
    content: Option<Cow<'a, str>>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "words::optional"
    )]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Entry<'a>>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Audio<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image<'a>>,
}

/// What had to be made anew for an answer, so that its members can borrow it.
#[derive(Default)]
struct Made {
    /// Wrapped proofs, by the place of the block.
    proofs: Vec<(usize, String)>,
    /// Data URLs.
    urls: Vec<(usize, String)>,
    logprobs: Option<Box<RawValue>>,
}

/// The answer as one JSON value.
pub(crate) fn encode(reply: &Reply, envelope: &Envelope, _back: &Back) -> Vec<u8> {
    let nothing = [ir::Choice::default()];
    let choices = match &*reply.choices {
        [] => &nothing[..],
        choices => choices,
    };
    let family = family(&envelope.upstream_model);
    let made: Vec<Made> = choices
        .iter()
        .map(|choice| Made::of(choice, family))
        .collect();
    let choices = choices.iter().zip(&made).enumerate();
    let completion = Completion {
        id: format!("chatcmpl-{}", envelope.id),
        object: "chat.completion",
        created: envelope.created,
        model: &envelope.model,
        choices: choices
            .map(|(index, (choice, made))| Choice::new(index, choice, made, envelope))
            .collect(),
        usage: Tokens::new(&reply.usage),
    };
    // Strings and numbers only: this cannot fail, and an empty body would still be an answer.
    serde_json::to_vec(&completion).unwrap_or_default()
}

impl Made {
    fn of(choice: &ir::Choice, family: &str) -> Made {
        let mut made = Made::default();
        for (place, said) in choice.said.iter().enumerate() {
            if let Said::Image { mime, base64 } = said {
                made.urls.push((place, media::to_data_url(mime, base64)));
            }
            if let Some(proof) = proof(said) {
                made.proofs.push((place, proof.wrap(family)));
            }
        }
        if !choice.logprobs.is_empty() {
            made.logprobs = RawValue::from_string(format!("[{}]", choice.logprobs)).ok();
        }
        made
    }
}

fn proof(said: &Said) -> Option<&Signature<'static>> {
    match said {
        Said::Reasoning { signature, .. } | Said::Tool { signature, .. } => signature.as_ref(),
        _ => None,
    }
}

fn at(made: &[(usize, String)], place: usize) -> Option<&str> {
    let found = made.iter().find(|(of, _)| *of == place);
    found.map(|(_, text)| text.as_str())
}

impl<'a> Choice<'a> {
    fn new(
        index: usize,
        choice: &'a ir::Choice,
        made: &'a Made,
        envelope: &Envelope,
    ) -> Choice<'a> {
        let mut message = Message::new();
        let mut characters = 0;
        for (place, said) in choice.said.iter().enumerate() {
            message.take(place, said, &mut characters, made);
        }
        if let Some(audio) = &mut message.audio {
            // Nothing is kept here, so it can be asked for no longer than now.
            audio.expires_at = Some(envelope.created);
        }
        let stop = choice.stop.as_ref().map_or(Stop::End, OwnedStop::get);
        let held = Held {
            text: message.content.is_some(),
            refusal: message.refusal.is_some(),
            calls: !message.tool_calls.is_empty(),
        };
        message.settle(stop);
        Choice {
            index,
            message,
            logprobs: made.logprobs.as_deref().map(Logprobs::new),
            finish_reason: finish_reason(stop, held),
        }
    }
}

impl<'a> Message<'a> {
    fn new() -> Message<'a> {
        Message {
            role: "assistant",
            content: None,
            reasoning_content: None,
            reasoning_details: Vec::new(),
            refusal: None,
            tool_calls: Vec::new(),
            annotations: Vec::new(),
            audio: None,
            images: Vec::new(),
        }
    }

    fn take(&mut self, place: usize, said: &'a Said, characters: &mut u64, made: &'a Made) {
        match said {
            Said::Text { text, citations } => {
                let start = *characters;
                *characters += text.chars().count() as u64;
                let around = (start, *characters);
                let annotations = citations.iter();
                self.annotations
                    .extend(annotations.map(|citation| Annotation::new(citation, around, None)));
                append(&mut self.content, text);
            }
            Said::Reasoning { text, .. } => self.reason(text, at(&made.proofs, place)),
            Said::Refusal(text) => append(&mut self.refusal, text),
            Said::Tool {
                id,
                name,
                kind,
                args,
                ..
            } => {
                let args = match kind {
                    ToolKind::Function if args.is_empty() => "{}",
                    _ => args.as_str(),
                };
                let mut call = Call::whole(id, name, args, *kind);
                call.extra_content = at(&made.proofs, place).map(Extra::new);
                self.tool_calls.push(call);
            }
            Said::Image { base64, .. } if base64.is_empty() => {}
            Said::Image { .. } => {
                let url = at(&made.urls, place).unwrap_or_default();
                self.images.push(Image {
                    index: self.images.len() as u32,
                    kind: Some("image_url"),
                    image_url: Address { url },
                });
            }
            Said::Audio {
                id,
                base64,
                transcript,
            } => {
                self.audio = Some(Audio {
                    id: Some(id),
                    data: Some(base64),
                    transcript: Some(transcript),
                    expires_at: None,
                });
            }
            Said::Server { .. } => {}
        }
    }

    fn reason(&mut self, text: &'a str, proof: Option<&'a str>) {
        if !text.is_empty() {
            match &mut self.reasoning_content {
                Some(all) => {
                    all.push_str("\n\n");
                    all.push_str(text);
                }
                None => self.reasoning_content = Some(text.to_owned()),
            }
        }
        let index = self.reasoning_details.len() as u32;
        let entry = match (text, proof) {
            ("", None) => return,
            ("", Some(proof)) => Entry::encrypted(index, proof),
            _ => Entry::text(index, text, proof),
        };
        self.reasoning_details.push(entry);
    }

    /// Puts in what the stop says, and empty text where an answer said nothing at all.
    fn settle(&mut self, stop: Stop<'a>) {
        if let Stop::Filter { explanation, .. } = stop {
            let told = self.refusal.take();
            self.refusal = told.or(explanation.map(Cow::Borrowed));
            return;
        }
        let other = !self.tool_calls.is_empty() || self.refusal.is_some() || self.audio.is_some();
        if !other {
            self.content.get_or_insert_default();
        }
    }
}

/// Texts of several blocks are one text: nothing is put between them.
fn append<'a>(place: &mut Option<Cow<'a, str>>, text: &'a str) {
    match place {
        Some(all) => all.to_mut().push_str(text),
        None if text.is_empty() => {}
        None => *place = Some(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
