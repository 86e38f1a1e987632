//! Limits of requests, tokens and concurrency: what they are, and what counts against them.

mod memory;
mod window;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use memory::Memory;

/// The longest time a refused caller is told to wait: after a minute every window is empty.
pub const WINDOW: Duration = Duration::from_secs(60);

/// What a subject may do; a limit that is absent does not bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any minute.
    pub rpm: Option<u64>,
    /// Tokens in any minute, input and output together.
    pub tpm: Option<u64>,
    /// Requests at the same time.
    pub concurrency: Option<u64>,
    /// Count what would be refused instead of refusing it.
    pub shadow: bool,
}

impl Limits {
    /// Whether nothing is bounded.
    pub fn is_empty(&self) -> bool {
        self.rpm.is_none() && self.tpm.is_none() && self.concurrency.is_none()
    }
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One gateway key.
    Key,
    /// All keys of a user.
    User,
    /// All keys that use a group.
    Group,
    /// Everybody's requests for a model.
    Model,
}

impl Scope {
    /// The name used in refusals, metrics and the subjects of counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Key => "key",
            Scope::User => "user",
            Scope::Group => "group",
            Scope::Model => "model",
        }
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Requests at a time.
    Concurrency,
}

impl Kind {
    /// The configuration's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Requests => "rpm",
            Kind::Tokens => "tpm",
            Kind::Concurrency => "concurrency",
        }
    }
}

/// A subject and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Whose limits these are.
    pub scope: Scope,
    /// Unique within the scope: a token's id, a group's name, a model's pattern.
    pub subject: Arc<str>,
    /// The limits.
    pub limits: Limits,
}

/// A request at the door: every bound it falls under, decided upon in one step.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request's id.
    pub id: Arc<str>,
    /// Never empty.
    pub bounds: Vec<Bound>,
    /// Tokens reserved: the input by estimate.
    pub tokens: u64,
}

/// A limit that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Whose.
    pub scope: Scope,
    /// Which.
    pub kind: Kind,
    /// How much it allows.
    pub limit: u64,
    /// When there will be room; at least a second, at most [`WINDOW`].
    pub retry_after: Duration,
}

/// Room left under the strictest limit of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How much it allows in a minute.
    pub limit: u64,
    /// How much of that is left.
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Duration,
}

/// How a caller stands after its request was admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// By requests; absent without such a limit.
    pub requests: Option<Left>,
    /// By tokens.
    pub tokens: Option<Left>,
}

impl Standing {
    /// Keeps the tighter of two.
    pub fn tighten(known: &mut Option<Left>, other: Option<Left>) {
        if let Some(other) = other
            && known.is_none_or(|known| other.remaining < known.remaining)
        {
            *known = Some(other);
        }
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There was room under every bound, and it is taken.
    Admitted {
        /// What is left.
        standing: Standing,
        /// Limits in shadow mode that would have refused it.
        shadowed: Vec<Breach>,
        /// The second it was counted in, by the counters' own clock.
        at: u64,
    },
    /// Nothing is taken.
    Refused(Breach),
    /// The counters cannot be reached; nothing is taken.
    Away,
}

/// What counts. Taking and giving back are each one step over all bounds of a request.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Takes room for the request under every bound, or none.
    async fn enter(&self, entry: &Entry) -> Admission;

    /// The request ended. `used`: its tokens in truth, in and out; `None`: it never began, and
    /// everything it took is given back. `at`: as `enter` said.
    fn leave(&self, entry: &Entry, at: u64, used: Option<u64>);
}

/// Room that a request has; given back when it is dropped, however the request ends.
pub struct Permit {
    counters: Arc<dyn Counters>,
    entry: Entry,
    at: u64,
    used: Option<u64>,
}

impl Permit {
    /// Asks for room; the permit is there exactly when the request is admitted.
    pub async fn ask(counters: &Arc<dyn Counters>, entry: Entry) -> (Admission, Option<Permit>) {
        let admission = counters.enter(&entry).await;
        let permit = match &admission {
            Admission::Admitted { at, .. } => Some(Permit {
                counters: Arc::clone(counters),
                entry,
                at: *at,
                used: None,
            }),
            Admission::Refused(_) | Admission::Away => None,
        };
        (admission, permit)
    }

    /// The request was answered with so many tokens in all.
    pub fn settle(mut self, used: u64) {
        self.used = Some(used);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.counters.leave(&self.entry, self.at, self.used);
    }
}
