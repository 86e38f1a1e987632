//! A treasury that takes its time, with any number of accounts.

use std::thread;

use super::*;

/// How long it takes what is given back.
const LONG: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
struct Slow {
    leases: Mutex<HashMap<String, Nanos>>,
}

impl Treasury for Slow {
    fn lease(&self, account: &str, _: Ceiling, need: Nanos, _: Nanos) -> Result<Taken, NoAnswer> {
        self.leases.lock().unwrap().insert(account.into(), need);
        Ok(Taken::Lease(need))
    }

    fn renew(&self) -> Result<Vec<(String, Nanos)>, NoAnswer> {
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
