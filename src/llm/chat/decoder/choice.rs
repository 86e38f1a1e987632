//! Follows one choice of an answer: which of its blocks are open.

use super::calls::{Calls, Numbers};
use crate::chat::detail::Detail;
use crate::chat::heard::{self, Call, Said, Source, parts};
use crate::ir::{BlockKind, Citation, Delta, Event, OwnedStop, Stop};
use crate::loose::{Content, Count, Raw, Slot, Text};
use crate::{ir, media};

/// A block of running text; a choice has one open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flat {
    Text,
    Refusal,
    /// By the index of the entry of `reasoning_details`, where it has one.
    Reasoning(Option<u64>),
}

impl Flat {
    /// Whether text of that kind belongs to the same block.
    fn goes_on(self, kind: Flat) -> bool {
        match (self, kind) {
            (Flat::Reasoning(Some(open)), Flat::Reasoning(Some(index))) => open == index,
            (Flat::Reasoning(_), Flat::Reasoning(_)) => true,
            (open, kind) => open == kind,
        }
    }
}

/// One choice.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    flat: Option<(u32, Flat)>,
    audio: Option<u32>,
    calls: Calls,
    refused: bool,
    /// The sources of the whole answer were told.
    sourced: bool,
    stop: Option<OwnedStop>,
}

impl Choice {
    pub(super) fn new(index: u32) -> Choice {
        Choice {
            index,
            flat: None,
            audio: None,
            calls: Calls::default(),
            refused: false,
            sourced: false,
            stop: None,
        }
    }

    /// Reads what a chunk, or a whole answer, says of this choice.
    pub(super) fn read(
        &mut self,
        choice: &heard::Choice<'_>,
        whole: bool,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        if let Some(said) = &choice.said.0 {
            self.said(said, whole, numbers, each);
        }
        if let Some(logprobs) = &choice.logprobs.0 {
            self.logprobs(&logprobs.content, each);
        }
        if !choice.finish.0.is_empty() {
            let stop = stop(&choice.finish.0, &choice.sequence.0, self.refused);
            self.stop = Some(OwnedStop::new(stop));
            self.close(each);
        }
    }

    /// Closes what is open and says why the choice ended.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.close(each);
        let stop = self.stop.as_ref().map_or(Stop::End, OwnedStop::get);
        each(Event::Stop {
            choice: self.index,
            stop: stop.with_tools(self.calls.any()),
        });
    }

    /// Perplexity repeats the answer's sources in every chunk; they belong to no stretch of it.
    pub(super) fn sources(
        &mut self,
        sources: &[Source<'_>],
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let text = matches!(self.flat, Some((_, Flat::Text)));
        if sources.is_empty() || !text || std::mem::replace(&mut self.sourced, true) {
            return;
        }
        for source in sources {
            self.cite(source, numbers, each);
        }
    }

    fn said(
        &mut self,
        said: &Said<'_>,
        whole: bool,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        self.reasoning(said, numbers, each);
        self.content(&said.content, numbers, each);
        for annotation in said.annotations.items() {
            if let Some(source) = &annotation.source.0 {
                self.cite(source, numbers, each);
            }
        }
        self.refused |= !said.refusal.0.is_empty();
        self.text(Flat::Refusal, &said.refusal.0, numbers, each);
        for call in said.calls.items() {
            self.flat_ends(each);
            self.calls.read(call, self.index, whole, numbers, each);
        }
        if said.function.0.is_some() {
            self.legacy_call(said, numbers, each);
        }
        if let Some(audio) = &said.audio.0 {
            self.audio(audio, numbers, each);
        }
        for image in said.images.items() {
            let url = image.at.0.as_ref().map_or("", |at| &*at.url.0);
            self.image(url, numbers, each);
        }
    }

    /// Servers in transition send one text under several names.
    fn reasoning(
        &mut self,
        said: &Said<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let details = said.details.items();
        if details.iter().all(|detail| detail.said().is_empty()) {
            let words = match &*said.reasoning_content.0 {
                "" => &*said.reasoning.0,
                words => words,
            };
            self.text(Flat::Reasoning(None), words, numbers, each);
        }
        for detail in details {
            self.detail(detail, numbers, each);
        }
    }

    /// A proof ends its block: what follows is proved by another.
    fn detail(
        &mut self,
        detail: &Detail<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let kind = Flat::Reasoning(detail.index.0);
        self.text(kind, detail.said(), numbers, each);
        let Some(proof) = detail.proof() else {
            return;
        };
        let block = match self.flat {
            // Text that came without a list may be what the list's proof is about.
            Some((block, Flat::Reasoning(_))) if !proof.redacted => block,
            _ => self.open(kind, numbers, each),
        };
        each(Event::Delta {
            block,
            delta: Delta::Signature(proof),
        });
        self.flat_ends(each);
    }

    fn content(
        &mut self,
        content: &Content<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let Some(list) = parts(content) else {
            return self.text(Flat::Text, content.spoken(), numbers, each);
        };
        for part in list.items() {
            self.text(Flat::Reasoning(None), &part.thinking.0, numbers, each);
            self.text(Flat::Text, &part.text.0, numbers, each);
        }
    }

    fn logprobs(&mut self, entries: &Raw<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let entries = entries.0.map_or("", |raw| raw.get());
        if let Some((block, Flat::Text)) = self.flat
            && entries.starts_with('[')
        {
            each(Event::Delta {
                block,
                delta: Delta::Logprobs(entries),
            });
        }
    }

    fn cite(
        &mut self,
        source: &Source<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let block = self.block(Flat::Text, numbers, each);
        let title = (!source.title.0.is_empty()).then(|| (*source.title.0).into());
        each(Event::Delta {
            block,
            delta: Delta::Citation(Citation {
                url: (*source.url.0).into(),
                title,
                span: source.start.0.zip(source.end.0),
                quote: None,
            }),
        });
    }

    fn legacy_call(
        &mut self,
        said: &Said<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let Some(function) = &said.function.0 else {
            return;
        };
        self.flat_ends(each);
        // One call, known by an index that no list has.
        let call = Call {
            index: Count(Some(u64::MAX)),
            function: Slot(Some(heard::Function {
                name: Text((&*function.name.0).into()),
                arguments: function.arguments.by_ref(),
            })),
            ..Call::default()
        };
        self.calls.read(&call, self.index, false, numbers, each);
    }

    fn audio(
        &mut self,
        audio: &heard::Audio<'_>,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let block = match self.audio {
            Some(block) => block,
            None => {
                let kind = BlockKind::Audio { id: &audio.id.0 };
                let block = open(self.index, kind, numbers, each);
                *self.audio.insert(block)
            }
        };
        if !audio.data.0.is_empty() {
            let delta = Delta::Data(&audio.data.0);
            each(Event::Delta { block, delta });
        }
        if !audio.transcript.0.is_empty() {
            let delta = Delta::Text(&audio.transcript.0);
            each(Event::Delta { block, delta });
        }
    }

    /// An image by address is told as text: nobody here fetches it.
    fn image(&mut self, url: &str, numbers: &mut Numbers, each: &mut dyn FnMut(Event<'_>)) {
        match media::data_url(url) {
            Some(Ok(ir::Source::Bytes { mime, base64 })) => {
                self.flat_ends(each);
                let kind = BlockKind::Image { mime: &mime };
                let block = open(self.index, kind, numbers, each);
                if !base64.is_empty() {
                    let delta = Delta::Data(&base64);
                    each(Event::Delta { block, delta });
                }
                each(Event::Close { block });
            }
            None if !url.is_empty() => {
                let link = format!("![]({url})");
                self.text(Flat::Text, &link, numbers, each);
            }
            _ => {}
        }
    }

    fn text(
        &mut self,
        kind: Flat,
        text: &str,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        if text.is_empty() {
            return;
        }
        let block = self.block(kind, numbers, each);
        let delta = Delta::Text(text);
        each(Event::Delta { block, delta });
    }

    /// The open block of that kind.
    fn block(&mut self, kind: Flat, numbers: &mut Numbers, each: &mut dyn FnMut(Event<'_>)) -> u32 {
        match self.flat {
            Some((block, open)) if open.goes_on(kind) => block,
            _ => self.open(kind, numbers, each),
        }
    }

    fn open(&mut self, kind: Flat, numbers: &mut Numbers, each: &mut dyn FnMut(Event<'_>)) -> u32 {
        self.flat_ends(each);
        self.calls.close_complete(each);
        let opened = match kind {
            Flat::Text => BlockKind::Text,
            Flat::Refusal => BlockKind::Refusal,
            Flat::Reasoning(_) => BlockKind::Reasoning,
        };
        let block = open(self.index, opened, numbers, each);
        self.flat = Some((block, kind));
        block
    }

    fn flat_ends(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if let Some((block, _)) = self.flat.take() {
            each(Event::Close { block });
        }
    }

    fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.flat_ends(each);
        self.calls.close(each);
        if let Some(block) = self.audio.take() {
            each(Event::Close { block });
        }
    }
}

fn open(
    choice: u32,
    kind: BlockKind<'_>,
    numbers: &mut Numbers,
    each: &mut dyn FnMut(Event<'_>),
) -> u32 {
    let block = numbers.take();
    each(Event::Open {
        block,
        choice,
        kind,
    });
    block
}

/// What the words for an end mean, also those of compatible servers. `sequence` is the stop
/// sequence, where it is told.
fn stop<'a>(reason: &'a str, sequence: &'a str, refused: bool) -> Stop<'a> {
    match reason {
        "stop" if refused => Stop::Refusal,
        "stop" if !sequence.is_empty() && !END.contains(&sequence) => {
            Stop::Sequence(Some(sequence))
        }
        "stop_sequence" => Stop::Sequence(None),
        reason if END.contains(&reason) => Stop::End,
        "length" | "max_tokens" | "model_length" => Stop::Length,
        "tool_calls" | "function_call" | "tool_use" => Stop::ToolCalls,
        "content_filter" | "sensitive" | "content_filtered" | "safety" => Stop::Filter {
            reason,
            explanation: None,
        },
        "model_context_window_exceeded" => Stop::ContextWindow,
        reason => Stop::Other(reason),
    }
}

const END: [&str; 4] = ["stop", "eos", "end_turn", "STOP"];
