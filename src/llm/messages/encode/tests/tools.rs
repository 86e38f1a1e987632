use serde_json::{Value, json};

use super::*;

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

/// Declares a tool of free text in this format, and shows a call of it in the past.
fn free_text(request: &mut Request<'static>, format: &'static str) {
    request.tools = vec![Tool::Custom {
        name: "apply".into(),
        description: Some("d".into()),
        grammar: Some(format.into()),
    }];
    let mut past = call("c1", "*** \"patch\"\n");
    if let Part::ToolCall(call) = &mut past {
        call.kind = ToolKind::Custom;
    }
    request.turns.push(turn(1, Role::Assistant, vec![past]));
    request
        .turns
        .push(turn(2, Role::User, vec![result("c1", vec![])]));
}

#[test]
fn a_tool_of_free_text_takes_one_string() {
    let mut request = asked();
    free_text(&mut request, r#"{"type":"text"}"#);
    let (body, back, dropped) = sent(BUDGET, request);
    let schema = json!({
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The text."}},
        "required": ["input"],
        "additionalProperties": false
    });
    assert_eq!(body["tools"][0]["input_schema"], schema);
    let input = json!({"input":"*** \"patch\"\n"});
    assert_eq!(body["messages"][1]["content"][0]["input"], input);
    assert_eq!((back.custom, dropped), (vec!["apply".to_owned()], vec![]));
}

#[test]
fn a_grammar_is_told_to_the_model_and_named_as_dropped() {
    let grammar = r#"{"type":"grammar","syntax":"lark","definition":"x"}"#;
    let edit = |request: &mut Request<'static>| free_text(request, grammar);
    let told = format!("The text, in exactly this format: {grammar}");
    check(
        BUDGET,
        edit,
        &[(
            "/tools/0/input_schema/properties/input/description",
            json!(told),
        )],
        &["tools.format"],
    );
    refused(
        Strict,
        BUDGET,
        edit,
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
