//! A treasury that takes its time, with any number of accounts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

/// How long it takes what is given back.
const LONG: Duration = Duration::from_millis(300);

/// How long leases last in tests of what comes too late, and how long that takes.
const TERM: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_millis(80);

#[derive(Debug, Default)]
struct Slow {
    leases: Mutex<HashMap<String, Nanos>>,
    /// How long it takes to lease and to renew; leases expire meanwhile.
    delay: Mutex<Duration>,
    /// Does what it is asked and does not say so.
    losing: AtomicBool,
}

impl Slow {
    fn take_time(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    fn pass_time(&self) {
        let delay = *self.delay.lock().unwrap();
        thread::sleep(delay);
        if delay >= TERM {
            self.leases.lock().unwrap().clear();
        }
    }

    fn leased(&self) -> Nanos {
        let leases = self.leases.lock().unwrap();
        leases.get("key:a").copied().unwrap_or_default()
    }
}

impl Treasury for Slow {
    fn lease(&self, account: &str, _: Ceiling, need: Nanos, _: Nanos) -> Result<Taken, NoAnswer> {
        self.pass_time();
        let mut leases = self.leases.lock().unwrap();
        let lease = leases.entry(account.into()).or_default();
        *lease = lease.saturating_add(need);
        match self.losing.load(Ordering::Relaxed) {
            true => Err(NoAnswer::new("lost")),
            false => Ok(Taken::Lease(need)),
        }
    }

    fn renew(&self) -> Result<Vec<(String, Nanos)>, NoAnswer> {
        self.pass_time();
        Ok(self.leases.lock().unwrap().clone().into_iter().collect())
    }

    fn give_back(&self, account: &str, _: Nanos) -> Result<bool, NoAnswer> {
        thread::sleep(LONG);
        Ok(self.leases.lock().unwrap().remove(account).is_some())
    }

    fn expire(&self) -> Result<(), NoAnswer> {
        Ok(())
    }
}

impl Records for Slow {
    fn are_rescued(&self) -> bool {
        true
    }

    fn written(&self) -> u64 {
        0
    }

    fn stored(&self) -> u64 {
        0
    }
}

#[test]
fn leases_are_renewed_while_many_are_given_back() {
    let slow = Arc::new(Slow::default());
    let budgets = Arc::new(Budgets::new(slow.clone(), slow.clone()));
    let purse = Purse {
        ceiling: Ceiling::Budget(Nanos(100)),
        slice: SLICE,
    };
    let mut now = Instant::now();
    for number in 0..8 {
        let account: Arc<str> = format!("key:{number}").into();
        let step = || budgets.step(&account, purse, Nanos(1), now);
        assert!(matches!(step(), Step::Asked(_)));
        budgets.serve(&budgets.desk.pop().unwrap(), now);
        assert!(matches!(step(), Step::Held(_)), "free again at once");
    }
    now += IDLE;
    let mut upkeep = Upkeep::default();
    let left = [(); 2].map(|()| {
        upkeep.round(&budgets, now);
        slow.leases.lock().unwrap().len()
    });
    assert!((1..8).contains(&left[0]), "{left:?}: some, in one round");
    assert!(left[1] < left[0], "{left:?}: the others in the next ones");
}

/// An account with a lease of 10 that is all free, at a treasury where leases last for `TERM`.
fn leased(slow: &Arc<Slow>) -> (Arc<Budgets>, impl Fn(i64, Instant) -> Step) {
    let mut budgets = Budgets::new(slow.clone(), slow.clone());
    budgets.term = TERM;
    let budgets = Arc::new(budgets);
    let stepping = Arc::clone(&budgets);
    let step = move |amount, now| {
        let purse = Purse {
            ceiling: Ceiling::Budget(Nanos(100)),
            slice: SLICE,
        };
        stepping.step(&"key:a".into(), purse, Nanos(amount), now)
    };
    let now = Instant::now();
    assert!(matches!(step(10, now), Step::Asked(_)));
    budgets.serve(&budgets.desk.pop().unwrap(), now);
    assert!(matches!(step(1, now), Step::Held(_)), "free again at once");
    (budgets, step)
}

#[test]
fn an_answer_that_comes_when_the_lease_may_be_over_is_not_believed() {
    for losing in [false, true] {
        let slow = Arc::new(Slow::default());
        let (budgets, step) = leased(&slow);
        let mut now = Instant::now();
        slow.take_time(LATE);
        slow.losing.store(losing, Ordering::Relaxed);
        assert!(matches!(step(14, now), Step::Asked(_)));
        budgets.serve(&budgets.desk.pop().unwrap(), now);
        // The ten may be others' by now, and whether the four are there nobody knows.
        for amount in [14, 1] {
            let refused = step(amount, Instant::now());
            assert!(matches!(refused, Step::No(NoReserve::Away)), "{amount}");
        }
        assert_eq!(slow.leased(), Nanos(4));
        slow.take_time(Duration::ZERO);
        now += SECOND;
        Upkeep::default().round(&budgets, now);
        assert!(matches!(step(4, now), Step::Held(_)), "found again");
        assert!(!matches!(step(5, now), Step::Held(_)), "and no more");
    }
}

#[test]
fn leases_that_were_renewed_too_slowly_are_looked_at_again() {
    let slow = Arc::new(Slow::default());
    let (budgets, step) = leased(&slow);
    let now = Instant::now() + SURE;
    slow.take_time(LATE);
    assert!(matches!(step(14, now), Step::Asked(_)));
    budgets.serve(&budgets.desk.pop().unwrap(), now);
    assert_eq!(slow.leased(), Nanos::ZERO, "nothing is added");
    slow.take_time(Duration::ZERO);
    let now = now + SECOND;
    assert!(matches!(step(14, now), Step::Asked(_)));
    budgets.serve(&budgets.desk.pop().unwrap(), now);
    assert_eq!(
        slow.leased(),
        Nanos(14),
        "it is over, so all of it is taken"
    );
    assert!(matches!(step(14, now), Step::Held(_)));
}
