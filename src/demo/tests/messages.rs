//! Messages.

use serde_json::{Value, json};

use super::{Demo, concat, parsed, tokens, weather_schema};

const MESSAGES: &str = "/v1/messages";

fn asked(text: &str) -> Value {
    json!({ "model": "demo-fast", "max_tokens": 4096, "messages": [{ "role": "user", "content": text }] })
}

fn thinking_with_tool(text: &str) -> Value {
    let mut body = asked(text);
    body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
    body["tools"] = json!([{ "name": "get_weather", "input_schema": weather_schema() }]);
    body
}

/// Puts a message together from its events as the official clients do, checking their order.
fn assembled(events: &[(String, String)]) -> Value {
    let values = parsed(events);
    assert!(
        events
            .iter()
            .zip(&values)
            .all(|((name, _), value)| value["type"] == name.as_str())
    );
    assert_eq!(values[0]["type"], "message_start");
    assert_eq!(values.last().unwrap()["type"], "message_stop");
    let mut message = values[0]["message"].clone();
    let mut blocks: Vec<Value> = Vec::new();
    let mut json_text = String::new();
    for value in &values {
        let delta = &value["delta"];
        match value["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(value["index"], blocks.len());
                blocks.push(value["content_block"].clone());
                json_text.clear();
            }
            "content_block_delta" => {
                let block = blocks.last_mut().unwrap();
                match delta["type"].as_str().unwrap() {
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "input_json_delta" => json_text += delta["partial_json"].as_str().unwrap(),
                    "thinking_delta" => append(block, "thinking", delta),
                    _ => append(block, "text", delta),
                }
            }
            "content_block_stop" if !json_text.is_empty() => {
                blocks.last_mut().unwrap()["input"] = serde_json::from_str(&json_text).unwrap();
            }
            "message_delta" => {
                message["stop_reason"] = delta["stop_reason"].clone();
                message["stop_sequence"] = delta["stop_sequence"].clone();
                message["usage"]["output_tokens"] = value["usage"]["output_tokens"].clone();
            }
            _ => {}
        }
    }
    message["content"] = json!(blocks);
    message
}

fn append(block: &mut Value, field: &str, delta: &Value) {
    let more = [
        block[field].as_str().unwrap(),
        delta[field].as_str().unwrap(),
    ]
    .concat();
    block[field] = json!(more);
}

#[tokio::test]
async fn a_stream_assembles_into_the_whole_answer() {
    let demo = Demo::start().await;
    let mut body = thinking_with_tool("Why is the sky blue?");
    let mut whole = demo.whole(MESSAGES, body.clone()).await;
    body["stream"] = json!(true);
    let events = demo.events(MESSAGES, body).await;
    let mut message = assembled(&events);
    assert!(events.iter().any(|(name, _)| name == "ping"));
    message["id"] = Value::Null;
    whole["id"] = Value::Null;
    assert_eq!(message, whole);
    assert_eq!(whole["stop_reason"], "end_turn");
    let said = [
        concat(whole["content"].as_array().unwrap(), "/thinking"),
        concat(whole["content"].as_array().unwrap(), "/text"),
    ];
    assert_eq!(
        whole["usage"]["output_tokens"],
        tokens::count(&said[0]) + tokens::count(&said[1])
    );
}

#[tokio::test]
async fn a_tool_loop_keeps_its_thinking_to_the_letter() {
    let demo = Demo::start().await;
    let question = "What is the weather in Lima?";
    let mut body = thinking_with_tool(question);
    let answer = demo.whole(MESSAGES, body.clone()).await;
    assert_eq!(answer["stop_reason"], "tool_use");
    let content = &answer["content"];
    assert_eq!(content[1]["input"]["city"], "Lima");
    let result =
        json!([{ "type": "tool_result", "tool_use_id": content[1]["id"], "content": "dry" }]);
    body["messages"] = json!([
        { "role": "user", "content": question },
        { "role": "assistant", "content": content },
        { "role": "user", "content": result },
    ]);
    let told = demo.whole(MESSAGES, body.clone()).await;
    assert!(
        told["content"][1]["text"]
            .as_str()
            .unwrap()
            .contains("get_weather says: dry")
    );

    body["messages"][1]["content"][0]["thinking"] = json!("Something else.");
    let (status, refusal) = demo.refusal(MESSAGES, body).await;
    assert_eq!(status, 400);
    assert!(
        refusal["error"]["message"]
            .as_str()
            .unwrap()
            .contains("signature")
    );
}

#[tokio::test]
async fn the_stop_sequence_is_reported() {
    let mut body = asked("Describe rivers");
    body["stop_sequences"] = json!(["nothing", "rivers"]);
    let answer = Demo::start().await.whole(MESSAGES, body).await;
    assert_eq!(answer["stop_reason"], "stop_sequence");
    assert_eq!(answer["stop_sequence"], "rivers");
}

#[tokio::test]
async fn counting_agrees_with_answering() {
    let demo = Demo::start().await;
    let body = thinking_with_tool("How long is this?");
    let answer = demo.whole(MESSAGES, body.clone()).await;
    let counted = demo.whole("/v1/messages/count_tokens", body).await;
    assert_eq!(counted["input_tokens"], answer["usage"]["input_tokens"]);
}

#[tokio::test]
async fn bad_requests_are_told_as_anthropic_does() {
    let demo = Demo::start().await;
    let mut unlimited = asked("x");
    unlimited.as_object_mut().unwrap().remove("max_tokens");
    let mut small = thinking_with_tool("x");
    small["thinking"]["budget_tokens"] = json!(5000);
    let mut forced = thinking_with_tool("x");
    forced["tool_choice"] = json!({ "type": "any" });
    for body in [
        json!({}),
        unlimited,
        small,
        forced,
        asked("x")["messages"].clone(),
    ] {
        let (status, refusal) = demo.refusal(MESSAGES, body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(refusal["type"], "error");
        assert_eq!(refusal["error"]["type"], "invalid_request_error");
        assert!(refusal["request_id"].is_string());
    }
}
