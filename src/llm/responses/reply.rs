//! Writes a whole answer.

use super::Encoder;
use crate::convert::Back;
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Choice, Delta, Event, Reply, Said, Stop};
use crate::tap::Framing;
use crate::transcode::Envelope;

/// The answer as one JSON value: what a stream of it would have ended with.
pub(crate) fn encode(reply: &Reply, envelope: &Envelope, back: &Back) -> Vec<u8> {
    let mut encoder = Encoder::mute(envelope, back);
    let mut nowhere = Writer::new(Framing::Whole);
    let mut each = |event: Event<'_>| encoder.event(&event, &mut nowhere);
    each(Event::Start { id: "", model: "" });
    if let Some(choice) = reply.choices.first() {
        replay(choice, &mut each);
    }
    each(Event::Usage(&reply.usage));
    each(Event::End);
    encoder.object().into_bytes()
}

fn replay(choice: &Choice, each: &mut dyn FnMut(Event<'_>)) {
    let mut logprobs = &*choice.logprobs;
    for (block, said) in (0..).zip(&choice.said) {
        let kind = kind(said);
        each(Event::Open {
            block,
            choice: 0,
            kind,
        });
        let mut delta = |delta: Delta<'_>| each(Event::Delta { block, delta });
        tell(said, &mut delta);
        // They are the whole answer's; the format has them with its text.
        if matches!(said, Said::Text { text, .. } if !text.is_empty()) && !logprobs.is_empty() {
            delta(Delta::Logprobs(std::mem::take(&mut logprobs)));
        }
        each(Event::Close { block });
    }
    let stop = choice.stop.as_ref().map_or(Stop::End, |stop| stop.get());
    each(Event::Stop { choice: 0, stop });
}

fn kind(said: &Said) -> BlockKind<'_> {
    match said {
        Said::Text { .. } => BlockKind::Text,
        Said::Reasoning { .. } => BlockKind::Reasoning,
        Said::Refusal(_) => BlockKind::Refusal,
        Said::Tool { id, name, kind, .. } => BlockKind::Tool {
            id,
            name,
            kind: *kind,
        },
        Said::Image { mime, .. } => BlockKind::Image { mime },
        Said::Audio { id, .. } => BlockKind::Audio { id },
        Said::Server { origin, raw } => BlockKind::Server {
            origin: *origin,
            raw,
        },
    }
}

fn tell(said: &Said, delta: &mut dyn FnMut(Delta<'_>)) {
    match said {
        Said::Text { text, citations } => {
            if !text.is_empty() {
                delta(Delta::Text(text));
            }
            for citation in citations {
                delta(Delta::Citation(citation.clone()));
            }
        }
        Said::Reasoning { text, signature } => {
            if !text.is_empty() {
                delta(Delta::Text(text));
            }
            if let Some(signature) = signature {
                delta(Delta::Signature(signature.clone()));
            }
        }
        Said::Tool {
            args, signature, ..
        } => {
            if let Some(signature) = signature {
                delta(Delta::Signature(signature.clone()));
            }
            if !args.is_empty() {
                delta(Delta::Args(args));
            }
        }
        Said::Refusal(text)
        | Said::Audio {
            transcript: text, ..
        } => {
            if !text.is_empty() {
                delta(Delta::Text(text));
            }
        }
        Said::Image { base64, .. } => {
            if !base64.is_empty() {
                delta(Delta::Data(base64));
            }
        }
        Said::Server { .. } => {}
    }
}
