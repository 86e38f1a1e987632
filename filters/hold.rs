//! Writes down what is known of a request before an upstream gets it, so that it is paid for even
//! when the gateway dies.

use std::time::Duration;

use config::plan::Candidate;
use ledger::journal::{HeldRates, Hold, Progress};
use ledger::{End, UsageSource};
use llm::{Operation, Usage, tokens};

use crate::attempt::Attempt;
use crate::exchange::{Asked, Exchange};
use crate::reject::{Cause, Refusal};
use crate::settle;

/// Bytes of text for one token: an estimate that costs nothing on the request's path.
const BYTES_PER_TOKEN: u64 = 4;
/// The status of a request that was lost before it was answered.
const NOT_ANSWERED: u16 = 503;
/// When a client may ask again after the journal was full.
const RETRY: Duration = Duration::from_secs(2);

/// Holds the exchange, whose route is known. It may go on when this returns.
///
/// # Errors
/// When the journal takes nothing more.
pub(crate) async fn place(exchange: &mut Exchange) -> Result<(), Refusal> {
    let Some(hold) = hold(exchange) else {
        return Ok(());
    };
    let Some(slot) = &mut exchange.slot else {
        return Ok(());
    };
    let synced = slot.hold(&hold).map_err(|full| refusal(&full))?;
    synced.await.map_err(|error| refusal(&error))
}

fn refusal(error: &dyn std::error::Error) -> Refusal {
    let text = format!("the gateway cannot keep account at the moment: {error}; try again soon");
    Refusal::new(Cause::Unavailable, text).after(RETRY)
}

fn hold(exchange: &Exchange) -> Option<Hold> {
    let first = exchange.route.as_ref()?.plan.candidates.first()?;
    let asked = exchange.asked.as_ref()?;
    let mut record = settle::unused(exchange, NOT_ANSWERED, End::GatewayLost);
    record.upstream_format = Some(first.format);
    record.upstream_model = Some(first.model.to_string());
    record.channel = Some(first.channel.name.to_string());
    record.attempts = 1;
    let mut rates = HeldRates::default();
    // Counting tokens costs nothing.
    if exchange.operation != Operation::Count {
        record.usage_source = UsageSource::Estimated;
        record.usage.input = input(asked);
        rates = self::rates(exchange, first, &record.usage);
    }
    Some(Hold { record, rates })
}

fn input(asked: &Asked) -> u64 {
    let text = asked.ask.input_bytes / BYTES_PER_TOKEN;
    text + u64::from(asked.ask.images) * tokens::IMAGE
}

fn rates(exchange: &Exchange, first: &Candidate, usage: &Usage) -> HeldRates {
    let price = exchange
        .snapshot
        .prices
        .price(exchange.model(), &first.model, exchange.at);
    price.map_or(HeldRates::default(), |price| {
        HeldRates::of(&price, usage.input, settle::ratio(exchange))
    })
}

/// How far the answer of `attempt` is, for the journal. `output_bytes` is its text so far.
pub(crate) fn progress(
    exchange: &Exchange,
    attempt: &Attempt,
    status: u16,
    output_bytes: u64,
) -> Progress {
    let first_byte = exchange.reply.as_ref().and_then(|reply| reply.first_byte);
    Progress {
        status,
        attempts: exchange.attempts(),
        channel: attempt.channel().name.to_string(),
        upstream_format: attempt.candidate.format,
        upstream_model: attempt.candidate.model.to_string(),
        first_byte_ms: first_byte.map(|first| first.as_millis() as u64),
        duration_ms: exchange.arrived.elapsed().as_millis() as u64,
        output_bytes,
    }
}
