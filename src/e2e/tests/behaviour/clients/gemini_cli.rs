//! Gemini CLI: streams of `generateContent`, thought signatures replayed, names with dots and colons.

use e2e::streaming::Event;
use e2e::{CALLER_KEY, Call, Counts, Dialect, Reply};
use serde_json::{Value, json};

use super::converse::{Client, converse};
use super::desk::{Desk, model};
use super::{Heard, PNG, Saying, Use, heard};

const FIRST: &str = include_str!("../../../fixtures/gemini_cli.json");

struct GeminiCli(Value);

fn post(model: &str, action: &str, body: &Value) -> Call {
    let path = format!("/v1beta/models/{model}:{action}");
    Call::post(Dialect::Gemini, &path, body.to_string())
        .key(Dialect::Gemini, CALLER_KEY)
        .header(
            "user-agent",
            "GeminiCLI/0.30.0/gemini-3-pro-preview (linux; x64)",
        )
        .header(
            "x-goog-api-client",
            "google-genai-sdk/1.30.0 gl-node/v22.0.0",
        )
}

impl GeminiCli {
    fn say(&mut self, role: &str, parts: Value) {
        let contents = self.0["contents"].as_array_mut().unwrap();
        contents.push(json!({ "role": role, "parts": parts }));
    }
}

impl Client for GeminiCli {
    const FORMAT: Dialect = Dialect::Gemini;
    const TOOLS: &'static [&'static str] = &[
        "run_shell_command",
        "read_file",
        "write_todos",
        "docs.search:v2",
    ];

    fn new() -> GeminiCli {
        GeminiCli(serde_json::from_str(FIRST).unwrap())
    }

    fn call(&self, model: &str) -> Call {
        post(model, "streamGenerateContent?alt=sse", &self.0)
    }

    fn read(events: &[Event]) -> Heard {
        heard::gemini::read(events)
    }

    fn working() -> Saying {
        let call = |tool, input| Use { tool, input };
        Saying {
            thought: "**Looking**\n\nThree things at once.",
            text: "I look.",
            calls: vec![
                call(0, json!({ "command": "grep -r \"ü\" ." })),
                call(1, json!({ "file_path": "a.png" })),
                call(3, json!({ "query": "pictures", "limit": null })),
            ],
        }
    }

    fn keep(&mut self, heard: &Heard) {
        assert_eq!(heard.stop, "STOP");
        self.say("model", json!(heard.kept));
        let mut parts = Vec::new();
        for (id, name, _) in &heard.calls {
            let mut result =
                json!({ "name": name, "response": { "output": format!("{name} ran.") } });
            if !id.is_empty() {
                result["id"] = json!(id);
            }
            parts.push(json!({ "functionResponse": result }));
        }
        if !parts.is_empty() {
            // What a file holds stands beside its result.
            parts.push(json!({ "inlineData": { "mimeType": "image/png", "data": PNG } }));
            self.say("user", json!(parts));
        }
    }

    fn ask(&mut self, text: &str) {
        self.say("user", json!([{ "text": text }]));
    }
}

#[tokio::test]
async fn gemini_cli_works_on_every_upstream() {
    converse::<GeminiCli>().await;
}

#[tokio::test]
async fn gemini_cli_counts_its_tokens_on_every_upstream() {
    let desk = Desk::start().await;
    let count = |body: &'static str| move |_: &_| Reply::json(200, body);
    desk.upstream(Dialect::Messages)
        .answer(count(r#"{"input_tokens":777}"#));
    desk.upstream(Dialect::Gemini)
        .answer(count(r#"{"totalTokens":777}"#));
    for upstream in Dialect::ALL {
        let body = json!({ "contents": GeminiCli::new().0["contents"] });
        let answer = desk.ask(post(&model(upstream), "countTokens", &body)).await;
        let tokens = answer.is(200).json()["totalTokens"].as_u64().unwrap();
        match upstream {
            Dialect::Messages | Dialect::Gemini => assert_eq!(tokens, 777, "{upstream:?}"),
            _ => assert!((20..3000).contains(&tokens), "{upstream:?}: {tokens}"),
        }
    }
}

/// Between turns it asks who speaks next, and wants JSON.
#[tokio::test]
async fn gemini_cli_gets_its_json_from_every_upstream() {
    let desk = Desk::start().await;
    let answer = r#"{"reasoning":"It asked.","next_speaker":"user"}"#;
    for upstream in Dialect::ALL {
        desk.upstream(upstream)
            .always(upstream.whole(answer, Counts::of(9, 9)));
        let mut cli = GeminiCli::new();
        cli.0["generationConfig"] = json!({
            "temperature": 0, "topP": 1,
            "responseMimeType": "application/json",
            "responseJsonSchema": {
                "type": "object",
                "properties": {
                    "reasoning": { "type": "string" },
                    "next_speaker": { "type": "string", "enum": ["user", "model"] },
                },
                "required": ["reasoning", "next_speaker"],
            },
        });
        cli.0.as_object_mut().unwrap().remove("tools");
        let told = desk
            .ask(post(&model(upstream), "generateContent", &cli.0))
            .await;
        assert_eq!(
            Dialect::Gemini.text_of(&told.is(200).json()),
            answer,
            "{upstream:?}"
        );
        desk.got(upstream);
    }
}
