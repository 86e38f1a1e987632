use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::convert::Target;
use crate::dialect::Quirks;
use crate::ir::{Effort, Media, Origin, Part, Role, Show, Source, Thinking, Tool, ToolChoice};
use crate::loss::{Losses, Strictness};
use crate::messages::encode;

/// What a conversation with tools, thinking, images and cache marks looks like.
const CLIENT: &str = include_str!("../../fixtures/messages.client.json");

fn target(model: &str) -> Target<'_> {
    Target {
        format: Format::Messages,
        model,
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 4096,
    }
}

/// Reads a body that says "hi" beside what is given.
#[track_caller]
fn read(members: &'static str) -> Request<'static> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{members}}}"#);
    decode(body.leak().as_bytes()).unwrap()
}

/// Reads messages.
#[track_caller]
fn said(messages: &'static str) -> Request<'static> {
    let body = format!(r#"{{"messages":{messages}}}"#);
    decode(body.leak().as_bytes()).unwrap()
}

#[track_caller]
fn refused(body: &str, problem: &str) {
    let misfit = decode(body.as_bytes()).unwrap_err();
    assert_eq!(misfit.to_string(), problem);
}

/// What would be told as dropped, and what refused.
fn losses(request: &Request<'_>) -> Vec<(String, Class)> {
    let rest = request.rest.iter();
    rest.map(|rest| (rest.name.to_string(), rest.class))
        .collect()
}

#[test]
fn what_was_read_is_written_as_it_was() {
    let request = decode(CLIENT.as_bytes()).unwrap();
    let model = "claude-sonnet-4-5";
    let mut lost = Losses::new(
        Format::Messages,
        Format::Messages,
        model,
        Strictness::Lenient,
    );
    let encoded = encode(request, &target(model), &mut lost).unwrap();
    let written: Value = serde_json::from_slice(&encoded.body).unwrap();
    let wanted: Value = serde_json::from_str(CLIENT).unwrap();
    assert_eq!(written, wanted);
    assert!(lost.into_dropped().is_empty(), "nothing is lost");
}

#[test]
fn controls_are_read() {
    let request = read(
        r#","max_tokens":100,"temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["X"],"stream":true,
        "metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral","ttl":"1h"},"system":"s""#,
    );
    assert_eq!(request.model, "m");
    assert_eq!(request.max_output, Some(100));
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!(
        (request.top_k, &*request.stop),
        (Some(40), &["X".into()][..])
    );
    assert!(request.stream);
    assert_eq!(request.user.as_deref(), Some("u"));
    assert_eq!(request.tier.as_deref(), Some("auto"));
    assert_eq!(request.cache_all, Some(CacheMark::OneHour));
    assert_eq!(request.system[0].text, "s");
    assert_eq!(request.turns[0].parts, [Part::text("hi")]);
}

#[test]
fn a_body_of_count_tokens_needs_no_maximum() {
    assert_eq!(read("").max_output, None);
}

#[test]
fn thinking_and_effort_are_understood_together() {
    let check = |members, thinking, show| {
        let reasoning = read(members).reasoning;
        assert_eq!(
            (reasoning.thinking, reasoning.show),
            (thinking, show),
            "{members}"
        );
    };
    check("", Thinking::Unset, Show::Unset);
    check(
        r#","thinking":{"type":"enabled","budget_tokens":2000}"#,
        Thinking::Budget(2000),
        Show::Shown,
    );
    check(
        r#","thinking":{"type":"disabled"}"#,
        Thinking::Off,
        Show::Unset,
    );
    check(
        r#","thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"xhigh"}"#,
        Thinking::Adaptive(Some(Effort::XHigh)),
        Show::Hidden,
    );
    check(
        r#","output_config":{"effort":"low"},"thinking":null"#,
        Thinking::Effort(Effort::Low),
        Show::Unset,
    );
}

#[test]
fn a_schema_is_read_in_both_spellings() {
    let wanted = crate::ir::Output::Schema {
        name: "output".into(),
        description: None,
        schema: r#"{"type":"object"}"#.into(),
        strict: Some(true),
    };
    for members in [
        r#","output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}"#,
        r#","output_format":{"type":"json_schema","schema":{"type":"object"}}"#,
    ] {
        assert_eq!(read(members).output, wanted);
    }
}

#[test]
fn tools_are_the_callers_or_anthropics_own() {
    let request = read(
        r#","tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"},"defer_loading":true},
        {"type":"custom","name":"g"},{"type":"web_search_20250305","name":"web_search","max_uses":5}],
        "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}"#,
    );
    assert_eq!(
        request.tools[0],
        Tool::Function {
            name: "f".into(),
            description: Some("d".into()),
            schema: Some(r#"{"type":"object"}"#.into()),
            strict: Some(true),
            cache: Some(CacheMark::FiveMinutes),
        }
    );
    assert!(matches!(&request.tools[1], Tool::Function { name, .. } if name == "g"));
    assert!(matches!(&request.tools[2], Tool::Hosted { kind, raw, .. }
        if kind == "web_search_20250305" && raw.contains("max_uses")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(request.parallel_tools, Some(false));
    assert_eq!(
        losses(&request),
        [("tools.defer_loading".to_owned(), Class::Hint)]
    );
}

#[test]
fn calls_and_results_keep_their_text() {
    let request = said(
        r#"[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{"n": 12345678901234567890, "d":1.0}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r","is_error":true},{"type":"tool_result","tool_use_id":"u"}]}]"#,
    );
    let [Part::Text { .. }, Part::ToolCall(call)] = &*request.turns[0].parts else {
        panic!("{:?}", request.turns[0]);
    };
    assert_eq!(call.args, r#"{"n":12345678901234567890,"d":1.0}"#);
    let [Part::ToolResult(first), Part::ToolResult(second)] = &*request.turns[1].parts else {
        panic!("{:?}", request.turns[1]);
    };
    assert_eq!((first.error, &*first.parts), (true, &[Part::text("r")][..]));
    assert!(second.parts.is_empty());
}

#[test]
fn proofs_are_anthropics_own_or_come_out_of_their_wrapping() {
    let request = said(
        r#"[{"role":"assistant","content":[
        {"type":"thinking","thinking":"a","signature":"SIG"},
        {"type":"redacted_thinking","data":"ENC"},
        {"type":"thinking","thinking":"b","signature":"tg1:none:::"},
        {"type":"redacted_thinking","data":"tg1:responses:gpt:rs_1:XYZ"},
        {"type":"thinking","thinking":"c","signature":""},
        {"type":"thinking","thinking":"d","signature":"tg1:broken"}]}]"#,
    );
    let proofs: Vec<_> = request.turns[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Reasoning { signature, .. } => signature
                .as_ref()
                .map(|proof| (proof.origin, &*proof.data, proof.redacted)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        proofs,
        [
            Some((Origin::Messages, "SIG", false)),
            Some((Origin::Messages, "ENC", true)),
            Some((Origin::Nowhere, "", false)),
            Some((Origin::Responses, "XYZ", false)),
            None,
            None,
        ]
    );
}

#[test]
fn the_proof_of_a_call_goes_back_to_its_call() {
    let request = said(
        r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"tg1:gemini:gemini::U0lH"},{"type":"tool_use","id":"t","name":"f","input":{}},
        {"type":"tool_use","id":"u","name":"f","input":{}}]}]"#,
    );
    let [Part::ToolCall(first), Part::ToolCall(second)] = &*request.turns[0].parts else {
        panic!("{:?}", request.turns[0]);
    };
    assert_eq!(first.signature.as_ref().unwrap().data, "U0lH");
    assert_eq!(second.signature, None);
}

#[test]
fn documents_are_files_text_or_what_they_are_made_of() {
    let request = said(
        r#"[{"role":"user","content":[
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
        {"type":"document","title":"t","source":{"type":"url","url":"https://x/y.pdf"}},
        {"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"citations":{"enabled":true},"context":"c"},
        {"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"file","file_id":"f"}}]}},
        {"type":"search_result","title":"T","source":"https://s","content":[{"type":"text","text":"b"}]}]}]"#,
    );
    let parts = &request.turns[0].parts;
    let source = |part: &Part<'static>| match part {
        Part::Media {
            media: Media::Image { source, .. } | Media::File { source, .. },
            ..
        } => source.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(source(&parts[0]), Source::Bytes { .. }));
    assert!(matches!(source(&parts[1]), Source::Url { .. }));
    assert_eq!(source(&parts[2]), Source::Plain("words".into()));
    assert_eq!(parts[3], Part::text("a"));
    assert!(matches!(
        source(&parts[4]),
        Source::Ref {
            provider: Format::Messages,
            ..
        }
    ));
    assert_eq!(parts[5], Part::text("T\nhttps://s\n\nb"));
    let lost = [
        ("document.context", Class::Hint),
        ("document.citations", Class::Hint),
    ];
    assert_eq!(
        losses(&request),
        lost.map(|(name, class)| (name.to_owned(), class))
    );
}

#[test]
fn citations_with_an_address_are_kept() {
    let request = said(
        r#"[{"role":"assistant","content":[{"type":"text","text":"a","citations":[
        {"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"q","encrypted_index":"E"},
        {"type":"char_location","cited_text":"q","document_index":0}]}]}]"#,
    );
    let Part::Text { citations, .. } = &request.turns[0].parts[0] else {
        panic!("{:?}", request.turns[0]);
    };
    assert_eq!((citations.len(), &*citations[0].url), (1, "https://a"));
    assert_eq!(
        losses(&request),
        [("text.citations".to_owned(), Class::Hint)]
    );
}

#[test]
fn blocks_that_only_anthropic_understands_are_carried() {
    let request = said(
        r#"[{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"s","content":[]}]},
        {"role":"system","content":"be brief"}]"#,
    );
    assert!(
        matches!(&request.turns[0].parts[0], Part::Opaque { kind, .. } if kind == "server_tool_use")
    );
    assert_eq!(request.turns[1].role, Role::System);
}

#[test]
fn fields_without_a_place_are_hints_or_contracts() {
    let request = read(
        r#","container":"c","mcp_servers":[],"inference_geo":"us","context_management":{"edits":[1]},"novelty":1,"diagnostics":null"#,
    );
    let wanted = [
        ("container", Class::Contract),
        ("inference_geo", Class::Contract),
        ("context_management", Class::Hint),
        ("novelty", Class::Hint),
    ];
    assert_eq!(
        losses(&request),
        wanted.map(|(name, class)| (name.to_owned(), class))
    );
    assert!(losses(&read(r#","inference_geo":"global""#)).is_empty());
}

#[test]
fn the_block_that_says_whom_to_bill_is_not_for_the_model() {
    let request = read(
        r#","system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=1f;"},{"type":"text","text":"You are","cache_control":{"type":"ephemeral"}}]"#,
    );
    assert_eq!(request.system.len(), 1);
    assert_eq!(request.system[0].text, "You are");
    assert_eq!(losses(&request), [(BILLING.to_owned(), Class::Hint)]);
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    let request = said(r#"[{"role":"user","content":"a\ud800b"}]"#);
    assert_eq!(request.turns[0].parts, [Part::text("a\u{fffd}b")]);
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    refused("[]", "`body` cannot be read: not a JSON object");
    refused("{}", "`messages` is missing");
    refused(
        r#"{"messages":"x"}"#,
        "`messages` must be an array, not a string",
    );
    refused(
        r#"{"messages":[1]}"#,
        "`messages[0]` must be an object, not a number",
    );
    refused(
        r#"{"messages":[{"role":"tool","content":"x"}]}"#,
        "`messages[0].role` must be one of user, assistant, system",
    );
    refused(
        r#"{"messages":[{"role":"user"}]}"#,
        "`messages[0].content` is missing",
    );
    refused(
        r#"{"messages":[{"role":"user","content":[]}]}"#,
        "`messages[0].content` is empty; a message says something",
    );
    refused(
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}"#,
        "`messages[0].content[0].text` must be a string, not a number",
    );
    refused(
        r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":[]}]}]}"#,
        "`messages[0].content[0].input` must be an object, not an array",
    );
    refused(
        r#"{"messages":[{"role":"user","content":[{"type":"tool_use","id":"t","name":"f"}]}]}"#,
        "`messages[0].content[0].type` does not belong into a message of this role",
    );
    refused(
        r#"{"messages":[],"max_tokens":"x"}"#,
        "`max_tokens` must be a whole number, zero or more, not a string",
    );
    refused(
        r#"{"messages":[],"thinking":{"type":"enabled"}}"#,
        "`thinking.budget_tokens` is missing",
    );
    refused(
        r#"{"messages":[],"tools":[{"input_schema":{}}]}"#,
        "`tools[0].name` is missing",
    );
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(at in 0..CLIENT.len(), cut in 0..40usize, with in "[\\[\\]{}\",:0-9ntf\\\\]{0,3}") {
        let from = CLIENT.floor_char_boundary(at);
        let to = CLIENT.floor_char_boundary((at + cut).min(CLIENT.len()));
        let body = format!("{}{with}{}", &CLIENT[..from], &CLIENT[to..]);
        let _ = decode(body.as_bytes());
    }

    #[test]
    fn whatever_can_be_read_can_be_written_as_json(
        swap in prop::collection::vec((0..VALUES.len(), 0..VALUES.len()), 1..4)
    ) {
        let mut body = CLIENT.to_owned();
        for (from, to) in swap {
            body = body.replacen(VALUES[from], VALUES[to], 1);
        }
        if let Ok(request) = decode(body.as_bytes()) {
            let model = "claude-sonnet-4-5";
            let mut lost = Losses::new(Format::Messages, Format::Messages, model, Strictness::Lenient);
            if let Ok(encoded) = encode(request, &target(model), &mut lost) {
                prop_assert!(serde_json::from_slice::<Value>(&encoded.body).is_ok());
            }
        }
    }
}

/// Pieces of the conversation that are put in each other's place.
const VALUES: [&str; 10] = [
    r#""user""#,
    r#""assistant""#,
    r#""text""#,
    r#""tool_use""#,
    r#""tool_result""#,
    r#"{"city":"Oslo"}"#,
    r#""toolu_1""#,
    r#""Look.""#,
    r#""thinking""#,
    r#"true"#,
];
