//! Whatever nodes do in whatever order, the store and a few maps agree on everybody's money.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ledger::book::{Purse, key_account, user_account};
use ledger::lease::{Ceiling, Taken, Want, portion};
use ledger::{Nanos, Record, Sink};
use proptest::prelude::*;

use super::*;
use crate::conformance::{deed, entry, record};
use crate::database::Database;
use crate::{Book, Leases, Posted, Store};

/// What each key may spend.
const BUDGET: Nanos = Nanos(1_000);
const SLICE: Nanos = Nanos(100);

/// Nodes, users and records by their numbers; user 0 has key 0.
#[derive(Clone, Debug)]
enum Deed {
    Post {
        user: usize,
        amount: i64,
    },
    PostAgain {
        number: usize,
    },
    Lease {
        node: usize,
        account: usize,
        need: i64,
    },
    Put {
        node: usize,
        costs: Vec<(usize, i64)>,
    },
    PutAgain {
        node: usize,
        number: usize,
    },
    GiveBack {
        node: usize,
        account: usize,
        amount: i64,
    },
    Renew {
        node: usize,
    },
    Sleep {
        node: usize,
    },
    Expire,
    End {
        node: usize,
    },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (node, user, account) = (0..3usize, 0..2usize, 0..4usize);
    let one = prop_oneof![
        2 => (user.clone(), -200..600i64).prop_map(|(user, amount)| Deed::Post { user, amount }),
        1 => (0..8usize).prop_map(|number| Deed::PostAgain { number }),
        6 => (node.clone(), account.clone(), 1..150i64)
            .prop_map(|(node, account, need)| Deed::Lease { node, account, need }),
        // The last node is none that has leases.
        5 => (0..4usize, prop::collection::vec((user, -20..160i64), 1..4))
            .prop_map(|(node, costs)| Deed::Put { node, costs }),
        3 => (0..4usize, 0..12usize).prop_map(|(node, number)| Deed::PutAgain { node, number }),
        2 => (node.clone(), account, -5..120i64)
            .prop_map(|(node, account, amount)| Deed::GiveBack { node, account, amount }),
        1 => node.clone().prop_map(|node| Deed::Renew { node }),
        2 => node.clone().prop_map(|node| Deed::Sleep { node }),
        1 => Just(Deed::Expire),
        1 => node.prop_map(|node| Deed::End { node }),
    ];
    prop::collection::vec(one, 1..60)
}

fn accounts() -> [String; 4] {
    [
        user_account("u0"),
        user_account("u1"),
        key_account("k0"),
        key_account("k1"),
    ]
}

fn node(number: usize) -> String {
    format!("n{number}")
}

/// What the store should have.
#[derive(Default)]
struct Model {
    purses: [Purse; 4],
    /// By node and account: what remains, and whether its time is over.
    leases: BTreeMap<(usize, usize), (i64, bool)>,
    /// What nobody could keep an account from: costs beyond leases, and money taken away.
    beyond: [i64; 4],
    batches: Vec<Vec<Record>>,
    posts: Vec<(usize, i64)>,
}

impl Model {
    fn ceiling(&self, account: usize) -> (Ceiling, i64) {
        match account {
            0 | 1 => (Ceiling::Credited, self.purses[account].credited.0),
            _ => (Ceiling::Budget(BUDGET), BUDGET.0),
        }
    }

    fn lease(&mut self, node: usize, account: usize, need: i64) -> Taken {
        let purse = &self.purses[account];
        let free = self.ceiling(account).1 - purse.spent.0 - purse.leased.0;
        let own = self.leases.get(&(node, account)).map_or(0, |lease| lease.0);
        let room = SLICE.saturating_sub(Nanos(own));
        match portion(Nanos(free), Nanos(need), room) {
            Some(amount) => {
                let lease = self.leases.entry((node, account)).or_default();
                *lease = (lease.0 + amount.0, false);
                Taken::Lease(amount)
            }
            None => Taken::Short {
                free: Nanos(free.max(0)),
                elsewhere: Nanos(purse.leased.0 - own),
            },
        }
    }

    /// A batch is paid account by account.
    fn put(&mut self, node: usize, batch: &[(usize, i64)]) {
        for account in 0..4 {
            let costs = batch.iter().filter(|(user, _)| *user == account % 2);
            let cost: i64 = costs.map(|(_, cost)| cost).sum();
            self.purses[account].spent.0 += cost;
            let lease = self.leases.get_mut(&(node, account));
            let taken = lease.map_or(0, |lease| {
                let taken = lease.0.min(cost).max(0);
                lease.0 -= taken;
                taken
            });
            self.beyond[account] += (cost - taken).max(0);
        }
    }

    fn give_back(&mut self, node: usize, account: usize, amount: i64) -> bool {
        match self.leases.get_mut(&(node, account)) {
            Some(lease) if amount > 0 && lease.0 >= amount => {
                lease.0 -= amount;
                true
            }
            _ => amount == 0,
        }
    }

    fn renew(&mut self, node: usize) -> Vec<(String, Nanos)> {
        let own = self.leases.iter_mut().filter(|(key, _)| key.0 == node);
        let mut renewed: Vec<_> = own
            .filter(|(_, lease)| lease.0 > 0)
            .map(|((_, account), lease)| {
                lease.1 = false;
                (accounts()[*account].clone(), Nanos(lease.0))
            })
            .collect();
        renewed.sort();
        renewed
    }

    fn count_leases(&mut self) {
        for account in 0..4 {
            let leases = self.leases.iter().filter(|((_, of), _)| *of == account);
            self.purses[account].leased.0 = leases.map(|(_, lease)| lease.0).sum();
        }
    }
}

struct Both {
    store: Database<Sqlite>,
    model: Model,
}

impl Both {
    fn new() -> Both {
        let store = Database::open(Sqlite::open(":memory:").unwrap()).unwrap();
        let both = Both {
            store,
            model: Model::default(),
        };
        both.sql("INSERT INTO users VALUES ('u0', '{}', 0, 0, 0, 0), ('u1', '{}', 0, 0, 0, 0)");
        both
    }

    fn sql(&self, sql: &str) {
        lock(&self.store.inner().writer).execute_batch(sql).unwrap();
    }

    fn post(&self, number: usize) -> Posted {
        let (user, amount) = self.model.posts[number];
        let entry = entry(&format!("e{number}"), &format!("u{user}"), amount);
        self.store
            .post(&entry, &deed(&format!("d{number}")))
            .unwrap()
    }

    /// Does it to both; their answers agree.
    fn step(&mut self, deed: Deed) {
        match deed {
            Deed::Post { amount: 0, .. } => {}
            Deed::Post { user, amount } => {
                self.model.posts.push((user, amount));
                assert_eq!(self.post(self.model.posts.len() - 1), Posted::New);
                self.model.purses[user].credited.0 += amount;
                self.model.beyond[user] += (-amount).max(0);
            }
            Deed::PostAgain { number } if number < self.model.posts.len() => {
                assert_eq!(self.post(number), Posted::Known);
            }
            Deed::Lease {
                node: by,
                account,
                need,
            } => {
                let want = Want {
                    node: &node(by),
                    account: &accounts()[account],
                    ceiling: self.model.ceiling(account).0,
                    need: Nanos(need),
                    slice: SLICE,
                };
                let expected = self.model.lease(by, account, need);
                assert_eq!(self.store.lease(&want).unwrap(), expected);
            }
            Deed::Put { node: by, costs } => {
                let batch = self.batch(&costs);
                self.store.put_of(&node(by), &batch, &[]).unwrap();
                self.model.put(by, &costs);
                self.model.batches.push(batch);
            }
            // Also by another node than before: nothing in it is new.
            Deed::PutAgain { node: by, number } if number < self.model.batches.len() => {
                let batch = &self.model.batches[number];
                self.store.put_of(&node(by), batch, &[]).unwrap();
            }
            Deed::GiveBack {
                node: by,
                account,
                amount,
            } => {
                let expected = self.model.give_back(by, account, amount);
                let account = &accounts()[account];
                let given = self.store.give_back(&node(by), account, Nanos(amount));
                assert_eq!(given.unwrap(), expected);
            }
            Deed::Renew { node: by } => {
                assert_eq!(self.store.renew(&node(by)).unwrap(), self.model.renew(by));
            }
            Deed::Sleep { node: by } => {
                let age = "UPDATE leases SET expires_at = expires_at - 60000000 WHERE node =";
                self.sql(&format!("{age} '{}'", node(by)));
                let own = self.model.leases.iter_mut().filter(|(key, _)| key.0 == by);
                own.for_each(|(_, lease)| lease.1 = true);
            }
            Deed::Expire => {
                let before = self.model.leases.len();
                self.model.leases.retain(|_, lease| !lease.1);
                let expired = before - self.model.leases.len();
                assert_eq!(self.store.expire().unwrap(), expired);
            }
            Deed::End { node: by } => {
                self.store.ended(&node(by)).unwrap();
                self.model.leases.retain(|(node, _), _| *node != by);
            }
            Deed::PostAgain { .. } | Deed::PutAgain { .. } => {}
        }
        self.model.count_leases();
    }

    fn batch(&self, costs: &[(usize, i64)]) -> Vec<Record> {
        let number = self.model.batches.len();
        let records = costs.iter().enumerate().map(|(n, (user, cost))| Record {
            user: format!("u{user}"),
            token: format!("k{user}"),
            token_id: format!("k{user}"),
            cost: Nanos(*cost),
            ..record(&format!("r{number}-{n}"), 0)
        });
        records.collect()
    }

    fn check(&self) {
        let accounts = accounts();
        let names = accounts.each_ref().map(String::as_str);
        let found: BTreeMap<_, _> = self.store.purses(&names).unwrap().into_iter().collect();
        for (number, account) in accounts.iter().enumerate() {
            let kept = found.get(account).cloned().unwrap_or_default();
            assert_eq!(kept, self.model.purses[number], "{account}");
            assert!(kept.leased >= Nanos::ZERO);
            let bound = self.model.ceiling(number).1 + self.model.beyond[number];
            assert!(kept.spent.0 + kept.leased.0 <= bound, "{account}: {kept:?}");
        }
        let from = "2026-11-01T00:00:00Z".parse().unwrap();
        assert_eq!(self.store.verify(from).unwrap(), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_interleaving_keeps_every_account_exact(deeds in deeds()) {
        let mut both = Both::new();
        for deed in deeds {
            both.step(deed);
            both.check();
        }
    }
}
