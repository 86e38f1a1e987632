//! Holds what a request may cost of its key's budget and of its user's balance: one step that no
//! model operation can skip.

mod most;

use std::time::Duration;

use ledger::Nanos;
use ledger::budget::{NoReserve, Purse, Reserve};
use ledger::lease::Ceiling;
use pingora::time::timeout;

use crate::exchange::Exchange;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;

/// For so long a request waits for the store, once what this node has leased does not cover it.
const WAIT: Duration = Duration::from_secs(2);
/// When to come back while nobody knows what was spent, right after a start, or while other nodes have
/// the rest.
const SOON: Duration = Duration::from_secs(1);
/// When to come back while the store is away and the lease is spent.
const AWAY: Duration = Duration::from_secs(5);

/// What a request holds; free again when it ends, however it ends.
#[derive(Debug, Default)]
pub(crate) struct Held {
    budget: Option<Reserve>,
    balance: Option<Reserve>,
}

impl Held {
    /// The request cost this. Its record must be written.
    pub(crate) fn settle(self, cost: Nanos) {
        for reserve in [self.budget, self.balance].into_iter().flatten() {
            reserve.settle(cost);
        }
    }
}

/// What bounds a request, in the words of its refusals.
#[derive(Clone, Copy)]
enum Bound {
    Budget(Nanos),
    Balance,
}

/// Holds the upper bound of what a planned request costs. Keys without a budget whose users have no
/// balance, or an unlimited one, are not held.
pub(crate) async fn reserve(shared: &Shared, exchange: &mut Exchange) -> Result<(), Refusal> {
    let budget = exchange.token.budget;
    let user = exchange.user.as_ref().filter(|user| !user.unlimited);
    if budget.is_none() && user.is_none() {
        return Ok(());
    }
    let amount = most::cost(exchange);
    if amount == Nanos::ZERO {
        return Ok(());
    }
    let slice = exchange.snapshot.billing.lease;
    let hold = async |account, ceiling, bound| {
        let purse = Purse { ceiling, slice };
        let reserved = timeout(WAIT, shared.budgets.reserve(account, purse, amount)).await;
        let reserved = reserved.unwrap_or(Err(NoReserve::Away));
        reserved.map_err(|none| refusal(none, bound, amount))
    };
    let mut held = Held::default();
    if let Some(budget) = budget {
        let ceiling = Ceiling::Budget(budget);
        let reserve = hold(&exchange.token.account, ceiling, Bound::Budget(budget));
        held.budget = Some(reserve.await?);
    }
    if let Some(user) = user {
        let reserve = hold(&user.account, Ceiling::Credited, Bound::Balance);
        held.balance = Some(reserve.await?);
    }
    exchange.held = held;
    Ok(())
}

fn refusal(none: NoReserve, bound: Bound, amount: Nanos) -> Refusal {
    let name = match bound {
        Bound::Budget(_) => "budget of this API key",
        Bound::Balance => "balance of this account",
    };
    let unavailable = |text: String, retry| Refusal::new(Cause::Unavailable, text).after(retry);
    match (none, bound) {
        (NoReserve::Unknown, _) => unavailable(
            format!("what is left of the {name} is not known at the moment; try again soon"),
            SOON,
        ),
        (NoReserve::Away, _) => unavailable(
            format!("the {name} cannot be looked up at the moment; try again soon"),
            AWAY,
        ),
        (NoReserve::Elsewhere, _) => unavailable(
            format!(
                "the rest of the {name} is held by requests on other nodes at this moment; try again"
            ),
            SOON,
        ),
        (NoReserve::Short { left }, Bound::Budget(budget)) => Refusal::new(
            Cause::OverBudget,
            format!(
                "the {name} does not cover the request: {left} of {budget} USD are left, and it may cost {amount} USD; ask for less output, or have the budget raised"
            ),
        ),
        (NoReserve::Short { left }, Bound::Balance) => Refusal::new(
            Cause::OverBudget,
            format!(
                "the {name} does not cover the request: {left} USD are left, and it may cost {amount} USD; ask for less output, or have the balance topped up"
            ),
        ),
    }
}
