//! Looks over the channels that serve a model: who is fit, who comes first, who stays out.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;
use std::time::Duration;

use llm::Format;
use rand::Rng;

use super::keys::{Standing, Turn, rotated, standing, wait};
use super::routes::{Member, Pool};
use super::spoken::spoken;
use super::{Candidate, NoPlan, Wanted};
use crate::health::Tick;
use crate::snapshot::Channel;

/// Channels a plan holds at most. Nobody waits for so many attempts; a bound keeps the sort of
/// a thousand channels out of every request.
const MAX_CHANNELS: usize = 64;
/// What a caller is told when only an operator can help.
const RETRY_DISABLED: Duration = Duration::from_secs(60);
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// What was found.
pub(super) struct Survey<'a> {
    /// In the order to try. A channel with fit and with rate-limited keys is in it twice.
    pub(super) ranked: Vec<Ranked<'a>>,
    /// Channels without any usable key.
    pub(super) out: Vec<(&'a Member, Out)>,
    /// Whose channels these are.
    group: &'a Arc<str>,
    now: Tick,
}

/// A channel and its place.
pub(super) struct Ranked<'a> {
    pub(super) member: &'a Member,
    pub(super) format: Format,
    /// Its keys that are rate-limited, or else those that are not.
    pub(super) limited: bool,
    chance: f64,
}

/// Why a channel of the pool is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Out {
    OtherFormat,
    Disabled,
    Shut,
}

impl<'a> Survey<'a> {
    pub(super) fn of(
        pool: &'a Pool<'_>,
        wanted: &Wanted<'_>,
        now: Tick,
        rng: &mut impl Rng,
    ) -> Survey<'a> {
        let mut survey = Survey {
            ranked: Vec::with_capacity(pool.members.len()),
            out: Vec::new(),
            group: pool.group,
            now,
        };
        for member in &*pool.members {
            survey.look_at(member, wanted, rng);
        }
        survey.sort();
        survey
    }

    fn look_at(&mut self, member: &'a Member, wanted: &Wanted<'_>, rng: &mut impl Rng) {
        let channel = &*member.channel;
        let Some(format) = spoken(channel, &member.upstream, wanted) else {
            return self.out.push((member, Out::OtherFormat));
        };
        if !channel.enabled {
            return self.out.push((member, Out::Disabled));
        }
        let has = |wanted| {
            let mut keys = 0..channel.keys.len();
            keys.any(|key| standing(channel, key, self.now) == wanted)
        };
        let (ready, limited) = (has(Standing::Ready), has(Standing::Limited));
        if !ready && !limited {
            return self.out.push((member, Out::Shut));
        }
        let chance = chance(channel.weight, rng);
        for (present, limited) in [(ready, false), (limited, true)] {
            if present {
                self.ranked.push(Ranked {
                    member,
                    format,
                    limited,
                    chance,
                });
            }
        }
    }

    /// The best first; beyond `MAX_CHANNELS` they are not even sorted.
    fn sort(&mut self) {
        if self.ranked.len() > MAX_CHANNELS {
            self.ranked
                .select_nth_unstable_by(MAX_CHANNELS, Ranked::order);
            self.ranked.truncate(MAX_CHANNELS);
        }
        self.ranked.sort_unstable_by(Ranked::order);
    }

    pub(super) fn candidates(&self, turn: Turn, rng: &mut impl Rng) -> Vec<Candidate> {
        let mut candidates = Vec::with_capacity(self.ranked.len());
        for (place, ranked) in self.ranked.iter().enumerate() {
            // Only the channel that is tried first uses up a turn; a fallback rarely gets one.
            let turn = if place == 0 { turn } else { Turn::Peek };
            let channel = &ranked.member.channel;
            for key in rotated(channel, ranked.standing(), turn, self.now, rng) {
                candidates.push(ranked.candidate(self.group, key));
            }
        }
        candidates
    }

    /// Why there is no candidate. (A channel that is ranked all the same lost its last key while
    /// the plan was made.)
    pub(super) fn nobody(&self, pool: &Pool<'_>) -> NoPlan {
        let lost = self.ranked.iter().map(|ranked| &ranked.member.channel);
        let lost = lost.map(|channel| self.wait(channel));
        let waits = self.out.iter().filter_map(|(member, out)| match out {
            Out::OtherFormat => None,
            Out::Disabled => Some(RETRY_DISABLED),
            Out::Shut => Some(self.wait(&member.channel)),
        });
        let waits = waits.chain(lost);
        if let Some(shortest) = waits.min() {
            return NoPlan::AllDown {
                retry_after: shortest.max(SHORTEST_RETRY),
            };
        }
        let speaks = |format: &Format| {
            let mut channels = pool.members.iter().map(|member| &member.channel);
            channels.any(|channel| channel.formats.contains(format))
        };
        NoPlan::OtherFormat {
            formats: Format::ALL.into_iter().filter(speaks).collect(),
        }
    }

    /// A channel that is back already was down a moment ago: soon is soon enough.
    fn wait(&self, channel: &Channel) -> Duration {
        wait(channel, self.now).unwrap_or(SHORTEST_RETRY)
    }
}

/// A weighted random order: of keys `u^(1/w)` with `u` evenly from (0, 1], the largest first
/// (Efraimidis and Spirakis, 2006). This is minus its logarithm, so the smallest comes first;
/// weight 0 comes after every other.
fn chance(weight: u32, rng: &mut impl Rng) -> f64 {
    let even = 1.0 - rng.random::<f64>();
    match weight {
        0 => even,
        weight => -even.ln() / f64::from(weight),
    }
}

impl Ranked<'_> {
    fn order(&self, other: &Self) -> Ordering {
        self.place()
            .cmp(&other.place())
            .then_with(|| self.chance.total_cmp(&other.chance))
    }

    fn place(&self) -> (bool, Reverse<i64>, bool) {
        let channel = &self.member.channel;
        (self.limited, Reverse(channel.priority), channel.weight == 0)
    }

    fn standing(&self) -> Standing {
        match self.limited {
            true => Standing::Limited,
            false => Standing::Ready,
        }
    }

    fn candidate(&self, group: &Arc<str>, key: usize) -> Candidate {
        Candidate {
            group: group.clone(),
            channel: self.member.channel.clone(),
            key,
            model: self.member.upstream.clone(),
            format: self.format,
            wish: self.member.wish,
        }
    }
}
