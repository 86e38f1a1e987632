//! What `plan` decides, by the code of live traffic, with its reasons kept.

mod words;

use std::sync::Arc;

use llm::Format;
use rand::Rng;

use super::keys::Turn;
use super::routes::Pool;
use super::survey::{Out, Survey};
use super::{Candidate, NoPlan, Wanted, add, pools, tried, unserved};
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
    let pools: Vec<Pool<'_>> = pools(snapshot, wanted).collect();
    let mut surveys = Vec::with_capacity(pools.len());
    let mut candidates = Vec::new();
    let mut nobody = None;
    for pool in &pools {
        let survey = Survey::of(pool, wanted, now, rng);
        let more = survey.candidates(Turn::Peek, rng);
        if more.is_empty() {
            nobody = Some(survey.nobody(pool).or(nobody));
        }
        add(&mut candidates, more);
        surveys.push(survey);
    }
    let refusal = match candidates.is_empty() {
        true => Some(nobody.unwrap_or_else(|| unserved(snapshot, wanted))),
        false => None,
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
        let mut all_out = surveys.iter().flat_map(|survey| &survey.out);
        let out = all_out.find(|(member, _)| member.channel.index == channel.index);
        let mut members = pools.iter().flat_map(|pool| &*pool.members);
        let in_pool = members.any(|member| member.channel.index == channel.index);
        match out.map(|(_, out)| *out) {
            _ if !in_pool => leave(None, not_in_pool(snapshot, channel, wanted)),
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

    let shares = Shares::among(&candidates);
    let explained = candidates.into_iter().map(|candidate| Explained {
        priority: candidate.channel.priority,
        weight: candidate.channel.weight,
        share: shares.of(&candidate),
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

fn not_in_pool(snapshot: &Snapshot, channel: &Channel, wanted: &Wanted<'_>) -> Reason {
    let mut tried = tried(snapshot, wanted.user_group, wanted.group);
    let in_group = tried.any(|group| channel.groups.iter().any(|own| **own == *group));
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

/// The channels of a plan, once in each group, to work out shares.
struct Shares(Vec<(Arc<str>, Arc<Channel>)>);

impl Shares {
    fn among(candidates: &[Candidate]) -> Shares {
        let mut channels: Vec<_> = candidates
            .iter()
            .map(|candidate| (candidate.group.clone(), candidate.channel.clone()))
            .collect();
        channels.sort_by(|a, b| (&a.0, a.1.index).cmp(&(&b.0, b.1.index)));
        channels.dedup_by(|a, b| (&a.0, a.1.index) == (&b.0, b.1.index));
        Shares(channels)
    }

    /// Its part of the weights of its group's tier; of a tier of zeros, an even one.
    fn of(&self, candidate: &Candidate) -> f64 {
        let channel = &candidate.channel;
        let in_tier = |(group, other): &&(Arc<str>, Arc<Channel>)| {
            *group == candidate.group && other.priority == channel.priority
        };
        let tier = || self.0.iter().filter(in_tier).map(|(_, channel)| channel);
        let total: f64 = tier().map(|other| f64::from(other.weight)).sum();
        match total > 0.0 {
            true => f64::from(channel.weight) / total,
            false => 1.0 / tier().count().max(1) as f64,
        }
    }
}
