//! Decides who is asked, and in which order.

mod explain;
mod keys;
mod routes;
mod spoken;
mod survey;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use llm::suffix::Wish;
use llm::{Format, Operation};
use rand::Rng;

pub use explain::{Explained, Explanation, LeftOut, Reason, explain};
use keys::Turn;
use routes::Member;
pub use routes::{Routes, Served, served, serves};
use survey::Survey;

use crate::health::Tick;
use crate::snapshot::{Channel, Snapshot};

/// What a request is looking for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The group whose channels it may use.
    pub group: &'a str,
    /// The asked model name.
    pub model: &'a str,
    /// The caller's format.
    pub format: Format,
    /// What is to be done.
    pub operation: Operation,
    /// Whether the request declares tools and lets the model think: some models take both
    /// together in one format only.
    pub thinks_with_tools: bool,
}

/// One key of one channel: something an attempt can be made with.
#[derive(Clone)]
pub struct Candidate {
    /// The upstream account.
    pub channel: Arc<Channel>,
    /// Index into `channel.keys`.
    pub key: usize,
    /// The name sent upstream, after `model_map`.
    pub model: Arc<str>,
    /// The format spoken with it.
    pub format: Format,
    /// What a suffix of the asked name wishes of the model's thinking.
    pub wish: Option<Wish>,
}

/// Candidates in the order to try them; never empty. The keys of a channel stand together.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Channels by tier, inside a tier by weighted chance; rate-limited ones last of all.
    /// Ask each lane for admission before use: things may have changed since.
    pub candidates: Vec<Candidate>,
}

/// Why nobody is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// No channel of any group serves the model.
    #[error("no channel serves the model")]
    UnknownModel,
    /// Only channels of other groups serve it.
    #[error("no channel of the group serves the model")]
    NotInGroup,
    /// Only channels that speak other formats serve it, and the operation is one that cannot be
    /// converted.
    #[error("served only in other formats: {}", list(formats))]
    OtherFormat {
        /// The formats it is served in.
        formats: Vec<Format>,
    },
    /// Every candidate is disabled, or its lane is shut.
    #[error("every candidate is out of use; one may be back in {} s", retry_after.as_secs())]
    AllDown {
        /// When the first of them may be tried again; at least a second.
        retry_after: Duration,
    },
}

/// Who to ask for `wanted`, best first.
pub fn plan(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
    now: Tick,
    rng: &mut impl Rng,
) -> Result<Plan, NoPlan> {
    let pool = pool(snapshot, wanted);
    if pool.is_empty() {
        return Err(unserved(snapshot, wanted));
    }
    let survey = Survey::of(&pool, wanted, now, rng);
    let candidates = survey.candidates(Turn::Take, rng);
    if candidates.is_empty() {
        return Err(survey.nobody(&pool));
    }
    Ok(Plan { candidates })
}

/// Who serves the model. A name that the catalogue of prices knows is a model's own, whatever it
/// ends in (`gpt-5.1-codex-max`).
fn pool<'a>(snapshot: &'a Snapshot, wanted: &Wanted<'_>) -> Cow<'a, [Member]> {
    let is_model = |name: &str| snapshot.prices.has(name);
    snapshot.routes.pool(wanted.group, wanted.model, is_model)
}

fn unserved(snapshot: &Snapshot, wanted: &Wanted<'_>) -> NoPlan {
    match snapshot.routes.known(wanted.model) {
        true => NoPlan::NotInGroup,
        false => NoPlan::UnknownModel,
    }
}

fn list(formats: &[Format]) -> String {
    let names: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
    names.join(", ")
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}#{} {} as {}",
            self.channel.name, self.key, self.model, self.format
        )
    }
}

#[cfg(test)]
mod tests;
