//! Accounts before a treasury that gives, refuses, loses answers and forgets leases.

#![allow(clippy::unwrap_used)]

mod bank;
mod random;
mod slow;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use self::bank::{Bank, NODE};
use super::upkeep::Upkeep;
use super::*;

const SLICE: Nanos = Nanos(20);
const SOON: Duration = Duration::from_secs(10);

/// One node without threads: a test asks and looks after leases itself.
struct Node {
    bank: Arc<Bank>,
    budgets: Arc<Budgets>,
    upkeep: Upkeep,
    account: Arc<str>,
    now: Instant,
}

impl Node {
    /// At a bank of its own, with a purse that may spend so much in all.
    fn new(ceiling: i64) -> Node {
        Node::at(&Arc::new(Bank::new(ceiling)))
    }

    fn at(bank: &Arc<Bank>) -> Node {
        let teller = Arc::new(bank.node(NODE));
        Node {
            bank: Arc::clone(bank),
            budgets: Arc::new(Budgets::new(teller.clone(), teller)),
            upkeep: Upkeep::default(),
            account: "key:a".into(),
            now: Instant::now(),
        }
    }

    fn reserve(&mut self, amount: i64) -> Result<Reserve, NoReserve> {
        self.now += BELIEVED + Duration::from_millis(1);
        self.reserve_at_once(amount)
    }

    fn reserve_at_once(&self, amount: i64) -> Result<Reserve, NoReserve> {
        let purse = Purse {
            ceiling: self.bank.ceiling(),
            slice: SLICE,
        };
        loop {
            match self
                .budgets
                .step(&self.account, purse, Nanos(amount), self.now)
            {
                Step::Held(reserve) => return Ok(reserve),
                Step::No(none) => return Err(none),
                Step::Asked(_) => assert!(self.serve(), "a question is put"),
            }
        }
    }

    /// Answers one question.
    fn serve(&self) -> bool {
        let ask = self.budgets.desk.pop();
        ask.inspect(|ask| self.budgets.serve(ask, self.now))
            .is_some()
    }

    /// As the gateway does: first the record, then the account.
    fn settle(&self, reserve: Reserve, cost: i64) {
        self.bank.write(NODE, cost);
        reserve.settle(Nanos(cost));
    }

    fn round(&mut self, later: Duration) {
        self.now += later;
        self.upkeep.round(&self.budgets, self.now);
    }

    /// Free, held and open.
    fn sums(&self) -> (i64, i64, usize) {
        let accounts = self.budgets.accounts();
        let sums = accounts.get(&self.account).map(Account::sums);
        sums.map_or((0, 0, 0), |(free, held, open)| (free.0, held.0, open))
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn short(left: i64) -> Option<NoReserve> {
    Some(NoReserve::Short { left: Nanos(left) })
}

#[test]
fn what_is_leased_is_spent_without_asking() {
    let mut node = Node::new(1_000);
    let first = node.reserve(5).unwrap();
    assert_eq!(node.bank.asked(), 1);
    assert_eq!(node.sums(), (15, 5, 1));
    let second = node.reserve(10).unwrap();
    node.settle(first, 3);
    drop(second);
    assert_eq!(node.sums(), (17, 0, 0));
    assert_eq!(node.bank.asked(), 1);
}

#[test]
fn more_is_asked_for_before_it_is_needed() {
    let mut node = Node::new(1_000);
    let first = node.reserve(15).unwrap();
    assert!(!node.serve(), "a quarter is left");
    node.settle(first, 15);
    node.bank.store_all();
    let _second = node.reserve(1).unwrap();
    assert_eq!(node.bank.asked(), 1, "nobody waited");
    assert!(node.serve(), "less than a quarter is left");
    assert_eq!(node.sums(), (19, 1, 1));
}

#[test]
fn what_requests_hold_at_once_may_be_more_than_a_slice_but_nothing_ahead_of_them() {
    let mut node = Node::new(1_000);
    let mut open: Vec<_> = (0..10).map(|_| node.reserve(7).unwrap()).collect();
    assert_eq!(node.bank.leased(NODE), 70 + node.sums().0);
    assert!(node.sums().0 <= 7, "{:?}", node.sums());
    open.drain(3..);
    // What is free again is there for the next ones.
    let asked = node.bank.asked();
    open.extend((0..7).map(|_| node.reserve(7).unwrap()));
    assert_eq!(node.bank.asked(), asked);
}

#[test]
fn what_is_held_is_not_left_until_it_is_settled_or_dropped() {
    let mut node = Node::new(100);
    node.bank.spend(40);
    let first = node.reserve(50).unwrap();
    assert_eq!(node.reserve(11).err(), short(10));
    let second = node.reserve(10).unwrap();
    assert_eq!(node.reserve(1).err(), short(0));
    drop(second);
    node.settle(first, 5);
    drop(node.reserve(55).unwrap());
    assert_eq!(node.reserve(56).err(), short(55));
}

#[test]
fn nobody_spends_before_it_is_known_what_was_spent() {
    let mut node = Node::new(100);
    node.bank.rescue(false);
    assert_eq!(node.reserve(1).err(), Some(NoReserve::Unknown));
    node.bank.rescue(true);
    assert!(node.reserve(1).is_ok());
}

#[test]
fn a_request_dearer_than_its_hold_is_paid_all_the_same() {
    let mut node = Node::new(100);
    let reserve = node.reserve(60).unwrap();
    node.settle(reserve, 130);
    assert_eq!(node.reserve(1).err(), short(0), "nothing is left, not less");
    node.bank.store_all();
    node.bank.raise(140);
    node.round(SECOND);
    node.round(SECOND);
    assert!(node.reserve(10).is_ok(), "a larger budget counts at once");
    assert_eq!(node.reserve(11).err(), short(10));
}

#[test]
fn what_others_hold_is_worth_coming_back_for() {
    let mut node = Node::new(100);
    node.bank.lend("other", 60);
    assert_eq!(node.reserve(50).err(), Some(NoReserve::Elsewhere));
    assert_eq!(node.reserve(101).err(), short(40));
    let reserve = node.reserve(40).unwrap();
    node.settle(reserve, 40);
    assert_eq!(node.reserve(60).err(), Some(NoReserve::Elsewhere));
    assert_eq!(node.reserve(61).err(), short(0));
    node.bank.expire_node("other");
    assert!(node.reserve(60).is_ok());
}

#[test]
fn who_is_refused_does_not_ask_again_at_once() {
    let mut node = Node::new(100);
    assert_eq!(node.reserve(101).err(), short(100));
    let asked = node.bank.asked();
    assert_eq!(node.reserve_at_once(102).err(), short(100));
    assert_eq!(node.bank.asked(), asked, "what was said is known");
    assert!(
        node.reserve_at_once(100).is_ok(),
        "and does not keep others"
    );
}

#[test]
fn with_the_store_away_the_lease_is_spent_and_no_more() {
    let mut node = Node::new(100);
    let reserve = node.reserve(4).unwrap();
    node.settle(reserve, 4);
    node.bank.away(true);
    // Long after it has expired, too: a node that is cut off cannot know.
    for _ in 0..100 {
        node.round(SECOND);
    }
    let early = node.reserve(15).unwrap();
    assert_eq!(node.reserve(2).err(), Some(NoReserve::Away));
    assert!(node.reserve(1).is_ok());
    node.settle(early, 1);
    assert!(node.reserve(15).is_ok());
    node.bank.away(false);
    assert!(node.reserve(60).is_ok(), "it is back");
}

#[test]
fn nobody_waits_for_a_store_that_has_kept_others_waiting() {
    let mut node = Node::new(100);
    let purse = Purse {
        ceiling: node.bank.ceiling(),
        slice: SLICE,
    };
    let step = |node: &Node| {
        let budgets = &node.budgets;
        budgets.step(&node.account, purse, Nanos(1), node.now)
    };
    assert!(matches!(step(&node), Step::Asked(_)));
    node.now += SECOND;
    assert!(matches!(step(&node), Step::Asked(_)), "it may come yet");
    node.now += SECOND;
    assert!(matches!(step(&node), Step::No(NoReserve::Away)));
    assert!(node.serve());
    assert!(node.reserve(1).is_ok(), "it answers again");
}

#[test]
fn a_lease_that_was_lost_is_spent_no_longer() {
    let mut node = Node::new(100);
    let [settled, dropped] = [10, 5].map(|amount| node.reserve(amount).unwrap());
    node.bank.away(true);
    node.bank.expire_node(NODE);
    node.bank.lend("other", 100);
    node.bank.away(false);
    node.now += SURE;
    assert_eq!(
        node.reserve(6).err(),
        Some(NoReserve::Elsewhere),
        "it looks before it asks"
    );
    assert_eq!(node.sums(), (0, 0, 2));
    drop(dropped);
    node.settle(settled, 3);
    assert_eq!(
        node.sums(),
        (-3, 0, 0),
        "nothing comes back, the cost counts"
    );
    node.bank.store_all();
    node.round(SECOND);
    assert_eq!(node.sums(), (0, 0, 0), "the store has it");
}

#[test]
fn what_is_idle_is_given_back_and_forgotten() {
    let mut node = Node::new(100);
    let long = node.reserve(4).unwrap();
    node.round(SECOND);
    assert_eq!(node.sums(), (16, 4, 1));
    node.round(IDLE);
    assert_eq!(node.sums(), (0, 4, 1), "what is held stays");
    assert_eq!(node.bank.leased(NODE), 4);
    node.settle(long, 1);
    node.bank.store_all();
    node.round(SECOND);
    node.round(SECOND);
    assert_eq!(node.bank.leased(NODE), 0);
    node.round(SECOND);
    node.round(SECOND);
    assert!(node.budgets.accounts().is_empty());
    let asked = node.bank.asked();
    node.round(SECOND);
    assert_eq!(node.bank.asked(), asked, "nothing to look after");
}

#[test]
fn what_was_taken_unheard_of_is_found_again() {
    let mut node = Node::new(100);
    node.bank.lose_answers(true);
    assert_eq!(node.reserve(90).err(), Some(NoReserve::Away));
    node.bank.lose_answers(false);
    assert_eq!(node.bank.leased(NODE), 90);
    node.round(SECOND);
    assert_eq!(node.sums(), (90, 0, 0));
    assert!(node.reserve(90).is_ok());
    // Given back unheard of, it is not spent twice.
    node.bank.lose_answers(true);
    node.bank.only_forget_gifts(true);
    node.round(IDLE);
    assert_eq!((node.sums(), node.bank.leased(NODE)), ((0, 0, 0), 0));
}

/// With 20 leased, of which 5 are held, and 75 more that were leased unheard of.
fn unheard() -> (Node, Reserve) {
    let mut node = Node::new(100);
    let open = node.reserve(5).unwrap();
    node.bank.lose_answers(true);
    assert_eq!(node.reserve(90).err(), Some(NoReserve::Away));
    node.bank.lose_answers(false);
    assert_eq!((node.sums(), node.bank.leased(NODE)), ((15, 5, 1), 95));
    (node, open)
}

#[test]
fn what_was_taken_unheard_of_is_found_while_requests_are_open() {
    let (mut node, open) = unheard();
    assert_eq!(
        node.reserve(90).err(),
        Some(NoReserve::Unknown),
        "nobody else has it"
    );
    node.round(SECOND);
    assert_eq!(node.sums(), (90, 5, 1));
    let rest = node.reserve(90).unwrap();
    node.settle(open, 5);
    node.settle(rest, 90);
    node.bank.store_all();
    node.round(SECOND);
    assert_eq!(node.sums(), (0, 0, 0));
    assert_eq!(node.reserve(6).err(), short(5), "the answers are known");
}

#[test]
fn who_never_learns_better_is_refused_for_good_after_a_while() {
    let (mut node, _open) = unheard();
    node.bank.write(NODE, 1);
    for _ in 0..8 {
        assert_eq!(node.reserve(90).err(), Some(NoReserve::Unknown));
        node.round(SECOND);
    }
    node.now += 2 * SECOND;
    assert_eq!(node.reserve(90).err(), short(20));
}

#[test]
fn what_is_held_when_an_answer_comes_late_is_not_taken_for_free() {
    let mut node = Node::new(100);
    let open = node.reserve(15).unwrap();
    let (ceiling, account) = (node.bank.ceiling(), Arc::clone(&node.account));
    let late = |account: &mut Account| account.answered(ceiling, Answer::Late, node.now);
    node.budgets.accounts().get_mut(&account).map(late);
    assert_eq!(node.sums(), (0, 0, 1), "it may be over");
    let leased = node.bank.leased(NODE);
    node.round(SECOND);
    assert_eq!(node.sums(), (leased - 15, 0, 1), "it was not");
    node.settle(open, 10);
    assert_eq!(node.sums(), (leased - 25, 0, 0));
    node.bank.store_all();
    node.round(SECOND);
    assert_eq!(node.sums(), (leased - 10, 0, 0));
}

#[test]
fn a_budget_that_is_lowered_calls_back_what_was_leased_of_it() {
    let mut node = Node::new(1_000);
    let open = node.reserve(5).unwrap();
    assert_eq!(node.sums(), (15, 5, 1));
    node.bank.raise(8);
    drop(node.reserve(2).unwrap());
    node.round(SECOND);
    assert_eq!((node.sums(), node.bank.leased(NODE)), ((0, 5, 1), 5));
    assert_eq!(node.reserve(4).err(), short(3));
    drop(node.reserve(3).unwrap());
    node.settle(open, 5);
    // One that is raised, or stays, does not.
    node.bank.raise(1_000);
    let _open = node.reserve(10).unwrap();
    let sums = node.sums();
    node.round(SECOND);
    assert_eq!(node.sums(), sums);
}

#[test]
fn nobody_is_refused_for_good_while_something_is_given_back() {
    let mut node = Node::new(20);
    drop(node.reserve(20).unwrap());
    node.serve();
    let spare = |account: &mut Account| account.spare(node.now + IDLE);
    let account: Arc<str> = Arc::clone(&node.account);
    let given = node.budgets.accounts().get_mut(&account).and_then(spare);
    assert_eq!(given, Some(Nanos(20)));
    assert_eq!(
        node.reserve(20).err(),
        Some(NoReserve::Unknown),
        "on its way"
    );
    let branch = node.bank.node(NODE);
    assert!(branch.give_back("key:a", Nanos(20)).unwrap());
    let mut accounts = node.budgets.accounts();
    accounts.get_mut(&account).unwrap().given();
    drop(accounts);
    assert!(node.reserve_at_once(20).is_ok(), "what was told is old");
}

#[test]
fn dead_nodes_are_looked_after() {
    let mut node = Node::new(100);
    node.bank.lend("dead", 100);
    node.bank.forget("dead");
    assert_eq!(node.reserve(1).err(), Some(NoReserve::Elsewhere));
    node.round(SECOND);
    assert!(node.reserve(1).is_ok());
}

#[test]
fn amounts_at_the_end_of_the_range_do_not_turn_round() {
    let mut node = Node::new(i64::MAX);
    let all = node.reserve(i64::MAX).unwrap();
    assert_eq!(node.reserve(1).err(), short(0));
    node.settle(all, i64::MAX);
    assert_eq!(node.reserve(i64::MAX).err(), short(0));
    node.bank.spend(i64::MAX);
    assert_eq!(node.reserve(1).err(), short(0));
}

/// With its threads, as the gateway has it.
#[tokio::test]
async fn everybody_waits_for_one_answer() {
    let bank = Arc::new(Bank::new(1_000));
    let teller = Arc::new(bank.node(NODE));
    let budgets = Budgets::start(teller.clone(), teller).unwrap();
    let purse = Purse {
        ceiling: bank.ceiling(),
        slice: Nanos(200),
    };
    bank.hold_answers(true);
    let account: Arc<str> = "key:a".into();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (budgets, account) = (Arc::clone(&budgets), Arc::clone(&account));
            tokio::spawn(async move { budgets.reserve(&account, purse, Nanos(2)).await })
        })
        .collect();
    // One that leaves takes nothing with it.
    let mut gone = Box::pin(budgets.reserve(&account, purse, Nanos(2)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(gone.as_mut().poll(&mut context).is_pending());
    drop(gone);
    tokio::time::sleep(Duration::from_millis(50)).await;
    bank.hold_answers(false);
    let mut held = Vec::new();
    for one in waiting {
        held.push(
            tokio::time::timeout(SOON, one)
                .await
                .unwrap()
                .unwrap()
                .unwrap(),
        );
    }
    assert!(bank.asked() <= 3, "{}", bank.asked());
    let mut warm = pin!(budgets.reserve(&account, purse, Nanos(1)));
    assert!(matches!(
        warm.as_mut().poll(&mut context),
        Poll::Ready(Ok(_))
    ));
}
