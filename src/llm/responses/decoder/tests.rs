use proptest::prelude::*;

use super::*;
use crate::ir::{Delta, Grammar};

const APPENDIX: &str = include_str!("../../fixtures/responses.appendix.sse");
const FIXTURE: &str = include_str!("../../fixtures/responses.sse");
const WHOLE: &str = include_str!("../../fixtures/responses.json");

/// What is heard of these pieces, one line an event; the grammar holds throughout.
fn heard(pieces: &[&str]) -> Vec<String> {
    let (mut lines, mut grammar) = (Vec::new(), Grammar::default());
    let mut each = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        lines.push(line(&event));
    };
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    for json in pieces {
        let piece = Piece {
            name: b"",
            json: json.as_bytes(),
            whole: false,
        };
        if decoder.push(piece, &mut each) {
            break;
        }
    }
    decoder.finish(&mut each);
    decoder.finish(&mut each);
    lines
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::Open { block, kind, .. } => match kind {
            BlockKind::Tool { id, name, kind } => format!("open {block} {kind:?} {name} {id}"),
            BlockKind::Server { raw, .. } => format!("open {block} {raw}"),
            kind => format!("open {block} {kind:?}"),
        },
        Event::Delta { block, delta } => match delta {
            Delta::Text(text) | Delta::Args(text) | Delta::Data(text) | Delta::Logprobs(text) => {
                format!("{block} {text}")
            }
            Delta::Signature(proof) => format!(
                "{block} proof {} {}",
                proof.data,
                proof.id.as_deref().unwrap_or("")
            ),
            Delta::Citation(citation) => {
                format!("{block} cites {} {:?}", citation.url, citation.span)
            }
        },
        Event::Close { block } => format!("close {block}"),
        Event::Stop { stop, .. } => format!("stop {stop:?}"),
        other => format!("{other:?}"),
    }
}

/// The payloads of a stream.
fn payloads(sse: &str) -> Vec<&str> {
    let lines = sse.lines();
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

fn check(pieces: &[&str], wanted: &[&str]) {
    assert_eq!(heard(pieces), wanted);
}

const ANSWER: &[&str] = &[
    "open 0 Reasoning",
    "0 Plan.",
    "0 proof tg1:messages:claude::SIG rs_1_0",
    "close 0",
    "open 1 Text",
    "1 Hé世",
    "close 1",
    "open 2 Function get_w c1",
    "2 {\"city\":",
    "2 \"Oslo\"}",
    "close 2",
    "open 3 Function now c2",
    "3 {}",
    "close 3",
    "stop ToolCalls",
];

#[test]
fn the_appendix_reads_as_what_it_means() {
    let wanted = [&["start resp_1 m"], ANSWER].concat();
    check(&payloads(APPENDIX), &wanted);
}

#[test]
fn an_answer_that_comes_only_at_the_end_reads_the_same() {
    let last = payloads(APPENDIX).pop().unwrap();
    let mut wanted = [&["start resp_1 m"], ANSWER].concat();
    wanted.splice(9..11, ["2 {\"city\":\"Oslo\"}"]);
    check(&[last], &wanted);
}

#[test]
fn items_left_unfinished_are_finished_by_the_last_event() {
    check(
        &[
            r#"{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"Pl"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hé"}"#,
            r#"{"type":"response.completed","response":{"status":"completed","output":[
                {"type":"reasoning","id":"rs","content":[{"type":"reasoning_text","text":"Plan"}],"encrypted_content":"gA"},
                {"type":"message","content":[{"type":"output_text","text":"Hé"}]}]}}"#,
        ],
        &[
            "start  ",
            "open 0 Reasoning",
            "0 Pl",
            "open 1 Text",
            "1 Hé",
            "0 an",
            "0 proof gA rs",
            "close 0",
            "close 1",
            "stop End",
        ],
    );
}

#[test]
fn a_whole_answer_reads_as_its_stream() {
    let mut streamed = heard(&payloads(FIXTURE));
    let place = streamed
        .iter()
        .position(|line| line.ends_with("{\"city\":"))
        .unwrap();
    let rest = streamed.remove(place + 1);
    streamed[place].push_str(&rest[2..]);
    let whole: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
    // Hosted items are handed on as they are written, so the spelling is made the same.
    let spelled = |lines: Vec<String>| -> Vec<String> {
        let word = |line: String| match line.split_once(" {\"") {
            Some((open, _)) if open.starts_with("open") => open.to_owned(),
            _ => line,
        };
        lines.into_iter().map(word).collect()
    };
    assert_eq!(spelled(heard(&[&whole.to_string()])), spelled(streamed));
}

#[test]
fn messages_are_paragraphs_and_their_parts_one_text() {
    let said = r#"{"status":"completed","output":[
        {"type":"message","id":"a","content":[{"type":"output_text","text":"Hé"},{"type":"output_text","text":"llo."}]},
        {"type":"message","id":"empty","content":[{"type":"output_text","text":""}]},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"message","id":"b","content":[{"type":"output_text","text":"See x","annotations":[
            {"type":"url_citation","url":"u","start_index":4,"end_index":5}]}]}]}"#;
    let wanted = [
        "open 0 Text",
        "0 Hé",
        "open 1 Text",
        "1 llo.",
        "close 0",
        "close 1",
        "open 2 Function f c",
        "2 {}",
        "close 2",
        "open 3 Text",
        "3 \n\n",
        "3 See x",
        "3 cites u Some((12, 13))",
        "close 3",
        "stop ToolCalls",
    ];
    let whole = said.replacen('{', r#"{"object":"response","#, 1);
    check(&[&whole], &[&["start  "], &wanted[..]].concat());
    let streamed = [
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Let me "}"#,
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"look."}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Now "}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"go."}"#,
        r#"{"type":"response.completed","response":{"status":"completed"}}"#,
    ];
    check(
        &streamed,
        &[
            "start  ",
            "open 0 Text",
            "0 Let me ",
            "0 look.",
            "open 1 Text",
            "1 \n\n",
            "1 Now ",
            "1 go.",
            "close 0",
            "close 1",
            "stop End",
        ],
    );
}

#[test]
fn what_was_not_streamed_is_taken_from_where_it_is_whole() {
    check(
        &[
            r#"{"type":"response.created","response":{"id":"r","model":"m"}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\""}"#,
            r#"{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{\"a\":1}"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":"{\"a\":1}"}}"#,
            r#"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"all"}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"custom_tool_call","call_id":"d","name":"patch","input":"*** x"}}"#,
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
        ],
        &[
            "start r m",
            "open 0 Function f c",
            "0 {\"a\"",
            "0 :1}",
            "close 0",
            "open 1 Text",
            "1 all",
            "open 2 Custom patch d",
            "2 *** x",
            "close 2",
            "close 1",
            "stop ToolCalls",
        ],
    );
}

#[test]
fn what_was_streamed_otherwise_than_its_whole_stays_as_it_was_streamed() {
    check(
        &[
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Yes."}"#,
            r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Yes, sure."}"#,
        ],
        &["start  ", "open 0 Text", "0 Yes.", "close 0", "stop End"],
    );
}

#[test]
fn ids_that_change_with_every_event_do_not_matter() {
    check(
        &[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"a"}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"b","delta":"x"}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"c","delta":"y"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"d","content":[{"type":"output_text","text":"xy"}]}}"#,
        ],
        &[
            "start  ",
            "open 0 Text",
            "0 x",
            "0 y",
            "close 0",
            "stop End",
        ],
    );
}

#[test]
fn calls_may_come_interleaved_and_without_an_index() {
    check(
        &[
            r#"{"type":"response.output_item.added","item":{"type":"function_call","id":"i1","call_id":"c1","name":"a"}}"#,
            r#"{"type":"response.output_item.added","item":{"type":"function_call","id":"i2","call_id":"c2","name":"b"}}"#,
            r#"{"type":"response.function_call_arguments.delta","item_id":"i1","delta":"{"}"#,
            r#"{"type":"response.function_call_arguments.delta","item_id":"i2","delta":"{}"}"#,
            r#"{"type":"response.function_call_arguments.delta","item_id":"i1","delta":"}"}"#,
        ],
        &[
            "start  ",
            "open 0 Function a c1",
            "open 1 Function b c2",
            "0 {",
            "1 {}",
            "0 }",
            "close 0",
            "close 1",
            "stop ToolCalls",
        ],
    );
}

#[test]
fn the_parts_of_a_summary_are_paragraphs_of_one_block() {
    check(
        &[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs","encrypted_content":"draft"}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"One"}"#,
            r#"{"type":"response.reasoning_summary_part.done","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"One"}}"#,
            r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"Two"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"One"},{"type":"summary_text","text":"Two"},{"type":"summary_text","text":"Three"}],"encrypted_content":"gAAA"}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"reasoning","id":"rs2"}}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"rs2","summary":[],"encrypted_content":"gBBB"}}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"reasoning","id":"rs3","summary":[]}}"#,
        ],
        &[
            "start  ",
            "open 0 Reasoning",
            "0 One",
            "0 \n\n",
            "0 Two",
            "0 \n\n",
            "0 Three",
            "0 proof gAAA rs",
            "close 0",
            "open 1 Reasoning",
            "1 proof gBBB rs2",
            "close 1",
            "stop End",
        ],
    );
}

#[test]
fn sources_are_told_once_and_count_from_the_whole_text() {
    let url = r#"{"type":"url_citation","url":"u","title":"t","start_index":1,"end_index":2}"#;
    let file = r#"{"type":"file_citation","file_id":"f"}"#;
    let part =
        format!(r#"{{"type":"output_text","text":"né","annotations":[{file},{url},{url}]}}"#);
    check(
        &[
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"世界","logprobs":[{"token":"世界"}]}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"né","logprobs":[ ]}"#,
            &format!(
                r#"{{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{file}}}"#
            ),
            &format!(
                r#"{{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{url}}}"#
            ),
            &format!(
                r#"{{"type":"response.content_part.done","output_index":1,"content_index":0,"part":{part}}}"#
            ),
            &format!(
                r#"{{"type":"response.output_item.done","output_index":1,"item":{{"type":"message","content":[{part}]}}}}"#
            ),
        ],
        &[
            "start  ",
            "open 0 Text",
            "0 世界",
            r#"0 [{"token":"世界"}]"#,
            "open 1 Text",
            "1 \n\n",
            "1 né",
            "1 cites u Some((5, 6))",
            "1 cites u Some((5, 6))",
            "close 1",
            "close 0",
            "stop End",
        ],
    );
}

#[test]
fn a_refusal_is_a_block_of_its_own_and_a_stop() {
    check(
        &[
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Well"}"#,
            r#"{"type":"response.refusal.delta","output_index":0,"content_index":1,"delta":"No"}"#,
            r#"{"type":"response.refusal.done","output_index":0,"content_index":1,"refusal":"No."}"#,
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
        ],
        &[
            "start  ",
            "open 0 Text",
            "0 Well",
            "open 1 Refusal",
            "1 No",
            "1 .",
            "close 0",
            "close 1",
            "stop Refusal",
        ],
    );
}

#[test]
fn steps_of_hosted_tools_are_handed_on_raw_and_images_as_images() {
    let search = r#"{"type":"web_search_call","id":"ws","status":"completed"}"#;
    check(
        &[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"web_search_call","id":"ws"}}"#,
            r#"{"type":"response.web_search_call.searching","output_index":0,"item_id":"ws"}"#,
            &format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{search}}}"#),
            r#"{"type":"response.image_generation_call.partial_image","output_index":1,"partial_image_b64":"AA"}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"image_generation_call","result":"iVBO","output_format":"webp"}}"#,
            r#"{"type":"response.mcp_call_arguments.delta","output_index":2,"delta":"{}"}"#,
        ],
        &[
            "start  ",
            &format!("open 0 {search}"),
            "close 0",
            "open 1 Image { mime: \"image/webp\" }",
            "1 iVBO",
            "close 1",
            "stop End",
        ],
    );
}

#[test]
fn steps_of_hosted_tools_are_handed_on_raw_where_nothing_was_streamed() {
    let search = r#"{"type":"web_search_call","id":"ws","action":{"type":"search"}}"#;
    let output = format!(
        r#""output":[{{"type":"message","content":[{{"type":"output_text","text":"x"}}]}},{search}],"status":"completed""#
    );
    let wanted = [
        "start  ",
        "open 0 Text",
        "0 x",
        "close 0",
        &format!("open 1 {search}"),
        "close 1",
        "stop End",
    ];
    check(
        &[&format!(
            r#"{{"type":"response.completed","response":{{{output}}}}}"#
        )],
        &wanted,
    );
    check(&[&format!(r#"{{"object":"response",{output}}}"#)], &wanted);
}

#[test]
fn an_incomplete_answer_says_why() {
    let stop = |response: &str| {
        let event = format!(r#"{{"type":"response.incomplete","response":{response}}}"#);
        heard(&[&event]).pop().unwrap()
    };
    let reason = |reason: &str| {
        stop(&format!(
            r#"{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}"#
        ))
    };
    assert_eq!(reason("max_output_tokens"), "stop Length");
    assert_eq!(
        reason("content_filter"),
        "stop Filter { reason: \"content_filter\", explanation: None }"
    );
    assert_eq!(reason("other"), "stop Other(\"other\")");
    assert_eq!(stop("{}"), "stop End");
}

#[test]
fn a_cut_call_keeps_the_length_as_its_reason() {
    let lines = heard(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f"}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a"}"#,
        r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
    ]);
    assert_eq!(lines.last().unwrap(), "stop Length");
}

#[test]
fn errors_and_strangers_say_nothing() {
    check(
        &[
            "[]",
            "nonsense",
            r#"{"type":"error","message":"x"}"#,
            r#"{"type":"response.failed","response":{"error":{"code":"x"}}}"#,
            r#"{"type":"response.magic","delta":"x"}"#,
            r#"{"type":7}"#,
        ],
        &[],
    );
}

#[test]
fn a_flood_of_items_is_bounded() {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    for index in 0..10_000 {
        let json = format!(
            r#"{{"type":"response.output_text.delta","output_index":{index},"delta":"x"}}"#
        );
        let piece = Piece {
            name: b"",
            json: json.as_bytes(),
            whole: false,
        };
        decoder.push(piece, &mut |_| {});
    }
    let mut closed = 0;
    decoder.finish(&mut |event| closed += u32::from(matches!(event, Event::Close { .. })));
    assert_eq!(closed, 4096);
}

proptest! {
    #[test]
    fn no_json_breaks_the_grammar(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[a-z0-9\"{}\\[\\]:,]{0,6}"), 0..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let pieces = [payloads(APPENDIX), payloads(FIXTURE)].concat();
        let mut pieces: Vec<String> = order.iter().map(|at| (*at.get(&pieces)).to_owned()).collect();
        for (which, place, with) in &cuts {
            let which = which.index(pieces.len());
            let piece = &mut pieces[which];
            let from = piece.floor_char_boundary(place.index(piece.len() + 1));
            let to = piece.floor_char_boundary((from + with.len()).min(piece.len()));
            piece.replace_range(from..to, with);
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        heard(&pieces);
    }
}
