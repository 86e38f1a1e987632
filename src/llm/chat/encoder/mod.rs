//! Writes a streamed answer, event by event.

use crate::convert::Back;
use crate::fault::Telling;
use crate::frame::write::Writer;
use crate::ir::Event;
use crate::transcode::Envelope;

/// The machine: events in, the caller's stream out.
#[derive(Debug)]
pub(crate) struct Encoder {}

impl Encoder {
    pub(crate) fn new(_envelope: &Envelope, _back: &Back) -> Encoder {
        Encoder {}
    }

    /// Writes what follows from the event; may hold back what depends on later ones.
    pub(crate) fn event(&mut self, _event: &Event<'_>, _out: &mut Writer) {}

    /// Ends a stream that broke off with an error, in the words of the format.
    pub(crate) fn fail(&mut self, _telling: &Telling<'_>, _out: &mut Writer) {}
}
