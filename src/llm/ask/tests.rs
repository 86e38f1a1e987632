#![allow(clippy::unwrap_used)]

use super::*;
use crate::scan::Marks;

const CHAT: (Format, Operation) = (Format::Chat, Operation::Chat);
const COMPLETION: (Format, Operation) = (Format::Chat, Operation::Completion);
const RESPONSES: (Format, Operation) = (Format::Responses, Operation::Chat);
const MESSAGES: (Format, Operation) = (Format::Messages, Operation::Chat);
const GEMINI: (Format, Operation) = (Format::Gemini, Operation::Chat);

fn ask((format, operation): (Format, Operation), body: &str) -> Ask {
    read(format, operation, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn refusal((format, operation): (Format, Operation), body: &str) -> (Option<String>, String) {
    let error = read(format, operation, body.as_bytes()).expect_err(body);
    (error.param().map(str::to_owned), error.to_string())
}

#[track_caller]
fn refused(kind: (Format, Operation), body: &str, param: &str, words: &str) {
    assert_eq!(
        refusal(kind, body),
        (Some(param.to_owned()), words.to_owned()),
        "{body}"
    );
}

#[test]
fn a_chat_request_is_read() {
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true,
        "stream_options":{"include_obfuscation":false,"include_usage":true},"max_completion_tokens":100,"n":3}"#;
    let ask = ask(CHAT, body);
    assert_eq!(
        (&*ask.model, ask.stream, ask.max_output, ask.wants_usage),
        ("gpt-4o", true, Some(100), true)
    );
    assert_eq!(
        (ask.input_bytes, ask.images, ask.choices),
        (body.len() as u64, 0, 3)
    );
}

#[test]
fn nulls_are_as_good_as_nothing() {
    let body = r#"{"model":"m","messages":[],"stream":null,"stream_options":null,"max_tokens":null,"n":null}"#;
    let ask = ask(CHAT, body);
    assert_eq!(
        (ask.stream, ask.max_output, ask.wants_usage, ask.choices),
        (false, None, false, 1)
    );
}

#[test]
fn the_larger_of_two_maxima_bounds_the_answer() {
    let both = ask(
        CHAT,
        r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":50}"#,
    );
    assert_eq!(both.max_output, Some(50));
    let one = ask(
        CHAT,
        r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":null}"#,
    );
    assert_eq!(one.max_output, Some(5));
}

#[test]
fn of_repeated_fields_the_last_is_read() {
    let ask = ask(
        CHAT,
        r#"{"model":"a","messages":1,"stream":true,"mod\u0065l":"b","messages":[],"stream":false}"#,
    );
    assert_eq!((&*ask.model, ask.stream), ("b", false));
}

#[test]
fn a_model_in_other_letter_case_is_not_left_to_the_upstream() {
    let words = "`model` also comes in other letter case; send it once, in lower case";
    refused(
        CHAT,
        r#"{"model":"cheap","Model":"dear","messages":[]}"#,
        "model",
        words,
    );
    refused(
        MESSAGES,
        r#"{"MOD\u0045L":"dear","model":"cheap","messages":[]}"#,
        "model",
        words,
    );
}

#[test]
fn the_model_must_be_a_name() {
    refused(
        CHAT,
        r#"{"messages":[]}"#,
        "model",
        "`model` is missing; name the model to use",
    );
    refused(
        CHAT,
        r#"{"model":7,"messages":[]}"#,
        "model",
        "`model` must be a string, not a number",
    );
    refused(
        CHAT,
        r#"{"model":null,"messages":[]}"#,
        "model",
        "`model` must be a string, not null",
    );
    refused(
        CHAT,
        r#"{"model":"","messages":[]}"#,
        "model",
        "`model` is empty; name the model to use",
    );
    let long = format!(r#"{{"model":"{}","messages":[]}}"#, "x".repeat(513));
    refused(
        CHAT,
        &long,
        "model",
        "`model` is longer than 512 bytes; send the name of a model",
    );
    let control = r#"{"model":"a\u0000b","messages":[]}"#;
    refused(
        CHAT,
        control,
        "model",
        "`model` holds control characters; send the name of a model",
    );
    let surrogate = r#"{"model":"\ud800","messages":[]}"#;
    refused(
        CHAT,
        surrogate,
        "model",
        "`model` is not valid Unicode; send the name of a model",
    );
    assert_eq!(
        ask(CHAT, r#"{"model":"a\/\u0062","messages":[]}"#).model,
        "a/b"
    );
}

#[test]
fn fields_of_the_wrong_type_are_named() {
    refused(
        CHAT,
        r#"{"model":"m","messages":[],"stream":"true"}"#,
        "stream",
        "`stream` must be true or false, not a string",
    );
    refused(
        CHAT,
        r#"{"model":"m","messages":[],"stream_options":[]}"#,
        "stream_options",
        "`stream_options` must be an object, not an array",
    );
    for (number, found) in [
        ("-1", "a negative number"),
        ("1.5", "a fractional number"),
        ("1e3", "a fractional number"),
        ("\"5\"", "a string"),
        ("true", "a boolean"),
    ] {
        let body = format!(r#"{{"model":"m","messages":[],"max_tokens":{number}}}"#);
        refused(
            CHAT,
            &body,
            "max_tokens",
            &format!("`max_tokens` must be a whole number, zero or more, not {found}"),
        );
    }
    let huge = r#"{"model":"m","messages":[],"max_tokens":99999999999999999999}"#;
    refused(
        CHAT,
        huge,
        "max_tokens",
        "`max_tokens` is too large; send a number of tokens a model can have",
    );
    refused(
        RESPONSES,
        r#"{"model":"m","input":"x","max_output_tokens":{}}"#,
        "max_output_tokens",
        "`max_output_tokens` must be a whole number, zero or more, not an object",
    );
}

#[test]
fn the_conversation_must_be_there() {
    refused(
        CHAT,
        r#"{"model":"m"}"#,
        "messages",
        "`messages` is missing; send the conversation as an array of messages",
    );
    refused(
        CHAT,
        r#"{"model":"m","messages":"hi"}"#,
        "messages",
        "`messages` must be an array, not a string",
    );
    refused(
        MESSAGES,
        r#"{"model":"m","messages":{}}"#,
        "messages",
        "`messages` must be an array, not an object",
    );
    refused(
        GEMINI,
        r#"{"contents":"hi"}"#,
        "contents",
        "`contents` must be an array, not a string",
    );
    refused(
        RESPONSES,
        r#"{"model":"m"}"#,
        "input",
        "`input` is missing; send a string or an array of items",
    );
    refused(
        COMPLETION,
        r#"{"model":"m"}"#,
        "prompt",
        "`prompt` is missing; send the text to complete",
    );
    ask(RESPONSES, r#"{"model":"m","input":"hi"}"#);
    ask(
        RESPONSES,
        r#"{"model":"m","previous_response_id":"resp_1"}"#,
    );
    ask(
        RESPONSES,
        r#"{"model":"m","prompt":{"id":"p"},"input":null}"#,
    );
    ask(
        (Format::Gemini, Operation::Count),
        r#"{"generateContentRequest":{"contents":[]}}"#,
    );
    ask(
        (Format::Messages, Operation::Count),
        r#"{"model":"m","messages":[]}"#,
    );
}

#[test]
fn what_is_no_json_object_is_told_without_repeating_it() {
    for (body, words) in [
        (
            "[]",
            "the request body cannot be read: not a JSON object; send one JSON object in UTF-8",
        ),
        (
            "",
            "the request body cannot be read: unexpected end at byte 0; send one JSON object in UTF-8",
        ),
        (
            "{\"model\":secret}",
            "the request body cannot be read: expected a value at byte 9; send one JSON object in UTF-8",
        ),
    ] {
        assert_eq!(refusal(CHAT, body), (None, words.to_owned()));
    }
}

#[test]
fn gemini_says_its_maxima_inside_the_generation_config() {
    let body = r#"{"contents":[],"stream":7,"generation_config":{"max_output_tokens":"64","candidateCount":2.0}}"#;
    let ask = ask(GEMINI, body);
    assert_eq!(
        (&*ask.model, ask.stream, ask.max_output, ask.choices),
        ("", false, Some(64), 2)
    );
    let words = "`generationConfig.maxOutputTokens` must be a whole number, zero or more, not a negative number";
    refused(
        GEMINI,
        r#"{"contents":[],"generationConfig":{"maxOutputTokens":-1}}"#,
        "generationConfig.maxOutputTokens",
        words,
    );
    refused(
        GEMINI,
        r#"{"contents":[],"generationConfig":[]}"#,
        "generationConfig",
        "`generationConfig` must be an object, not an array",
    );
}

#[test]
fn a_completion_answers_every_prompt() {
    assert_eq!(
        ask(
            COMPLETION,
            r#"{"model":"m","prompt":["a","b"],"n":3,"best_of":5}"#
        )
        .choices,
        10
    );
    assert_eq!(
        ask(COMPLETION, r#"{"model":"m","prompt":[1,2,3]}"#).choices,
        1
    );
    assert_eq!(
        ask(COMPLETION, r#"{"model":"m","prompt":[[1],[2]]}"#).choices,
        2
    );
    assert_eq!(
        ask(COMPLETION, r#"{"model":"m","prompt":"a","n":0}"#).choices,
        1
    );
}

#[test]
fn images_are_counted_and_not_weighed_as_text() {
    let data = format!(
        r#"{{"url":"data:image/png;base64,{}"}}"#,
        "QUJD".repeat(1000)
    );
    let part = |data: &str| format!(r#"{{"type":"image_url","image_url":{data}}}"#);
    let body = |parts: [&str; 2]| {
        let parts = parts.join(",");
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{parts}]}}]}}"#)
    };
    let asked = ask(CHAT, &body([&part(&data), &part(&data)]));
    let rest = body([&part(""), &part("")]).len() as u64;
    assert_eq!((asked.images, asked.input_bytes), (2, rest));

    let data = format!(r#"{{"data":"{}","format":"wav"}}"#, "QUJD".repeat(1000));
    let sound = format!(r#"{{"type":"input_audio","input_audio":{data}}}"#);
    let body = body([&sound, "{}"]);
    let asked = ask(CHAT, &body);
    let light = data.len() as u64 / 8 * 7;
    assert_eq!(
        (asked.images, asked.input_bytes),
        (0, body.len() as u64 - light)
    );
    assert_eq!(asked.extras.media_bytes, data.len() as u64 - light);
}

#[test]
fn a_body_in_the_shape_of_responses_is_admitted_at_the_chat_address() {
    let body = r#"{"model":"m","input":[{"role":"user","content":"hi"}],"max_output_tokens":7,
        "tools":[{"type":"function","name":"f","parameters":{}}],"stream":true}"#;
    let asked = ask(CHAT, body);
    assert!(asked.responses_shaped && asked.stream);
    assert_eq!(asked.max_output, Some(7));
    let plain = r#"{"model":"m","messages":[],"input":"x","max_output_tokens":7}"#;
    let plain = ask(CHAT, plain);
    assert!(!plain.responses_shaped, "with messages it is chat");
    assert_eq!(plain.max_output, None);
    assert!(ask(CHAT, r#"{"model":"m","messages":null,"input":"x"}"#).responses_shaped);
    assert!(!ask(RESPONSES, r#"{"model":"m","input":"x"}"#).responses_shaped);
    refused(
        CHAT,
        r#"{"model":"m","input":7}"#,
        "input",
        "`input` must be a string or an array, not a number",
    );
}

#[test]
fn marks_of_prompt_caches_are_seen_wherever_they_stand() {
    let marks = |body: &str| ask(MESSAGES, body).extras.marks;
    let body = |text: &str, tools: &str| {
        format!(
            r#"{{"model":"m","tools":[{tools}],"messages":[{{"role":"user","content":[{{"type":"text","text":"cache_control ttl 1h"{text}}}]}}]}}"#
        )
    };
    assert_eq!(marks(&body("", "")), Marks::None);
    let none = r#","cache_control":null,"ttl":"1h""#;
    assert_eq!(marks(&body(none, "")), Marks::None);
    let short = r#","cache_control":{"type":"ephemeral"}"#;
    assert_eq!(marks(&body(short, "")), Marks::Short);
    let five = r#","cache_control": {"type":"ephemeral","ttl":"5m"}"#;
    assert_eq!(marks(&body(five, "")), Marks::Short);
    let long = r#","cache_control":{"ttl" : "1h","type":"ephemeral"}"#;
    assert_eq!(marks(&body(long, "")), Marks::Long);
    let hidden = r#","cache\u005fcontrol":{"t\u0074l":"1\u0068"}"#;
    assert_eq!(marks(&body(hidden, "")), Marks::Long);
    let tool = r#"{"name":"t","input_schema":{},"cache_control":{"type":"ephemeral"}}"#;
    assert_eq!(marks(&body("", tool)), Marks::Short);
    let deep = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}]}"#;
    assert_eq!(marks(deep), Marks::Long);
    let system =
        r#"{"model":"m","system":[{"type":"text","text":"x","cache_control":{}}],"messages":[]}"#;
    assert_eq!(marks(system), Marks::Short);
    let chat = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]}"#;
    assert_eq!(ask(CHAT, chat).extras.marks, Marks::Short);
}

#[test]
fn what_the_answer_may_be_made_of_is_read() {
    let kinds = |kind, body: &str| {
        let kinds = ask(kind, body).extras.kinds;
        (kinds.may_speak(), kinds.may_draw(kind.0))
    };
    let chat = |said: &str| kinds(CHAT, &format!(r#"{{"model":"m","messages":[]{said}}}"#));
    assert_eq!(chat(""), (false, false));
    assert_eq!(chat(r#","modalities":null"#), (false, false));
    assert_eq!(chat(r#","modalities":["text"]"#), (false, false));
    assert_eq!(chat(r#","modalities":["text","audio"]"#), (true, false));
    assert_eq!(chat(r#","modalities":["image","text"]"#), (false, true));
    let gemini = |config: &str| {
        let body = format!(r#"{{"contents":[],{config}}}"#);
        kinds(GEMINI, &body)
    };
    assert_eq!(gemini(r#""generationConfig":{}"#), (false, true), "unasked");
    let audio = r#""generationConfig":{"responseModalities":["AUDIO"]}"#;
    assert_eq!(gemini(audio), (true, false));
    let image = r#""generation_config":{"response_modalities":["TEXT","IMAGE"]}"#;
    assert_eq!(gemini(image), (false, true));
    let number = r#""generationConfig":{"responseModalities":[3]}"#;
    assert_eq!(gemini(number), (true, true), "whatever that is");
    let tool =
        r#"{"model":"m","input":"x","modalities":["text"],"tools":[{"type":"image_generation"}]}"#;
    assert_eq!(kinds(RESPONSES, tool), (false, true));
}

#[test]
fn tools_that_the_provider_runs_are_counted() {
    let tools = |kind, list: &str, more: &str| {
        let turns = if kind == RESPONSES {
            "input"
        } else {
            "messages"
        };
        let body = format!(r#"{{"model":"m","{turns}":[],"tools":{list}{more}}}"#);
        let extras = ask(kind, &body).extras;
        let tools = extras.tools.iter();
        let calls = tools.map(|tool| (tool.names[0], extras.calls(tool, 5)));
        calls.collect::<Vec<_>>()
    };
    let own = r#"[{"type":"function","function":{"name":"web_search","max_uses":3}},{"name":"web_search","input_schema":{}}]"#;
    for kind in [CHAT, RESPONSES, MESSAGES] {
        assert_eq!(tools(kind, own, ""), [], "the caller's own are free");
        assert_eq!(tools(kind, "null", ""), []);
        assert_eq!(tools(kind, "[7,[]]", ""), []);
    }
    let anthropic = r#"[{"name":"web_search","max_uses":3,"type":"web_search_20250305"}]"#;
    assert_eq!(tools(MESSAGES, anthropic, ""), [("web_search", 3)]);
    let escaped = r#"[{"t\u0079pe":"web\u005fsearch"}]"#;
    assert_eq!(tools(MESSAGES, escaped, ""), [("web_search", 5)]);
    let twice = r#"[{"type":"web_search_20250305","max_uses":3},{"type":"web_search_20260209","max_uses":4}]"#;
    assert_eq!(tools(MESSAGES, twice, ""), [("web_search", 7)]);
    let openai = r#"[{"type":"web_search_preview_2025_03_11"},{"type":"file_search","vector_store_ids":["v"]},{"type":"code_interpreter","container":{"type":"auto"}}]"#;
    let names = ["web_search_preview", "file_search", "code_interpreter"];
    assert_eq!(tools(RESPONSES, openai, ""), names.map(|name| (name, 5)));
    let capped = tools(RESPONSES, openai, r#","max_tool_calls":2"#);
    assert_eq!(capped, names.map(|name| (name, 2)));
}
