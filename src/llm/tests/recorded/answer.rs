//! A plain reader of what an answer says, in whatever format: text, reasoning, calls, stop.

use std::collections::BTreeMap;

use llm::Format;
use serde_json::{Value, json};

/// What a reader of an answer gets. Choices beyond the first are read as if they were the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// Refusals are text here: some formats have no other place for them.
    pub(super) text: String,
    /// Without white space: formats differ in how they join its pieces.
    pub(super) reasoning: String,
    /// Name and arguments; a custom tool's text stands in `{"input": …}`.
    pub(super) calls: Vec<(String, Value)>,
    /// `end`, `tools`, `length`, `filter`; empty where the answer was cut.
    pub(super) stop: &'static str,
    /// What Messages says about a refusal. Chat has a place for it, in its refusal.
    pub(super) explanation: String,
    /// What stands between the texts of two messages. Only while reading.
    between: &'static str,
}

/// Reads a whole answer. `between` is put between the texts of two messages, the break that in a
/// translation stands in the text already.
pub(super) fn whole(format: Format, reply: &Value, between: &'static str) -> Answer {
    let mut answer = Answer {
        between,
        ..Answer::default()
    };
    answer.whole(format, reply);
    answer.finished()
}

/// Reads a stream.
pub(super) fn stream(format: Format, events: &[Value], between: &'static str) -> Answer {
    let mut answer = Answer {
        between,
        ..Answer::default()
    };
    answer.stream(format, events);
    answer.finished()
}

/// The text that a Responses stream tells in pieces; what is missing of an item comes at its end.
pub(super) fn responses_deltas(events: &[Value]) -> Vec<String> {
    let mut items: BTreeMap<u64, String> = BTreeMap::new();
    for event in events {
        let of = items
            .entry(event["output_index"].as_u64().unwrap_or(0))
            .or_default();
        match event["type"].as_str().unwrap_or("") {
            "response.output_text.delta" | "response.refusal.delta" => {
                *of += &text(&event["delta"])
            }
            "response.output_item.done" => {
                let mut whole = Answer::default();
                whole.item(&event["item"]);
                if whole.text.starts_with(of.as_str()) {
                    *of = whole.text;
                }
            }
            _ => {}
        }
    }
    items
        .into_values()
        .filter(|text| !text.is_empty())
        .collect()
}

impl Answer {
    fn whole(&mut self, format: Format, reply: &Value) {
        match format {
            Format::Chat => {
                for choice in list(&reply["choices"]) {
                    self.chat_message(&choice["message"]);
                    self.chat_calls(list(&choice["message"]["tool_calls"]));
                    self.stop = chat_stop(&choice["finish_reason"], self.stop);
                }
            }
            Format::Responses => self.response(reply),
            Format::Messages => {
                for block in list(&reply["content"]) {
                    self.block(block);
                }
                self.stop = messages_stop(&reply["stop_reason"], "");
                self.explanation = text(&reply["stop_details"]["explanation"]);
            }
            Format::Gemini => self.gemini(std::slice::from_ref(reply)),
        }
    }

    fn stream(&mut self, format: Format, events: &[Value]) {
        match format {
            Format::Chat => self.chat(events),
            Format::Responses => self.responses(events),
            Format::Messages => self.messages(events),
            Format::Gemini => self.gemini(events),
        }
    }

    fn finished(mut self) -> Answer {
        self.between = "";
        self.reasoning.retain(|letter| !letter.is_whitespace());
        self.stop = match (self.stop, self.calls.is_empty()) {
            ("end", false) => "tools",
            ("tools", true) => "end",
            (stop, _) => stop,
        };
        self
    }

    fn call(&mut self, name: &Value, args: &str) {
        let name = name.as_str().unwrap_or("").to_owned();
        self.calls.push((name, arguments(args)));
    }

    fn chat_message(&mut self, said: &Value) {
        self.chat_content(&said["content"]);
        self.text += said["refusal"].as_str().unwrap_or("");
        let details: String = list(&said["reasoning_details"])
            .iter()
            .map(|detail| text(&detail["text"]) + &text(&detail["summary"]))
            .collect();
        let told = ["reasoning_content", "reasoning"].map(|key| text(&said[key]));
        let told = told.into_iter().chain([details]);
        self.reasoning += &told
            .into_iter()
            .find(|one| !one.is_empty())
            .unwrap_or_default();
    }

    fn chat_content(&mut self, content: &Value) {
        self.text += content.as_str().unwrap_or("");
        for part in list(content) {
            match part["type"].as_str() {
                Some("thinking") => {
                    for thought in list(&part["thinking"]) {
                        self.reasoning += &text(&thought["text"]);
                    }
                }
                _ => self.text += &text(&part["text"]),
            }
        }
    }

    fn chat_calls(&mut self, calls: &[Value]) {
        for call in calls {
            match call["type"].as_str() {
                Some("custom") => {
                    let input = json!({ "input": call["custom"]["input"] });
                    self.call(&call["custom"]["name"], &input.to_string());
                }
                _ => {
                    let function = &call["function"];
                    self.call(&function["name"], &written(&function["arguments"]));
                }
            }
        }
    }

    fn chat(&mut self, events: &[Value]) {
        // A call as if it had come whole, by its index; a new id begins another one.
        let mut calls: Vec<(u64, Value)> = Vec::new();
        for event in events {
            for choice in list(&event["choices"]) {
                self.chat_message(&choice["delta"]);
                for piece in list(&choice["delta"]["tool_calls"]) {
                    chat_piece(&mut calls, piece);
                }
                self.stop = chat_stop(&choice["finish_reason"], self.stop);
            }
        }
        let calls: Vec<Value> = calls.into_iter().map(|(_, call)| call).collect();
        self.chat_calls(&calls);
    }

    fn response(&mut self, response: &Value) {
        for item in list(&response["output"]) {
            self.item(item);
        }
        let reason = response["incomplete_details"]["reason"].as_str();
        self.stop = match (response["status"].as_str(), reason) {
            (_, Some("content_filter")) => "filter",
            (Some("incomplete"), _) => "length",
            (Some("completed") | None, _) => "end",
            _ => "",
        };
    }

    fn item(&mut self, item: &Value) {
        match item["type"].as_str() {
            Some("message") => {
                let parts = list(&item["content"]).iter();
                let said = parts.map(|part| text(&part["text"]) + &text(&part["refusal"]));
                let said: String = said.collect();
                if !self.text.is_empty() && !said.is_empty() {
                    self.text += self.between;
                }
                self.text += &said;
            }
            Some("reasoning") => {
                let told = |key: &str| -> String {
                    list(&item[key])
                        .iter()
                        .map(|part| text(&part["text"]))
                        .collect()
                };
                let summary = told("summary");
                let told = if summary.is_empty() {
                    told("content")
                } else {
                    summary
                };
                self.reasoning += &told;
            }
            Some("function_call") => self.call(&item["name"], &written(&item["arguments"])),
            Some("custom_tool_call") => {
                let input = json!({ "input": item["input"] });
                self.call(&item["name"], &input.to_string());
            }
            _ => {}
        }
    }

    fn responses(&mut self, events: &[Value]) {
        let mut done = Vec::new();
        let streamed = responses_deltas(events);
        for event in events {
            match event["type"].as_str().unwrap_or("") {
                "response.output_item.done" => done.push(event["item"].clone()),
                "response.completed" | "response.incomplete" | "response.failed" => {
                    self.response(&event["response"]);
                    if list(&event["response"]["output"]).is_empty() {
                        done.iter().for_each(|item| self.item(item));
                    }
                }
                _ => {}
            }
        }
        if !streamed.is_empty() {
            self.text = streamed.join(self.between);
        }
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str() {
            Some("text") => self.text += &text(&block["text"]),
            Some("thinking") => self.reasoning += &text(&block["thinking"]),
            Some("tool_use") => self.call(&block["name"], &block["input"].to_string()),
            _ => {}
        }
    }

    fn messages(&mut self, events: &[Value]) {
        let mut json = String::new();
        let mut open = Value::Null;
        for event in events {
            match event["type"].as_str().unwrap_or("") {
                "content_block_start" => {
                    // Some streams begin anew in the middle of a block.
                    if !json.is_empty() {
                        self.call(&open["name"], &std::mem::take(&mut json));
                    }
                    open = event["content_block"].clone();
                }
                "content_block_delta" => {
                    for key in ["text", "thinking"] {
                        if let Some(more) = event["delta"][key].as_str() {
                            open[key] = json!(text(&open[key]) + more);
                        }
                    }
                    json += &text(&event["delta"]["partial_json"]);
                }
                "content_block_stop" => {
                    if !json.is_empty() {
                        open["input"] = arguments(&json);
                        json.clear();
                    }
                    self.block(&open);
                }
                "message_delta" => {
                    self.explanation = text(&event["delta"]["stop_details"]["explanation"]);
                    self.stop = messages_stop(&event["delta"]["stop_reason"], self.stop);
                }
                _ => {}
            }
        }
    }

    fn gemini(&mut self, chunks: &[Value]) {
        for chunk in chunks {
            for candidate in list(&chunk["candidates"]) {
                for part in list(&candidate["content"]["parts"]) {
                    self.part(part);
                }
                self.stop = gemini_stop(&candidate["finishReason"], self.stop);
            }
            if chunk["promptFeedback"]["blockReason"].is_string() {
                self.stop = "filter";
            }
        }
    }

    fn part(&mut self, part: &Value) {
        match part["thought"] == true {
            true => self.reasoning += &text(&part["text"]),
            false => self.text += &text(&part["text"]),
        }
        let call = &part["functionCall"];
        if call["name"].is_string() {
            self.call(&call["name"], &call["args"].to_string());
        }
        // Arguments in pieces, each at its path.
        if let Some((_, args)) = self.calls.last_mut() {
            for piece in list(&call["partialArgs"]) {
                let place = at_path(args, piece["jsonPath"].as_str().unwrap());
                match piece["stringValue"].as_str() {
                    Some(more) => *place = json!(text(place) + more),
                    None => *place = piece["numberValue"].clone(),
                }
            }
        }
    }
}

/// The place that `$.list[0].member` means, made where it is not there yet.
fn at_path<'a>(root: &'a mut Value, path: &str) -> &'a mut Value {
    let mut place = root;
    for step in path
        .trim_start_matches('$')
        .replace('[', ".[")
        .split('.')
        .skip(1)
    {
        place = match step.strip_prefix('[') {
            None => &mut place[step],
            Some(index) => {
                let index: usize = index.trim_end_matches(']').parse().unwrap();
                if place.is_null() {
                    *place = json!([]);
                }
                let items = place.as_array_mut().unwrap();
                items.resize(items.len().max(index + 1), Value::Null);
                &mut items[index]
            }
        };
    }
    place
}

fn chat_piece(calls: &mut Vec<(u64, Value)>, piece: &Value) {
    let id = piece["id"].as_str().filter(|id| !id.is_empty());
    let index = piece["index"].as_u64();
    let known = calls.iter().rposition(|(at, call)| {
        let same = id.is_none_or(|id| call["id"] == id);
        same && index.is_none_or(|index| index == *at)
    });
    let Some(place) = known else {
        let mut call = piece.clone();
        call["function"]["arguments"] = json!(written(&piece["function"]["arguments"]));
        calls.push((index.unwrap_or(calls.len() as u64), call));
        return;
    };
    let call = &mut calls[place].1;
    for (outer, inner) in [("function", "arguments"), ("custom", "input")] {
        if !piece[outer][inner].is_null() {
            let so_far = text(&call[outer][inner]);
            call[outer][inner] = json!(so_far + &written(&piece[outer][inner]));
        }
    }
    if text(&call["function"]["name"]).is_empty() {
        call["function"]["name"] = piece["function"]["name"].clone();
    }
}

fn chat_stop(reason: &Value, before: &'static str) -> &'static str {
    match reason.as_str() {
        None | Some("") => before,
        Some("tool_calls" | "function_call") => "tools",
        Some("length") => "length",
        Some("content_filter") => "filter",
        Some(_) => "end",
    }
}

fn messages_stop(reason: &Value, before: &'static str) -> &'static str {
    match reason.as_str() {
        None => before,
        Some("tool_use") => "tools",
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("refusal") => "filter",
        Some(_) => "end",
    }
}

fn gemini_stop(reason: &Value, before: &'static str) -> &'static str {
    match reason.as_str() {
        None | Some("FINISH_REASON_UNSPECIFIED") => before,
        Some("MAX_TOKENS") => "length",
        Some(
            "STOP"
            | "OTHER"
            | "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "NO_IMAGE",
        ) => "end",
        Some(_) => "filter",
    }
}

fn arguments(text: &str) -> Value {
    match text.trim() {
        "" | "null" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// A string's content, or the JSON of anything else.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
