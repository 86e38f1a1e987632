use serde_json::{Value, json};

use super::*;
use crate::Format;
use crate::dialect::Quirks;
use crate::ir::{
    CacheMark, Effort, Media, Origin, Output, Part, Role, Show, Signature, Source, System,
    Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use crate::loss::Strictness;

/// A model of the generation with budgets and schemas.
const BUDGET: &str = "claude-sonnet-4-5";
/// One that thinks as it finds right.
const ADAPTIVE: &str = "claude-opus-4-8";
/// One that knows neither.
const OLD: &str = "claude-3-5-sonnet-20241022";

fn to(model: &str, strictness: Strictness) -> Target<'_> {
    Target {
        format: Format::Messages,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    }
}

/// A chat client's request that says "hi".
fn asked() -> Request<'static> {
    let mut request = Request::new(Format::Chat);
    request.turns = vec![turn(0, Role::User, vec![Part::text("hi")])];
    request
}

fn turn(at: usize, role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn {
        role,
        parts,
        at,
        name: None,
    }
}

fn call(id: &'static str, args: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        args: args.into(),
        kind: ToolKind::Function,
        signature: None,
        cache: None,
    })
}

fn result(id: &'static str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: None,
        parts,
        error: false,
        cache: None,
    })
}

fn function(name: &'static str) -> Tool<'static> {
    Tool::Function {
        name: name.into(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    }
}

fn thought(text: &'static str, signature: Option<Signature<'static>>) -> Part<'static> {
    let text = text.into();
    Part::Reasoning { text, signature }
}

fn image(mime: &'static str, base64: &'static str) -> Part<'static> {
    let source = Source::Bytes {
        mime: mime.into(),
        base64: base64.into(),
    };
    media(Media::Image {
        source,
        detail: None,
    })
}

fn file(source: Source<'static>) -> Part<'static> {
    let name = Some("n".into());
    media(Media::File { source, name })
}

fn media(media: Media<'static>) -> Part<'static> {
    Part::Media { media, cache: None }
}

fn schema(schema: &'static str) -> Output<'static> {
    Output::Schema {
        name: "s".into(),
        description: None,
        schema: schema.into(),
        strict: Some(true),
    }
}

/// The body, what is known for the way back, and what was dropped.
fn sent(model: &str, request: Request<'_>) -> (Value, Back, Vec<String>) {
    let mut losses = Losses::new(request.origin, Format::Messages, model, Strictness::Lenient);
    let encoded = encode(request, &to(model, Strictness::Lenient), &mut losses).unwrap();
    let dropped = losses
        .into_dropped()
        .into_iter()
        .map(|name| name.into_owned());
    (
        serde_json::from_slice(&encoded.body).unwrap(),
        encoded.back,
        dropped.collect(),
    )
}

/// Checks members of the body, by JSON pointer; null: not there.
#[track_caller]
fn check(
    model: &str,
    edit: impl FnOnce(&mut Request<'static>),
    members: &[(&str, Value)],
    dropped: &[&str],
) {
    let mut request = asked();
    edit(&mut request);
    let (body, _, lost) = sent(model, request);
    for (pointer, wanted) in members {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, wanted, "{pointer} of {body}");
    }
    assert_eq!(lost, dropped);
}

/// Checks that a request is refused, and in which words it begins and ends.
#[track_caller]
fn refused(
    strictness: Strictness,
    model: &str,
    edit: impl FnOnce(&mut Request<'static>),
    param: &str,
    reason: &str,
) {
    let mut request = asked();
    edit(&mut request);
    let mut losses = Losses::new(request.origin, Format::Messages, model, strictness);
    let misfit = encode(request, &to(model, strictness), &mut losses).unwrap_err();
    assert_eq!(misfit.param(), param);
    assert!(misfit.to_string().ends_with(reason), "{misfit}");
}

use Strictness::{Lenient, Strict};

#[test]
fn a_plain_question_is_what_anthropic_expects() {
    let mut request = asked();
    request.system = vec![System {
        text: "be brief".into(),
        cache: None,
    }];
    request.stream = true;
    let mut losses = Losses::new(Format::Chat, Format::Messages, "m", Lenient);
    let encoded = encode(request, &to(BUDGET, Lenient), &mut losses).unwrap();
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        r#"{"model":"claude-sonnet-4-5","max_tokens":64000,"system":[{"type":"text","text":"be brief"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}"#
    );
    assert_eq!(encoded.back, Back::default());
}

#[test]
fn the_most_output_tokens_are_always_told() {
    let tokens = |model, asked_for: Option<u64>, wanted: u64| {
        let edit = |request: &mut Request<'_>| request.max_output = asked_for;
        check(model, edit, &[("/max_tokens", json!(wanted))], &[]);
    };
    tokens(OLD, None, 8192);
    tokens(OLD, Some(100), 100);
    tokens(OLD, Some(64_000), 8192);
    tokens("kimi-k2", None, 4096);
    tokens("kimi-k2", Some(200_000), 200_000);
}

#[test]
fn neighbours_of_one_role_are_one_message_and_empty_text_goes() {
    check(
        BUDGET,
        |request| {
            request.turns = vec![
                turn(0, Role::User, vec![Part::text("a")]),
                turn(1, Role::User, vec![Part::text(" \n")]),
                turn(2, Role::Assistant, vec![Part::text("")]),
                turn(3, Role::User, vec![Part::text("b")]),
            ];
        },
        &[(
            "/messages",
            json!([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]),
        )],
        &[],
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.turns = vec![turn(0, Role::User, vec![Part::text(" ")])],
        "messages[0]",
        "says nothing",
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.turns.clear(),
        "messages",
        "says nothing",
    );
}

#[test]
fn results_come_first_and_in_the_order_of_the_calls() {
    check(
        BUDGET,
        |request| {
            request.tools = vec![function("f")];
            request.turns.push(turn(
                1,
                Role::Assistant,
                vec![call("c1", ""), call("c:2", "{\"a\":1.0}")],
            ));
            request
                .turns
                .push(turn(2, Role::User, vec![result("c:2", vec![])]));
            let mut failed = result("c1", vec![Part::text("no")]);
            if let Part::ToolResult(result) = &mut failed {
                result.error = true;
            }
            request.turns.push(turn(3, Role::User, vec![failed]));
            request
                .turns
                .push(turn(4, Role::User, vec![Part::text("go")]));
        },
        &[
            (
                "/messages/1/content/0",
                json!({"type":"tool_use","id":"c1","name":"f","input":{}}),
            ),
            ("/messages/1/content/1/input", json!({"a":1.0})),
            (
                "/messages/2/content/0",
                json!({"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"no"}],"is_error":true}),
            ),
            ("/messages/2/content/1/content", Value::Null),
            ("/messages/2/content/2", json!({"type":"text","text":"go"})),
        ],
        &[],
    );
    let missing = |request: &mut Request<'static>| {
        request
            .turns
            .push(turn(1, Role::Assistant, vec![call("c1", "{}")]));
        request
            .turns
            .push(turn(2, Role::User, vec![Part::text("go")]));
    };
    let mut request = asked();
    missing(&mut request);
    let mut losses = Losses::new(Format::Chat, Format::Messages, BUDGET, Lenient);
    let misfit = encode(request, &to(BUDGET, Lenient), &mut losses).unwrap_err();
    assert!(misfit.to_string().contains("c1"), "{misfit}");
}

#[test]
fn an_id_with_other_letters_is_replaced_in_call_and_result() {
    let mut request = asked();
    request
        .turns
        .push(turn(1, Role::Assistant, vec![call("call:1|x", "{}")]));
    request
        .turns
        .push(turn(2, Role::User, vec![result("call:1|x", vec![])]));
    let (body, ..) = sent(BUDGET, request);
    let id = &body["messages"][1]["content"][0]["id"];
    assert!(id.as_str().unwrap().starts_with("call_"), "{id}");
    assert_eq!(&body["messages"][2]["content"][0]["tool_use_id"], id);
}

#[test]
fn arguments_that_are_no_object_are_wrapped_or_refused() {
    let edit = |request: &mut Request<'static>| {
        request
            .turns
            .push(turn(1, Role::Assistant, vec![call("c1", "[1]")]));
        request
            .turns
            .push(turn(2, Role::User, vec![result("c1", vec![])]));
    };
    check(
        BUDGET,
        edit,
        &[("/messages/1/content/0/input", json!({"_raw":"[1]"}))],
        &[],
    );
    refused(Strict, BUDGET, edit, "messages[1]", "are no JSON object");
}

#[test]
fn a_system_message_in_the_middle_stays_where_the_model_takes_it() {
    let said = |last: bool| {
        move |request: &mut Request<'static>| {
            request
                .turns
                .push(turn(1, Role::System, vec![Part::text("be brief")]));
            if !last {
                request
                    .turns
                    .push(turn(2, Role::User, vec![Part::text("go")]));
            }
        }
    };
    let inline = json!([{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"<system>be brief</system>"},{"type":"text","text":"go"}]}]);
    check(BUDGET, said(false), &[("/messages", inline.clone())], &[]);
    check(ADAPTIVE, said(false), &[("/messages", inline)], &[]);
    let native = json!({"role":"system","content":[{"type":"text","text":"be brief"}]});
    check(ADAPTIVE, said(true), &[("/messages/1", native)], &[]);
}

#[test]
fn a_system_prompt_alone_is_the_users_message() {
    check(
        BUDGET,
        |request| {
            request.turns.clear();
            request.system = vec![System {
                text: "say hi".into(),
                cache: None,
            }];
        },
        &[
            ("/system", Value::Null),
            (
                "/messages",
                json!([{"role":"user","content":[{"type":"text","text":"say hi"}]}]),
            ),
        ],
        &[],
    );
}

#[test]
fn an_answer_that_was_begun_goes_on_where_the_model_can() {
    let begun = |request: &mut Request<'static>| {
        request
            .turns
            .push(turn(1, Role::Assistant, vec![Part::text("well, \n")]));
    };
    check(
        BUDGET,
        begun,
        &[("/messages/1/content/0/text", json!("well,"))],
        &[],
    );
    refused(
        Lenient,
        ADAPTIVE,
        begun,
        "messages[1]",
        "an answer that was begun",
    );
}

#[test]
fn a_conversation_that_the_assistant_began_gets_a_beginning() {
    let first = |request: &mut Request<'static>| {
        request
            .turns
            .insert(0, turn(0, Role::Assistant, vec![Part::text("a")]));
    };
    check(BUDGET, first, &[("/messages/0/role", json!("user"))], &[]);
    refused(
        Strict,
        BUDGET,
        first,
        "messages[0]",
        "has to begin with the user",
    );
}

#[test]
fn thinking_comes_back_with_anthropics_own_proof_only() {
    let own = Signature::native(Origin::Messages, "SIG");
    let mut redacted = Signature::native(Origin::Messages, "ENC");
    redacted.redacted = true;
    let foreign = Signature::native(Origin::Gemini, "U0lH");
    check(
        BUDGET,
        |request| {
            request.turns.push(turn(
                1,
                Role::Assistant,
                vec![
                    thought("a", Some(own)),
                    thought("", Some(redacted)),
                    thought("b", Some(foreign)),
                    thought("c", None),
                    thought("d", Some(Signature::none())),
                    Part::text("e"),
                ],
            ));
            request
                .turns
                .push(turn(2, Role::User, vec![Part::text("go")]));
        },
        &[(
            "/messages/1/content",
            json!([
                {"type":"thinking","thinking":"a","signature":"SIG"},
                {"type":"redacted_thinking","data":"ENC"},
                {"type":"text","text":"e"}
            ]),
        )],
        &["reasoning_details"],
    );
}

#[test]
fn a_replayed_mark_of_no_proof_is_dropped_without_a_word() {
    check(
        BUDGET,
        |request| {
            let parts = vec![thought("a", Some(Signature::none())), Part::text("b")];
            request.turns.push(turn(1, Role::Assistant, parts));
            request
                .turns
                .push(turn(2, Role::User, vec![Part::text("go")]));
        },
        &[("/messages/1/content", json!([{"type":"text","text":"b"}]))],
        &[],
    );
}

#[test]
fn effort_becomes_a_budget_or_an_effort() {
    let effort = |effort, max: Option<u64>| {
        move |request: &mut Request<'static>| {
            request.reasoning.thinking = Thinking::Effort(effort);
            request.max_output = max;
        }
    };
    let budget = |tokens: u64| {
        (
            "/thinking",
            json!({"type":"enabled","budget_tokens":tokens}),
        )
    };
    check(BUDGET, effort(Effort::High, None), &[budget(24_576)], &[]);
    check(
        BUDGET,
        effort(Effort::High, Some(2000)),
        &[budget(1600)],
        &[],
    );
    check(
        BUDGET,
        effort(Effort::High, Some(1000)),
        &[("/thinking", Value::Null)],
        &["reasoning_effort"],
    );
    check(
        BUDGET,
        effort(Effort::None, None),
        &[("/thinking", json!({"type":"disabled"}))],
        &[],
    );
    check(
        OLD,
        effort(Effort::Low, None),
        &[("/thinking", Value::Null)],
        &["reasoning_effort"],
    );
    check(
        ADAPTIVE,
        effort(Effort::Minimal, None),
        &[
            (
                "/thinking",
                json!({"type":"adaptive","display":"summarized"}),
            ),
            ("/output_config", json!({"effort":"low"})),
        ],
        &[],
    );
    check(
        ADAPTIVE,
        |request| {
            request.reasoning.thinking = Thinking::Adaptive(None);
            request.reasoning.show = Show::Hidden;
        },
        &[
            ("/thinking", json!({"type":"adaptive","display":"omitted"})),
            ("/output_config", Value::Null),
        ],
        &[],
    );
}

#[test]
fn a_forced_call_comes_before_thinking() {
    let edit = |request: &mut Request<'static>| {
        request.tools = vec![function("f")];
        request.tool_choice = Some(ToolChoice::Any);
        request.reasoning.thinking = Thinking::Effort(Effort::High);
    };
    let choice = ("/tool_choice", json!({"type":"any"}));
    let none = ("/thinking", Value::Null);
    check(
        BUDGET,
        edit,
        &[choice.clone(), none.clone()],
        &["reasoning_effort"],
    );
    let effort = ("/output_config/effort", json!("high"));
    check(
        ADAPTIVE,
        edit,
        &[choice, none, effort],
        &["reasoning_effort"],
    );
}

#[test]
fn thinking_in_the_middle_of_calls_needs_the_thinking_before_them() {
    let edit = |proof: Option<Signature<'static>>| {
        move |request: &mut Request<'static>| {
            request.tools = vec![function("f")];
            request.reasoning.thinking = Thinking::Effort(Effort::Low);
            let parts = vec![thought("a", proof), call("c1", "{}")];
            request.turns.push(turn(1, Role::Assistant, parts));
            request
                .turns
                .push(turn(2, Role::User, vec![result("c1", vec![])]));
        }
    };
    let own = Signature::native(Origin::Messages, "SIG");
    check(
        BUDGET,
        edit(Some(own)),
        &[
            ("/thinking/type", json!("enabled")),
            ("/messages/1/content/0/signature", json!("SIG")),
        ],
        &[],
    );
    check(
        BUDGET,
        edit(None),
        &[
            ("/thinking", Value::Null),
            ("/messages/1/content/0/type", json!("tool_use")),
        ],
        &["reasoning_details", "reasoning_effort"],
    );
    check(
        ADAPTIVE,
        edit(None),
        &[("/thinking/type", json!("adaptive"))],
        &["reasoning_details"],
    );
}

#[test]
fn sampling_stays_within_what_the_model_takes() {
    let edit = |temperature, top_p, top_k| {
        move |request: &mut Request<'static>| {
            request.temperature = temperature;
            request.top_p = top_p;
            request.top_k = top_k;
        }
    };
    let drawn = |temperature: Value, top_p: Value, top_k: Value| {
        [
            ("/temperature", temperature),
            ("/top_p", top_p),
            ("/top_k", top_k),
        ]
    };
    check(
        OLD,
        edit(Some(0.5), Some(0.9), Some(40)),
        &drawn(json!(0.5), json!(0.9), json!(40)),
        &[],
    );
    check(
        BUDGET,
        edit(Some(1.4), Some(0.9), None),
        &drawn(json!(1.0), Value::Null, Value::Null),
        &["temperature", "top_p"],
    );
    check(
        ADAPTIVE,
        edit(Some(0.2), Some(0.9), Some(1)),
        &drawn(Value::Null, Value::Null, Value::Null),
        &["temperature", "top_p", "top_k"],
    );
    check(
        ADAPTIVE,
        edit(Some(1.0), None, None),
        &drawn(Value::Null, Value::Null, Value::Null),
        &[],
    );
    refused(
        Strict,
        BUDGET,
        edit(Some(1.4), None, None),
        "temperature",
        "its temperatures end at 1",
    );
    refused(
        Strict,
        BUDGET,
        edit(Some(0.4), Some(0.9), None),
        "top_p",
        "not both",
    );
}

#[test]
fn a_thinking_model_draws_its_words_as_it_will() {
    check(
        BUDGET,
        |request| {
            request.reasoning.thinking = Thinking::Effort(Effort::Low);
            request.temperature = Some(0.2);
            request.top_k = Some(5);
        },
        &[("/temperature", Value::Null), ("/top_k", Value::Null)],
        &["temperature", "top_k"],
    );
}

#[test]
fn choices_of_tools_keep_their_meaning() {
    let choose = |choice: Option<ToolChoice<'static>>, parallel, wanted: Value| {
        check(
            BUDGET,
            |request| {
                request.tools = vec![function("f"), function("g")];
                request.tool_choice = choice;
                request.parallel_tools = parallel;
            },
            &[("/tool_choice", wanted)],
            &[],
        );
    };
    choose(None, None, Value::Null);
    choose(None, Some(true), Value::Null);
    choose(
        None,
        Some(false),
        json!({"type":"auto","disable_parallel_tool_use":true}),
    );
    choose(Some(ToolChoice::Auto), None, json!({"type":"auto"}));
    choose(Some(ToolChoice::None), Some(false), json!({"type":"none"}));
    choose(
        Some(ToolChoice::Any),
        Some(false),
        json!({"type":"any","disable_parallel_tool_use":true}),
    );
    choose(
        Some(ToolChoice::Named("f".into())),
        None,
        json!({"type":"tool","name":"f"}),
    );
    let only = |must| ToolChoice::Allowed {
        names: vec!["g".into()],
        must,
    };
    choose(Some(only(true)), None, json!({"type":"tool","name":"g"}));
    choose(Some(only(false)), None, json!({"type":"auto"}));
    check(
        BUDGET,
        |request| {
            request.tools = vec![function("f"), function("g")];
            request.tool_choice = Some(only(false));
        },
        &[("/tools/0/name", json!("g")), ("/tools/1", Value::Null)],
        &[],
    );
    check(
        BUDGET,
        |request| {
            request.tool_choice = Some(ToolChoice::Auto);
            request.parallel_tools = Some(false);
        },
        &[("/tools", Value::Null), ("/tool_choice", Value::Null)],
        &[],
    );
}

#[test]
fn every_tool_has_a_schema_of_an_object() {
    let declared = |schema: Option<&'static str>, wanted: Value| {
        check(
            BUDGET,
            |request| {
                request.tools = vec![Tool::Function {
                    name: "f".into(),
                    description: Some("d".into()),
                    schema: schema.map(Into::into),
                    strict: None,
                    cache: None,
                }];
            },
            &[(
                "/tools/0",
                json!({"name":"f","description":"d","input_schema":wanted}),
            )],
            &[],
        );
    };
    declared(None, json!({"type":"object","properties":{}}));
    declared(Some("{}"), json!({"type":"object","properties":{}}));
    declared(
        Some(r#"{"properties":{"a":{}}}"#),
        json!({"type":"object","properties":{"a":{}}}),
    );
    declared(
        Some(r#"{"type":"object","properties":{"n":{"minimum":1}}}"#),
        json!({"type":"object","properties":{"n":{"minimum":1}}}),
    );
}

#[test]
fn a_strict_tool_is_strict_where_the_model_can() {
    let edit = |request: &mut Request<'static>| {
        request.tools = vec![Tool::Function {
            name: "f".into(),
            description: None,
            schema: Some(
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#.into(),
            ),
            strict: Some(true),
            cache: None,
        }];
    };
    check(
        BUDGET,
        edit,
        &[
            ("/tools/0/strict", json!(true)),
            ("/tools/0/input_schema/additionalProperties", json!(false)),
        ],
        &[],
    );
    check(
        OLD,
        edit,
        &[("/tools/0/strict", Value::Null)],
        &["tools.strict"],
    );
}

#[test]
fn names_that_do_not_fit_are_changed_and_found_again() {
    let mut request = asked();
    request.tools = vec![function("files.read/v2")];
    request.tool_choice = Some(ToolChoice::Named("files.read/v2".into()));
    let (body, back, _) = sent(BUDGET, request);
    let name = body["tools"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("files_read_v2_"), "{name}");
    assert_eq!(body["tool_choice"]["name"], name);
    assert_eq!(back.names.original(name), "files.read/v2");
}

#[test]
fn a_tool_of_free_text_takes_one_string() {
    let mut request = asked();
    request.tools = vec![Tool::Custom {
        name: "apply".into(),
        description: Some("d".into()),
        grammar: Some(r#"{"type":"grammar","syntax":"lark","definition":"x"}"#.into()),
    }];
    let mut past = call("c1", "*** \"patch\"\n");
    if let Part::ToolCall(call) = &mut past {
        call.kind = ToolKind::Custom;
    }
    request.turns.push(turn(1, Role::Assistant, vec![past]));
    request
        .turns
        .push(turn(2, Role::User, vec![result("c1", vec![])]));
    let (body, back, dropped) = sent(BUDGET, request.clone());
    assert_eq!(
        body["tools"][0]["input_schema"]["required"],
        json!(["input"])
    );
    assert!(
        body["tools"][0]["description"]
            .as_str()
            .unwrap()
            .contains("lark")
    );
    assert_eq!(
        body["messages"][1]["content"][0]["input"],
        json!({"input":"*** \"patch\"\n"})
    );
    assert_eq!(back.custom, ["apply"]);
    assert_eq!(dropped, ["tools.format"]);
    refused(
        Strict,
        BUDGET,
        |asked| *asked = request,
        "tools.format",
        "cannot be held to a grammar",
    );
}

#[test]
fn a_tool_that_another_provider_runs_is_refused() {
    refused(
        Lenient,
        BUDGET,
        |request| {
            request.tools = vec![Tool::Hosted {
                origin: Format::Responses,
                kind: "file_search".into(),
                raw: "{}".into(),
            }];
        },
        "tools",
        "does not run the tool 'file_search'",
    );
}

const SCHEMA: &str = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;

#[test]
fn a_schema_is_native_forced_or_told() {
    check(
        BUDGET,
        |request| request.output = schema(SCHEMA),
        &[
            ("/output_config/format/type", json!("json_schema")),
            (
                "/output_config/format/schema/additionalProperties",
                json!(false),
            ),
            ("/tools", Value::Null),
        ],
        &[],
    );
    let mut request = asked();
    request.output = schema(SCHEMA);
    let (body, back, dropped) = sent(OLD, request);
    assert_eq!(body["tools"][0]["name"], "json_output");
    assert_eq!(body["tools"][0]["input_schema"]["required"], json!(["a"]));
    let choice = json!({"type":"tool","name":"json_output","disable_parallel_tool_use":true});
    assert_eq!(body["tool_choice"], choice);
    assert_eq!((back.json_tool, dropped), (Some("json_output"), vec![]));
    let beside = |request: &mut Request<'static>| {
        request.output = schema(SCHEMA);
        request.tools = vec![function("f")];
    };
    check(
        OLD,
        beside,
        &[("/tool_choice", Value::Null)],
        &["response_format"],
    );
    let mut request = asked();
    beside(&mut request);
    let (body, back, _) = sent(OLD, request);
    assert!(
        body["system"][0]["text"]
            .as_str()
            .unwrap()
            .ends_with(SCHEMA)
    );
    assert_eq!(back.json_tool, None);
    refused(
        Strict,
        OLD,
        beside,
        "response_format",
        "only told of the schema beside tools",
    );
    refused(
        Lenient,
        OLD,
        |request| {
            beside(request);
            request.tool_choice = Some(ToolChoice::Any);
        },
        "response_format",
        "to a schema and to a tool at once",
    );
    refused(
        Lenient,
        OLD,
        |request| request.output = schema(r#"{"type":"array"}"#),
        "response_format",
        "an object at the root of the schema",
    );
}

#[test]
fn a_schema_that_anthropic_cannot_hold_to_is_a_forced_tool() {
    let open = r#"{"type":"object","additionalProperties":{"type":"string"}}"#;
    check(
        BUDGET,
        |request| request.output = schema(open),
        &[
            ("/tool_choice/name", json!("json_output")),
            ("/output_config", Value::Null),
        ],
        &[],
    );
}

#[test]
fn json_is_asked_for_in_words() {
    check(
        BUDGET,
        |request| request.output = Output::Json,
        &[(
            "/system/0/text",
            json!(
                "Answer with one JSON object and nothing else: no words around it, no code fence."
            ),
        )],
        &[],
    );
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";

#[test]
fn images_are_of_the_type_that_their_bytes_say() {
    let shown = |part: Part<'static>, wanted: Value| {
        check(
            BUDGET,
            |request| request.turns[0].parts.push(part),
            &[("/messages/0/content/1", wanted)],
            &[],
        );
    };
    let png =
        json!({"type":"image","source":{"type":"base64","media_type":"image/png","data":PNG}});
    shown(image("image/png", PNG), png.clone());
    shown(image("image/jpeg", PNG), png);
    shown(
        image("image/jpg", "AAAA"),
        json!({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AAAA"}}),
    );
    let source = Source::Url {
        url: "https://x/y.png".into(),
        mime: None,
    };
    shown(
        media(Media::Image {
            source,
            detail: None,
        }),
        json!({"type":"image","source":{"type":"url","url":"https://x/y.png"}}),
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(image("image/svg+xml", "AAAA")),
        "messages[0]",
        "image/jpeg, image/png, image/gif, image/webp, not image/svg+xml",
    );
    let source = Source::Url {
        url: "gs://bucket/x".into(),
        mime: None,
    };
    refused(
        Lenient,
        BUDGET,
        |request| {
            let detail = None;
            request.turns[0]
                .parts
                .push(media(Media::Image { source, detail }));
        },
        "messages[0]",
        "http and https only",
    );
}

#[test]
fn files_are_documents_or_images() {
    let bytes = |mime: &'static str, base64: &'static str| Source::Bytes {
        mime: mime.into(),
        base64: base64.into(),
    };
    let shown = |part: Part<'static>, wanted: Value| {
        check(
            BUDGET,
            |request| request.turns[0].parts.push(part),
            &[("/messages/0/content/1", wanted)],
            &[],
        );
    };
    shown(
        file(bytes("application/octet-stream", "JVBERi0xLjcK")),
        json!({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjcK"},"title":"n"}),
    );
    shown(
        file(bytes("text/markdown; charset=utf-8", "aMOp")),
        json!({"type":"document","source":{"type":"text","media_type":"text/plain","data":"hé"},"title":"n"}),
    );
    shown(
        file(Source::Plain("words".into())),
        json!({"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"title":"n"}),
    );
    shown(
        file(bytes("image/png", PNG)),
        json!({"type":"image","source":{"type":"base64","media_type":"image/png","data":PNG}}),
    );
    let stored = Source::Ref {
        provider: Format::Chat,
        id: "file-1".into(),
    };
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(file(stored)),
        "messages[0]",
        "the file is stored elsewhere",
    );
    let sound = media(Media::Audio {
        source: bytes("audio/wav", "AAAA"),
    });
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(sound),
        "messages[0]",
        "it does not take sound",
    );
}

#[test]
fn a_result_may_hold_images() {
    check(
        BUDGET,
        |request| {
            request
                .turns
                .push(turn(1, Role::Assistant, vec![call("c1", "{}")]));
            let parts = vec![Part::text("see"), image("image/png", PNG)];
            request
                .turns
                .push(turn(2, Role::User, vec![result("c1", parts)]));
        },
        &[("/messages/2/content/0/content/1/type", json!("image"))],
        &[],
    );
}

#[test]
fn at_most_four_cache_marks_go_out_and_the_last_ones_stay() {
    let marked = |text: &'static str, cache| Part::Text {
        text: text.into(),
        citations: vec![],
        cache: Some(cache),
    };
    check(
        BUDGET,
        |request| {
            request.system = ["a", "b"]
                .map(|text| System {
                    text: text.into(),
                    cache: Some(CacheMark::OneHour),
                })
                .into();
            request.turns[0].parts = vec![
                marked("c", CacheMark::FiveMinutes),
                marked("d", CacheMark::OneHour),
                marked("e", CacheMark::FiveMinutes),
            ];
        },
        &[
            ("/system/0/cache_control", Value::Null),
            (
                "/system/1/cache_control",
                json!({"type":"ephemeral","ttl":"1h"}),
            ),
            (
                "/messages/0/content/0/cache_control",
                json!({"type":"ephemeral"}),
            ),
            (
                "/messages/0/content/1/cache_control",
                json!({"type":"ephemeral"}),
            ),
            (
                "/messages/0/content/2/cache_control",
                json!({"type":"ephemeral"}),
            ),
        ],
        &["cache_control"],
    );
}

#[test]
fn what_anthropic_has_no_place_for_is_named_or_refused() {
    check(
        BUDGET,
        |request| {
            request.seed = Some(1);
            request.frequency_penalty = Some(0.1);
            request.presence_penalty = Some(0.1);
            request.logit_bias = Some("{}".into());
            request.verbosity = Some("low".into());
            request.metadata = Some("{}".into());
            request.cache_key = Some("k".into());
            request.tier = Some("flex".into());
            request.turns[0].name = Some("n".into());
        },
        &[],
        &[
            "frequency_penalty",
            "presence_penalty",
            "seed",
            "logit_bias",
            "verbosity",
            "metadata",
            "prompt_cache_key",
            "messages.name",
            "service_tier",
        ],
    );
    refused(
        Strict,
        BUDGET,
        |request| request.seed = Some(1),
        "seed",
        "no such parameter",
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.choices = Some(2),
        "n",
        "one answer at a time",
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.logprobs = Some(0),
        "logprobs",
        "no probabilities",
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.stop = vec!["\n".into()],
        "stop",
        "a character that is no white space",
    );
}

#[test]
fn small_controls_go_along() {
    check(
        BUDGET,
        |request| {
            request.stop = vec!["X".into()];
            request.user = Some("u".into());
            request.tier = Some("default".into());
            request.choices = Some(1);
        },
        &[
            ("/stop_sequences", json!(["X"])),
            ("/metadata", json!({"user_id":"u"})),
            ("/service_tier", json!("standard_only")),
        ],
        &[],
    );
}

#[test]
fn steps_of_other_providers_are_dropped_but_not_what_they_refer_to() {
    let step = |kind: &'static str| {
        move |request: &mut Request<'static>| {
            let step = Part::Opaque {
                origin: Format::Responses,
                kind: kind.into(),
                raw: "{}".into(),
            };
            request
                .turns
                .push(turn(1, Role::Assistant, vec![step, Part::text("a")]));
            request
                .turns
                .push(turn(2, Role::User, vec![Part::text("b")]));
        }
    };
    check(
        BUDGET,
        step("web_search_call"),
        &[("/messages/1/content", json!([{"type":"text","text":"a"}]))],
        &["web_search_call"],
    );
    refused(
        Lenient,
        BUDGET,
        step("item_reference"),
        "messages[1]",
        "is stored elsewhere",
    );
}
