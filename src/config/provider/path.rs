//! Where on the upstream's host a request goes.

use std::fmt::Write;

use llm::{Format, Operation};

use crate::snapshot::{Base, Channel, PathStyle};

/// Path and query of an upstream request. `client_query` is the caller's, without `?` and
/// without keys; of a Gemini stream its `alt` decides between SSE and one JSON array, so who
/// converts from another format passes `alt=sse`.
pub fn upstream_path(
    channel: &Channel,
    base: &Base,
    format: Format,
    operation: Operation,
    model: &str,
    stream: bool,
    client_query: &str,
) -> String {
    let standard = Endpoint {
        format,
        operation,
        model,
        stream,
    };
    let path = match channel.path_style {
        PathStyle::Exact => base.path.clone(),
        PathStyle::AzureDeployment => standard.on_azure(&base.path),
        PathStyle::Standard => match channel.paths.get(&format) {
            Some(own) => standard.at(own),
            None => standard.below(&base.path),
        },
    };
    with_query(path, &channel.query, client_query)
}

struct Endpoint<'a> {
    format: Format,
    operation: Operation,
    model: &'a str,
    stream: bool,
}

impl Endpoint<'_> {
    /// Contract `base_url`: no path: the standard path; any path: the part after the version.
    fn below(&self, base: &str) -> String {
        let version = match self.format {
            Format::Gemini => "/v1beta",
            Format::Chat | Format::Responses | Format::Messages => "/v1",
        };
        let base = if base.is_empty() { version } else { base };
        format!("{base}{}", self.after_version())
    }

    fn after_version(&self) -> String {
        match (self.format, self.operation) {
            (Format::Chat, Operation::Completion) => "/completions".to_owned(),
            (Format::Chat, _) => "/chat/completions".to_owned(),
            (Format::Responses, _) => "/responses".to_owned(),
            (Format::Messages, Operation::Count) => "/messages/count_tokens".to_owned(),
            (Format::Messages, _) => "/messages".to_owned(),
            (Format::Gemini, _) => format!("/{}:{}", gemini_name(self.model), self.gemini_action()),
        }
    }

    /// Google's methods of a model: <https://ai.google.dev/api/all-methods>.
    fn gemini_action(&self) -> &'static str {
        match self.operation {
            Operation::Count => "countTokens",
            _ if self.stream => "streamGenerateContent",
            _ => "generateContent",
        }
    }

    /// A provider's own path for the format: the path of its chat operation.
    fn at(&self, own: &str) -> String {
        let path = own.replace("{model}", &segment(self.model));
        match (self.format, self.operation) {
            (Format::Messages, Operation::Count) => format!("{path}/count_tokens"),
            (Format::Chat, Operation::Completion) => match path.strip_suffix("/chat/completions") {
                Some(stem) => format!("{stem}/completions"),
                None => path,
            },
            (Format::Gemini, _) => format!("{path}:{}", self.gemini_action()),
            _ => path,
        }
    }

    /// Azure's classic addresses: the deployment is in the path, but for Responses.
    /// <https://learn.microsoft.com/azure/ai-services/openai/reference>
    fn on_azure(&self, base: &str) -> String {
        let base = base.strip_suffix("/openai").unwrap_or(base);
        let rest = self.after_version();
        match self.format {
            Format::Responses => format!("{base}/openai{rest}"),
            _ => format!("{base}/openai/deployments/{}{rest}", segment(self.model)),
        }
    }
}

/// `models/…` as Google writes it. A name that is a resource name already (`tunedModels/x`)
/// stays one.
fn gemini_name(model: &str) -> String {
    let tuned = model.strip_prefix("tunedModels/");
    let plain = model.strip_prefix("models/").unwrap_or(model);
    match tuned {
        Some(id) => format!("tunedModels/{}", segment(id)),
        None => format!("models/{}", segment(plain)),
    }
}

/// Percent-encodes what may not stand in one path segment (RFC 3986, 3.3), `/` included: a model
/// name never reaches another path. `:` and `@` occur in names and are allowed.
fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b':' | b'@' => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    // Dots alone would be read as "here" and "up"; no model is called that.
    match encoded.as_str() {
        "." | ".." => "_".to_owned(),
        _ => encoded,
    }
}

/// The channel's parameters, then the caller's others.
fn with_query(path: String, channel: &str, client: &str) -> String {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let set: Vec<String> = pairs(channel).map(name).collect();
    let kept = pairs(client).filter(|pair| !set.contains(&name(pair)));
    let mut whole = if path.is_empty() {
        "/".to_owned()
    } else {
        path
    };
    let mut mark = '?';
    for pair in pairs(channel).chain(kept) {
        whole.push(mark);
        whole.push_str(pair);
        mark = '&';
    }
    whole
}

fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
