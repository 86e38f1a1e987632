//! Writes a streamed answer, event by event.

mod calls;
mod output;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod voice;

use calls::Waiting;
use output::Output;
use voice::Wire;

use super::object::{Body, Ending, Shell, Status};
use super::shape;
use crate::convert::Back;
use crate::fault::{Telling, responses_event};
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Delta, Event, Origin, OwnedStop, Signature, Stop, family};
use crate::transcode::Envelope;
use crate::{Format, Usage};

/// The machine: events in, the caller's stream out.
#[derive(Debug)]
pub(crate) struct Encoder {
    shell: Shell,
    /// Of the upstream's model.
    family: String,
    /// The caller asked for summaries of reasoning.
    shows: bool,
    output: Output,
    /// The blocks that are open, by number.
    routes: Vec<(u32, Route)>,
    waiting: Option<Waiting>,
    stop: Option<OwnedStop>,
    usage: Option<Usage>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Begun,
    Over,
}

/// Where the deltas of a block go. An item is known from its first delta on.
#[derive(Clone, Copy, Debug)]
enum Route {
    Nowhere,
    Text { refusal: bool },
    Reasoning(Option<usize>),
    Call(Option<usize>),
    Image(Option<usize>),
}

impl Encoder {
    pub(crate) fn new(envelope: &Envelope, back: &Back) -> Encoder {
        Encoder::with(Output::new(), envelope, back)
    }

    /// One that writes nothing but knows the whole object in the end.
    pub(super) fn mute(envelope: &Envelope, back: &Back) -> Encoder {
        Encoder::with(Output::mute(), envelope, back)
    }

    fn with(output: Output, envelope: &Envelope, back: &Back) -> Encoder {
        Encoder {
            shell: Shell::new(envelope, back),
            family: family(&envelope.upstream_model).to_owned(),
            shows: back.show_thoughts,
            output,
            routes: Vec::new(),
            waiting: None,
            stop: None,
            usage: None,
            stage: Stage::Fresh,
        }
    }

    /// Writes what follows from the event; may hold back what depends on later ones.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        match event {
            Event::Start { .. } => self.begin(out),
            // The format has room for one answer.
            Event::Open { choice: 1.., .. } | Event::Stop { choice: 1.., .. } => {}
            Event::Open { block, kind, .. } => self.open(*block, kind, out),
            Event::Delta { block, delta } => self.delta(*block, delta, out),
            Event::Close { block } => self.close(*block, out),
            Event::Stop { stop, .. } => self.stop = Some(OwnedStop::new(*stop)),
            Event::Usage(usage) => self.usage = Some(**usage),
            Event::End => self.end(out),
        }
    }

    /// Ends a stream that broke off with an error, in the words of the format.
    pub(crate) fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        match self.stage {
            Stage::Over => return,
            Stage::Fresh => {
                let number = self.output.voice.number();
                out.event("error", &responses_event(telling, number));
            }
            Stage::Begun => {
                self.output.break_off();
                let ending = Ending::Failed {
                    code: code(telling),
                    message: telling.message,
                };
                self.tell(ending, ending.event(), out);
            }
        }
        self.stage = Stage::Over;
    }

    /// The response object of the answer that has ended.
    pub(super) fn object(&self) -> String {
        let (items, usage) = (&self.output.items, self.usage.as_ref());
        self.shell.object(self.ending(), items, usage)
    }

    fn begin(&mut self, out: &mut Writer) {
        if self.stage == Stage::Fresh {
            self.stage = Stage::Begun;
            self.tell(Ending::Open, "response.created", out);
            self.tell(Ending::Open, "response.in_progress", out);
        }
    }

    fn tell(&mut self, ending: Ending<'_>, kind: &str, out: &mut Writer) {
        if self.output.voice.is_mute() {
            return;
        }
        let (items, usage) = (&self.output.items, self.usage.as_ref());
        let wire = Wire {
            response: self.shell.raw(ending, items, usage),
            ..Wire::default()
        };
        self.output.voice.say(kind, wire, out);
    }

    fn open(&mut self, block: u32, kind: &BlockKind<'_>, out: &mut Writer) {
        self.announce(out);
        let route = match kind {
            BlockKind::Text | BlockKind::Audio { .. } => Route::Text { refusal: false },
            BlockKind::Refusal => Route::Text { refusal: true },
            BlockKind::Reasoning => Route::Reasoning(None),
            BlockKind::Tool { id, name, kind } => {
                self.waiting = Some(Waiting::new(block, id, name, *kind));
                Route::Call(None)
            }
            BlockKind::Image { .. } => {
                let image = Body::Image {
                    base64: String::new(),
                };
                Route::Image(self.output.add(&self.shell, image, out))
            }
            BlockKind::Server { origin, raw } => {
                if *origin == Format::Responses {
                    self.server(raw, out);
                }
                Route::Nowhere
            }
        };
        self.routes.push((block, route));
    }

    /// An item of the format itself.
    fn server(&mut self, raw: &str, out: &mut Writer) {
        if let Some(raw) = shape::raw(raw)
            && let Some(item) = self.output.add(&self.shell, Body::Raw(raw), out)
        {
            self.output.done(item, Status::Completed, out);
        }
    }

    fn route(&mut self, block: u32) -> Option<&mut Route> {
        let open = self.routes.iter_mut().rev();
        let mut found = open.filter(|(number, _)| *number == block);
        found.next().map(|(_, route)| route)
    }

    fn delta(&mut self, block: u32, delta: &Delta<'_>, out: &mut Writer) {
        let Some(route) = self.route(block).copied() else {
            return;
        };
        match (route, delta) {
            (Route::Text { refusal }, Delta::Text(text)) => {
                self.announce(out);
                self.output.text(&self.shell, refusal, text, out);
            }
            (Route::Text { refusal: false }, Delta::Citation(citation)) => {
                self.output.cite(citation, out);
            }
            (Route::Text { refusal: false }, Delta::Logprobs(entries)) => {
                self.output.logprobs(entries);
            }
            (Route::Reasoning(item), Delta::Text(text)) => {
                self.announce(out);
                if let Some(item) = self.reasoning(block, item, out) {
                    match self.shows {
                        true => self.output.think(item, text, out),
                        false => self.output.think_silently(item, text),
                    }
                }
            }
            (Route::Reasoning(item), Delta::Signature(proof)) => {
                self.announce(out);
                self.prove(block, item, proof, out);
            }
            (Route::Call(_), Delta::Signature(proof)) => self.prove_call(proof, out),
            (Route::Call(_), Delta::Args(args)) => self.args(block, args, out),
            (Route::Image(Some(item)), Delta::Data(data)) => self.output.paint(item, data),
            _ => {}
        }
    }

    /// The item of a reasoning block, which is opened if there is none.
    fn reasoning(&mut self, block: u32, item: Option<usize>, out: &mut Writer) -> Option<usize> {
        if item.is_some() {
            return item;
        }
        let item = self.output.add(&self.shell, Body::reasoning(), out);
        if let Some(Route::Reasoning(known)) = self.route(block) {
            *known = item;
        }
        item
    }

    fn prove(&mut self, block: u32, item: Option<usize>, proof: &Signature<'_>, out: &mut Writer) {
        let Some(proof) = self.carried(proof) else {
            return;
        };
        if let Some(item) = self.reasoning(block, item, out) {
            self.output.prove(item, proof);
        }
    }

    /// The proof as a client of this format keeps it.
    fn carried(&self, proof: &Signature<'_>) -> Option<String> {
        match proof.origin {
            Origin::Nowhere => None,
            Origin::Responses => Some(proof.data.clone().into_owned()),
            _ => Some(proof.wrap(&self.family)),
        }
    }

    fn close(&mut self, block: u32, out: &mut Writer) {
        let waits = self.waiting.as_ref();
        if waits.is_some_and(|waiting| waiting.block == block) {
            self.announce(out);
        }
        let place = self.routes.iter().position(|(open, _)| *open == block);
        let Some(place) = place else {
            return;
        };
        match self.routes.remove(place).1 {
            Route::Reasoning(Some(item)) => self.output.thought(item, out),
            Route::Call(Some(item)) => self.called(item, out),
            Route::Image(Some(item)) => self.output.done(item, Status::Completed, out),
            _ => {}
        }
    }

    fn ending(&self) -> Ending<'static> {
        if self.output.is_cut() {
            return Ending::Incomplete("max_output_tokens");
        }
        let stop = self.stop.as_ref().map_or(Stop::End, OwnedStop::get);
        Ending::of(stop, self.output.items.is_empty())
    }

    fn end(&mut self, out: &mut Writer) {
        if self.stage != Stage::Begun {
            return;
        }
        self.stage = Stage::Over;
        self.announce(out);
        let ending = self.ending();
        let status = match ending {
            Ending::Incomplete(_) => Status::Incomplete,
            _ => Status::Completed,
        };
        self.output.close_message(status, out);
        self.tell(ending, ending.event(), out);
    }
}

/// The code of a failed response: clients know OpenAI's.
fn code<'a>(telling: &Telling<'a>) -> &'a str {
    match (telling.code, telling.status) {
        (
            Some(
                code @ ("server_error"
                | "rate_limit_exceeded"
                | "invalid_prompt"
                | "insufficient_quota"
                | "context_length_exceeded"),
            ),
            _,
        ) => code,
        (_, 429) => "rate_limit_exceeded",
        (_, 400..=499) => "invalid_prompt",
        _ => "server_error",
    }
}
