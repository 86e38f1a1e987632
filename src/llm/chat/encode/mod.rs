//! Writes a request of the common model.

mod accent;
mod media;
mod messages;
mod output;
mod sampling;
mod thinking;
mod tools;
mod wire;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::accent::Accent;
use self::wire::Body;
use crate::convert::{Back, Encoded, Target};
use crate::ir::{Feature, Request};
use crate::loss::{Losses, Misfit};
use crate::normal::{Alphabet, fix_ids, fix_names, pair_tools};

/// OpenAI's rule for the names of tools.
const NAMES: Alphabet = Alphabet {
    max: 64,
    also: b"_-",
    letter_first: false,
};
/// Ids of calls: some of OpenAI's models take no more than 40 characters.
const IDS: Alphabet = Alphabet {
    max: 40,
    also: b"_-",
    letter_first: false,
};
/// The longest name of an end user that OpenAI takes.
const MAX_USER_BYTES: usize = 64;

/// The body for `to`.
pub(crate) fn encode(
    mut request: Request<'_>,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Encoded, Misfit> {
    let accent = Accent::of(to);
    let names = fix_names(&mut request, NAMES);
    fix_ids(&mut request, IDS);
    pair_tools(&mut request, losses)?;
    let (tools, custom) = tools::tools(&request, &accent, losses)?;
    let (shape, instruction) = output::shape(&request, &accent, losses)?;
    let mut body = Body {
        model: to.model,
        messages: messages::messages(&request, &accent, instruction, losses)?,
        tool_choice: tools::choice(&request, &tools, &accent),
        parallel_tool_calls: tools::parallel(&request, &tools, &accent, losses),
        tools,
        response_format: shape,
        stream: request.stream,
        ..Body::default()
    };
    thinking::control(&request, &mut body, &accent, losses);
    sampling::limits(&request, &mut body, to, &accent);
    sampling::sampling(&request, &mut body, &accent, losses)?;
    sampling::answers(&request, &mut body, losses)?;
    particulars(&request, &mut body, &accent, losses);
    Ok(Encoded {
        // Strings, numbers and JSON that was read before: this cannot fail.
        body: serde_json::to_vec(&body).unwrap_or_default(),
        back: Back {
            names,
            custom,
            ..Back::default()
        },
    })
}

/// What only some servers know, and what none does.
fn particulars<'a>(
    request: &'a Request<'_>,
    body: &mut Body<'a>,
    accent: &Accent,
    losses: &mut Losses,
) {
    body.user = request.user.as_deref().map(user);
    body.service_tier = request.tier.as_deref().and_then(tier);
    let lost = [
        (
            request.tier.is_some() && body.service_tier.is_none(),
            Feature::Tier,
        ),
        // OpenAI takes pairs only of an answer that it stores, others not at all.
        (request.metadata.is_some(), Feature::Metadata),
        (request.top_k.is_some(), Feature::TopK),
        (request.safety.is_some(), Feature::Safety),
        (request.cache_all.is_some(), Feature::CacheMark),
        (
            request.verbosity.is_some() && !accent.is_gpt_5(),
            Feature::Verbosity,
        ),
        (
            request.cache_key.is_some() && !accent.own,
            Feature::CacheKey,
        ),
    ];
    for (_, feature) in lost.into_iter().filter(|(lost, _)| *lost) {
        losses.hint(feature);
    }
    if accent.is_gpt_5() {
        body.verbosity = request.verbosity.as_deref();
    }
    if accent.own {
        body.prompt_cache_key = request.cache_key.as_deref();
    }
}

/// A name too long for OpenAI is told by its hash, always the same.
fn user(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_USER_BYTES {
        return Cow::Borrowed(name);
    }
    // FNV-1a of 64 bits: nothing depends on it but that users are told apart.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    Cow::Owned(format!("user-{hash:016x}"))
}

/// The tier in OpenAI's words.
fn tier(word: &str) -> Option<&str> {
    match word {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(word),
        // Anthropic's, and Google's.
        "standard_only" | "standard" => Some("default"),
        _ => None,
    }
}

/// JSON that the common model carries as text.
fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
