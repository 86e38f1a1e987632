//! Finds kind, code and message in the error bodies that vendors send.

use std::time::Duration;

use serde_json::{Map, Value};

use super::class::{self, Facts};
use super::{Fault, FaultClass, MAX_TEXT_BYTES};
use crate::meter::cut;

/// Errors inside errors that are looked into: aggregators wrap what their providers said.
const MAX_NESTING: u8 = 4;

/// The longest wait that an upstream may ask for: a day.
const MAX_RETRY_SECONDS: f64 = 86_400.0;

/// Understands an error, of any vendor: content first, `status` where the content says nothing.
/// A status of 200 stands for an error in the middle of an answer.
pub fn read(status: u16, body: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(event_data(body));
    let text = text.trim_start_matches('\u{FEFF}').trim();
    let mut found = Found::default();
    match parse(text) {
        Some(value) => found.value(&value, MAX_NESTING),
        None if !is_markup(text) => found.message = bounded(text),
        None => {}
    }
    found.into_fault(status)
}

fn parse(text: &str) -> Option<Value> {
    let parsed = serde_json::from_str(text).ok().or_else(|| {
        let mended = crate::loose::mended(text.as_bytes())?;
        serde_json::from_slice(&mended).ok()
    })?;
    match parsed {
        // A quoted sentence is a message; a bare number is nothing.
        Value::Object(_) | Value::Array(_) | Value::String(_) => Some(parsed),
        _ => Some(Value::Null),
    }
}

/// The data of an error that came as a server-sent event, or the body itself.
fn event_data(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii_start();
    if !body.starts_with(b"data:") && !body.starts_with(b"event:") {
        return body;
    }
    let data = body
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"data:"));
    data.unwrap_or(body).trim_ascii()
}

fn is_markup(text: &str) -> bool {
    text.starts_with('<')
}

fn bounded(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, MAX_TEXT_BYTES).to_owned())
}

/// What was found; the first find of each kind stays.
#[derive(Default)]
struct Found {
    kind: Option<String>,
    code: Option<String>,
    message: Option<String>,
    param: Option<String>,
    /// Google's finer words, and what wrapped errors said: they count for the class alone.
    hints: Vec<String>,
    retry_after: Option<Duration>,
    /// A status inside the body; proxies answer 200 or 500 around it.
    status: Option<u16>,
    minimax: Option<i64>,
}

impl Found {
    fn value(&mut self, value: &Value, depth: u8) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Object(map) => self.object(map, depth),
            Value::Array(list) => {
                if let Some(first) = list
                    .iter()
                    .find(|item| item.is_object() || item.is_string())
                {
                    self.value(first, depth - 1);
                }
            }
            Value::String(text) => self.words(text, depth),
            _ => {}
        }
    }

    /// A text that may itself be the JSON of an error.
    fn words(&mut self, text: &str, depth: u8) {
        match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => self.value(&inner, depth - 1),
            _ if is_markup(text.trim_start()) => {}
            _ => self.message = self.message.take().or_else(|| bounded(text)),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, depth: u8) {
        // The innermost object speaks first: what wraps it knows less.
        for key in ["error", "errors", "response", "Error"] {
            match map.get(key) {
                Some(Value::String(text)) => self.words(text, depth),
                Some(inner @ (Value::Object(_) | Value::Array(_))) => self.value(inner, depth - 1),
                _ => {}
            }
        }
        if let Some(Value::Array(choices)) = map.get("choices") {
            choices.iter().for_each(|choice| self.nested(choice, depth));
        }
        self.scalars(map, depth);
        self.google(map);
        if let Some(Value::Object(metadata)) = map.get("metadata") {
            self.openrouter(metadata, depth);
        }
        if let Some(Value::Object(base)) = map.get("base_resp") {
            self.minimax = self.minimax.or_else(|| base.get("status_code")?.as_i64());
            set(&mut self.code, base.get("status_code"));
            set(&mut self.message, base.get("status_msg"));
        }
    }

    fn nested(&mut self, choice: &Value, depth: u8) {
        if let Some(error @ (Value::Object(_) | Value::String(_))) = choice.get("error") {
            self.value(error, depth - 1);
        }
    }

    fn scalars(&mut self, map: &Map<String, Value>, depth: u8) {
        // `type` of an envelope says "error" and nothing more; of an event, which event it is.
        let word = |key: &str| {
            let word = map.get(key)?.as_str()?;
            (word != "error" && !word.starts_with("response"))
                .then(|| map.get(key))
                .flatten()
        };
        let google = map
            .get("status")
            .filter(|status| status.as_str().is_some_and(is_upper));
        set(&mut self.kind, word("type").or(google));
        for key in ["code", "error_code", "errorCode", "err_code", "Code"] {
            set(&mut self.code, map.get(key));
        }
        set(&mut self.param, map.get("param"));
        for key in ["code", "status", "status_code", "statusCode", "error_code"] {
            self.status = self.status.or_else(|| http_status(map.get(key)?));
        }
        for key in [
            "message",
            "Message",
            "msg",
            "error_msg",
            "errorMessage",
            "error_message",
            "error_description",
            "status_msg",
            "title",
        ] {
            match map.get(key) {
                Some(Value::String(text)) => self.words(text, depth),
                Some(inner @ Value::Object(_)) => self.value(inner, depth - 1),
                _ => {}
            }
        }
        match map.get("detail") {
            Some(Value::Array(list)) => self.fastapi(list),
            Some(Value::String(text)) => self.words(text, depth),
            Some(inner @ Value::Object(_)) => self.value(inner, depth - 1),
            _ => {}
        }
    }

    /// FastAPI's list of what is wrong: `[{"loc":["body","messages"],"msg":"…","type":"…"}]`.
    fn fastapi(&mut self, list: &[Value]) {
        let mut lines = Vec::new();
        for item in list.iter().take(8) {
            let place: Vec<String> = item
                .get("loc")
                .and_then(Value::as_array)
                .map(|steps| steps.iter().skip(1).filter_map(text).collect())
                .unwrap_or_default();
            let place = place.join(".");
            let Some(said) = item.get("msg").and_then(Value::as_str) else {
                continue;
            };
            if place.is_empty() {
                lines.push(said.to_owned());
            } else {
                lines.push(format!("{place}: {said}"));
                self.param = self.param.take().or_else(|| bounded(&place));
            }
        }
        self.message = self.message.take().or_else(|| bounded(&lines.join("; ")));
    }

    /// `details` of Google: the reason is finer than the status.
    fn google(&mut self, map: &Map<String, Value>) {
        let Some(Value::Array(details)) = map.get("details") else {
            return;
        };
        for detail in details.iter().take(16) {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                self.hints.push(cut(reason, 128).to_owned());
            }
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            self.retry_after = self.retry_after.or_else(|| seconds(delay?));
            let field = detail.pointer("/fieldViolations/0/field");
            set(&mut self.param, field);
        }
    }

    /// OpenRouter says "Provider returned error" and keeps the provider's own words in `raw`.
    fn openrouter(&mut self, metadata: &Map<String, Value>, depth: u8) {
        let mut inner = Found::default();
        match metadata.get("raw") {
            Some(Value::String(raw)) => inner.words(raw, depth),
            Some(raw) => inner.value(raw, depth - 1),
            None => return,
        }
        self.hints.extend(inner.kind);
        self.hints.extend(inner.code);
        if let Some(message) = inner.message {
            self.message = Some(message);
        }
    }

    fn into_fault(self, status: u16) -> Fault {
        let inner = self.status.filter(|_| !(400..=599).contains(&status));
        let facts = Facts {
            status: inner.unwrap_or(status),
            kind: self.kind.as_deref(),
            code: self.code.as_deref(),
            hints: &self.hints,
            message: self.message.as_deref().unwrap_or(""),
            minimax: self.minimax,
        };
        let class = class::of(&facts);
        let status = inner.unwrap_or(status);
        let message = self.message.unwrap_or_else(|| said_by_status(status));
        Fault {
            class,
            kind: self.kind,
            code: self.code,
            message,
            param: self.param,
            retry_after: self.retry_after,
        }
    }
}

/// A duration as Google's JSON has it: `3.5s`.
fn seconds(duration: &str) -> Option<Duration> {
    let seconds: f64 = duration.strip_suffix('s')?.parse().ok()?;
    (0.0..=MAX_RETRY_SECONDS)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// Sets what is not set yet, from a string or a number.
fn set(place: &mut Option<String>, value: Option<&Value>) {
    if place.is_none() {
        *place = value.and_then(text).as_deref().and_then(bounded);
    }
}

/// Whether a word is written as Google writes its statuses.
fn is_upper(word: &str) -> bool {
    word.bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn http_status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    u16::try_from(number)
        .ok()
        .filter(|status| (400..=599).contains(status))
}

fn said_by_status(status: u16) -> String {
    match FaultClass::of_status(status) {
        FaultClass::Unknown => "the provider reported an error without saying which".to_owned(),
        _ => format!("the provider answered with status {status} and no message"),
    }
}
