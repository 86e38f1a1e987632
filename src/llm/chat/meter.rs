//! Watches a Chat Completions answer.

use super::usage::{Seen, Tokens};
use crate::dialect::Quirks;
use crate::fault::{self, Fault, FaultClass};
use crate::loose::{self, Count, List, Raw, Slot, Text, Truthy, Words, loose};
use crate::meter::{Kind, Piece, Report};

/// Tool calls that are told apart; an answer with more is counted short.
const MAX_CALLS: usize = 1_024;

loose! {
    struct Chunk<'a> {
        "choices" => choices: List<Choice<'a>>,
        "usage" => usage: Slot<Tokens>,
        "x_groq" => groq: Slot<Groq>,
        "model" => model: Text<'a>,
        "error" => error: Truthy,
        "object" => object: Text<'a>,
        "message" | "msg" | "detail" => message: Truthy,
        "code" => code: Truthy,
        "base_resp" => base: Slot<Base>,
    }

    struct Choice<'a> {
        "index" => index: Count,
        "delta" | "message" => said: Slot<Said<'a>>,
        "text" => text: Text<'a>,
        "finish_reason" => finish: Text<'a>,
        "usage" => usage: Slot<Tokens>,
        "error" => error: Truthy,
    }

    struct Said<'a> {
        "content" => content: Words<'a>,
        "refusal" => refusal: Words<'a>,
        "reasoning_content" => reasoning_content: Words<'a>,
        "reasoning" => reasoning: Words<'a>,
        "reasoning_details" => reasoning_details: Words<'a>,
        "tool_calls" => calls: List<Call<'a>>,
        "function_call" => function: Slot<Function<'a>>,
        "audio" => audio: Slot<Audio<'a>>,
        "images" => images: Truthy,
    }

    struct Call<'a> {
        "index" => index: Count,
        "id" => id: Text<'a>,
        "function" | "custom" => function: Slot<Function<'a>>,
    }

    struct Function<'a> {
        "arguments" | "input" => arguments: Raw<'a>,
        "name" => name: Text<'a>,
    }

    struct Audio<'a> {
        "transcript" => transcript: Text<'a>,
        "data" => data: Truthy,
    }

    struct Groq {
        "usage" => usage: Slot<Tokens>,
    }

    /// MiniMax puts its errors here, with HTTP 200.
    struct Base {
        "status_code" => code: Truthy,
    }
}

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
        if self.is_error(&chunk, piece) {
            report.fail(fault::read(200, piece.json));
        }
        report.answered_by(&chunk.model.0);
        for choice in chunk.choices.items() {
            self.choice(choice, report);
        }
        self.usage(&chunk, report);
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
        report.say(&said.content.0);
        report.say(&said.refusal.0);
        // Servers in transition send one text under several names.
        let reasoning = [
            &said.reasoning_content,
            &said.reasoning,
            &said.reasoning_details,
        ];
        if let Some(words) = reasoning.into_iter().find(|words| !words.0.is_empty()) {
            report.say(&words.0);
        }
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
            report.content |= audio.data.0;
        }
        report.content |= said.images.0;
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
        if let Some(function) = &call.function.0 {
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
        report.say(&self.arguments.spoken());
    }
}

/// Enough of an id to tell it from others.
fn short(id: &str) -> &str {
    crate::meter::cut(id, 64)
}
