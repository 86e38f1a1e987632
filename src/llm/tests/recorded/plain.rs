//! A reader without any care for speed or memory: what it finds is what the tap must find.

use llm::dialect::Quirks;
use llm::{Format, Usage};
use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) usage: Usage,
    pub(super) terminal: bool,
    pub(super) stop: Option<String>,
    pub(super) tool_calls: u32,
    pub(super) failed: bool,
    pub(super) model: Option<String>,
    pub(super) tools: Vec<(String, u32)>,
    pub(super) text: String,
}

pub(super) fn whole(format: Format, quirks: Quirks, reply: &Value) -> Plain {
    let mut plain = Plain {
        terminal: true,
        ..Plain::default()
    };
    plain.failed = reply["error"].is_object();
    plain.model = model(&reply["model"]).or(model(&reply["modelVersion"]));
    match format {
        Format::Chat => {
            for choice in list(&reply["choices"]) {
                plain.chat_choice(&choice["message"], choice);
            }
            plain.usage = openai(&reply["usage"], quirks);
        }
        Format::Responses => plain.response(reply),
        Format::Messages => {
            for block in list(&reply["content"]) {
                plain.block(block, true);
            }
            plain.stop = word(&reply["stop_reason"]);
            plain.messages_usage(&reply["usage"]);
        }
        Format::Gemini => plain.gemini(&[reply]),
    }
    plain
}

pub(super) fn stream(format: Format, quirks: Quirks, events: &[Value]) -> Plain {
    let mut plain = Plain::default();
    match format {
        Format::Chat => plain.chat(quirks, events),
        Format::Responses => plain.responses(events),
        Format::Messages => plain.messages(events),
        Format::Gemini => {
            plain.gemini(&events.iter().collect::<Vec<_>>());
            plain.model = events
                .iter()
                .find_map(|event| model(&event["modelVersion"]));
            plain.terminal = plain.stop.is_some();
        }
    }
    plain
}

impl Plain {
    fn chat(&mut self, quirks: Quirks, events: &[Value]) {
        let mut ids = Vec::new();
        for event in events {
            for choice in list(&event["choices"]) {
                self.chat_choice(&choice["delta"], choice);
                for call in list(&choice["delta"]["tool_calls"]) {
                    ids.extend(
                        call["id"]
                            .as_str()
                            .filter(|id| !id.is_empty())
                            .map(str::to_owned),
                    );
                }
            }
            for usage in [
                &event["choices"][0]["usage"],
                &event["x_groq"]["usage"],
                &event["usage"],
            ] {
                if usage.is_object() {
                    self.usage = openai(usage, quirks);
                }
            }
        }
        ids.sort();
        ids.dedup();
        self.tool_calls = ids.len() as u32;
        self.model = events.iter().find_map(|event| model(&event["model"]));
        self.terminal = true;
    }

    fn chat_choice(&mut self, said: &Value, choice: &Value) {
        self.text += &spoken(&said["content"]);
        let reasoning = spoken(&said["reasoning_content"]);
        self.text += &if reasoning.is_empty() {
            spoken(&said["reasoning"])
        } else {
            reasoning
        };
        for call in list(&said["tool_calls"]) {
            self.tool_calls += 1;
            self.text += call["function"]["arguments"].as_str().unwrap_or("");
        }
        self.stop = word(&choice["finish_reason"]).or(self.stop.take());
    }

    fn responses(&mut self, events: &[Value]) {
        for event in events {
            let kind = event["type"].as_str().unwrap();
            if kind.ends_with(".delta") && !kind.contains("output_content") {
                self.text += event["delta"].as_str().unwrap_or("");
            }
            match kind {
                "error" => self.failed = true,
                "response.completed" | "response.incomplete" | "response.failed" => {
                    self.terminal = true;
                    self.failed |= kind == "response.failed";
                    let text = std::mem::take(&mut self.text);
                    self.response(&event["response"]);
                    if !text.is_empty() {
                        self.text = text;
                    }
                }
                _ => {}
            }
            self.model = self.model.take().or(model(&event["response"]["model"]));
        }
        // A terminal event may repeat nothing of what was streamed.
        if self.tool_calls == 0 && self.tools.is_empty() {
            let done: Vec<Value> = events
                .iter()
                .filter(|event| event["type"] == "response.output_item.done")
                .map(|event| event["item"].clone())
                .collect();
            let tools = events[0]["response"]["tools"].clone();
            self.items(&done, &tools);
        }
    }

    fn response(&mut self, response: &Value) {
        self.usage = openai(&response["usage"], Quirks::NONE);
        let reason = word(&response["incomplete_details"]["reason"]);
        let status = word(&response["status"]).filter(|status| status != "failed");
        self.stop = reason.or(status);
        self.items(list(&response["output"]), &response["tools"]);
        for item in list(&response["output"]) {
            if !item["type"].as_str().unwrap().ends_with("_output") {
                self.text += &spoken(&item["summary"]);
                self.text += &spoken(&item["content"]);
                for key in ["arguments", "input"] {
                    self.text += &written(&item[key]);
                }
            }
        }
    }

    fn items(&mut self, output: &[Value], tools: &Value) {
        let preview = list(tools).iter().any(|tool| {
            tool["type"]
                .as_str()
                .unwrap_or("")
                .starts_with("web_search_preview")
        });
        let mut counts = std::collections::BTreeMap::new();
        for item in output {
            let name = match item["type"].as_str().unwrap() {
                "web_search_call" if preview => "web_search_preview",
                "web_search_call" => "web_search",
                "file_search_call" => "file_search",
                "code_interpreter_call" => "code_interpreter",
                "image_generation_call" => "image_generation",
                "function_call" | "custom_tool_call" | "local_shell_call" | "computer_call"
                | "apply_patch_call" => {
                    self.tool_calls += 1;
                    continue;
                }
                _ => continue,
            };
            let action = item["action"]["type"].as_str().unwrap_or("search");
            if name.starts_with("web_search") && action != "search" {
                continue;
            }
            *counts.entry(name.to_owned()).or_insert(0) += 1;
        }
        self.tools = counts.into_iter().collect();
    }

    fn messages(&mut self, events: &[Value]) {
        let mut usage = serde_json::Map::new();
        for event in events {
            match event["type"].as_str().unwrap() {
                "message_start" => {
                    self.model = self.model.take().or(model(&event["message"]["model"]));
                    for block in list(&event["message"]["content"]) {
                        self.block(block, true);
                    }
                    self.stop = word(&event["message"]["stop_reason"]).or(self.stop.take());
                    merge(&mut usage, &event["message"]["usage"]);
                }
                "content_block_start" => self.block(&event["content_block"], false),
                "content_block_delta" => {
                    for key in ["text", "thinking", "partial_json", "content"] {
                        self.text += event["delta"][key].as_str().unwrap_or("");
                    }
                }
                "message_delta" => {
                    self.stop = word(&event["delta"]["stop_reason"]).or(self.stop.take());
                    merge(&mut usage, &event["usage"]);
                }
                "message_stop" => self.terminal = true,
                "error" => self.failed = true,
                _ => {}
            }
        }
        self.messages_usage(&Value::Object(usage));
    }

    fn block(&mut self, block: &Value, whole: bool) {
        let kind = block["type"].as_str().unwrap();
        self.tool_calls += u32::from(kind == "tool_use");
        if kind.ends_with("_tool_result") {
            return;
        }
        for key in ["text", "thinking", "content"] {
            self.text += block[key].as_str().unwrap_or("");
        }
        if whole {
            self.text += &written(&block["input"]);
        }
    }

    fn messages_usage(&mut self, usage: &Value) {
        let mut compaction = [0; 3];
        for one in list(&usage["iterations"])
            .iter()
            .filter(|one| one["type"] == "compaction")
        {
            compaction[0] += count(&one["input_tokens"]);
            compaction[1] += count(&one["output_tokens"]);
            compaction[2] += count(&one["cache_read_input_tokens"]);
        }
        let long = count(&usage["cache_creation"]["ephemeral_1h_input_tokens"]);
        let written = count(&usage["cache_creation_input_tokens"]);
        let read = count(&usage["cache_read_input_tokens"]) + compaction[2];
        self.usage = Usage {
            input: count(&usage["input_tokens"]) + written + read + compaction[0],
            cache_read: read,
            cache_write_5m: written - long,
            cache_write_1h: long,
            output: count(&usage["output_tokens"]) + compaction[1],
            reasoning: count(&usage["output_tokens_details"]["thinking_tokens"]),
            ..Usage::default()
        };
        let searches = count(&usage["server_tool_use"]["web_search_requests"]);
        if searches > 0 {
            self.tools = vec![("web_search".to_owned(), searches as u32)];
        }
    }

    fn gemini(&mut self, chunks: &[&Value]) {
        let mut usage = serde_json::Map::new();
        for chunk in chunks {
            for candidate in list(&chunk["candidates"]) {
                for part in list(&candidate["content"]["parts"]) {
                    self.text += part["text"].as_str().unwrap_or("");
                    self.text += part["executableCode"]["code"].as_str().unwrap_or("");
                    let call = &part["functionCall"];
                    self.tool_calls += u32::from(call["name"].is_string());
                    for key in ["args", "partialArgs"] {
                        self.text += &written(&call[key]);
                    }
                }
                self.stop = word(&candidate["finishReason"]).or(self.stop.take());
            }
            self.stop = word(&chunk["promptFeedback"]["blockReason"]).or(self.stop.take());
            merge(&mut usage, &chunk["usageMetadata"]);
        }
        let usage = Value::Object(usage);
        let cached = &usage["cacheTokensDetails"];
        let prompt = &usage["promptTokensDetails"];
        self.usage = Usage {
            input: count(&usage["promptTokenCount"]) + count(&usage["toolUsePromptTokenCount"]),
            cache_read: count(&usage["cachedContentTokenCount"]),
            output: count(&usage["candidatesTokenCount"]) + count(&usage["thoughtsTokenCount"]),
            reasoning: count(&usage["thoughtsTokenCount"]),
            audio_input: modality(prompt, "AUDIO") - modality(cached, "AUDIO"),
            image_input: modality(prompt, "IMAGE") - modality(cached, "IMAGE"),
            audio_output: modality(&usage["candidatesTokensDetails"], "AUDIO"),
            image_output: modality(&usage["candidatesTokensDetails"], "IMAGE"),
            ..Usage::default()
        };
    }
}

fn openai(usage: &Value, quirks: Quirks) -> Usage {
    let either = |a: &str, b: &str| count(&usage[a]).max(count(&usage[b]));
    let input = if usage["prompt_tokens"].is_null() {
        "input"
    } else {
        "prompt"
    };
    let output = if usage["prompt_tokens"].is_null() {
        "output"
    } else {
        "completion"
    };
    let input = &usage[format!("{input}_tokens_details")];
    let output = &usage[format!("{output}_tokens_details")];
    let flat = if usage["cached_tokens"].is_null() {
        "prompt_cache_hit_tokens"
    } else {
        "cached_tokens"
    };
    let cached = if input["cached_tokens"].is_null() {
        &usage[flat]
    } else {
        &input["cached_tokens"]
    };
    let reasoning = count(&output["reasoning_tokens"]);
    let outside = quirks.has(Quirks::REASONING_OUTSIDE_OUTPUT);
    Usage {
        input: either("prompt_tokens", "input_tokens"),
        output: either("completion_tokens", "output_tokens") + if outside { reasoning } else { 0 },
        cache_read: count(cached),
        cache_write_5m: count(&input["cache_write_tokens"]),
        reasoning,
        audio_input: count(&input["audio_tokens"]),
        audio_output: count(&output["audio_tokens"]),
        image_input: count(&input["image_tokens"]),
        image_output: count(&output["image_tokens"]),
        ..Usage::default()
    }
}

fn modality(details: &Value, name: &str) -> u64 {
    list(details)
        .iter()
        .filter(|one| one["modality"] == name)
        .map(|one| count(&one["tokenCount"]))
        .sum()
}

fn merge(into: &mut serde_json::Map<String, Value>, usage: &Value) {
    for (key, value) in usage.as_object().into_iter().flatten() {
        if !value.is_null() && value.as_u64() != Some(0) {
            into.insert(key.clone(), value.clone());
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn word(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

fn model(value: &Value) -> Option<String> {
    word(value)
}

/// A string's content, or the JSON of anything else.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(spoken).collect(),
        Value::Object(map) => ["text", "thinking", "content", "refusal", "summary"]
            .iter()
            .map(|key| map.get(*key).map(spoken).unwrap_or_default())
            .collect(),
        _ => String::new(),
    }
}
