//! Writes a request of the common model.
//!
//! Nothing may depend on what the provider stores: `store` is false, and the proofs of reasoning
//! are asked for, so that the caller can send them back.

mod input;
mod keys;
mod piece;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use keys::{cache_key, short, tier};

use super::shape::{self, WireChoice, WireFormat, WireTool};
use crate::convert::{Back, Encoded, Target};
use crate::ir::{Effort, Feature as F, Output, Reasoning, Request, Show, Thinking, Tool};
use crate::loss::{Losses, Misfit};
use crate::normal::{Alphabet, Blank, drop_empty, fix_ids, fix_names, pair_tools};
use crate::schema;
use crate::thinking::for_openai;
use crate::traits::{OpenAi, Sampling};

/// What tool names and call ids may look like.
const NAMES: Alphabet = Alphabet {
    max: 64,
    also: b"_-",
    letter_first: false,
};

/// The least that may be asked for.
const MIN_OUTPUT_TOKENS: u64 = 16;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<input::Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextWish<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningWish>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_identifier: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct TextWish<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
}

#[derive(Serialize)]
struct ReasoningWish {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

#[derive(Serialize)]
struct StreamOptions {
    /// Padding that the gateway would only take out again.
    include_obfuscation: bool,
}

/// The body for `to`.
pub(crate) fn encode(
    mut request: Request<'_>,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<Encoded, Misfit> {
    refuse(&request, losses)?;
    pair_tools(&mut request, losses)?;
    drop_empty(&mut request, Blank::Empty, losses)?;
    fix_ids(&mut request, NAMES);
    let names = fix_names(&mut request, NAMES);
    let body = body(&request, to, losses)?;
    Ok(Encoded {
        // Our own types have only string keys: this cannot fail.
        body: serde_json::to_vec(&body).unwrap_or_default(),
        back: Back {
            names,
            ..Back::default()
        },
    })
}

/// What the format has no place for.
fn refuse(request: &Request<'_>, losses: &mut Losses) -> Result<(), Misfit> {
    if request.choices.is_some_and(|choices| choices != 1) {
        return Err(losses.contract(F::Choices, "it gives one answer"));
    }
    if !request.stop.is_empty() {
        return Err(losses.contract(F::Stop, "it knows no stop sequences"));
    }
    let bends = [
        (
            F::FrequencyPenalty,
            request
                .frequency_penalty
                .is_some_and(|penalty| penalty != 0.0),
        ),
        (
            F::PresencePenalty,
            request
                .presence_penalty
                .is_some_and(|penalty| penalty != 0.0),
        ),
        (F::Seed, request.seed.is_some()),
        (
            F::LogitBias,
            request.logit_bias.as_deref().is_some_and(says_something),
        ),
    ];
    for (feature, _) in bends.into_iter().filter(|(_, asked)| *asked) {
        losses.bend(feature, "there is no such parameter")?;
    }
    for (feature, asked) in [
        (F::TopK, request.top_k.is_some()),
        (F::CacheMark, request.cache_all.is_some()),
        (F::Safety, request.safety.is_some()),
    ] {
        if asked {
            losses.hint(feature);
        }
    }
    Ok(())
}

fn body<'a>(
    request: &'a Request<'_>,
    to: &'a Target<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, Misfit> {
    let model = OpenAi::of(to.model);
    let effort = for_openai(request.reasoning.thinking, &model);
    let mut include = Vec::new();
    if !model.thoughtless {
        include.push("reasoning.encrypted_content");
    }
    if request.logprobs.is_some() {
        include.push("message.output_text.logprobs");
    }
    let samples = match model.sampling {
        Sampling::Free | Sampling::OneOf => true,
        // These think only when they are told to.
        Sampling::FixedWhileThinking => matches!(effort, None | Some(Effort::None)),
        Sampling::Fixed => false,
    };
    Ok(Body {
        model: to.model,
        input: input::items(request, to, losses)?,
        tools: tools(&request.tools, losses)?,
        tool_choice: request
            .tool_choice
            .as_ref()
            .filter(|_| !request.tools.is_empty())
            .map(|choice| shape::choice(choice, &request.tools)),
        parallel_tool_calls: request.parallel_tools.filter(|_| !request.tools.is_empty()),
        max_output_tokens: max_output(
            request.max_output,
            to.max_output.or(model.max_output),
            losses,
        ),
        temperature: sampling(F::Temperature, request.temperature, 2.0, samples, losses)?,
        top_p: sampling(F::TopP, request.top_p, 1.0, samples, losses)?,
        top_logprobs: request.logprobs.filter(|count| *count > 0),
        text: text(request, &model, losses),
        reasoning: reasoning(request.reasoning, effort, &model, losses),
        include,
        store: false,
        metadata: request.metadata.as_deref().and_then(shape::raw),
        safety_identifier: request.user.as_deref().map(short),
        prompt_cache_key: cache_key(request),
        service_tier: tier(request.tier.as_deref(), losses),
        stream: request.stream.then_some(true),
        stream_options: request.stream.then_some(StreamOptions {
            include_obfuscation: false,
        }),
    })
}

/// Functions that the caller did not say it of are not strict: the provider would change their
/// schemas.
fn tools<'a>(tools: &'a [Tool<'_>], losses: &mut Losses) -> Result<Vec<WireTool<'a>>, Misfit> {
    let mut wire = Vec::with_capacity(tools.len());
    for tool in tools {
        if let Tool::Function { cache: Some(_), .. } = tool {
            losses.hint(F::CacheMark);
        }
        match shape::tool(tool, Some(false)) {
            Some(tool) => wire.push(tool),
            None => {
                let reason = "only its own provider can run such a tool";
                return Err(losses.contract(F::Tools, reason));
            }
        }
    }
    Ok(wire)
}

fn max_output(wanted: Option<u64>, most: Option<u64>, losses: &mut Losses) -> Option<u64> {
    let wanted = wanted?;
    let given = wanted.min(most.unwrap_or(u64::MAX)).max(MIN_OUTPUT_TOKENS);
    if given != wanted {
        losses.hint(F::MaxOutput);
    }
    Some(given)
}

/// Temperature or `top_p`; 1 is the default of both, also where nothing else is taken.
fn sampling(
    feature: F,
    wanted: Option<f64>,
    most: f64,
    samples: bool,
    losses: &mut Losses,
) -> Result<Option<f64>, Misfit> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    if !samples {
        if wanted != 1.0 {
            losses.bend(feature, "a model that reasons takes only the default")?;
        }
        return Ok(None);
    }
    let given = wanted.clamp(0.0, most);
    if given != wanted {
        losses.bend(feature, "it is out of range")?;
    }
    Ok(Some(given))
}

/// `strict` promises that the schema is kept to, and is refused for schemas that are not closed.
fn text<'a>(request: &'a Request<'_>, model: &OpenAi, losses: &mut Losses) -> Option<TextWish<'a>> {
    let strict = match &request.output {
        Output::Schema { schema, strict, .. } => {
            Some(*strict != Some(false) && schema::is_openai_strict(schema))
        }
        _ => None,
    };
    let format = match &request.output {
        Output::Text => None,
        output => Some(shape::format(output, strict)),
    };
    let verbosity = match request.verbosity.as_deref() {
        Some(word) if word != "medium" && model.thoughtless => {
            losses.hint(F::Verbosity);
            None
        }
        word => word,
    };
    (format.is_some() || verbosity.is_some()).then_some(TextWish { format, verbosity })
}

fn reasoning(
    wanted: Reasoning,
    effort: Option<Effort>,
    model: &OpenAi,
    losses: &mut Losses,
) -> Option<ReasoningWish> {
    if model.thoughtless {
        if !matches!(wanted.thinking, Thinking::Unset | Thinking::Off) {
            losses.hint(F::Reasoning);
        }
        return None;
    }
    let summary = (wanted.show == Show::Shown).then_some("auto");
    (effort.is_some() || summary.is_some()).then_some(ReasoningWish {
        effort: effort.map(Effort::as_str),
        summary,
    })
}

fn says_something(object: &str) -> bool {
    let inside = object.trim().strip_prefix('{');
    inside.is_some_and(|inside| inside.trim_start() != "}")
}
