//! One answer in every format and framing, errors in all places, and the usage that is hidden.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::Usage;
use crate::frame::tests::pieces;

const CHAT: &[u8] = include_bytes!("fixtures/chat.sse");
const RESPONSES: &[u8] = include_bytes!("fixtures/responses.sse");
const MESSAGES: &[u8] = include_bytes!("fixtures/messages.sse");
const GEMINI: &[u8] = include_bytes!("fixtures/gemini.sse");

/// Reasoning, text and the arguments of two calls: the one answer that every fixture holds.
const TEXT: &str = "Plan.Hé世{\"city\":\"Oslo\"}{}";

fn options(format: Format, framing: Framing) -> TapOptions {
    let operation = Operation::Chat;
    TapOptions {
        format,
        operation,
        framing,
        quirks: Quirks::NONE,
        hide_usage: false,
    }
}

fn hiding() -> TapOptions {
    TapOptions {
        hide_usage: true,
        ..options(Format::Chat, Framing::Sse)
    }
}

/// What the client gets, and the tap after the end.
fn through(options: TapOptions, body: &[u8], cuts: &[usize]) -> (Vec<u8>, Tap) {
    let mut tap = Tap::new(options);
    let mut out = Vec::new();
    for piece in pieces(body, cuts) {
        tap.push(&piece, &mut out);
    }
    let seen = tap.finish(&mut out);
    assert_eq!(seen, tap.finish(&mut out), "ending twice changes nothing");
    (out.concat(), tap)
}

fn report(options: TapOptions, body: &[u8]) -> Report {
    let every_byte: Vec<usize> = (0..body.len()).collect();
    let (out, tap) = through(options, body, &[]);
    let (again, byte_by_byte) = through(options, body, &every_byte);
    assert!(out == again, "the cut changed the bytes");
    assert_eq!(
        tap.report(),
        byte_by_byte.report(),
        "the cut changed the report"
    );
    tap.report().clone()
}

/// The seen states after each push of one event.
fn states(format: Format, events: &[&str]) -> Vec<Seen> {
    let mut tap = Tap::new(options(format, Framing::Sse));
    let mut push = |event: &&str| tap.push(&Bytes::from(format!("{event}\n\n")), &mut Vec::new());
    events.iter().map(&mut push).collect()
}

fn openai_usage() -> Usage {
    Usage {
        input: 120,
        cache_read: 100,
        output: 30,
        reasoning: 10,
        ..Usage::default()
    }
}

#[track_caller]
fn check(framing: Framing, format: Format, body: &[u8], stop: &str, usage: Usage) -> Report {
    let report = report(options(format, framing), body);
    assert_eq!(report.usage, usage);
    assert_eq!((report.input_known, report.output_known), (true, true));
    assert_eq!(report.stop.as_deref(), Some(stop));
    assert_eq!(report.tool_calls, 2);
    assert_eq!(report.model.as_deref(), Some("m"));
    assert_eq!(report.fault, None);
    assert!(report.terminal && report.content);
    assert_eq!(
        report.output_bytes,
        TEXT.len() as u64,
        "{}",
        report.output_sample
    );
    report
}

#[test]
fn chat_is_understood_in_both_framings() {
    let streamed = check(
        Framing::Sse,
        Format::Chat,
        CHAT,
        "tool_calls",
        openai_usage(),
    );
    assert_eq!(streamed.output_sample, TEXT);
    let whole = include_bytes!("fixtures/chat.json");
    check(
        Framing::Whole,
        Format::Chat,
        whole,
        "tool_calls",
        openai_usage(),
    );
}

#[test]
fn responses_is_understood_in_both_framings() {
    let searched = vec![("web_search_preview".to_owned(), 1)];
    let streamed = check(
        Framing::Sse,
        Format::Responses,
        RESPONSES,
        "completed",
        openai_usage(),
    );
    assert_eq!(streamed.tools, searched, "opening a page is no search");
    assert_eq!(streamed.output_sample, TEXT);
    assert!(streamed.sequence.is_some());
    let whole = include_bytes!("fixtures/responses.json");
    let whole = check(
        Framing::Whole,
        Format::Responses,
        whole,
        "completed",
        openai_usage(),
    );
    assert_eq!(whole.tools, searched);
}

#[test]
fn messages_is_understood_in_both_framings() {
    let usage = Usage {
        input: 120,
        cache_read: 60,
        cache_write_5m: 30,
        cache_write_1h: 10,
        output: 30,
        reasoning: 10,
        ..Usage::default()
    };
    let searched = vec![("web_search".to_owned(), 2)];
    let streamed = check(Framing::Sse, Format::Messages, MESSAGES, "tool_use", usage);
    assert_eq!(streamed.tools, searched);
    assert_eq!(streamed.output_sample, TEXT);
    let whole = include_bytes!("fixtures/messages.json");
    assert_eq!(
        check(Framing::Whole, Format::Messages, whole, "tool_use", usage).tools,
        searched
    );
}

#[test]
fn gemini_is_understood_in_all_framings() {
    let usage = Usage {
        audio_input: 15,
        image_output: 4,
        ..openai_usage()
    };
    check(Framing::Sse, Format::Gemini, GEMINI, "STOP", usage);
    let array = include_bytes!("fixtures/gemini.array.json");
    check(Framing::JsonArray, Format::Gemini, array, "STOP", usage);
    let whole = include_bytes!("fixtures/gemini.json");
    check(Framing::Whole, Format::Gemini, whole, "STOP", usage);
}

#[test]
fn a_stream_that_is_cut_knows_only_what_was_reported() {
    let cut = |body: &[u8], at: &str| {
        let end = String::from_utf8_lossy(body).find(at).unwrap();
        body[..end].to_vec()
    };
    let messages = cut(MESSAGES, "event: message_delta");
    let report_of = |format, body: &[u8]| report(options(format, Framing::Sse), body);
    let report = report_of(Format::Messages, &messages);
    assert_eq!(
        (report.input_known, report.output_known, report.terminal),
        (true, false, false)
    );
    assert_eq!((report.usage.input, report.usage.output), (120, 0));
    let report = report_of(
        Format::Chat,
        &cut(
            CHAT,
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},",
        ),
    );
    assert_eq!(
        (report.input_known, report.output_known, report.terminal),
        (false, false, false)
    );
    assert_eq!(report.output_bytes, TEXT.len() as u64);
    assert!(
        !report_of(
            Format::Responses,
            &cut(RESPONSES, "event: response.completed")
        )
        .terminal
    );
    assert!(!report_of(Format::Gemini, GEMINI.split_at(GEMINI.len() / 3).0).terminal);
}

#[test]
fn a_missing_closing_mark_is_no_cut_when_the_model_stopped() {
    let end = CHAT.len() - "data: [DONE]\n\n".len();
    assert!(report(options(Format::Chat, Framing::Sse), &CHAT[..end]).terminal);
    let end = MESSAGES.len() - "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".len();
    assert!(report(options(Format::Messages, Framing::Sse), &MESSAGES[..end]).terminal);
}

#[test]
fn only_what_a_user_would_notice_is_content() {
    let quiet: &[(Format, &str)] = &[
        (
            Format::Chat,
            r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"index":0,"delta":{"content":null},"finish_reason":""}]}"#,
        ),
        (Format::Chat, ": OPENROUTER PROCESSING"),
        (
            Format::Responses,
            r#"data: {"type":"response.created","response":{"status":"in_progress"}}"#,
        ),
        (
            Format::Responses,
            r#"data: {"type":"response.in_progress","response":{}}"#,
        ),
        (
            Format::Responses,
            r#"data: {"type":"response.output_item.added","item":{"type":"message"}}"#,
        ),
        (
            Format::Messages,
            r#"data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}"#,
        ),
        (Format::Messages, r#"data: {"type":"ping"}"#),
        (
            Format::Messages,
            r#"data: {"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
        ),
        (
            Format::Gemini,
            r#"data: {"candidates":[{"content":{"parts":[{"text":""}]}}]}"#,
        ),
        (
            Format::Gemini,
            r#"data: {"usageMetadata":{"promptTokenCount":3}}"#,
        ),
    ];
    for (format, event) in quiet {
        assert_eq!(states(*format, &[event]), [Seen::default()], "{event}");
    }
    let loud: &[(Format, &str)] = &[
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{"content":"x"}}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{"reasoning":"x"}}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{"refusal":"x"}}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c"}]}}]}"#,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        ),
        (Format::Chat, r#"data: {"choices":[{"text":"x"}]}"#),
        (
            Format::Responses,
            r#"data: {"type":"response.output_text.delta","delta":"x"}"#,
        ),
        (
            Format::Responses,
            r#"data: {"type":"response.output_item.added","item":{"type":"function_call"}}"#,
        ),
        (
            Format::Messages,
            r#"data: {"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"x"}}"#,
        ),
        (
            Format::Messages,
            r#"data: {"type":"content_block_start","content_block":{"type":"tool_use"}}"#,
        ),
        (
            Format::Messages,
            r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        ),
        (
            Format::Gemini,
            r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
        ),
        (
            Format::Gemini,
            r#"data: {"promptFeedback":{"blockReason":"SAFETY"}}"#,
        ),
    ];
    for (format, event) in loud {
        assert!(states(*format, &[event])[0].content, "{event}");
    }
}

#[test]
fn errors_in_a_stream_are_seen_in_every_shape() {
    let cases: &[(Format, &str, FaultClass)] = &[
        (
            Format::Chat,
            r#"data: {"error":{"message":"m","type":"server_error","code":null}}"#,
            FaultClass::Server,
        ),
        (
            Format::Chat,
            r#"data: {"error":"Overloaded, try later"}"#,
            FaultClass::Overloaded,
        ),
        (
            Format::Chat,
            "event: error\ndata: {\"message\":\"slow down\",\"code\":429}",
            FaultClass::RateLimit,
        ),
        (
            Format::Chat,
            r#"data: {"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            FaultClass::BadRequest,
        ),
        (
            Format::Chat,
            r#"data: {"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"Overloaded\"}}"}},"choices":[{"finish_reason":"error","delta":{}}]}"#,
            FaultClass::Overloaded,
        ),
        (
            Format::Chat,
            r#"data: {"choices":[{"delta":{},"finish_reason":"error"}]}"#,
            FaultClass::Server,
        ),
        (
            Format::Chat,
            "{\n\"error\": {\"message\": \"m {\", \"code\": 503}\n}",
            FaultClass::Overloaded,
        ),
        (
            Format::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
            FaultClass::Overloaded,
        ),
        (
            Format::Responses,
            r#"data: {"type":"error","code":"rate_limit_exceeded","message":"m","sequence_number":2}"#,
            FaultClass::RateLimit,
        ),
        (
            Format::Responses,
            r#"data: {"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"m"}}"#,
            FaultClass::Quota,
        ),
        (
            Format::Responses,
            r#"data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
            FaultClass::Server,
        ),
        (
            Format::Gemini,
            r#"data: {"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
            FaultClass::Overloaded,
        ),
        (
            Format::Gemini,
            "[{\n\"error\": {\"code\": 429, \"message\": \"m\", \"status\": \"RESOURCE_EXHAUSTED\"}\n}]",
            FaultClass::RateLimit,
        ),
    ];
    for (format, event, class) in cases {
        let report = report(
            options(*format, Framing::Sse),
            format!("{event}\n\n").as_bytes(),
        );
        assert_eq!(
            report.fault.map(|fault| fault.class),
            Some(*class),
            "{event}"
        );
        assert!(states(*format, &[event])[0].failed, "{event}");
    }
}

#[test]
fn nulls_and_empty_objects_are_no_errors() {
    for error in ["null", "{}", "\"\"", "false", "[]"] {
        let event =
            format!(r#"data: {{"error":{error},"choices":[{{"delta":{{"content":"x"}}}}]}}"#);
        assert!(!states(Format::Chat, &[&event])[0].failed, "{event}");
    }
}

#[test]
fn a_whole_error_with_status_200_is_seen() {
    let minimax =
        br#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#;
    let hiding_errors = TapOptions {
        quirks: Quirks::ERRORS_IN_200,
        ..options(Format::Chat, Framing::Whole)
    };
    assert_eq!(
        report(hiding_errors, minimax).fault.unwrap().class,
        FaultClass::Quota
    );
    assert_eq!(
        report(options(Format::Chat, Framing::Whole), minimax).fault,
        None
    );
    for (format, body) in [
        (Format::Chat, r#"{"error":{"message":"bad","code":"x"}}"#),
        (
            Format::Responses,
            r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"m"}}"#,
        ),
        (
            Format::Messages,
            r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
        ),
        (
            Format::Gemini,
            r#"[{"error":{"code":500,"message":"m","status":"INTERNAL"}}]"#,
        ),
        // Google's OpenAI address wraps its errors, too.
        (
            Format::Chat,
            r#"[{"error":{"code":500,"message":"m","status":"INTERNAL"}}]"#,
        ),
    ] {
        assert!(
            report(options(format, Framing::Whole), body.as_bytes())
                .fault
                .is_some(),
            "{body}"
        );
    }
}

#[test]
fn the_usage_chunk_is_taken_out_and_nothing_else() {
    let text = String::from_utf8(CHAT.to_vec()).unwrap();
    let usage = text
        .split_inclusive("\n\n")
        .find(|event| event.contains("prompt_tokens"))
        .unwrap();
    for (body, usage) in [
        (text.clone(), usage.to_owned()),
        (text.replace('\n', "\r\n"), usage.replace('\n', "\r\n")),
        (text.replace('\n', "\r"), usage.replace('\n', "\r")),
        (format!(": hello\n\n{text}: bye\n"), usage.to_owned()),
    ] {
        let every_byte: Vec<usize> = (0..body.len()).collect();
        for cuts in [vec![], every_byte] {
            let (out, tap) = through(hiding(), body.as_bytes(), &cuts);
            assert_eq!(String::from_utf8(out).unwrap(), body.replace(&usage, ""));
            assert_eq!(tap.report().usage, openai_usage(), "hidden, but counted");
        }
    }
}

#[test]
fn usage_beside_choices_or_asked_for_passes() {
    for body in [
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"error\":{\"message\":\"m\"}}\n\n",
    ] {
        assert_eq!(through(hiding(), body.as_bytes(), &[9]).0, body.as_bytes());
    }
    let (out, _) = through(options(Format::Chat, Framing::Sse), CHAT, &[]);
    assert_eq!(out, CHAT);
}

#[test]
fn a_usage_chunk_without_an_empty_line_is_hidden_at_the_end() {
    let body = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}";
    assert_eq!(through(hiding(), body.as_bytes(), &[5]).0, b"");
    let torn = "data: {\"choices\":[],\"usa";
    assert_eq!(through(hiding(), torn.as_bytes(), &[5]).0, torn.as_bytes());
}

#[test]
fn complete_events_and_comments_are_not_held_back() {
    let mut tap = Tap::new(hiding());
    for piece in [
        "data: {\"choices\":[]}\r\n\r\n",
        ": ping",
        "\n",
        "\n",
        "data: {\"choices\":[]}\n\n",
    ] {
        let mut out = Vec::new();
        tap.push(&Bytes::from_static(piece.as_bytes()), &mut out);
        assert_eq!(out.concat(), piece.as_bytes());
    }
}

#[test]
fn an_event_too_long_for_usage_goes_out_as_it_comes() {
    let filler = "x".repeat(3 * MAX_HIDDEN_BYTES);
    let body = format!(
        "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":1}},\"f\":\"{filler}\"}}\n\ndata: [DONE]\n\n"
    );
    let mut tap = Tap::new(hiding());
    let mut out = Vec::new();
    let mut longest = 0;
    for piece in body.as_bytes().chunks(1000) {
        tap.push(&Bytes::copy_from_slice(piece), &mut out);
        let sent: usize = out.iter().map(Bytes::len).sum();
        longest = longest.max(tap.cutter.pushed() - sent as u64);
    }
    assert!(
        longest <= MAX_HIDDEN_BYTES as u64,
        "{longest} bytes were held back"
    );
    assert_eq!(out.concat(), body.as_bytes());
    assert_eq!(
        through(hiding(), body.as_bytes(), &[]).0,
        body.as_bytes(),
        "nor in one piece"
    );
}

#[test]
fn the_bytes_of_an_event_over_the_limit_all_pass() {
    let mut body = b"data: {}\n\ndata: {\"choices\":[".to_vec();
    body.resize(crate::frame::MAX_FRAME_BYTES + 100, b'x');
    for options in [hiding(), options(Format::Chat, Framing::Sse)] {
        for cuts in [
            vec![],
            vec![20],
            vec![100_000],
            vec![20, 200_000, 5_000_000],
        ] {
            let (out, tap) = through(options, &body, &cuts);
            assert!(out == body, "cut at {cuts:?}");
            assert!(tap.report().fault.is_some());
        }
    }
}

impl Cutter {
    fn pushed(&self) -> u64 {
        match self {
            Cutter::Sse(reader) => reader.pushed(),
            _ => 0,
        }
    }
}

fn telling() -> Telling<'static> {
    Telling {
        status: 500,
        kind: "server_error",
        code: None,
        message: "gone",
        param: None,
        request_id: "r",
    }
}

#[test]
fn the_last_event_begins_on_a_line_of_its_own() {
    for (before, boundary) in [
        ("", true),
        ("data: {}\n\n", true),
        ("data: {", false),
        ("data: {}\n", false),
    ] {
        let mut tap = Tap::new(options(Format::Chat, Framing::Sse));
        tap.push(&Bytes::from_static(before.as_bytes()), &mut Vec::new());
        assert_eq!(tap.at_boundary(), boundary, "after {before:?}");
        assert_eq!(tap.last_event(&telling()).starts_with(b"\n\n"), !boundary);
        tap.finish(&mut Vec::new());
        assert_eq!(tap.at_boundary(), boundary, "after {before:?} and the end");
    }
    let mut tap = Tap::new(hiding());
    tap.push(&Bytes::from_static(b"data: {}\n\ndata: {"), &mut Vec::new());
    assert!(tap.at_boundary(), "what is held back did not go out");
    tap.finish(&mut Vec::new());
    assert!(!tap.at_boundary(), "at the end it did");
}

#[test]
fn the_last_element_makes_the_array_whole() {
    for before in [
        "",
        "[",
        "[{\"candidates\":[]}",
        "[{\"candidates\":[]},",
        "[{\"candidates\":[]}\n,\n",
    ] {
        let mut tap = Tap::new(options(Format::Gemini, Framing::JsonArray));
        tap.push(&Bytes::from_static(before.as_bytes()), &mut Vec::new());
        let whole = [before.as_bytes(), &tap.last_event(&telling())].concat();
        let array: Vec<serde_json::Value> = serde_json::from_slice(&whole).unwrap();
        assert_eq!(array.last().unwrap()["error"]["message"], "gone");
    }
}

#[test]
fn sequence_numbers_go_on_in_the_last_event() {
    let mut tap = Tap::new(options(Format::Responses, Framing::Sse));
    let event = "data: {\"type\":\"response.created\",\"sequence_number\":7}\n\n";
    tap.push(&Bytes::from_static(event.as_bytes()), &mut Vec::new());
    let last = String::from_utf8(tap.last_event(&telling())).unwrap();
    assert!(last.starts_with("event: error\ndata: {\"type\":\"error\",\"sequence_number\":8,"));
}

#[test]
fn a_large_whole_body_is_watched_with_little_memory() {
    let image = "A".repeat(8 << 20);
    let text = "word ".repeat(10_000);
    let body = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"inlineData":{{"mimeType":"image/png","data":"{image}"}}}},{{"text":"{text}"}}]}},"finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":5,"candidatesTokenCount":6}}}}"#
    );
    let mut tap = Tap::new(options(Format::Gemini, Framing::Whole));
    for piece in body.as_bytes().chunks(60_001) {
        tap.push(&Bytes::copy_from_slice(piece), &mut Vec::new());
    }
    let Cutter::Whole(Body::Reduced(skeleton)) = &tap.cutter else {
        unreachable!()
    };
    assert!(
        skeleton.json().len() < 20_000,
        "{} bytes kept",
        skeleton.json().len()
    );
    tap.finish(&mut Vec::new());
    let report = tap.report();
    assert_eq!((report.usage.input, report.usage.output), (5, 6));
    assert_eq!(report.output_bytes, text.len() as u64);
    assert_eq!(report.output_sample.len(), SAMPLE_BYTES);
}

#[test]
fn text_the_parser_refuses_is_mended() {
    for body in [
        &b"data: {\"choices\":[{\"delta\":{\"content\":\"a\\ud83d\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"[..],
        &b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"[..],
    ] {
        let report = report(options(Format::Chat, Framing::Sse), body);
        assert_eq!((report.usage.input, &*report.output_sample), (3, "a\u{FFFD}"));
    }
}

#[test]
fn half_a_surrogate_pair_deep_in_a_whole_answer_is_mended() {
    let body = br#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a\ud83d"}]}],"usage":{"input_tokens":3,"output_tokens":2}}"#;
    let report = report(options(Format::Responses, Framing::Whole), body);
    assert_eq!(
        (report.usage.input, &*report.output_sample),
        (3, "a\u{FFFD}")
    );
}

/// Streams made of whole and broken chat events.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}",
        "data: {\"choices\":[]}",
        ": c",
        "data: {\"choices\":[],",
        "data: \"usage\":{\"prompt_tokens\":2}}",
        "data: [DONE]",
        "event: x",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r\r",
        "{\"error\":{}}",
        "[",
        "世",
        "\u{FEFF}",
    ]);
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_cut_changes_what_the_client_gets(body in stream(), cuts in prop::collection::vec(0usize..400, 0..8)) {
        for options in [hiding(), options(Format::Chat, Framing::Sse)] {
            let (whole, tap) = through(options, &body, &[]);
            let (cut, again) = through(options, &body, &cuts);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(tap.report(), again.report());
            prop_assert_eq!(tap.at_boundary(), again.at_boundary());
            if !options.hide_usage {
                prop_assert_eq!(&whole, &body);
            }
        }
    }

    #[test]
    fn no_bytes_are_too_strange(body in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(0usize..300, 0..4)) {
        for format in Format::ALL {
            for framing in [Framing::Whole, Framing::Sse, Framing::JsonArray] {
                let (out, _) = through(options(format, framing), &body, &cuts);
                prop_assert_eq!(&out, &body);
            }
        }
    }
}
