//! Writes a stream's events in the caller's framing.

use serde::Serialize;

use crate::tap::Framing;

/// Gathers the events of one pushed chunk; [`take`](Writer::take) hands them on.
#[derive(Debug)]
pub(crate) struct Writer {
    framing: Framing,
    out: Vec<u8>,
    /// An element of the array was written.
    begun: bool,
}

impl Writer {
    /// A writer at the start of a body. `Whole` writes values bare.
    pub(crate) fn new(framing: Framing) -> Writer {
        Writer {
            framing,
            out: Vec::new(),
            begun: false,
        }
    }

    /// Writes an event. `name` is empty where the format has no names.
    pub(crate) fn event(&mut self, name: &str, value: &impl Serialize) {
        match self.framing {
            Framing::Sse => {
                if !name.is_empty() {
                    self.bytes(b"event: ");
                    self.bytes(name.as_bytes());
                    self.bytes(b"\n");
                }
                self.bytes(b"data: ");
                self.json(value);
                self.bytes(b"\n\n");
            }
            Framing::JsonArray => {
                self.bytes(if self.begun { b",\n" } else { b"[" });
                self.json(value);
            }
            Framing::Whole => self.json(value),
        }
        self.begun = true;
    }

    /// Writes the `[DONE]` of OpenAI's older streams.
    pub(crate) fn done(&mut self) {
        self.bytes(b"data: [DONE]\n\n");
    }

    /// Ends the body: closes the array where it is one.
    pub(crate) fn close(&mut self) {
        if matches!(self.framing, Framing::JsonArray) {
            self.bytes(if self.begun { b"]" } else { b"[]" });
        }
    }

    /// Whether an event was written yet.
    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    /// What was written since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn json(&mut self, value: &impl Serialize) {
        // Writing to memory cannot fail, and our own types have only string keys.
        let _ = serde_json::to_writer(&mut self.out, value);
    }
}
