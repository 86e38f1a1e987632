//! Reads how much the model is to think, and the shape of its answer.

use std::borrow::Cow;

use super::read::{Place, count, object, optional, string};
use super::schema;
use crate::ir::{Effort, Output, Reasoning, Request, Show, Thinking};
use crate::loss::Misfit;

/// The members that are understood together.
#[derive(Default)]
pub(super) struct Control<'a> {
    thinking: Option<&'a [u8]>,
    output_config: Option<&'a [u8]>,
    /// The older spelling of `output_config.format`.
    output_format: Option<&'a [u8]>,
}

impl<'a> Control<'a> {
    /// Takes the member if it is one of them.
    pub(super) fn take(&mut self, name: &str, value: &'a [u8]) -> bool {
        let place = match name {
            "thinking" => &mut self.thinking,
            "output_config" => &mut self.output_config,
            "output_format" => &mut self.output_format,
            _ => return false,
        };
        *place = Some(value);
        true
    }

    /// Writes what they say into the request.
    pub(super) fn tell(self, request: &mut Request<'a>) -> Result<(), Misfit> {
        let place = Place::top("output_config");
        let mut format = self
            .output_format
            .map(|value| (value, Place::top("output_format")));
        let mut effort = None;
        if let Some(config) = self.output_config {
            let [said, inner, budget] =
                object(config, &place, ["effort", "format", "task_budget"])?;
            effort = effort_of(optional(said, &place.member("effort"))?.as_deref(), &place)?;
            format = inner
                .map(|value| (value, place.member("format")))
                .or(format);
            if budget.is_some() {
                super::hint(request, "output_config.task_budget");
            }
        }
        request.reasoning = reasoning(self.thinking, effort)?;
        if let Some((value, place)) = format {
            request.output = output(value, &place)?;
        }
        Ok(())
    }
}

fn effort_of(word: Option<&str>, place: &Place<'_>) -> Result<Option<Effort>, Misfit> {
    let Some(word) = word else {
        return Ok(None);
    };
    let effort = Effort::named(word).filter(|effort| *effort >= Effort::Low);
    let wrong = || {
        place
            .member("effort")
            .wrong("must be one of low, medium, high, xhigh, max")
    };
    effort.map(Some).ok_or_else(wrong)
}

/// An effort beside a budget says more exactly what is wanted: budgets are the older control.
fn reasoning(thinking: Option<&[u8]>, effort: Option<Effort>) -> Result<Reasoning, Misfit> {
    let unset = Reasoning {
        thinking: effort.map_or(Thinking::Unset, Thinking::Effort),
        show: Show::Unset,
    };
    let Some(value) = thinking else {
        return Ok(unset);
    };
    let place = Place::top("thinking");
    let [kind, budget, display] = object(value, &place, ["type", "budget_tokens", "display"])?;
    let show = match display {
        Some(b"\"omitted\"") => Show::Hidden,
        _ => Show::Shown,
    };
    let kind_place = place.member("type");
    let thinking = match &*string(kind_place.required(kind)?, &kind_place)? {
        "disabled" => {
            return Ok(Reasoning {
                thinking: Thinking::Off,
                show: Show::Unset,
            });
        }
        "adaptive" => Thinking::Adaptive(effort),
        "enabled" if effort.is_some() => Thinking::Adaptive(effort),
        "enabled" => {
            let place = place.member("budget_tokens");
            Thinking::Budget(count(place.required(budget)?, &place)?)
        }
        _ => return Err(kind_place.wrong("must be one of enabled, adaptive, disabled")),
    };
    Ok(Reasoning { thinking, show })
}

/// The schema of the answer. Anthropic holds the answer to it, so another provider shall too
/// where it can.
fn output<'a>(value: &'a [u8], place: &Place<'_>) -> Result<Output<'a>, Misfit> {
    let [kind, inner] = object(value, place, ["type", "schema"])?;
    if kind.is_some_and(|kind| kind != b"\"json_schema\"") {
        return Err(place.member("type").wrong("must be \"json_schema\""));
    }
    let place = place.member("schema");
    let schema = schema(inner, &place)?;
    Ok(Output::Schema {
        name: Cow::Borrowed("output"),
        description: None,
        schema: schema.ok_or_else(|| place.wrong("is missing"))?,
        strict: Some(true),
    })
}
