//! The twelve translations: requests and streams of any format, for any other.

use bytes::Bytes;
use llm::Format;
use llm::convert::{Asked, Back, Converted, Target, convert};
use llm::dialect::Quirks;
use llm::loss::Strictness;
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};

use crate::payload::{REQUEST_BYTES, agent_request, messages_request};
use crate::streams;

/// From an upstream's format, or from a client's, to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What is read.
    pub from: Format,
    /// What is written.
    pub to: Format,
}

impl Pair {
    /// Every format in every other.
    pub fn all() -> impl Iterator<Item = Pair> {
        let from = Format::ALL.into_iter();
        from.flat_map(|from| Format::ALL.map(|to| Pair { from, to }))
            .filter(|pair| pair.from != pair.to)
    }

    /// Converts a request that a client wrote in `from`.
    pub fn convert(self, body: &[u8]) -> Converted {
        let asked = Asked {
            model: "asked",
            stream: true,
            wish: None,
        };
        let to = Target {
            format: self.to,
            model: model(self.to),
            quirks: Quirks::NONE,
            strictness: Strictness::Lenient,
            max_output: None,
            default_output: 4_096,
        };
        convert(self.from, body, &asked, &to).expect("a request that every format can carry")
    }

    /// What translates an upstream's stream.
    pub fn transcoder(self) -> Transcoder {
        Transcoder::new(TranscodeOptions {
            from: self.from,
            to: self.to,
            framing: Framing::Sse,
            wanted: Framing::Sse,
            quirks: Quirks::NONE,
            back: Back::default(),
            envelope: Envelope {
                id: "019ab2c3d4e5f60718293a4b5c6d7e8f".to_owned(),
                model: "asked".to_owned(),
                created: 1_741_570_283,
                upstream_model: model(self.from).to_owned(),
            },
            input_estimate: 512,
            thinking_to_content: false,
        })
    }

    /// Translates a stream, every event of it read alone; the bytes that the client gets.
    pub fn translate(self, events: &[Bytes]) -> usize {
        let (mut transcoder, mut out, mut bytes) = (self.transcoder(), Vec::new(), 0);
        for event in events {
            transcoder.push(event, &mut out);
            bytes += out.drain(..).map(|piece| piece.len()).sum::<usize>();
        }
        transcoder.finish(&mut out);
        bytes + out.iter().map(Bytes::len).sum::<usize>()
    }
}

/// The events of a streamed answer with so many pieces of text.
pub fn events(format: Format, chunks: usize) -> Vec<Bytes> {
    let events = match format {
        Format::Chat => streams::chat(chunks),
        Format::Responses => streams::responses(chunks),
        Format::Messages => streams::messages(chunks),
        Format::Gemini => streams::gemini(chunks),
    };
    events.into_iter().map(Bytes::from).collect()
}

/// A question of 2 KB.
pub fn question(format: Format) -> Vec<u8> {
    said_in(format, messages_request("asked", true, REQUEST_BYTES))
}

/// A coding agent's turn of some 100 KB with 40 tools.
pub fn agent_turn(format: Format) -> Vec<u8> {
    said_in(format, agent_request("asked"))
}

/// A Messages request as a client of `format` would say it.
fn said_in(format: Format, request: String) -> Vec<u8> {
    let pair = Pair {
        from: Format::Messages,
        to: format,
    };
    match format {
        Format::Messages => request.into_bytes(),
        _ => pair.convert(request.as_bytes()).body,
    }
}

/// A model of today that speaks the format.
fn model(format: Format) -> &'static str {
    match format {
        Format::Chat => "gpt-4o",
        Format::Responses => "gpt-5.2",
        Format::Messages => "claude-sonnet-4-5",
        Format::Gemini => "gemini-2.5-pro",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_carries_the_requests_and_the_whole_stream() {
        let pairs: Vec<Pair> = Pair::all().collect();
        assert_eq!(pairs.len(), 12);
        for pair in pairs {
            for (request, least) in [
                (question(pair.from), 1_500),
                (agent_turn(pair.from), 90_000),
            ] {
                let converted = pair.convert(&request);
                assert!(converted.body.len() > least, "{pair:?}");
            }
            let bytes = |chunks| pair.translate(&events(pair.from, chunks));
            let each = (bytes(220) - bytes(20)) / 200;
            assert!(each > 50, "{pair:?}: {each} bytes for a piece of text");
        }
    }
}
