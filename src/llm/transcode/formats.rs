//! One listener and one encoder for each format.

use super::Envelope;
use crate::Format;
use crate::convert::Back;
use crate::dialect::Quirks;
use crate::fault::Telling;
use crate::frame::write::Writer;
use crate::ir::{Event, Reply};
use crate::loose;
use crate::meter::{self, Piece, Report};
use crate::{chat, gemini, messages, responses};

/// Hears an answer: the meter for what is recorded of it, the decoder for what it says.
#[derive(Debug)]
pub(super) enum Listener {
    Chat(chat::Meter, chat::Decoder),
    Responses(responses::Meter, responses::Decoder),
    Messages(messages::Meter, messages::Decoder),
    Gemini(gemini::Meter, gemini::Decoder),
}

/// Events in, the caller's stream out.
#[derive(Debug)]
pub(super) enum Encoder {
    Chat(chat::Encoder),
    /// Keeps the answer for its end.
    Responses(Box<responses::Encoder>),
    Messages(messages::Encoder),
    Gemini(gemini::Encoder),
}

impl Listener {
    /// For the answer to the request of that id.
    pub(super) fn new(format: Format, quirks: Quirks, request: &str) -> Listener {
        match format {
            Format::Chat => {
                let decoder = chat::Decoder::new(quirks, request);
                Listener::Chat(chat::Meter::new(quirks), decoder)
            }
            Format::Responses => {
                let decoder = responses::Decoder::new(quirks, request);
                Listener::Responses(responses::Meter::default(), decoder)
            }
            Format::Messages => {
                let decoder = messages::Decoder::new(quirks, request);
                Listener::Messages(messages::Meter::default(), decoder)
            }
            Format::Gemini => {
                let decoder = gemini::Decoder::new(quirks, request);
                Listener::Gemini(gemini::Meter::default(), decoder)
            }
        }
    }

    /// Hears a piece, whose JSON is `text`. `true` when nothing more is to come.
    pub(super) fn hear(
        &mut self,
        text: &str,
        piece: Piece<'_>,
        report: &mut Report,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        // One reading for both, the decoder only where it is no error. Of what cannot be read, each makes what it can.
        macro_rules! hear {
            ($meter:ident, $decoder:ident, $heard:expr) => {
                match $heard {
                    Some(heard) => {
                        $meter.take(&heard, piece, report);
                        report.fault.is_none() && $decoder.take(&heard, piece, each)
                    }
                    None => {
                        meter::unread(piece, report);
                        report.fault.is_none() && $decoder.push(piece, each)
                    }
                }
            };
        }
        match self {
            Listener::Chat(meter, decoder) => {
                hear!(meter, decoder, loose::object::<chat::Chunk<'_>>(text))
            }
            Listener::Responses(meter, decoder) => {
                hear!(meter, decoder, loose::object::<responses::Step<'_>>(text))
            }
            Listener::Messages(meter, decoder) => {
                hear!(meter, decoder, loose::object::<messages::Step<'_>>(text))
            }
            Listener::Gemini(meter, decoder) => {
                hear!(meter, decoder, gemini::Chunks::read(text))
            }
        }
    }

    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        match self {
            Listener::Chat(_, decoder) => decoder.finish(each),
            Listener::Responses(_, decoder) => decoder.finish(each),
            Listener::Messages(_, decoder) => decoder.finish(each),
            Listener::Gemini(_, decoder) => decoder.finish(each),
        }
    }
}

impl Encoder {
    pub(super) fn new(format: Format, envelope: &Envelope, back: &Back) -> Encoder {
        match format {
            Format::Chat => Encoder::Chat(chat::Encoder::new(envelope, back)),
            Format::Responses => {
                Encoder::Responses(Box::new(responses::Encoder::new(envelope, back)))
            }
            Format::Messages => Encoder::Messages(messages::Encoder::new(envelope, back)),
            Format::Gemini => Encoder::Gemini(gemini::Encoder::new(envelope, back)),
        }
    }

    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        match self {
            Encoder::Chat(encoder) => encoder.event(event, out),
            Encoder::Responses(encoder) => encoder.event(event, out),
            Encoder::Messages(encoder) => encoder.event(event, out),
            Encoder::Gemini(encoder) => encoder.event(event, out),
        }
    }

    /// The upstream said no more at once.
    pub(super) fn pause(&mut self, out: &mut Writer) {
        if let Encoder::Chat(encoder) = self {
            encoder.pause(out);
        }
    }

    pub(super) fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        match self {
            Encoder::Chat(encoder) => encoder.fail(telling, out),
            Encoder::Responses(encoder) => encoder.fail(telling, out),
            Encoder::Messages(encoder) => encoder.fail(telling, out),
            Encoder::Gemini(encoder) => encoder.fail(telling, out),
        }
    }
}

/// A whole answer's bytes.
pub(super) fn whole(format: Format, reply: &Reply, envelope: &Envelope, back: &Back) -> Vec<u8> {
    match format {
        Format::Chat => chat::encode_reply(reply, envelope, back),
        Format::Responses => responses::encode_reply(reply, envelope, back),
        Format::Messages => messages::encode_reply(reply, envelope, back),
        Format::Gemini => gemini::encode_reply(reply, envelope, back),
    }
}
