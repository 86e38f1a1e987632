//! Translates an answer from the upstream's format to the caller's: frames, meter, decode, encode.

mod formats;
mod keeper;
mod voice;

use bytes::Bytes;

use crate::convert::Back;
use crate::dialect::Quirks;
use crate::fault::{Fault, FaultClass, Telling};
use crate::frame::json_array::Place;
use crate::frame::{TooLarge, json_array, sse};
use crate::ir::Event;
use crate::loose::whole_letters;
use crate::meter::Piece;
use crate::tap::{Framing, Report, Seen};
use crate::{Format, gemini};
use formats::Listener;
use voice::Voice;

/// Bytes of a whole answer that are gathered; a larger one is a fault.
const MAX_WHOLE_BYTES: usize = 64 * 1024 * 1024;

/// What a translated answer says of itself: no clock and no chance in here.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The request's own id; ids of the answer are made from it.
    pub id: String,
    /// The model as the caller asked for it.
    pub model: String,
    /// When the answer began, in seconds since 1970.
    pub created: u64,
    /// The upstream's model, whose family marks the proofs of its reasoning.
    pub upstream_model: String,
}

/// What a transcoder has to know beforehand.
#[derive(Clone, Debug)]
pub struct TranscodeOptions {
    /// What the upstream speaks.
    pub from: Format,
    /// What the caller speaks; may be the same, where the answer itself is to change.
    pub to: Format,
    /// How the upstream's body is framed, by its content type. It need not be what was asked for:
    /// a whole answer is streamed to a caller who wants a stream, and the other way round.
    pub framing: Framing,
    /// How the caller's is to be.
    pub wanted: Framing,
    /// The provider's accent.
    pub quirks: Quirks,
    /// From the request's conversion.
    pub back: Back,
    /// The answer's own words about itself.
    pub envelope: Envelope,
    /// Tokens of the request by a rough estimate, told where the upstream reports none and nobody
    /// counts them ([`Transcoder::wait_for_counts`]).
    pub input_estimate: u64,
    /// Show reasoning inside `<think>…</think>` in the answer's text.
    pub thinking_to_content: bool,
}

/// The machine: the upstream's bytes in, the caller's bytes out, and the same report that a
/// [`Tap`](crate::tap::Tap) gives.
///
/// What goes out ends where a new event may begin, always. Nothing is kept beyond the current
/// frame but what the caller's format forces: Responses repeats the whole answer at its end.
#[derive(Debug)]
pub struct Transcoder {
    cutter: Cutter,
    ear: Ear,
    /// The answer is complete, and was said to its end.
    ended: bool,
    failed: bool,
    /// Somebody counts what the upstream does not report, before the answer's end is said.
    waits: bool,
}

#[derive(Debug)]
enum Cutter {
    Whole(Vec<u8>),
    Sse(sse::Reader),
    JsonArray(json_array::Reader),
}

impl Transcoder {
    /// A transcoder at the start of a body.
    pub fn new(options: TranscodeOptions) -> Transcoder {
        Transcoder {
            cutter: match options.framing {
                Framing::Whole => Cutter::Whole(Vec::new()),
                Framing::Sse => Cutter::Sse(sse::Reader::new()),
                Framing::JsonArray => Cutter::JsonArray(json_array::Reader::new()),
            },
            ear: Ear {
                from: options.from,
                report: Report::default(),
                listener: Listener::new(options.from, options.quirks, &options.envelope.id),
                voice: Voice::new(options),
                ended: false,
            },
            ended: false,
            failed: false,
            waits: false,
        }
    }

    /// Has the end of an answer whose upstream reports no usage wait for [`count`](Self::count):
    /// counting takes longer than a thread that serves others may be held up.
    pub fn wait_for_counts(&mut self) {
        self.waits = true;
    }

    /// Has the proofs of Gemini's calls kept for [`take_proofs`](Self::take_proofs): most clients of
    /// other formats do not send them back.
    pub fn keep_proofs(&mut self) {
        let strangers = self.ear.voice.speaks() != Format::Gemini;
        if self.ear.from == Format::Gemini && strangers {
            self.ear.voice.keep_proofs();
        }
    }

    /// The proofs of the calls so far, by the calls' ids as the caller knows them.
    pub fn take_proofs(&mut self) -> Vec<(String, String)> {
        self.ear.voice.take_proofs()
    }

    /// Whether everything was said but the end, which waits for [`count`](Self::count).
    pub fn owes_usage(&self) -> bool {
        let report = &self.ear.report;
        let known = report.input_known && report.output_known;
        let over = self.ear.ended && !self.ended && !self.failed && report.fault.is_none();
        self.waits && over && !known && self.ear.may_end() && self.ear.voice.tells_usage()
    }

    /// Says the end, with these tokens where the upstream reported none.
    pub fn count(&mut self, input: u64, output: u64, out: &mut Vec<Bytes>) -> Seen {
        self.waits = false;
        self.ear.voice.count(input, output);
        self.hand_on(out);
        self.seen()
    }

    /// Translates the next bytes of the upstream's body; what the caller gets joins `out`.
    pub fn push(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Seen {
        if self.failed || self.ended || chunk.is_empty() {
            return self.seen();
        }
        let ear = &mut self.ear;
        let read = match &mut self.cutter {
            Cutter::Whole(body) if body.len() + chunk.len() > MAX_WHOLE_BYTES => Err(TooLarge),
            Cutter::Whole(body) => {
                body.extend_from_slice(chunk);
                Ok(())
            }
            Cutter::Sse(reader) => reader.push(chunk, |event| ear.event(&event)),
            Cutter::JsonArray(reader) => {
                let read = reader.push(chunk, |element| ear.hear(b"", &element, false));
                // Nothing can follow the closing bracket.
                if reader.place() == Place::End {
                    ear.stop_if_complete();
                }
                read
            }
        };
        if let Err(error) = read {
            self.fail(&error.to_string());
        }
        self.hand_on(out);
        self.seen()
    }

    /// The upstream's body ended properly. May be called twice.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Seen {
        if self.ended || self.failed {
            return self.seen();
        }
        let ear = &mut self.ear;
        match &mut self.cutter {
            Cutter::Whole(body) => {
                let body = std::mem::take(body);
                ear.hear(b"", &body, true);
                ear.ended = true;
            }
            Cutter::Sse(reader) => reader.finish(|event| ear.event(&event)),
            Cutter::JsonArray(_) => {}
        }
        self.ear.stop_if_complete();
        self.hand_on(out);
        self.seen()
    }

    /// What is known of the answer so far.
    pub fn report(&self) -> &Report {
        &self.ear.report
    }

    /// The bytes that end the stream with an error. Empty for a whole body, and where the stream
    /// has ended already.
    pub fn last_event(&mut self, telling: &Telling<'_>) -> Vec<u8> {
        match self.ended && !self.failed {
            true => Vec::new(),
            false => self.ear.voice.fail(telling),
        }
    }

    /// Appends what is certain by now; says the answer to its end where that came.
    fn hand_on(&mut self, out: &mut Vec<Bytes>) {
        if self.failed {
            return;
        }
        let owes = self.owes_usage();
        let ear = &mut self.ear;
        if ear.ended && ear.report.fault.is_none() && !owes {
            self.ended = true;
            if !ear.end() {
                return self.fail("the upstream's answer holds nothing that can be read");
            }
        }
        if self.ear.voice.too_large() {
            return self.fail("the answer is too large to be handed on whole");
        }
        let bytes = self.ear.voice.take(self.ended);
        if !bytes.is_empty() {
            out.push(bytes.into());
        }
    }

    fn fail(&mut self, problem: &str) {
        self.failed = true;
        let fault = Fault::new(FaultClass::Server, problem);
        self.ear.report.fail(fault);
    }

    fn seen(&self) -> Seen {
        let report = &self.ear.report;
        Seen {
            content: report.content,
            terminal: report.terminal,
            failed: report.fault.is_some(),
        }
    }
}

/// Hears the upstream, with meter and decoder.
#[derive(Debug)]
struct Ear {
    from: Format,
    report: Report,
    listener: Listener,
    voice: Voice,
    /// Nothing more is to come.
    ended: bool,
}

impl Ear {
    fn event(&mut self, event: &sse::Event) {
        let Some(json) = event.data() else {
            return;
        };
        if !event.is_done() {
            return self.hear(event.name(), json, false);
        }
        // Chat's own mark; others send it by mistake.
        match self.from {
            Format::Chat => self.ended = true,
            _ => self.stop_if_complete(),
        }
    }

    /// After an error nothing is translated any more: the caller is told.
    fn hear(&mut self, name: &[u8], json: &[u8], whole: bool) {
        if self.ended {
            return;
        }
        let text = &*whole_letters(json);
        let json = text.as_bytes();
        let piece = Piece { name, json, whole };
        let (voice, report) = (&mut self.voice, &mut self.report);
        let each = &mut |event: Event<'_>| voice.event(event);
        self.ended = self.listener.hear(text, piece, report, each);
        if self.report.fault.is_some() {
            return;
        }
        voice.pause();
        if self.is_unusable() {
            // Nobody got anything: another upstream may still answer.
            self.report.content = false;
            let problem = "the model's answer is malformed, and holds nothing else";
            self.report.fail(Fault::new(FaultClass::Server, problem));
        }
    }

    /// Whether the model wrote nothing but what nobody can use. Gemini's own clients know that.
    fn is_unusable(&self) -> bool {
        let reason = self.report.stop.as_deref().unwrap_or("");
        let strangers = self.from == Format::Gemini && self.voice.speaks() != Format::Gemini;
        strangers && gemini::is_malformed(reason) && !self.voice.spoke()
    }

    /// Nothing more comes: that was all, if it was an answer by the rules of its format.
    fn stop_if_complete(&mut self) {
        self.ended |= self.report.ended(self.from);
    }

    /// Whether nothing was said, no end was given and nothing was used: JSON, but no answer.
    fn is_nothing(&self) -> bool {
        let report = &self.report;
        let known = report.input_known || report.output_known;
        !known && !report.content && report.stop.is_none()
    }

    /// Whether what was heard is an answer.
    fn may_end(&self) -> bool {
        self.voice.begun() && !self.is_nothing()
    }

    /// Says the answer's end. `false`: there was no answer.
    fn end(&mut self) -> bool {
        if !self.may_end() {
            return false;
        }
        let voice = &mut self.voice;
        self.listener.finish(&mut |event| voice.event(event));
        if !self.voice.stopped() {
            return false;
        }
        self.report.terminal = true;
        self.voice.end(&self.report);
        true
    }
}
