//! Replies that real providers gave, translated for the clients of every format: what a plain
//! reader gets of the translation is what it gets of the reply itself.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "recorded/answer.rs"]
mod answer;
#[path = "recorded/plain.rs"]
mod plain;
#[path = "recorded/source.rs"]
mod source;

use answer::Answer;
use bytes::Bytes;
use llm::convert::{Back, back_unconverted};
use llm::tap::Framing;
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use llm::{Format, Usage};
use serde_json::Value;
use source::{Body, Recording, sse};

/// What stands between the messages of a Responses answer for clients that know one text: they are
/// paragraphs.
const PARAGRAPH: &str = "\n\n";

/// Tokens told where a reply reports none.
const ESTIMATE: u64 = 4_321;

#[test]
fn every_recorded_reply_says_the_same_to_the_clients_of_every_format() {
    let Some((files, recordings)) = source::recordings() else {
        return;
    };
    let (mut pairs, mut faults, mut wrong) = (0, 0, Vec::new());
    for recording in &recordings {
        for to in Format::ALL {
            for wanted in framings(to) {
                let outcome = std::panic::catch_unwind(|| check(recording, to, wanted));
                match outcome {
                    Ok(Ok(Outcome::Answer)) => pairs += 1,
                    Ok(Ok(Outcome::Fault)) => faults += 1,
                    Ok(Err(problem)) => {
                        wrong.push(format!("{} to {to} {wanted:?}: {problem}", recording.name))
                    }
                    Err(_) => wrong.push(format!("{} to {to} {wanted:?}: panic", recording.name)),
                }
            }
        }
    }
    println!("{files} recorded replies: {pairs} translations tested, {faults} of faults");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

enum Outcome {
    Answer,
    Fault,
}

fn framings(to: Format) -> Vec<Framing> {
    let mut framings = vec![Framing::Whole, Framing::Sse];
    if to == Format::Gemini {
        framings.push(Framing::JsonArray);
    }
    framings
}

fn check(recording: &Recording, to: Format, wanted: Framing) -> Result<Outcome, String> {
    let Recording { format, quirks, .. } = recording;
    let (given, usage, failed) = match &recording.body {
        Body::Whole(text) => {
            let value: Value = serde_json::from_str(text).unwrap();
            let plain = plain::whole(*format, *quirks, &value);
            (
                answer::whole(*format, &value, PARAGRAPH),
                plain.usage,
                plain.failed,
            )
        }
        Body::Stream(lines) => {
            let lines = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            let values: Vec<Value> = lines.collect();
            let plain = plain::stream(*format, *quirks, &values);
            (
                answer::stream(*format, &values, PARAGRAPH),
                plain.usage,
                plain.failed,
            )
        }
    };
    let (out, report_failed) = translated(recording, to, wanted);
    if failed {
        return match report_failed {
            true => Ok(Outcome::Fault),
            false => Err("the fault was not seen".to_owned()),
        };
    }
    if given.stop.is_empty() {
        // Cut: nobody can say how it ends.
        return Ok(Outcome::Fault);
    }
    let (got, told) = read(to, wanted, &out);
    let expected = as_told(given, to, wanted);
    let got = without_notes(got);
    if got != expected {
        return Err(format!("\n  got    {got:?}\n  wanted {expected:?}"));
    }
    compare_usage(to, usage, told).map(|()| Outcome::Answer)
}

/// What a client of that format can be told of an answer.
fn as_told(mut answer: Answer, to: Format, wanted: Framing) -> Answer {
    let said = std::mem::take(&mut answer.explanation);
    match to {
        Format::Chat => answer.text += &said,
        Format::Messages => answer.explanation = said,
        // A call that was cut short is no JSON object: there is no place for it here,
        Format::Gemini => answer.calls.retain(|(_, args)| args.is_object()),
        Format::Responses => {}
    }
    // or it is wrapped.
    if to == Format::Messages && wanted == Framing::Whole {
        for (_, args) in answer.calls.iter_mut().filter(|(_, args)| args.is_string()) {
            *args = serde_json::json!({ "_raw": args });
        }
    }
    answer
}

/// Clients without images are told of them in words.
fn without_notes(mut answer: Answer) -> Answer {
    while let Some(at) = answer.text.find("[The model made an image (") {
        let end = answer.text[at..].find(']').map_or(0, |end| at + end + 1);
        answer.text.replace_range(at..end, "");
    }
    answer
}

fn compare_usage(to: Format, given: Usage, told: Usage) -> Result<(), String> {
    let reported = given != Usage::default();
    let known = |usage: Usage| match to {
        // These have no word for it.
        Format::Messages => (usage.input, usage.output, usage.cache_read, 0),
        _ => (usage.input, usage.output, usage.cache_read, usage.reasoning),
    };
    if reported && known(given) != known(told) {
        return Err(format!("usage {:?}, not {:?}", known(told), known(given)));
    }
    if !reported && told.input != ESTIMATE {
        return Err(format!("usage {told:?} where an estimate should be told"));
    }
    Ok(())
}

/// The translation, whatever the cut; and whether a fault was seen.
fn translated(recording: &Recording, to: Format, wanted: Framing) -> (Vec<u8>, bool) {
    let (framing, body) = match &recording.body {
        Body::Whole(text) => (Framing::Whole, text.clone().into_bytes()),
        Body::Stream(lines) => (Framing::Sse, sse(recording.format, lines)),
    };
    let mut outs = [body.len().max(1), 1399, 7].map(|size| {
        let mut transcoder = Transcoder::new(TranscodeOptions {
            from: recording.format,
            to,
            framing,
            wanted,
            quirks: recording.quirks,
            back: back(to),
            envelope: Envelope {
                id: "0194d6c8".to_owned(),
                model: "asked".to_owned(),
                created: 1_700_000_000,
                upstream_model: "upstream".to_owned(),
            },
            input_estimate: ESTIMATE,
            thinking_to_content: false,
        });
        let mut out = Vec::new();
        for piece in body.chunks(size) {
            transcoder.push(&Bytes::copy_from_slice(piece), &mut out);
        }
        transcoder.finish(&mut out);
        transcoder.finish(&mut out);
        (out.concat(), transcoder.report().fault.is_some())
    });
    assert!(
        outs.iter().all(|out| *out == outs[0]),
        "the cut changed the output"
    );
    std::mem::take(&mut outs[0])
}

/// A request that wants to be told everything.
fn back(to: Format) -> Back {
    let request = match to {
        Format::Chat => {
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}"#
        }
        Format::Responses => {
            r#"{"model":"m","input":"x","reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]}"#
        }
        Format::Messages => {
            r#"{"model":"m","max_tokens":9999,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"x"}]}"#
        }
        Format::Gemini => {
            r#"{"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#
        }
    };
    back_unconverted(to, request.as_bytes())
}

/// What a plain reader gets of the translation.
fn read(to: Format, wanted: Framing, out: &[u8]) -> (Answer, Usage) {
    let none = llm::dialect::Quirks::NONE;
    let text = std::str::from_utf8(out).unwrap();
    let events: Vec<Value> = match wanted {
        Framing::Whole => {
            let value: Value = serde_json::from_str(text).unwrap();
            return (
                answer::whole(to, &value, ""),
                plain::whole(to, none, &value).usage,
            );
        }
        Framing::JsonArray => serde_json::from_str(text).unwrap(),
        Framing::Sse => text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|line| *line != "[DONE]")
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    };
    let answer = answer::stream(to, &events, "");
    if to == Format::Responses {
        assert_eq!(answer::responses_deltas(&events).concat(), answer.text);
    }
    (answer, plain::stream(to, none, &events).usage)
}
