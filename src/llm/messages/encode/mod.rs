//! Writes a request of the common model.

mod body;
mod cache;
mod control;
mod media;
mod output;
mod shape;
mod tools;
mod turns;

use crate::convert::{Back, Encoded, Target};
use crate::ir::{Feature, Request};
use crate::loss::{Losses, Misfit};
use crate::normal::{Alphabet, fix_ids, fix_names};
use crate::traits::Claude;
use body::{Body, Mark, Metadata};
use output::Shape;

/// Names of tools.
const NAMES: Alphabet = Alphabet {
    max: 128,
    also: b"_-",
    letter_first: false,
};

/// Ids of calls. Anthropic names no longest one.
const IDS: Alphabet = Alphabet {
    max: 256,
    also: b"_-",
    letter_first: false,
};

/// The longest `metadata.user_id`, in bytes.
const MAX_USER_BYTES: usize = 256;

/// The body for `to`.
pub(crate) fn encode(
    mut request: Request<'_>,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Encoded, Misfit> {
    let claude = Claude::of(to.model);
    unsupported(&request, losses)?;
    shape::shape(&mut request, &claude, to, losses)?;
    let names = fix_names(&mut request, NAMES);
    fix_ids(&mut request, IDS);
    cache::limit(&mut request, losses);
    let shape = output::shape(&request, &claude, losses)?;
    let instruction = shape.instruction();
    let (tools, custom) = tools::tools(&request, &shape, &claude, losses)?;
    let tool_choice = tools::choice(&request, &shape, !tools.is_empty());
    let control = control::plan(&request, &claude, to, forced(tool_choice.as_ref()), losses);
    let sampling = control::sampling(&request, &claude, control.thinking, losses)?;
    let body = Body {
        model: to.model,
        max_tokens: control.max_tokens,
        tools,
        tool_choice,
        system: turns::system(&request, instruction.as_deref()),
        messages: turns::messages(&request, losses)?,
        thinking: control.thinking,
        output_config: body::OutputConfig {
            effort: control.effort,
            format: shape.format(),
        },
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop(&request, losses)?,
        metadata: user(&request, losses).map(|user_id| Metadata { user_id }),
        service_tier: tier(&request, losses),
        cache_control: request.cache_all.map(Mark::from),
        stream: request.stream,
    };
    Ok(Encoded {
        // Strings, finite numbers and valid JSON only: this cannot fail.
        body: serde_json::to_vec(&body).unwrap_or_default(),
        back: Back {
            names,
            custom,
            json_tool: matches!(shape, Shape::Tool { .. }).then_some(output::JSON_TOOL),
            ..Back::default()
        },
    })
}

/// Fields that this format has no place for.
fn unsupported(request: &Request<'_>, losses: &mut Losses) -> Result<(), Misfit> {
    if request.choices.is_some_and(|choices| choices != 1) {
        return Err(losses.contract(Feature::Choices, "it gives one answer at a time"));
    }
    if request.logprobs.is_some() {
        return Err(losses.contract(Feature::Logprobs, "it tells no probabilities"));
    }
    // No penalty is what there is without one.
    let bends = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let bending = [
        (bends(request.frequency_penalty), Feature::FrequencyPenalty),
        (bends(request.presence_penalty), Feature::PresencePenalty),
        (request.seed.is_some(), Feature::Seed),
        (request.logit_bias.is_some(), Feature::LogitBias),
    ];
    for (_, feature) in bending.into_iter().filter(|(given, _)| *given) {
        losses.bend(feature, "it has no such parameter")?;
    }
    let hints = [
        (request.verbosity.is_some(), Feature::Verbosity),
        (request.metadata.is_some(), Feature::Metadata),
        (request.cache_key.is_some(), Feature::CacheKey),
        (request.safety.is_some(), Feature::Safety),
        (
            request.turns.iter().any(|turn| turn.name.is_some()),
            Feature::SpeakerName,
        ),
    ];
    for (_, feature) in hints.into_iter().filter(|(given, _)| *given) {
        losses.hint(feature);
    }
    Ok(())
}

/// A stop sequence of white space would be refused, and left out it would silently not stop.
fn stop<'a>(
    request: &'a Request<'_>,
    losses: &Losses,
) -> Result<&'a [crate::ir::Text<'a>], Misfit> {
    if request.stop.iter().any(|stop| stop.trim().is_empty()) {
        let reason = "every stop sequence needs a character that is no white space";
        return Err(losses.contract(Feature::Stop, reason));
    }
    Ok(&request.stop)
}

fn user<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<&'a str> {
    let user = request.user.as_deref()?;
    if user.len() > MAX_USER_BYTES {
        losses.hint(Feature::User);
        return None;
    }
    Some(user)
}

fn tier(request: &Request<'_>, losses: &mut Losses) -> Option<&'static str> {
    match request.tier.as_deref()? {
        "auto" => Some("auto"),
        "default" | "standard" | "standard_only" => Some("standard_only"),
        _ => {
            losses.hint(Feature::Tier);
            None
        }
    }
}

/// Whether the choice forces a call.
fn forced(choice: Option<&body::ToolChoice<'_>>) -> bool {
    choice.is_some_and(|choice| matches!(choice.kind, "any" | "tool"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
