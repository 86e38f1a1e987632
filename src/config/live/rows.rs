//! Takes up what the store keeps beside the files.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use arc_swap::Guard;
use jiff::Timestamp;

use super::{Live, Reloaded, Running};
use crate::compile;
use crate::directory::{Directory, Register};
use crate::problem::Problem;
use crate::rows::{Document, KeyRow, UserRow};

impl Live {
    /// The users and keys of the store, as far as they were read.
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// Takes up users and keys that were added, changed or deleted in the store. Those with wrong
    /// settings are logged and left out: their keys are refused.
    pub fn learn(&self, users: Vec<UserRow>, keys: Vec<KeyRow>) {
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        register.learn(users, keys);
        self.directory.store(Arc::new(register.directory()));
    }

    /// Takes these for all the users and keys there are: the store is not the one that was read before.
    pub fn learn_anew(&self, users: Vec<UserRow>, keys: Vec<KeyRow>) {
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        *register = Register::default();
        register.learn(users, keys);
        self.directory.store(Arc::new(register.directory()));
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

    /// Takes up the documents of the store, all of them, beside the files that run; with problems,
    /// nothing changes but `is_valid`.
    pub fn take_up(&self, documents: Vec<Document>) -> Result<Reloaded, Vec<Problem>> {
        let mut running = self.running();
        let documents = ordered(documents);
        let result = self.take_up_into(&mut running, documents.clone());
        running.refused = result.is_err().then_some(documents);
        self.documents_valid
            .store(result.is_ok(), Ordering::Relaxed);
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
        let refused = self.running().refused.clone();
        match refused {
            Some(documents) => self.check_documents(documents),
            None => Ok(self.load().warnings.clone()),
        }
    }

    fn take_up_into(
        &self,
        running: &mut Running,
        documents: Vec<Document>,
    ) -> Result<Reloaded, Vec<Problem>> {
        let Some(sources) = &mut running.sources else {
            return Ok(self.unchanged());
        };
        if documents == running.documents {
            return Ok(self.unchanged());
        }
        sources.read_at = Timestamp::now();
        let (next, waiting) = self.next(sources, &documents)?;
        running.documents = documents;
        Ok(self.swap(next, waiting))
    }
}

/// The same order on every node, whatever the store's.
fn ordered(mut documents: Vec<Document>) -> Vec<Document> {
    documents.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    documents
}

#[cfg(test)]
mod tests;
