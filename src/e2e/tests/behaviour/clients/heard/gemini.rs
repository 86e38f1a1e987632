//! Gemini: parts as they come, the reason and the counts with the last.

use e2e::streaming::Event;
use serde_json::Value;

use super::{Heard, number, string};

pub(crate) fn read(events: &[Event]) -> Heard {
    let mut heard = Heard::default();
    for event in events {
        assert_eq!(event.name, None, "Google names no events");
        let payload = event.json();
        let candidate = &payload["candidates"][0];
        assert!(
            heard.stop.is_empty(),
            "nothing follows the reason: {payload}"
        );
        for part in candidate["content"]["parts"]
            .as_array()
            .into_iter()
            .flatten()
        {
            self::part(part, &mut heard);
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            reason.clone_into(&mut heard.stop);
            let usage = &payload["usageMetadata"];
            let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap_or(0);
            heard.usage = (
                number(&usage["promptTokenCount"]),
                number(&usage["candidatesTokenCount"]) + thoughts,
            );
        }
    }
    assert!(!heard.stop.is_empty(), "the stream has an end");
    heard
}

fn part(part: &Value, heard: &mut Heard) {
    if let Some(text) = part["text"].as_str() {
        match part["thought"] == true {
            true => heard.thought += text,
            false => heard.text += text,
        }
        // An empty text is sent back only for what it carries.
        if text.is_empty() && part["thoughtSignature"].is_null() {
            return;
        }
    }
    let call = &part["functionCall"];
    if !call.is_null() {
        let id = call["id"].as_str().unwrap_or_default().to_owned();
        heard
            .calls
            .push((id, string(&call["name"]), call["args"].clone()));
    }
    heard.kept.push(part.clone());
}
