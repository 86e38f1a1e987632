use proptest::prelude::*;

use super::*;
use crate::ir::{Media, Origin, Part, Role, Source, Tool, ToolChoice, ToolKind};

const REQUEST: &str = include_str!("../../fixtures/responses.request.json");

fn body(members: &str) -> String {
    format!(r#"{{"model":"m","input":"hi",{members}}}"#)
}

/// What `read` finds in a request of these members.
fn check<T: PartialEq + std::fmt::Debug>(
    members: &str,
    read: impl Fn(Request<'_>) -> T,
    wanted: T,
) {
    let body = body(members);
    assert_eq!(read(decode(body.as_bytes()).unwrap()), wanted, "{members}");
}

/// The field at fault and the words for it.
fn refused(body: &str) -> (String, String) {
    let misfit = decode(body.as_bytes()).unwrap_err();
    (misfit.param().to_owned(), misfit.to_string())
}

/// The turns, one line each.
fn turns(input: &str) -> Vec<String> {
    let body = format!(r#"{{"model":"m","input":{input}}}"#);
    let request = decode(body.as_bytes()).unwrap();
    let parts = |parts: &[Part<'_>]| parts.iter().map(part).collect::<Vec<_>>().join(", ");
    let turns = request.turns.iter();
    turns
        .map(|turn| format!("{} {:?}: {}", turn.at, turn.role, parts(&turn.parts)))
        .collect()
}

fn part(part: &Part<'_>) -> String {
    match part {
        Part::Text { text, .. } => text.to_string(),
        Part::Refusal(text) => format!("refuses {text}"),
        Part::ToolCall(call) => format!("calls {} {} {:?}", call.name, call.args, call.kind),
        Part::ToolResult(result) => format!(
            "{} gave{} {}",
            result.id,
            if result.error { " up" } else { "" },
            result.parts.iter().map(self::part).collect::<String>()
        ),
        Part::Reasoning { text, signature } => format!(
            "thinks {text} {}",
            signature.as_ref().map_or("", |proof| &*proof.data)
        ),
        Part::Opaque { kind, .. } => format!("<{kind}>"),
        Part::Media { media, .. } => match media {
            Media::Image { source, .. } => format!("image {}", from(source)),
            Media::Audio { source } => format!("sound {}", from(source)),
            Media::File { source, name } => {
                format!("file {} {}", name.as_deref().unwrap_or("-"), from(source))
            }
            Media::Video { .. } => "video".to_owned(),
        },
    }
}

fn from(source: &Source<'_>) -> String {
    match source {
        Source::Bytes { mime, base64 } => format!("{mime} {base64}"),
        Source::Url { url, .. } => url.to_string(),
        Source::Ref { id, .. } => format!("#{id}"),
        Source::Plain(text) => text.to_string(),
    }
}

#[test]
fn an_agents_request_reads_as_a_conversation() {
    let request = decode(REQUEST.as_bytes()).unwrap();
    let system: Vec<&str> = request.system.iter().map(|block| &*block.text).collect();
    assert_eq!(system, ["Be brief.", "Permissions: none."]);
    assert!(request.instructed);
    let value: serde_json::Value = serde_json::from_str(REQUEST).unwrap();
    assert_eq!(
        turns(&value["input"].to_string()),
        [
            "1 User: What is it?, image https://example.com/a.png, file - #file_1",
            "2 Assistant: thinks Plan. gAAA, Looking., calls get_w {\"city\":\"Oslo\"} Function, \
             calls apply_patch *** Begin Patch\n Custom",
            "6 User: c1 gave rain, c2 gave Done!",
            "8 System: Now answer.",
            "9 User: go",
        ]
    );
    assert_eq!(request.tools.len(), 3);
    assert_eq!(
        request.tool_choice,
        Some(ToolChoice::Allowed {
            names: vec!["get_w".into(), "apply_patch".into()],
            must: false
        })
    );
    assert_eq!(request.parallel_tools, Some(false));
    assert_eq!(request.max_output, Some(8));
    assert_eq!(request.logprobs, Some(2));
    assert!(request.stream);
    assert_eq!(request.rest.len(), 1);
    assert_eq!(request.rest[0].name, "input.phase");
}

#[test]
fn items_are_read_in_all_their_spellings() {
    assert_eq!(turns("\"hi\""), ["0 User: hi"]);
    let input = r#"[
        {"role":"user","content":"a"},
        {"role":"user","content":[{"type":"text","text":"b"},{"type":"input_text","text":""}]},
        {"role":"assistant","content":[{"type":"refusal","refusal":"no"}]},
        {"type":"function_call","id":"fc","name":"f","namespace":"ns","arguments":{"a":1}},
        {"type":"function_call_output","call_id":"fc","output":{"b":2},"status":"incomplete"},
        {"role":"user","content":"c"},
        {"type":"web_search_call","id":"ws"},
        {"type":"local_shell_call_output","id":"o"},
        {"id":"x"}
    ]"#;
    assert_eq!(
        turns(input),
        [
            "0 User: a",
            "1 User: b",
            "2 Assistant: refuses no, calls ns::f {\"a\":1} Function",
            "4 User: fc gave up {\"b\":2}, c",
            "6 Assistant: <web_search_call>",
            "7 User: <local_shell_call_output>",
            "8 Assistant: <item_reference>",
        ]
    );
}

#[test]
fn media_are_bytes_addresses_or_files() {
    let input = r#"[{"role":"user","content":[
        {"type":"input_image","image_url":{"url":"https://x/a.png","detail":"low"}},
        {"type":"input_image","file_id":"f1"},
        {"type":"input_file","file_data":"JVBERi0=","filename":"a.pdf"},
        {"type":"input_file","file_url":"https://x/b.pdf"},
        {"type":"input_audio","input_audio":{"data":"UklG","format":"mp3"}},
        {"type":"input_magic"}
    ]}]"#;
    assert_eq!(
        turns(input),
        [
            "0 User: image https://x/a.png, image #f1, file a.pdf application/pdf JVBERi0=, \
          file - https://x/b.pdf, sound audio/mpeg UklG, <input_magic>"
        ]
    );
}

#[test]
fn proofs_of_reasoning_are_told_by_their_wrapping() {
    let read = |item: &str| {
        let body = format!(r#"{{"model":"m","input":[{item}]}}"#);
        let request = decode(body.as_bytes()).unwrap();
        let Some(Part::Reasoning { text, signature }) = request.turns[0].parts.first() else {
            panic!("no reasoning in {item}");
        };
        let proof = signature.clone().unwrap();
        (text.to_string(), proof.origin, proof.data.to_string())
    };
    let native = r#"{"type":"reasoning","id":"rs","summary":[{"text":"a"},{"text":"b"}],"encrypted_content":"gA"}"#;
    assert_eq!(
        read(native),
        ("a\n\nb".to_owned(), Origin::Responses, "gA".to_owned())
    );
    let wrapped = r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"c"}],"encrypted_content":"tg1:messages:claude::SIG"}"#;
    assert_eq!(
        read(wrapped),
        ("c".to_owned(), Origin::Messages, "SIG".to_owned())
    );
    let stored = body(r#""input":[{"type":"reasoning","id":"rs","summary":[]}]"#);
    let request = decode(stored.as_bytes()).unwrap();
    assert!(request.turns.is_empty());
    assert_eq!(request.rest[0].name, "input[0]");
    assert_eq!(request.rest[0].class, Class::Hint);
}

#[test]
fn what_needs_stored_state_is_a_contract_and_the_rest_a_hint() {
    let rest = |request: Request<'_>| -> Vec<String> {
        let rest = request.rest.iter();
        rest.map(|rest| format!("{:?} {}", rest.class, rest.name))
            .collect()
    };
    let contract = |name: &str| vec![format!("Contract {name}")];
    check(
        r#""previous_response_id":"r""#,
        rest,
        contract("previous_response_id"),
    );
    check(
        r#""conversation":{"id":"c"}"#,
        rest,
        contract("conversation"),
    );
    check(r#""prompt":{"id":"p"}"#, rest, contract("prompt"));
    check(r#""background":true"#, rest, contract("background"));
    check(
        r#""tools":[],"tool_choice":{"type":"file_search"}"#,
        rest,
        contract("tool_choice"),
    );
    check(
        r#""background":false,"store":false,"truncation":"disabled","conversation":null,
           "include":["reasoning.encrypted_content"],"stream_options":{"include_obfuscation":true}"#,
        rest,
        Vec::new(),
    );
    check(
        r#""store":true,"truncation":"auto","max_tool_calls":3,"magic":1,
           "include":["file_search_call.results"],"reasoning":{"context":"x"}"#,
        rest,
        [
            "Hint store",
            "Hint truncation",
            "Hint max_tool_calls",
            "Hint magic",
            "Hint include.file_search_call.results",
            "Hint reasoning.context",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let stateful = r#"{"model":"m","previous_response_id":"r"}"#;
    assert!(decode(stateful.as_bytes()).is_ok(), "refused by its name");
}

#[test]
fn tools_are_read_in_all_their_kinds() {
    let tools = |request: Request<'_>| -> Vec<String> {
        let tools = request.tools.iter();
        tools
            .map(|tool| match tool {
                Tool::Function { name, strict, .. } => format!("function {name} {strict:?}"),
                Tool::Custom { name, grammar, .. } => {
                    format!("custom {name} {}", grammar.as_deref().unwrap_or("-"))
                }
                Tool::Hosted { kind, .. } => format!("hosted {kind}"),
            })
            .collect()
    };
    check(
        r#""tools":[
            {"type":"function","name":"a","parameters":null,"strict":true},
            {"type":"function","function":{"name":"b"}},
            {"type":"custom","name":"c","format":{"type":"text"}},
            {"type":"custom","name":"d","format":{"type":"grammar","syntax":"lark"}},
            {"type":"namespace","name":"ns","tools":[{"type":"function","name":"e"}]},
            {"type":"local_shell"}
        ]"#,
        tools,
        [
            "function a Some(true)",
            "function b None",
            "custom c -",
            r#"custom d {"type":"grammar","syntax":"lark"}"#,
            "function ns::e None",
            "hosted local_shell",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let choice = |request: Request<'_>| {
        request.tool_choice.is_some_and(|choice| match choice {
            ToolChoice::Named(name) => name == "ns::e",
            choice => choice == ToolChoice::Any,
        })
    };
    check(r#""tool_choice":"required""#, choice, true);
    check(
        r#""tool_choice":{"type":"function","namespace":"ns","name":"e"}"#,
        choice,
        true,
    );
}

#[test]
fn reasoning_and_output_are_read() {
    let reasoning = |request: Request<'_>| (request.reasoning.thinking, request.reasoning.show);
    check(
        r#""reasoning":{"effort":"xhigh","summary":"auto"}"#,
        reasoning,
        (Thinking::Effort(Effort::XHigh), Show::Shown),
    );
    check(
        r#""reasoning":{"effort":"none","summary":null}"#,
        reasoning,
        (Thinking::Off, Show::Unset),
    );
    check(
        r#""text":{"format":{"type":"json_object"},"verbosity":"high"}"#,
        |request| (request.output == Output::Json, request.verbosity.is_some()),
        (true, true),
    );
    check(
        r#""user":"old","safety_identifier":"new","metadata":{ }"#,
        |request| {
            (
                request.user.unwrap().into_owned(),
                request.metadata.is_some(),
            )
        },
        ("new".to_owned(), false),
    );
}

#[test]
fn what_is_of_the_wrong_type_is_refused_by_its_place() {
    for (members, place) in [
        (r#""input":7"#, "input"),
        (r#""input":[7]"#, "input[0]"),
        (r#""input":[{}]"#, "input[0]"),
        (
            r#""input":[{"role":"user","content":[]}]"#,
            "input[0].content",
        ),
        (
            r#""input":[{"role":"robot","content":"x"}]"#,
            "input[0].role",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_text","text":1}]}]"#,
            "input[0].content[0].text",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_image"}]}]"#,
            "input[0].content[0]",
        ),
        (
            r#""input":[{"role":"system","content":[{"type":"input_image","file_id":"f"}]}]"#,
            "input[0].content",
        ),
        (
            r#""input":[{"type":"function_call","call_id":"c"}]"#,
            "input[0].name",
        ),
        (
            r#""input":[{"type":"function_call_output","output":"x"}]"#,
            "input[0].call_id",
        ),
        (r#""tools":{}"#, "tools"),
        (r#""tools":[{"type":"function"}]"#, "tools[0].name"),
        (r#""tools":[{"name":"f"}]"#, "tools[0]"),
        (r#""tool_choice":"maybe""#, "tool_choice"),
        (r#""temperature":"hot""#, "temperature"),
        (r#""max_output_tokens":-1"#, "max_output_tokens"),
        (r#""instructions":[]"#, "instructions"),
        (r#""reasoning":{"effort":"huge"}"#, "reasoning.effort"),
        (
            r#""text":{"format":{"type":"json_schema","name":"x"}}"#,
            "text.format.schema",
        ),
        (r#""text":{"format":{"type":"xml"}}"#, "text.format.type"),
    ] {
        let (param, words) = refused(&body(members));
        assert_eq!(param, place, "{members}");
        assert!(words.starts_with(&format!("`{place}` ")), "{words}");
    }
    assert_eq!(refused(r#"{"model":"m"}"#).0, "input");
    assert_eq!(refused("[]").0, "body");
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    assert_eq!(turns(r#""a\ud800""#), ["0 User: a\u{fffd}"]);
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), "[a-z0-9\"{}\\[\\]:,]{0,6}"), 1..8),
    ) {
        let mut body = REQUEST.to_owned();
        for (place, with) in &cuts {
            let from = body.floor_char_boundary(place.index(body.len()));
            let to = body.floor_char_boundary((from + with.len()).min(body.len()));
            body.replace_range(from..to, with);
        }
        let _ = decode(body.as_bytes());
    }

    #[test]
    fn no_value_makes_it_panic(
        key in "(input|tools|tool_choice|text|reasoning|include|metadata)",
        value in "[\\[{][\"a-z:,{}\\[\\]0-9]{0,40}",
    ) {
        let _ = decode(format!(r#"{{"input":[],"{key}":{value}}}"#).as_bytes());
    }
}

#[test]
fn custom_calls_are_told_from_functions() {
    let request = decode(REQUEST.as_bytes()).unwrap();
    let kinds = request.turns.iter().flat_map(|turn| &turn.parts);
    let custom =
        kinds.filter(|part| matches!(part, Part::ToolCall(call) if call.kind == ToolKind::Custom));
    assert_eq!(custom.count(), 1);
    assert!(request.turns.iter().any(|turn| turn.role == Role::System));
}

#[test]
fn an_item_is_no_part_of_a_message() {
    let input = r#"[{"role":"user","content":[{"type":"custom_tool_call_output","call_id":"c","output":"x"}]}]"#;
    let (param, words) = refused(&format!(r#"{{"model":"m","input":{input}}}"#));
    assert_eq!(param, "input[0].content[0]");
    assert!(words.contains("an item of `input`"), "{words}");
}
