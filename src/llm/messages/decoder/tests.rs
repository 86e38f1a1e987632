use proptest::prelude::*;

use super::super::testing::{
    APPENDIX, APPENDIX_WHOLE, collected, hear, hear_whole, heard, heard_whole,
};

/// Checks what is heard of events, each a JSON text.
#[track_caller]
fn check(events: &[&str], wanted: &[&str]) {
    let stream: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    assert_eq!(heard(&stream), wanted);
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[]}}"#;
const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const END: &str = r#"{"type":"message_stop"}"#;

fn start(block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#)
}

fn delta(delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#)
}

fn ended(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":1}}}}"#
    )
}

const WANTED: [&str; 15] = [
    "start msg_1 m",
    "0: reasoning",
    "0+ Plan.",
    "0+ signature SIG",
    "0.",
    "1: text",
    "1+ Hé世",
    "1.",
    "2: tool c1 get_w",
    "2+ {\"city\":",
    "2+ \"Oslo\"}",
    "2.",
    "3: tool c2 now",
    "3+ {}",
    "3.",
];

#[test]
fn a_stream_is_read_block_by_block() {
    let mut wanted = WANTED.to_vec();
    wanted.push("stop ToolCalls");
    assert_eq!(heard(APPENDIX), wanted);
    let with_heartbeats = include_str!("../../fixtures/messages.sse");
    assert_eq!(heard(with_heartbeats), wanted);
}

#[test]
fn a_whole_answer_says_the_same() {
    let mut wanted = WANTED.to_vec();
    wanted.splice(9..11, ["2+ {\"city\":\"Oslo\"}"]);
    wanted.push("stop ToolCalls");
    assert_eq!(heard_whole(APPENDIX_WHOLE), wanted);
    let streamed = collected(|each| hear(APPENDIX, each));
    let whole = collected(|each| hear_whole(APPENDIX_WHOLE, each));
    assert_eq!(streamed, whole);
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let nothing = delta(r#"{"type":"input_json_delta","partial_json":""}"#);
    check(
        &[START, &tool, &nothing, STOP, &ended("tool_use"), END],
        &[
            "start msg_1 m",
            "0: tool t f",
            "0+ {}",
            "0.",
            "stop ToolCalls",
        ],
    );
}

#[test]
fn arguments_at_the_start_count_when_none_follow() {
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{"a": 1}}"#);
    let wanted = [
        "start msg_1 m",
        "0: tool t f",
        "0+ {\"a\": 1}",
        "0.",
        "stop ToolCalls",
    ];
    check(&[START, &tool, STOP, &ended("tool_use"), END], &wanted);
    let more = delta(r#"{"type":"input_json_delta","partial_json":"{\"b\":2}"}"#);
    let wanted = [
        "start msg_1 m",
        "0: tool t f",
        "0+ {\"b\":2}",
        "0.",
        "stop ToolCalls",
    ];
    check(
        &[START, &tool, &more, STOP, &ended("tool_use"), END],
        &wanted,
    );
}

#[test]
fn a_call_without_id_gets_the_same_one_every_time() {
    let tool = start(r#"{"type":"tool_use","name":"f","input":{}}"#);
    let stream = format!("data: {START}\n\ndata: {tool}\n\ndata: {END}\n\n");
    let first = heard(&stream);
    assert!(first[1].starts_with("0: tool call_"), "{first:?}");
    assert_eq!(heard(&stream), first);
}

#[test]
fn redacted_and_omitted_thinking_have_a_proof_and_no_words() {
    let redacted = start(r#"{"type":"redacted_thinking","data":"ENC"}"#);
    let thinking = start(r#"{"type":"thinking","thinking":"","signature":""}"#);
    let proof = delta(r#"{"type":"signature_delta","signature":"SIG"}"#);
    check(
        &[
            START,
            &redacted,
            STOP,
            &thinking,
            &proof,
            STOP,
            &ended("end_turn"),
            END,
        ],
        &[
            "start msg_1 m",
            "0: reasoning",
            "0+ redacted ENC",
            "0.",
            "1: reasoning",
            "1+ signature SIG",
            "1.",
            "stop End",
        ],
    );
}

#[test]
fn a_proof_that_another_gateway_wrapped_is_unwrapped() {
    let thinking =
        start(r#"{"type":"thinking","thinking":"a","signature":"tg1:gemini:gemini::U0lH"}"#);
    let wanted = [
        "start msg_1 m",
        "0: reasoning",
        "0+ a",
        "0+ signature U0lH",
        "0.",
        "stop End",
    ];
    check(&[START, &thinking, STOP, END], &wanted);
}

#[test]
fn hosted_tools_are_no_calls_of_the_caller() {
    let server = start(r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#);
    let query = delta(r#"{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}"#);
    let result = start(r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#);
    let magic = start(r#"{"type":"nobody_knows"}"#);
    check(
        &[
            START,
            &server,
            &query,
            STOP,
            &result,
            STOP,
            &magic,
            STOP,
            &ended("end_turn"),
            END,
        ],
        &[
            "start msg_1 m",
            "0: server server_tool_use",
            "0.",
            "1: server web_search_tool_result",
            "1.",
            "2: server nobody_knows",
            "2.",
            "stop End",
        ],
    );
}

#[test]
fn a_citation_covers_its_block() {
    let text = start(r#"{"type":"text","text":"","citations":[]}"#);
    let before = delta(r#"{"type":"text_delta","text":"Né "}"#);
    let cited = delta(
        r#"{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"q","encrypted_index":"E"}}"#,
    );
    let own = delta(
        r#"{"type":"citations_delta","citation":{"type":"char_location","document_index":0,"cited_text":"q"}}"#,
    );
    let after = delta(r#"{"type":"text_delta","text":"世"}"#);
    check(
        &[
            START, &text, &before, STOP, &text, &cited, &own, &after, STOP, END,
        ],
        &[
            "start msg_1 m",
            "0: text",
            "0+ Né ",
            "0.",
            "1: text",
            "1+ 世",
            "1+ cites https://a Some((3, 4))",
            "1.",
            "stop End",
        ],
    );
}

#[test]
fn every_reason_to_stop_has_its_meaning() {
    for (reason, wanted) in [
        (r#""stop_reason":"end_turn""#, "End"),
        (r#""stop_reason":"max_tokens""#, "Length"),
        (
            r#""stop_reason":"stop_sequence","stop_sequence":"X""#,
            r#"Sequence(Some("X"))"#,
        ),
        (r#""stop_reason":"pause_turn""#, "Pause"),
        (
            r#""stop_reason":"refusal""#,
            r#"Filter { reason: "refusal", explanation: None }"#,
        ),
        (
            r#""stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}"#,
            r#"Filter { reason: "cyber", explanation: Some("No.") }"#,
        ),
        (
            r#""stop_reason":"model_context_window_exceeded""#,
            "ContextWindow",
        ),
        (r#""stop_reason":"tired""#, r#"Other("tired")"#),
        // No call was made.
        (r#""stop_reason":"tool_use""#, "End"),
    ] {
        let event = format!(r#"{{"type":"message_delta","delta":{{{reason}}}}}"#);
        check(
            &[START, &event, END],
            &["start msg_1 m", &format!("stop {wanted}")],
        );
        let whole =
            format!(r#"{{"type":"message","id":"msg_1","model":"m","content":[],{reason}}}"#);
        assert_eq!(
            heard_whole(&whole),
            ["start msg_1 m", &format!("stop {wanted}")]
        );
    }
}

#[test]
fn a_call_that_was_cut_short_keeps_its_pieces() {
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let piece = delta(r#"{"type":"input_json_delta","partial_json":"{\"a\": \"xx"}"#);
    check(
        &[START, &tool, &piece, STOP, &ended("max_tokens"), END],
        &[
            "start msg_1 m",
            "0: tool t f",
            "0+ {\"a\": \"xx",
            "0.",
            "stop Length",
        ],
    );
}

#[test]
fn half_a_surrogate_pair_in_arguments_stays_as_it_is() {
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let first = delta(r#"{"type":"input_json_delta","partial_json":"{\"q\":\"\\ud83d"}"#);
    let second = delta(r#"{"type":"input_json_delta","partial_json":"\\ude00\"}"}"#);
    check(
        &[START, &tool, &first, &second, STOP, END],
        &[
            "start msg_1 m",
            "0: tool t f",
            "0+ {\"q\":\"\\ud83d",
            "0+ \\ude00\"}",
            "0.",
            "stop ToolCalls",
        ],
    );
    let text = delta(r#"{"type":"text_delta","text":"a\ud800"}"#);
    check(
        &[START, &text, END],
        &["start msg_1 m", "0: text", "0+ a\u{fffd}", "0.", "stop End"],
    );
}

#[test]
fn what_nobody_knows_is_left_out() {
    let magic = r#"{"type":"content_block_magic","index":0,"delta":{"text":"x"}}"#;
    let unknown = delta(r#"{"type":"magic_delta","text":"x"}"#);
    let ping = r#"{"type":"ping"}"#;
    check(
        &[
            START, ping, magic, &unknown, "17", "[]", "not json", STOP, END,
        ],
        &["start msg_1 m", "stop End"],
    );
}

#[test]
fn a_stream_that_leaves_out_starts_and_stops_is_understood() {
    let text = delta(r#"{"type":"text_delta","text":"a"}"#);
    let thinking = delta(r#"{"type":"thinking_delta","thinking":"b"}"#);
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    check(
        &[&thinking, &text, &tool, &text],
        &[
            "start  ",
            "0: reasoning",
            "0+ b",
            "0.",
            "1: text",
            "1+ a",
            "1.",
            "2: tool t f",
            "2+ {}",
            "2.",
            "3: text",
            "3+ a",
            "3.",
            "stop ToolCalls",
        ],
    );
}

#[test]
fn an_answer_that_begins_again_goes_on() {
    let tool = start(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let piece = delta(r#"{"type":"input_json_delta","partial_json":"{\"a"}"#);
    let text = delta(r#"{"type":"text_delta","text":"a"}"#);
    check(
        &[
            START,
            &tool,
            &piece,
            START,
            &start(r#"{"type":"text","text":""}"#),
            &text,
            STOP,
            END,
        ],
        &[
            "start msg_1 m",
            "0: tool t f",
            "0+ {\"a",
            "0.",
            "1: text",
            "1+ a",
            "1.",
            "stop ToolCalls",
        ],
    );
}

#[test]
fn a_call_inside_the_first_event_is_a_call() {
    let start = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}}"#;
    let wanted = [
        "start msg_1 m",
        "0: tool t f",
        "0+ {\"a\":1}",
        "0.",
        "stop ToolCalls",
    ];
    check(&[start, END], &wanted);
}

#[test]
fn an_empty_answer_ends_too() {
    check(&[], &["start  ", "stop End"]);
    assert_eq!(heard_whole("{}"), ["start  ", "stop End"]);
}

/// What a stream may be made of, in any order.
const PIECES: [&str; 16] = [
    START,
    STOP,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_start","content_block":{"type":"text","text":"a","citations":[{"url":"u"}]}}"#,
    r#"{"type":"content_block_start","content_block":{"type":"thinking","thinking":"","signature":"S"}}"#,
    r#"{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":""}}"#,
    r#"{"type":"content_block_start","content_block":{"type":"tool_use","input":"{}"}}"#,
    r#"{"type":"content_block_start","content_block":{"type":"server_tool_use","input":{}}}"#,
    r#"{"type":"content_block_start","content_block":null}"#,
    r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"b"}}"#,
    r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"c"}}"#,
    r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"tg1:none:::"}}"#,
    r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
    r#"{"type":"content_block_delta","delta":{"type":"citations_delta","citation":{"url":"u"}}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
    r#"{"type":"message","content":[{"type":"text","text":"d"},7,{"type":"tool_use","name":"f"}]}"#,
];

proptest! {
    #[test]
    fn no_order_of_events_breaks_the_grammar(
        pieces in prop::collection::vec(0..PIECES.len(), 0..24),
        at in 0..100usize,
        with in "[\\[\\]{}\",:0-9ntf\\\\]{0,3}",
    ) {
        let mut stream = String::new();
        for (nth, piece) in pieces.iter().enumerate() {
            let mut json = PIECES[*piece].to_owned();
            if nth % 4 == 3 {
                json.insert_str(at.min(json.len()), &with);
            }
            stream += &format!("data: {json}\n\n");
        }
        heard(&stream);
    }
}
