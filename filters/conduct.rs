//! Runs attempts one after another until one can be shown, and shows it.
//!
//! The phases of Pingora's own retry loop have one timer per attempt and cannot hold a head
//! back. Here the first-byte and idle timers differ, a stream is held until its first content,
//! so that a 200 that turns into an error or a stall moves on unseen, and a client that leaves
//! is noticed at once.

use std::time::Duration;

use ledger::End;
use pingora::Error;
use pingora::proxy::Session;

use crate::attempt::{Attempt, NoAttempt};
use crate::count;
use crate::ctx::{Ctx, Stage};
use crate::failover::{self, Happened, Next};
use crate::reject::{Cause, Refusal};
use crate::settle;
use crate::shared::Shared;
use crate::upstream::{Stop, run};

/// How conducting ended, for the caller.
pub(crate) enum Conducted {
    /// The answer was shown to its end, also when that end was a told error.
    Shown,
    /// Nothing was shown.
    Refused(Refusal),
    /// The answer had begun and cannot be ended properly: the connection must go.
    Broken(Box<Error>),
}

/// Follows the plan to its end.
pub(crate) async fn conduct(shared: &Shared, session: &mut Session, ctx: &mut Ctx) -> Conducted {
    let mut last = None;
    let mut unfit = None;
    let mut again = None;
    loop {
        if count::is_due(ctx) {
            return count::answer(shared, session, ctx).await;
        }
        let mut attempt = match again.take() {
            Some(same) => same,
            None => match begin(shared, ctx).await {
                Ok(attempt) => attempt,
                Err(NoAttempt::Refused(refusal)) => return Conducted::Refused(*refusal),
                Err(NoAttempt::Failed(happened)) => {
                    note(shared, ctx, None, &happened);
                    advance(ctx, &happened);
                    last = Some((*happened, None));
                    continue;
                }
                Err(NoAttempt::Unfit(refusal)) => {
                    unfit.get_or_insert(*refusal);
                    next_candidate(ctx);
                    continue;
                }
                Err(NoAttempt::Exhausted) => return Conducted::Refused(exhausted(last, unfit)),
            },
        };
        match run(shared, session, ctx, &mut attempt).await {
            Ok(()) => return Conducted::Shown,
            Err(Stop::Happened(happened)) => {
                set_under_way(ctx, false);
                if failover::next(&happened) != Next::Same {
                    // Another replica stands in: the key and the channel are well.
                    let effect = match replica_stands_in(ctx, &happened) {
                        true => failover::Effect::Neutral,
                        false => failover::effect(&happened),
                    };
                    attempt.report(shared, effect);
                }
                note(shared, ctx, Some(&attempt), &happened);
                match failover::next(&happened) {
                    Next::GiveUp if count::is_unknown_there(ctx, &happened) => {
                        return count::answer(shared, session, ctx).await;
                    }
                    Next::GiveUp => {
                        return Conducted::Refused(failover::refusal(&happened, |text| {
                            attempt.scrub(text)
                        }));
                    }
                    // A pooled connection that had died says nothing about the upstream: a
                    // fresh one follows, and that one is not "reused" any more.
                    Next::Same => {
                        attempt.renew();
                        again = Some(attempt);
                    }
                    Next::Candidate => {
                        advance(ctx, &happened);
                        last = Some((happened, Some(attempt)));
                    }
                }
            }
            Err(Stop::ClientGone(error)) => {
                attempt.report(shared, failover::Effect::Neutral);
                settle::close(shared, ctx, 499, End::ClientGone, None).await;
                return Conducted::Broken(error);
            }
            Err(Stop::Broken(error)) => return Conducted::Broken(error),
        }
    }
}

async fn begin(shared: &Shared, ctx: &mut Ctx) -> Result<Attempt, NoAttempt> {
    match ctx.exchange() {
        Some(exchange) => Attempt::begin(shared, exchange).await,
        None => Err(NoAttempt::Exhausted),
    }
}

/// Moves the route on: to another replica of the candidate when only the replica failed, else
/// to the next candidate.
fn advance(ctx: &mut Ctx, happened: &Happened) {
    if !replica_stands_in(ctx, happened) {
        next_candidate(ctx);
    }
}

fn next_candidate(ctx: &mut Ctx) {
    if let Some(route) = ctx.exchange().and_then(|exchange| exchange.route.as_mut()) {
        route.next += 1;
        route.tried.clear();
    }
}

/// Whether only the replica failed and the candidate has another.
fn replica_stands_in(ctx: &Ctx, happened: &Happened) -> bool {
    let Stage::Exchange(exchange) = &ctx.stage else {
        return false;
    };
    let Some(route) = &exchange.route else {
        return false;
    };
    let replicas = route
        .current()
        .and_then(|candidate| candidate.channel.endpoints.as_ref())
        .map_or(0, |endpoints| endpoints.bases.len());
    let replica_failed = matches!(
        happened,
        Happened::NoConnection(_)
            | Happened::Broken { .. }
            | Happened::TimedOut
            | Happened::Status { status: 500.., .. }
    );
    replica_failed && !route.tried.is_empty() && route.tried.len() < replicas
}

/// What the caller is told at the end of the plan: the last failure; else why the request fits
/// nobody who is left.
fn exhausted(last: Option<(Happened, Option<Attempt>)>, unfit: Option<Refusal>) -> Refusal {
    match last {
        Some((happened, Some(attempt))) => failover::refusal(&happened, |text| attempt.scrub(text)),
        Some((happened, None)) => failover::refusal(&happened, |_| String::new()),
        None => unfit.unwrap_or_else(|| {
            let words =
                "every upstream for this model is out of service at the moment; try again later";
            Refusal::new(Cause::Unavailable, words).after(Duration::from_secs(5))
        }),
    }
}

fn note(shared: &Shared, ctx: &Ctx, attempt: Option<&Attempt>, happened: &Happened) {
    let Stage::Exchange(exchange) = &ctx.stage else {
        return;
    };
    let candidate = exchange.route.as_ref().and_then(|route| route.current());
    let channel = candidate.map_or("none", |candidate| &candidate.channel.name);
    let result = failover::label(happened);
    shared.metrics.attempt(channel, result);
    let detail = failover::detail(happened);
    let detail = attempt.map_or(detail.clone(), |attempt| attempt.scrub(&detail));
    tracing::warn!(
        request = &*ctx.id,
        channel,
        attempt = exchange.attempts(),
        result,
        detail,
        "attempt failed"
    );
}

fn set_under_way(ctx: &mut Ctx, under_way: bool) {
    if let Some(exchange) = ctx.exchange() {
        exchange.under_way = under_way;
    }
}
