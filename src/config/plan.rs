//! Decides who is asked, and in which order.

mod explain;
mod keys;
mod routes;
mod spoken;
mod survey;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use llm::suffix::Wish;
use llm::{Format, Operation};
use rand::Rng;

pub use explain::{Explained, Explanation, LeftOut, Reason, explain};
use keys::Turn;
use routes::{Pool, tried};
pub use routes::{Routes, Served, served, served_to, serves, serves_to};
use survey::Survey;

use crate::health::Tick;
use crate::snapshot::{Channel, Snapshot};

/// What a request is looking for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The group whose channels it may use; of `auto`, one group after another.
    pub group: &'a str,
    /// The group of the caller's user, which may not be allowed to use every group; `None` for keys
    /// of the configuration.
    pub user_group: Option<&'a str>,
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
    /// The group it is a candidate of: whose ratio an answer of it costs.
    pub group: Arc<str>,
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

/// Candidates in the order to try them; never empty. Groups come one after another; inside a group
/// the keys of a channel stand together.
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
    /// Only channels of other groups serve it, or of groups the user may not use.
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
    let mut candidates = Vec::new();
    let mut nobody: Option<NoPlan> = None;
    for pool in pools(snapshot, wanted) {
        let survey = Survey::of(&pool, wanted, now, rng);
        // Only the group that is tried first uses up a turn.
        let turn = match candidates.is_empty() {
            true => Turn::Take,
            false => Turn::Peek,
        };
        let more = survey.candidates(turn, rng);
        if more.is_empty() {
            nobody = Some(survey.nobody(&pool).or(nobody));
        }
        add(&mut candidates, more);
    }
    match candidates.is_empty() {
        false => Ok(Plan { candidates }),
        true => Err(nobody.unwrap_or_else(|| unserved(snapshot, wanted))),
    }
}

/// Adds the candidates of a further group, without those there are already: a key that failed for
/// one group fails for the next.
fn add(candidates: &mut Vec<Candidate>, mut more: Vec<Candidate>) {
    if candidates.is_empty() {
        *candidates = more;
        return;
    }
    let place = |candidate: &Candidate| (candidate.channel.index, candidate.key);
    let known: HashSet<_> = candidates.iter().map(place).collect();
    more.retain(|candidate| !known.contains(&place(candidate)));
    candidates.append(&mut more);
}

/// Who serves the model, group by group. A name that the catalogue of prices knows is a model's own,
/// whatever it ends in (`gpt-5.1-codex-max`).
fn pools<'a>(
    snapshot: &'a Snapshot,
    wanted: &Wanted<'a>,
) -> impl Iterator<Item = Pool<'a>> + use<'a> {
    let is_model = |name: &str| snapshot.prices.has(name);
    let groups = tried(snapshot, wanted.user_group, wanted.group);
    snapshot.routes.pools(groups, wanted.model, is_model)
}

fn unserved(snapshot: &Snapshot, wanted: &Wanted<'_>) -> NoPlan {
    match snapshot.routes.known(wanted.model) {
        true => NoPlan::NotInGroup,
        false => NoPlan::UnknownModel,
    }
}

impl NoPlan {
    /// Of two groups' reasons the one that gives more hope: being down passes by, and the sooner
    /// the better.
    fn or(self, other: Option<NoPlan>) -> NoPlan {
        match (self, other) {
            (
                NoPlan::AllDown { retry_after: one },
                Some(NoPlan::AllDown { retry_after: other }),
            ) => NoPlan::AllDown {
                retry_after: one.min(other),
            },
            (_, Some(down @ NoPlan::AllDown { .. })) => down,
            (this, _) => this,
        }
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
