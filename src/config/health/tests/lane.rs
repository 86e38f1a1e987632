use std::sync::atomic::AtomicU32;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::super::Shut;
use super::*;

const SETTINGS: BreakerSettings = BreakerSettings {
    failures: 3,
    window: Duration::from_secs(30),
    open: Duration::from_secs(10),
    auto_disable: true,
};
const OPEN_MS: u64 = 10_000;
const DISABLED_MS: u64 = 300_000;

fn lane() -> Lane {
    Lane::new(SETTINGS, Arc::default())
}

fn at(millis: u64) -> Tick {
    Tick::from_millis(millis)
}

#[track_caller]
fn report(lane: &Lane, outcomes: &[(u64, Outcome)]) {
    for (millis, outcome) in outcomes {
        lane.report(*outcome, at(*millis));
    }
}

/// A lane that three failures opened at 3 ms.
fn opened() -> Lane {
    let lane = lane();
    let failures = [
        (1, Outcome::Failure),
        (2, Outcome::Failure),
        (3, Outcome::Failure),
    ];
    report(&lane, &failures);
    assert!(matches!(lane.admit(at(3)), Admission::Closed { .. }));
    lane
}

#[test]
fn enough_failures_in_the_window_open_the_breaker() {
    let lane = lane();
    report(&lane, &[(0, Outcome::Failure), (1, Outcome::Failure)]);
    assert_eq!(lane.admit(at(2)), Admission::Go, "two of three");

    let change = lane.report(Outcome::Failure, at(30_000));
    assert_eq!(
        change,
        Some(Change::Shut(Shut::Breaker)),
        "the first one is just inside"
    );
    let closed = Admission::Closed {
        until: at(30_000 + OPEN_MS),
        reason: Shut::Breaker,
    };
    assert_eq!(lane.admit(at(30_001)), closed);
}

#[test]
fn old_failures_are_forgotten() {
    let lane = lane();
    report(
        &lane,
        &[
            (0, Outcome::Failure),
            (1, Outcome::Failure),
            (30_002, Outcome::Failure),
        ],
    );
    assert_eq!(lane.admit(at(30_002)), Admission::Go);
}

#[test]
fn a_busy_lane_with_few_failures_stays_up() {
    let lane = lane();
    for round in 0..1_000 {
        lane.report(Outcome::Failure, at(round));
        for _ in 0..3 {
            lane.report(Outcome::Success, at(round));
        }
    }
    assert_eq!(lane.admit(at(1_000)), Admission::Go, "one in four fails");
}

#[test]
fn half_failing_is_enough_to_open() {
    let lane = lane();
    for round in 0..3 {
        lane.report(Outcome::Success, at(round));
        lane.report(Outcome::Failure, at(round));
    }
    assert!(matches!(lane.admit(at(3)), Admission::Closed { .. }));
}

#[test]
fn half_open_lets_one_probe_through_and_its_success_closes() {
    let lane = opened();
    let due = 3 + OPEN_MS;
    assert!(matches!(lane.admit(at(due - 1)), Admission::Closed { .. }));
    assert_eq!(lane.admit(at(due)), Admission::Probe);
    assert!(
        matches!(lane.admit(at(due)), Admission::Closed { .. }),
        "one at a time"
    );

    let change = lane.report(Outcome::Success, at(due + 5));
    assert_eq!(change, Some(Change::Up(Shut::Breaker)));
    assert_eq!(lane.admit(at(due + 5)), Admission::Go);
    report(
        &lane,
        &[(due + 6, Outcome::Failure), (due + 7, Outcome::Failure)],
    );
    assert_eq!(
        lane.admit(at(due + 8)),
        Admission::Go,
        "old failures do not count again"
    );
}

#[test]
fn a_failed_probe_opens_again() {
    let lane = opened();
    let due = 3 + OPEN_MS;
    assert_eq!(lane.admit(at(due)), Admission::Probe);
    assert_eq!(
        lane.report(Outcome::Failure, at(due + 100)),
        None,
        "still shut"
    );
    let closed = Admission::Closed {
        until: at(due + 100 + OPEN_MS),
        reason: Shut::Breaker,
    };
    assert_eq!(lane.admit(at(due + 101)), closed);
    assert_eq!(lane.admit(at(due + 100 + OPEN_MS)), Admission::Probe);
}

#[test]
fn a_probe_that_never_reports_is_given_up() {
    let lane = opened();
    let due = 3 + OPEN_MS;
    assert_eq!(lane.admit(at(due)), Admission::Probe);
    assert!(matches!(
        lane.admit(at(due + OPEN_MS - 1)),
        Admission::Closed { .. }
    ));
    assert_eq!(lane.admit(at(due + OPEN_MS)), Admission::Probe);
}

#[test]
fn a_probe_that_says_nothing_makes_room_for_the_next() {
    let lane = opened();
    let due = 3 + OPEN_MS;
    assert_eq!(lane.admit(at(due)), Admission::Probe);
    lane.report(Outcome::Neutral, at(due + 1));
    assert_eq!(lane.admit(at(due + 1)), Admission::Probe);
}

#[test]
fn attempts_from_before_it_opened_change_nothing() {
    let lane = opened();
    lane.report(Outcome::Success, at(4));
    assert!(
        matches!(lane.admit(at(5)), Admission::Closed { .. }),
        "a late success"
    );
    lane.report(Outcome::Failure, at(3 + OPEN_MS - 1));
    assert_eq!(
        lane.admit(at(3 + OPEN_MS)),
        Admission::Probe,
        "a late failure does not prolong"
    );
}

#[test]
fn a_refused_key_is_out_until_a_probe_succeeds() {
    let lane = lane();
    let change = lane.report(Outcome::Unauthorized, at(0));
    assert_eq!(change, Some(Change::Shut(Shut::Unauthorized)));
    assert!(matches!(
        lane.admit(at(DISABLED_MS - 1)),
        Admission::Closed { .. }
    ));

    assert_eq!(lane.admit(at(DISABLED_MS)), Admission::Probe);
    lane.report(Outcome::Unauthorized, at(DISABLED_MS + 1));
    assert!(matches!(
        lane.admit(at(2 * DISABLED_MS - 1)),
        Admission::Closed { .. }
    ));

    assert_eq!(lane.admit(at(2 * DISABLED_MS)), Admission::Probe);
    lane.report(Outcome::Failure, at(2 * DISABLED_MS + 1));
    assert!(matches!(
        lane.admit(at(2 * DISABLED_MS + 2)),
        Admission::Closed { .. }
    ));

    assert_eq!(lane.admit(at(3 * DISABLED_MS)), Admission::Probe);
    let change = lane.report(Outcome::Success, at(3 * DISABLED_MS + 1));
    assert_eq!(change, Some(Change::Up(Shut::Unauthorized)));
    assert_eq!(lane.admit(at(3 * DISABLED_MS + 1)), Admission::Go);
}

#[test]
fn many_refusals_at_once_do_not_put_the_probe_off() {
    let lane = lane();
    lane.report(Outcome::Unauthorized, at(0));
    lane.report(Outcome::Exhausted, at(200_000));
    assert_eq!(lane.admit(at(DISABLED_MS)), Admission::Probe);
}

#[test]
fn an_admin_clears_a_lane() {
    let lane = lane();
    lane.report(Outcome::Exhausted, at(0));
    let until = at(60_000);
    lane.report(Outcome::RateLimited { until }, at(0));
    lane.clear();
    assert_eq!(lane.state(at(1)), LaneState::Up);
    assert_eq!(lane.admit(at(1)), Admission::Go);
}

#[test]
fn without_auto_disable_a_refused_key_counts_as_a_failure() {
    let settings = BreakerSettings {
        auto_disable: false,
        ..SETTINGS
    };
    let lane = Lane::new(settings, Arc::default());
    report(
        &lane,
        &[(0, Outcome::Unauthorized), (1, Outcome::Exhausted)],
    );
    assert_eq!(lane.admit(at(2)), Admission::Go);
    let change = lane.report(Outcome::Unauthorized, at(3));
    assert_eq!(change, Some(Change::Shut(Shut::Breaker)));
}

#[test]
fn zero_failures_turn_the_breaker_off() {
    let settings = BreakerSettings {
        failures: 0,
        ..SETTINGS
    };
    let lane = Lane::new(settings, Arc::default());
    for millis in 0..100 {
        lane.report(Outcome::Failure, at(millis));
    }
    assert_eq!(lane.admit(at(100)), Admission::Go);
}

#[test]
fn a_rate_limit_passes_by_itself_and_forbids_nothing() {
    let lane = lane();
    let until = at(5_000);
    lane.report(Outcome::RateLimited { until }, at(0));
    assert_eq!(lane.state(at(4_999)), LaneState::RateLimited { until });
    assert_eq!(lane.admit(at(4_999)), Admission::Go);
    assert_eq!(lane.state(until), LaneState::Up);

    let never = at(u64::MAX);
    lane.report(Outcome::RateLimited { until: never }, at(0));
    assert_eq!(
        lane.state(at(600_000)),
        LaneState::Up,
        "an endless retry-after is cut"
    );
}

#[test]
fn a_rate_limit_is_no_failure_and_proves_that_the_upstream_is_there() {
    let limited = Outcome::RateLimited { until: at(0) };
    let lane = lane();
    report(&lane, &[(0, limited); 10]);
    assert_eq!(lane.admit(at(1)), Admission::Go);

    let lane = opened();
    assert_eq!(lane.admit(at(3 + OPEN_MS)), Admission::Probe);
    lane.report(limited, at(4 + OPEN_MS));
    assert_eq!(lane.state(at(5 + OPEN_MS)), LaneState::Up);
}

#[test]
fn threads_that_race_for_the_probe_get_one() {
    for _ in 0..50 {
        let lane = opened();
        let probes = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    if lane.admit(at(3 + OPEN_MS)) == Admission::Probe {
                        probes.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(probes.into_inner(), 1);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Report(Outcome),
    Admit,
    Clear,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Report(Outcome::Success)),
        6 => Just(Step::Report(Outcome::Failure)),
        1 => Just(Step::Report(Outcome::Unauthorized)),
        1 => Just(Step::Report(Outcome::Exhausted)),
        1 => Just(Step::Report(Outcome::Neutral)),
        1 => (0u64..1_000_000).prop_map(|until| Step::Report(Outcome::RateLimited { until: at(until) })),
        6 => Just(Step::Admit),
        1 => Just(Step::Clear),
        4 => (0u64..20_000).prop_map(Step::Wait),
        1 => (0u64..400_000).prop_map(Step::Wait),
    ]
}

/// What must hold whatever happens, told from the outside.
#[derive(Default)]
struct Watcher {
    now: u64,
    /// The last probe that was let through and has not been answered.
    probe: Option<u64>,
    closed_until: Option<u64>,
    failures_in_a_row: Vec<u64>,
    key_out: bool,
}

impl Watcher {
    fn step(&mut self, lane: &Lane, step: Step) {
        match step {
            Step::Wait(millis) => self.now += millis,
            Step::Clear => {
                lane.clear();
                *self = Watcher {
                    now: self.now,
                    ..Watcher::default()
                };
                assert_eq!(lane.admit(at(self.now)), Admission::Go, "cleared");
            }
            Step::Admit => self.admitted(lane.admit(at(self.now))),
            Step::Report(outcome) => self.reported(lane, outcome),
        }
        let usable = lane.state(at(self.now)).usable(at(self.now));
        if let Some(until) = self.closed_until
            && self.now < until
        {
            assert!(!usable, "closed until {until}, usable at {}", self.now);
        }
    }

    fn admitted(&mut self, admission: Admission) {
        match admission {
            Admission::Go => {
                assert!(
                    !self.key_out,
                    "a key that is out goes nowhere without a probe"
                );
                assert!(
                    self.closed_until.is_none(),
                    "shut lanes open by a probe only"
                );
            }
            Admission::Probe => {
                if let Some(earlier) = self.probe {
                    let lost = if self.key_out { DISABLED_MS } else { OPEN_MS };
                    assert!(self.now - earlier >= lost, "two probes at once");
                }
                let until = self.closed_until.expect("only a shut lane is probed");
                assert!(self.now >= until, "probed before {until}");
                self.probe = Some(self.now);
                self.closed_until =
                    Some(self.now + if self.key_out { DISABLED_MS } else { OPEN_MS });
            }
            Admission::Closed { until, .. } => {
                assert!(at(self.now) < until, "closed without a wait");
                let longest = self.now + DISABLED_MS.max(OPEN_MS);
                assert!(
                    until.as_millis() <= longest,
                    "shut for longer than any rule says"
                );
                self.closed_until = Some(until.as_millis());
            }
        }
    }

    fn reported(&mut self, lane: &Lane, outcome: Outcome) {
        let was_shut = self.closed_until.is_some();
        lane.report(outcome, at(self.now));
        let state = lane.state(at(self.now));
        match state {
            LaneState::Shut { until, reason, .. } => {
                assert!(
                    was_shut || outcome != Outcome::Success,
                    "a success shuts nothing"
                );
                self.closed_until = Some(until.as_millis());
                self.key_out = reason != Shut::Breaker;
            }
            LaneState::Up | LaneState::RateLimited { .. } => {
                assert!(
                    !was_shut || self.probe.is_some(),
                    "opened by a report of an attempt that was no probe"
                );
                self.closed_until = None;
                self.key_out = false;
            }
        }
        self.probe = None;
        self.count(outcome, was_shut, state);
    }

    fn count(&mut self, outcome: Outcome, was_shut: bool, state: LaneState) {
        if was_shut || outcome == Outcome::Success {
            self.failures_in_a_row.clear();
            return;
        }
        if outcome == Outcome::Failure {
            self.failures_in_a_row.push(self.now);
        }
        let inside = |failure: &&u64| self.now - **failure <= 30_000;
        let recent = self.failures_in_a_row.iter().filter(inside).count();
        if outcome == Outcome::Failure && recent >= SETTINGS.failures as usize {
            let shut = matches!(state, LaneState::Shut { .. });
            assert!(shut, "{recent} failures in a row and still up");
        }
    }
}

proptest! {
    #[test]
    fn the_rules_hold_in_every_story(steps in prop::collection::vec(step(), 0..200)) {
        let lane = lane();
        let mut watcher = Watcher::default();
        for step in steps {
            watcher.step(&lane, step);
        }
    }

    #[test]
    fn fewer_failures_than_the_limit_never_open(times in prop::collection::vec(0u64..30_000, 0..3)) {
        prop_assume!(times.len() < SETTINGS.failures as usize);
        let lane = lane();
        for millis in times {
            lane.report(Outcome::Failure, at(millis));
        }
        prop_assert_eq!(lane.admit(at(30_000)), Admission::Go);
    }

    #[test]
    fn every_shut_lane_comes_back(steps in prop::collection::vec(step(), 0..100)) {
        let lane = lane();
        let mut watcher = Watcher::default();
        for step in steps {
            watcher.step(&lane, step);
        }
        let later = watcher.now + DISABLED_MS;
        match lane.admit(at(later)) {
            Admission::Go => {}
            Admission::Probe => {
                lane.report(Outcome::Success, at(later));
                prop_assert_eq!(lane.admit(at(later)), Admission::Go);
            }
            closed => prop_assert!(false, "{closed:?} after every wait is over"),
        }
    }
}
