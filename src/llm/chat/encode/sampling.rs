//! Writes how the answer is drawn: limits, sampling, stops, several answers.

use super::accent::Accent;
use super::raw;
use super::wire::Body;
use crate::convert::Target;
use crate::ir::{Feature, Request};
use crate::loss::{Losses, Misfit};
use crate::traits::Sampling;

/// Most stop sequences.
const MAX_STOPS: usize = 4;
/// Most answers at once.
const MAX_CHOICES: u32 = 128;
/// Most alternatives of a token.
const MAX_TOP_LOGPROBS: u32 = 20;
const MAX_TEMPERATURE: f64 = 2.0;

/// The most output tokens: the caller's wish, as far as the model can.
pub(super) fn limits(
    request: &Request<'_>,
    body: &mut Body<'_>,
    to: &Target<'_>,
    accent: &Accent<'_>,
) {
    let most = to.max_output.or(accent.openai.max_output);
    let wanted = request
        .max_output
        .map(|wanted| wanted.min(most.unwrap_or(wanted)));
    // Reasoning models refuse the older field; many other servers know no newer one.
    match accent.openai.completion_tokens_only {
        true => body.max_completion_tokens = wanted,
        false => body.max_tokens = wanted,
    }
}

/// Temperature and the like. Models that think draw in their own way.
pub(super) fn sampling(
    request: &Request<'_>,
    body: &mut Body<'_>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Result<(), Misfit> {
    let fixed = match accent.openai.sampling {
        Sampling::Fixed => true,
        Sampling::FixedWhileThinking => !matches!(body.reasoning_effort, None | Some("none")),
        Sampling::Free | Sampling::OneOf => false,
    };
    let mut take = |wanted: Option<f64>, default: f64, feature| match wanted {
        Some(value) if fixed && value != default => {
            losses.bend(feature, "the model draws its tokens in a fixed way")?;
            Ok::<_, Misfit>(None)
        }
        Some(_) if fixed => Ok(None),
        other => Ok(other),
    };
    body.temperature = take(request.temperature, 1.0, Feature::Temperature)?;
    body.top_p = take(request.top_p, 1.0, Feature::TopP)?;
    body.frequency_penalty = take(request.frequency_penalty, 0.0, Feature::FrequencyPenalty)?;
    body.presence_penalty = take(request.presence_penalty, 0.0, Feature::PresencePenalty)?;
    if let Some(hot) = body.temperature.filter(|value| *value > MAX_TEMPERATURE) {
        losses.bend(Feature::Temperature, &format!("{hot} is more than 2"))?;
        body.temperature = Some(MAX_TEMPERATURE);
    }
    body.seed = request.seed;
    Ok(())
}

/// What is a promise: stops, several answers, log probabilities.
pub(super) fn answers<'a>(
    request: &'a Request<'_>,
    body: &mut Body<'a>,
    losses: &Losses,
) -> Result<(), Misfit> {
    if request.stop.len() > MAX_STOPS {
        return Err(losses.contract(Feature::Stop, "it takes at most 4 stop sequences"));
    }
    if request.choices.is_some_and(|choices| choices > MAX_CHOICES) {
        return Err(losses.contract(Feature::Choices, "it gives at most 128 answers at once"));
    }
    if request.logprobs.is_some_and(|top| top > MAX_TOP_LOGPROBS) {
        let reason = "it tells at most 20 alternatives of a token";
        return Err(losses.contract(Feature::Logprobs, reason));
    }
    body.stop = (!request.stop.is_empty()).then_some(&request.stop[..]);
    body.n = request.choices;
    body.logprobs = request.logprobs.map(|_| true);
    body.top_logprobs = request.logprobs.filter(|top| *top > 0);
    body.logit_bias = request.logit_bias.as_deref().and_then(raw);
    Ok(())
}
