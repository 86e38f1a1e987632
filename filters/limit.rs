//! Limits of requests, tokens and concurrency: one step that no model operation can skip.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use config::snapshot::Enforce;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use ledger::limit::{Admission, Bound, Breach, Entry, Kind, Left, Limits, Permit, Scope, Standing};
use llm::{Format, Operation};

use crate::exchange::Exchange;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;

/// When to come back while the shared counters cannot be reached.
const AWAY: Duration = Duration::from_secs(2);

/// Takes room for a planned request under every limit it falls under.
pub(crate) async fn admit(shared: &Shared, exchange: &mut Exchange) -> Result<(), Refusal> {
    let settings = exchange.snapshot.limits;
    let bounds = bounds(exchange);
    if bounds.is_empty() || settings.enforce == Enforce::Off {
        return Ok(());
    }
    let entry = Entry {
        id: Arc::clone(&exchange.id),
        tokens: reserved(exchange),
        bounds,
    };
    let (admission, permit) = Permit::ask(&shared.counters, entry).await;
    exchange.permit = permit;
    match admission {
        Admission::Admitted {
            standing, shadowed, ..
        } => {
            exchange.standing = standing;
            for breach in &shadowed {
                shared
                    .metrics
                    .shadowed(breach.scope.as_str(), breach.kind.as_str());
            }
            Ok(())
        }
        Admission::Refused(breach) => {
            exchange.standing = standing_of(&breach);
            Err(refusal(&breach))
        }
        Admission::Away => {
            shared.metrics.counters_away();
            match settings.closed_when_away {
                false => Ok(()),
                true => Err(Refusal::new(
                    Cause::Unavailable,
                    "the limits of this key cannot be checked at the moment; try again soon",
                )
                .after(AWAY)),
            }
        }
    }
}

/// Everything that bounds the request. In shadow mode nothing refuses.
fn bounds(exchange: &Exchange) -> Vec<Bound> {
    let (snapshot, token) = (&exchange.snapshot, &exchange.token);
    let shadow = snapshot.limits.enforce == Enforce::Shadow;
    let mut bounds = Vec::new();
    let mut add = |scope, subject: Arc<str>, mut limits: Limits| {
        if !limits.is_empty() {
            limits.shadow |= shadow;
            bounds.push(Bound {
                scope,
                subject,
                limits,
            });
        }
    };
    add(Scope::Key, Arc::clone(&token.id), token.limits);
    if let Some(user) = &exchange.user {
        add(Scope::User, Arc::clone(&user.name), user.limits);
    }
    for group in groups(exchange) {
        if let Some(limits) = snapshot.groups.get(&**group).map(|group| group.limits) {
            add(Scope::Group, Arc::clone(group), limits);
        }
    }
    if let Some((written, limits)) = snapshot.prices.limits(exchange.model()) {
        add(Scope::Model, written.into(), limits);
    }
    bounds
}

/// Every group whose channels the plan may come to: failover must not lead around a limit.
fn groups(exchange: &Exchange) -> Vec<&Arc<str>> {
    let plan = exchange.route.as_ref().map(|route| &route.plan.candidates);
    let mut groups: Vec<&Arc<str>> = Vec::new();
    for candidate in plan.into_iter().flatten() {
        if !groups.contains(&&candidate.group) {
            groups.push(&candidate.group);
        }
    }
    groups
}

/// Tokens of the input by estimate: four bytes are about one. Counting tokens uses none.
fn reserved(exchange: &Exchange) -> u64 {
    match (&exchange.asked, exchange.operation) {
        (_, Operation::Count) | (None, _) => 0,
        (Some(asked), _) => asked.ask.input_bytes / 4,
    }
}

fn refusal(breach: &Breach) -> Refusal {
    let (whose, limit) = (breach.scope.as_str(), breach.limit);
    let (what, advice) = match breach.kind {
        Kind::Requests => ("requests per minute", "try again later"),
        Kind::Tokens => (
            "tokens per minute",
            "try again later, or with a shorter request",
        ),
        Kind::Concurrency => ("requests at a time", "try again when one of them has ended"),
    };
    let words = format!("the limit of {limit} {what} of this {whose} is reached; {advice}");
    Refusal::new(Cause::OverLimit, words).after(breach.retry_after)
}

/// What a refused caller is told of its limit.
fn standing_of(breach: &Breach) -> Standing {
    let left = Some(Left {
        limit: breach.limit,
        remaining: 0,
        reset: breach.retry_after,
    });
    match breach.kind {
        Kind::Requests => Standing {
            requests: left,
            tokens: None,
        },
        Kind::Tokens => Standing {
            requests: None,
            tokens: left,
        },
        Kind::Concurrency => Standing::default(),
    }
}

/// Tells the caller how it stands, in its vendor's headers.
pub(crate) fn headers(format: Format, now: Timestamp, standing: &Standing, fields: &mut HeaderMap) {
    if let Some(left) = standing.requests {
        tell(&REQUESTS, format, now, left, fields);
    }
    if let Some(left) = standing.tokens {
        tell(&TOKENS, format, now, left, fields);
    }
}

/// Limit, remaining, reset: OpenAI's headers, then Anthropic's.
type Names = [HeaderName; 6];

const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];

const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
    HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];

fn tell(names: &Names, format: Format, now: Timestamp, left: Left, fields: &mut HeaderMap) {
    let seconds = left.reset.as_secs();
    fields.insert(names[0].clone(), left.limit.into());
    fields.insert(names[1].clone(), left.remaining.into());
    if let Some(reset) = in_seconds(seconds) {
        fields.insert(names[2].clone(), reset);
    }
    if format != Format::Messages {
        return;
    }
    fields.insert(names[3].clone(), left.limit.into());
    fields.insert(names[4].clone(), left.remaining.into());
    let at = now.saturating_add(SignedDuration::from_secs(seconds as i64));
    if let Some(at) = at.ok().and_then(as_a_date) {
        fields.insert(names[5].clone(), at);
    }
}

/// `60s`. The windows are of a minute: all that is usual is written once.
fn in_seconds(seconds: u64) -> Option<HeaderValue> {
    static USUAL: LazyLock<Vec<Option<HeaderValue>>> =
        LazyLock::new(|| (0..=60).map(written).collect());
    fn written(seconds: u64) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{seconds}s")).ok()
    }
    let usual = usize::try_from(seconds).ok().and_then(|at| USUAL.get(at));
    usual.map_or_else(|| written(seconds), Clone::clone)
}

/// RFC 3339, to the second. Written once a second, as all answers of one tell nearly the same: the writing
/// took as long as all other headers of the limits.
fn as_a_date(at: Timestamp) -> Option<HeaderValue> {
    thread_local! {
        static LAST: RefCell<Option<(i64, HeaderValue)>> = const { RefCell::new(None) };
    }
    let second = at.as_second();
    let known = LAST.with_borrow(|last| match last {
        Some((known, written)) if *known == second => Some(written.clone()),
        _ => None,
    });
    if known.is_some() {
        return known;
    }
    let written = HeaderValue::from_str(&format!("{at:.0}")).ok()?;
    LAST.set(Some((second, written.clone())));
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_of_its_own_second() {
        for (nanos, expected) in [
            (1_000_000_000_000_000_000, "2001-09-09T01:46:40Z"),
            (1_000_000_000_400_000_000, "2001-09-09T01:46:40Z"),
            (1_000_000_061_000_000_000, "2001-09-09T01:47:41Z"),
            (1_000_000_000_000_000_000, "2001-09-09T01:46:40Z"),
        ] {
            let at = Timestamp::from_nanosecond(nanos).expect("in range");
            assert_eq!(as_a_date(at).expect("a date"), expected);
        }
    }

    #[test]
    fn seconds_are_written_however_many_they_are() {
        for (seconds, expected) in [
            (0, "0s"),
            (60, "60s"),
            (61, "61s"),
            (u64::MAX, "18446744073709551615s"),
        ] {
            assert_eq!(in_seconds(seconds).expect("a value"), expected);
        }
    }
}
