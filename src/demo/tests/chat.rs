//! Chat Completions, and the older completions.

use serde_json::{Value, json};

use super::{Demo, concat, parsed, tokens, weather_schema};

const CHAT: &str = "/v1/chat/completions";

fn asked(text: &str) -> Value {
    json!({ "model": "demo-fast", "messages": [{ "role": "user", "content": text }] })
}

fn with_tool(text: &str) -> Value {
    let mut body = asked(text);
    body["tools"] = json!([{ "type": "function", "function": {
        "name": "get_weather", "description": "The weather of a city", "parameters": weather_schema(),
    }}]);
    body
}

#[tokio::test]
async fn a_whole_answer_counts_its_tokens_truly() {
    let answer = Demo::start()
        .await
        .whole(CHAT, asked("Why is the sky blue?"))
        .await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.contains("Why is the sky blue?"), "{text}");
    let usage = &answer["usage"];
    assert_eq!(usage["completion_tokens"], tokens::count(text));
    let (input, output) = (
        usage["prompt_tokens"].as_u64().unwrap(),
        usage["completion_tokens"].as_u64().unwrap(),
    );
    assert_eq!(usage["total_tokens"], input + output);
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer() {
    let demo = Demo::start().await;
    let whole = demo.whole(CHAT, asked("Tell me of rivers")).await;
    let mut body = asked("Tell me of rivers");
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let mut events = demo.events(CHAT, body).await;
    assert_eq!(events.pop().unwrap().1, "[DONE]");
    let chunks = parsed(&events);
    assert_eq!(
        concat(&chunks, "/choices/0/delta/content"),
        whole["choices"][0]["message"]["content"]
    );
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(before.iter().all(|chunk| chunk["usage"].is_null()));
    assert_eq!(
        before.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(before[0]["choices"][0]["delta"]["role"], "assistant");
}

#[tokio::test]
async fn usage_that_nobody_asked_for_does_not_come() {
    let mut body = asked("Hello");
    body["stream"] = json!(true);
    let mut events = Demo::start().await.events(CHAT, body).await;
    events.pop();
    assert!(
        parsed(&events)
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
}

#[tokio::test]
async fn a_declared_tool_is_called_and_its_result_is_told() {
    let demo = Demo::start().await;
    let question = "What is the weather in Oslo?";
    let answer = demo.whole(CHAT, with_tool(question)).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let message = &answer["choices"][0]["message"];
    assert!(message["content"].is_null());
    let call = &message["tool_calls"][0];
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "city": "Oslo", "unit": "celsius" }));

    let mut next = with_tool(question);
    let messages = next["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    messages.push(
        json!({ "role": "tool", "tool_call_id": call["id"], "content": "minus four degrees" }),
    );
    let answer = demo.whole(CHAT, next).await;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        text.contains("get_weather says: minus four degrees"),
        "{text}"
    );
}

#[tokio::test]
async fn streamed_calls_name_themselves_once() {
    let mut body = with_tool("anything");
    body["stream"] = json!(true);
    body["tool_choice"] = json!({ "type": "function", "function": { "name": "get_weather" } });
    let mut events = Demo::start().await.events(CHAT, body).await;
    events.pop();
    let chunks = parsed(&events);
    let at = "/choices/0/delta/tool_calls/0";
    assert_eq!(
        concat(&chunks, &format!("{at}/function/name")),
        "get_weather"
    );
    let arguments = concat(&chunks, &format!("{at}/function/arguments"));
    assert!(
        serde_json::from_str::<Value>(&arguments)
            .unwrap()
            .is_object()
    );
    let fragments = chunks.iter().filter(|chunk| chunk.pointer(at).is_some());
    assert!(fragments.clone().count() > 2, "arguments came whole");
    assert!(
        fragments
            .into_iter()
            .all(|chunk| chunk.pointer(at).unwrap()["index"] == 0)
    );
}

#[tokio::test]
async fn limits_and_stops_are_kept() {
    let demo = Demo::start().await;
    for limit in [1_u64, 7, 20] {
        let mut body = asked("Describe rivers");
        body["max_tokens"] = json!(limit);
        let answer = demo.whole(CHAT, body).await;
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() <= limit);
    }
    let mut body = asked("Describe rivers");
    body["stop"] = json!(["rivers"]);
    let answer = demo.whole(CHAT, body).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        text.ends_with("Describe ") && !text.contains("rivers"),
        "{text}"
    );
}

#[tokio::test]
async fn reasoning_comes_when_asked_and_is_counted() {
    let mut body = asked("Why?");
    body["reasoning_effort"] = json!("high");
    let answer = Demo::start().await.whole(CHAT, body).await;
    let thinking = answer["choices"][0]["message"]["reasoning_content"]
        .as_str()
        .unwrap();
    let counted = &answer["usage"]["completion_tokens_details"]["reasoning_tokens"];
    assert_eq!(*counted, tokens::count(thinking));
}

#[tokio::test]
async fn a_schema_is_answered_with_json_that_fits() {
    let mut body = asked("How is Oslo in fahrenheit?");
    body["response_format"] = json!({ "type": "json_schema", "json_schema": { "name": "w", "schema": weather_schema() } });
    let answer = Demo::start().await.whole(CHAT, body).await;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap()["unit"],
        "fahrenheit"
    );
}

#[tokio::test]
async fn bad_requests_are_told_as_openai_does() {
    let demo = Demo::start().await;
    let mut stray = asked("x");
    stray["messages"] = json!([{ "role": "tool", "tool_call_id": "c9", "content": "x" }]);
    let mut open = asked("x");
    open["messages"] = json!([
        { "role": "assistant", "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "user", "content": "and?" },
    ]);
    let mut unknown = asked("x");
    unknown["tool_choice"] = json!({ "type": "function", "function": { "name": "f" } });
    let typed = json!({ "model": "demo-fast", "stream": "yes", "messages": [{ "role": "user", "content": "x" }] });
    for body in [
        json!({}),
        json!({ "model": "m", "messages": [] }),
        stray,
        open,
        unknown,
        typed,
        json!([]),
    ] {
        let (status, refusal) = demo.refusal(CHAT, body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(refusal["error"]["type"], "invalid_request_error", "{body}");
    }
}

#[tokio::test]
async fn completions_speak_their_own_objects() {
    let demo = Demo::start().await;
    let body = json!({ "model": "demo-fast", "prompt": "Once upon a time", "max_tokens": 8 });
    let answer = demo.whole("/v1/completions", body).await;
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    let body = json!({ "model": "demo-fast", "prompt": "Say hello there", "stream": true });
    let mut events = demo.events("/v1/completions", body).await;
    assert_eq!(events.pop().unwrap().1, "[DONE]");
    assert_eq!(concat(&parsed(&events), "/choices/0/text"), "hello there");
}
