//! Makes the body an upstream gets from the body a caller sent, both in one format.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::ask::{Ask, BadAsk};
use crate::dialect::Quirks;
use crate::fields::{Fields, members, text};
use crate::patch::{Patch, Splice, quoted};
use crate::suffix::{self, Wish};
use crate::{Format, Operation, replay, system};

/// What is to change. The steps run in the order of this list, the system prompt last: nothing
/// else an operator wrote can take it away.
pub struct Prepare<'a> {
    /// The format of caller and upstream.
    pub format: Format,
    /// What the request asks for.
    pub operation: Operation,
    /// The body as it was read.
    pub ask: &'a Ask,
    /// The model by the upstream's name.
    pub model: &'a str,
    /// The upstream's accent.
    pub quirks: Quirks,
    /// What a suffix of the asked name wishes of the model's thinking.
    pub wish: Option<Wish>,
    /// Ask for the usage chunk of a chat or completion stream.
    pub ask_usage: bool,
    /// Top-level keys to take out.
    pub remove: &'a [String],
    /// Members to add where the key is absent.
    pub default: &'a [(String, Box<RawValue>)],
    /// Members to put in place whatever the caller sent.
    pub set: &'a [(String, Box<RawValue>)],
    /// Put before the caller's own system prompt; empty for none.
    pub system_prompt: &'a str,
}

/// The upstream's body: `body` itself where nothing changes, else one copy with the changes in it.
pub fn prepare(body: &Bytes, p: &Prepare<'_>) -> Result<Bytes, BadAsk> {
    let reread;
    let fields = match p.ask.fields() {
        fields if fields.fits(body) => fields,
        _ => {
            reread = Fields::read(body)?;
            &reread
        }
    };
    let mut patch = Patch::new(body, fields);
    if p.operation == Operation::Chat && fields.have_proofs() {
        replay::restore(&mut patch, p.format, p.model);
    }
    if p.format == Format::Chat {
        p.quirks.on_request(&mut patch);
    }
    model(&mut patch, p);
    if let (Some(wish), Operation::Chat) = (p.wish, p.operation) {
        suffix::patch(&mut patch, p.format, p.model, wish);
    }
    usage(&mut patch, p);
    p.remove.iter().for_each(|name| patch.remove(name));
    p.default
        .iter()
        .for_each(|(name, value)| patch.default(name, value.get()));
    p.set
        .iter()
        .for_each(|(name, value)| patch.set(name, value.get()));
    if !p.system_prompt.is_empty() && p.operation != Operation::Completion {
        system::put_first(&mut patch, p.format, p.system_prompt)?;
    }
    Ok(patch.finish().map_or_else(|| body.clone(), Bytes::from))
}

fn model<'a>(patch: &mut Patch<'a>, p: &Prepare<'a>) {
    if p.format == Format::Gemini {
        return gemini_model(patch, p);
    }
    let same = patch
        .get("model")
        .and_then(text)
        .is_some_and(|name| name == p.model);
    if !same {
        patch.set("model", quoted(p.model));
    }
}

/// Gemini's model stands in the path. Where the body repeats it, it must not say another one:
/// counting wraps a whole request that names it as `models/…`.
fn gemini_model(patch: &mut Patch<'_>, p: &Prepare<'_>) {
    let resource = match p.model.contains('/') {
        true => p.model.to_owned(),
        false => format!("models/{}", p.model),
    };
    let other = |value: &[u8]| text(value).is_some_and(|name| name != resource && name != p.model);
    if patch.get("model").is_some_and(other) {
        patch.set("model", quoted(&resource));
    }
    for wrapper in ["generateContentRequest", "generate_content_request"] {
        let mut splices = Vec::new();
        members(
            patch.get(wrapper).unwrap_or_default(),
            |name, span, value| {
                if name == "model" && other(value) {
                    splices.push(Splice {
                        from: span.start,
                        to: span.end,
                        with: quoted(&resource),
                    });
                }
            },
        );
        patch.splice(wrapper, splices);
    }
}

/// Without `stream_options.include_usage` a chat stream ends without saying what it cost.
fn usage(patch: &mut Patch<'_>, p: &Prepare<'_>) {
    let wanted = p.ask_usage
        && p.ask.stream
        && p.format == Format::Chat
        && !p.quirks.has(Quirks::NO_STREAM_OPTIONS);
    if !wanted {
        return;
    }
    let options = patch.get("stream_options").unwrap_or_default();
    if options.first() != Some(&b'{') {
        return patch.set("stream_options", r#"{"include_usage":true}"#);
    }
    let (mut splices, mut any, mut said) = (Vec::new(), false, false);
    members(options, |name, span, value| {
        any = true;
        if name == "include_usage" {
            said = true;
            if value != b"true" {
                splices.push(Splice {
                    from: span.start,
                    to: span.end,
                    with: "true".to_owned(),
                });
            }
        }
    });
    if !said {
        let comma = if any { "," } else { "" };
        splices.push(Splice::insert(1, format!(r#""include_usage":true{comma}"#)));
    }
    patch.splice("stream_options", splices);
}
