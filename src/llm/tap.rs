//! Watches an answer that goes through unchanged, and takes out the one event that must not.

use bytes::Bytes;

use crate::dialect::Quirks;
use crate::fault::{self, Fault, FaultClass, Telling};
use crate::frame::json_array::{self, Place};
use crate::frame::{TooLarge, sse};
use crate::meter::{Kind, Meter, Piece};
use crate::scan;
use crate::skeleton::Skeleton;
use crate::{Format, Operation};

pub use crate::meter::{Report, SAMPLE_BYTES};

/// The largest event that may be one of usage alone. A longer one is let go as it comes, so
/// that no more than this is ever held back.
const MAX_HIDDEN_BYTES: usize = 64 * 1024;

/// How an answer's body is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One JSON value.
    Whole,
    /// Server-sent events.
    Sse,
    /// Gemini's stream without `alt=sse`: an array that grows.
    JsonArray,
}

/// What a tap has to know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct TapOptions {
    /// The upstream's format, which is the caller's, too.
    pub format: Format,
    /// What was asked for.
    pub operation: Operation,
    /// How the body is framed, by its content type.
    pub framing: Framing,
    /// The provider's accent.
    pub quirks: Quirks,
    /// Take the chunk of usage alone out of a chat or completion stream: the caller did not
    /// ask for it, the gateway did.
    pub hide_usage: bool,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Something came that a user would see or act on; not a role, a ping, an empty start.
    pub content: bool,
    /// The answer is complete.
    pub terminal: bool,
    /// An error came.
    pub failed: bool,
}

/// The machine: the upstream's bytes in, the client's bytes out, and a report.
///
/// Bytes go out as they came, as slices. With `hide_usage` an event that has begun is held back
/// until it is complete; nothing else is ever delayed.
#[derive(Debug)]
pub struct Tap {
    options: TapOptions,
    cutter: Cutter,
    meter: Meter,
    report: Report,
    /// The current event began in an earlier chunk and its first part has gone out already.
    let_go: bool,
    /// An event was too large to be read: from here on bytes only pass.
    blind: bool,
    finished: bool,
    /// The body ended inside an event, and that part of it went out.
    ended_inside: bool,
}

/// The usual answer comes in one read. Reading it in one go takes a fifth of the instructions
/// of reducing it byte by byte.
const MAX_ONE_CHUNK: usize = 64 * 1024;

#[derive(Debug)]
enum Cutter {
    Whole(Body),
    Sse(sse::Reader),
    JsonArray(json_array::Reader),
}

/// A whole body on its way.
#[derive(Debug)]
enum Body {
    /// Nothing, or all of it so far in one small chunk: read as it is, in the end.
    One(Bytes),
    /// More than that: reduced as it passes.
    Reduced(Skeleton),
}

impl Body {
    fn push(&mut self, chunk: &Bytes) {
        match self {
            Body::One(first) if first.is_empty() && chunk.len() <= MAX_ONE_CHUNK => {
                *first = chunk.clone();
            }
            Body::One(first) => {
                let mut skeleton = Skeleton::new();
                skeleton.push(first);
                skeleton.push(chunk);
                *self = Body::Reduced(skeleton);
            }
            Body::Reduced(skeleton) => skeleton.push(chunk),
        }
    }
}

impl Tap {
    /// A tap at the start of a body.
    pub fn new(options: TapOptions) -> Tap {
        Tap {
            cutter: match options.framing {
                Framing::Whole => Cutter::Whole(Body::One(Bytes::new())),
                Framing::Sse => Cutter::Sse(sse::Reader::new()),
                Framing::JsonArray => Cutter::JsonArray(json_array::Reader::new()),
            },
            meter: Meter::new(options.format, options.quirks),
            report: Report::default(),
            let_go: false,
            blind: false,
            finished: false,
            ended_inside: false,
            options,
        }
    }

    /// Watches the next bytes of the upstream's body and appends what the client gets to `out`.
    pub fn push(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Seen {
        if chunk.is_empty() {
            return self.seen();
        }
        let hides = self.hides_usage();
        let read = match &mut self.cutter {
            _ if self.blind => pass(chunk, out),
            Cutter::Whole(body) => {
                body.push(chunk);
                pass(chunk, out)
            }
            Cutter::JsonArray(reader) => {
                let (meter, report) = (&mut self.meter, &mut self.report);
                let read = reader.push(chunk, |element| {
                    meter.read(
                        Piece {
                            name: b"",
                            json: &element,
                            whole: false,
                        },
                        report,
                    );
                });
                // Nothing can follow the closing bracket.
                if reader.place() == Place::End && report.ended(self.options.format) {
                    report.terminal = true;
                }
                out.push(chunk.clone());
                read
            }
            Cutter::Sse(_) if hides => self.push_hiding(chunk, out),
            Cutter::Sse(reader) => {
                let (meter, report) = (&mut self.meter, &mut self.report);
                let read = reader.push(chunk, |event| {
                    read_event(&event, meter, report);
                });
                out.push(chunk.clone());
                read
            }
        };
        if let Err(error) = read {
            self.blind = true;
            self.report
                .fail(Fault::new(FaultClass::Server, &error.to_string()));
        }
        self.seen()
    }

    /// The upstream's body ended properly. May be called twice.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Seen {
        if self.finished || self.blind {
            return self.seen();
        }
        self.finished = true;
        let hides = self.hides_usage();
        let (meter, report) = (&mut self.meter, &mut self.report);
        match &mut self.cutter {
            Cutter::Whole(body) => {
                read_whole(body, meter, report);
                report.terminal = true;
            }
            Cutter::JsonArray(_) => report.terminal |= report.ended(self.options.format),
            Cutter::Sse(reader) => {
                let held = if hides && !self.let_go {
                    reader.pending()
                } else {
                    b""
                };
                let held = Bytes::copy_from_slice(held);
                let inside = !reader.at_boundary();
                let mut hidden = false;
                reader.finish(|event| {
                    let fits = event.raw().len() <= MAX_HIDDEN_BYTES;
                    hidden = read_event(&event, meter, report) == Kind::UsageOnly && fits && hides;
                });
                self.ended_inside = inside && !hidden;
                if !hidden && !held.is_empty() {
                    out.push(held);
                }
                report.terminal |= report.ended(self.options.format);
            }
        }
        self.seen()
    }

    /// What is known of the answer so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Whether the bytes handed on so far end where a new event may begin. What is held back
    /// does not count: it is dropped with the tap.
    pub fn at_boundary(&self) -> bool {
        match &self.cutter {
            Cutter::Whole(_) => false,
            Cutter::Sse(_) if self.finished => !self.ended_inside,
            Cutter::Sse(reader) => {
                let held = self.hides_usage() && !self.let_go && !self.blind;
                reader.at_boundary() || held && !reader.pending().is_empty()
            }
            Cutter::JsonArray(reader) => reader.place() != Place::Element,
        }
    }

    /// The bytes that end the stream with an error, made to fit what was handed on so far.
    /// Empty where nothing can be said any more: a whole body, or an array that is closed.
    pub fn last_event(&self, t: &Telling<'_>) -> Vec<u8> {
        let options = &self.options;
        let event = fault::last_event(options.format, options.framing, t, self.report.sequence);
        match &self.cutter {
            Cutter::Whole(_) => event,
            Cutter::Sse(_) if self.at_boundary() => event,
            Cutter::Sse(_) => [b"\n\n", &*event].concat(),
            Cutter::JsonArray(reader) => match reader.place() {
                Place::Start => [b"[", &event[1..]].concat(),
                Place::Open | Place::Comma => event[1..].to_vec(),
                Place::Element | Place::After => event,
                Place::End => Vec::new(),
            },
        }
    }

    fn hides_usage(&self) -> bool {
        self.options.hide_usage
            && self.options.format == Format::Chat
            && self.options.operation != Operation::Count
    }

    /// Passes a chunk on without the events of usage alone that end in it, and without the
    /// event that has begun in it.
    fn push_hiding(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), TooLarge> {
        let Cutter::Sse(reader) = &mut self.cutter else {
            return pass(chunk, out);
        };
        let (meter, report, let_go) = (&mut self.meter, &mut self.report, &mut self.let_go);
        let base = reader.pushed();
        // Bytes of the chunk that are decided upon.
        let mut done = 0;
        let read = reader.push(chunk, |event| {
            let usage = read_event(&event, meter, report) == Kind::UsageOnly;
            let extent = event.extent();
            let end = (extent.end - base) as usize;
            let split = extent.start < base;
            if usage && event.raw().len() <= MAX_HIDDEN_BYTES {
                if !split {
                    emit(chunk, done, (extent.start - base) as usize, out);
                }
                done = end;
            } else if split && !*let_go {
                out.push(event.raw().clone());
                done = end;
            }
            *let_go = false;
        });
        let pending = reader.pending().len();
        if read.is_err() || *let_go {
            if !*let_go && pending > 0 {
                out.push(Bytes::copy_from_slice(reader.pending()));
            }
            emit(chunk, done, chunk.len(), out);
        } else if pending <= MAX_HIDDEN_BYTES {
            emit(
                chunk,
                done,
                chunk.len().saturating_sub(pending).max(done),
                out,
            );
        } else {
            // Too long to be usage: what is held back goes out, and the rest as it comes.
            *let_go = true;
            let fresh = chunk.len() - done;
            if pending > fresh {
                out.push(Bytes::copy_from_slice(&reader.pending()[..pending - fresh]));
            }
            emit(chunk, done, chunk.len(), out);
        }
        read
    }

    fn seen(&self) -> Seen {
        let report = &self.report;
        Seen {
            content: report.content,
            terminal: report.terminal,
            failed: report.fault.is_some(),
        }
    }
}

fn pass(chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), TooLarge> {
    out.push(chunk.clone());
    Ok(())
}

fn emit(chunk: &Bytes, from: usize, to: usize, out: &mut Vec<Bytes>) {
    if from < to {
        out.push(chunk.slice(from..to));
    }
}

fn read_event(event: &sse::Event, meter: &mut Meter, report: &mut Report) -> Kind {
    let Some(json) = event.data() else {
        return Kind::Event;
    };
    if event.is_done() {
        report.terminal |= matches!(meter, Meter::Chat(_));
        return Kind::Event;
    }
    meter.read(
        Piece {
            name: event.name(),
            json,
            whole: false,
        },
        report,
    )
}

fn read_whole(body: &Body, meter: &mut Meter, report: &mut Report) {
    let (json, elided) = match body {
        Body::One(json) => (&**json, 0),
        Body::Reduced(skeleton) if skeleton.is_complete() => (skeleton.json(), skeleton.elided()),
        Body::Reduced(_) => return,
    };
    let piece = Piece {
        name: b"",
        json,
        whole: true,
    };
    let kind = meter.read(piece, report);
    report.unreadable = kind == Kind::Unread && scan::check(json).is_err();
    report.output_bytes += elided;
}

#[cfg(test)]
#[path = "tap_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
