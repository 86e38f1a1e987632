use serde_json::{Value, json};

use super::*;

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
fn a_replayed_mark_of_no_proof_is_dropped_and_only_its_words_are_named() {
    for (words, named) in [("", &[][..]), ("a", &["reasoning_details"][..])] {
        check(
            BUDGET,
            |request| {
                let parts = vec![thought(words, Some(Signature::none())), Part::text("b")];
                request.turns.push(turn(1, Role::Assistant, parts));
                request
                    .turns
                    .push(turn(2, Role::User, vec![Part::text("go")]));
            },
            &[("/messages/1/content", json!([{"type":"text","text":"b"}]))],
            named,
        );
    }
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
fn a_message_does_not_end_with_thinking() {
    let own = || Some(Signature::native(Origin::Messages, "SIG"));
    check(
        BUDGET,
        |request| {
            let first = vec![thought("a", own())];
            let second = vec![Part::text("b"), thought("c", own())];
            request.turns.push(turn(1, Role::Assistant, first));
            request.turns.push(turn(2, Role::Assistant, second));
            request
                .turns
                .push(turn(3, Role::User, vec![Part::text("go")]));
        },
        &[(
            "/messages/1/content",
            json!([{"type":"thinking","thinking":"a","signature":"SIG"},{"type":"text","text":"b"}]),
        )],
        &["reasoning_details"],
    );
}
