//! What an upstream gets from a caller's body when both speak one format.

#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use llm::dialect::Quirks;
use llm::prepare::{Prepare, prepare};
use llm::suffix::{Wish, split};
use llm::{Format, Operation, ask};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

type Members = Vec<(String, Box<RawValue>)>;

/// The parts of a preparation that a test varies.
#[derive(Clone, Debug, Default)]
struct Edit {
    model: &'static str,
    quirks: Quirks,
    wish: Option<Wish>,
    ask_usage: bool,
    remove: Vec<String>,
    default: Members,
    set: Members,
    system_prompt: &'static str,
}

fn members(list: &[(&str, &str)]) -> Members {
    let member = |(name, value): &(&str, &str)| {
        (
            name.to_string(),
            RawValue::from_string(value.to_string()).unwrap(),
        )
    };
    list.iter().map(member).collect()
}

fn run(
    format: Format,
    operation: Operation,
    body: &Bytes,
    edit: &Edit,
) -> Result<Bytes, ask::BadAsk> {
    let mut ask = ask::read(format, operation, body)?;
    if format == Format::Gemini {
        ask.model = "gemini-2.5-pro".to_owned();
    }
    let model = if edit.model.is_empty() {
        ask.model.clone()
    } else {
        edit.model.to_owned()
    };
    prepare(
        body,
        &Prepare {
            format,
            operation,
            ask: &ask,
            model: &model,
            quirks: edit.quirks,
            wish: edit.wish,
            ask_usage: edit.ask_usage,
            remove: &edit.remove,
            default: &edit.default,
            set: &edit.set,
            system_prompt: edit.system_prompt,
        },
    )
}

#[track_caller]
fn check(format: Format, body: &str, edit: &Edit, wanted: &str) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let prepared = run(format, Operation::Chat, &body, edit).unwrap();
    assert_eq!(std::str::from_utf8(&prepared).unwrap(), wanted);
    if body == prepared {
        assert_eq!(
            body.as_ptr(),
            prepared.as_ptr(),
            "an unchanged body is handed on, not copied"
        );
    }
}

fn to(model: &'static str) -> Edit {
    Edit {
        model,
        ..Edit::default()
    }
}

#[test]
fn an_unchanged_request_is_the_same_bytes() {
    let body = r#" { "model" : "gpt-4\u006f", "messages":[], "seed": 12345678901234567890123, "x": 1.0e+2 } "#;
    check(Format::Chat, body, &to("gpt-4o"), body);
    check(
        Format::Gemini,
        r#"{"contents":[]}"#,
        &to("gemini-x"),
        r#"{"contents":[]}"#,
    );
}

#[test]
fn only_the_model_changes() {
    check(
        Format::Chat,
        r#"{ "x": 12345678901234567890123, "model" : "gpt-4" ,"messages":[ ],"y":1.50, "é":"\u00e9"}"#,
        &to("vendor/\"odd\""),
        r#"{ "x": 12345678901234567890123, "model" : "vendor/\"odd\"" ,"messages":[ ],"y":1.50, "é":"\u00e9"}"#,
    );
}

#[test]
fn a_smuggled_model_does_not_reach_the_upstream() {
    check(
        Format::Chat,
        r#"{"model":"dear","messages":[],"mod\u0065l":"cheap"}"#,
        &to("cheap"),
        r#"{"messages":[],"mod\u0065l":"cheap"}"#,
    );
    check(
        Format::Messages,
        r#"{"mod\u0065l":"dear","model":"x","messages":[]}"#,
        &to("cheap"),
        r#"{"model":"cheap","messages":[]}"#,
    );
}

#[test]
fn a_gemini_body_that_names_a_model_is_made_to_agree_with_the_path() {
    check(
        Format::Gemini,
        r#"{"model":"models/other","contents":[]}"#,
        &to("gemini-x"),
        r#"{"model":"models/gemini-x","contents":[]}"#,
    );
    let count =
        Bytes::from_static(br#"{"generateContentRequest":{"model":"models/a","contents":[]}}"#);
    let prepared = run(Format::Gemini, Operation::Count, &count, &to("b")).unwrap();
    assert_eq!(
        prepared,
        r#"{"generateContentRequest":{"model":"models/b","contents":[]}}"#
    );
    assert_eq!(
        run(Format::Gemini, Operation::Count, &prepared, &to("b")).unwrap(),
        prepared
    );
}

#[test]
fn a_stream_is_asked_for_its_usage() {
    let edit = Edit {
        ask_usage: true,
        ..to("m")
    };
    let chat = |options: &str, wanted: &str| {
        let body =
            |options: &str| format!(r#"{{"model":"m","messages":[],"stream":true{options}}}"#);
        check(Format::Chat, &body(options), &edit, &body(wanted));
    };
    chat("", r#","stream_options":{"include_usage":true}"#);
    chat(
        r#","stream_options":null"#,
        r#","stream_options":{"include_usage":true}"#,
    );
    chat(
        r#","stream_options":{}"#,
        r#","stream_options":{"include_usage":true}"#,
    );
    chat(
        r#","stream_options": { "include_obfuscation" : false }"#,
        r#","stream_options": {"include_usage":true, "include_obfuscation" : false }"#,
    );
    chat(
        r#","stream_options":{"include_usage":false}"#,
        r#","stream_options":{"include_usage":true}"#,
    );
    chat(
        r#","stream_options":{"include_usage":null,"include\u005fusage":false}"#,
        r#","stream_options":{"include_usage":true,"include\u005fusage":true}"#,
    );
    chat(
        r#","stream_options":{"include_usage":true}"#,
        r#","stream_options":{"include_usage":true}"#,
    );
    for (format, body) in [
        (Format::Chat, r#"{"model":"m","messages":[]}"#),
        (
            Format::Responses,
            r#"{"model":"m","input":"x","stream":true}"#,
        ),
        (
            Format::Messages,
            r#"{"model":"m","messages":[],"stream":true}"#,
        ),
    ] {
        check(format, body, &edit, body);
    }
}

#[test]
fn each_quirk_changes_its_one_thing() {
    let with = |quirks| Edit {
        quirks,
        ask_usage: true,
        ..to("m")
    };
    check(
        Format::Chat,
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true},"z":1}"#,
        &with(Quirks::NO_STREAM_OPTIONS),
        r#"{"model":"m","messages":[],"stream":true,"z":1}"#,
    );
    check(
        Format::Chat,
        r#"{"model":"m","messages":[],"max_completion_tokens" :  10}"#,
        &with(Quirks::MAX_TOKENS_ONLY),
        r#"{"model":"m","messages":[],"max_tokens" :  10}"#,
    );
    check(
        Format::Chat,
        r#"{"model":"m","messages":[{"role":"developer","content":"developer"}, {"content":"\"developer\"","role" : "developer"},{"role":"user"},7]}"#,
        &with(Quirks::DEVELOPER_AS_SYSTEM),
        r#"{"model":"m","messages":[{"role":"system","content":"developer"}, {"content":"\"developer\"","role" : "system"},{"role":"user"},7]}"#,
    );
    let responses = r#"{"model":"m","input":[{"role":"developer","content":"x"}],"max_completion_tokens":1,"stream_options":{}}"#;
    let all = Quirks::NO_STREAM_OPTIONS
        .with(Quirks::MAX_TOKENS_ONLY)
        .with(Quirks::DEVELOPER_AS_SYSTEM);
    check(Format::Responses, responses, &with(all), responses);
}

#[test]
fn the_channel_removes_then_defaults_then_sets() {
    let edit = Edit {
        remove: vec!["logit_bias".into(), "top_p".into()],
        default: members(&[("max_tokens", "1024"), ("top_p", "0.9"), ("user", "\"u\"")]),
        set: members(&[("temperature", "0.20"), ("metadata", "{ }")]),
        ..to("m")
    };
    check(
        Format::Chat,
        r#"{"logit_bias":{"1":2},"model":"m","temperature":1,"messages":[],"user":null,"top_p":1}"#,
        &edit,
        r#"{"model":"m","temperature":0.20,"messages":[],"user":null,"max_tokens":1024,"top_p":0.9,"metadata":{ }}"#,
    );
}

#[test]
fn a_renamed_maximum_counts_as_given() {
    let edit = Edit {
        quirks: Quirks::MAX_TOKENS_ONLY,
        default: members(&[("max_tokens", "1024")]),
        ..to("m")
    };
    check(
        Format::Chat,
        r#"{"model":"m","messages":[],"max_completion_tokens":7}"#,
        &edit,
        r#"{"model":"m","messages":[],"max_tokens":7}"#,
    );
}

#[test]
fn the_system_prompt_stands_first_in_every_format() {
    let edit = Edit {
        system_prompt: "Be \"kind\".",
        ..to("m")
    };
    for (format, body, wanted) in [
        (
            Format::Chat,
            r#"{"model":"m","messages":[]}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"Be \"kind\"."}]}"#,
        ),
        (
            Format::Chat,
            r#"{"model":"m","messages":[ {"role":"user","content":"x"}]}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"Be \"kind\"."}, {"role":"user","content":"x"}]}"#,
        ),
        (
            Format::Responses,
            r#"{"model":"m","input":"x"}"#,
            r#"{"model":"m","input":"x","instructions":"Be \"kind\"."}"#,
        ),
        (
            Format::Responses,
            r#"{"instructions":"\u0041nd brief.","model":"m","input":"x"}"#,
            r#"{"instructions":"Be \"kind\".\n\n\u0041nd brief.","model":"m","input":"x"}"#,
        ),
        (
            Format::Messages,
            r#"{"model":"m","system":null,"messages":[]}"#,
            r#"{"model":"m","system":"Be \"kind\".","messages":[]}"#,
        ),
        (
            Format::Messages,
            r#"{"model":"m","system":"x","messages":[]}"#,
            r#"{"model":"m","system":"Be \"kind\".\n\nx","messages":[]}"#,
        ),
        (
            Format::Messages,
            r#"{"model":"m","system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
            r#"{"model":"m","system":[{"type":"text","text":"Be \"kind\"."},{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
        ),
        (
            Format::Gemini,
            r#"{"contents":[]}"#,
            r#"{"contents":[],"systemInstruction":{"parts":[{"text":"Be \"kind\"."}]}}"#,
        ),
        (
            Format::Gemini,
            r#"{"system_instruction":{"role":"user","parts":[{"text":"x"}]},"contents":[]}"#,
            r#"{"system_instruction":{"role":"user","parts":[{"text":"Be \"kind\"."},{"text":"x"}]},"contents":[]}"#,
        ),
        (
            Format::Gemini,
            r#"{"systemInstruction":{"role":"user"},"system_instruction":null,"contents":[]}"#,
            r#"{"systemInstruction":{"parts":[{"text":"Be \"kind\"."}],"role":"user"},"system_instruction":null,"contents":[]}"#,
        ),
    ] {
        check(format, body, &edit, wanted);
    }
    let completion = Bytes::from_static(br#"{"model":"m","prompt":"x"}"#);
    assert_eq!(
        run(Format::Chat, Operation::Completion, &completion, &edit).unwrap(),
        completion
    );
}

#[test]
fn a_system_prompt_of_the_wrong_type_is_refused_by_name() {
    let edit = Edit {
        system_prompt: "p",
        ..to("m")
    };
    for (format, body, param) in [
        (
            Format::Responses,
            r#"{"model":"m","input":"x","instructions":["a"]}"#,
            "instructions",
        ),
        (
            Format::Messages,
            r#"{"model":"m","messages":[],"system":{}}"#,
            "system",
        ),
        (
            Format::Gemini,
            r#"{"contents":[],"systemInstruction":"x"}"#,
            "systemInstruction",
        ),
        (
            Format::Gemini,
            r#"{"contents":[],"systemInstruction":{"parts":7}}"#,
            "systemInstruction.parts",
        ),
    ] {
        let error = run(
            format,
            Operation::Chat,
            &Bytes::copy_from_slice(body.as_bytes()),
            &edit,
        )
        .unwrap_err();
        assert_eq!(error.param(), Some(param), "{error}");
    }
}

#[test]
fn a_developer_message_and_a_system_prompt_go_together() {
    let edit = Edit {
        quirks: Quirks::DEVELOPER_AS_SYSTEM,
        system_prompt: "p",
        ..to("m")
    };
    check(
        Format::Chat,
        r#"{"model":"m","messages":[{"role":"developer","content":"d"}]}"#,
        &edit,
        r#"{"model":"m","messages":[{"role":"system","content":"p"},{"role":"system","content":"d"}]}"#,
    );
}

#[test]
fn an_ask_of_another_body_does_no_harm() {
    let ask = ask::read(
        Format::Chat,
        Operation::Chat,
        br#"{"model":"m","messages":[],"padding":"xxxxxxxxxxxx"}"#,
    )
    .unwrap();
    let body = Bytes::from_static(br#"{"messages":[],"model":"m"}"#);
    let none = Edit::default();
    let p = Prepare {
        format: Format::Chat,
        operation: Operation::Chat,
        ask: &ask,
        model: "n",
        quirks: none.quirks,
        wish: None,
        ask_usage: false,
        remove: &[],
        default: &[],
        set: &[],
        system_prompt: "",
    };
    assert_eq!(
        prepare(&body, &p).unwrap(),
        r#"{"messages":[],"model":"n"}"#
    );
}

/// A JSON value spelled in some of the many ways that mean the same.
fn spelled() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("12345678901234567890.50e+3".to_owned()),
        "\\PC{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\u00e9\/\ud83d\ude00""#.to_owned()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|list| format!("[ {} ]", list.join(" , "))),
            prop::collection::vec(("[a-c]{1,2}", inner), 0..4).prop_map(|list| {
                let list: Vec<_> = list
                    .iter()
                    .map(|(key, value)| format!("\"{key}\" :{value}"))
                    .collect();
                format!("{{{}\n}}", list.join(",\t"))
            }),
        ]
    })
}

/// A chat request: the fields that must be there among others, in any order, with any spacing.
fn request() -> impl Strategy<Value = Bytes> {
    let other = (
        "[a-e]|user|stream_options|max_completion_tokens|model",
        spelled(),
        "[ \n]{0,2}",
    );
    prop::collection::vec(other, 0..8).prop_flat_map(|others| {
        let mut list: Vec<String> = others
            .into_iter()
            .filter(|(key, _, _)| {
                !["stream_options", "max_completion_tokens", "model"].contains(&&**key)
            })
            .map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}{space}"))
            .collect();
        list.push(r#" "model" : "gpt-4" "#.into());
        list.push(r#""messages":[{"role":"developer","content":"x"}]"#.into());
        list.push(r#""max_completion_tokens":10"#.into());
        list.push(r#""stream": true"#.into());
        Just(list)
            .prop_shuffle()
            .prop_map(|list| Bytes::from(format!("{{{}}}", list.join(","))))
    })
}

fn edits() -> impl Strategy<Value = Edit> {
    let names = prop::collection::vec("[a-e]|user", 0..3);
    let pairs = || {
        let pair = ("[a-f]|user|top_k", spelled())
            .prop_map(|(name, value)| (name, RawValue::from_string(value).unwrap()));
        prop::collection::vec(pair, 0..3)
    };
    let quirks = prop::sample::subsequence(Quirks::TABLE, 0..=Quirks::TABLE.len());
    let quirks = quirks.prop_map(|set| {
        set.iter()
            .fold(Quirks::NONE, |all, (_, quirk)| all.with(*quirk))
    });
    (
        quirks,
        any::<bool>(),
        names,
        pairs(),
        pairs(),
        prop::sample::select(vec!["", "gpt-4", "other"]),
    )
        .prop_map(|(quirks, ask_usage, remove, default, set, model)| Edit {
            model,
            quirks,
            wish: None,
            ask_usage,
            remove,
            default,
            set,
            system_prompt: "",
        })
}

/// The same edits done the plain way, on parsed values.
fn plainly(body: &[u8], edit: &Edit) -> Value {
    let mut root: Value = serde_json::from_slice(body).unwrap();
    let object = root.as_object_mut().unwrap();
    if edit.quirks.has(Quirks::MAX_TOKENS_ONLY)
        && let Some(tokens) = object.remove("max_completion_tokens")
    {
        object.insert("max_tokens".into(), tokens);
    }
    if edit.quirks.has(Quirks::DEVELOPER_AS_SYSTEM) {
        object["messages"][0]["role"] = "system".into();
    }
    if !edit.model.is_empty() {
        object.insert("model".into(), edit.model.into());
    }
    if edit.ask_usage && !edit.quirks.has(Quirks::NO_STREAM_OPTIONS) {
        object.insert(
            "stream_options".into(),
            serde_json::json!({ "include_usage": true }),
        );
    }
    edit.remove
        .iter()
        .for_each(|name| drop(object.remove(name)));
    for (name, value) in &edit.default {
        object
            .entry(name)
            .or_insert_with(|| serde_json::from_str(value.get()).unwrap());
    }
    for (name, value) in &edit.set {
        object.insert(name.clone(), serde_json::from_str(value.get()).unwrap());
    }
    root
}

/// The members of an object as their exact bytes, in order.
fn exact(body: &[u8]) -> Vec<(String, String)> {
    let fields = llm::fields::Fields::read(body).unwrap();
    let list: Vec<_> = fields
        .iter(body)
        .map(|(name, value)| {
            (
                name.into_owned(),
                String::from_utf8(value.to_vec()).unwrap(),
            )
        })
        .collect();
    list
}

proptest! {
    #[test]
    fn the_same_model_is_the_same_bytes(body in request()) {
        let repeated = exact(&body).len() != llm::fields::Fields::read(&body).unwrap().list().len();
        let prepared = run(Format::Chat, Operation::Chat, &body, &to("gpt-4")).unwrap();
        prop_assert!(repeated || prepared.as_ptr() == body.as_ptr());
    }

    #[test]
    fn the_result_means_what_plain_edits_mean(body in request(), edit in edits()) {
        let prepared = run(Format::Chat, Operation::Chat, &body, &edit).unwrap();
        let ours: Value = serde_json::from_slice(&prepared).unwrap();
        prop_assert_eq!(ours, plainly(&body, &edit));
    }

    #[test]
    fn preparing_twice_is_preparing_once(body in request(), mut edit in edits()) {
        // What is removed and put back comes to stand last, so only disjoint edits keep the order.
        let put: Vec<_> = edit.set.iter().chain(&edit.default).map(|(name, _)| name.clone()).collect();
        edit.remove.retain(|name| !put.contains(name));
        let once = run(Format::Chat, Operation::Chat, &body, &edit).unwrap();
        let twice = run(Format::Chat, Operation::Chat, &once, &edit).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn members_no_edit_names_keep_their_bytes_and_order(body in request(), edit in edits()) {
        let prepared = run(Format::Chat, Operation::Chat, &body, &edit).unwrap();
        let edited = |name: &str| {
            ["model", "messages", "max_tokens", "max_completion_tokens", "stream_options"].contains(&name)
                || edit.remove.iter().any(|other| other == name)
                || edit.set.iter().chain(&edit.default).any(|(other, _)| other == name)
        };
        let untouched = |body: &[u8]| exact(body).into_iter().filter(|(name, _)| !edited(name)).collect::<Vec<_>>();
        prop_assert_eq!(untouched(&body), untouched(&prepared));
    }

    #[test]
    fn a_model_change_alone_touches_nothing_else(body in request()) {
        let fields = llm::fields::Fields::read(&body).unwrap();
        prop_assume!(fields.list().iter().all(|field| !field.shadowed));
        let model = fields.list().iter().find(|field| field.name(&body) == "model").unwrap().value;
        let prepared = run(Format::Chat, Operation::Chat, &body, &to("other")).unwrap();
        prop_assert_eq!([&body[..model.start], b"\"other\"", &body[model.end..]].concat(), prepared.to_vec());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), prompt in any::<bool>()) {
        let edit = Edit { system_prompt: if prompt { "p" } else { "" }, ..to("m") };
        for format in Format::ALL {
            let _ = run(format, Operation::Chat, &Bytes::from(bytes.clone()), &edit);
        }
    }
}

#[test]
fn a_wish_of_the_asked_name_is_put_in_before_what_the_operator_says() {
    let edit = Edit {
        model: "gpt-5",
        wish: split("gpt-5-high").map(|(_, wish)| wish),
        ..Edit::default()
    };
    check(
        Format::Chat,
        r#"{"model":"gpt-5-high","messages":[]}"#,
        &edit,
        r#"{"model":"gpt-5","messages":[],"reasoning_effort":"high"}"#,
    );
    let removed = Edit {
        remove: vec!["reasoning_effort".to_owned()],
        ..edit
    };
    check(
        Format::Chat,
        r#"{"model":"gpt-5-high","messages":[]}"#,
        &removed,
        r#"{"model":"gpt-5","messages":[]}"#,
    );
}
