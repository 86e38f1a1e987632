use serde_json::{Value, json};

use super::*;

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
    check(
        BUDGET,
        edit(Some(0.2), Some(1.0), None),
        &drawn(json!(0.2), Value::Null, Value::Null),
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
    // No penalty is what there is without one.
    check(
        BUDGET,
        |request| {
            request.frequency_penalty = Some(0.0);
            request.presence_penalty = Some(0.0);
        },
        &[],
        &[],
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
