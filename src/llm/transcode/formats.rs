//! One decoder and one encoder for each format.

use super::Envelope;
use crate::Format;
use crate::convert::Back;
use crate::dialect::Quirks;
use crate::fault::Telling;
use crate::frame::write::Writer;
use crate::ir::{Event, Reply};
use crate::loose::{self, Slot};
use crate::meter::{Meter, Piece, Report};
use crate::{chat, gemini, messages, responses};

/// Pieces of an answer in, events out.
#[derive(Debug)]
pub(super) enum Decoder {
    Chat(chat::Decoder),
    Responses(responses::Decoder),
    Messages(messages::Decoder),
    Gemini(gemini::Decoder),
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

impl Decoder {
    /// For the answer to the request of that id.
    pub(super) fn new(format: Format, quirks: Quirks, request: &str) -> Decoder {
        match format {
            Format::Chat => Decoder::Chat(chat::Decoder::new(quirks, request)),
            Format::Responses => Decoder::Responses(responses::Decoder::new(quirks, request)),
            Format::Messages => Decoder::Messages(messages::Decoder::new(quirks, request)),
            Format::Gemini => Decoder::Gemini(gemini::Decoder::new(quirks, request)),
        }
    }

    /// Meter and decoder hear a piece of an answer, the decoder only where it is no error. `true` when nothing
    /// more of it is to come.
    pub(super) fn hear(
        &mut self,
        meter: &mut Meter,
        piece: Piece<'_>,
        report: &mut Report,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        match (&mut *self, &mut *meter) {
            (Decoder::Chat(decoder), Meter::Chat(meter)) => {
                if let Some(Slot(Some(chunk))) = loose::json::<Slot<chat::Chunk<'_>>>(piece.json) {
                    meter.take(&chunk, piece, report);
                    return report.fault.is_none() && decoder.take(&chunk, piece, each);
                }
            }
            (Decoder::Messages(decoder), Meter::Messages(meter)) => {
                if let Some(Slot(Some(step))) = loose::json::<Slot<messages::Step<'_>>>(piece.json)
                {
                    meter.take(&step, piece, report);
                    return report.fault.is_none() && decoder.take(&step, piece, each);
                }
            }
            (Decoder::Responses(decoder), Meter::Responses(meter)) => {
                if let Some(Slot(Some(step))) = loose::json::<Slot<responses::Step<'_>>>(piece.json)
                {
                    meter.take(&step, piece, report);
                    return report.fault.is_none() && decoder.take(&step, piece, each);
                }
            }
            (Decoder::Gemini(decoder), Meter::Gemini(meter)) => {
                if let Some(chunks) = gemini::Chunks::read(piece.json) {
                    meter.take(&chunks, piece, report);
                    return report.fault.is_none() && decoder.take(&chunks, each);
                }
            }
            _ => {}
        }
        meter.read(piece, report);
        report.fault.is_none() && self.push(piece, each)
    }

    fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        match self {
            Decoder::Chat(decoder) => decoder.push(piece, each),
            Decoder::Responses(decoder) => decoder.push(piece, each),
            Decoder::Messages(decoder) => decoder.push(piece, each),
            Decoder::Gemini(decoder) => decoder.push(piece, each),
        }
    }

    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        match self {
            Decoder::Chat(decoder) => decoder.finish(each),
            Decoder::Responses(decoder) => decoder.finish(each),
            Decoder::Messages(decoder) => decoder.finish(each),
            Decoder::Gemini(decoder) => decoder.finish(each),
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
