//! Writes a whole answer.

use crate::convert::Back;
use crate::ir::{Choice, OwnedStop, Reply, Said, Signature, Stop, ToolKind, family};
use crate::messages::answer::{
    Block, Ending, Input, Message, call_id, image_note, is_redacted, message_id, wrapped,
};
use crate::normal::{Loose, arguments};
use crate::transcode::Envelope;

/// The answer as one JSON value.
pub(crate) fn encode(reply: &Reply, envelope: &Envelope, back: &Back) -> Vec<u8> {
    let id = message_id(&envelope.id);
    let nothing = Choice::default();
    // A client of this format cannot ask for a second choice.
    let choice = reply.choices.first().unwrap_or(&nothing);
    let notes = notes(choice);
    let writing = Writing {
        thoughts: back.show_thoughts,
        family: family(&envelope.upstream_model),
        notes: &notes,
    };
    let mut message = Message::new(&id, &envelope.model, &reply.usage);
    for (place, said) in choice.said.iter().enumerate() {
        writing.said(place, said, &mut message.content);
    }
    let stop = choice.stop.as_ref().map_or(Stop::End, OwnedStop::get);
    let called = message.content.iter().any(Block::is_call);
    // Strings, numbers and valid JSON only: this cannot fail.
    serde_json::to_vec(&message.ended(Ending::new(stop, called))).unwrap_or_default()
}

/// The words that stand for images, each at the place of its image.
fn notes(choice: &Choice) -> Vec<String> {
    let note = |said: &Said| match said {
        Said::Image { mime, .. } => image_note(mime),
        _ => String::new(),
    };
    choice.said.iter().map(note).collect()
}

/// What the blocks of an answer depend on.
struct Writing<'a> {
    thoughts: bool,
    family: &'a str,
    notes: &'a [String],
}

impl<'a> Writing<'a> {
    fn said(&self, place: usize, said: &'a Said, content: &mut Vec<Block<'a>>) {
        match said {
            Said::Text { text, .. }
            | Said::Refusal(text)
            | Said::Audio {
                transcript: text, ..
            } => push_text(text, content),
            Said::Image { .. } => push_text(&self.notes[place], content),
            Said::Reasoning { text, signature } if self.thoughts => {
                self.thinking(text, signature.as_ref(), content);
            }
            Said::Tool {
                id,
                name,
                kind,
                args,
                signature,
                ..
            } => {
                if let Some(proof) = signature.as_ref().filter(|_| self.thoughts) {
                    content.push(self.proof_of_call(proof));
                }
                content.push(Block::ToolUse {
                    id: call_id(id),
                    name,
                    input: input(*kind, args),
                });
            }
            Said::Reasoning { .. } | Said::Server { .. } => {}
        }
    }

    fn thinking(&self, text: &'a str, proof: Option<&Signature<'_>>, content: &mut Vec<Block<'a>>) {
        let wrapped = wrapped(proof, self.family);
        match (text.is_empty(), proof) {
            (true, None) => {}
            (true, Some(_)) if is_redacted(proof) => {
                content.push(Block::RedactedThinking { data: wrapped });
            }
            _ => content.push(Block::Thinking {
                thinking: text,
                signature: wrapped,
            }),
        }
    }

    /// The proof of a call, before it: the call has no place for it.
    fn proof_of_call(&self, proof: &Signature<'_>) -> Block<'static> {
        Block::Thinking {
            thinking: "",
            signature: wrapped(Some(proof), self.family),
        }
    }
}

fn push_text<'a>(text: &'a str, content: &mut Vec<Block<'a>>) {
    if !text.is_empty() {
        content.push(Block::Text { text });
    }
}

/// The arguments as an object: clients take nothing else. What an answer that was cut short left
/// unfinished is wrapped.
fn input(kind: ToolKind, args: &str) -> Input<'_> {
    if kind == ToolKind::Custom {
        return Input::Custom { input: args };
    }
    let object = arguments(args, Loose::Wrap).map(|text| serde_json::from_str(&text));
    match object {
        Some(Ok(object)) => Input::Object(object),
        _ => Input::Empty {},
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
