//! Reads an answer, whole or streamed, into events.

use crate::dialect::Quirks;
use crate::ir::Event;
use crate::meter::Piece;

/// The machine: pieces of an answer in, events out.
#[derive(Debug)]
pub(crate) struct Decoder {}

impl Decoder {
    pub(crate) fn new(_quirks: Quirks) -> Decoder {
        Decoder {}
    }

    /// Reads one event of a stream, or a whole answer; `true` when nothing more of it is to come.
    /// What it does not know, it leaves out; errors are the meter's to see.
    pub(crate) fn push(&mut self, _piece: Piece<'_>, _each: &mut dyn FnMut(Event<'_>)) -> bool {
        false
    }

    /// The answer came to its end: closes what is open and says why each choice stopped. Not called
    /// for an answer that broke off.
    pub(crate) fn finish(&mut self, _each: &mut dyn FnMut(Event<'_>)) {}
}
