//! Google `generateContent`, third generation.

use serde_json::Value;

use super::{keys, list, names, object_schema, some, text, word};

pub(super) fn check(body: &Value) {
    keys(
        "a request",
        body,
        &[
            "contents",
            "systemInstruction",
            "tools",
            "toolConfig",
            "generationConfig",
            "safetySettings",
        ],
    );
    for tool in some("tools", &body["tools"]) {
        keys("a tool", tool, &["functionDeclarations"]);
        let declared = list("functionDeclarations", &tool["functionDeclarations"]);
        names(declared.iter().map(function));
    }
    if !body["systemInstruction"].is_null() {
        keys(
            "a system instruction",
            &body["systemInstruction"],
            &["parts", "role"],
        );
        for part in list("parts", &body["systemInstruction"]["parts"]) {
            text("a part of the system instruction", &part["text"]);
        }
    }
    config(&body["generationConfig"]);
    conversation(list("contents", &body["contents"]));
}

fn function(function: &Value) -> &str {
    keys(
        "a function",
        function,
        &["name", "description", "parameters", "parametersJsonSchema"],
    );
    if !function["parametersJsonSchema"].is_null() {
        object_schema("parametersJsonSchema", &function["parametersJsonSchema"]);
    }
    let name = word("a function's name", &function["name"], 128, "_.:-");
    assert!(
        !name.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_'),
        "{name}"
    );
    name
}

fn config(config: &Value) {
    if config.is_null() {
        return;
    }
    keys(
        "generationConfig",
        config,
        &[
            "temperature",
            "topP",
            "topK",
            "maxOutputTokens",
            "stopSequences",
            "responseMimeType",
            "responseSchema",
            "responseJsonSchema",
            "thinkingConfig",
            "seed",
            "presencePenalty",
            "frequencyPenalty",
        ],
    );
    let thinking = &config["thinkingConfig"];
    assert!(
        thinking["thinkingBudget"].is_null() || thinking["thinkingLevel"].is_null(),
        "both: {config}"
    );
}

/// The user begins, roles alternate, and as many results follow as there were calls.
fn conversation(contents: &[Value]) {
    let mut open: Vec<&Value> = Vec::new();
    let question = |content: &Value| content["parts"][0]["functionResponse"].is_null();
    let current = contents
        .iter()
        .rposition(|content| content["role"] == "user" && question(content));
    for (at, content) in contents.iter().enumerate() {
        keys("a content", content, &["role", "parts"]);
        let wanted = if at % 2 == 0 { "user" } else { "model" };
        assert_eq!(content["role"], wanted, "content {at}: {content}");
        let parts = some("parts", &content["parts"]);
        parts.iter().for_each(part);
        let all = |name: &str| {
            parts
                .iter()
                .map(|part| &part[name])
                .filter(|field| !field.is_null())
                .collect()
        };
        let results: Vec<&Value> = all("functionResponse");
        assert_eq!(
            results.len(),
            open.len(),
            "as many results as calls: {content}"
        );
        for (call, result) in open.iter().zip(&results) {
            assert_eq!(
                (&call["name"], &call["id"]),
                (&result["name"], &result["id"]),
                "{content}"
            );
        }
        open = all("functionCall");
        if !open.is_empty() && current.is_some_and(|current| at > current) {
            let first = parts
                .iter()
                .find(|part| !part["functionCall"].is_null())
                .unwrap();
            text(
                "the thought signature of a step's first call",
                &first["thoughtSignature"],
            );
        }
    }
    assert!(open.is_empty(), "calls without results");
}

/// Exactly one field is what the part holds.
fn part(part: &Value) {
    const HELD: [&str; 5] = [
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
    ];
    keys(
        "a part",
        part,
        &[&HELD[..], &["thought", "thoughtSignature"]].concat(),
    );
    let held: Vec<_> = HELD.iter().filter(|name| !part[**name].is_null()).collect();
    assert_eq!(held.len(), 1, "one field: {part}");
    if let Some(said) = part["text"].as_str() {
        assert!(
            !said.is_empty() || part["thoughtSignature"].is_string(),
            "an empty text: {part}"
        );
    }
    let call = &part["functionCall"];
    if !call.is_null() {
        keys("a call", call, &["id", "name", "args"]);
        word("a call's name", &call["name"], 128, "_.:-");
        assert!(call["args"].is_object() || call["args"].is_null(), "{call}");
    }
    let result = &part["functionResponse"];
    if !result.is_null() {
        keys("a result", result, &["id", "name", "response", "parts"]);
        assert!(result["response"].is_object(), "{result}");
    }
    if let Some(proof) = part["thoughtSignature"].as_str() {
        let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
        assert!(proof.chars().all(base64), "a signature is base64: {proof}");
    }
}
