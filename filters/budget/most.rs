//! The most that a planned request may cost: its text by its bytes, and what it announces beside that.

use config::plan::Candidate;
use config::snapshot::BodyRules;
use ledger::Nanos;
use ledger::bill::{self, Most, Writes};
use llm::ask::{Ask, Extras};
use llm::scan::Marks;
use llm::{Format, Operation};
use serde_json::value::RawValue;

use crate::exchange::{Asked, Exchange};
use crate::settle;

/// Bytes of text for one token at most times: a bound that costs nothing (contract section 5).
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens of an image at most, in the models that count most for one (Anthropic, about 1.15
/// megapixels; larger ones are scaled down).
const IMAGE_TOKENS: u64 = 1_600;
/// Calls of a tool that the provider runs, where nobody says how many there may be: more than most
/// answers need, and a cent each or so.
const TOOL_CALLS: u32 = 5;

/// What the maximum of output tokens is called, at the top of a body.
const MAXIMA: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// The most that any candidate's answer is expected to cost.
pub(super) fn cost(exchange: &Exchange) -> Nanos {
    let (Some(asked), Some(route)) = (&exchange.asked, &exchange.route) else {
        return Nanos::ZERO;
    };
    // Counting tokens costs nothing.
    if exchange.operation == Operation::Count {
        return Nanos::ZERO;
    }
    let mut dearest = Nanos::ZERO;
    let mut seen: Option<&Candidate> = None;
    for candidate in &route.plan.candidates {
        // The keys of a channel, and channels of the same name for the model and one format, cost the same.
        let same = |known: &Candidate| {
            (&known.model, &known.group, known.format)
                == (&candidate.model, &candidate.group, candidate.format)
        };
        if !seen.replace(candidate).is_some_and(same) {
            dearest = dearest.max(cost_at(exchange, asked, candidate));
        }
    }
    dearest
}

fn cost_at(exchange: &Exchange, asked: &Asked, candidate: &Candidate) -> Nanos {
    let snapshot = &exchange.snapshot;
    let prices = &snapshot.prices;
    let model = exchange.model();
    let Some(price) = prices.price(model, &candidate.model, exchange.at) else {
        return Nanos::ZERO;
    };
    let able = prices.max_output(model, &candidate.model);
    let wanted = wanted(asked.ask.max_output, &candidate.channel.body);
    let output = match (wanted, able) {
        (Some(asked), Some(able)) => asked.min(able),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => snapshot.billing.hold_output,
    };
    let ratio = settle::ratio_of(exchange, &candidate.group);
    let choices = u64::from(asked.ask.choices);
    let most = Most {
        output: output.saturating_mul(choices),
        writes: writes(&asked.ask.extras, candidate.format),
        draws: asked.ask.extras.kinds.may_draw(candidate.format),
        ..announced(&asked.ask)
    };
    bill::hold(&price, &most, ratio)
}

/// The caller's maximum, or what the channel makes of it. Of several the larger one counts, as it does where
/// the caller says several.
fn wanted(asked: Option<u64>, rules: &BodyRules) -> Option<u64> {
    let said = |list: &[(String, Box<RawValue>)]| {
        let maxima = list.iter().filter(|(key, _)| MAXIMA.contains(&&**key));
        maxima
            .filter_map(|(_, value)| value.get().parse::<u64>().ok())
            .max()
    };
    let removed = rules.remove.iter().any(|key| MAXIMA.contains(&&**key));
    let asked = asked.filter(|_| !removed).or_else(|| said(&rules.default));
    asked.max(said(&rules.set))
}

/// What goes in, and what else the request says of itself.
fn announced(ask: &Ask) -> Most<'_> {
    let extras = &ask.extras;
    // Rounded up once, so that sound that is as cheap as text is held like it.
    let input = ask.input_bytes.div_ceil(BYTES_PER_TOKEN);
    let sound = extras.media_bytes.div_ceil(BYTES_PER_TOKEN).min(input);
    let tools = extras.tools.iter();
    Most {
        text: input - sound,
        images: u64::from(ask.images) * IMAGE_TOKENS,
        sound,
        speaks: extras.kinds.may_speak(),
        tools: tools
            .map(|tool| (tool.names, extras.calls(tool, TOOL_CALLS)))
            .collect(),
        ..Most::default()
    }
}

/// Anthropic writes a cache only where a mark asks for it; others may do so unasked.
fn writes(extras: &Extras, upstream: Format) -> Writes {
    match (extras.marks, upstream) {
        (Marks::Long, _) => Writes::Long,
        (Marks::Short, _) => Writes::Short,
        (Marks::None, Format::Messages) => Writes::Nothing,
        (Marks::None, _) => Writes::Unasked,
    }
}
