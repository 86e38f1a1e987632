//! One clock that the mock upstream and the load generator, two processes, read alike.

use std::time::Duration;

use nix::sys::prctl;
use nix::time::{ClockId, clock_gettime};

/// Sleeps end this close to their time; the kernel's default of 50 µs would drown what is measured.
const TIMER_SLACK_NS: u64 = 1_000;

/// Nanoseconds since boot (`CLOCK_MONOTONIC`), the same in every process of this machine.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has a monotonic clock");
    u64::try_from(Duration::from(now).as_nanos()).expect("584 years of uptime fit")
}

/// Sleeps until `at_ns` of [`now_ns`]; returns at once when that has passed.
pub fn sleep_until(at_ns: u64) {
    let now = now_ns();
    if at_ns > now {
        std::thread::sleep(Duration::from_nanos(at_ns - now));
    }
}

/// Makes sleeps of this thread, and of threads it starts later, precise.
pub fn sleep_precisely() {
    // Without the permission sleeps are 50 µs late, alike for everything measured.
    let _ = prctl::set_timerslack(TIMER_SLACK_NS);
}
