//! Writes a streamed answer, event by event.
//!
//! Text goes out as it comes. Google's clients take calls only whole and the proof of reasoning on
//! the part that follows it, so both are kept until then. The finish reason waits for usage.

#[cfg(test)]
mod tests;

use super::answer::{
    Candidate, Logprobs, Made, Sources, Speaker, Tokens, Words, entries, finish, is_cut, typed,
};
use super::proof;
use super::wire::{Json, Part};
use crate::convert::Back;
use crate::fault::{self, Telling};
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Delta, Event, OwnedStop, Stop, ToolKind};
use crate::transcode::Envelope;
use crate::{Format, Usage};

/// Bytes of calls and media that are kept at once until they are whole.
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// The machine: events in, the caller's stream out.
#[derive(Debug)]
pub(crate) struct Encoder {
    speaker: Speaker,
    /// Blocks that are open, and calls that wait for earlier ones; in order of their beginning.
    blocks: Vec<Block>,
    choices: Vec<Choice>,
    kept: usize,
    usage: Usage,
}

#[derive(Debug)]
struct Block {
    number: u32,
    choice: u32,
    holds: Holds,
    /// The proof that came with it.
    proof: Option<String>,
    /// What is kept of it until it is whole.
    kept: String,
}

#[derive(Debug)]
enum Holds {
    Text,
    Reasoning,
    Tool {
        id: String,
        name: String,
        kind: ToolKind,
        whole: bool,
    },
    Bytes {
        mime: String,
    },
    /// Shown already, or to nobody.
    Nothing,
}

/// Whether a call without arguments is known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
}

/// What has to be remembered of one of the answers.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    /// The proof that goes on the next part.
    proof: Option<String>,
    sources: Sources,
    /// A call was told.
    called: bool,
    /// A call could not be told.
    broken: bool,
    stop: Option<OwnedStop>,
}

impl Encoder {
    pub(crate) fn new(envelope: &Envelope, back: &Back) -> Encoder {
        Encoder {
            speaker: Speaker::new(envelope, back),
            blocks: Vec::new(),
            choices: Vec::new(),
            kept: 0,
            usage: Usage::default(),
        }
    }

    /// Writes what follows from the event; may hold back what depends on later ones.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        match event {
            Event::Start { .. } => {}
            Event::Open {
                block,
                choice,
                kind,
            } => self.open(*block, *choice, kind, out),
            Event::Delta { block, delta } => self.delta(*block, delta, out),
            Event::Close { block } => self.close(*block, out),
            Event::Stop { choice, stop } => {
                if is_cut(*stop) {
                    self.forget(*choice);
                }
                self.calls(*choice, Sure::Yes, out);
                self.choice(*choice).1.stop = Some(OwnedStop::new(*stop));
            }
            Event::Usage(usage) => self.usage = **usage,
            Event::End => self.end(out),
        }
    }

    /// Ends a stream that broke off with an error, in the words of the format.
    pub(crate) fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        let body = fault::body(Format::Gemini, telling);
        if let Some(error) = Json::new(String::from_utf8_lossy(&body)) {
            out.event("", &error);
        }
    }

    fn open(&mut self, number: u32, choice: u32, kind: &BlockKind<'_>, out: &mut Writer) {
        self.calls(choice, Sure::Yes, out);
        let holds = match kind {
            BlockKind::Text | BlockKind::Refusal => Holds::Text,
            BlockKind::Reasoning => {
                self.flush(choice, out);
                Holds::Reasoning
            }
            BlockKind::Tool { id, name, kind } => Holds::Tool {
                id: (*id).to_owned(),
                name: (*name).to_owned(),
                kind: *kind,
                whole: false,
            },
            BlockKind::Image { mime } => Holds::Bytes {
                mime: (*mime).to_owned(),
            },
            BlockKind::Audio { .. } => Holds::Bytes {
                mime: String::new(),
            },
            BlockKind::Server { origin, raw } => {
                if *origin == Format::Gemini
                    && let Some(raw) = Json::new(*raw)
                {
                    self.say(choice, Part::Raw(raw), out);
                }
                Holds::Nothing
            }
        };
        self.blocks.push(Block {
            number,
            choice,
            holds,
            proof: None,
            kept: String::new(),
        });
    }

    fn delta(&mut self, number: u32, delta: &Delta<'_>, out: &mut Writer) {
        let Some(at) = self.blocks.iter().position(|block| block.number == number) else {
            return;
        };
        let block = &mut self.blocks[at];
        let choice = block.choice;
        match (&block.holds, delta) {
            (Holds::Reasoning, Delta::Text(text)) if self.speaker.shows => {
                self.think(choice, text, out);
            }
            (Holds::Text, Delta::Text(text) | Delta::Args(text))
            // A transcript.
            | (Holds::Bytes { .. }, Delta::Text(text)) => self.words(choice, text, out),
            (Holds::Tool { .. }, Delta::Args(more)) | (Holds::Bytes { .. }, Delta::Data(more)) => {
                if self.kept + more.len() > MAX_KEPT_BYTES {
                    block.holds = Holds::Nothing;
                    return self.choice(choice).1.broken = true;
                }
                self.kept += more.len();
                block.kept.push_str(more);
            }
            (_, Delta::Signature(signature)) => block.proof = self.speaker.proof(signature),
            (_, Delta::Citation(citation)) => self.choice(choice).1.sources.cite(citation),
            (_, Delta::Logprobs(array)) => {
                let entries = entries(array);
                if let Some(logprobs) = Logprobs::of(&entries) {
                    let mut candidate = Candidate::saying(choice, [Part::text("")]);
                    candidate.logprobs_result = Some(logprobs);
                    out.event("", &self.speaker.chunk([candidate]));
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, number: u32, out: &mut Writer) {
        let Some(at) = self.blocks.iter().position(|block| block.number == number) else {
            return;
        };
        let block = &mut self.blocks[at];
        let choice = block.choice;
        match &mut block.holds {
            Holds::Tool { whole, .. } => {
                *whole = true;
                self.calls(choice, Sure::No, out);
            }
            Holds::Bytes { .. } => {
                let block = self.take(at);
                if let Holds::Bytes { mime } = &block.holds
                    && !block.kept.is_empty()
                {
                    let mime = typed(mime, &block.kept);
                    self.say(choice, Part::bytes(mime, &*block.kept), out);
                }
            }
            Holds::Text | Holds::Reasoning | Holds::Nothing => {
                if let Some(proof) = self.take(at).proof {
                    self.flush(choice, out);
                    self.choice(choice).1.proof = Some(proof);
                }
            }
        }
    }

    /// Tells the calls that are whole and wait for no earlier one.
    fn calls(&mut self, choice: u32, sure: Sure, out: &mut Writer) {
        while let Some(at) = self.first_call(choice, sure) {
            let block = self.take(at);
            if let Holds::Tool { id, name, kind, .. } = &block.holds {
                let made = Made {
                    id,
                    name,
                    kind: *kind,
                    args: &block.kept,
                };
                self.call(choice, made, block.proof.clone(), out);
            }
        }
    }

    /// The place of the first call of a choice, if it is whole. Without arguments it may be one
    /// that was cut before them: only what follows makes it `sure`.
    fn first_call(&self, choice: u32, sure: Sure) -> Option<usize> {
        let mut calls = self.blocks.iter().enumerate();
        let (at, first) = calls.find(|(_, block)| {
            block.choice == choice && matches!(block.holds, Holds::Tool { .. })
        })?;
        let whole = matches!(first.holds, Holds::Tool { whole: true, .. });
        (whole && (sure == Sure::Yes || !first.kept.is_empty())).then_some(at)
    }

    /// The answer was cut short: a last call without arguments was cut before them.
    fn forget(&mut self, choice: u32) {
        let of_choice = |block: &Block| block.choice == choice;
        if let Some(at) = self.blocks.iter().rposition(of_choice)
            && self.blocks[at].kept.is_empty()
        {
            self.take(at);
        }
    }

    fn call(&mut self, choice: u32, made: Made<'_>, own: Option<String>, out: &mut Writer) {
        let Some(part) = self.speaker.call(made) else {
            return self.choice(choice).1.broken = true;
        };
        if own.is_some() {
            self.flush(choice, out);
        }
        let (speaker, choice) = self.choice(choice);
        let first = !std::mem::replace(&mut choice.called, true);
        let proof = own.or_else(|| choice.proof.take());
        let proof = proof.or_else(|| first.then(proof::none));
        let candidate = Candidate::saying(choice.index, [part.signed(proof)]);
        out.event("", &speaker.chunk([candidate]));
    }

    /// Text: the one thing that most of a stream consists of.
    fn words(&mut self, choice: u32, text: &str, out: &mut Writer) {
        let (speaker, choice) = self.choice(choice);
        choice.sources.measure(text);
        let proof = choice.proof.take();
        let words = Words {
            text,
            thought: false,
            thought_signature: proof.as_deref(),
        };
        let candidate = Candidate::saying(choice.index, [words]);
        out.event("", &speaker.chunk([candidate]));
    }

    fn think(&self, choice: u32, text: &str, out: &mut Writer) {
        let words = Words {
            text,
            thought: true,
            thought_signature: None,
        };
        let candidate = Candidate::saying(choice, [words]);
        out.event("", &self.speaker.chunk([candidate]));
    }

    /// A part that carries no proof.
    fn say(&mut self, choice: u32, part: Part<'_>, out: &mut Writer) {
        self.flush(choice, out);
        let candidate = Candidate::saying(choice, [part]);
        out.event("", &self.speaker.chunk([candidate]));
    }

    /// A proof that no part can carry stands on nothing.
    fn flush(&mut self, choice: u32, out: &mut Writer) {
        if let Some(proof) = self.choice(choice).1.proof.take() {
            self.say(choice, Part::proof(proof), out);
        }
    }

    /// The last chunk: why each answer ended, and what was used.
    fn end(&mut self, out: &mut Writer) {
        self.choices.sort_by_key(|choice| choice.index);
        let candidates: Vec<_> = self.choices.iter().map(Choice::last).collect();
        let mut chunk = self.speaker.chunk(candidates);
        chunk.usage_metadata = Some(Tokens::of(&self.usage));
        out.event("", &chunk);
    }

    fn take(&mut self, at: usize) -> Block {
        let block = self.blocks.remove(at);
        self.kept -= block.kept.len();
        block
    }

    /// What is remembered of that answer, and the words for it.
    fn choice(&mut self, index: u32) -> (&Speaker, &mut Choice) {
        let known = self.choices.iter().position(|choice| choice.index == index);
        let at = known.unwrap_or_else(|| {
            self.choices.push(Choice {
                index,
                ..Choice::default()
            });
            self.choices.len() - 1
        });
        (&self.speaker, &mut self.choices[at])
    }
}

impl Choice {
    fn last(&self) -> Candidate<'_, [Part<'_>; 1]> {
        let part = match &self.proof {
            Some(proof) => Part::proof(&**proof),
            None => Part::text(""),
        };
        let stop = self.stop.as_ref().map_or(Stop::Other(""), OwnedStop::get);
        let (reason, message) = finish(stop, self.broken);
        Candidate {
            finish_reason: Some(reason),
            finish_message: message,
            grounding_metadata: self.sources.grounding(),
            ..Candidate::saying(self.index, [part])
        }
    }
}
