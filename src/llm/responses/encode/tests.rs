use serde_json::{Value, json};

use super::*;
use crate::Format;
use crate::convert::{Asked, Converted, Target, convert};
use crate::dialect::Quirks;
use crate::ir::{
    CacheMark, Media, Part, Role, Signature, Source, System, ToolCall, ToolChoice, ToolKind,
    ToolResult, Turn,
};
use crate::loss::Strictness;

const REQUEST: &str = include_str!("../../fixtures/responses.request.json");

const ASKED: Asked<'_> = Asked {
    model: "gpt-5.2",
    stream: true,
    wish: None,
};

fn target(model: &str) -> Target<'_> {
    Target {
        format: Format::Responses,
        model,
        quirks: Quirks::NONE,
        strictness: Strictness::Lenient,
        max_output: None,
        default_output: 4096,
    }
}

/// The body and the dropped fields of a request that came as chat.
fn written(request: Request<'_>, model: &str) -> (Value, Vec<String>) {
    let to = target(model);
    let mut losses = Losses::new(Format::Chat, to.format, "asked", to.strictness);
    let encoded = encode(request, &to, &mut losses).unwrap();
    let dropped = losses.into_dropped();
    (
        serde_json::from_slice(&encoded.body).unwrap(),
        dropped.iter().map(|name| name.to_string()).collect(),
    )
}

/// Why a request that came as chat is refused.
fn refused(request: Request<'_>, strictness: Strictness) -> String {
    let to = target("gpt-4o");
    let mut losses = Losses::new(Format::Chat, to.format, "asked", strictness);
    encode(request, &to, &mut losses).unwrap_err().to_string()
}

fn request<'a>() -> Request<'a> {
    let mut request = Request::new(Format::Chat);
    request.turns.push(turn(Role::User, vec![Part::text("hi")]));
    request
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn {
        role,
        parts,
        at: 0,
        name: None,
    }
}

fn call(id: &'static str, kind: ToolKind) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        args: "".into(),
        kind,
        signature: None,
        cache: None,
        at: 0,
    })
}

fn result<'a>(id: &'a str, parts: Vec<Part<'a>>, error: bool) -> Part<'a> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: None,
        parts,
        error,
        cache: None,
        at: 0,
    })
}

#[test]
fn a_request_of_the_format_itself_comes_out_as_it_went_in() {
    let to = target("gpt-5.2");
    let converted = convert(Format::Responses, REQUEST.as_bytes(), &ASKED, &to).unwrap();
    let body: Value = serde_json::from_slice(&converted.body).unwrap();
    let mut wanted: Value = serde_json::from_str(REQUEST).unwrap();
    let items = &mut wanted["input"];
    for (item, key) in [
        (2, "id"),
        (2, "content"),
        (4, "id"),
        (5, "id"),
        (5, "status"),
    ] {
        items[item].as_object_mut().unwrap().remove(key);
    }
    items[0]["content"] = json!("Permissions: none.");
    items[1]["type"] = json!("message");
    items[1]["content"][1]["image_url"] = json!("https://example.com/a.png");
    items[3] = json!({"type": "message", "role": "assistant", "content": "Looking."});
    let system = json!({"type": "message", "role": "developer", "content": "Be brief."});
    items.as_array_mut().unwrap().insert(0, system);
    wanted["tools"][2]["parameters"] = json!({"type": "object", "properties": {}});
    wanted["tools"][2]["strict"] = json!(false);
    wanted["max_output_tokens"] = json!(16);
    wanted["reasoning"] = json!({"effort": "none", "summary": "auto"});
    wanted["stream_options"] = json!({"include_obfuscation": false});
    wanted.as_object_mut().unwrap().remove("instructions");
    assert_eq!(body, wanted);
    assert_eq!(converted.dropped, ["input.phase", "max_output_tokens"]);
}

#[test]
fn what_the_answer_repeats_is_what_was_asked() {
    let to = target("gpt-5.2");
    let converted = convert(Format::Responses, REQUEST.as_bytes(), &ASKED, &to);
    let Converted { back, .. } = converted.unwrap();
    let echo: Value = serde_json::from_str(&format!("{{{}}}", back.echo)).unwrap();
    let asked: Value = serde_json::from_str(REQUEST).unwrap();
    for key in [
        "instructions",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "text",
        "top_logprobs",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "metadata",
    ] {
        assert_eq!(echo[key], asked[key], "{key}");
    }
    assert_eq!(echo["tools"][1], asked["tools"][1]);
    assert!(!back.echo.contains('\n'), "an event holds no line ends");
}

#[test]
fn calls_and_results_are_items_by_their_kind() {
    let mut asked = request();
    let texts = vec![Part::text("a"), Part::text("b")];
    asked.turns.extend([
        turn(
            Role::Assistant,
            vec![
                Part::text("Looking."),
                call("c1", ToolKind::Function),
                call("c2", ToolKind::Custom),
            ],
        ),
        turn(
            Role::User,
            vec![
                result("c1", vec![Part::text("no")], true),
                result("c2", texts, false),
                Part::text("go"),
            ],
        ),
    ]);
    let (body, dropped) = written(asked, "gpt-4o");
    let wanted = json!([
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": "Looking."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "f", "input": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "Error: no"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output":
            [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
        {"type": "message", "role": "user", "content": "go"},
    ]);
    assert_eq!(body["input"], wanted);
    assert!(dropped.is_empty());
}

#[test]
fn reasoning_goes_back_to_its_own_kind_and_before_what_it_led_to() {
    let thought = |signature: &str| Part::Reasoning {
        text: "Plan.".into(),
        signature: Signature::unwrap(signature),
    };
    let mut asked = request();
    asked.turns.push(turn(
        Role::Assistant,
        vec![
            thought("tg1:messages:claude::SIG"),
            thought("tg1:responses:gpt:rs_1:gAAA"),
            Part::text("Yes."),
            thought("tg1:responses:gpt:rs_2:gBBB"),
        ],
    ));
    let (body, _) = written(asked.clone(), "gpt-4o");
    assert_eq!(body["input"].as_array().unwrap().len(), 2, "it thinks not");
    let (body, dropped) = written(asked, "gpt-5.2");
    let wanted = json!([
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Plan."}],
            "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": "Yes."},
    ]);
    assert_eq!(body["input"], wanted);
    assert_eq!(dropped, ["reasoning_details"]);
}

#[test]
fn a_proof_on_a_call_is_a_reasoning_item_before_it() {
    let mut asked = request();
    let Part::ToolCall(mut proven) = call("c", ToolKind::Function) else {
        unreachable!()
    };
    proven.signature = Signature::unwrap("tg1:responses:gpt:rs_1:gAAA");
    asked.turns.extend([
        turn(Role::Assistant, vec![Part::ToolCall(proven)]),
        turn(Role::User, vec![result("c", Vec::new(), false)]),
    ]);
    let (body, _) = written(asked, "gpt-5.2");
    assert_eq!(body["input"][1]["encrypted_content"], "gAAA");
    assert_eq!(body["input"][2]["type"], "function_call");
    assert_eq!(body["input"][3]["output"], "");
}

#[test]
fn media_stand_beside_the_text() {
    let media = |media| Part::Media {
        media,
        cache: None,
        at: 0,
    };
    let bytes = |mime: &'static str| Source::Bytes {
        mime: mime.into(),
        base64: "AAAA".into(),
    };
    let file = |source, name: Option<&'static str>| {
        media(Media::File {
            source,
            name: name.map(Into::into),
        })
    };
    let url = Source::Url {
        url: "https://x/a.pdf".into(),
        mime: None,
    };
    let parts = vec![
        media(Media::Image {
            source: bytes("image/png"),
            detail: None,
        }),
        file(bytes("application/pdf"), None),
        file(url, Some("a.pdf")),
        file(Source::Plain("words".into()), None),
    ];
    let mut asked = request();
    asked.turns[0].parts = parts;
    let (body, _) = written(asked, "gpt-4o");
    let wanted = json!([
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_file", "filename": "file.pdf",
            "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_text", "text": "words"},
    ]);
    assert_eq!(body["input"][0]["content"], wanted);

    let mut asked = request();
    asked.turns[0].parts = vec![media(Media::Audio {
        source: bytes("audio/wav"),
    })];
    let (body, _) = written(asked.clone(), "gpt-audio");
    assert_eq!(
        body["input"][0]["content"][0]["input_audio"]["format"],
        "wav"
    );
    assert!(refused(asked, Strictness::Lenient).contains("takes no sound"));
}

#[test]
fn contracts_are_refused_by_name() {
    let check = |change: fn(&mut Request<'_>), field: &str| {
        let mut asked = request();
        change(&mut asked);
        let problem = refused(asked, Strictness::Lenient);
        assert!(problem.starts_with(&format!("`{field}`")), "{problem}");
    };
    check(|asked| asked.choices = Some(2), "n");
    check(|asked| asked.stop = vec!["x".into()], "stop");
    check(
        |asked| {
            asked.tools = vec![Tool::Hosted {
                origin: Format::Messages,
                kind: "web_search_20250305".into(),
                raw: "{}".into(),
            }];
        },
        "tools",
    );
    check(
        |asked| {
            asked.turns[0].parts = vec![Part::Opaque {
                origin: Format::Messages,
                kind: "server_tool_use".into(),
                raw: "{}".into(),
                at: 0,
            }];
        },
        "messages[0]",
    );
}

#[test]
fn hints_are_dropped_and_named_and_some_refused_when_strict() {
    let mut asked = request();
    asked.top_k = Some(1);
    asked.seed = Some(1);
    asked.frequency_penalty = Some(0.5);
    asked.presence_penalty = Some(0.0);
    asked.logit_bias = Some("{ }".into());
    asked.temperature = Some(0.5);
    asked.tier = Some("turbo".into());
    asked.turns[0].name = Some("ann".into());
    asked.system.push(System {
        text: "s".into(),
        cache: Some(CacheMark::FiveMinutes),
    });
    let (body, mut dropped) = written(asked.clone(), "o3");
    dropped.sort();
    let wanted = [
        "cache_control",
        "frequency_penalty",
        "messages.name",
        "seed",
        "service_tier",
        "temperature",
        "top_k",
    ];
    assert_eq!(dropped, wanted);
    assert_eq!(body["input"][0]["role"], "developer");
    assert!(body.get("temperature").is_none());
    assert!(refused(asked, Strictness::Strict).contains("penalty"));
}

#[test]
fn thinking_becomes_an_effort_that_the_model_has() {
    let check = |thinking, model, wanted: Value| {
        let mut asked = request();
        asked.reasoning = Reasoning {
            thinking,
            show: Show::Shown,
        };
        let (body, _) = written(asked, model);
        assert_eq!(body["reasoning"], wanted, "{model}");
        let include = body["include"].as_array();
        let asks = include.is_some_and(|list| list.contains(&json!("reasoning.encrypted_content")));
        assert_eq!(asks, !wanted.is_null());
    };
    let effort = |effort: &str| json!({"effort": effort, "summary": "auto"});
    check(Thinking::Budget(1024), "o3", effort("low"));
    check(Thinking::Budget(10_000), "gpt-5", effort("medium"));
    check(Thinking::Budget(30_000), "gpt-5", effort("high"));
    check(Thinking::Off, "gpt-5", effort("minimal"));
    check(Thinking::Effort(Effort::Max), "gpt-5.2", effort("xhigh"));
    check(
        Thinking::Adaptive(None),
        "gpt-5.2",
        json!({"summary": "auto"}),
    );
    check(Thinking::Effort(Effort::High), "gpt-4o", Value::Null);
}

#[test]
fn without_tools_nothing_is_said_of_them() {
    let mut asked = request();
    asked.tool_choice = Some(ToolChoice::Auto);
    asked.parallel_tools = Some(true);
    let (body, _) = written(asked, "gpt-4o");
    let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["input", "model", "store"]);
}

#[test]
fn long_names_of_users_are_short_ones_and_their_session_the_cache_key() {
    let user = format!(
        "user_{}_account__session_{}",
        "a".repeat(64),
        "b".repeat(36)
    );
    let mut asked = request();
    asked.user = Some(user.as_str().into());
    let (body, _) = written(asked.clone(), "gpt-5");
    assert_eq!(body["prompt_cache_key"], "b".repeat(36));
    let short = body["safety_identifier"].as_str().unwrap();
    assert_eq!(short.len(), 32);
    assert_eq!(written(asked, "gpt-5").0["safety_identifier"], short);
}

#[test]
fn a_schema_is_strict_only_where_it_can_be() {
    let mut asked = request();
    asked.output = Output::Schema {
        name: "out".into(),
        description: None,
        schema: r#"{"type":"object","properties":{"a":{"type":"string"}}}"#.into(),
        strict: Some(true),
    };
    let (body, _) = written(asked, "gpt-4o");
    assert_eq!(body["text"]["format"]["strict"], false);
}
