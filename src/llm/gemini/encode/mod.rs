//! Writes a request of the common model.

mod config;
mod contents;
mod media;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;

use std::borrow::Cow;

use serde::Serialize;

use super::wire::{Content, Json, Part};
use crate::convert::{Back, Encoded, Kept, Target};
use crate::ir::{self, Feature, Origin, Request};
use crate::loss::{Losses, Misfit};
use crate::normal::{
    Alphabet, Blank, drop_empty, fix_names, inline_system, lead_with_user, merge_turns, pair_tools,
    speak_for_system,
};
use crate::traits::Gemini;

/// What functions may be called: older models take 64 bytes, newer ones 128.
const NAMES: Alphabet = Alphabet {
    max: 64,
    also: b"_.:-",
    letter_first: true,
};

/// A body of `generateContent`. Model and stream are in the path.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<tools::Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<tools::Config<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_settings: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_config: Option<config::Config<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Serialize)]
struct System<'a> {
    parts: Vec<Part<'a>>,
}

/// The body for `to`.
pub(crate) fn encode(
    mut request: Request<'_>,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Encoded, Misfit> {
    let model = Gemini::of(to.model);
    arrange(&mut request, to, losses)?;
    let names = fix_names(&mut request, NAMES);
    let (tools, custom) = tools::declare(&request, model, losses)?;
    let body = Body {
        system_instruction: system(&request, losses),
        contents: contents::write(&request, model, losses)?,
        tool_config: tools::choose(&request, &tools, losses)?,
        tools,
        safety_settings: request.safety.as_deref().and_then(Json::new),
        generation_config: config::write(&request, model, to, losses)?,
        service_tier: tier(&request, losses),
    };
    rest(&request, losses)?;
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

/// Brings the conversation into the order that Google takes.
fn arrange(request: &mut Request<'_>, to: &Target<'_>, losses: &mut Losses) -> Result<(), Misfit> {
    forget_reasoning(request, to.model, losses);
    speak_for_system(request);
    inline_system(request);
    merge_turns(request);
    pair_tools(request, losses)?;
    drop_empty(request, Blank::Empty, losses)?;
    // What stood between two turns of one role may have gone.
    merge_turns(request);
    lead_with_user(request, losses)?;
    match request.turns.is_empty() {
        true => Err(Misfit::malformed(
            Feature::Turns.name(request.origin),
            "says nothing",
        )),
        false => Ok(()),
    }
}

/// Takes out the reasoning of earlier answers; of Google's own the proof is kept, which is all
/// that its models want back.
fn forget_reasoning(request: &mut Request<'_>, model: &str, losses: &mut Losses) {
    for turn in &mut request.turns {
        turn.parts.retain_mut(|part| match part {
            ir::Part::Reasoning { signature, .. } => {
                let own = signature
                    .as_ref()
                    .is_some_and(|proof| proof.fits(Origin::Gemini, model));
                if !own {
                    losses.hint(Feature::Signature);
                }
                own
            }
            ir::Part::ToolCall(call) => {
                let foreign = |proof: &mut ir::Signature<'_>| !proof.fits(Origin::Gemini, model);
                if call.signature.take_if(foreign).is_some() {
                    losses.hint(Feature::Signature);
                }
                true
            }
            _ => true,
        });
    }
}

/// Gives calls of the third generation, which wants them, the proofs that were `kept` of them.
/// A proof may also have come back as reasoning before its call.
pub(crate) fn restore_proofs(request: &mut Request<'_>, model: &str, kept: Kept<'_>) {
    if !Gemini::of(model).third {
        return;
    }
    for turn in &mut request.turns {
        let mut proved = false;
        for part in &mut turn.parts {
            match part {
                ir::Part::ToolCall(call) => {
                    if call.signature.is_none() && !proved {
                        let data = kept(&call.id);
                        call.signature =
                            data.map(|data| ir::Signature::native(Origin::Gemini, data));
                    }
                    proved = false;
                }
                ir::Part::Reasoning { signature, .. } => {
                    let own = |proof: &ir::Signature<'_>| proof.fits(Origin::Gemini, model);
                    proved = signature.as_ref().is_some_and(own);
                }
                _ => proved = false,
            }
        }
    }
}

fn system<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<System<'a>> {
    if request.system.iter().any(|block| block.cache.is_some()) {
        losses.hint(Feature::CacheMark);
    }
    let blocks = request.system.iter().filter(|block| !block.text.is_empty());
    let parts: Vec<Part<'a>> = blocks
        .map(|block| Part::text(Cow::Borrowed(&*block.text)))
        .collect();
    (!parts.is_empty()).then_some(System { parts })
}

/// What the tier is called here; the ordinary one needs no word.
fn tier(request: &Request<'_>, losses: &mut Losses) -> Option<&'static str> {
    match request.tier.as_deref()? {
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        "auto" | "default" | "standard" | "standard_only" => None,
        _ => {
            losses.hint(Feature::Tier);
            None
        }
    }
}

/// What has no place here at all.
fn rest(request: &Request<'_>, losses: &mut Losses) -> Result<(), Misfit> {
    let hints = [
        (request.verbosity.is_some(), Feature::Verbosity),
        (request.user.is_some(), Feature::User),
        (request.metadata.is_some(), Feature::Metadata),
        (request.cache_key.is_some(), Feature::CacheKey),
        (request.cache_all.is_some(), Feature::CacheMark),
    ];
    for (said, feature) in hints {
        if said {
            losses.hint(feature);
        }
    }
    if request.logit_bias.is_some() {
        losses.bend(Feature::LogitBias, "Gemini has no logit bias")?;
    }
    if request.parallel_tools == Some(false) && !request.tools.is_empty() {
        losses.bend(
            Feature::ParallelTools,
            "Gemini cannot be kept from calling several functions at once",
        )?;
    }
    Ok(())
}
