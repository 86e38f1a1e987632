//! Collects events into a whole answer.

use super::{BlockKind, Choice, Delta, Event, OwnedStop, Reply, Said};

/// Bytes of one answer that are collected; more is an answer that nobody asked for.
pub(crate) const MAX_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// Builds a [`Reply`] event by event.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    reply: Reply,
    /// Choice and place of each block, by block number.
    places: Vec<(usize, usize)>,
    bytes: usize,
}

/// Choices beyond this are not collected.
const MAX_CHOICES: usize = 128;
/// What a block, or a citation, costs beside its texts, about.
const BLOCK_BYTES: usize = 128;

impl Collector {
    /// Takes the next event; `false` when the answer has become too large to collect.
    #[must_use]
    pub(crate) fn take(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Start { id, .. } => (*id).clone_into(&mut self.reply.id),
            Event::Open { choice, kind, .. } => {
                let index = *choice as usize;
                self.bytes += BLOCK_BYTES + size(kind);
                if index >= MAX_CHOICES || self.bytes > MAX_REPLY_BYTES {
                    return false;
                }
                let choice = self.choice(index);
                choice.said.push(begun(kind));
                let place = choice.said.len() - 1;
                self.places.push((index, place));
            }
            Event::Delta { block, delta } => self.delta(*block, delta),
            Event::Close { block } => {
                if let Some(Said::Tool { complete, .. }) = self.said(*block) {
                    *complete = true;
                }
            }
            Event::Stop { choice, stop } => {
                let index = *choice as usize;
                if index >= MAX_CHOICES {
                    return false;
                }
                self.choice(index).stop = Some(OwnedStop::new(*stop));
            }
            Event::Usage(usage) => self.reply.usage = **usage,
            Event::End => {}
        }
        self.bytes <= MAX_REPLY_BYTES
    }

    /// The answer as far as it came.
    pub(crate) fn reply(&self) -> &Reply {
        &self.reply
    }

    fn choice(&mut self, index: usize) -> &mut Choice {
        if self.reply.choices.len() <= index {
            self.reply.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.reply.choices[index]
    }

    fn said(&mut self, block: u32) -> Option<&mut Said> {
        let (choice, place) = *self.places.get(block as usize)?;
        self.reply.choices.get_mut(choice)?.said.get_mut(place)
    }

    fn delta(&mut self, block: u32, delta: &Delta<'_>) {
        if let Delta::Logprobs(entries) = delta {
            self.bytes += entries.len();
            return self.logprobs(block, entries);
        }
        let mut grown = 0;
        match (self.said(block), delta) {
            (
                Some(
                    Said::Text { text, .. }
                    | Said::Reasoning { text, .. }
                    | Said::Refusal(text)
                    | Said::Audio {
                        transcript: text, ..
                    },
                ),
                Delta::Text(more),
            ) => {
                text.push_str(more);
                grown = more.len();
            }
            (Some(Said::Tool { args, .. }), Delta::Args(more)) => {
                args.push_str(more);
                grown = more.len();
            }
            (
                Some(Said::Reasoning { signature, .. } | Said::Tool { signature, .. }),
                Delta::Signature(proof),
            ) => {
                grown = proof.data.len();
                *signature = Some(proof.clone().into_owned());
            }
            (Some(Said::Text { citations, .. }), Delta::Citation(citation)) => {
                let words = [&citation.title, &citation.quote].into_iter().flatten();
                grown = BLOCK_BYTES + citation.url.len();
                grown += words.map(|text| text.len()).sum::<usize>();
                citations.push(citation.clone().into_owned());
            }
            (Some(Said::Image { base64, .. } | Said::Audio { base64, .. }), Delta::Data(more)) => {
                base64.push_str(more);
                grown = more.len();
            }
            _ => {}
        }
        self.bytes += grown;
    }

    /// `entries` is a JSON array; its inside joins what came before.
    fn logprobs(&mut self, block: u32, entries: &str) {
        let Some((choice, _)) = self.places.get(block as usize).copied() else {
            return;
        };
        let inside = entries.trim();
        let inside = inside.strip_prefix('[').unwrap_or(inside);
        let inside = inside.strip_suffix(']').unwrap_or(inside).trim();
        let all = &mut self.choice(choice).logprobs;
        if !all.is_empty() && !inside.is_empty() {
            all.push(',');
        }
        all.push_str(inside);
    }
}

/// Bytes of what a block begins with.
fn size(kind: &BlockKind<'_>) -> usize {
    match kind {
        BlockKind::Text | BlockKind::Reasoning | BlockKind::Refusal => 0,
        BlockKind::Tool { id, name, .. } => id.len() + name.len(),
        BlockKind::Image { mime: text }
        | BlockKind::Audio { id: text }
        | BlockKind::Server { raw: text, .. } => text.len(),
    }
}

fn begun(kind: &BlockKind<'_>) -> Said {
    match kind {
        BlockKind::Text => Said::Text {
            text: String::new(),
            citations: Vec::new(),
        },
        BlockKind::Reasoning => Said::Reasoning {
            text: String::new(),
            signature: None,
        },
        BlockKind::Refusal => Said::Refusal(String::new()),
        BlockKind::Tool { id, name, kind } => Said::Tool {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            kind: *kind,
            args: String::new(),
            signature: None,
            complete: false,
        },
        BlockKind::Image { mime } => Said::Image {
            mime: (*mime).to_owned(),
            base64: String::new(),
        },
        BlockKind::Audio { id } => Said::Audio {
            id: (*id).to_owned(),
            base64: String::new(),
            transcript: String::new(),
        },
        BlockKind::Server { origin, raw } => Said::Server {
            origin: *origin,
            raw: (*raw).to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::ir::ToolKind;

    #[test]
    fn blocks_that_say_nothing_are_bounded_too() {
        let raw = "x".repeat(MAX_REPLY_BYTES / 4);
        let server = BlockKind::Server {
            origin: Format::Gemini,
            raw: &raw,
        };
        let tool = BlockKind::Tool {
            id: &raw,
            name: &raw,
            kind: ToolKind::Function,
        };
        for (kind, room) in [(server, 3), (tool, 1)] {
            let mut collector = Collector::default();
            let mut taken = 0;
            for block in 0..8 {
                let kind = kind.clone();
                let choice = 0;
                let open = Event::Open {
                    block,
                    choice,
                    kind,
                };
                taken += u32::from(collector.take(&open));
            }
            assert_eq!(taken, room);
        }
    }
}
