//! What `plan` decides, by the code of live traffic, with its reasons kept.

mod words;

use std::sync::Arc;

use llm::Format;
use rand::Rng;

use super::keys::Turn;
use super::survey::{Out, Survey};
use super::{Candidate, NoPlan, Wanted, pool, unserved};
use crate::health::{LaneState, Shut, Tick};
use crate::snapshot::{Channel, Snapshot};

/// A plan with its reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The group that was asked for.
    pub group: String,
    /// The model that was asked for.
    pub model: String,
    /// The format that was asked for.
    pub format: Format,
    /// Who would be tried, in this order.
    pub candidates: Vec<Explained>,
    /// What a caller would be told, when nobody would be tried.
    pub refusal: Option<NoPlan>,
    /// Channels, and single keys of channels, that would not be tried.
    pub left_out: Vec<LeftOut>,
    now: Tick,
}

/// A candidate and what put it where it is.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Who.
    pub candidate: Candidate,
    /// The tier.
    pub priority: i64,
    /// The channel's weight.
    pub weight: u32,
    /// How often the channel comes first of its tier, from 0 to 1.
    pub share: f64,
    /// The state of its lane.
    pub lane: LaneState,
}

/// A channel or a key that is not tried.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// The channel.
    pub channel: Arc<str>,
    /// One key of it; `None`: the whole channel.
    pub key: Option<usize>,
    /// Why.
    pub reason: Reason,
}

/// Why a channel is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `enabled: false`.
    Disabled,
    /// It is in other groups.
    OtherGroup(Vec<Arc<str>>),
    /// None of its models is the asked one.
    ModelNotServed,
    /// It speaks only these.
    OtherFormat(Vec<Format>),
    /// Its lane lets nothing through before then.
    Shut {
        /// Why it is shut.
        reason: Shut,
        /// When a probe may go through.
        until: Tick,
    },
    /// So many better ones come before it that nobody would get here.
    TooManyBefore,
}

/// Why `plan` decides as it does. Looks without touching: no turn of a round robin is used up.
pub fn explain(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
    now: Tick,
    rng: &mut impl Rng,
) -> Explanation {
    let pool = pool(snapshot, wanted);
    let survey = Survey::of(&pool, wanted, now, rng);
    let candidates = survey.candidates(Turn::Peek, rng);
    let refusal = match (pool.is_empty(), candidates.is_empty()) {
        (true, _) => Some(unserved(snapshot, wanted)),
        (false, true) => Some(survey.nobody(&pool)),
        (false, false) => None,
    };

    let tried = |name: &str, key: usize| {
        let mut all = candidates.iter();
        all.any(|candidate| *candidate.channel.name == *name && candidate.key == key)
    };
    let mut left_out = Vec::new();
    for channel in &snapshot.channels {
        let mut leave = |key, reason| {
            left_out.push(LeftOut {
                channel: channel.name.clone(),
                key,
                reason,
            });
        };
        let out = survey
            .out
            .iter()
            .find(|(member, _)| member.channel.index == channel.index);
        let in_pool = pool
            .iter()
            .any(|member| member.channel.index == channel.index);
        match out.map(|(_, out)| *out) {
            _ if !in_pool => leave(None, not_in_pool(channel, wanted)),
            Some(Out::OtherFormat) => leave(None, Reason::OtherFormat(channel.formats.clone())),
            Some(Out::Disabled) => leave(None, Reason::Disabled),
            Some(Out::Shut) | None => {
                let keys = 0..channel.keys.len();
                for key in keys.filter(|key| !tried(&channel.name, *key)) {
                    leave(Some(key), not_tried(channel, key, now));
                }
            }
        }
    }

    let shares = Shares::of(&candidates);
    let explained = candidates.into_iter().map(|candidate| Explained {
        priority: candidate.channel.priority,
        weight: candidate.channel.weight,
        share: shares.of_channel(&candidate.channel),
        lane: candidate.channel.keys[candidate.key].lane.state(now),
        candidate,
    });
    Explanation {
        group: wanted.group.to_owned(),
        model: wanted.model.to_owned(),
        format: wanted.format,
        candidates: explained.collect(),
        refusal,
        left_out,
        now,
    }
}

fn not_in_pool(channel: &Channel, wanted: &Wanted<'_>) -> Reason {
    let in_group = channel.groups.iter().any(|group| **group == *wanted.group);
    match in_group {
        true => Reason::ModelNotServed,
        false => Reason::OtherGroup(channel.groups.clone()),
    }
}

fn not_tried(channel: &Channel, key: usize, now: Tick) -> Reason {
    match channel.keys[key].lane.state(now) {
        LaneState::Shut { reason, until, .. } => Reason::Shut { reason, until },
        LaneState::Up | LaneState::RateLimited { .. } => Reason::TooManyBefore,
    }
}

/// The channels of a plan, once each, to work out shares.
struct Shares(Vec<Arc<Channel>>);

impl Shares {
    fn of(candidates: &[Candidate]) -> Shares {
        let mut channels: Vec<Arc<Channel>> = candidates
            .iter()
            .map(|candidate| candidate.channel.clone())
            .collect();
        channels.sort_by_key(|channel| channel.index);
        channels.dedup_by_key(|channel| channel.index);
        Shares(channels)
    }

    /// Its part of the tier's weights; of a tier of zeros, an even one.
    fn of_channel(&self, channel: &Channel) -> f64 {
        let tier = || {
            self.0
                .iter()
                .filter(|other| other.priority == channel.priority)
        };
        let total: f64 = tier().map(|other| f64::from(other.weight)).sum();
        match total > 0.0 {
            true => f64::from(channel.weight) / total,
            false => 1.0 / tier().count().max(1) as f64,
        }
    }
}
