//! What decides whether an attempt goes through a lane, in one word.

use super::tick::Tick;
use super::{Change, Shut};

/// The part of a lane's state that is read for every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
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

    /// As a word.
    pub(super) fn pack(self) -> u64 {
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
        // 60 bits of milliseconds are 36 million years: nobody waits for the rest.
        let until = until.as_millis().min(u64::MAX >> Gate::BITS);
        (until << Gate::BITS) | if probing { Gate::PROBING } else { 0 } | kind
    }

    /// From `pack`'s word.
    pub(super) fn unpack(word: u64) -> Gate {
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

impl Change {
    /// What a step from `before` to `after` means to the outside.
    pub(super) fn between(before: Gate, after: Gate) -> Option<Change> {
        match (before, after) {
            (Gate::Shut { reason: old, .. }, Gate::Shut { reason: new, .. }) if old == new => None,
            (_, Gate::Shut { reason, .. }) => Some(Change::Shut(reason)),
            (Gate::Shut { reason, .. }, _) => Some(Change::Up(reason)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_every_gate() {
        for reason in [Shut::Breaker, Shut::Unauthorized, Shut::Exhausted] {
            for (millis, probing) in [(0, false), (1, true), ((1 << 59) + 7, true)] {
                let gate = Gate::Shut {
                    reason,
                    until: Tick::from_millis(millis),
                    probing,
                };
                assert_eq!(Gate::unpack(gate.pack()), gate);
            }
        }
        let endless = Gate::Shut {
            reason: Shut::Breaker,
            until: Tick::from_millis(u64::MAX),
            probing: false,
        };
        let far = Tick::from_millis(u64::MAX >> Gate::BITS);
        assert!(matches!(Gate::unpack(endless.pack()), Gate::Shut { until, .. } if until == far));
        for gate in [Gate::Clean, Gate::Struck] {
            assert_eq!(Gate::unpack(gate.pack()), gate);
        }
    }
}
