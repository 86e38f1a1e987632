//! Responses.

use serde_json::{Value, json};

use super::{Demo, concat, parsed, weather_schema};

const RESPONSES: &str = "/v1/responses";

fn asked(text: &str) -> Value {
    json!({ "model": "demo-fast", "input": text })
}

fn full(text: &str) -> Value {
    let mut body = asked(text);
    body["reasoning"] = json!({ "effort": "medium", "summary": "auto" });
    body["include"] = json!(["reasoning.encrypted_content"]);
    body["tools"] = json!([
        { "type": "function", "name": "get_weather", "parameters": weather_schema() },
        { "type": "function", "name": "get_time", "parameters": { "type": "object" } },
        { "type": "custom", "name": "run_query" },
    ]);
    body
}

/// The checks every stream of this format must pass; gives the last event.
fn well_formed(events: &[(String, String)]) -> Value {
    let values = parsed(events);
    for (at, (value, (name, _))) in values.iter().zip(events).enumerate() {
        assert_eq!(value["sequence_number"], at);
        assert_eq!(value["type"], name.as_str());
    }
    assert_eq!(values[0]["type"], "response.created");
    let of = |kind: &str| -> Vec<Value> {
        values
            .iter()
            .filter(|value| value["type"] == kind)
            .cloned()
            .collect()
    };
    let added: Vec<Value> = of("response.output_item.added")
        .iter()
        .map(|e| e["output_index"].clone())
        .collect();
    assert_eq!(json!(added), (0..added.len()).collect::<Value>());
    let done: Vec<Value> = of("response.output_item.done")
        .iter()
        .map(|e| e["item"].clone())
        .collect();
    let last = values.last().unwrap().clone();
    assert_eq!(last["response"]["output"], json!(done));
    assert_eq!(last["response"]["id"], values[0]["response"]["id"]);
    last
}

#[tokio::test]
async fn a_stream_is_numbered_and_ends_with_what_it_said() {
    let mut body = asked("Why is grass green?");
    body["stream"] = json!(true);
    let events = Demo::start().await.events(RESPONSES, body).await;
    let last = well_formed(&events);
    assert_eq!(last["type"], "response.completed");
    let text = concat(
        &parsed(&events)
            .into_iter()
            .filter(|e| e["type"] == "response.output_text.delta")
            .collect::<Vec<_>>(),
        "/delta",
    );
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], text);
}

#[tokio::test]
async fn reasoning_and_several_calls_are_items_of_their_own() {
    let mut body = full("Use get_weather for Oslo, get_time and run_query");
    body["stream"] = json!(true);
    let last = well_formed(&Demo::start().await.events(RESPONSES, body).await);
    let output = last["response"]["output"].as_array().unwrap();
    let kinds: Vec<&str> = output
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "reasoning",
            "function_call",
            "function_call",
            "custom_tool_call"
        ]
    );
    assert!(output[0]["encrypted_content"].is_string());
    assert_eq!(output[0]["summary"][0]["type"], "summary_text");
    assert_eq!(last["response"]["status"], "completed");
}

#[tokio::test]
async fn calls_are_answered_by_their_call_id() {
    let demo = Demo::start().await;
    let mut body = full("What is the weather in Rome?");
    let answer = demo.whole(RESPONSES, body.clone()).await;
    let call = answer["output"][1].clone();
    let mut input = vec![json!({ "role": "user", "content": "What is the weather in Rome?" })];
    input.extend(answer["output"].as_array().unwrap().iter().cloned());
    input.push(
        json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "warm" }),
    );
    body["input"] = json!(input);
    let told = demo.whole(RESPONSES, body.clone()).await;
    assert!(
        told["output"][1]["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("warm")
    );

    input.pop();
    body["input"] = json!(input);
    let (status, refusal) = demo.refusal(RESPONSES, body).await;
    assert_eq!(status, 400);
    assert!(
        refusal["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("No tool output found")
    );
}

#[tokio::test]
async fn too_few_tokens_make_it_incomplete() {
    let mut body = asked("Describe rivers");
    body["max_output_tokens"] = json!(16);
    body["stream"] = json!(true);
    let last = well_formed(&Demo::start().await.events(RESPONSES, body).await);
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
}

#[tokio::test]
async fn what_the_demo_does_not_remember_is_refused() {
    let mut body = asked("x");
    body["previous_response_id"] = json!("resp_1");
    let (status, refusal) = Demo::start().await.refusal(RESPONSES, body).await;
    assert_eq!(
        (status, &refusal["error"]["param"]),
        (400, &json!("previous_response_id"))
    );
}
