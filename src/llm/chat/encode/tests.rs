use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Format;
use crate::chat::decode::decode;
use crate::dialect::Quirks;
use crate::ir::{
    CacheMark, Effort, Media, Origin, Output, Part, Reasoning, Role, Signature, Source, System,
    Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use crate::loss::Strictness;

/// What came out, and what was dropped.
struct Told {
    body: Value,
    back: Back,
    dropped: Vec<String>,
}

fn write(
    request: Request<'_>,
    model: &str,
    quirks: Quirks,
    strictness: Strictness,
) -> Result<Told, Misfit> {
    let to = Target {
        format: Format::Chat,
        model,
        quirks,
        strictness,
        max_output: None,
        default_output: 4096,
    };
    let mut losses = Losses::new(request.origin, Format::Chat, "asked", strictness);
    let encoded = encode(request, &to, &mut losses)?;
    Ok(Told {
        body: serde_json::from_slice(&encoded.body).unwrap(),
        back: encoded.back,
        dropped: losses
            .into_dropped()
            .into_iter()
            .map(String::from)
            .collect(),
    })
}

fn told(request: Request<'_>, model: &str) -> Told {
    write(request, model, Quirks::NONE, Strictness::Lenient)
        .unwrap_or_else(|misfit| panic!("{misfit}"))
}

fn refusal(request: Request<'_>, model: &str) -> String {
    match write(request, model, Quirks::NONE, Strictness::Strict) {
        Ok(told) => panic!("taken: {}", told.body),
        Err(misfit) => misfit.to_string(),
    }
}

/// A request of Anthropic's origin in which the user says hi.
fn request() -> Request<'static> {
    let mut request = Request::new(Format::Messages);
    request.turns.push(turn(Role::User, vec![Part::text("hi")]));
    request
}

fn turn(role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn {
        role,
        parts,
        at: 0,
        name: None,
    }
}

fn talk(turns: Vec<Turn<'static>>) -> Request<'static> {
    Request {
        turns,
        ..Request::new(Format::Messages)
    }
}

#[track_caller]
fn check(turns: Vec<Turn<'static>>, model: &str, messages: Value) {
    assert_eq!(told(talk(turns), model).body["messages"], messages);
}

fn call(id: &'static str, args: &'static str, kind: ToolKind) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        args: args.into(),
        kind,
        signature: None,
        cache: None,
        at: 0,
    })
}

fn result(id: &'static str, parts: Vec<Part<'static>>, error: bool) -> Part<'static> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: None,
        parts,
        error,
        cache: None,
        at: 0,
    })
}

fn image(source: Source<'static>) -> Part<'static> {
    Part::Media {
        media: Media::Image {
            source,
            detail: None,
        },
        cache: None,
        at: 0,
    }
}

fn png() -> Source<'static> {
    Source::Bytes {
        mime: "image/png".into(),
        base64: "AAAA".into(),
    }
}

fn function(
    name: &'static str,
    schema: Option<&'static str>,
    strict: Option<bool>,
) -> Tool<'static> {
    Tool::Function {
        name: name.into(),
        description: None,
        schema: schema.map(Into::into),
        strict,
        cache: None,
    }
}

#[test]
fn a_rich_request_survives_the_way_to_its_own_format() {
    let body = serde_json::to_vec(&crate::chat::decode::tests::rich()).unwrap();
    let told = told(decode(&body).unwrap(), "gpt-5.1");
    let mut wanted = crate::chat::decode::tests::rich();
    let messages = wanted["messages"].as_array_mut().unwrap();
    messages[0] = json!({"role": "developer", "content": "Be kind.\n\nBe brief."});
    messages.remove(1);
    messages[1]["content"][1] = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}});
    let answer = messages[2].as_object_mut().unwrap();
    answer.shift_remove("reasoning_content");
    answer.shift_remove("reasoning_details");
    messages.swap(3, 4);
    messages[4]["content"] = json!("done");
    messages[3]["content"] = json!("a cat");
    messages[6]["role"] = json!("developer");
    wanted
        .as_object_mut()
        .unwrap()
        .shift_remove("stream_options");
    assert_eq!(told.body, wanted);
    assert_eq!(told.dropped, ["cache_control", "reasoning_details"]);
}

#[test]
fn equal_requests_are_equal_bytes() {
    let body = serde_json::to_vec(&crate::chat::decode::tests::rich()).unwrap();
    let write = || {
        told(decode(&body).unwrap(), "deepseek-chat")
            .body
            .to_string()
    };
    assert_eq!(write(), write());
}

#[test]
fn results_come_first_and_their_images_follow() {
    check(
        vec![
            turn(
                Role::Assistant,
                vec![
                    Part::text("ok"),
                    call("a", "", ToolKind::Function),
                    call("b", "{}", ToolKind::Function),
                ],
            ),
            turn(
                Role::User,
                vec![
                    Part::text("look"),
                    result(
                        "b",
                        vec![Part::text("x"), image(png()), Part::text("y")],
                        false,
                    ),
                    result("a", vec![Part::text("broken")], true),
                ],
            ),
        ],
        "gpt-4o",
        json!([
            {"role": "assistant", "content": "ok", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "Error: broken"},
            {"role": "tool", "tool_call_id": "b", "content": "x\n[image attached below]\ny"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "text", "text": "look"}]},
        ]),
    );
}

#[test]
fn errors_that_say_so_get_no_prefix_and_empty_results_stay_empty() {
    check(
        vec![
            turn(
                Role::Assistant,
                vec![
                    call("a", "{}", ToolKind::Function),
                    call("b", "{}", ToolKind::Function),
                ],
            ),
            turn(
                Role::User,
                vec![
                    result("a", vec![Part::text("ERROR 404")], true),
                    result("b", vec![], false),
                ],
            ),
        ],
        "gpt-4o",
        json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ERROR 404"},
            {"role": "tool", "tool_call_id": "b", "content": ""},
        ]),
    );
}

#[test]
fn instructions_take_the_role_their_model_knows() {
    let mut request = talk(vec![
        turn(Role::User, vec![Part::text("hi")]),
        turn(Role::System, vec![Part::text("be brief")]),
    ]);
    let block = |text: &'static str, cache| System {
        text: text.into(),
        cache,
    };
    request.system = vec![block("a", None), block("b", Some(CacheMark::OneHour))];
    let told_to = |model| told(request.clone(), model);
    let plain = told_to("gpt-4o");
    assert_eq!(
        plain.body["messages"][0],
        json!({"role": "system", "content": "a\n\nb"})
    );
    assert_eq!(
        plain.body["messages"][2],
        json!({"role": "system", "content": "be brief"})
    );
    assert_eq!(plain.dropped, ["cache_control"]);
    assert_eq!(told_to("o3").body["messages"][0]["role"], "developer");
    let claude = told_to("anthropic/claude-sonnet-4.5");
    assert_eq!(
        claude.body["messages"][0]["content"],
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    );
    assert!(claude.dropped.is_empty());
}

#[test]
fn reasoning_goes_back_only_where_it_is_wanted() {
    let own = Signature::native(
        Origin::Chat,
        r#"{"index":0,"type":"reasoning.encrypted","data":"D"}"#,
    );
    let claude = Signature::native(Origin::Messages, "S");
    let thought = |text: &'static str, signature| Part::Reasoning {
        text: text.into(),
        signature,
    };
    let turns = || {
        vec![
            turn(Role::User, vec![Part::text("hi")]),
            turn(
                Role::Assistant,
                vec![
                    thought("a", Some(claude.clone())),
                    thought("", Some(own.clone())),
                    thought("b", None),
                    Part::text("x"),
                ],
            ),
            turn(Role::Assistant, vec![thought("only", None)]),
            turn(Role::User, vec![Part::text("go")]),
        ]
    };
    let told = |quirks| {
        write(talk(turns()), "kimi-k2", quirks, Strictness::Lenient)
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let details = json!([{"index": 0, "type": "reasoning.encrypted", "data": "D"}]);
    let plain = told(Quirks::NONE);
    assert_eq!(
        plain.body["messages"][1],
        json!({"role": "assistant", "content": "x", "reasoning_details": details})
    );
    assert_eq!(
        plain.body["messages"].as_array().unwrap().len(),
        3,
        "an answer of which nothing is left goes"
    );
    assert_eq!(plain.dropped, ["thinking.signature"]);
    let replayed = told(Quirks::REPLAY_REASONING);
    assert_eq!(replayed.body["messages"][1]["reasoning_content"], "a\n\nb");
    assert_eq!(
        replayed.body["messages"][2],
        json!({"role": "assistant", "content": "", "reasoning_content": "only"})
    );
}

#[test]
fn geminis_proofs_go_to_gemini_alone() {
    let mut part = call("a", "{}", ToolKind::Function);
    if let Part::ToolCall(call) = &mut part {
        call.signature = Some(Signature::native(Origin::Gemini, "S"));
    }
    let turns = || {
        vec![
            turn(Role::Assistant, vec![part.clone()]),
            turn(Role::User, vec![result("a", vec![], false)]),
        ]
    };
    let proof = |model| {
        told(talk(turns()), model).body["messages"][0]["tool_calls"][0]["extra_content"].clone()
    };
    assert_eq!(
        proof("gemini-3-pro"),
        json!({"google": {"thought_signature": "S"}})
    );
    assert_eq!(proof("deepseek-chat"), Value::Null);
}

#[test]
fn media_go_as_the_format_has_them_or_not_at_all() {
    let file = |source, name: Option<&'static str>| Part::Media {
        media: Media::File {
            source,
            name: name.map(Into::into),
        },
        cache: None,
        at: 0,
    };
    let of = |mime: &'static str| Source::Bytes {
        mime: mime.into(),
        base64: "aMOp".into(),
    };
    let content = |part: Part<'static>| {
        told(talk(vec![turn(Role::User, vec![part])]), "gpt-4o").body["messages"][0]["content"]
            .clone()
    };
    assert_eq!(
        content(file(of("text/plain"), Some("a.txt"))),
        "a.txt\n\nhé"
    );
    assert_eq!(content(file(Source::Plain("p".into()), None)), "p");
    let pdf = json!([{"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,aMOp"}}]);
    assert_eq!(content(file(of("application/pdf"), None)), pdf);
    let id = Source::Ref {
        provider: Format::Responses,
        id: "file-1".into(),
    };
    assert_eq!(
        content(file(id, None)),
        json!([{"type": "file", "file": {"file_id": "file-1"}}])
    );
    let audio = |mime| Part::Media {
        media: Media::Audio { source: of(mime) },
        cache: None,
        at: 0,
    };
    assert_eq!(
        content(audio("audio/mpeg"))[0]["input_audio"],
        json!({"data": "aMOp", "format": "mp3"})
    );
    let elsewhere = |provider| Source::Ref {
        provider,
        id: "f".into(),
    };
    for (part, reason) in [
        (
            audio("audio/flac"),
            "it takes audio inline only, as wav or mp3",
        ),
        (
            file(
                Source::Url {
                    url: "https://x".into(),
                    mime: None,
                },
                None,
            ),
            "it takes files inline or by id, not by URL",
        ),
        (
            file(elsewhere(Format::Messages), None),
            "the file lies at another provider",
        ),
        (
            image(elsewhere(Format::Chat)),
            "it takes images by URL or inline",
        ),
        (
            Part::Media {
                media: Media::Video { source: png() },
                cache: None,
                at: 0,
            },
            "it takes no video",
        ),
        (
            Part::Opaque {
                origin: Format::Messages,
                kind: "container_upload".into(),
                raw: "{}".into(),
                at: 0,
            },
            "only its own provider understands `container_upload`",
        ),
    ] {
        let refused = refusal(talk(vec![turn(Role::User, vec![part])]), "gpt-4o");
        assert_eq!(
            refused,
            format!(
                "`messages[0]` is not supported when model 'asked' is served by an upstream of type chat: {reason}"
            )
        );
    }
}

#[test]
fn what_a_provider_ran_itself_is_left_out_of_the_history() {
    let server = |kind: &'static str| Part::Opaque {
        origin: Format::Messages,
        kind: kind.into(),
        raw: "{}".into(),
        at: 0,
    };
    let told = told(
        talk(vec![turn(
            Role::Assistant,
            vec![server("server_tool_use"), Part::text("x")],
        )]),
        "gpt-4o",
    );
    assert_eq!(
        told.body["messages"],
        json!([{"role": "assistant", "content": "x"}])
    );
    assert_eq!(told.dropped, ["messages[0].server_tool_use"]);
    let refused = refusal(
        talk(vec![turn(Role::Assistant, vec![server("item_reference")])]),
        "gpt-4o",
    );
    assert!(
        refused.contains("is known to its own provider only"),
        "{refused}"
    );
}

#[test]
fn tools_are_written_with_what_may_be_promised() {
    let strict = r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;
    let mut asked = request();
    asked.tools = vec![
        function("a", Some(strict), Some(true)),
        function("b", Some(r#"{"type":"object"}"#), Some(true)),
        function("c.d", None, None),
    ];
    asked.tool_choice = Some(ToolChoice::Named("c.d".into()));
    asked.parallel_tools = Some(false);
    let told_to = |model| told(asked.clone(), model);
    let plain = told_to("gpt-4o");
    let tools = &plain.body["tools"];
    assert_eq!(tools[0]["function"]["strict"], true);
    assert_eq!(
        tools[1]["function"],
        json!({"name": "b", "parameters": {"type": "object"}})
    );
    assert_eq!(
        tools[2]["function"]["parameters"],
        json!({"type": "object", "properties": {}})
    );
    let name = tools[2]["function"]["name"].as_str().unwrap();
    assert_eq!(plain.back.names.original(name), "c.d");
    assert_eq!(plain.body["tool_choice"]["function"]["name"], name);
    assert_eq!(plain.body["parallel_tool_calls"], false);
    assert_eq!(plain.dropped, ["tools.strict"]);
    assert_eq!(told_to("o3").body["parallel_tool_calls"], Value::Null);
}

#[test]
fn without_tools_nothing_is_chosen() {
    let mut asked = request();
    asked.tool_choice = Some(ToolChoice::Any);
    asked.parallel_tools = Some(false);
    let body = told(asked, "gpt-4o").body;
    for field in ["tools", "tool_choice", "parallel_tool_calls"] {
        assert_eq!(body.get(field), None, "{field}");
    }
}

#[test]
fn allowed_tools_are_a_choice_at_openai_and_fewer_tools_elsewhere() {
    let mut asked = request();
    asked.tools = vec![function("a", None, None), function("b", None, None)];
    asked.tool_choice = Some(ToolChoice::Allowed {
        names: vec!["b".into()],
        must: true,
    });
    let own = told(asked.clone(), "gpt-4o").body;
    assert_eq!(own["tools"].as_array().unwrap().len(), 2);
    assert_eq!(
        own["tool_choice"],
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}})
    );
    let other = told(asked, "mistral-large").body;
    assert_eq!(
        (
            other["tools"].as_array().unwrap().len(),
            &other["tool_choice"]
        ),
        (1, &json!("required"))
    );
}

#[test]
fn custom_tools_stay_or_become_functions() {
    let mut asked = talk(vec![
        turn(
            Role::Assistant,
            vec![call("a", "*** \"x\"", ToolKind::Custom)],
        ),
        turn(Role::User, vec![result("a", vec![], false)]),
    ]);
    let grammar = r#"{"type":"grammar","syntax":"lark","definition":"x"}"#;
    asked.tools = vec![Tool::Custom {
        name: "f".into(),
        description: None,
        grammar: Some(grammar.into()),
    }];
    asked.tool_choice = Some(ToolChoice::Named("f".into()));
    let own = told(asked.clone(), "gpt-5.1");
    assert_eq!(
        own.body["tools"],
        json!([{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}}])
    );
    assert_eq!(
        own.body["messages"][0]["tool_calls"][0]["custom"],
        json!({"name": "f", "input": "*** \"x\""})
    );
    assert_eq!(
        own.body["tool_choice"],
        json!({"type": "custom", "custom": {"name": "f"}})
    );
    assert!(own.back.custom.is_empty());
    let other = told(asked.clone(), "kimi-k2");
    assert_eq!(other.back.custom, ["f"]);
    assert_eq!(
        other.body["tools"][0]["function"]["parameters"]["required"],
        json!(["input"])
    );
    assert_eq!(
        other.body["messages"][0]["tool_calls"][0]["function"]["arguments"],
        "{\"input\":\"*** \\\"x\\\"\"}"
    );
    assert_eq!(other.body["tool_choice"]["type"], "function");
    assert!(refusal(asked, "kimi-k2").contains("`tools.format`"));
}

#[test]
fn hosted_tools_are_refused() {
    let mut asked = request();
    asked.tools = vec![Tool::Hosted {
        origin: Format::Messages,
        kind: "web_search_20250305".into(),
        raw: "{}".into(),
    }];
    assert!(
        refusal(asked, "gpt-4o")
            .contains("the tool `web_search_20250305` runs at the provider it was made for")
    );
}

#[test]
fn schemas_are_strict_only_where_they_qualify() {
    let shape = |schema: &'static str, strict, model| {
        let mut asked = request();
        asked.output = Output::Schema {
            name: "n".into(),
            description: None,
            schema: schema.into(),
            strict,
        };
        told(asked, model)
    };
    let closed = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#;
    let strict = |told: &Told| told.body["response_format"]["json_schema"]["strict"].clone();
    assert_eq!(strict(&shape(closed, None, "gpt-4o")), true);
    assert_eq!(strict(&shape(closed, Some(false), "gpt-4o")), false);
    let open = shape(r#"{"type":"object"}"#, Some(true), "gpt-4o");
    assert_eq!(
        (strict(&open), &open.dropped[..]),
        (
            json!(false),
            &["output_config.format.strict".to_owned()][..]
        )
    );
    let deepseek = shape(closed, None, "deepseek-chat").body;
    assert_eq!(deepseek["response_format"], json!({"type": "json_object"}));
    assert!(
        deepseek["messages"][0]["content"]
            .as_str()
            .unwrap()
            .ends_with(closed)
    );
}

#[test]
fn json_mode_is_always_spoken_of() {
    let mut asked = request();
    asked.output = Output::Json;
    let body = told(asked.clone(), "gpt-4o").body;
    assert_eq!(
        body["messages"][0],
        json!({"role": "system", "content": "Answer in JSON."})
    );
    asked
        .turns
        .push(turn(Role::User, vec![Part::text("give me Json")]));
    assert_eq!(told(asked, "gpt-4o").body["messages"][0]["role"], "user");
}

#[test]
fn thinking_is_told_in_each_vendors_words() {
    for (model, thinking, wanted) in [
        (
            "gpt-5.1",
            Thinking::Effort(Effort::Minimal),
            json!({"reasoning_effort": "none"}),
        ),
        (
            "gpt-5",
            Thinking::Budget(8000),
            json!({"reasoning_effort": "medium"}),
        ),
        (
            "o3",
            Thinking::Effort(Effort::Max),
            json!({"reasoning_effort": "high"}),
        ),
        ("gpt-4o", Thinking::Effort(Effort::High), json!({})),
        (
            "openai/gpt-oss-120b",
            Thinking::Effort(Effort::XHigh),
            json!({"reasoning_effort": "high"}),
        ),
        (
            "deepseek-chat",
            Thinking::Effort(Effort::Medium),
            json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ),
        (
            "deepseek-chat",
            Thinking::Off,
            json!({"thinking": {"type": "disabled"}}),
        ),
        (
            "glm-4.6",
            Thinking::Adaptive(None),
            json!({"thinking": {"type": "enabled"}}),
        ),
        (
            "qwen3-max",
            Thinking::Effort(Effort::Low),
            json!({"enable_thinking": true, "thinking_budget": 2048}),
        ),
        (
            "qwen3-max",
            Thinking::Off,
            json!({"enable_thinking": false}),
        ),
        (
            "gemini-2.5-pro",
            Thinking::Effort(Effort::Low),
            json!({"reasoning_effort": "low"}),
        ),
        (
            "grok-3-mini",
            Thinking::Effort(Effort::Medium),
            json!({"reasoning_effort": "low"}),
        ),
        ("grok-4", Thinking::Effort(Effort::Medium), json!({})),
        ("mistral-large", Thinking::Effort(Effort::Medium), json!({})),
    ] {
        let mut asked = request();
        asked.reasoning = Reasoning {
            thinking,
            ..Reasoning::default()
        };
        let told = told(asked, model);
        let fields = [
            "reasoning_effort",
            "thinking",
            "enable_thinking",
            "thinking_budget",
        ];
        let said: serde_json::Map<_, _> = fields
            .into_iter()
            .filter_map(|field| Some((field.to_owned(), told.body.get(field)?.clone())))
            .collect();
        assert_eq!(Value::from(said.clone()), wanted, "{model} {thinking:?}");
        assert_eq!(
            told.dropped.contains(&"thinking".to_owned()),
            said.is_empty(),
            "{model}"
        );
    }
}

#[test]
fn a_model_that_never_thinks_loses_nothing_by_not_thinking() {
    let mut asked = request();
    asked.reasoning.thinking = Thinking::Off;
    assert!(told(asked, "gpt-4o").dropped.is_empty());
}

#[test]
fn sampling_that_a_model_refuses_is_dropped_or_refused() {
    let mut asked = request();
    asked.temperature = Some(0.2);
    asked.top_p = Some(1.0);
    let free = told(asked.clone(), "gpt-4o");
    assert_eq!(
        (&free.body["temperature"], &free.body["top_p"]),
        (&json!(0.2), &json!(1.0))
    );
    let fixed = told(asked.clone(), "o3");
    assert_eq!(
        (fixed.body.get("temperature"), fixed.body.get("top_p")),
        (None, None)
    );
    assert_eq!(fixed.dropped, ["temperature"]);
    assert!(refusal(asked, "o3").contains("the model draws its tokens in a fixed way"));
}

#[test]
fn the_most_output_tokens_are_what_the_model_can() {
    let tokens = |model, wanted| {
        let mut asked = request();
        asked.max_output = wanted;
        let body = told(asked, model).body;
        (
            body["max_tokens"].as_u64(),
            body["max_completion_tokens"].as_u64(),
        )
    };
    assert_eq!(tokens("gpt-4o", Some(64_000)), (Some(16_384), None));
    assert_eq!(tokens("gpt-5.1", Some(64_000)), (None, Some(64_000)));
    assert_eq!(tokens("llama-3", Some(64_000)), (Some(64_000), None));
    assert_eq!(tokens("gpt-4o", None), (None, None));
}

#[test]
fn promises_that_cannot_be_kept_are_refused() {
    let mut asked = request();
    asked.stop = vec!["x".into(); 5];
    assert_eq!(
        refusal(asked, "gpt-4o"),
        "`stop_sequences` is not supported when model 'asked' is served by an upstream of type chat: it takes at most 4 stop sequences"
    );
    let orphan = talk(vec![turn(Role::User, vec![result("zz", vec![], false)])]);
    assert!(refusal(orphan, "gpt-4o").contains("zz"));
    let unanswered = talk(vec![
        turn(Role::Assistant, vec![call("c1", "{}", ToolKind::Function)]),
        turn(Role::User, vec![Part::text("x")]),
    ]);
    assert!(refusal(unanswered, "gpt-4o").contains("c1"));
}

#[test]
fn what_chat_does_not_know_is_named() {
    let mut asked = request();
    asked.top_k = Some(3);
    asked.metadata = Some("{}".into());
    asked.tier = Some("batch".into());
    asked.cache_all = Some(CacheMark::FiveMinutes);
    asked.verbosity = Some("low".into());
    asked.user = Some("u".repeat(65).into());
    let told_to = |model| told(asked.clone(), model);
    let own = told_to("gpt-4o");
    assert_eq!(
        own.dropped,
        [
            "service_tier",
            "metadata",
            "top_k",
            "cache_control",
            "verbosity"
        ]
    );
    assert_eq!(told_to("gpt-5").body["verbosity"], "low");
    let user = own.body["user"].as_str().unwrap();
    assert!(user.len() <= 64 && user == told_to("gpt-4o").body["user"]);
}

#[test]
fn an_answer_that_was_begun_is_marked_where_servers_know_a_mark() {
    let begun = || {
        talk(vec![
            turn(Role::User, vec![Part::text("hi")]),
            turn(Role::Assistant, vec![Part::text("{")]),
        ])
    };
    let last = |model| told(begun(), model).body["messages"][1].clone();
    assert_eq!(
        last("kimi-k2"),
        json!({"role": "assistant", "content": "{", "partial": true})
    );
    assert_eq!(last("mistral-large")["prefix"], true);
    assert_eq!(last("gpt-4o"), json!({"role": "assistant", "content": "{"}));
    assert!(refusal(begun(), "gpt-4o").contains("it does not go on with an answer that was begun"));
}

proptest! {
    /// Whatever a text holds, the body is JSON and the text comes out again.
    #[test]
    fn every_text_survives(text in "\\PC{1,20}", args in "\\PC{0,20}") {
        let mut asked = Request::new(Format::Responses);
        let call = ToolCall { id: "a".into(), name: "f".into(), args: args.clone().into(), kind: ToolKind::Custom, signature: None, cache: None, at: 0 };
        asked.turns = vec![
            Turn { role: Role::User, parts: vec![Part::text(text.clone())], at: 0, name: None },
            Turn { role: Role::Assistant, parts: vec![Part::ToolCall(call)], at: 1, name: None },
            turn(Role::User, vec![result("a", vec![], false)]),
        ];
        let body = told(asked, "kimi-k2").body;
        prop_assert_eq!(body["messages"][0]["content"].as_str(), Some(&*text));
        let arguments = body["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        prop_assert_eq!(arguments, json!({"input": args}).to_string());
    }
}
