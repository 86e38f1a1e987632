//! Writes `generationConfig`.

use serde::Serialize;

use super::super::wire::Json;
use super::thinking::{self, Thinking};
use crate::convert::Target;
use crate::ir::{Feature, Output, Request};
use crate::loss::{Losses, Misfit};
use crate::schema::{self, ForGemini};
use crate::traits::Gemini;

const MAX_STOPS: usize = 5;
const MAX_CANDIDATES: u32 = 8;
const MAX_LOGPROBS: u32 = 20;
const MAX_TEMPERATURE: f64 = 2.0;
/// Penalties lie below 2.
const PENALTIES: (f64, f64) = (-2.0, 1.99);

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Json<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    response_logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
}

/// The configuration; none where nothing is configured.
pub(super) fn write<'a>(
    request: &'a Request<'_>,
    model: Gemini,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Option<Config<'a>>, Misfit> {
    let most = to.max_output.unwrap_or(model.max_output);
    let max_output = request.max_output.map(|wanted| wanted.min(most));
    let penalty =
        |losses: &mut Losses, penalty, feature| within(penalty, PENALTIES, feature, losses);
    let mut config = Config {
        temperature: within(
            request.temperature,
            (0.0, MAX_TEMPERATURE),
            Feature::Temperature,
            losses,
        )?,
        top_p: request.top_p,
        top_k: request.top_k,
        candidate_count: candidates(request, losses)?,
        max_output_tokens: max_output,
        stop_sequences: stops(request, losses)?,
        presence_penalty: penalty(losses, request.presence_penalty, Feature::PresencePenalty)?,
        frequency_penalty: penalty(losses, request.frequency_penalty, Feature::FrequencyPenalty)?,
        seed: seed(request, losses)?,
        response_logprobs: request.logprobs.is_some(),
        // Zero alternatives is what it gives unasked.
        logprobs: request
            .logprobs
            .filter(|n| *n > 0)
            .map(|n| n.min(MAX_LOGPROBS)),
        thinking_config: thinking::write(request.reasoning, model, losses),
        ..Config::default()
    };
    shape(&mut config, request, model, losses)?;
    Ok((config != Config::default()).then_some(config))
}

/// A number drawn into its range.
fn within(
    value: Option<f64>,
    (least, most): (f64, f64),
    feature: Feature,
    losses: &mut Losses,
) -> Result<Option<f64>, Misfit> {
    let Some(value) = value else { return Ok(None) };
    if !(least..=most).contains(&value) {
        losses.bend(feature, &format!("it must be between {least} and {most}"))?;
    }
    Ok(Some(value.clamp(least, most)))
}

fn candidates(request: &Request<'_>, losses: &Losses) -> Result<Option<u32>, Misfit> {
    match request.choices {
        None | Some(1) => Ok(None),
        Some(_) if request.stream => {
            Err(losses.contract(Feature::Choices, "Gemini streams one answer at a time"))
        }
        Some(2..=MAX_CANDIDATES) => Ok(request.choices),
        Some(_) => Err(losses.contract(
            Feature::Choices,
            "Gemini gives between one and eight answers",
        )),
    }
}

fn stops<'a>(request: &'a Request<'_>, losses: &Losses) -> Result<Vec<&'a str>, Misfit> {
    if request.stop.len() > MAX_STOPS {
        let reason = "Gemini takes at most five stop sequences";
        return Err(losses.contract(Feature::Stop, reason));
    }
    Ok(request.stop.iter().map(AsRef::as_ref).collect())
}

fn seed(request: &Request<'_>, losses: &mut Losses) -> Result<Option<i32>, Misfit> {
    let Some(seed) = request.seed else {
        return Ok(None);
    };
    let fits = i32::try_from(seed).ok();
    if fits.is_none() {
        losses.bend(Feature::Seed, "Gemini's seeds have 32 bits")?;
    }
    Ok(fits)
}

fn shape(
    config: &mut Config<'_>,
    request: &Request<'_>,
    model: Gemini,
    losses: &mut Losses,
) -> Result<(), Misfit> {
    let feature = match &request.output {
        Output::Text => return Ok(()),
        Output::Json => Feature::OutputJson,
        Output::Schema { .. } => Feature::OutputSchema,
    };
    if !request.tools.is_empty() && !model.third {
        return Err(losses.contract(
            feature,
            "models before Gemini 3 cannot be held to JSON while they have tools",
        ));
    }
    config.response_mime_type = Some("application/json");
    let Output::Schema {
        schema,
        description,
        ..
    } = &request.output
    else {
        return Ok(());
    };
    if description.is_some() {
        losses.hint_inside(feature, "description");
    }
    let ForGemini { schema, lost } = match model.json_schema {
        true => schema::for_gemini(schema),
        false => schema::for_older_gemini(schema),
    };
    for keyword in lost {
        losses.bend_inside(feature, keyword, "Gemini knows no such keyword")?;
    }
    let schema = Json::new(schema);
    match model.json_schema {
        true => config.response_json_schema = schema,
        false => config.response_schema = schema,
    }
    Ok(())
}
