//! Writes the wanted shape of the answer's text.

use super::accent::Accent;
use super::raw;
use super::wire::{Schema, Shape};
use crate::ir::{Feature, Output, Part, Request};
use crate::loss::{Losses, Misfit};
use crate::schema::is_openai_strict;

/// `response_format`, and what has to be said in words beside it.
pub(super) fn shape<'a>(
    request: &'a Request<'_>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Result<(Option<Shape<'a>>, Option<String>), Misfit> {
    match &request.output {
        Output::Text => Ok((None, None)),
        Output::Json => {
            // OpenAI refuses JSON mode where nobody speaks of JSON.
            let instruction = (!speaks_of_json(request)).then(|| "Answer in JSON.".to_owned());
            Ok((Some(Shape::JsonObject), instruction))
        }
        Output::Schema { schema, .. } if accent.json_mode_only() => {
            let reason = "the model can be told of a schema, but is not held to it";
            losses.bend(Feature::OutputSchema, reason)?;
            let instruction =
                format!("Answer with a JSON object that this JSON schema describes:\n{schema}");
            Ok((Some(Shape::JsonObject), Some(instruction)))
        }
        Output::Schema {
            name,
            description,
            schema,
            strict,
        } => {
            // Properties are never made required for its sake: that would change the answer.
            let qualifies = is_openai_strict(schema);
            if *strict == Some(true) && !qualifies {
                let field = Feature::OutputSchema.name(request.origin);
                losses.hint_at(format!("{field}.strict"));
            }
            let schema = raw(schema).ok_or_else(|| {
                Misfit::malformed(
                    Feature::OutputSchema.name(request.origin),
                    "is no JSON schema",
                )
            })?;
            let json_schema = Schema {
                name,
                description: description.as_deref(),
                schema,
                strict: qualifies && *strict != Some(false),
            };
            Ok((Some(Shape::JsonSchema { json_schema }), None))
        }
    }
}

fn speaks_of_json(request: &Request<'_>) -> bool {
    let said = |text: &str| {
        let mut words = text.as_bytes().windows(4);
        words.any(|word| word.eq_ignore_ascii_case(b"json"))
    };
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    request.system.iter().any(|block| said(&block.text))
        || parts.into_iter().any(|part| match part {
            Part::Text { text, .. } => said(text),
            _ => false,
        })
}
