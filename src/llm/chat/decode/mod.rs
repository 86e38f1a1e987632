//! Reads a request into the common model.

mod format;
mod message;
mod part;
mod thinking;
mod tools;

use super::read::Value;
use crate::Format;
use crate::fields::Fields;
use crate::ir::{Request, Rest, Text};
use crate::loss::{Class, Misfit};
use crate::responses;

/// The request in `body`. One in the shape of Responses (Cursor sends it here) is read as such and
/// answered as chat.
pub(crate) fn decode(body: &[u8]) -> Result<Request<'_>, Misfit> {
    let fields = Fields::read(body)
        .map_err(|flaw| Misfit::malformed("body", &format!("cannot be read: {flaw}")))?;
    if is_responses_shaped(&fields, body) {
        let options = fields.get(body, "stream_options").map(Value::new);
        return Ok(Request {
            origin: Format::Chat,
            include_usage: options.is_some_and(wants_usage),
            ..responses::decode(body)?
        });
    }
    let mut request = Request::new(Format::Chat);
    let mut wire = Wire::default();
    for field in fields.list().iter().filter(|field| !field.shadowed) {
        if let Some(value) = Value::new(field.value.of(body)).some() {
            wire.field(&mut request, &field.name(body), value)?;
        }
    }
    wire.settle(&mut request)?;
    Ok(request)
}

/// Whether a body sent to the chat address is a Responses request: it has `input` and no
/// `messages`.
pub(crate) fn is_responses_shaped(fields: &Fields, body: &[u8]) -> bool {
    let has = |name| fields.get(body, name).is_some_and(|value| value != b"null");
    has("input") && !has("messages")
}

/// Fields whose meaning depends on others.
#[derive(Default)]
struct Wire<'a> {
    messages: Option<Value<'a>>,
    max_tokens: Option<u64>,
    user: Option<Text<'a>>,
    logprobs: bool,
    top_logprobs: Option<u64>,
    tools: Option<Value<'a>>,
    functions: Option<Value<'a>>,
    tool_choice: Option<Value<'a>>,
    function_call: Option<Value<'a>>,
    thinking: thinking::Wire,
}

impl<'a> Wire<'a> {
    fn field(
        &mut self,
        request: &mut Request<'a>,
        name: &str,
        value: Value<'a>,
    ) -> Result<(), Misfit> {
        let path = || name.to_owned();
        match name {
            "model" => request.model = value.string(path)?.unwrap_or_default(),
            "messages" => self.messages = Some(value),
            "max_completion_tokens" => request.max_output = value.count(path)?,
            "max_tokens" => self.max_tokens = value.count(path)?,
            "temperature" => request.temperature = value.number(path)?,
            "top_p" => request.top_p = value.number(path)?,
            "top_k" => request.top_k = value.count(path)?,
            "frequency_penalty" => request.frequency_penalty = value.number(path)?,
            "presence_penalty" => request.presence_penalty = value.number(path)?,
            "seed" => request.seed = value.integer(path)?,
            "n" => request.choices = choices(value)?,
            "stop" => request.stop = stops(value)?,
            "logit_bias" => {
                request.logit_bias = value.has_members().then(|| value.raw());
            }
            "logprobs" => self.logprobs = value.flag(path)?.unwrap_or(false),
            "top_logprobs" => self.top_logprobs = value.count(path)?,
            "stream" => request.stream = value.flag(path)?.unwrap_or(false),
            "stream_options" => request.include_usage = wants_usage(value),
            "tools" => self.tools = Some(value),
            "functions" => self.functions = Some(value),
            "tool_choice" => self.tool_choice = Some(value),
            "function_call" => self.function_call = Some(value),
            "parallel_tool_calls" => request.parallel_tools = value.flag(path)?,
            "response_format" => request.output = format::output(value)?,
            "verbosity" => request.verbosity = value.string(path)?,
            "safety_identifier" => request.user = value.string(path)?,
            "user" => self.user = value.string(path)?,
            "metadata" => request.metadata = Some(value.raw()),
            "service_tier" => request.tier = value.string(path)?,
            "prompt_cache_key" => request.cache_key = value.string(path)?,
            _ if self.thinking.field(name, value)? => {}
            _ => request.rest.extend(rest(name, value)),
        }
        Ok(())
    }

    fn settle(self, request: &mut Request<'a>) -> Result<(), Misfit> {
        let Some(messages) = self.messages else {
            return Err(Misfit::malformed("messages", "is missing"));
        };
        message::conversation(messages, request)?;
        request.max_output = request.max_output.or(self.max_tokens);
        request.reasoning = self.thinking.reasoning();
        request.tools = tools::tools(self.tools, self.functions)?;
        request.tool_choice = tools::choice(self.tool_choice, self.function_call)?;
        match request.user {
            None => request.user = self.user,
            // One person has one name.
            Some(_) if self.user.is_some() => request.rest.push(hint("user".into())),
            Some(_) => {}
        }
        request.logprobs = match (self.logprobs, self.top_logprobs) {
            (true, top) => Some(u32::try_from(top.unwrap_or(0)).unwrap_or(u32::MAX)),
            (false, Some(1..)) => {
                return Err(Misfit::malformed("top_logprobs", "needs `logprobs: true`"));
            }
            (false, _) => None,
        };
        Ok(())
    }
}

fn wants_usage(options: Value<'_>) -> bool {
    options.get("include_usage").is_some_and(Value::is_true)
}

fn choices(value: Value<'_>) -> Result<Option<u32>, Misfit> {
    match value.count(|| "n".to_owned())? {
        Some(0) => Err(Misfit::malformed("n", "must be at least 1")),
        Some(1) | None => Ok(None),
        Some(many) => Ok(Some(u32::try_from(many).unwrap_or(u32::MAX))),
    }
}

fn stops(value: Value<'_>) -> Result<Vec<Text<'_>>, Misfit> {
    if let Some(stop) = value.text() {
        return Ok(vec![stop]);
    }
    let wanted = "a string or an array of strings";
    if !value.is_list() {
        return Err(value.wrong("stop".to_owned(), wanted));
    }
    let stops = value.elements().into_iter();
    stops
        .map(|stop| {
            stop.text()
                .ok_or_else(|| stop.wrong("stop".to_owned(), wanted))
        })
        .collect()
}

pub(super) fn hint(name: Text<'_>) -> Rest<'_> {
    Rest {
        name,
        class: Class::Hint,
        reason: "only chat has it",
    }
}

/// A field without a place in the common model.
fn rest<'a>(name: &str, value: Value<'a>) -> Option<Rest<'a>> {
    let contract = |reason| Rest {
        name: name.to_owned().into(),
        class: Class::Contract,
        reason,
    };
    match name {
        // Text alone is what everybody answers with, and a voice without sound changes nothing.
        "modalities" => value
            .elements()
            .iter()
            .any(|modality| modality.text().as_deref() != Some("text"))
            .then(|| contract("it answers with text only")),
        "web_search_options" => Some(contract("it does not search the web in the provider's way")),
        _ => Some(hint(name.to_owned().into())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(in crate::chat) mod tests;
