//! Cuts Gemini's streamed JSON array `[{…},\n{…}]` into its objects while it arrives.

use bytes::{Bytes, BytesMut};

use super::balance::Balance;
use super::{MAX_FRAME_BYTES, TooLarge};

/// Where the bytes read so far end. A last word is well formed only when it fits this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing but blanks came.
    Start,
    /// After `[`.
    Open,
    /// Inside an element.
    Element,
    /// After an element.
    After,
    /// After the comma behind an element.
    Comma,
    /// After `]`, or after an object that stood without an array around it.
    End,
}

/// The machine: bytes in, objects out. An object that stands alone (an error) is an element, too.
#[derive(Debug)]
pub struct Reader {
    place: Place,
    in_array: bool,
    balance: Balance,
    /// The current element as far as earlier chunks held it.
    held: BytesMut,
    broken: bool,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    /// A reader at the start of a body.
    pub fn new() -> Reader {
        Reader {
            place: Place::Start,
            in_array: false,
            balance: Balance::default(),
            held: BytesMut::new(),
            broken: false,
        }
    }

    /// Where the bytes read so far end.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Reads the next bytes and hands every element that is complete to `each`. What is neither
    /// an element nor part of the array's frame is passed over.
    pub fn push(&mut self, chunk: &Bytes, mut each: impl FnMut(Bytes)) -> Result<(), TooLarge> {
        if self.broken {
            return Err(TooLarge);
        }
        // Where the current element begins in this chunk.
        let mut start = 0;
        let mut here = 0;
        while let Some(&byte) = chunk.get(here) {
            if self.place != Place::Element {
                if self.between(byte) {
                    start = here;
                } else {
                    here += 1;
                }
                continue;
            }
            let end = self.balance.scan(&chunk[here..]);
            here += end.unwrap_or(chunk.len() - here);
            if self.held.len() + (here - start) > MAX_FRAME_BYTES {
                self.broken = true;
                self.held = BytesMut::new();
                return Err(TooLarge);
            }
            if end.is_some() {
                self.place = if self.in_array {
                    Place::After
                } else {
                    Place::End
                };
                each(self.take(chunk, start, here));
            }
        }
        if self.place == Place::Element {
            self.held.extend_from_slice(&chunk[start..]);
        }
        Ok(())
    }

    /// Looks at a byte outside the elements; whether an element begins with it.
    fn between(&mut self, byte: u8) -> bool {
        match byte {
            b'[' if self.place == Place::Start => {
                self.place = Place::Open;
                self.in_array = true;
            }
            b',' if self.place == Place::After => self.place = Place::Comma,
            b']' if self.in_array => {
                self.place = Place::End;
                self.in_array = false;
            }
            b'{' if self.place != Place::End => {
                self.place = Place::Element;
                self.balance = Balance::default();
                return true;
            }
            _ => {}
        }
        false
    }

    fn take(&mut self, chunk: &Bytes, start: usize, end: usize) -> Bytes {
        if self.held.is_empty() {
            return chunk.slice(start..end);
        }
        self.held.extend_from_slice(&chunk[..end]);
        self.held.split().freeze()
    }
}
