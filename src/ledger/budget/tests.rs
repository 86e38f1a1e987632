#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const BUDGET: Nanos = Nanos(100);

/// An account that has spent so much.
fn account(spent: i64) -> (Arc<Budgets>, Arc<str>) {
    let budgets = Arc::new(Budgets::default());
    budgets.learn("yaml:a", Nanos(spent), Instant::now());
    (budgets, "yaml:a".into())
}

/// While the store is there.
fn reserve(
    budgets: &Arc<Budgets>,
    key: &Arc<str>,
    budget: Nanos,
    amount: Nanos,
) -> Result<Reserve, NoReserve> {
    let lease = Nanos::ZERO;
    budgets.reserve(key, Purse { budget, lease }, amount, Instant::now())
}

fn short(left: i64) -> Option<NoReserve> {
    Some(NoReserve::Short { left: Nanos(left) })
}

#[test]
fn what_is_held_is_not_left_until_it_is_settled_or_dropped() {
    let (budgets, key) = account(40);
    let hold = |amount| reserve(&budgets, &key, BUDGET, Nanos(amount));
    let first = hold(50).unwrap();
    assert_eq!(hold(11).err(), short(10));
    let second = hold(10).unwrap();
    assert_eq!(hold(1).err(), short(0));
    drop(second);
    first.settle(Nanos(5));
    assert_eq!(budgets.spent(&key), Some(Nanos(45)));
    drop(hold(55).unwrap());
    assert_eq!(hold(56).err(), short(55));
}

#[test]
fn nobody_spends_before_it_is_known_what_was_spent() {
    let budgets = Arc::new(Budgets::default());
    let key = "yaml:a".into();
    let none = reserve(&budgets, &key, BUDGET, Nanos(1)).err();
    assert_eq!(none, Some(NoReserve::Unknown));
    assert_eq!(budgets.spent(&key), None);
}

#[test]
fn a_request_dearer_than_its_hold_is_paid_all_the_same() {
    let (budgets, key) = account(0);
    let hold = |amount| reserve(&budgets, &key, BUDGET, Nanos(amount));
    hold(60).unwrap().settle(Nanos(130));
    assert_eq!(budgets.spent(&key), Some(Nanos(130)));
    assert_eq!(hold(1).err(), short(0), "nothing is left, not less");
    let raised = reserve(&budgets, &key, Nanos(140), Nanos(10));
    assert!(raised.is_ok(), "a larger budget counts at once");
}

#[test]
fn the_stores_sum_counts_when_it_is_more() {
    let (budgets, key) = account(0);
    reserve(&budgets, &key, BUDGET, Nanos(30))
        .unwrap()
        .settle(Nanos(30));
    budgets.learn(&key, Nanos(10), Instant::now());
    assert_eq!(
        budgets.spent(&key),
        Some(Nanos(30)),
        "it is a little behind"
    );
    budgets.learn(&key, Nanos(80), Instant::now());
    assert_eq!(budgets.spent(&key), Some(Nanos(80)), "others spend as well");
}

#[test]
fn with_the_store_away_the_lease_is_spent_and_no_more() {
    let (budgets, key) = account(0);
    let lease = Nanos(20);
    let hold = |budget, amount, now| {
        let budget = Nanos(budget);
        budgets.reserve(&key, Purse { budget, lease }, Nanos(amount), now)
    };
    let begun = Instant::now();
    let away = begun + FRESH + Duration::from_secs(1);
    let early = hold(100, 15, begun).unwrap();
    early.settle(Nanos(1));
    assert!(hold(100, 5, away).is_ok(), "no more than the lease in all");
    assert_eq!(hold(100, 1, away).err(), Some(NoReserve::Away));
    assert_eq!(hold(5, 5, away).err(), short(4), "the budget comes first");
    budgets.learn(&key, Nanos(1), away);
    assert!(hold(100, 50, away).is_ok(), "it is back");
}

#[test]
fn amounts_at_the_end_of_the_range_do_not_turn_round() {
    let (budgets, key) = account(i64::MAX);
    assert_eq!(reserve(&budgets, &key, BUDGET, Nanos(1)).err(), short(0));
    let (budgets, key) = account(0);
    let all = reserve(&budgets, &key, Nanos::MAX, Nanos::MAX).unwrap();
    assert_eq!(
        reserve(&budgets, &key, Nanos::MAX, Nanos(1)).err(),
        short(0)
    );
    all.settle(Nanos::MAX);
    assert_eq!(budgets.spent(&key), Some(Nanos::MAX));
}

proptest! {
    /// Whatever begins, ends, fails and is read in between: what was spent never goes over the
    /// budget by more than requests exceeded their holds by.
    #[test]
    fn no_interleaving_spends_more_than_there_is(
        steps in prop::collection::vec((0u8..4, 0i64..40, 0i64..10), 0..200),
    ) {
        let (budgets, key) = account(0);
        let (mut open, mut spent, mut excess) = (Vec::new(), 0, 0);
        for (step, amount, beyond) in steps {
            match step {
                0 | 1 => {
                    if let Ok(reserve) = reserve(&budgets, &key, BUDGET, Nanos(amount)) {
                        open.push((reserve, amount));
                    }
                }
                2 => if let Some((reserve, amount)) = open.pop() {
                    reserve.settle(Nanos(amount + beyond));
                    spent += amount + beyond;
                    excess += beyond;
                },
                _ => {
                    open.pop();
                    budgets.learn(&key, Nanos(spent - spent / 3), Instant::now());
                }
            }
            prop_assert_eq!(budgets.spent(&key), Some(Nanos(spent)));
            prop_assert!(spent <= BUDGET.0 + excess);
        }
        open.clear();
        let left = Nanos((BUDGET.0 - spent).max(0));
        prop_assert!(reserve(&budgets, &key, BUDGET, left).is_ok() || spent > BUDGET.0);
    }
}
