//! The state machine of a lane: which gate follows from which outcome.

use std::collections::VecDeque;
use std::time::Duration;

use super::gate::Gate;
use super::tick::Tick;
use super::{BreakerSettings, DISABLED_PROBE_PERIOD, Outcome, Shut};

/// Failures a breaker remembers at most, whatever the configuration says.
const MAX_STRIKES: u32 = 1_000;

/// The failures of late, and the rules by which they count.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) settings: BreakerSettings,
    strikes: VecDeque<Strike>,
}

/// A failure, and how many successes were seen since.
#[derive(Debug)]
struct Strike {
    at: Tick,
    successes_since: u32,
}

impl Window {
    pub(super) fn new(settings: BreakerSettings) -> Window {
        Window {
            settings,
            strikes: VecDeque::new(),
        }
    }

    /// The whole state machine.
    pub(super) fn step(&mut self, gate: Gate, outcome: Outcome, now: Tick) -> Gate {
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

    /// Forgets everything.
    pub(super) fn reset(&mut self) -> Gate {
        self.strikes.clear();
        Gate::Clean
    }

    /// How long a lane is left alone between two probes.
    pub(super) fn rest(&self, reason: Shut) -> Duration {
        match reason {
            Shut::Breaker => self.settings.open,
            Shut::Unauthorized | Shut::Exhausted => DISABLED_PROBE_PERIOD,
        }
    }
}
