//! Learns what keys with a budget have spent, from the store.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use config::{Live, Snapshot};
use ledger::Nanos;
use ledger::Writer;
use ledger::budget::Budgets;
use store::{Store, StoreError};

/// How often the sums are read again: what other nodes spend is known this late.
pub(crate) const REFRESH: Duration = Duration::from_secs(1);
/// How often is looked whether the journals of dead processes are in the store, after a start.
const LOOK: Duration = Duration::from_millis(20);

/// The accounts, and a thread that keeps them up to date for as long as somebody has them.
///
/// Until everything that earlier processes owed is in the store, nothing is learnt, and keys with a
/// budget wait.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(
    live: &Arc<Live>,
    store: &Arc<dyn Store>,
    writer: &Arc<Writer>,
) -> io::Result<Arc<Budgets>> {
    let budgets = Arc::new(Budgets::default());
    let kept = Arc::downgrade(&budgets);
    let (live, store, writer) = (Arc::clone(live), Arc::clone(store), Arc::clone(writer));
    thread::Builder::new()
        .name("budgets".into())
        .spawn(move || {
            while !writer.is_rescued() {
                thread::sleep(LOOK);
            }
            run(&live, &*store, &kept);
        })?;
    Ok(budgets)
}

fn run(live: &Live, store: &dyn Store, kept: &Weak<Budgets>) {
    let mut away = false;
    while let Some(budgets) = kept.upgrade() {
        let read = learn(&live.full(), store, &budgets);
        if let Err(error) = &read
            && !away
        {
            tracing::warn!(%error, "what keys with a budget have spent cannot be read, trying again");
        }
        away = read.is_err();
        drop(budgets);
        thread::sleep(REFRESH);
    }
}

fn learn(snapshot: &Snapshot, store: &dyn Store, budgets: &Budgets) -> Result<(), StoreError> {
    let ids = accounts(snapshot);
    if ids.is_empty() {
        return Ok(());
    }
    let asked = Instant::now();
    let names: Vec<String> = ids.iter().map(|id| ledger::book::key_account(id)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (account, purse) in store.purses(&names)? {
        budgets.learn(&account["key:".len()..], purse.spent, asked);
    }
    // What has no sum has spent nothing.
    for id in ids {
        budgets.learn(id, Nanos::ZERO, asked);
    }
    Ok(())
}

/// The ids of the keys with a budget.
pub(crate) fn accounts(snapshot: &Snapshot) -> Vec<&str> {
    let tokens = snapshot.tokens.values();
    let limited = tokens.filter(|token| token.budget.is_some());
    limited.map(|token| &*token.id).collect()
}
