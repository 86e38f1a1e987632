//! One key of one channel: a breaker, a switch that 401 turns off, and the upstream's own
//! "retry after".
//!
//! ```text
//!            failures in the window                        401, exhausted account
//!   Up ─────────────────────────────▶ Shut(Breaker)   any ───────────────────▶ Shut(key)
//!    ▲                                 │ after `open`                           │ each 5 min
//!    └──── success ──── one probe ◀────┴────────────────────────────────────────┘
//! ```

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::Gate;
use super::tick::Tick;
use super::window::Window;
use super::{Admission, BreakerSettings, Change, LaneState, MAX_RETRY_AFTER, Outcome};

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

impl Lane {
    pub(super) fn new(settings: BreakerSettings, turn: Arc<AtomicUsize>) -> Lane {
        Lane {
            gate: AtomicU64::new(Gate::Clean.pack()),
            limited_until: AtomicU64::new(0),
            window: Mutex::new(Window::new(settings)),
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
        self.limited_until.store(0, Ordering::Relaxed);
        self.set(window.reset());
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

#[cfg(test)]
#[path = "tests/lane.rs"]
mod tests;
