//! Leases: what one node takes of a purse that all nodes share, to spend without asking.

use crate::money::Nanos;

/// How much a purse may spend in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// What was credited to it: the balance of a user.
    Credited,
    /// An amount from elsewhere: the budget of a key.
    Budget(Nanos),
}

/// What a node asks of a purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want<'a> {
    /// Who asks: the name of its journal's folder.
    pub node: &'a str,
    /// Of which account.
    pub account: &'a str,
    /// How much the account may spend in all.
    pub ceiling: Ceiling,
    /// The least that helps; more than zero.
    pub need: Nanos,
    /// The most that the node has leased of the account afterwards (`billing.lease`); less when
    /// little is left. A `need` beyond this is met all the same.
    pub slice: Nanos,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So much more may be spent; `need` at least.
    Lease(Nanos),
    /// There is not enough.
    Short {
        /// What nobody has leased; zero at least.
        free: Nanos,
        /// What other nodes have leased and not spent.
        elsewhere: Nanos,
    },
}

/// The part of `free` that is taken for a need of `need` where there is room for `room`: never so
/// much that other nodes would starve while there is money.
pub fn portion(free: Nanos, need: Nanos, room: Nanos) -> Option<Nanos> {
    /// Of what is free, one node takes this part at most beyond its need.
    const SHARE: i64 = 4;
    let most = Nanos(free.0 / SHARE).min(room).max(need);
    (need <= free).then_some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_meets_the_need_and_leaves_something_for_others() {
        let portion = |free, need, room| portion(Nanos(free), Nanos(need), Nanos(room));
        assert_eq!(portion(1_000, 1, 100), Some(Nanos(100)), "a whole slice");
        assert_eq!(portion(100, 1, 100), Some(Nanos(25)), "a part of the rest");
        assert_eq!(
            portion(100, 60, 50),
            Some(Nanos(60)),
            "the need comes first"
        );
        assert_eq!(portion(60, 60, 50), Some(Nanos(60)), "also when it is all");
        assert_eq!(portion(59, 60, 50), None);
        assert_eq!(portion(-5, 1, 50), None, "overspent");
    }
}
