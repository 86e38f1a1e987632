//! What the mock upstream shall answer, told by the model name: the one thing that every gateway
//! hands on in every format.

use std::time::Duration;

/// What the mock upstream speaks: the gateway's channels are told apart by the model's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
}

impl Upstream {
    const ALL: [Upstream; 2] = [Upstream::Chat, Upstream::Messages];

    fn prefix(self) -> &'static str {
        match self {
            Upstream::Chat => "bench-",
            Upstream::Messages => "foreign-",
        }
    }
}

/// An answer of the mock upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// A JSON answer of 900 bytes.
    Whole,
    /// A stream of this many content chunks, this far apart; 0: everything in one write.
    Stream {
        /// Content chunks.
        chunks: usize,
        /// Time between two chunks.
        gap: Duration,
    },
    /// A stream that sends this many content chunks at once, then stays open without a word.
    Hold {
        /// Content chunks.
        chunks: usize,
    },
}

impl Script {
    /// The model name that asks an upstream for it.
    pub fn model(&self, upstream: Upstream) -> String {
        let prefix = upstream.prefix();
        match self {
            Script::Whole => format!("{prefix}whole"),
            Script::Stream { chunks, gap } => {
                format!("{prefix}stream-{chunks}-{}", gap.as_micros())
            }
            Script::Hold { chunks } => format!("{prefix}hold-{chunks}"),
        }
    }

    /// Whether the request must ask for a stream.
    pub fn streams(&self) -> bool {
        !matches!(self, Script::Whole)
    }

    /// The script that a request body asks for by its `model`.
    pub fn asked_by(body: &[u8]) -> Option<Script> {
        let model = model(body)?;
        let name = Upstream::ALL
            .iter()
            .find_map(|upstream| model.strip_prefix(upstream.prefix()))?;
        let mut words = name.split('-');
        let script = match words.next()? {
            "whole" => Script::Whole,
            "stream" => Script::Stream {
                chunks: words.next()?.parse().ok()?,
                gap: Duration::from_micros(words.next()?.parse().ok()?),
            },
            "hold" => Script::Hold {
                chunks: words.next()?.parse().ok()?,
            },
            _ => return None,
        };
        words.next().is_none().then_some(script)
    }
}

/// The first string member called `model`; payloads name it before anything of size.
fn model(body: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"model\":";
    let at = body.windows(KEY.len()).position(|window| window == KEY)?;
    let value = body[at + KEY.len()..].trim_ascii_start();
    let value = value.strip_prefix(b"\"")?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&value[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_survives_the_way_through_a_request() {
        let gap = Duration::from_millis(5);
        for script in [
            Script::Whole,
            Script::Stream { chunks: 400, gap },
            Script::Hold { chunks: 3 },
        ] {
            for upstream in Upstream::ALL {
                let model = script.model(upstream);
                let body = format!(r#"{{"stream":true,"model": "{model}","x":1}}"#);
                assert_eq!(Script::asked_by(body.as_bytes()), Some(script));
            }
        }
    }

    #[test]
    fn other_models_ask_for_nothing() {
        assert_eq!(Script::asked_by(br#"{"model":"gpt-4o"}"#), None);
        assert_eq!(Script::asked_by(br#"{"model":"bench-stream-4"}"#), None);
        assert_eq!(Script::asked_by(b"{}"), None);
    }
}
