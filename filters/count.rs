//! Counts a request's tokens here, where the upstream cannot.

use ledger::End;
use llm::{Operation, count};
use pingora::proxy::Session;

use crate::conduct::Conducted;
use crate::ctx::{Ctx, Stage};
use crate::failover::Happened;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::{answer, settle};

/// Marks a count as an estimate.
const ESTIMATED: (&str, &str) = ("x-tollgate-estimated", "true");

/// Whether the candidate whose turn it is cannot count at all.
pub(crate) fn is_due(ctx: &Ctx) -> bool {
    let Stage::Exchange(exchange) = &ctx.stage else {
        return false;
    };
    let current = exchange.route.as_ref().and_then(|route| route.current());
    exchange.operation == Operation::Count
        && current.is_some_and(|candidate| {
            candidate.format != exchange.format && !count::can_count(candidate.format)
        })
}

/// Whether an upstream said that it does not know how to count.
pub(crate) fn is_unknown_there(ctx: &Ctx, happened: &Happened) -> bool {
    let counts =
        matches!(&ctx.stage, Stage::Exchange(exchange) if exchange.operation == Operation::Count);
    counts
        && matches!(
            happened,
            Happened::Status {
                status: 404 | 405 | 501,
                ..
            }
        )
}

/// Answers with the tokenizer's estimate.
pub(crate) async fn answer(shared: &Shared, session: &mut Session, ctx: &mut Ctx) -> Conducted {
    let Some((exchange, asked)) = ctx.asked() else {
        return Conducted::Refused(Refusal::new(Cause::Malformed, "no request"));
    };
    let (format, body) = (exchange.format, asked.body.clone());
    let tokens = settle::input_estimate(body, format).await;
    settle::close(shared, ctx, 200, End::Complete, None).await;
    let told = count::told(format, tokens);
    match answer::json_with(ctx, session, 200, told, &[ESTIMATED]).await {
        Ok(()) => Conducted::Shown,
        Err(error) => Conducted::Broken(error.into_down()),
    }
}
