//! Reads a request into the common model.

mod control;
mod media;
mod read;
mod tools;
mod turns;

use crate::Format;
use crate::fields::Fields;
use crate::ir::{CacheMark, Request, Rest, System, Text};
use crate::loss::{Class, Misfit};
use control::Control;
use read::{Place, count, each, number, object, optional, raw, string};

/// What the block begins with by which Claude Code tells Anthropic whom to bill. It differs from
/// request to request, and in front of the prompt it would keep every other provider's cache cold.
const BILLING: &str = "x-anthropic-billing-header";

/// Members that promise what only Anthropic can keep; others without a place in the common model
/// are hints.
const CONTRACTS: [(&str, &str); 3] = [
    ("container", "the container is at Anthropic"),
    ("mcp_servers", "the upstream does not call MCP servers"),
    (
        "inference_geo",
        "the upstream cannot promise where it computes",
    ),
];

/// The request in `body`, also of `count_tokens`.
pub(crate) fn decode(body: &[u8]) -> Result<Request<'_>, Misfit> {
    let fields = Fields::read(body)
        .map_err(|error| Misfit::malformed("body", &format!("cannot be read: {error}")))?;
    let mut request = Request::new(Format::Messages);
    let mut control = Control::default();
    for field in fields.list().iter().filter(|field| !field.shadowed) {
        let (name, value) = (field.name(body), field.value.of(body));
        if value != b"null" && !control.take(&name, value) {
            member(&mut request, &name, value)?;
        }
    }
    control.tell(&mut request)?;
    let messages = fields
        .get(body, "messages")
        .filter(|value| *value != b"null");
    let place = Place::top("messages");
    turns::read(place.required(messages)?, &place, &mut request)?;
    Ok(request)
}

/// Takes one member of the request; the conversation is read last.
fn member<'a>(request: &mut Request<'a>, name: &str, value: &'a [u8]) -> Result<(), Misfit> {
    match name {
        "messages" => {}
        "model" => request.model = string(value, &Place::top("model"))?,
        "stream" => request.stream = read::flag(Some(value), &Place::top("stream"))?,
        "system" => system(request, value)?,
        "max_tokens" => request.max_output = Some(count(value, &Place::top("max_tokens"))?),
        "temperature" => request.temperature = Some(number(value, &Place::top("temperature"))?),
        "top_p" => request.top_p = Some(number(value, &Place::top("top_p"))?),
        "top_k" => request.top_k = Some(count(value, &Place::top("top_k"))?),
        "stop_sequences" => each(value, &Place::top("stop_sequences"), |value, place| {
            request.stop.push(string(value, place)?);
            Ok(())
        })?,
        "tools" => tools::read(request, value)?,
        "tool_choice" => tools::choice(request, value)?,
        "metadata" => {
            let place = Place::top("metadata");
            let [user] = object(value, &place, ["user_id"])?;
            request.user = optional(user, &place.member("user_id"))?;
        }
        "service_tier" => request.tier = Some(string(value, &Place::top("service_tier"))?),
        "cache_control" => request.cache_all = mark(Some(value)),
        _ => other(request, name, value),
    }
    Ok(())
}

fn other(request: &mut Request<'_>, name: &str, value: &[u8]) {
    let nowhere_special = name == "inference_geo" && value == b"\"global\"";
    if value == b"[]" || value == b"{}" || nowhere_special {
        return;
    }
    let contract = CONTRACTS.iter().find(|(known, _)| *known == name);
    request.rest.push(Rest {
        name: name.to_owned().into(),
        class: contract.map_or(Class::Hint, |_| Class::Contract),
        reason: contract.map_or("", |(_, reason)| reason),
    });
}

fn system<'a>(request: &mut Request<'a>, value: &'a [u8]) -> Result<(), Misfit> {
    let place = Place::top("system");
    if value.first() == Some(&b'"') {
        let text = string(value, &place)?;
        push_system(request, text, None);
        return Ok(());
    }
    each(value, &place, |block, place| {
        let [kind, text, cache] = object(block, place, ["type", "text", "cache_control"])?;
        if kind.is_some_and(|kind| kind != b"\"text\"") {
            return Err(place.member("type").wrong("must be \"text\""));
        }
        let text = string(place.member("text").required(text)?, &place.member("text"))?;
        push_system(request, text, mark(cache));
        Ok(())
    })
}

fn push_system<'a>(request: &mut Request<'a>, text: Text<'a>, cache: Option<CacheMark>) {
    if text.starts_with(BILLING) {
        hint(request, BILLING);
    } else if !text.is_empty() {
        request.system.push(System { text, cache });
    }
}

/// Notes a field that is dropped on the way to every other format, once.
fn hint(request: &mut Request<'_>, name: &'static str) {
    if !request.rest.iter().any(|rest| rest.name == name) {
        request.rest.push(Rest {
            name: name.into(),
            class: Class::Hint,
            reason: "",
        });
    }
}

/// A cache mark; one of a kind nobody knows marks as the common kind does.
fn mark(value: Option<&[u8]>) -> Option<CacheMark> {
    let [ttl] = read::pick(value?, ["ttl"]);
    Some(match ttl {
        Some(b"\"1h\"") => CacheMark::OneHour,
        _ => CacheMark::FiveMinutes,
    })
}

/// A schema as it is written, which must be an object.
fn schema<'a>(value: Option<&'a [u8]>, place: &Place<'_>) -> Result<Option<Text<'a>>, Misfit> {
    match value {
        None => Ok(None),
        Some(value) if value.first() == Some(&b'{') => Ok(Some(raw(value))),
        Some(other) => Err(place.must_be("an object", other)),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
