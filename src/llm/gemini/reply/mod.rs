//! Writes a whole answer.

#[cfg(test)]
mod tests;

use super::answer::{
    Candidate, Logprobs, Made, Sources, Speaker, Tokens, entries, finish, is_cut, typed,
};
use super::proof;
use super::wire::{Json, Part, Said as Wire};
use crate::Format;
use crate::convert::Back;
use crate::ir::{Choice, OwnedStop, Reply, Said, Stop};
use crate::transcode::Envelope;

/// The answer as one JSON value.
pub(crate) fn encode(reply: &Reply, envelope: &Envelope, back: &Back) -> Vec<u8> {
    let speaker = Speaker::new(envelope, back);
    let spoken: Vec<Spoken<'_>> = reply
        .choices
        .iter()
        .map(|choice| Spoken::of(choice, &speaker))
        .collect();
    let logprobs: Vec<String> = reply
        .choices
        .iter()
        .map(|choice| format!("[{}]", choice.logprobs))
        .collect();
    let logprobs: Vec<_> = logprobs.iter().map(|array| entries(array)).collect();
    let candidates: Vec<_> = spoken
        .iter()
        .zip(&reply.choices)
        .zip(&logprobs)
        .enumerate()
        .map(|(index, ((spoken, choice), logprobs))| {
            let stop = choice.stop.as_ref();
            let stop = stop.map_or(Stop::Other(""), OwnedStop::get);
            let (reason, message) = finish(stop, spoken.broken);
            Candidate {
                finish_reason: Some(reason),
                finish_message: message,
                grounding_metadata: spoken.sources.grounding(),
                logprobs_result: Logprobs::of(logprobs),
                // Far fewer than four billion.
                ..Candidate::saying(index as u32, &spoken.parts)
            }
        })
        .collect();
    let mut whole = speaker.chunk(candidates);
    whole.usage_metadata = Some(Tokens::of(&reply.usage));
    // Strings, numbers and JSON that was read before: this cannot fail.
    serde_json::to_vec(&whole).unwrap_or_default()
}

/// The parts of one answer.
struct Spoken<'a> {
    parts: Vec<Part<'a>>,
    sources: Sources,
    /// A call could not be told.
    broken: bool,
    /// The proof that goes on the next part.
    proof: Option<String>,
    /// A call was told.
    called: bool,
}

impl<'a> Spoken<'a> {
    fn of(choice: &'a Choice, speaker: &'a Speaker) -> Spoken<'a> {
        let mut spoken = Spoken {
            parts: Vec::new(),
            sources: Sources::default(),
            broken: false,
            proof: None,
            called: false,
        };
        for said in told(choice) {
            spoken.take(said, speaker);
        }
        spoken.flush();
        if spoken.parts.is_empty() {
            spoken.parts.push(Part::text(""));
        }
        spoken
    }

    fn take(&mut self, said: &'a Said, speaker: &'a Speaker) {
        match said {
            Said::Text { text, citations } => {
                citations
                    .iter()
                    .for_each(|source| self.sources.cite(source));
                self.say(text);
            }
            Said::Refusal(text) => self.say(text),
            Said::Reasoning { text, signature } => {
                self.flush();
                if speaker.shows && !text.is_empty() {
                    self.parts.push(thought(text));
                }
                self.proof = signature.as_ref().and_then(|proof| speaker.proof(proof));
            }
            Said::Tool { .. } => self.call(said, speaker),
            Said::Image { mime, base64 } => self.bytes(mime, base64),
            Said::Audio {
                base64, transcript, ..
            } => {
                self.bytes("", base64);
                self.say(transcript);
            }
            Said::Server { origin, raw } => {
                let own = *origin == Format::Gemini;
                if let Some(raw) = own.then(|| Json::new(&**raw)).flatten() {
                    self.flush();
                    self.parts.push(Part::Raw(raw));
                }
            }
        }
    }

    fn say(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.sources.measure(text);
            let proof = self.proof.take();
            self.parts.push(Part::text(text).signed(proof));
        }
    }

    fn call(&mut self, said: &'a Said, speaker: &'a Speaker) {
        let Said::Tool {
            id,
            name,
            kind,
            args,
            signature,
            complete,
        } = said
        else {
            return;
        };
        let made = Made {
            id,
            name,
            kind: *kind,
            args,
        };
        let part = complete.then(|| speaker.call(made)).flatten();
        let Some(part) = part else {
            self.broken = true;
            return;
        };
        let own = signature.as_ref().and_then(|proof| speaker.proof(proof));
        if own.is_some() {
            self.flush();
        }
        let first = !std::mem::replace(&mut self.called, true);
        let proof = own.or_else(|| self.proof.take());
        let proof = proof.or_else(|| first.then(proof::none));
        self.parts.push(part.signed(proof));
    }

    fn bytes(&mut self, mime: &'a str, base64: &'a str) {
        if !base64.is_empty() {
            self.flush();
            self.parts.push(Part::bytes(typed(mime, base64), base64));
        }
    }

    /// A proof that no part can carry stands on nothing.
    fn flush(&mut self) {
        self.parts.extend(self.proof.take().map(Part::proof));
    }
}

/// What is told of an answer: of one that was cut short, not the last call if it was cut before
/// its arguments.
fn told(choice: &Choice) -> &[Said] {
    let cut = choice.stop.as_ref().is_some_and(|stop| is_cut(stop.get()));
    match choice.said.split_last() {
        Some((Said::Tool { args, .. }, told)) if cut && args.is_empty() => told,
        _ => &choice.said,
    }
}

fn thought(text: &str) -> Part<'_> {
    Part::from(Wire {
        text: Some(text.into()),
        thought: true,
        ..Wire::default()
    })
}
