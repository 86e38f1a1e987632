//! A store that is away after each change, until it is called back, and that others change meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use config::rows::{Document, KeyRow, Read, UserRow};
use jiff::Timestamp;
use ledger::book::{Entry, Purse};
use ledger::lease::{Taken, Want};
use ledger::{Nanos, Record, Sink, SinkError};
use store::{
    Accounts, Audit, Book, Change, Changed, Deed, DeedPage, DeedSearch, Difference, EntryPage,
    EntrySearch, KeySearch, Leases, Page, Posted, Revisions, Search, Store, StoreError, Sums,
    UsageSearch,
};

/// Its purses cannot be read from a change on, until `back`.
pub(crate) struct Leaving {
    inner: Arc<dyn Store>,
    away: AtomicBool,
    rival: Mutex<Option<(usize, Rival)>>,
}

/// Another node, which does something at the worst moment.
type Rival = Box<dyn FnOnce(&dyn Store) + Send>;

impl Leaving {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Leaving {
        Leaving {
            inner,
            away: AtomicBool::new(false),
            rival: Mutex::default(),
        }
    }

    /// Right after the documents were read so many times and once more.
    pub(crate) fn after_reading(
        &self,
        times: usize,
        act: impl FnOnce(&dyn Store) + Send + 'static,
    ) {
        *self.rival.lock().unwrap() = Some((times, Box::new(act)));
    }

    pub(crate) fn back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }
}

impl Sink for Leaving {
    fn put(&self, batch: &[Record]) -> Result<(), SinkError> {
        self.inner.put(batch)
    }
}

impl Accounts for Leaving {
    fn revisions(&self) -> Result<Revisions, StoreError> {
        self.inner.revisions()
    }

    fn users_since(&self, revision: u64) -> Result<Vec<Read<UserRow>>, StoreError> {
        self.inner.users_since(revision)
    }

    fn keys_since(&self, revision: u64) -> Result<Vec<Read<KeyRow>>, StoreError> {
        self.inner.keys_since(revision)
    }

    fn user(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        self.inner.user(name)
    }

    fn users(&self, after: Option<&str>, limit: usize) -> Result<Vec<UserRow>, StoreError> {
        self.inner.users(after, limit)
    }

    fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        self.inner.key(id)
    }

    fn keys(&self, search: &KeySearch) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.keys(search)
    }

    fn all_documents(&self) -> Result<Vec<Read<Document>>, StoreError> {
        let read = self.inner.all_documents();
        let mut rival = self.rival.lock().unwrap();
        if let Some((left, act)) = rival.take() {
            match left {
                0 => act(&*self.inner),
                left => *rival = Some((left - 1, act)),
            }
        }
        read
    }

    fn change(
        &self,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let changed = self.inner.change(change, deed, now);
        self.away.store(true, Ordering::SeqCst);
        changed
    }

    fn change_beside(
        &self,
        configuration: u64,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        self.inner.change_beside(configuration, change, deed, now)
    }
}

impl Audit for Leaving {
    fn note(&self, deed: &Deed) -> Result<(), StoreError> {
        self.inner.note(deed)
    }

    fn deeds(&self, search: &DeedSearch) -> Result<DeedPage, StoreError> {
        self.inner.deeds(search)
    }

    fn prune_deeds(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune_deeds(before, limit)
    }
}

impl Book for Leaving {
    fn post(&self, entry: &Entry, deed: &Deed) -> Result<Posted, StoreError> {
        self.inner.post(entry, deed)
    }

    fn entry(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.inner.entry(id)
    }

    fn entries(&self, search: &EntrySearch) -> Result<EntryPage, StoreError> {
        self.inner.entries(search)
    }

    fn purses(&self, accounts: &[&str]) -> Result<Vec<(String, Purse)>, StoreError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(StoreError::Opening),
            false => self.inner.purses(accounts),
        }
    }
}

impl Leases for Leaving {
    fn lease(&self, want: &Want<'_>) -> Result<Taken, StoreError> {
        self.inner.lease(want)
    }

    fn renew(&self, node: &str) -> Result<Vec<(String, Nanos)>, StoreError> {
        self.inner.renew(node)
    }

    fn give_back(&self, node: &str, account: &str, amount: Nanos) -> Result<bool, StoreError> {
        self.inner.give_back(node, account, amount)
    }

    fn expire(&self) -> Result<usize, StoreError> {
        self.inner.expire()
    }
}

impl Store for Leaving {
    fn request(&self, id: &str) -> Result<Option<Record>, StoreError> {
        self.inner.request(id)
    }

    fn requests(&self, search: &Search) -> Result<Page, StoreError> {
        self.inner.requests(search)
    }

    fn usage(&self, search: &UsageSearch) -> Result<Sums, StoreError> {
        self.inner.usage(search)
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune(before, limit)
    }

    fn verify(&self, from: Timestamp) -> Result<Vec<Difference>, StoreError> {
        self.inner.verify(from)
    }

    fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping()
    }
}
