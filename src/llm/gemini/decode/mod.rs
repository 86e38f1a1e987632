//! Reads a request into the common model.

mod config;
mod contents;
mod media;
mod pairs;
mod parts;
mod schema;
#[cfg(test)]
mod tests;
mod tools;

pub(in crate::gemini) use media::is_googles;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read::{Member, Members, string, wrong};
use crate::Format;
use crate::ir::{Request, Rest, System};
use crate::loss::{Class, Misfit};

/// The request in `body`: of `generateContent`, or of `countTokens`, which may wrap it.
pub(crate) fn decode(body: &[u8]) -> Result<Request<'_>, Misfit> {
    let body: &RawValue = serde_json::from_slice(body)
        .map_err(|error| Misfit::malformed("body", &format!("is not JSON: {error}")))?;
    let mut request = Request::new(Format::Gemini);
    let mut config = None;
    for member in members(body)? {
        match &*member.name() {
            // About the conversation too, which may stand behind it.
            "generationConfig" => config = Some(member.value),
            _ => field(&mut request, &member)?,
        }
    }
    if let Some(config) = config {
        config::read(&mut request, config)?;
    }
    if request.turns.is_empty() {
        return Err(Misfit::malformed("contents", "must not be empty"));
    }
    Ok(request)
}

/// The members of the request, also of one that is wrapped.
fn members(body: &RawValue) -> Result<Vec<Member<'_>>, Misfit> {
    let mut all = Vec::new();
    for member in Members::of(body, "body")? {
        match &*member.name() {
            "generateContentRequest" => {
                all.extend(Members::of(member.value, "generateContentRequest")?);
            }
            _ => all.push(member),
        }
    }
    Ok(all)
}

fn field<'a>(request: &mut Request<'a>, member: &Member<'a>) -> Result<(), Misfit> {
    let value = member.value;
    match &*member.name() {
        "contents" => contents::read(request, value)?,
        "systemInstruction" => request.system = system(value)?,
        "tools" => tools::read(request, value)?,
        "toolConfig" => tools::choose(request, value)?,
        "safetySettings" => request.safety = Some(Cow::Borrowed(value.get())),
        "labels" => request.metadata = Some(Cow::Borrowed(value.get())),
        "serviceTier" => request.tier = Some(string(value, "serviceTier")?),
        "cachedContent" => contract(
            request,
            "cachedContent",
            "the cached content is kept at Google",
        ),
        // In the path it counts.
        "model" => {}
        _ => hint(request, member.key.clone()),
    }
    Ok(())
}

/// One block for each part of the text.
fn system(value: &RawValue) -> Result<Vec<System<'_>>, Misfit> {
    let texts = contents::texts(value, "systemInstruction")?;
    let texts = texts.into_iter().filter(|text| !text.is_empty());
    let blocks = texts.map(|text| System { text, cache: None });
    Ok(blocks.collect())
}

/// Fields that are noted; no more of them are named to anyone.
const MAX_HINTS: usize = 64;

/// Notes a field that may go.
fn hint<'a>(request: &mut Request<'a>, name: impl Into<Cow<'a, str>>) {
    let name = name.into();
    let known = request.rest.iter().any(|rest| rest.name == name);
    if known || request.rest.len() >= MAX_HINTS {
        return;
    }
    request.rest.push(Rest {
        name,
        class: Class::Hint,
        reason: "",
    });
}

/// Notes a field that must not go.
fn contract(request: &mut Request<'_>, name: &'static str, reason: &'static str) {
    request.rest.push(Rest {
        name: Cow::Borrowed(name),
        class: Class::Contract,
        reason,
    });
}

/// Reads a typed value that stands at `path`.
fn typed<'a, T: serde::Deserialize<'a>>(value: &'a RawValue, path: &str) -> Result<T, Misfit> {
    serde_json::from_str(value.get()).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Misfit::malformed(path.to_owned(), &format!("is not understood: {error}"))
        }
        _ => wrong(path, "JSON"),
    })
}
