//! Takes up what the store keeps beside the files.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use arc_swap::Guard;
use jiff::Timestamp;

use super::fit::{Waiting, find};
use super::{Live, Reloaded, Running, Stored};
use crate::compile;
use crate::directory::{Directory, Register};
use crate::problem::Problem;
use crate::rows::{Document, KeyRow, Read, UserRow};

/// Problems of rows that are told at a time: of each there may be as many as rows.
const MAX_TOLD: usize = 200;

impl Live {
    /// The users and keys of the store, as far as they were read.
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// Takes up users and keys that were added, changed or deleted in the store. Those that cannot be
    /// read, or have wrong settings, are logged and left out: their keys are refused.
    pub fn learn(&self, users: Vec<Read<UserRow>>, keys: Vec<Read<KeyRow>>) {
        self.learn_into(&mut self.register(), users, keys);
    }

    /// Takes these for all the users and keys there are: the store is not the one that was read before.
    pub fn learn_anew(&self, users: Vec<Read<UserRow>>, keys: Vec<Read<KeyRow>>) {
        let mut register = self.register();
        *register = Register::default();
        self.learn_into(&mut register, users, keys);
    }

    fn learn_into(
        &self,
        register: &mut Register,
        users: Vec<Read<UserRow>>,
        keys: Vec<Read<KeyRow>>,
    ) {
        register.learn(users, keys);
        self.directory.store(Arc::new(register.directory()));
        let unread = register.problems().len();
        self.accounts_unread.store(unread, Ordering::Relaxed);
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many rows of the store are not in force, because they cannot be read or do not compile.
    pub fn rows_unreadable(&self) -> usize {
        let documents = self.documents_unread.load(Ordering::Relaxed);
        self.accounts_unread.load(Ordering::Relaxed) + documents
    }

    /// What is wrong with them; the first, where it is very much.
    pub fn unreadable(&self) -> Vec<Problem> {
        let mut problems = self.running().wrong.clone();
        let register = self.register();
        problems.extend(register.problems().flatten().take(MAX_TOLD).cloned());
        problems.truncate(MAX_TOLD);
        problems
    }

    /// What is wrong with the settings of a user (JSON), or the warnings.
    pub fn check_user(&self, settings: &str) -> Result<Vec<Problem>, Vec<Problem>> {
        compile::check_user(&self.load(), settings)
    }

    /// What is wrong with the settings of a key (JSON) of a user, or the warnings. A user root that is
    /// not in the store has revision 0.
    pub fn check_key(&self, user: &UserRow, settings: &str) -> Result<Vec<Problem>, Vec<Problem>> {
        compile::check_key(&self.load(), user, settings)
    }

    /// Takes up the documents of the store, all of them, beside the files that run. Those that cannot be
    /// read or do not compile stay as they run already, or out, and are told of among the warnings.
    ///
    /// # Errors
    /// When the files do not compile without such a one: nothing changes but `is_valid`.
    pub fn take_up(&self, rows: Vec<Read<Document>>) -> Result<Reloaded, Vec<Problem>> {
        let mut running = self.running();
        let mut stored = Stored::default();
        for row in rows {
            match row {
                Ok(document) => stored.documents.push(document),
                Err(unreadable) => stored.unreadable.push(unreadable),
            }
        }
        stored.documents = ordered(stored.documents);
        running.stored = stored;
        let result = self.take_up_into(&mut running);
        if let Err(problems) = &result {
            running.wrong.clone_from(problems);
            running.wrong.retain(Problem::is_error);
            let Running {
                stored, documents, ..
            } = &*running;
            let differ = stored.documents.iter();
            let differ = differ.filter(|one| find(documents, one.kind, &one.name) != Some(one));
            self.left_out(differ.count().max(1));
        }
        result
    }

    /// What `take_up` would say. Takes nothing up.
    pub fn check_documents(&self, documents: Vec<Document>) -> Result<Vec<Problem>, Vec<Problem>> {
        let mut running = self.running();
        match &mut running.sources {
            Some(sources) => {
                sources.read_at = Timestamp::now();
                self.try_out(sources, &ordered(documents))
            }
            None => Ok(self.load().warnings.clone()),
        }
    }

    /// What is to be said of the documents that were read last, beside the files that run.
    pub(super) fn check_newest(&self) -> Result<Vec<Problem>, Vec<Problem>> {
        let running = self.running();
        if running.stored.documents == running.documents {
            return Ok(self.load().warnings.clone());
        }
        let documents = running.stored.documents.clone();
        drop(running);
        self.check_documents(documents)
    }

    fn take_up_into(&self, running: &mut Running) -> Result<Reloaded, Vec<Problem>> {
        let Running {
            sources: Some(sources),
            stored,
            documents,
            ..
        } = running
        else {
            return Ok(self.unchanged());
        };
        let is_same = stored.unreadable.is_empty() && stored.documents == *documents;
        if is_same {
            self.wait(running, Vec::new());
            return Ok(self.unchanged());
        }
        sources.read_at = Timestamp::now();
        let mut fit = self.fit(sources, stored, documents, &self.lanes)?;
        if fit.documents == *documents {
            self.wait(running, fit.waiting);
            return Ok(Reloaded::of(&self.load(), running.wrong.clone(), false));
        }
        let told = self.keep_what_needs_a_restart(&mut fit.snapshot);
        Ok(self.swap(running, fit, told))
    }

    /// Notes which documents do not run as they are in the store, and what is wrong with them.
    pub(super) fn wait(&self, running: &mut Running, waiting: Vec<Waiting>) {
        self.left_out(running.stored.unreadable.len() + waiting.len());
        running.wrong = running.stored.wrong(waiting);
    }

    fn left_out(&self, documents: usize) {
        self.documents_unread.store(documents, Ordering::Relaxed);
        self.documents_valid
            .store(documents == 0, Ordering::Relaxed);
    }
}

/// The same order on every node, whatever the store's.
pub(super) fn ordered(mut documents: Vec<Document>) -> Vec<Document> {
    documents.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    documents
}

#[cfg(test)]
mod tests;
