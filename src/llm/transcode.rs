//! Translates an answer from the upstream's format to the caller's: frames, meter, decode, encode.

use bytes::Bytes;

use crate::Format;
use crate::convert::Back;
use crate::dialect::Quirks;
use crate::fault::{Fault, FaultClass, Telling};
use crate::frame::write::Writer;
use crate::frame::{TooLarge, json_array, sse};
#[cfg(debug_assertions)]
use crate::ir::Grammar;
use crate::ir::{Collector, Event};
use crate::meter::{Meter, Piece};
use crate::tap::{Framing, Report, Seen};
use crate::{chat, gemini, messages, responses};

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
    /// What the caller speaks.
    pub to: Format,
    /// How the upstream's body is framed, by its content type.
    pub framing: Framing,
    /// How the caller's is to be.
    pub wanted: Framing,
    /// The provider's accent.
    pub quirks: Quirks,
    /// From the request's conversion.
    pub back: Back,
    /// The answer's own words about itself.
    pub envelope: Envelope,
    /// Tokens of the request by estimate, told where the upstream reports none.
    pub input_estimate: u64,
}

/// The machine: the upstream's bytes in, the caller's bytes out, and the same report that a
/// [`Tap`](crate::tap::Tap) gives.
#[derive(Debug)]
pub struct Transcoder {
    cutter: Cutter,
    meter: Meter,
    report: Report,
    decoder: Decoder,
    voice: Voice,
    /// The decoder said that nothing more comes, or the body ended.
    ended: bool,
    failed: bool,
}

#[derive(Debug)]
enum Cutter {
    Whole(Vec<u8>),
    Sse(sse::Reader),
    JsonArray(json_array::Reader),
}

#[derive(Debug)]
enum Decoder {
    Chat(chat::Decoder),
    Responses(responses::Decoder),
    Messages(messages::Decoder),
    Gemini(gemini::Decoder),
}

#[derive(Debug)]
enum Encoder {
    Chat(chat::Encoder),
    Responses(responses::Encoder),
    Messages(messages::Encoder),
    Gemini(gemini::Encoder),
}

/// The caller's side.
#[derive(Debug)]
struct Voice {
    to: Format,
    out: Writer,
    /// `Err`: the answer is wanted whole.
    speaker: Speaker,
    input_estimate: u64,
    too_large: bool,
    #[cfg(debug_assertions)]
    grammar: Grammar,
}

#[derive(Debug)]
enum Speaker {
    Stream(Encoder),
    Whole {
        collector: Collector,
        envelope: Envelope,
        back: Back,
    },
}

impl Decoder {
    fn new(format: Format, quirks: Quirks) -> Decoder {
        match format {
            Format::Chat => Decoder::Chat(chat::Decoder::new(quirks)),
            Format::Responses => Decoder::Responses(responses::Decoder::new(quirks)),
            Format::Messages => Decoder::Messages(messages::Decoder::new(quirks)),
            Format::Gemini => Decoder::Gemini(gemini::Decoder::new(quirks)),
        }
    }

    fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        match self {
            Decoder::Chat(decoder) => decoder.push(piece, each),
            Decoder::Responses(decoder) => decoder.push(piece, each),
            Decoder::Messages(decoder) => decoder.push(piece, each),
            Decoder::Gemini(decoder) => decoder.push(piece, each),
        }
    }

    fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        match self {
            Decoder::Chat(decoder) => decoder.finish(each),
            Decoder::Responses(decoder) => decoder.finish(each),
            Decoder::Messages(decoder) => decoder.finish(each),
            Decoder::Gemini(decoder) => decoder.finish(each),
        }
    }
}

impl Encoder {
    fn new(format: Format, envelope: &Envelope, back: &Back) -> Encoder {
        match format {
            Format::Chat => Encoder::Chat(chat::Encoder::new(envelope, back)),
            Format::Responses => Encoder::Responses(responses::Encoder::new(envelope, back)),
            Format::Messages => Encoder::Messages(messages::Encoder::new(envelope, back)),
            Format::Gemini => Encoder::Gemini(gemini::Encoder::new(envelope, back)),
        }
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        match self {
            Encoder::Chat(encoder) => encoder.event(event, out),
            Encoder::Responses(encoder) => encoder.event(event, out),
            Encoder::Messages(encoder) => encoder.event(event, out),
            Encoder::Gemini(encoder) => encoder.event(event, out),
        }
    }

    fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        match self {
            Encoder::Chat(encoder) => encoder.fail(telling, out),
            Encoder::Responses(encoder) => encoder.fail(telling, out),
            Encoder::Messages(encoder) => encoder.fail(telling, out),
            Encoder::Gemini(encoder) => encoder.fail(telling, out),
        }
    }
}

impl Voice {
    fn new(options: TranscodeOptions) -> Voice {
        let streamed = !matches!(options.wanted, Framing::Whole);
        Voice {
            to: options.to,
            out: Writer::new(options.wanted),
            speaker: if streamed {
                Speaker::Stream(Encoder::new(options.to, &options.envelope, &options.back))
            } else {
                Speaker::Whole {
                    collector: Collector::default(),
                    envelope: options.envelope,
                    back: options.back,
                }
            },
            input_estimate: options.input_estimate,
            too_large: false,
            #[cfg(debug_assertions)]
            grammar: Grammar::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        #[cfg(debug_assertions)]
        if let Err(breach) = self.grammar.see(event) {
            panic!("{breach}: {event:?}");
        }
        match &mut self.speaker {
            Speaker::Stream(encoder) => encoder.event(event, &mut self.out),
            Speaker::Whole { collector, .. } => self.too_large |= !collector.take(event),
        }
    }

    /// The last events: what it used, and that it is complete.
    fn end(&mut self, report: &Report) {
        let mut usage = report.usage;
        // Four bytes are about one token: good enough where a provider says nothing.
        if !report.input_known {
            usage.input = self.input_estimate;
        }
        if !report.output_known {
            usage.output = report.output_bytes.div_ceil(4);
        }
        self.event(&Event::Usage(&usage));
        self.event(&Event::End);
        self.out.close();
    }

    /// A whole answer's bytes.
    fn whole(&mut self) -> Vec<u8> {
        match &self.speaker {
            Speaker::Stream(_) => Vec::new(),
            Speaker::Whole {
                collector,
                envelope,
                back,
            } => {
                let reply = collector.reply();
                match self.to {
                    Format::Chat => chat::encode_reply(reply, envelope, back),
                    Format::Responses => responses::encode_reply(reply, envelope, back),
                    Format::Messages => messages::encode_reply(reply, envelope, back),
                    Format::Gemini => gemini::encode_reply(reply, envelope, back),
                }
            }
        }
    }
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
            meter: Meter::new(options.from, options.quirks),
            report: Report::default(),
            decoder: Decoder::new(options.from, options.quirks),
            voice: Voice::new(options),
            ended: false,
            failed: false,
        }
    }

    /// Translates the next bytes of the upstream's body; what the caller gets joins `out`.
    pub fn push(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Seen {
        if self.failed || self.ended || chunk.is_empty() {
            return self.seen();
        }
        let mut ear = Ear {
            meter: &mut self.meter,
            report: &mut self.report,
            decoder: &mut self.decoder,
            voice: &mut self.voice,
            ended: false,
        };
        let read = match &mut self.cutter {
            Cutter::Whole(body) if body.len() + chunk.len() > MAX_WHOLE_BYTES => Err(TooLarge),
            Cutter::Whole(body) => {
                body.extend_from_slice(chunk);
                Ok(())
            }
            Cutter::Sse(reader) => reader.push(chunk, |event| ear.event(&event)),
            Cutter::JsonArray(reader) => reader.push(chunk, |element| {
                ear.hear(Piece {
                    name: b"",
                    json: &element,
                    whole: false,
                });
            }),
        };
        let ended = ear.ended;
        if let Err(error) = read {
            self.fail(&error.to_string());
        } else if ended {
            self.end();
        }
        self.hand_on(out);
        self.seen()
    }

    /// The upstream's body ended properly. May be called twice.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Seen {
        if self.ended || self.failed {
            return self.seen();
        }
        let mut ear = Ear {
            meter: &mut self.meter,
            report: &mut self.report,
            decoder: &mut self.decoder,
            voice: &mut self.voice,
            ended: false,
        };
        match &mut self.cutter {
            Cutter::Whole(body) => {
                ear.hear(Piece {
                    name: b"",
                    json: body,
                    whole: true,
                });
                ear.report.terminal = true;
            }
            Cutter::Sse(reader) => reader.finish(|event| ear.event(&event)),
            Cutter::JsonArray(_) => {}
        }
        self.report.terminal |= self.meter.ended(&self.report);
        if self.report.terminal && self.report.fault.is_none() {
            self.end();
        }
        self.hand_on(out);
        self.seen()
    }

    /// What is known of the answer so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The bytes that end the stream with an error. Empty for a whole body.
    pub fn last_event(&mut self, telling: &Telling<'_>) -> Vec<u8> {
        match &mut self.voice.speaker {
            Speaker::Stream(encoder) => {
                encoder.fail(telling, &mut self.voice.out);
                self.voice.out.close();
                self.voice.out.take()
            }
            Speaker::Whole { .. } => Vec::new(),
        }
    }

    fn end(&mut self) {
        self.ended = true;
        let voice = &mut self.voice;
        self.decoder.finish(&mut |event| voice.event(&event));
        self.report.terminal = true;
        voice.end(&self.report);
        if voice.too_large {
            self.fail("the answer is too large to be handed on whole");
        }
    }

    fn fail(&mut self, problem: &str) {
        self.failed = true;
        self.report.fail(Fault::new(FaultClass::Server, problem));
    }

    fn hand_on(&mut self, out: &mut Vec<Bytes>) {
        if self.failed {
            return;
        }
        let bytes = match (&self.voice.speaker, self.ended) {
            (Speaker::Whole { .. }, true) => self.voice.whole(),
            (Speaker::Whole { .. }, false) => return,
            (Speaker::Stream(_), _) => self.voice.out.take(),
        };
        if !bytes.is_empty() {
            out.push(bytes.into());
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            content: self.report.content,
            terminal: self.report.terminal,
            failed: self.report.fault.is_some(),
        }
    }
}

/// Hears one piece with meter and decoder.
struct Ear<'a> {
    meter: &'a mut Meter,
    report: &'a mut Report,
    decoder: &'a mut Decoder,
    voice: &'a mut Voice,
    ended: bool,
}

impl Ear<'_> {
    fn event(&mut self, event: &sse::Event) {
        let Some(json) = event.data() else {
            return;
        };
        if event.is_done() {
            self.report.terminal |= self.meter.ended(self.report);
            self.ended |= self.report.terminal;
            return;
        }
        self.hear(Piece {
            name: event.name(),
            json,
            whole: false,
        });
    }

    /// After an error nothing is translated any more: the caller is told.
    fn hear(&mut self, piece: Piece<'_>) {
        if self.ended {
            return;
        }
        self.meter.read(piece, self.report);
        if self.report.fault.is_some() {
            return;
        }
        let voice = &mut *self.voice;
        self.ended = self.decoder.push(piece, &mut |event| voice.event(&event));
    }
}
