//! Holds what a request may cost against the budget of its key: one step that no model operation
//! can skip.

use std::time::{Duration, Instant};

use config::plan::Candidate;
use ledger::budget::{NoReserve, Purse};
use ledger::{Nanos, bill};
use llm::{Operation, ToolUses, Usage};

use crate::exchange::{Asked, Exchange};
use crate::reject::{Cause, Refusal};
use crate::settle;
use crate::shared::Shared;

/// Bytes of text for one token at most times: a bound that costs nothing (contract section 5).
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens of an image at most, in the models that count most for one (Anthropic, about 1.15
/// megapixels; larger ones are scaled down).
const IMAGE_TOKENS: u64 = 1_600;
/// When to come back while nobody knows what was spent: right after a start, or with the store away.
const UNKNOWN: Duration = Duration::from_secs(1);
/// When to come back while the store is away and the lease is spent.
const AWAY: Duration = Duration::from_secs(5);

/// Holds the upper bound of what a planned request costs. Keys without a budget are not held.
pub(crate) fn reserve(shared: &Shared, exchange: &mut Exchange) -> Result<(), Refusal> {
    let Some(budget) = exchange.token.budget else {
        return Ok(());
    };
    let amount = bound(exchange);
    if amount == Nanos::ZERO {
        return Ok(());
    }
    let lease = exchange.snapshot.billing.lease;
    let purse = Purse { budget, lease };
    let now = Instant::now();
    let reserved = (shared.budgets).reserve(&exchange.token.id, purse, amount, now);
    exchange.reserve = Some(reserved.map_err(|none| refusal(none, budget, amount))?);
    Ok(())
}

fn refusal(none: NoReserve, budget: Nanos, amount: Nanos) -> Refusal {
    match none {
        NoReserve::Unknown => Refusal::new(
            Cause::Unavailable,
            "what this key has spent is not known at the moment; try again soon",
        )
        .after(UNKNOWN),
        NoReserve::Away => Refusal::new(
            Cause::Unavailable,
            "the account of this key cannot be reached at the moment; try again soon",
        )
        .after(AWAY),
        NoReserve::Short { left } => Refusal::new(
            Cause::OverBudget,
            format!(
                "the budget of this API key does not cover the request: {left} of {budget} USD are left, and it may cost {amount} USD; ask for less output, or have the budget raised"
            ),
        ),
    }
}

/// The most that any candidate's answer is expected to cost.
fn bound(exchange: &Exchange) -> Nanos {
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
        // The keys of a channel, and channels of the same name for the model, cost the same.
        let same = |known: &Candidate| {
            (&known.model, &known.group) == (&candidate.model, &candidate.group)
        };
        if !seen.replace(candidate).is_some_and(same) {
            dearest = dearest.max(cost(exchange, asked, candidate));
        }
    }
    dearest
}

fn cost(exchange: &Exchange, asked: &Asked, candidate: &Candidate) -> Nanos {
    let snapshot = &exchange.snapshot;
    let prices = &snapshot.prices;
    let model = exchange.model();
    let Some(price) = prices.price(model, &candidate.model, exchange.at) else {
        return Nanos::ZERO;
    };
    let most = prices.facts_of(model, &candidate.model).max_output;
    let output = match (asked.ask.max_output, most) {
        (Some(asked), Some(most)) => asked.min(most),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => snapshot.billing.hold_output,
    };
    let usage = Usage {
        input: input(asked),
        output: output.saturating_mul(asked.ask.choices.into()),
        ..Usage::default()
    };
    let ratio = settle::ratio_of(exchange, &candidate.group);
    bill::cost(&price, &usage, &ToolUses::new(), ratio)
}

fn input(asked: &Asked) -> u64 {
    let text = asked.ask.input_bytes.div_ceil(BYTES_PER_TOKEN);
    text.saturating_add(u64::from(asked.ask.images) * IMAGE_TOKENS)
}
