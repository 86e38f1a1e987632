//! Any bytes as an answer of any format, for a client of any other: the events keep their grammar
//! (checked inside, where debug assertions are on), the cut changes nothing, and what the client
//! gets is well formed.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::Format;
use llm::convert::back_unconverted;
use llm::dialect::Quirks;
use llm::fault::Telling;
use llm::tap::{Framing, Report};
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use serde::de::IgnoredAny;

const TELLING: Telling<'_> = Telling {
    status: 502,
    kind: "api_error",
    code: None,
    message: "it broke",
    param: None,
    request_id: "r",
};

fn through(options: TranscodeOptions, body: &[u8], size: usize) -> (Vec<u8>, Report) {
    let mut transcoder = Transcoder::new(options);
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        transcoder.push(&Bytes::copy_from_slice(piece), &mut out);
    }
    transcoder.finish(&mut out);
    transcoder.finish(&mut out);
    let mut said = out.concat();
    said.extend(transcoder.last_event(&TELLING));
    (said, transcoder.report().clone())
}

fn is_well_formed(wanted: Framing, said: &[u8]) -> bool {
    let json = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    match wanted {
        Framing::Whole => said.is_empty() || json(said),
        Framing::JsonArray => json(said),
        Framing::Sse => said.split(|byte| *byte == b'\n').all(|line| {
            let payload = line.strip_prefix(b"data: ");
            payload.is_none_or(|payload| payload == b"[DONE]" || json(payload))
        }),
    }
}

fuzz_target!(|input: &[u8]| {
    let [pair, how, body @ ..] = input else {
        return;
    };
    let from = Format::ALL[usize::from(pair & 3)];
    let to = Format::ALL[usize::from(pair >> 2 & 3)];
    let framings = [Framing::Sse, Framing::Whole, Framing::JsonArray];
    let wanted = match how >> 2 & 3 {
        0 | 1 => Framing::Sse,
        2 if to == Format::Gemini => Framing::JsonArray,
        _ => Framing::Whole,
    };
    let ask = r#"{"stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"messages":[],"thinking":{"type":"adaptive"}}"#;
    let options = TranscodeOptions {
        from,
        to,
        framing: framings[usize::from(how & 3) % 3],
        wanted,
        quirks: Quirks::NONE,
        back: back_unconverted(to, ask.as_bytes()),
        envelope: Envelope {
            id: "r".to_owned(),
            model: "asked".to_owned(),
            created: 1,
            upstream_model: "gpt-5".to_owned(),
        },
        input_estimate: 7,
        thinking_to_content: how & 16 != 0,
    };
    let whole = through(options.clone(), body, body.len().max(1));
    assert!(is_well_formed(wanted, &whole.0));
    assert_eq!(through(options.clone(), body, 1), whole);
    assert_eq!(through(options, body, 5), whole);
});
