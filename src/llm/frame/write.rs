//! Writes a stream's events in the caller's framing.

use serde::Serialize;

use crate::tap::Framing;

/// Room for one event of ordinary size, taken at once instead of grown to.
const ROOM_BYTES: usize = 512;

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
        if self.out.capacity() == 0 {
            self.out.reserve(ROOM_BYTES);
        }
        match self.framing {
            Framing::Sse => {
                if !name.is_empty() {
                    self.bytes(b"event: ");
                    self.bytes(name.as_bytes());
                    self.bytes(b"\n");
                }
                self.bytes(b"data: ");
                let begin = self.out.len();
                self.json(value);
                one_line(&mut self.out[begin..]);
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

/// Raw JSON that is only carried may stand on several lines, which would end the event. Inside
/// strings line breaks are escaped, so what is found is white space.
fn one_line(json: &mut [u8]) {
    let mut rest = json;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        rest[at] = b' ';
        rest = &mut rest[at + 1..];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::value::RawValue;

    use super::*;

    fn written(framing: Framing, values: &[&str]) -> String {
        let mut writer = Writer::new(framing);
        for value in values {
            let value = RawValue::from_string((*value).to_owned()).unwrap();
            writer.event("tick", &value);
        }
        writer.close();
        String::from_utf8(writer.take()).unwrap()
    }

    #[test]
    fn an_event_stands_on_one_line_whatever_it_carries() {
        let pretty = "{\n  \"a\": \"x\\n\"\r\n}";
        assert_eq!(
            written(Framing::Sse, &[pretty]),
            "event: tick\ndata: {   \"a\": \"x\\n\"  }\n\n"
        );
    }

    #[test]
    fn an_array_is_closed_even_when_nothing_came() {
        assert_eq!(written(Framing::JsonArray, &["1", "2"]), "[1,\n2]");
        assert_eq!(written(Framing::JsonArray, &[]), "[]");
    }
}
