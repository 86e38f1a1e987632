//! Stories of requests that go to Google.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Format;
use crate::dialect::Quirks;
use crate::ir::{
    CacheMark, Effort, Media, Output, Role, Show, Signature, Source, Thinking, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult, Turn,
};
use crate::loss::Strictness;

const OLD: &str = "gemini-2.5-flash";
const NEW: &str = "gemini-3-flash-preview";

fn asked(turns: Vec<Turn<'static>>) -> Request<'static> {
    Request {
        turns,
        ..Request::new(Format::Chat)
    }
}

fn turn(role: Role, parts: Vec<ir::Part<'static>>) -> Turn<'static> {
    Turn {
        role,
        parts,
        at: 0,
        name: None,
    }
}

fn user(text: &'static str) -> Turn<'static> {
    turn(Role::User, vec![ir::Part::text(text)])
}

fn call(id: &'static str, name: &'static str, args: &'static str) -> ToolCall<'static> {
    ToolCall {
        id: id.into(),
        name: name.into(),
        args: args.into(),
        kind: ToolKind::Function,
        signature: None,
        cache: None,
        at: 0,
    }
}

fn result(id: &'static str, text: &'static str) -> ToolResult<'static> {
    ToolResult {
        id: id.into(),
        name: None,
        parts: vec![ir::Part::text(text)],
        error: false,
        cache: None,
        at: 0,
    }
}

fn function(name: &'static str, schema: Option<&'static str>) -> Tool<'static> {
    Tool::Function {
        name: name.into(),
        description: Some("D".into()),
        schema: schema.map(Into::into),
        strict: None,
        cache: None,
    }
}

fn image(source: Source<'static>) -> ir::Part<'static> {
    let detail = None;
    ir::Part::Media {
        media: Media::Image { source, detail },
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

fn thought(text: &'static str, proof: Signature<'static>) -> ir::Part<'static> {
    ir::Part::Reasoning {
        text: text.into(),
        signature: Some(proof),
    }
}

/// The body and what was dropped.
fn written(
    request: Request<'static>,
    model: &str,
    strictness: Strictness,
) -> Result<(Value, Vec<Cow<'static, str>>), Misfit> {
    let to = Target {
        format: Format::Gemini,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    };
    let mut losses = Losses::new(request.origin, Format::Gemini, "m", strictness);
    let twice = encode(request.clone(), &to, &mut losses)?.body;
    let body = encode(request, &to, &mut losses)?.body;
    assert_eq!(body, twice, "the same every time");
    Ok((
        serde_json::from_slice(&body).unwrap(),
        losses.into_dropped(),
    ))
}

/// Writes for `model`; `wanted` is the body.
fn check(request: Request<'static>, model: &str, wanted: Value) -> Vec<Cow<'static, str>> {
    let (body, dropped) = written(request, model, Strictness::Lenient).unwrap();
    assert_eq!(body, wanted);
    dropped
}

/// Writes for `model`; `wanted` is the value at that JSON pointer.
fn check_at(request: Request<'static>, model: &str, pointer: &str, wanted: Value) {
    let (body, _) = written(request, model, Strictness::Lenient).unwrap();
    assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), wanted);
}

fn refused(request: Request<'static>, model: &str, param: &str) {
    let misfit = written(request, model, Strictness::Lenient).unwrap_err();
    assert_eq!(misfit.param(), param, "{misfit}");
}

#[test]
fn a_conversation_with_a_system_prompt() {
    let request = Request {
        system: vec![
            ir::System {
                text: "S".into(),
                cache: Some(CacheMark::FiveMinutes),
            },
            ir::System {
                text: "T".into(),
                cache: None,
            },
        ],
        ..asked(vec![
            user("a"),
            turn(Role::Assistant, vec![ir::Part::text("b")]),
            turn(Role::System, vec![ir::Part::text("be brief")]),
            user("c"),
        ])
    };
    let dropped = check(
        request,
        OLD,
        json!({
            "systemInstruction": {"parts": [{"text": "S"}, {"text": "T"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"text": "b"}]},
                {"role": "user", "parts": [{"text": "<system>be brief</system>"}, {"text": "c"}]},
            ],
        }),
    );
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn a_system_prompt_alone_is_what_the_user_says() {
    let request = Request {
        system: vec![ir::System {
            text: "S".into(),
            cache: None,
        }],
        ..asked(Vec::new())
    };
    let contents = json!([{"role": "user", "parts": [{"text": "S"}]}]);
    check(request, OLD, json!({"contents": contents}));
}

fn tool_loop() -> Request<'static> {
    let failed = ToolResult {
        error: true,
        ..result("c2", "no")
    };
    asked(vec![
        user("go"),
        turn(
            Role::Assistant,
            vec![
                ir::Part::text("ok"),
                ir::Part::ToolCall(call("c1", "f", r#"{"n":12345678901234567890,"d":1.0}"#)),
                ir::Part::ToolCall(call("c2", "f", "")),
                ir::Part::ToolCall(call("c3", "g", "{}")),
            ],
        ),
        turn(
            Role::User,
            vec![
                ir::Part::ToolResult(result("c3", r#"{"output":1}"#)),
                ir::Part::ToolResult(failed),
                ir::Part::text("well?"),
                ir::Part::ToolResult(result("c1", r#"{"a":1}"#)),
            ],
        ),
    ])
}

#[test]
fn calls_and_results_are_paired_by_order_before_the_third_generation() {
    check(
        tool_loop(),
        OLD,
        json!({"contents": [
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [
                {"text": "ok"},
                {"functionCall": {"name": "f", "args": {"n": 12345678901234567890_u64, "d": 1.0}}},
                {"functionCall": {"name": "f", "args": {}}},
                {"functionCall": {"name": "g", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"a": 1}}},
                {"functionResponse": {"name": "f", "response": {"error": "no"}}},
                {"functionResponse": {"name": "g", "response": {"output": r#"{"output":1}"#}}},
                {"text": "well?"},
            ]},
        ]}),
    );
}

#[test]
fn numbers_in_arguments_keep_their_spelling() {
    let to = Target {
        format: Format::Gemini,
        model: OLD,
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 1,
    };
    let mut losses = Losses::new(Format::Chat, Format::Gemini, "m", Strictness::Lenient);
    let body = encode(tool_loop(), &to, &mut losses).unwrap().body;
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains(r#""args":{"n":12345678901234567890,"d":1.0}"#),
        "{body}"
    );
}

#[test]
fn arguments_that_are_no_object_are_wrapped_or_refused() {
    let request = || {
        asked(vec![
            user("go"),
            turn(
                Role::Assistant,
                vec![ir::Part::ToolCall(call("c1", "f", "[1]"))],
            ),
            turn(Role::User, vec![ir::Part::ToolResult(result("c1", "x"))]),
        ])
    };
    let at = "/contents/1/parts/0/functionCall/args";
    check_at(request(), OLD, at, json!({"_raw": "[1]"}));
    let misfit = written(request(), OLD, Strictness::Strict).unwrap_err();
    assert_eq!(misfit.param(), "messages[0]");
}

#[test]
fn the_third_generation_has_ids_and_wants_a_proof_on_the_first_call() {
    check_at(
        tool_loop(),
        NEW,
        "/contents/1/parts",
        json!([
            {"text": "ok"},
            {"functionCall": {"id": "c1", "name": "f", "args": {"n": 12345678901234567890_u64, "d": 1.0}},
                "thoughtSignature": "skip_thought_signature_validator"},
            {"functionCall": {"id": "c2", "name": "f", "args": {}}},
            {"functionCall": {"id": "c3", "name": "g", "args": {}}},
        ]),
    );
    check_at(
        tool_loop(),
        NEW,
        "/contents/2/parts/0",
        json!({"functionResponse": {"id": "c1", "name": "f", "response": {"a": 1}}}),
    );
}

#[test]
fn proofs_go_back_to_where_they_were_and_to_nobody_else() {
    let own = |data: &'static str| Signature::native(Origin::Gemini, data);
    let wrapped =
        |origin, family| Signature::unwrap(&Signature::native(origin, "x").wrap(family)).unwrap();
    let signed = ToolCall {
        signature: Some(own("S3")),
        ..call("c1", "f", "{}")
    };
    let foreign = ToolCall {
        signature: Some(wrapped(Origin::Gemini, "gemma")),
        ..call("c2", "g", "{}")
    };
    let request = asked(vec![
        user("go"),
        turn(
            Role::Assistant,
            vec![
                thought("Hm", own("S1")),
                ir::Part::text("a"),
                thought("", wrapped(Origin::Messages, "claude")),
                thought("", own("S2")),
                ir::Part::ToolCall(signed),
                ir::Part::ToolCall(foreign),
            ],
        ),
        turn(
            Role::User,
            vec![
                ir::Part::ToolResult(result("c1", "")),
                ir::Part::ToolResult(result("c2", "")),
            ],
        ),
        turn(
            Role::Assistant,
            vec![ir::Part::text("b"), thought("", own("S4"))],
        ),
    ]);
    let (body, dropped) = written(request, NEW, Strictness::Strict).unwrap();
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"text": "a", "thoughtSignature": "S1"},
            {"text": "", "thoughtSignature": "S2"},
            {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "S3"},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        ])
    );
    assert_eq!(
        body["contents"][3]["parts"],
        json!([{"text": "b"}, {"text": "", "thoughtSignature": "S4"}])
    );
    assert_eq!(dropped, ["reasoning_details"]);
}

#[test]
fn a_turn_of_forgotten_reasoning_leaves_nothing_behind() {
    let request = asked(vec![
        user("a"),
        turn(
            Role::Assistant,
            vec![thought("x", Signature::none()), ir::Part::text("")],
        ),
        user("b"),
    ]);
    let (body, _) = written(request, NEW, Strictness::Lenient).unwrap();
    for content in body["contents"].as_array().unwrap() {
        assert_ne!(content["parts"], json!([]), "Google refuses such a content");
    }
}

#[test]
fn images_of_results_stand_in_them_or_behind_them() {
    let shown = ToolResult {
        parts: vec![ir::Part::text("see"), image(png())],
        ..result("c1", "")
    };
    let request = asked(vec![
        user("go"),
        turn(
            Role::Assistant,
            vec![
                ir::Part::ToolCall(call("c1", "f", "{}")),
                ir::Part::ToolCall(call("c2", "f", "{}")),
            ],
        ),
        turn(
            Role::User,
            vec![
                ir::Part::ToolResult(shown),
                ir::Part::ToolResult(result("c2", "x")),
                ir::Part::text("?"),
            ],
        ),
    ]);
    let bytes = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    check_at(
        request.clone(),
        OLD,
        "/contents/2/parts",
        json!([
            {"functionResponse": {"name": "f", "response": {"output": "see"}}},
            {"functionResponse": {"name": "f", "response": {"output": "x"}}},
            bytes,
            {"text": "?"},
        ]),
    );
    check_at(
        request,
        NEW,
        "/contents/2/parts/0/functionResponse/parts",
        json!([bytes]),
    );
}

#[test]
fn media_are_bytes_files_or_refused() {
    let url = |url: &'static str| Source::Url {
        url: url.into(),
        mime: None,
    };
    let shown = |source| asked(vec![turn(Role::User, vec![image(source)])]);
    let at = "/contents/0/parts/0";
    check_at(
        shown(url("https://a/b.PNG?x=1")),
        NEW,
        at,
        json!({"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.PNG?x=1"}}),
    );
    check_at(
        shown(url("gs://a/b.webp")),
        "gemini-2.0-flash",
        at,
        json!({"fileData": {"mimeType": "image/webp", "fileUri": "gs://a/b.webp"}}),
    );
    check_at(
        shown(url("https://youtu.be/x")),
        NEW,
        at,
        json!({"fileData": {"fileUri": "https://youtu.be/x"}}),
    );
    check_at(
        shown(Source::Plain("t".into())),
        NEW,
        at,
        json!({"text": "t"}),
    );
    refused(
        shown(url("https://a/b.png")),
        "gemini-2.0-flash",
        "messages[0]",
    );
    refused(shown(url("https://a/b")), NEW, "messages[0]");
    refused(
        shown(Source::Ref {
            provider: Format::Chat,
            id: "file-1".into(),
        }),
        NEW,
        "messages[0]",
    );
}

#[test]
fn tools_are_declared_once_and_their_names_fit() {
    let schema = r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"string"}}}"#;
    let request = Request {
        tools: vec![
            function("files/read", Some(schema)),
            function("now", None),
            Tool::Custom {
                name: "patch".into(),
                description: None,
                grammar: Some(r#"{"type":"text"}"#.into()),
            },
        ],
        tool_choice: Some(ToolChoice::Named("files/read".into())),
        parallel_tools: Some(false),
        ..asked(vec![user("x")])
    };
    let to = Target {
        format: Format::Gemini,
        model: NEW,
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 1,
    };
    let mut losses = Losses::new(Format::Chat, Format::Gemini, "m", Strictness::Lenient);
    let encoded = encode(request, &to, &mut losses).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    let declared = body["tools"][0]["functionDeclarations"].as_array().unwrap();
    let name = declared[0]["name"].as_str().unwrap();
    assert_ne!(name, "files/read");
    assert_eq!(encoded.back.names.original(name), "files/read");
    assert_eq!(encoded.back.custom, ["patch"]);
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": [name]})
    );
    assert_eq!(
        declared[1],
        json!({"name": "now", "description": "D"}),
        "no arguments, no schema"
    );
    assert_eq!(
        declared[2]["parametersJsonSchema"]["required"],
        json!(["input"])
    );
    assert!(
        declared[0]["parametersJsonSchema"]
            .to_string()
            .find("\"b\"")
            < declared[0]["parametersJsonSchema"]
                .to_string()
                .find("\"a\"")
    );
    assert_eq!(losses.into_dropped(), ["parallel_tool_calls"]);
}

#[test]
fn older_models_get_googles_own_schemas() {
    let request = Request {
        tools: vec![function(
            "f",
            Some(
                r#"{"type":"object","properties":{"a":{"type":["string","null"]}},"additionalProperties":false}"#,
            ),
        )],
        ..asked(vec![user("x")])
    };
    let (body, _) = written(request, "gemini-2.0-flash", Strictness::Lenient).unwrap();
    let declared = &body["tools"][0]["functionDeclarations"][0];
    assert_eq!(declared["parametersJsonSchema"], json!(null));
    assert_eq!(
        declared["parameters"]["properties"]["a"]["nullable"],
        json!(true)
    );
}

#[test]
fn every_choice_has_its_mode() {
    let at = |choice: Option<ToolChoice<'static>>| {
        let request = Request {
            tools: vec![function("f", None), function("g", None)],
            tool_choice: choice,
            ..asked(vec![user("x")])
        };
        let (body, _) = written(request, NEW, Strictness::Lenient).unwrap();
        body["toolConfig"]["functionCallingConfig"].clone()
    };
    let allowed = |must| {
        Some(ToolChoice::Allowed {
            names: vec!["f".into()],
            must,
        })
    };
    assert_eq!(at(None), json!(null));
    assert_eq!(at(Some(ToolChoice::Auto)), json!({"mode": "AUTO"}));
    assert_eq!(at(Some(ToolChoice::None)), json!({"mode": "NONE"}));
    assert_eq!(at(Some(ToolChoice::Any)), json!({"mode": "ANY"}));
    assert_eq!(
        at(allowed(false)),
        json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]})
    );
    assert_eq!(
        at(allowed(true)),
        json!({"mode": "ANY", "allowedFunctionNames": ["f"]})
    );
}

#[test]
fn what_google_cannot_do_is_refused() {
    let hosted = Tool::Hosted {
        origin: Format::Responses,
        kind: "web_search".into(),
        raw: "{}".into(),
    };
    let request = Request {
        tools: vec![hosted],
        ..asked(vec![user("x")])
    };
    refused(request, NEW, "tools");
    let stop = |n: usize| Request {
        stop: vec!["x".into(); n],
        ..asked(vec![user("x")])
    };
    refused(stop(6), NEW, "stop");
    check_at(
        stop(5),
        NEW,
        "/generationConfig/stopSequences/4",
        json!("x"),
    );
    let several = |choices, stream| Request {
        choices: Some(choices),
        stream,
        ..asked(vec![user("x")])
    };
    refused(several(2, true), NEW, "n");
    refused(several(9, false), NEW, "n");
    check_at(
        several(2, false),
        NEW,
        "/generationConfig/candidateCount",
        json!(2),
    );
    let opaque = ir::Part::Opaque {
        origin: Format::Responses,
        kind: "item_reference".into(),
        raw: "{}".into(),
        at: 0,
    };
    refused(
        asked(vec![turn(Role::User, vec![opaque])]),
        NEW,
        "messages[0]",
    );
}

#[test]
fn every_parameter_has_its_name() {
    let request = Request {
        max_output: Some(1_000_000),
        temperature: Some(1.5),
        top_p: Some(0.5),
        top_k: Some(40),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(-0.5),
        seed: Some(7),
        logprobs: Some(3),
        stop: vec!["x".into()],
        tier: Some("flex".into()),
        ..asked(vec![user("x")])
    };
    let dropped = check(
        request,
        OLD,
        json!({
            "contents": [{"role": "user", "parts": [{"text": "x"}]}],
            "generationConfig": {
                "temperature": 1.5, "topP": 0.5, "topK": 40, "maxOutputTokens": 65536, "stopSequences": ["x"],
                "presencePenalty": -0.5, "frequencyPenalty": 0.5, "seed": 7, "responseLogprobs": true, "logprobs": 3,
            },
            "serviceTier": "flex",
        }),
    );
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn hints_are_named_and_some_are_refused_when_strict() {
    let request = Request {
        seed: Some(1 << 40),
        user: Some("u".into()),
        metadata: Some("{}".into()),
        verbosity: Some("low".into()),
        cache_key: Some("k".into()),
        logit_bias: Some("{}".into()),
        tier: Some("scale".into()),
        ..asked(vec![user("x")])
    };
    let (_, dropped) = written(request.clone(), NEW, Strictness::Lenient).unwrap();
    assert_eq!(
        dropped,
        [
            "seed",
            "service_tier",
            "verbosity",
            "user",
            "metadata",
            "prompt_cache_key",
            "logit_bias"
        ]
    );
    let misfit = written(request, NEW, Strictness::Strict).unwrap_err();
    assert_eq!(misfit.param(), "seed");
}

#[test]
fn a_grammar_is_told_and_named_as_dropped() {
    let request = Request {
        tools: vec![Tool::Custom {
            name: "patch".into(),
            description: None,
            grammar: Some(r#"{"type":"grammar","grammar":{}}"#.into()),
        }],
        ..asked(vec![user("x")])
    };
    let (_, dropped) = written(request.clone(), NEW, Strictness::Lenient).unwrap();
    assert_eq!(dropped, ["tools.format"]);
    let misfit = written(request, NEW, Strictness::Strict).unwrap_err();
    assert_eq!(misfit.param(), "tools.format");
}

#[test]
fn json_is_told_by_type_and_schema() {
    let asking = |output: Output<'static>, tools| Request {
        output,
        tools,
        ..asked(vec![user("x")])
    };
    let schema = || Output::Schema {
        name: "n".into(),
        description: None,
        schema: r#"{"type":"object","properties":{"a":{"type":"string"}}}"#.into(),
        strict: Some(true),
    };
    check_at(
        asking(Output::Json, Vec::new()),
        OLD,
        "/generationConfig",
        json!({"responseMimeType": "application/json"}),
    );
    check_at(
        asking(schema(), Vec::new()),
        OLD,
        "/generationConfig/responseJsonSchema/properties",
        json!({"a": {"type": "string"}}),
    );
    let tools = || vec![function("f", None)];
    refused(asking(schema(), tools()), OLD, "response_format");
    check_at(
        asking(schema(), tools()),
        NEW,
        "/generationConfig/responseMimeType",
        json!("application/json"),
    );
}

#[test]
fn effort_and_its_showing() {
    let request = |thinking, show| Request {
        reasoning: ir::Reasoning { thinking, show },
        ..asked(vec![user("x")])
    };
    let high = Thinking::Effort(Effort::High);
    check_at(
        request(high, Show::Hidden),
        NEW,
        "/generationConfig/thinkingConfig",
        json!({"thinkingLevel": "HIGH"}),
    );
    check_at(
        request(high, Show::Unset),
        OLD,
        "/generationConfig/thinkingConfig",
        json!({"includeThoughts": true, "thinkingBudget": 24576}),
    );
    check_at(
        request(Thinking::Off, Show::Unset),
        OLD,
        "/generationConfig/thinkingConfig",
        json!({"thinkingBudget": 0}),
    );
    let (body, dropped) = written(
        request(high, Show::Shown),
        "gemini-2.0-flash",
        Strictness::Lenient,
    )
    .unwrap();
    assert_eq!(
        (&body["generationConfig"], &*dropped),
        (&json!(null), &["reasoning_effort".into()][..])
    );
    check_at(
        request(Thinking::Unset, Show::Unset),
        NEW,
        "/generationConfig",
        json!(null),
    );
}

/// A request of a Gemini client that uses what the common model carries.
fn everything() -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "S"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"text": "b", "thoughtSignature": "QQ=="},
                {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thoughtSignature": "Qw=="},
                {"functionCall": {"id": "c", "name": "f", "args": {"z": 1, "a": [1.0]}}, "thoughtSignature": "Qg=="}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c", "name": "f", "response": {"output": "x"}}}]},
        ],
        "tools": [
            {"functionDeclarations": [{"name": "f", "description": "D", "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}]},
            {"googleSearch": {}},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        "generationConfig": {"temperature": 0.5, "topP": 0.5, "topK": 4, "candidateCount": 2, "maxOutputTokens": 9, "stopSequences": ["x"], "seed": 1,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
            "thinkingConfig": {"includeThoughts": true, "thinkingLevel": "LOW"}},
    })
}

#[test]
fn what_gemini_clients_say_comes_out_as_it_went_in() {
    let body = everything();
    let text: &'static str = Box::leak(body.to_string().into_boxed_str());
    let request = crate::gemini::decode(text.as_bytes()).unwrap();
    let dropped = check(request, NEW, body);
    assert!(dropped.is_empty(), "{dropped:?}");
}

proptest! {
    /// Whatever a client sends: a refusal or a body that is JSON.
    #[test]
    fn no_request_breaks_anything(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[\\]\\[{}\":,0a]{0,3}|null|true|\\{\\}|-1|\"user\"|\"x\""), 0..3),
        model in prop::sample::select(vec![OLD, NEW, "gemini-2.0-flash"]),
    ) {
        let mut body = everything().to_string();
        for (at, length, with) in cuts {
            let from = body.floor_char_boundary(at.index(body.len() + 1));
            let to = body.floor_char_boundary((from + length).min(body.len()));
            body.replace_range(from..to, &with);
        }
        let Ok(request) = crate::gemini::decode(body.as_bytes()) else {
            return Ok(());
        };
        let to = Target {
            format: Format::Gemini,
            model,
            quirks: Quirks::NONE,
            strictness: Strictness::Lenient,
            max_output: None,
            default_output: 1,
        };
        let mut losses = Losses::new(Format::Gemini, Format::Gemini, "m", Strictness::Lenient);
        if let Ok(encoded) = encode(request, &to, &mut losses) {
            let written: Value = serde_json::from_slice(&encoded.body).unwrap();
            prop_assert!(written["contents"].is_array());
        }
    }
}
