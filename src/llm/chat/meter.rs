//! Watches a Chat Completions answer.

use super::heard::{Call, Choice, Chunk, Function, Said};
use super::usage::Seen;
use crate::dialect::Quirks;
use crate::fault::{self, Fault, FaultClass};
use crate::loose::{self, Slot};
use crate::meter::{Kind, Piece, Report};

/// Tool calls that are told apart; an answer with more is counted short.
const MAX_CALLS: usize = 1_024;

/// A tool call that has begun.
#[derive(Debug)]
struct Begun {
    choice: u64,
    index: u64,
    id: Box<str>,
}

/// What has to be remembered between chunks.
#[derive(Debug)]
pub(crate) struct Meter {
    quirks: Quirks,
    seen: Seen,
    calls: Vec<Begun>,
    legacy_call: bool,
}

impl Meter {
    pub(crate) fn new(quirks: Quirks) -> Meter {
        Meter {
            quirks,
            seen: Seen::default(),
            calls: Vec::new(),
            legacy_call: false,
        }
    }

    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let Some(Slot(Some(chunk))) = loose::json::<Slot<Chunk<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        self.take(&chunk, piece, report)
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        chunk: &Chunk<'_>,
        piece: Piece<'_>,
        report: &mut Report,
    ) -> Kind {
        if self.is_error(chunk, piece) {
            report.fail(fault::read(200, piece.json));
        }
        report.answered_by(&chunk.model.0);
        for choice in chunk.choices.items() {
            self.choice(choice, report);
        }
        self.usage(chunk, report);
        let alone = chunk.choices.0.as_ref().is_some_and(Vec::is_empty) && chunk.usage.0.is_some();
        if alone && !chunk.error.0 {
            Kind::UsageOnly
        } else {
            Kind::Event
        }
    }

    fn is_error(&self, chunk: &Chunk<'_>, piece: Piece<'_>) -> bool {
        let coded = chunk.base.0.as_ref().is_some_and(|base| base.code.0);
        chunk.error.0
            || piece.name == b"error"
            || chunk.object.0 == "error"
            || chunk.choices.0.is_none() && chunk.message.0 && (chunk.code.0 || piece.whole)
            || coded && self.quirks.has(Quirks::ERRORS_IN_200)
            || chunk.choices.items().iter().any(|choice| choice.error.0)
    }

    fn choice(&mut self, choice: &Choice<'_>, report: &mut Report) {
        report.say(&choice.text.0);
        if let Some(said) = &choice.said.0 {
            self.said(said, choice.index.0.unwrap_or(0), report);
        }
        // OpenRouter's word for an answer that broke off.
        if choice.finish.0 == "error" {
            let message = "the provider ended the answer with an error";
            report.fail(Fault::new(FaultClass::Server, message));
            return;
        }
        report.stopped(&choice.finish.0);
    }

    fn said(&mut self, said: &Said<'_>, choice: u64, report: &mut Report) {
        report.say(&said.content.words());
        report.say(&said.refusal.0);
        self.reasoning(said, report);
        for (place, call) in said.calls.items().iter().enumerate() {
            self.call(call, choice, place as u64, report);
        }
        if let Some(function) = &said.function.0 {
            if !self.legacy_call {
                self.legacy_call = true;
                report.tool_calls = report.tool_calls.saturating_add(1);
            }
            function.tell(report);
        }
        if let Some(audio) = &said.audio.0 {
            report.say(&audio.transcript.0);
            report.content |= !audio.data.0.is_empty();
        }
        report.content |= !said.images.items().is_empty();
    }

    /// Servers in transition send one text under several names.
    fn reasoning(&self, said: &Said<'_>, report: &mut Report) {
        let named = [&said.reasoning_content, &said.reasoning];
        match named.into_iter().find(|words| !words.0.is_empty()) {
            Some(words) => report.say(&words.0),
            None => {
                let details = said.details.items().iter();
                details.for_each(|detail| report.say(detail.said()));
            }
        }
    }

    /// A call is new when its index is, or when another id comes under a known index: some
    /// servers leave the index out, some always say 0, some repeat the id in every fragment.
    fn call(&mut self, call: &Call<'_>, choice: u64, place: u64, report: &mut Report) {
        let index = call.index.0.unwrap_or(place);
        let id = &*call.id.0;
        let full = self.calls.len() == MAX_CALLS;
        let known = self
            .calls
            .iter_mut()
            .find(|begun| begun.choice == choice && begun.index == index);
        let new = match known {
            None if full => false,
            None => {
                self.calls.push(Begun {
                    choice,
                    index,
                    id: short(id).into(),
                });
                true
            }
            Some(begun) => {
                let other = !id.is_empty() && &*begun.id != short(id);
                let renamed = other && !begun.id.is_empty();
                if other {
                    begun.id = short(id).into();
                }
                renamed
            }
        };
        report.tool_calls = report.tool_calls.saturating_add(u32::from(new));
        report.content = true;
        if let Some(function) = call.function.0.as_ref().or(call.custom.0.as_ref()) {
            function.tell(report);
        }
    }

    fn usage(&mut self, chunk: &Chunk<'_>, report: &mut Report) {
        let in_choice = chunk
            .choices
            .items()
            .iter()
            .find_map(|choice| choice.usage.0.as_ref());
        let groq = chunk.groq.0.as_ref().and_then(|groq| groq.usage.0.as_ref());
        let mut any = false;
        for tokens in [in_choice, groq, chunk.usage.0.as_ref()]
            .into_iter()
            .flatten()
        {
            self.seen.take(tokens);
            any = true;
        }
        if any {
            self.seen.tell(self.quirks, report);
        }
    }
}

impl Function<'_> {
    fn tell(&self, report: &mut Report) {
        report.content = true;
        report.say(self.arguments.written());
    }
}

/// Enough of an id to tell it from others.
fn short(id: &str) -> &str {
    crate::meter::cut(id, 64)
}
