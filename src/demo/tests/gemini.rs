//! Gemini.

use serde_json::{Value, json};

use super::{Demo, concat, parsed, tokens, weather_schema};

const WHOLE: &str = "/v1beta/models/demo-fast:generateContent";
const STREAM: &str = "/v1beta/models/demo-fast:streamGenerateContent";

fn asked(text: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

fn with_tool(text: &str) -> Value {
    let mut body = asked(text);
    body["tools"] = json!([{ "functionDeclarations": [
        { "name": "get_weather", "parametersJsonSchema": weather_schema() },
    ]}]);
    body
}

#[tokio::test]
async fn both_streams_say_the_same_as_the_whole_answer() {
    let demo = Demo::start().await;
    let whole = demo.whole(WHOLE, asked("Why is the sea salty?")).await;
    let events = demo
        .events(&format!("{STREAM}?alt=sse"), asked("Why is the sea salty?"))
        .await;
    assert!(
        events.iter().all(|(name, _)| name.is_empty()),
        "events have names"
    );
    let response = demo.post(STREAM, &asked("Why is the sea salty?")).await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
    let elements: Vec<Value> = response.json().await.unwrap();
    let text = "/candidates/0/content/parts/0/text";
    for chunks in [parsed(&events), elements] {
        assert_eq!(concat(&chunks, text), *whole.pointer(text).unwrap());
        let last = chunks.last().unwrap();
        assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    }
}

#[tokio::test]
async fn thoughts_are_shown_to_those_who_ask_and_counted_for_all() {
    let demo = Demo::start().await;
    for shown in [true, false] {
        let mut body = asked("Why?");
        body["generationConfig"] =
            json!({ "thinkingConfig": { "thinkingBudget": 256, "includeThoughts": shown } });
        let answer = demo.whole(WHOLE, body).await;
        let parts = answer["candidates"][0]["content"]["parts"]
            .as_array()
            .unwrap();
        assert_eq!(parts[0]["thought"] == true, shown);
        let text = parts.last().unwrap();
        assert!(text["thoughtSignature"].is_string());
        let usage = &answer["usageMetadata"];
        assert_eq!(
            usage["candidatesTokenCount"],
            tokens::count(text["text"].as_str().unwrap())
        );
        let sum = [
            "promptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
        ]
        .map(|n| usage[n].as_u64().unwrap());
        assert_eq!(usage["totalTokenCount"], sum.iter().sum::<u64>());
    }
}

#[tokio::test]
async fn functions_are_called_whole_and_answered_by_name() {
    let demo = Demo::start().await;
    let question = "What is the weather in Kyoto?";
    let events = demo
        .events(&format!("{STREAM}?alt=sse"), with_tool(question))
        .await;
    let chunks = parsed(&events);
    let call = chunks[0]["candidates"][0]["content"]["parts"][0].clone();
    assert_eq!(call["functionCall"]["args"]["city"], "Kyoto");
    let mut body = with_tool(question);
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({ "role": "model", "parts": [call] }));
    let result = json!({ "name": "get_weather", "response": { "output": "foggy" } });
    contents.push(json!({ "role": "user", "parts": [{ "function_response": result }] }));
    let answer = demo.whole(WHOLE, body).await;
    let text = &answer["candidates"][0]["content"]["parts"][0]["text"];
    assert!(
        text.as_str().unwrap().contains("get_weather says: foggy"),
        "{text}"
    );
}

#[tokio::test]
async fn any_mode_forces_an_allowed_function() {
    let mut body = with_tool("nothing of the kind");
    body["toolConfig"] = json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["get_weather"] } });
    let answer = Demo::start().await.whole(WHOLE, body).await;
    assert_eq!(
        answer["candidates"][0]["content"]["parts"][0]["functionCall"]["name"],
        "get_weather"
    );
}

#[tokio::test]
async fn limits_are_kept_in_either_spelling() {
    let demo = Demo::start().await;
    for (config, limit) in [
        ("generationConfig", "maxOutputTokens"),
        ("generation_config", "max_output_tokens"),
    ] {
        let mut body = asked("Describe rivers");
        body[config] = json!({ limit: 5 });
        let answer = demo.whole(WHOLE, body).await;
        assert_eq!(
            answer["candidates"][0]["finishReason"], "MAX_TOKENS",
            "{limit}"
        );
    }
}

#[tokio::test]
async fn counting_agrees_with_answering() {
    let demo = Demo::start().await;
    let path = "/v1beta/models/demo-fast:countTokens";
    let answer = demo.whole(WHOLE, with_tool("How long?")).await;
    let wrapped = json!({ "generateContentRequest": with_tool("How long?") });
    let version_1 = "/v1/models/demo-fast:countTokens";
    for (path, body) in [(path, with_tool("How long?")), (version_1, wrapped)] {
        let counted = demo.whole(path, body).await;
        assert_eq!(
            counted["totalTokens"],
            answer["usageMetadata"]["promptTokenCount"]
        );
    }
}

#[tokio::test]
async fn bad_requests_are_told_as_google_does() {
    let demo = Demo::start().await;
    let mut two = asked("x");
    two["generationConfig"] = json!({ "candidateCount": 2 });
    for body in [json!({}), json!({ "contents": [{ "parts": [] }] }), two] {
        let (status, refusal) = demo.refusal(WHOLE, body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(refusal["error"]["status"], "INVALID_ARGUMENT");
        assert_eq!(refusal["error"]["code"], 400);
    }
    let (status, refusal) = demo
        .refusal("/v1beta/models/demo-fast:flyAway", asked("x"))
        .await;
    assert_eq!(
        (status, &refusal["error"]["status"]),
        (404, &json!("NOT_FOUND"))
    );
}
