//! What has to be remembered of one candidate between chunks, and the blocks it opens.

use super::super::ruler::Ruler;
use super::calls::Partial;
use super::stop::stop;
use super::{grounding, logprobs};
use crate::Format;
use crate::gemini::heard::{self, Blob, Part};
use crate::ir::{BlockKind, Delta, Event, Origin, Signature, Stop};
use crate::meter::cut;
use crate::normal::Mint;

/// Bytes that are kept of a finish reason, of its explanation, and of what is said of sources.
const MAX_REASON_BYTES: usize = 128;
const MAX_MESSAGE_BYTES: usize = 4096;
const MAX_SOURCES_BYTES: usize = 1024 * 1024;

/// Where the events go, and the number of the next block.
pub(super) struct Sink<'s> {
    pub(super) next: &'s mut u32,
    pub(super) each: &'s mut dyn FnMut(Event<'_>),
}

/// One of the answers asked for.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    pub(super) choice: u32,
    open: Option<(u32, Kind)>,
    /// Calls so far, also those of which nothing came out.
    pub(super) calls: usize,
    pub(super) called: bool,
    /// The call whose arguments are coming in pieces.
    pub(super) partial: Option<Partial>,
    pub(super) reason: String,
    message: Option<String>,
    ruler: Ruler,
    grounding: String,
    citations: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

impl Candidate {
    pub(super) fn new(choice: u32) -> Candidate {
        Candidate {
            choice,
            ..Candidate::default()
        }
    }

    /// Takes what a chunk says of this candidate. `mint` gives ids to calls.
    pub(super) fn take(
        &mut self,
        candidate: &heard::Candidate<'_>,
        mint: &Mint,
        sink: &mut Sink<'_>,
    ) {
        if let Some(content) = &candidate.content.0 {
            for part in content.parts.items() {
                self.part(part, mint, sink);
            }
        }
        if let Some(entries) = logprobs::entries(&candidate.logprobs) {
            let block = self.open(Kind::Text, sink);
            (sink.each)(Event::Delta {
                block,
                delta: Delta::Logprobs(&entries),
            });
        }
        if !matches!(&*candidate.finish.0, "" | "FINISH_REASON_UNSPECIFIED") {
            cut(&candidate.finish.0, MAX_REASON_BYTES).clone_into(&mut self.reason);
        }
        if !candidate.message.0.is_empty() {
            self.message = Some(cut(&candidate.message.0, MAX_MESSAGE_BYTES).to_owned());
        }
        keep(&mut self.grounding, &candidate.grounding);
        keep(&mut self.citations, &candidate.citations);
    }

    fn part(&mut self, part: &Part<'_>, mint: &Mint, sink: &mut Sink<'_>) {
        let proof = &*part.signature.0;
        if let Some(call) = &part.call.0 {
            return self.call(call, proof, mint, sink);
        }
        if !part.text.0.is_empty() {
            self.complete(mint, sink);
            match part.thought.0 {
                true => self.think(&part.text.0, proof, sink),
                false => self.say(&part.text.0, proof, sink),
            }
        } else if let Some(blob) = &part.blob.0 {
            self.complete(mint, sink);
            self.prove(proof, sink);
            self.blob(blob, sink);
        } else if let Some(raw) = googles_own(part) {
            self.complete(mint, sink);
            self.close(sink);
            let kind = BlockKind::Server {
                origin: Format::Gemini,
                raw: &raw,
            };
            let block = self.begin(kind, sink);
            (sink.each)(Event::Close { block });
        } else {
            self.prove(proof, sink);
        }
    }

    fn think(&mut self, text: &str, proof: &str, sink: &mut Sink<'_>) {
        let block = self.open(Kind::Reasoning, sink);
        (sink.each)(Event::Delta {
            block,
            delta: Delta::Text(text),
        });
        self.prove(proof, sink);
    }

    /// A proof on text is of the reasoning before it, unless the text began earlier.
    fn say(&mut self, text: &str, proof: &str, sink: &mut Sink<'_>) {
        let begun = matches!(self.open, Some((_, Kind::Text)));
        if !begun {
            self.prove(proof, sink);
        }
        let block = self.open(Kind::Text, sink);
        self.ruler.measure(text);
        (sink.each)(Event::Delta {
            block,
            delta: Delta::Text(text),
        });
        if begun {
            self.prove(proof, sink);
        }
    }

    /// A proof closes its reasoning: it is of all that came before.
    fn prove(&mut self, proof: &str, sink: &mut Sink<'_>) {
        if proof.is_empty() {
            return;
        }
        let block = self.open(Kind::Reasoning, sink);
        (sink.each)(Event::Delta {
            block,
            delta: Delta::Signature(Signature::native(Origin::Gemini, proof)),
        });
        self.close(sink);
    }

    /// Images and sound; what else comes in bytes is for Google's own clients.
    fn blob(&mut self, blob: &Blob<'_>, sink: &mut Sink<'_>) {
        let (mime, data) = (&*blob.mime.0, &*blob.data.0);
        self.close(sink);
        let kind = match mime.split('/').next() {
            Some("image") => BlockKind::Image { mime },
            Some("audio") => BlockKind::Audio { id: "" },
            _ => return,
        };
        let block = self.begin(kind, sink);
        if !data.is_empty() {
            (sink.each)(Event::Delta {
                block,
                delta: Delta::Data(data),
            });
        }
        (sink.each)(Event::Close { block });
    }

    /// The candidate ended: cites, closes, and says why. `blocked`: the prompt was refused.
    pub(super) fn finish(
        &mut self,
        blocked: Option<&(String, String)>,
        mint: &Mint,
        sink: &mut Sink<'_>,
    ) {
        // A call that the limit cut in two is no call.
        if self.reason != "MAX_TOKENS" {
            self.complete(mint, sink);
        }
        self.cite(sink);
        self.close(sink);
        let stop = match blocked {
            Some((reason, message)) if self.reason.is_empty() => Stop::Filter {
                reason,
                explanation: (!message.is_empty()).then_some(message),
            },
            _ => stop(&self.reason, self.message.as_deref()),
        };
        (sink.each)(Event::Stop {
            choice: self.choice,
            stop: stop.with_tools(self.called),
        });
    }

    fn cite(&mut self, sink: &mut Sink<'_>) {
        let (grounding, citations) = (
            std::mem::take(&mut self.grounding),
            std::mem::take(&mut self.citations),
        );
        let ruler = std::mem::take(&mut self.ruler);
        let mut each = |citation: crate::ir::Citation<'_>| {
            let block = self.open(Kind::Text, sink);
            (sink.each)(Event::Delta {
                block,
                delta: Delta::Citation(citation),
            });
        };
        grounding::supports(&grounding, &ruler, &mut each);
        grounding::recited(&citations, &ruler, &mut each);
    }

    /// The open block of that kind.
    fn open(&mut self, kind: Kind, sink: &mut Sink<'_>) -> u32 {
        match self.open {
            Some((block, open)) if open == kind => block,
            _ => {
                self.close(sink);
                let block = self.begin(
                    match kind {
                        Kind::Text => BlockKind::Text,
                        Kind::Reasoning => BlockKind::Reasoning,
                    },
                    sink,
                );
                self.open = Some((block, kind));
                block
            }
        }
    }

    pub(super) fn begin(&self, kind: BlockKind<'_>, sink: &mut Sink<'_>) -> u32 {
        let block = *sink.next;
        *sink.next += 1;
        (sink.each)(Event::Open {
            block,
            choice: self.choice,
            kind,
        });
        block
    }

    pub(super) fn close(&mut self, sink: &mut Sink<'_>) {
        if let Some((block, _)) = self.open.take() {
            (sink.each)(Event::Close { block });
        }
    }
}

/// Keeps the last of what is said of sources: later chunks repeat and extend it.
fn keep(kept: &mut String, said: &crate::loose::Raw<'_>) {
    let said = said.json();
    if said.len() <= MAX_SOURCES_BYTES && !matches!(said, "" | "{}") {
        said.clone_into(kept);
    }
}

/// A part of a tool that Google ran, as it stands.
fn googles_own(part: &Part<'_>) -> Option<String> {
    [
        ("executableCode", part.code.json()),
        ("codeExecutionResult", part.outcome.json()),
        ("toolCall", part.tool_call.json()),
        ("toolResponse", part.tool_response.json()),
        ("fileData", part.file.json()),
    ]
    .into_iter()
    .find(|(_, json)| !json.is_empty())
    .map(|(kind, json)| format!("{{\"{kind}\":{json}}}"))
}
