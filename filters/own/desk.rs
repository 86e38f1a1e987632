//! Where key holders' questions are put to the store: a few at a time, and each at most once a second,
//! so that tools that poll cannot keep the gateway from its work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use config::snapshot::Token;
use ledger::{Nanos, Record};
use pingora::time::timeout;
use tokio::sync::{Semaphore, watch};

use crate::reject::{Cause, Refusal};

/// Questions that the store is asked at a time.
const AT_A_TIME: usize = 8;
/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer is given again.
const FRESH: Duration = Duration::from_secs(1);
/// Answers kept at most: an amount is small, a log of a thousand rows half a megabyte.
const AMOUNTS: usize = 4_096;
const LOGS: usize = 32;
/// Rows of a log: as many as the original shows.
const ROWS: usize = 1_000;

/// What the store knows of a key. Both block, for a bounded time.
pub trait Statement: Send + Sync {
    /// What requests with it have cost in all.
    fn spent(&self, token: &Token) -> Result<Nanos, Unread>;

    /// Its newest records, at most `limit`, newest first.
    fn newest(&self, token: &Token, limit: usize) -> Result<Vec<Record>, Unread>;
}

/// Why there is no answer.
pub type Unread = Box<dyn std::error::Error + Send + Sync>;

/// Asks, and remembers for a moment.
pub(crate) struct Desk {
    statement: Arc<dyn Statement>,
    /// A question keeps its permit until the store has answered, however long its caller waits.
    permits: Arc<Semaphore>,
    spent: Kept<Nanos>,
    logs: Kept<Bytes>,
}

impl Desk {
    pub(crate) fn new(statement: Arc<dyn Statement>) -> Desk {
        Desk {
            statement,
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            spent: Kept::new(AMOUNTS),
            logs: Kept::new(LOGS),
        }
    }

    /// What requests with the key have cost in all, as far as they are in the store.
    pub(crate) async fn spent(&self, token: &Arc<Token>) -> Result<Nanos, NoAnswer> {
        let asked = Arc::clone(token);
        let ask = move |statement: &dyn Statement| statement.spent(&asked);
        self.ask(&self.spent, token, ask).await
    }

    /// The key's newest records, as `told` writes them.
    pub(crate) async fn log(
        &self,
        token: &Arc<Token>,
        told: impl FnOnce(Vec<Record>) -> Bytes + Send + 'static,
    ) -> Result<Bytes, NoAnswer> {
        let asked = Arc::clone(token);
        let ask = move |statement: &dyn Statement| statement.newest(&asked, ROWS).map(told);
        self.ask(&self.logs, token, ask).await
    }

    async fn ask<T: Clone + Send + Sync + 'static>(
        &self,
        kept: &Kept<T>,
        token: &Token,
        ask: impl FnOnce(&dyn Statement) -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let mut answer = kept.find_or(&token.id, Instant::now(), || self.begin(ask))?;
        let answered = timeout(PATIENCE, answer.wait_for(Option::is_some)).await;
        match answered {
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(NoAnswer::Away)),
            // The store takes too long, or whoever asked it panicked.
            _ => Err(NoAnswer::Away),
        }
    }

    /// Asks the store on a thread that may block.
    fn begin<T: Send + Sync + 'static>(
        &self,
        ask: impl FnOnce(&dyn Statement) -> Result<T, Unread> + Send + 'static,
    ) -> Result<Answer<T>, NoAnswer> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| NoAnswer::Busy)?;
        let statement = Arc::clone(&self.statement);
        let (tell, answer) = watch::channel(None);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let read = ask(&*statement).map_err(|error| {
                tracing::debug!(%error, "what a key holder asked cannot be read");
                NoAnswer::Away
            });
            tell.send_replace(Some(read));
        });
        Ok(answer)
    }
}

/// An answer that may be on its way.
type Answer<T> = watch::Receiver<Option<Result<T, NoAnswer>>>;

/// Answers by the id of their key: those on their way, and for a moment those that came.
struct Kept<T> {
    most: usize,
    by_key: Mutex<HashMap<Arc<str>, Asked<T>>>,
}

struct Asked<T> {
    at: Instant,
    answer: Answer<T>,
}

impl<T> Kept<T> {
    fn new(most: usize) -> Kept<T> {
        Kept {
            most,
            by_key: Mutex::default(),
        }
    }

    /// The key's answer, or the one that `begin` begins: a key asks one thing once at a time, however
    /// many callers present it.
    fn find_or(
        &self,
        key: &Arc<str>,
        now: Instant,
        begin: impl FnOnce() -> Result<Answer<T>, NoAnswer>,
    ) -> Result<Answer<T>, NoAnswer> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let good = |asked: &Asked<T>| {
            now.saturating_duration_since(asked.at) < FRESH || is_on_its_way(&asked.answer)
        };
        if let Some(asked) = by_key.get(key).filter(|asked| good(asked)) {
            return Ok(asked.answer.clone());
        }
        let answer = begin()?;
        by_key.retain(|_, asked| good(asked));
        if by_key.len() >= self.most {
            by_key.retain(|_, asked| is_on_its_way(&asked.answer));
        }
        let asked = Asked {
            at: now,
            answer: answer.clone(),
        };
        by_key.insert(Arc::clone(key), asked);
        Ok(answer)
    }
}

fn is_on_its_way<T>(answer: &Answer<T>) -> bool {
    // An error: whoever would tell is gone.
    answer.borrow().is_none() && answer.has_changed().is_ok()
}

/// Why a question was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too many ask at the same time.
    Busy,
    /// The store does not answer.
    Away,
}

impl From<NoAnswer> for Refusal {
    fn from(no: NoAnswer) -> Refusal {
        let (words, wait) = match no {
            NoAnswer::Busy => (
                "too many ask about their keys at this moment; try again",
                FRESH,
            ),
            NoAnswer::Away => (
                "what this key has used cannot be read at the moment; try again in a few seconds",
                PATIENCE,
            ),
        };
        Refusal::new(Cause::Unavailable, words).after(wait)
    }
}

#[cfg(test)]
mod tests;
