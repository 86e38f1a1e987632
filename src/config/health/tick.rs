//! Monotonic time as one integer, so that it fits into an atomic.

use std::ops::Add;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Milliseconds since this process first asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// A point in time for tests and arithmetic.
    pub const fn from_millis(millis: u64) -> Tick {
        Tick(millis)
    }

    /// Now. The only clock of this module; everything else takes a `Tick`.
    pub fn now() -> Tick {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let since = ORIGIN.get_or_init(Instant::now).elapsed();
        Tick(millis(since))
    }

    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier`; zero when it is not.
    pub const fn since(self, earlier: Tick) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;

    fn add(self, later: Duration) -> Tick {
        Tick(self.0.saturating_add(millis(later)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
