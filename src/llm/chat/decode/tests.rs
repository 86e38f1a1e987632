use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ir::{
    CacheMark, Effort, Media, Origin, Output, Part, Role, Show, Source, Thinking, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult,
};

/// Reads a request; the body lives as long as the test.
fn read(body: &Value) -> Request<'static> {
    let body = body.to_string().into_bytes().leak();
    decode(body).unwrap_or_else(|misfit| panic!("{misfit}"))
}

fn with(field: &str, value: Value) -> Request<'static> {
    read(&json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], field: value}))
}

fn messages(messages: Value) -> Request<'static> {
    read(&json!({"model": "m", "messages": messages}))
}

#[track_caller]
fn refused(body: Value, problem: &str) {
    let body = body.to_string();
    let misfit = decode(body.as_bytes()).expect_err(&body);
    assert_eq!(misfit.to_string(), problem, "of {body}");
}

#[track_caller]
fn refused_message(message: Value, problem: &str) {
    refused(json!({"model": "m", "messages": [message]}), problem);
}

fn names(request: &Request<'_>) -> Vec<String> {
    request
        .rest
        .iter()
        .map(|rest| rest.name.to_string())
        .collect()
}

#[test]
fn the_leading_instructions_stand_before_the_conversation() {
    let request = messages(json!([
        {"role": "system", "content": "a"},
        {"role": "developer", "name": "boss", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "c"}]},
        {"role": "user", "name": "ann", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "go"},
    ]));
    let system: Vec<_> = request
        .system
        .iter()
        .map(|block| (&*block.text, block.cache))
        .collect();
    assert_eq!(
        system,
        [("a", None), ("b", Some(CacheMark::OneHour)), ("c", None)]
    );
    let turns: Vec<_> = request
        .turns
        .iter()
        .map(|turn| (turn.role, turn.at))
        .collect();
    assert_eq!(
        turns,
        [
            (Role::User, 2),
            (Role::Assistant, 3),
            (Role::System, 4),
            (Role::User, 5)
        ]
    );
    assert_eq!(request.turns[0].name.as_deref(), Some("ann"));
    assert_eq!(request.turns[2].parts, [Part::text("be brief")]);
    assert_eq!(names(&request), ["messages[1].name"]);
}

#[test]
fn results_and_the_words_after_them_are_one_turn() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let request = messages(json!([
        {"role": "assistant", "content": "", "tool_calls": [call("c1"), call("c2")]},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "https://x/y"}}]},
        {"role": "user", "content": "go"},
        {"role": "user", "content": "on"},
    ]));
    assert_eq!(request.turns.len(), 3);
    assert!(
        matches!(
            &request.turns[0].parts[..],
            [Part::ToolCall(_), Part::ToolCall(_)]
        ),
        "no empty text"
    );
    let [
        Part::ToolResult(two),
        Part::ToolResult(one),
        Part::Text { text, .. },
    ] = &request.turns[1].parts[..]
    else {
        panic!("{:?}", request.turns[1]);
    };
    assert_eq!((&*two.id, &two.parts[..]), ("c2", &[Part::text("two")][..]));
    assert_eq!((&*one.id, one.parts.len(), &**text), ("c1", 2, "go"));
}

#[test]
fn an_answer_is_reasoning_then_text_then_calls() {
    let request = messages(
        json!([{"role": "assistant", "content": [{"type": "text", "text": "t"}, {"type": "refusal", "refusal": "r"}],
        "refusal": "no", "reasoning_content": "hm",
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "w", "start_index": 0, "end_index": 1}}],
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"a": 1}},
             "extra_content": {"google": {"thought_signature": "tg1:gemini:gemini::S"}}},
            {"id": "", "type": "custom", "custom": {"name": "p", "input": "*** patch"}}]}]),
    );
    let parts = &request.turns[0].parts;
    assert_eq!(
        parts[0],
        Part::Reasoning {
            text: "hm".into(),
            signature: None
        }
    );
    assert!(matches!(&parts[1], Part::Text { citations, .. } if citations[0].span == Some((0, 1))));
    assert_eq!(
        parts[2..4],
        [Part::Refusal("r".into()), Part::Refusal("no".into())]
    );
    let Part::ToolCall(ToolCall {
        args,
        signature: Some(proof),
        ..
    }) = &parts[4]
    else {
        panic!("{parts:?}");
    };
    assert_eq!(
        (&**args, proof.origin, &*proof.data, &*proof.family),
        ("{\"a\":1}", Origin::Gemini, "S", "gemini")
    );
    let Part::ToolCall(ToolCall {
        id,
        args,
        kind: ToolKind::Custom,
        ..
    }) = &parts[5]
    else {
        panic!("{parts:?}");
    };
    assert!(id.starts_with("call_") && args == "*** patch");
}

#[test]
fn proofs_come_back_from_the_list_of_reasoning() {
    let request = messages(
        json!([{"role": "assistant", "content": "x", "reasoning_content": "ab",
        "reasoning_details": [
            {"index": 0, "type": "reasoning.text", "text": "a", "signature": "tg1:messages:claude::S"},
            {"index": 1, "type": "reasoning.encrypted", "data": "tg1:messages:claude:!:R"},
            {"index": 2, "type": "reasoning.text", "text": "b", "signature": "own", "format": "f"}]}]),
    );
    let proofs: Vec<_> = request.turns[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning {
                text,
                signature: Some(proof),
            } => Some((&**text, proof.origin, &*proof.data, proof.redacted)),
            _ => None,
        })
        .collect();
    let own = r#"{"index":0,"type":"reasoning.text","signature":"own","format":"f"}"#;
    assert_eq!(
        proofs,
        [
            ("a", Origin::Messages, "S", false),
            ("", Origin::Messages, "R", true),
            ("b", Origin::Chat, own, false),
        ]
    );
    assert_eq!(
        request.turns[0].parts.len(),
        4,
        "the plain text repeats the list"
    );
}

#[test]
fn older_functions_are_tools() {
    let request = read(&json!({"model": "m",
        "functions": [{"name": "f", "parameters": {"type": "object"}}], "function_call": {"name": "f"},
        "messages": [
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "ok"}]}));
    assert!(
        matches!(&request.tools[..], [Tool::Function { name, schema: Some(_), .. }] if name == "f")
    );
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    assert!(
        matches!(&request.turns[0].parts[..], [Part::ToolCall(call)] if call.id == "call_fc_0")
    );
    let [Part::ToolResult(ToolResult { id, name, .. })] = &request.turns[1].parts[..] else {
        panic!("{:?}", request.turns[1]);
    };
    assert_eq!((&**id, name.as_deref()), ("call_fc_0", Some("f")));
    refused_message(
        json!({"role": "function", "name": "f", "content": "ok"}),
        "`messages[0].role` answers no `function_call` before it",
    );
}

fn part(part: Value) -> Part<'static> {
    let mut request = messages(json!([{"role": "user", "content": [part]}]));
    request.turns.remove(0).parts.remove(0)
}

fn bytes(mime: &'static str, base64: &'static str) -> Source<'static> {
    Source::Bytes {
        mime: mime.into(),
        base64: base64.into(),
    }
}

#[test]
fn media_are_read_in_every_form() {
    let image = |source, detail: Option<&'static str>| Media::Image {
        source,
        detail: detail.map(Into::into),
    };
    let url = |url: &'static str| Source::Url {
        url: url.into(),
        mime: None,
    };
    for (written, media) in [
        (
            json!({"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}),
            image(url("https://x/y.png"), Some("low")),
        ),
        (
            json!({"type": "image_url", "image_url": "data:image/jpg;base64,AAAA"}),
            image(bytes("image/jpeg", "AAAA"), None),
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}),
            Media::Audio {
                source: bytes("audio/mp3", "AAAA"),
            },
        ),
        (
            json!({"type": "video_url", "video_url": {"url": "https://x/y.mp4"}}),
            Media::Video {
                source: url("https://x/y.mp4"),
            },
        ),
        (
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}),
            Media::File {
                source: bytes("application/pdf", "AAAA"),
                name: Some("a.pdf".into()),
            },
        ),
        (
            json!({"type": "file", "file": {"file_data": "AAAA", "filename": "a.CSV"}}),
            Media::File {
                source: bytes("text/csv", "AAAA"),
                name: Some("a.CSV".into()),
            },
        ),
        (
            json!({"type": "file", "file": {"file_id": "file-1"}}),
            Media::File {
                source: Source::Ref {
                    provider: Format::Chat,
                    id: "file-1".into(),
                },
                name: None,
            },
        ),
    ] {
        assert_eq!(
            part(written),
            Part::Media {
                media,
                cache: None,
                at: 0
            }
        );
    }
    let odd = part(json!({"type": "hologram", "x": 1}));
    assert!(matches!(odd, Part::Opaque { kind, .. } if kind == "hologram"));
}

#[test]
fn what_a_message_may_not_be_is_named() {
    refused_message(json!({"role": "user"}), "`messages[0].content` is missing");
    refused_message(
        json!({"role": "user", "content": []}),
        "`messages[0].content` is an empty array; send a string or at least one part",
    );
    refused_message(
        json!({"role": "user", "content": 7}),
        "`messages[0].content` must be a string or an array of parts, not a number",
    );
    refused_message(
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}]}),
        "`messages[0].content[0].image_url` is a data URL whose data is not base64",
    );
    refused_message(
        json!({"role": "tool", "content": "x"}),
        "`messages[0].tool_call_id` must be the id of the call that is answered",
    );
    let image = json!([{"type": "image_url", "image_url": {"url": "https://x/y"}}]);
    refused_message(
        json!({"role": "system", "content": image}),
        "`messages[0].content` of a system message must be text",
    );
    refused_message(
        json!({"role": "tool", "tool_call_id": "c", "content": [{"type": "hologram"}]}),
        "`messages[0].content` of a tool's result must be text, images or files",
    );
    refused_message(
        json!({"role": "robot", "content": "x"}),
        "`messages[0].role` must be one of system, developer, user, assistant, tool",
    );
    refused_message(json!("hi"), "`messages[0]` must be an object, not a string");
    refused(json!({"model": "m"}), "`messages` is missing");
}

#[test]
fn scalars_are_read_in_their_types() {
    let request = read(
        &json!({"model": "m", "messages": [], "max_tokens": 5, "max_completion_tokens": 50,
        "temperature": 0.5, "top_p": 1, "top_k": 3, "frequency_penalty": -1, "presence_penalty": 1.5, "seed": -4, "n": 2,
        "stop": "x", "logit_bias": {"1": -100}, "logprobs": true, "top_logprobs": 3, "stream": true,
        "stream_options": {"include_usage": true}, "parallel_tool_calls": false, "verbosity": "low", "user": "u",
        "metadata": {"a": "b"}, "service_tier": "flex", "prompt_cache_key": "k", "tools": null}),
    );
    assert_eq!(
        (
            request.max_output,
            request.temperature,
            request.top_p,
            request.top_k
        ),
        (Some(50), Some(0.5), Some(1.0), Some(3))
    );
    assert_eq!(
        (request.frequency_penalty, request.presence_penalty),
        (Some(-1.0), Some(1.5))
    );
    assert_eq!(
        (request.seed, request.choices, request.logprobs),
        (Some(-4), Some(2), Some(3))
    );
    assert_eq!(
        (&request.stop[..], request.logit_bias.as_deref()),
        (&["x".into()][..], Some("{\"1\":-100}"))
    );
    assert_eq!(
        (
            request.stream,
            request.include_usage,
            request.parallel_tools
        ),
        (true, true, Some(false))
    );
    assert_eq!(
        (request.user.as_deref(), request.tier.as_deref()),
        (Some("u"), Some("flex"))
    );
    assert_eq!(
        (request.metadata.as_deref(), request.cache_key.as_deref()),
        (Some("{\"a\":\"b\"}"), Some("k"))
    );
    assert!(request.rest.is_empty());
}

#[test]
fn numbers_of_the_wrong_type_are_refused() {
    for (field, value, problem) in [
        (
            "temperature",
            json!("hot"),
            "`temperature` must be a number, not a string",
        ),
        (
            "seed",
            json!(1.5),
            "`seed` must be a whole number, not a fractional number",
        ),
        (
            "max_tokens",
            json!(-1),
            "`max_tokens` must be a whole number, zero or more, not a negative number",
        ),
        ("n", json!(0), "`n` must be at least 1"),
        (
            "stop",
            json!([1]),
            "`stop` must be a string or an array of strings, not a number",
        ),
        (
            "top_logprobs",
            json!(2),
            "`top_logprobs` needs `logprobs: true`",
        ),
        (
            "response_format",
            json!({"type": "xml"}),
            "`response_format.type` must be \"text\", \"json_object\" or \"json_schema\"",
        ),
        (
            "reasoning_effort",
            json!("lots"),
            "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max",
        ),
        (
            "tool_choice",
            json!("f"),
            "`tool_choice` must be \"auto\", \"none\", \"required\" or an object that names a tool",
        ),
        (
            "tools",
            json!([{"type": "function"}]),
            "`tools[0].function` is missing",
        ),
        (
            "tools",
            json!([{"type": "function", "function": {}}]),
            "`tools[0].function.name` must be the tool's name",
        ),
    ] {
        refused(json!({"model": "m", "messages": [], field: value}), problem);
    }
}

#[test]
fn fields_without_a_place_are_hints_or_contracts() {
    let request = read(
        &json!({"model": "m", "messages": [], "store": true, "prediction": {}, "safety_identifier": "s", "user": "u",
        "modalities": ["text"], "min_p": 0.1}),
    );
    assert_eq!(names(&request), ["store", "prediction", "min_p", "user"]);
    assert!(request.rest.iter().all(|rest| rest.class == Class::Hint));
    assert_eq!(request.user.as_deref(), Some("s"));
    let request = read(
        &json!({"model": "m", "messages": [], "modalities": ["text", "audio"], "web_search_options": {}}),
    );
    assert_eq!(names(&request), ["modalities", "web_search_options"]);
    assert!(
        request
            .rest
            .iter()
            .all(|rest| rest.class == Class::Contract)
    );
}

#[test]
fn tools_are_read_nested_flat_and_custom() {
    let request = with(
        "tools",
        json!([
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}, "cache_control": {"type": "ephemeral"}},
            {"type": "function", "name": "g"},
            {"type": "custom", "custom": {"name": "p", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}},
            {"type": "custom", "custom": {"name": "q", "format": {"type": "text"}}},
            {"type": "web_search"},
        ]),
    );
    assert_eq!(
        request.tools[0],
        Tool::Function {
            name: "f".into(),
            description: Some("d".into()),
            schema: Some("{\"type\":\"object\"}".into()),
            strict: Some(true),
            cache: Some(CacheMark::FiveMinutes),
        }
    );
    assert!(matches!(&request.tools[1], Tool::Function { name, schema: None, .. } if name == "g"));
    assert!(
        matches!(&request.tools[2], Tool::Custom { grammar: Some(grammar), .. } if grammar.contains("lark"))
    );
    assert!(matches!(
        &request.tools[3],
        Tool::Custom { grammar: None, .. }
    ));
    assert!(
        matches!(&request.tools[4], Tool::Hosted { origin: Format::Chat, kind, .. } if kind == "web_search")
    );
}

#[test]
fn the_choice_of_tools_is_read_in_every_form() {
    let named = |name: &'static str| ToolChoice::Named(name.into());
    for (written, choice) in [
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Any),
        (json!("any"), ToolChoice::Any),
        (
            json!({"type": "function", "function": {"name": "f"}}),
            named("f"),
        ),
        (json!({"type": "function", "name": "f"}), named("f")),
        (
            json!({"type": "custom", "custom": {"name": "p"}}),
            named("p"),
        ),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}}),
            ToolChoice::Allowed {
                names: vec!["f".into()],
                must: true,
            },
        ),
    ] {
        assert_eq!(
            with("tool_choice", written.clone()).tool_choice,
            Some(choice),
            "{written}"
        );
    }
}

#[test]
fn the_wanted_shape_is_read() {
    assert_eq!(
        with("response_format", json!({"type": "text"})).output,
        Output::Text
    );
    assert_eq!(
        with("response_format", json!({"type": "json_object"})).output,
        Output::Json
    );
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}});
    assert_eq!(
        with("response_format", schema).output,
        Output::Schema {
            name: "n".into(),
            description: None,
            schema: "{\"type\":\"object\"}".into(),
            strict: Some(true),
        }
    );
}

#[test]
fn thinking_is_read_from_every_control() {
    for (field, value, thinking) in [
        (
            "reasoning_effort",
            json!("high"),
            Thinking::Effort(Effort::High),
        ),
        ("reasoning_effort", json!("none"), Thinking::Off),
        (
            "reasoning",
            json!({"effort": "low"}),
            Thinking::Effort(Effort::Low),
        ),
        (
            "reasoning",
            json!({"max_tokens": 2000}),
            Thinking::Budget(2000),
        ),
        ("reasoning", json!({"enabled": false}), Thinking::Off),
        (
            "thinking",
            json!({"type": "enabled", "budget_tokens": 1024}),
            Thinking::Budget(1024),
        ),
        (
            "thinking",
            json!({"type": "enabled"}),
            Thinking::Adaptive(None),
        ),
        ("thinking", json!({"type": "disabled"}), Thinking::Off),
        ("enable_thinking", json!(false), Thinking::Off),
        ("thinking_budget", json!(99), Thinking::Budget(99)),
    ] {
        assert_eq!(
            with(field, value.clone()).reasoning.thinking,
            thinking,
            "{field} {value}"
        );
    }
    assert_eq!(
        with("reasoning_effort", json!("low")).reasoning.show,
        Show::Shown
    );
    assert_eq!(
        with("reasoning", json!({"effort": "low", "exclude": true}))
            .reasoning
            .show,
        Show::Hidden
    );
    assert_eq!(with("seed", json!(1)).reasoning.show, Show::Unset);
}

#[test]
fn a_responses_body_is_told_by_its_shape() {
    let shaped =
        |body: &str| is_responses_shaped(&Fields::read(body.as_bytes()).unwrap(), body.as_bytes());
    assert!(shaped(r#"{"model":"m","input":"hi"}"#));
    assert!(shaped(r#"{"model":"m","input":[],"messages":null}"#));
    assert!(!shaped(r#"{"model":"m","input":"hi","messages":[]}"#));
    assert!(!shaped(r#"{"model":"m","messages":[]}"#));
    let request = read(
        &json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "input": [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ok"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}], "max_output_tokens": 9}),
    );
    assert_eq!(
        (request.origin, request.include_usage, request.max_output),
        (Format::Chat, true, Some(9))
    );
    assert!(
        matches!(&request.tools[..], [Tool::Function { name, schema: Some(_), .. }] if name == "f")
    );
    assert_eq!(request.system[0].text, "a");
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
}

#[test]
fn half_a_surrogate_pair_is_mended_and_text_is_borrowed() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"plain"},{"role":"user","content":"a\ud800"}]}"#;
    let request = decode(body).unwrap();
    assert!(matches!(
        &request.turns[0].parts[0],
        Part::Text {
            text: Text::Borrowed("plain"),
            ..
        }
    ));
    assert!(matches!(&request.turns[1].parts[0], Part::Text { text, .. } if text == "a\u{fffd}"));
}

/// Replaces a value somewhere inside.
fn mutate(place: &mut Value, path: &[u8], with: Value) {
    let inner = match (path.split_first(), &mut *place) {
        (Some((step, rest)), Value::Object(members)) if !members.is_empty() => {
            let step = *step as usize % members.len();
            members.values_mut().nth(step).map(|inner| (inner, rest))
        }
        (Some((step, rest)), Value::Array(elements)) if !elements.is_empty() => {
            let step = *step as usize % elements.len();
            elements.get_mut(step).map(|inner| (inner, rest))
        }
        _ => None,
    };
    match inner {
        Some((inner, rest)) => mutate(inner, rest, with),
        None => *place = with,
    }
}

pub(in crate::chat) fn rich() -> Value {
    serde_json::from_str(include_str!("../../fixtures/chat.request.json")).unwrap()
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        path in prop::collection::vec(any::<u8>(), 0..7),
        with in prop_oneof![
            Just(json!(null)), Just(json!(7)), Just(json!("x")), Just(json!([])), Just(json!({})), Just(json!([{}])),
            Just(json!("data:;base64,")), Just(json!(true)), Just(json!({"type": "text"})),
        ],
    ) {
        let mut body = rich();
        mutate(&mut body, &path, with);
        let _ = decode(body.to_string().as_bytes());
    }

    #[test]
    fn no_bytes_make_it_panic(body in "[\\[\\]{}\":,a-z0-9\\\\]{0,60}") {
        let _ = decode(body.as_bytes());
    }
}
