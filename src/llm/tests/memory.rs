//! A stream may run for hours: what is kept of it does not grow with it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use llm::Format;
use llm::convert::Back;
use llm::dialect::Quirks;
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};

/// Events of each stream.
const EVENTS: usize = 20_000;

/// Growth that is allowed, in bytes; the streams have six times as much text.
const MAX_GROWTH: usize = 1024 * 1024;

const WORDS: &str = "three hundred bytes of an answer that never seems to come to its end, because somebody asked for a book, and then for another one, and the model is patient and goes on and on with its story about a gateway that keeps nothing of what passes through it, however long it takes until the last word is said.";

/// The beginning of a stream, and one event more of it.
fn stream(from: Format) -> (String, String) {
    let event = |name: &str, json: &str| format!("event: {name}\ndata: {json}\n\n");
    match from {
        Format::Chat => {
            let chunk = format!(
                r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{WORDS}"}}}}]}}"#
            );
            (String::new(), format!("data: {chunk}\n\n"))
        }
        Format::Responses => (
            event(
                "response.created",
                r#"{"type":"response.created","response":{"id":"r"}}"#,
            ) + &event(
                "response.output_item.added",
                r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","role":"assistant","content":[]}}"#,
            ) + &event(
                "response.content_part.added",
                r#"{"type":"response.content_part.added","output_index":0,"item_id":"m","content_index":0,"part":{"type":"output_text","text":""}}"#,
            ),
            event(
                "response.output_text.delta",
                &format!(
                    r#"{{"type":"response.output_text.delta","output_index":0,"item_id":"m","content_index":0,"delta":"{WORDS}"}}"#
                ),
            ),
        ),
        Format::Messages => (
            event(
                "message_start",
                r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#,
            ) + &event(
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            ),
            event(
                "content_block_delta",
                &format!(
                    r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{WORDS}"}}}}"#
                ),
            ),
        ),
        Format::Gemini => (
            String::new(),
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{WORDS}\"}}]}},\"index\":0}}],\"responseId\":\"r\"}}\n\n"
            ),
        ),
    }
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn nothing_grows_with_the_stream() {
    for from in Format::ALL {
        // Responses repeats the whole answer at its end, and has a bound of its own.
        for to in [Format::Chat, Format::Messages, Format::Gemini] {
            let mut transcoder = Transcoder::new(TranscodeOptions {
                from,
                to,
                framing: Framing::Sse,
                wanted: Framing::Sse,
                quirks: Quirks::NONE,
                back: Back::default(),
                envelope: Envelope {
                    id: "r".to_owned(),
                    model: "asked".to_owned(),
                    created: 1,
                    upstream_model: "up".to_owned(),
                },
                input_estimate: 7,
                thinking_to_content: false,
            });
            let (begin, more) = stream(from);
            let more = Bytes::from(more);
            let mut out = Vec::new();
            transcoder.push(&Bytes::from(begin), &mut out);
            let (mut before, mut told) = (0, 0);
            for nth in 0..EVENTS {
                transcoder.push(&more, &mut out);
                told += out.iter().map(Bytes::len).sum::<usize>();
                out.clear();
                if nth == 1_000 {
                    before = resident();
                }
            }
            let growth = resident().saturating_sub(before);
            assert!(told > EVENTS * WORDS.len(), "everything is told");
            assert!(growth < MAX_GROWTH, "{from} to {to} grew by {growth} bytes");
        }
    }
}
