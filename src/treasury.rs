//! The store, as this node's accounts see it: where they lease from.

use std::io;
use std::sync::Arc;

use config::Snapshot;
use ledger::budget::{Budgets, NoAnswer, SURE, TERM, Treasury};
use ledger::lease::{Ceiling, Taken, Want};
use ledger::{Nanos, Writer};
use store::{LEASE_TERM, Store};

// Whoever is sure of a lease and asks for more may have to wait for a slow store; an answer that took
// longer than the lease certainly was there is not believed.
const _: () = assert!(2 * SURE.as_secs() <= TERM.as_secs());
const _: () = assert!(TERM.as_secs() <= LEASE_TERM.as_secs());

struct Vault {
    store: Arc<dyn Store>,
    writer: Arc<Writer>,
}

/// The accounts of callers with a budget or a balance, and the threads that lease for them.
///
/// Until everything that earlier processes owed is in the store, nothing is leased, and such callers
/// wait.
///
/// # Errors
/// When there can be no threads.
pub(crate) fn start(store: &Arc<dyn Store>, writer: &Arc<Writer>) -> io::Result<Arc<Budgets>> {
    let vault = Vault {
        store: Arc::clone(store),
        writer: Arc::clone(writer),
    };
    Budgets::start(Arc::new(vault), Arc::clone(writer) as _)
}

impl Treasury for Vault {
    fn lease(
        &self,
        account: &str,
        ceiling: Ceiling,
        need: Nanos,
        slice: Nanos,
    ) -> Result<Taken, NoAnswer> {
        let node = self.writer.node();
        let want = Want {
            node,
            account,
            ceiling,
            need,
            slice,
        };
        self.store.lease(&want).map_err(NoAnswer::new)
    }

    fn renew(&self) -> Result<Vec<(String, Nanos)>, NoAnswer> {
        let node = self.writer.node();
        self.store.renew(node).map_err(NoAnswer::new)
    }

    fn give_back(&self, account: &str, amount: Nanos) -> Result<bool, NoAnswer> {
        let node = self.writer.node();
        let given = self.store.give_back(node, account, amount);
        given.map_err(NoAnswer::new)
    }

    fn expire(&self) -> Result<(), NoAnswer> {
        let expired = self.store.expire().map_err(NoAnswer::new)?;
        if expired > 0 {
            tracing::info!(
                leases = expired,
                "freed what nodes had leased that are gone"
            );
        }
        Ok(())
    }
}

/// What `check` says of how exact budgets and balances are.
pub(crate) fn bound(snapshot: &Snapshot) -> String {
    let tokens = snapshot.tokens.values();
    let limited = tokens.filter(|token| token.budget.is_some()).count();
    let lease = usd(snapshot.billing.lease);
    format!(
        "keys with a budget: {limited}; a node takes at most {lease} USD of a budget or a balance ahead of \
         its requests (billing.lease), and goes on with that while it cannot reach the store. Whatever \
         dies, no more is spent than there is but for what single requests cost beyond their holds, and \
         at most {lease} USD per node that is cut off from the store for longer than {} s, or what its \
         requests of that moment hold and cost where that is more. Of a budget that is lowered, nodes go on \
         for a second or so with what they took before",
        LEASE_TERM.as_secs()
    )
}

/// With as many decimals as say something, two at least.
fn usd(amount: Nanos) -> String {
    let text = amount.to_string();
    let short = text.trim_end_matches('0');
    let least = text.find('.').map_or(text.len(), |point| point + 3);
    text[..short.len().max(least)].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals_at_least() {
        for (nanos, text) in [
            (1_000_000_000, "1.00"),
            (1_500_000_000, "1.50"),
            (3_000_000, "0.003"),
            (1, "0.000000001"),
        ] {
            assert_eq!(usd(Nanos(nanos)), text);
        }
    }
}
