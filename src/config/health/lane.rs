//! One key of one channel: a breaker, a switch that 401 turns off, and the upstream's own
//! "retry after".
//!
//! ```text
//!            failures in the window                        401, exhausted account
//!   Up ─────────────────────────────▶ Shut(Breaker)   any ───────────────────▶ Shut(key)
//!    ▲                                 │ after `open`                           │ each 5 min
//!    └──── success ──── one probe ◀────┴────────────────────────────────────────┘
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::tick::Tick;

/// A disabled key is tried once in this time, to see whether it works again.
pub(super) const DISABLED_PROBE_PERIOD: Duration = Duration::from_secs(300);
/// An upstream's `retry-after` is believed up to this long.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);
/// Failures a breaker remembers at most, whatever the configuration says.
const MAX_STRIKES: u32 = 1_000;

/// A channel's `breaker` and `auto_disable` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures inside `window` open it; 0: never.
    pub failures: u32,
    /// How long a failure counts.
    pub window: Duration,
    /// How long it stays open before a probe.
    pub open: Duration,
    /// 401 and exhausted accounts take the key out; else they count as failures.
    pub auto_disable: bool,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings {
            failures: 5,
            window: Duration::from_secs(30),
            open: Duration::from_secs(30),
            auto_disable: true,
        }
    }
}

/// What an attempt says about its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Success,
    /// Connect failure, timer, 5xx, cut or unreadable answer.
    Failure,
    /// 429: others are preferred until then (`now` when it did not say).
    RateLimited {
        /// The end of its `retry-after`.
        until: Tick,
    },
    /// 401: the key is wrong.
    Unauthorized,
    /// The account has no money or quota left.
    Exhausted,
    /// Nothing: the caller left, or the request itself was refused.
    Neutral,
}

/// Why nothing goes through a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shut {
    /// Too many failures.
    Breaker,
    /// The upstream refused the key.
    Unauthorized,
    /// The account is exhausted.
    Exhausted,
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shut::Breaker => "breaker open",
            Shut::Unauthorized => "key refused by the upstream",
            Shut::Exhausted => "account exhausted",
        })
    }
}

/// The answer to "may this attempt go through?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Go,
    /// Yes, and its outcome decides whether the lane opens again. Report it.
    Probe,
    /// No.
    Closed {
        /// When it is worth asking again.
        until: Tick,
        /// Why.
        reason: Shut,
    },
}

/// What a report changed, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was up and is shut now, or shut for another reason.
    Shut(Shut),
    /// It was shut for this reason and is up again.
    Up(Shut),
}

/// A lane as the admin API and the plan see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// In use.
    Up,
    /// In use when nothing better is left.
    RateLimited {
        /// The end of its `retry-after`.
        until: Tick,
    },
    /// Out of use.
    Shut {
        /// Why.
        reason: Shut,
        /// When a probe may go through; while one runs, when it counts as lost.
        until: Tick,
        /// A probe is on its way.
        probing: bool,
    },
}

impl LaneState {
    /// Whether `admit` would let an attempt through at `now`.
    pub fn usable(self, now: Tick) -> bool {
        match self {
            LaneState::Up | LaneState::RateLimited { .. } => true,
            LaneState::Shut { until, .. } => until <= now,
        }
    }
}

/// The state of one key of one channel. Reading is one atomic load; writing takes a short lock.
#[derive(Debug)]
pub struct Lane {
    /// A packed `Gate`.
    gate: AtomicU64,
    /// Milliseconds of a `Tick`; in the past when there is no limit.
    limited_until: AtomicU64,
    window: Mutex<Window>,
    /// Shared by the lanes of a channel: whose key's turn it is.
    turn: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Window {
    settings: BreakerSettings,
    strikes: VecDeque<Strike>,
}

/// A failure, and how many successes were seen since.
#[derive(Debug)]
struct Strike {
    at: Tick,
    successes_since: u32,
}

/// The part of the state that decides; fits into one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Nothing to remember: a success changes nothing.
    Clean,
    /// Up, with failures in the window.
    Struck,
    Shut {
        reason: Shut,
        until: Tick,
        probing: bool,
    },
}

impl Gate {
    const KIND: u64 = 0b0111;
    const PROBING: u64 = 0b1000;
    const BITS: u32 = 4;

    fn pack(self) -> u64 {
        let Gate::Shut {
            reason,
            until,
            probing,
        } = self
        else {
            return u64::from(self == Gate::Struck);
        };
        let kind = match reason {
            Shut::Breaker => 2,
            Shut::Unauthorized => 3,
            Shut::Exhausted => 4,
        };
        // 60 bits of milliseconds are 36 million years.
        (until.as_millis() << Gate::BITS) | if probing { Gate::PROBING } else { 0 } | kind
    }

    fn unpack(word: u64) -> Gate {
        let reason = match word & Gate::KIND {
            0 => return Gate::Clean,
            1 => return Gate::Struck,
            2 => Shut::Breaker,
            3 => Shut::Unauthorized,
            _ => Shut::Exhausted,
        };
        Gate::Shut {
            reason,
            until: Tick::from_millis(word >> Gate::BITS),
            probing: word & Gate::PROBING != 0,
        }
    }
}

impl Lane {
    pub(super) fn new(settings: BreakerSettings, turn: Arc<AtomicUsize>) -> Lane {
        Lane {
            gate: AtomicU64::new(Gate::Clean.pack()),
            limited_until: AtomicU64::new(0),
            window: Mutex::new(Window {
                settings,
                strikes: VecDeque::new(),
            }),
            turn,
        }
    }

    /// How it stands.
    pub fn state(&self, now: Tick) -> LaneState {
        if let Gate::Shut {
            reason,
            until,
            probing,
        } = self.gate()
        {
            return LaneState::Shut {
                reason,
                until,
                probing,
            };
        }
        let until = Tick::from_millis(self.limited_until.load(Ordering::Relaxed));
        if now < until {
            return LaneState::RateLimited { until };
        }
        LaneState::Up
    }

    /// Whether an attempt may start. After `Probe` the caller owes a report; a probe that never
    /// reports is given up after the time a new one would have been due.
    ///
    /// A rate-limited lane is admitted: it was put last in the plan, and limits may be of one
    /// model only.
    pub fn admit(&self, now: Tick) -> Admission {
        match self.gate() {
            Gate::Clean | Gate::Struck => Admission::Go,
            Gate::Shut { reason, until, .. } if now < until => Admission::Closed { until, reason },
            Gate::Shut { .. } => self.claim_probe(now),
        }
    }

    fn claim_probe(&self, now: Tick) -> Admission {
        let window = self.lock();
        match self.gate() {
            Gate::Clean | Gate::Struck => Admission::Go,
            Gate::Shut { reason, until, .. } if now < until => Admission::Closed { until, reason },
            Gate::Shut { reason, .. } => {
                self.set(Gate::Shut {
                    reason,
                    until: now + window.rest(reason),
                    probing: true,
                });
                Admission::Probe
            }
        }
    }

    /// Tells what came of an attempt.
    pub fn report(&self, outcome: Outcome, now: Tick) -> Option<Change> {
        if outcome == Outcome::Success && self.gate() == Gate::Clean {
            return None;
        }
        if let Outcome::RateLimited { until } = outcome {
            let until = until.min(now + MAX_RETRY_AFTER);
            self.limited_until
                .store(until.as_millis(), Ordering::Relaxed);
        }
        let mut window = self.lock();
        let before = self.gate();
        let after = window.step(before, outcome, now);
        self.set(after);
        Change::between(before, after)
    }

    /// An admin's word that everything is well again.
    pub fn clear(&self) {
        let mut window = self.lock();
        window.strikes.clear();
        self.limited_until.store(0, Ordering::Relaxed);
        self.set(Gate::Clean);
    }

    /// Takes over the settings of a new configuration; what was seen stays.
    pub(super) fn configure(&self, settings: BreakerSettings) {
        self.lock().settings = settings;
    }

    /// The channel's turn counter, for `key_rotation: round_robin`.
    pub(crate) fn turn(&self) -> &AtomicUsize {
        &self.turn
    }

    fn gate(&self) -> Gate {
        Gate::unpack(self.gate.load(Ordering::Acquire))
    }

    /// Only under the lock, so that no step is lost.
    fn set(&self, gate: Gate) {
        self.gate.store(gate.pack(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        // Nothing that is done under the lock leaves the window half changed.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// The whole state machine.
    fn step(&mut self, gate: Gate, outcome: Outcome, now: Tick) -> Gate {
        if let Some(reason) = self.disables(outcome) {
            return self.shut_key(gate, reason, now);
        }
        match gate {
            Gate::Clean | Gate::Struck => self.step_up(outcome, now),
            Gate::Shut { probing: false, .. } => gate, // an attempt that began before it shut
            Gate::Shut {
                reason: Shut::Breaker,
                ..
            } => self.step_half_open(outcome, now),
            Gate::Shut { reason, until, .. } => match outcome {
                Outcome::Success => self.reset(),
                _ => Gate::Shut {
                    reason,
                    until,
                    probing: false,
                },
            },
        }
    }

    fn disables(&self, outcome: Outcome) -> Option<Shut> {
        match outcome {
            Outcome::Unauthorized if self.settings.auto_disable => Some(Shut::Unauthorized),
            Outcome::Exhausted if self.settings.auto_disable => Some(Shut::Exhausted),
            _ => None,
        }
    }

    /// Late reports of a key that is out already do not push its next probe away.
    fn shut_key(&mut self, gate: Gate, reason: Shut, now: Tick) -> Gate {
        self.strikes.clear();
        let until = match gate {
            Gate::Shut {
                reason: Shut::Unauthorized | Shut::Exhausted,
                until,
                ..
            } => until,
            _ => now + DISABLED_PROBE_PERIOD,
        };
        Gate::Shut {
            reason,
            until,
            probing: false,
        }
    }

    fn step_up(&mut self, outcome: Outcome, now: Tick) -> Gate {
        self.forget_before(now);
        match outcome {
            Outcome::Success => {
                if let Some(strike) = self.strikes.back_mut() {
                    strike.successes_since = strike.successes_since.saturating_add(1);
                }
            }
            Outcome::Failure | Outcome::Unauthorized | Outcome::Exhausted => {
                if self.strike(now) {
                    return self.open(now);
                }
            }
            Outcome::RateLimited { .. } | Outcome::Neutral => {}
        }
        match self.strikes.is_empty() {
            true => Gate::Clean,
            false => Gate::Struck,
        }
    }

    fn step_half_open(&mut self, outcome: Outcome, now: Tick) -> Gate {
        match outcome {
            // A 429 is an answer too: the upstream is there.
            Outcome::Success | Outcome::RateLimited { .. } => self.reset(),
            Outcome::Neutral => Gate::Shut {
                reason: Shut::Breaker,
                until: now,
                probing: false,
            },
            _ => self.open(now),
        }
    }

    /// Counts a failure; whether it was one too many.
    ///
    /// The last `failures` failures lie inside the window and no more successes than that came
    /// between them: a busy channel with one failure in a hundred stays in use, its failures
    /// are what failover is for.
    fn strike(&mut self, now: Tick) -> bool {
        let limit = self.settings.failures.min(MAX_STRIKES);
        if limit == 0 {
            return false;
        }
        self.strikes.push_back(Strike {
            at: now,
            successes_since: 0,
        });
        while self.strikes.len() > limit as usize {
            self.strikes.pop_front();
        }
        let successes = self
            .strikes
            .iter()
            .map(|strike| u64::from(strike.successes_since));
        self.strikes.len() == limit as usize && successes.sum::<u64>() <= u64::from(limit)
    }

    fn forget_before(&mut self, now: Tick) {
        let window = self.settings.window;
        self.strikes.retain(|strike| now.since(strike.at) <= window);
    }

    fn open(&mut self, now: Tick) -> Gate {
        self.strikes.clear();
        Gate::Shut {
            reason: Shut::Breaker,
            until: now + self.settings.open,
            probing: false,
        }
    }

    fn reset(&mut self) -> Gate {
        self.strikes.clear();
        Gate::Clean
    }

    fn rest(&self, reason: Shut) -> Duration {
        match reason {
            Shut::Breaker => self.settings.open,
            Shut::Unauthorized | Shut::Exhausted => DISABLED_PROBE_PERIOD,
        }
    }
}

impl Change {
    fn between(before: Gate, after: Gate) -> Option<Change> {
        match (before, after) {
            (Gate::Shut { reason: old, .. }, Gate::Shut { reason: new, .. }) if old == new => None,
            (_, Gate::Shut { reason, .. }) => Some(Change::Shut(reason)),
            (Gate::Shut { reason, .. }, _) => Some(Change::Up(reason)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "tests/lane.rs"]
mod tests;
