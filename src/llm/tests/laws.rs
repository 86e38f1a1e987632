//! Laws that hold for every pair of formats, whatever an answer says and however it is cut.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "recorded/answer.rs"]
mod answer;

use answer::Answer;
use bytes::Bytes;
use llm::convert::{Asked, Back, Target, back_unconverted, convert};
use llm::dialect::Quirks;
use llm::fault::Telling;
use llm::loss::Strictness;
use llm::prepare::{Prepare, prepare};
use llm::tap::{Framing, Report};
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use llm::{Format, Operation, ask};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What stands between the messages of a Responses answer for clients that know one text: they are
/// paragraphs.
const PARAGRAPH: &str = "\n\n";

/// What an answer may hold.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Reasoning(String),
    Call(String, Value),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let name = prop::sample::select(vec!["look", "now", "get_w"]);
    let argument = prop_oneof![
        "\\PC{0,8}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let piece = prop_oneof![
        "\\PC{1,12}|[ \\n\"\\\\é世😀]{1,6}".prop_map(Piece::Text),
        "[a-z é]{1,12}".prop_map(Piece::Reasoning),
        (name, prop::collection::btree_map("[a-c]", argument, 0..3))
            .prop_map(|(name, args)| Piece::Call(name.to_owned(), json!(args))),
    ];
    prop::collection::vec(piece, 0..6)
}

/// The answer as a chat stream, text and arguments in pieces of so many characters.
fn chat_stream(pieces: &[Piece], stop: &str, size: usize) -> Vec<u8> {
    let mut events = vec![json!({ "role": "assistant", "content": "" })];
    let mut calls = 0;
    let cut = |text: &str| -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        letters
            .chunks(size)
            .map(|piece| piece.iter().collect())
            .collect()
    };
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                events.extend(cut(text).into_iter().map(|text| json!({ "content": text })));
            }
            Piece::Reasoning(text) => {
                let said = |text| json!({ "reasoning_content": text });
                events.extend(cut(text).into_iter().map(said));
            }
            Piece::Call(name, args) => {
                let head = json!({
                    "index": calls, "id": format!("call_{calls}"), "type": "function",
                    "function": { "name": name, "arguments": "" }
                });
                events.push(json!({ "tool_calls": [head] }));
                let more = |text| {
                    let more = json!({ "index": calls, "function": { "arguments": text } });
                    json!({ "tool_calls": [more] })
                };
                events.extend(cut(&args.to_string()).into_iter().map(more));
                calls += 1;
            }
        }
    }
    let chunk = |delta: Value, stop: Option<&str>| {
        json!({
            "id": "chatcmpl-up", "object": "chat.completion.chunk", "model": "up",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": stop }]
        })
    };
    let mut body = String::new();
    for delta in events {
        body += &format!("data: {}\n\n", chunk(delta, None));
    }
    body += &format!("data: {}\n\n", chunk(json!({}), Some(stop)));
    let usage = json!({
        "prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": { "cached_tokens": 100 },
    });
    body += &format!(
        "data: {}\n\ndata: [DONE]\n\n",
        json!({ "choices": [], "usage": usage })
    );
    body.into_bytes()
}

fn options(from: Format, to: Format, framing: Framing, wanted: Framing) -> TranscodeOptions {
    TranscodeOptions {
        from,
        to,
        framing,
        wanted,
        quirks: Quirks::NONE,
        back: back(to),
        envelope: Envelope {
            id: "0194d6c8".to_owned(),
            model: "asked".to_owned(),
            created: 1_700_000_000,
            upstream_model: "upstream".to_owned(),
        },
        input_estimate: 7,
        thinking_to_content: false,
    }
}

/// A request that wants to be told everything.
fn back(to: Format) -> Back {
    let request = match to {
        Format::Chat => json!({
            "messages": [{ "role": "user", "content": "x" }],
            "stream": true, "stream_options": { "include_usage": true }
        }),
        Format::Responses => json!({ "input": "x", "reasoning": { "summary": "auto" } }),
        Format::Messages => json!({
            "max_tokens": 9999, "thinking": { "type": "enabled", "budget_tokens": 2048 },
            "messages": [{ "role": "user", "content": "x" }]
        }),
        Format::Gemini => json!({
            "contents": [{ "role": "user", "parts": [{ "text": "x" }] }],
            "generationConfig": { "thinkingConfig": { "includeThoughts": true } }
        }),
    };
    back_unconverted(to, request.to_string().as_bytes())
}

/// The translation of a body that comes in these pieces, and the report of it.
fn through(options: TranscodeOptions, pieces: &[&[u8]]) -> (Vec<u8>, Report) {
    let mut transcoder = Transcoder::new(options);
    let mut out = Vec::new();
    for piece in pieces {
        transcoder.push(&Bytes::copy_from_slice(piece), &mut out);
    }
    transcoder.finish(&mut out);
    transcoder.finish(&mut out);
    (out.concat(), transcoder.report().clone())
}

fn translated(from: Format, to: Format, wanted: Framing, body: &[u8]) -> Vec<u8> {
    through(options(from, to, Framing::Sse, wanted), &[body]).0
}

fn read(format: Format, framing: Framing, body: &[u8]) -> Answer {
    let text = std::str::from_utf8(body).unwrap();
    let events: Vec<Value> = match framing {
        Framing::Whole => return answer::whole(format, &serde_json::from_str(text).unwrap(), ""),
        Framing::JsonArray => serde_json::from_str(text).unwrap(),
        Framing::Sse => text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|line| *line != "[DONE]")
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    };
    answer::stream(format, &events, "")
}

/// The answer as the pieces say it, once it came through that format. In Responses each run of
/// text is a message, and messages are paragraphs; everywhere else nothing is put between texts.
fn said(pieces: &[Piece], stop: &'static str, middle: Format) -> Answer {
    let mut said = Answer::default();
    for (at, piece) in pieces.iter().enumerate() {
        let begins = at == 0 || !matches!(pieces[at - 1], Piece::Text(_));
        match piece {
            Piece::Text(text) => {
                if middle == Format::Responses && begins && !said.text.is_empty() {
                    said.text += PARAGRAPH;
                }
                said.text += text;
            }
            Piece::Reasoning(text) => said.reasoning += text,
            Piece::Call(name, args) => said.calls.push((name.clone(), args.clone())),
        }
    }
    said.reasoning.retain(|letter| !letter.is_whitespace());
    said.stop = match (stop, said.calls.is_empty()) {
        ("stop", false) => "tools",
        ("stop", true) => "end",
        (other, _) => other,
    };
    said
}

const STOPS: [(&str, &str); 2] = [("stop", "stop"), ("length", "length")];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Decoding what was encoded is the answer again, through any two formats in a row, whole or
    /// streamed: collecting a stream equals the whole answer.
    #[test]
    fn an_answer_means_the_same_after_two_translations(
        pieces in pieces(),
        stop in prop::sample::select(&STOPS[..]),
        size in 1usize..9,
    ) {
        let first = chat_stream(&pieces, stop.0, size);
        for middle in Format::ALL {
            let wanted = said(&pieces, stop.1, middle);
            let between = translated(Format::Chat, middle, Framing::Sse, &first);
            for to in Format::ALL {
                for framing in [Framing::Whole, Framing::Sse] {
                    let last = translated(middle, to, framing, &between);
                    let got = read(to, framing, &last);
                    prop_assert_eq!(&got, &wanted, "by {} to {} {:?}", middle, to, framing);
                }
            }
        }
    }

    /// Any cut of the upstream's stream gives the same output and the same report.
    #[test]
    fn the_cut_changes_nothing(
        pieces in pieces(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let first = chat_stream(&pieces, "stop", 3);
        for from in Format::ALL {
            let body = translated(Format::Chat, from, Framing::Sse, &first);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
            places.extend([0, body.len()]);
            places.sort_unstable();
            let cut: Vec<&[u8]> = places.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
            for to in Format::ALL {
                for wanted in [Framing::Whole, Framing::Sse] {
                    let options = options(from, to, Framing::Sse, wanted);
                    let whole = through(options.clone(), &[&body]);
                    prop_assert_eq!(through(options, &cut), whole, "{} to {}", from, to);
                }
            }
        }
    }

    /// A stream that breaks off anywhere is told as an error, in whole events.
    #[test]
    fn a_stream_that_breaks_off_ends_in_an_error(
        pieces in pieces(),
        cut in any::<prop::sample::Index>(),
    ) {
        let first = chat_stream(&pieces, "stop", 3);
        for from in Format::ALL {
            let body = translated(Format::Chat, from, Framing::Sse, &first);
            let body = &body[..cut.index(body.len())];
            for to in Format::ALL {
                for wanted in framings(to) {
                    let mut transcoder = Transcoder::new(options(from, to, Framing::Sse, wanted));
                    let mut out = Vec::new();
                    transcoder.push(&Bytes::copy_from_slice(body), &mut out);
                    let seen = transcoder.finish(&mut out);
                    let mut said = out.concat();
                    let last = transcoder.last_event(&telling());
                    prop_assert_eq!(last.is_empty(), seen.terminal);
                    said.extend(last);
                    let events = events(wanted, &said);
                    let told = events.iter().any(|event| {
                        event["type"] == "response.failed" || !event["error"].is_null()
                    });
                    prop_assert_eq!(told, !seen.terminal, "{} to {}", from, to);
                }
            }
        }
    }

    /// Bytes that are no answer make nothing panic and break no rule of the events.
    #[test]
    fn mutated_streams_are_survived(
        pieces in pieces(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let first = chat_stream(&pieces, "stop", 3);
        for from in Format::ALL {
            let mut body = translated(Format::Chat, from, Framing::Sse, &first);
            for (place, byte) in &edits {
                let place = place.index(body.len());
                body[place] = *byte;
            }
            for to in Format::ALL {
                for framing in [Framing::Sse, Framing::Whole, Framing::JsonArray] {
                    let _ = through(options(from, to, framing, Framing::Sse), &[&body]);
                }
                let _ = through(options(from, to, Framing::Sse, Framing::Whole), &[&body]);
            }
        }
    }
}

/// Streams of that format.
fn framings(to: Format) -> Vec<Framing> {
    match to {
        Format::Gemini => vec![Framing::Sse, Framing::JsonArray],
        _ => vec![Framing::Sse],
    }
}

fn telling() -> Telling<'static> {
    Telling {
        status: 502,
        kind: "api_error",
        code: None,
        message: "it broke",
        param: None,
        request_id: "0194d6c8",
    }
}

fn events(framing: Framing, body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    match framing {
        Framing::JsonArray => {
            serde_json::from_str(text).unwrap_or_else(|_| panic!("no array: {text}"))
        }
        _ => text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|line| *line != "[DONE]")
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    }
}

/// Requests of every kind, from the matrix.
fn requests() -> Vec<(Format, String)> {
    let fixtures = [
        (
            Format::Chat,
            include_str!("../fixtures/matrix/chat.requests.json"),
        ),
        (
            Format::Responses,
            include_str!("../fixtures/matrix/responses.requests.json"),
        ),
        (
            Format::Messages,
            include_str!("../fixtures/matrix/messages.requests.json"),
        ),
        (
            Format::Gemini,
            include_str!("../fixtures/matrix/gemini.requests.json"),
        ),
    ];
    let cases = fixtures.into_iter().flat_map(|(format, text)| {
        let cases: std::collections::BTreeMap<&str, &serde_json::value::RawValue> =
            serde_json::from_str(text).unwrap();
        let cases: Vec<String> = cases.values().map(|raw| raw.get().to_owned()).collect();
        cases.into_iter().map(move |body| (format, body))
    });
    cases.collect()
}

fn converted(
    from: Format,
    body: &[u8],
    format: Format,
    model: &str,
    strictness: Strictness,
) -> Option<Vec<u8>> {
    let to = Target {
        format,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    };
    let asked = Asked {
        model: "asked",
        stream: false,
        wish: None,
    };
    convert(from, body, &asked, &to)
        .ok()
        .map(|converted| converted.body)
}

const MODELS: [(Format, &str); 8] = [
    (Format::Chat, "gpt-4o"),
    (Format::Chat, "deepseek-chat"),
    (Format::Responses, "gpt-5.2"),
    (Format::Messages, "claude-sonnet-4-5"),
    (Format::Messages, "claude-opus-4-8"),
    (Format::Messages, "kimi-k2"),
    (Format::Gemini, "gemini-1.5-pro"),
    (Format::Gemini, "gemini-3-pro-preview"),
];

#[test]
fn nothing_is_lost_within_a_format() {
    for (format, body) in requests() {
        // Proofs that were wrapped for the caller are the one thing that changes.
        if body.contains("tg1:") {
            continue;
        }
        let body = Bytes::from(body);
        let Ok(ask) = ask::read(format, Operation::Chat, &body) else {
            continue;
        };
        let prepared = prepare(
            &body,
            &Prepare {
                format,
                operation: Operation::Chat,
                ask: &ask,
                model: "m",
                quirks: Quirks::NONE,
                wish: None,
                ask_usage: false,
                remove: &[],
                default: &[],
                set: &[],
                system_prompt: "",
            },
        );
        assert_eq!(prepared.unwrap(), body, "{format}");
    }
}

#[test]
fn what_was_converted_once_converts_to_itself() {
    let mut wrong = Vec::new();
    for (from, body) in requests() {
        for (format, model) in MODELS {
            let Some(once) = converted(from, body.as_bytes(), format, model, Strictness::Lenient)
            else {
                continue;
            };
            let twice = converted(format, &once, format, model, Strictness::Lenient);
            let twice = twice.map(|body| String::from_utf8(body).unwrap());
            let once = String::from_utf8(once).unwrap();
            if twice.as_deref() != Some(&once) {
                wrong.push(format!(
                    "{model}\n  {once}\n  {}",
                    twice.unwrap_or_default()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} change:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn mutated_requests_are_converted_or_refused(
        nth in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let requests = requests();
        let (from, body) = nth.get(&requests);
        let mut body = body.clone().into_bytes();
        for (place, byte) in &edits {
            let place = place.index(body.len());
            body[place] = *byte;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            for (format, model) in MODELS {
                for strictness in [Strictness::Lenient, Strictness::Strict] {
                    if let Some(body) = converted(*from, body, format, model, strictness) {
                        prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
                    }
                }
            }
        }
    }
}
