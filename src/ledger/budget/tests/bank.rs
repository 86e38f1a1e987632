//! A treasury in memory, with one account, that does what the store does.

use std::collections::BTreeMap;
use std::sync::Condvar;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::*;
use crate::lease::portion;

pub(super) const NODE: &str = "here";

#[derive(Debug)]
struct Books {
    ceiling: i64,
    spent: i64,
    /// By node.
    leases: BTreeMap<String, i64>,
    /// Written and not stored, by node.
    queues: BTreeMap<String, Vec<i64>>,
    written: BTreeMap<String, u64>,
    stored: BTreeMap<String, u64>,
    /// Not heard of for long.
    silent: Vec<String>,
    rescued: bool,
    away: bool,
    losing: bool,
    losing_gifts: bool,
    holding: bool,
    asked: usize,
}

#[derive(Debug)]
pub(super) struct Bank {
    books: Mutex<Books>,
    released: Condvar,
}

/// The bank, as one node sees it.
#[derive(Debug)]
pub(super) struct Branch {
    bank: Arc<Bank>,
    node: String,
    cut: AtomicBool,
}

impl Bank {
    pub(super) fn new(ceiling: i64) -> Bank {
        Bank {
            books: Mutex::new(Books {
                ceiling,
                spent: 0,
                leases: BTreeMap::new(),
                queues: BTreeMap::new(),
                written: BTreeMap::new(),
                stored: BTreeMap::new(),
                silent: Vec::new(),
                rescued: true,
                away: false,
                losing: false,
                losing_gifts: false,
                holding: false,
                asked: 0,
            }),
            released: Condvar::new(),
        }
    }

    pub(super) fn node(self: &Arc<Self>, node: &str) -> Branch {
        Branch {
            bank: Arc::clone(self),
            node: node.into(),
            cut: AtomicBool::new(false),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    pub(super) fn ceiling(&self) -> Ceiling {
        Ceiling::Budget(Nanos(self.books().ceiling))
    }

    pub(super) fn raise(&self, ceiling: i64) {
        self.books().ceiling = ceiling;
    }

    pub(super) fn spend(&self, cost: i64) {
        let mut books = self.books();
        books.spent = books.spent.saturating_add(cost);
    }

    pub(super) fn spent(&self) -> i64 {
        self.books().spent
    }

    pub(super) fn asked(&self) -> usize {
        self.books().asked
    }

    pub(super) fn rescue(&self, done: bool) {
        self.books().rescued = done;
    }

    pub(super) fn away(&self, away: bool) {
        self.books().away = away;
    }

    /// Does what it is asked and does not say so.
    pub(super) fn lose_answers(&self, losing: bool) {
        self.books().losing = losing;
    }

    pub(super) fn only_forget_gifts(&self, only: bool) {
        let mut books = self.books();
        (books.losing, books.losing_gifts) = (books.losing && !only, only);
    }

    pub(super) fn hold_answers(&self, holding: bool) {
        self.books().holding = holding;
        self.released.notify_all();
    }

    pub(super) fn leased(&self, node: &str) -> i64 {
        self.books().leases.get(node).copied().unwrap_or_default()
    }

    pub(super) fn leased_in_all(&self) -> i64 {
        self.books().leases.values().sum()
    }

    /// Leases to a node that is not in the test.
    pub(super) fn lend(&self, node: &str, amount: i64) {
        self.books().leases.insert(node.into(), amount);
    }

    /// Its lease is over; returns what was left of it.
    pub(super) fn expire_node(&self, node: &str) -> i64 {
        self.books().leases.remove(node).unwrap_or_default()
    }

    /// It was not heard of for long.
    pub(super) fn forget(&self, node: &str) {
        self.books().silent.push(node.into());
    }

    /// A record of that node is in its journal.
    pub(super) fn write(&self, node: &str, cost: i64) {
        let mut books = self.books();
        books.queues.entry(node.into()).or_default().push(cost);
        *books.written.entry(node.into()).or_default() += 1;
    }

    /// The oldest record of the node's journal comes to the store.
    pub(super) fn store_one(&self, node: &str) -> bool {
        let mut books = self.books();
        let queue = books.queues.entry(node.into()).or_default();
        if queue.is_empty() {
            return false;
        }
        let cost = queue.remove(0);
        *books.stored.entry(node.into()).or_default() += 1;
        books.spent += cost;
        if let Some(lease) = books.leases.get_mut(node) {
            *lease = (*lease - cost).max(0);
        }
        true
    }

    pub(super) fn store_all(&self) {
        let nodes: Vec<String> = self.books().queues.keys().cloned().collect();
        for node in nodes {
            while self.store_one(&node) {}
        }
    }
}

impl Branch {
    /// Only from here it cannot be reached.
    pub(super) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut Books) -> T) -> Result<T, NoAnswer> {
        let mut books = self.bank.books();
        books.asked += 1;
        while books.holding {
            books = self.bank.released.wait(books).unwrap();
        }
        if books.away || self.is_cut() {
            return Err(NoAnswer::new("away"));
        }
        let answer = answer(&mut books);
        match books.losing {
            true => Err(NoAnswer::new("lost")),
            false => Ok(answer),
        }
    }
}

impl Treasury for Branch {
    fn lease(
        &self,
        _: &str,
        ceiling: Ceiling,
        need: Nanos,
        slice: Nanos,
    ) -> Result<Taken, NoAnswer> {
        let Ceiling::Budget(Nanos(ceiling)) = ceiling else {
            panic!("a budget");
        };
        self.ask(|books| {
            let leased: i64 = books.leases.values().sum();
            let own = books.leases.entry(self.node.clone()).or_default();
            let free = Nanos(ceiling.saturating_sub(books.spent).saturating_sub(leased));
            let room = slice.saturating_sub(Nanos(*own));
            let Some(lot) = portion(free, need, room) else {
                return Taken::Short {
                    free: free.max(Nanos::ZERO),
                    elsewhere: Nanos(leased - *own),
                };
            };
            *own += lot.0;
            Taken::Lease(lot)
        })
    }

    fn renew(&self) -> Result<Vec<(String, Nanos)>, NoAnswer> {
        self.ask(|books| {
            let own = books.leases.get(&self.node);
            own.map(|lease| ("key:a".into(), Nanos(*lease)))
                .into_iter()
                .collect()
        })
    }

    fn give_back(&self, _: &str, amount: Nanos) -> Result<bool, NoAnswer> {
        let given = self.ask(|books| {
            let own = books.leases.get_mut(&self.node);
            match own.filter(|own| **own >= amount.0) {
                Some(own) => *own -= amount.0,
                None => return false,
            }
            true
        })?;
        match self.bank.books().losing_gifts {
            true => Err(NoAnswer::new("lost")),
            false => Ok(given),
        }
    }

    fn expire(&self) -> Result<(), NoAnswer> {
        self.ask(|books| {
            let silent = std::mem::take(&mut books.silent);
            books.leases.retain(|node, _| !silent.contains(node));
        })
    }
}

impl Records for Branch {
    fn are_rescued(&self) -> bool {
        self.bank.books().rescued
    }

    fn written(&self) -> u64 {
        let books = self.bank.books();
        books.written.get(&self.node).copied().unwrap_or_default()
    }

    fn stored(&self) -> u64 {
        let books = self.bank.books();
        books.stored.get(&self.node).copied().unwrap_or_default()
    }
}
