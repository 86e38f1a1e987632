//! Reads `generationConfig`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::read::{
    Member, Members, bare, boolean, count, integer, number, string, strings, wrong,
};
use super::{contract, hint, schema};
use crate::ir::{Effort, Media, Output, Part, Request, Show, Text, Thinking, ToolResult};
use crate::loss::Misfit;

/// The name of a schema that has none of its own.
const SCHEMA_NAME: &str = "output";

/// What is known of the answer's shape before all members were read.
#[derive(Default)]
struct Shape<'a> {
    mime: Text<'a>,
    schema: Option<Text<'a>>,
    logprobs: bool,
    alternatives: u32,
}

/// Reads the configuration of a request whose conversation was read.
pub(super) fn read<'a>(request: &mut Request<'a>, value: &'a RawValue) -> Result<(), Misfit> {
    let mut shape = Shape::default();
    for member in Members::of(value, "generationConfig")? {
        field(request, &mut shape, &member)?;
    }
    if shape.logprobs {
        request.logprobs = Some(shape.alternatives);
    }
    request.output = match (shape.schema, &*shape.mime) {
        (_, "text/x.enum") => {
            contract(
                request,
                "generationConfig.responseMimeType",
                "an answer of bare enum values needs Gemini",
            );
            Output::Text
        }
        (Some(schema), _) => Output::Schema {
            name: Cow::Borrowed(SCHEMA_NAME),
            description: None,
            schema,
            strict: None,
        },
        (None, "application/json") => Output::Json,
        (None, "" | "text/plain") => Output::Text,
        (None, _) => {
            contract(
                request,
                "generationConfig.responseMimeType",
                "answers are text or JSON",
            );
            Output::Text
        }
    };
    Ok(())
}

fn field<'a>(
    request: &mut Request<'a>,
    shape: &mut Shape<'a>,
    member: &Member<'a>,
) -> Result<(), Misfit> {
    let value = member.value;
    let path = format!("generationConfig.{}", member.key);
    match &*member.name() {
        "temperature" => request.temperature = Some(number(value, &path)?),
        "topP" => request.top_p = Some(number(value, &path)?),
        // Clients write 40.0 too.
        "topK" => request.top_k = Some(number(value, &path)?.max(0.0) as u64),
        "candidateCount" => request.choices = Some(small(value, &path)?).filter(|n| *n != 1),
        "maxOutputTokens" => request.max_output = Some(count(value, &path)?),
        "stopSequences" => request.stop = strings(value, &path)?,
        "presencePenalty" => request.presence_penalty = Some(number(value, &path)?),
        "frequencyPenalty" => request.frequency_penalty = Some(number(value, &path)?),
        "seed" => request.seed = Some(integer(value, &path)?),
        "responseMimeType" => shape.mime = string(value, &path)?,
        "responseSchema" if shape.schema.is_none() => {
            shape.schema = Some(Cow::Owned(schema::to_json_schema(value)));
        }
        "responseSchema" => {}
        "responseJsonSchema" => shape.schema = Some(Cow::Borrowed(value.get())),
        "responseLogprobs" => shape.logprobs = boolean(value, &path)?,
        "logprobs" => shape.alternatives = small(value, &path)?,
        "responseModalities" => modalities(request, &strings(value, &path)?),
        "thinkingConfig" => thinking(request, value)?,
        "mediaResolution" => resolution(request, &string(value, &path)?),
        _ => hint(request, path),
    }
    Ok(())
}

fn small(value: &RawValue, path: &str) -> Result<u32, Misfit> {
    u32::try_from(count(value, path)?).map_err(|_| wrong(path, "a small number"))
}

fn modalities(request: &mut Request<'_>, wanted: &[Text<'_>]) {
    if wanted.iter().any(|kind| !kind.eq_ignore_ascii_case("text")) {
        contract(
            request,
            "generationConfig.responseModalities",
            "only Gemini's own models answer in images or sound",
        );
    }
}

fn thinking(request: &mut Request<'_>, value: &RawValue) -> Result<(), Misfit> {
    const PATH: &str = "generationConfig.thinkingConfig";
    // Thoughts are shown only where that is asked for.
    request.reasoning.show = Show::Hidden;
    for member in Members::of(value, PATH)? {
        let path = format!("{PATH}.{}", member.key);
        let reasoning = &mut request.reasoning;
        match &*member.name() {
            "includeThoughts" => {
                reasoning.show = match boolean(member.value, &path)? {
                    true => Show::Shown,
                    false => Show::Hidden,
                };
            }
            "thinkingBudget" => {
                reasoning.thinking = match integer(member.value, &path)? {
                    0 => Thinking::Off,
                    budget => {
                        u64::try_from(budget).map_or(Thinking::Adaptive(None), Thinking::Budget)
                    }
                };
            }
            "thinkingLevel" => {
                let level = bare(member.value).to_ascii_lowercase();
                reasoning.thinking =
                    Effort::named(&level).map_or(reasoning.thinking, Thinking::Effort);
            }
            _ => hint(request, path),
        }
    }
    Ok(())
}

/// OpenAI has the same beside each image.
fn resolution(request: &mut Request<'_>, resolution: &str) {
    let wanted = match resolution {
        "MEDIA_RESOLUTION_LOW" => "low",
        "MEDIA_RESOLUTION_HIGH" => "high",
        _ => return hint(request, "generationConfig.mediaResolution"),
    };
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        detailed(part, wanted);
    }
}

fn detailed(part: &mut Part<'_>, wanted: &'static str) {
    match part {
        Part::Media {
            media: Media::Image { detail, .. },
            ..
        } => *detail = Some(Cow::Borrowed(wanted)),
        Part::ToolResult(ToolResult { parts, .. }) => {
            parts.iter_mut().for_each(|part| detailed(part, wanted));
        }
        _ => {}
    }
}
