//! What of a request a Responses answer repeats.

use serde::Serialize;
use serde_json::value::RawValue;

use super::shape::{self, WireChoice, WireFormat, WireTool};
use crate::Format;
use crate::ir::{Effort, Output, Reasoning, Request, Show, Thinking, ToolChoice};

/// Bytes of an echo that are kept as long as its answer lasts. Of a larger one, what is long goes:
/// tools, instructions, schema and metadata.
const MAX_ECHO_BYTES: usize = 1024 * 1024;

/// The members, in the order OpenAI writes them. What its SDK requires is never left out.
#[derive(Serialize)]
struct Echo<'a> {
    instructions: Option<&'a str>,
    max_output_tokens: Option<u64>,
    max_tool_calls: Option<u64>,
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    prompt_cache_key: Option<&'a str>,
    reasoning: EchoReasoning,
    safety_identifier: Option<&'a str>,
    service_tier: &'a str,
    /// Nothing is kept here, whatever was asked.
    store: bool,
    temperature: f64,
    text: EchoText<'a>,
    tool_choice: WireChoice<'a>,
    tools: Vec<WireTool<'a>>,
    top_logprobs: u32,
    top_p: f64,
    truncation: &'static str,
    user: Option<&'a str>,
    metadata: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct EchoReasoning {
    effort: Option<&'static str>,
    summary: Option<&'static str>,
}

#[derive(Serialize)]
struct EchoText<'a> {
    format: WireFormat<'a>,
    verbosity: &'a str,
}

/// The members (instructions, tools, temperature, text …) as the inside of a JSON object, without
/// braces; empty when there are none.
pub(crate) fn echo(request: &Request<'_>) -> String {
    let whole = members(request);
    if whole.len() <= MAX_ECHO_BYTES {
        return whole;
    }
    members(&Request {
        max_output: request.max_output,
        temperature: request.temperature,
        top_p: request.top_p,
        parallel_tools: request.parallel_tools,
        reasoning: request.reasoning,
        ..Request::new(request.origin)
    })
}

fn members(request: &Request<'_>) -> String {
    let tools = request.tools.iter();
    let choice = request.tool_choice.as_ref().unwrap_or(&ToolChoice::Auto);
    let instructions = request.system.first().filter(|_| request.instructed);
    let echo = Echo {
        instructions: instructions.map(|block| &*block.text),
        max_output_tokens: request.max_output,
        max_tool_calls: None,
        parallel_tool_calls: request.parallel_tools.unwrap_or(true),
        previous_response_id: None,
        prompt_cache_key: request.cache_key.as_deref(),
        reasoning: reasoning(request.reasoning),
        safety_identifier: request.user.as_deref(),
        service_tier: request.tier.as_deref().unwrap_or("default"),
        store: false,
        temperature: request.temperature.unwrap_or(1.0),
        text: EchoText {
            format: shape::format(&request.output, strict(&request.output)),
            verbosity: request.verbosity.as_deref().unwrap_or("medium"),
        },
        tool_choice: shape::choice(choice, &request.tools),
        tools: tools.filter_map(|tool| shape::tool(tool, None)).collect(),
        top_logprobs: request.logprobs.unwrap_or(0),
        top_p: request.top_p.unwrap_or(1.0),
        truncation: "disabled",
        user: None,
        metadata: shape::raw(request.metadata.as_deref().unwrap_or("{}")),
    };
    // Our own types have only string keys: this cannot fail.
    let text = serde_json::to_string(&echo).unwrap_or_default();
    let inside = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inside.unwrap_or("").to_owned()
}

/// What an answer repeats of a request that says nothing.
pub(super) fn plain_echo() -> String {
    echo(&Request::new(Format::Responses))
}

fn reasoning(reasoning: Reasoning) -> EchoReasoning {
    let effort = match reasoning.thinking {
        Thinking::Effort(effort) => Some(effort.as_str()),
        Thinking::Off => Some(Effort::None.as_str()),
        _ => None,
    };
    let summary = (reasoning.show == Show::Shown).then_some("auto");
    EchoReasoning { effort, summary }
}

fn strict(output: &Output<'_>) -> Option<bool> {
    match output {
        Output::Schema { strict, .. } => *strict,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_echo_too_long_to_keep_leaves_out_what_is_long() {
        let mut request = Request::new(Format::Responses);
        request.temperature = Some(0.5);
        request.metadata = Some(format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_ECHO_BYTES)).into());
        let echo = echo(&request);
        assert!(echo.len() < 1024);
        let echo: Value = serde_json::from_str(&format!("{{{echo}}}")).unwrap_or_default();
        assert_eq!(echo["temperature"], 0.5);
        assert_eq!(echo["metadata"], serde_json::json!({}));
    }
}
