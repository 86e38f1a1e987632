//! Any interleaving of everything that can happen to an account on two nodes.

use proptest::prelude::*;

use super::*;

const CEILING: i64 = 300;
const NODES: [&str; 2] = ["one", "two"];

/// What happens next, to one of the nodes.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Holds so much, without waiting for more than is answered at once.
    Reserve(i64),
    /// The oldest open request ends, and costs so much more than it held, or so much less.
    Settle(i64),
    /// The newest open request never began.
    Drop,
    /// A question that waits is answered.
    Serve,
    /// A record reaches the store.
    Store,
    /// Leases are looked after, so many milliseconds later.
    Round(u64),
    /// The store cannot be reached from this node; it has not heard of it for so long that its lease
    /// is over.
    Cut,
    /// It can be reached again.
    Mend,
    /// Answers get lost on their way, or come through again.
    Lose(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1i64..40).prop_map(Event::Reserve),
        6 => (-40i64..8).prop_map(Event::Settle),
        2 => Just(Event::Drop),
        4 => Just(Event::Serve),
        6 => Just(Event::Store),
        4 => (0u64..4_000).prop_map(Event::Round),
        1 => Just(Event::Cut),
        2 => Just(Event::Mend),
        1 => any::<bool>().prop_map(Event::Lose),
    ]
}

/// A node and the requests that it has open.
struct Place {
    name: &'static str,
    branch: Arc<bank::Branch>,
    budgets: Arc<Budgets>,
    upkeep: Upkeep,
    open: Vec<(Reserve, i64)>,
}

struct World {
    bank: Arc<Bank>,
    now: Instant,
    places: [Place; 2],
    /// Of all requests that ended.
    cost: i64,
    /// By which they exceeded their holds.
    excess: i64,
    /// Of leases that were over before their node knew.
    lost: i64,
}

impl World {
    fn new() -> World {
        let bank = Arc::new(Bank::new(CEILING));
        let places = NODES.map(|name| {
            let branch = Arc::new(bank.node(name));
            Place {
                name,
                budgets: Arc::new(Budgets::new(branch.clone(), branch.clone())),
                branch,
                upkeep: Upkeep::default(),
                open: Vec::new(),
            }
        });
        World {
            bank,
            now: Instant::now(),
            places,
            cost: 0,
            excess: 0,
            lost: 0,
        }
    }

    fn happen(&mut self, place: usize, event: Event) {
        let here = &mut self.places[place];
        match event {
            Event::Reserve(amount) => {
                let purse = Purse {
                    ceiling: Ceiling::Budget(Nanos(CEILING)),
                    slice: Nanos(50),
                };
                let account = "key:a".into();
                if let Step::Held(reserve) =
                    here.budgets.step(&account, purse, Nanos(amount), self.now)
                {
                    here.open.push((reserve, amount));
                }
            }
            Event::Settle(beyond) if !here.open.is_empty() => {
                let (reserve, held) = here.open.remove(0);
                let cost = (held + beyond).max(0);
                self.bank.write(here.name, cost);
                reserve.settle(Nanos(cost));
                self.cost += cost;
                self.excess += (cost - held).max(0);
            }
            Event::Drop => drop(here.open.pop()),
            Event::Serve => {
                if let Some(ask) = here.budgets.desk.pop() {
                    here.budgets.serve(&ask, self.now);
                }
            }
            Event::Store if !here.branch.is_cut() => drop(self.bank.store_one(here.name)),
            Event::Round(later) => {
                self.now += Duration::from_millis(later);
                here.upkeep.round(&here.budgets, self.now);
            }
            Event::Cut => {
                here.branch.cut(true);
                self.lost += self.bank.expire_node(here.name);
                // The store's term is over, so half of it is.
                self.now += 2 * SURE;
            }
            Event::Mend => here.branch.cut(false),
            Event::Lose(losing) => self.bank.lose_answers(losing),
            Event::Settle(_) | Event::Store => {}
        }
    }

    /// What may be spent beyond the ceiling.
    fn bound(&self) -> i64 {
        CEILING + self.excess + self.lost
    }

    fn held(&self) -> i64 {
        let open = self.places.iter().flat_map(|place| &place.open);
        open.map(|(_, amount)| amount).sum()
    }

    /// Everything ends, everybody is there again, and a while goes by.
    fn calm_down(&mut self) {
        self.bank.lose_answers(false);
        for place in &mut self.places {
            place.branch.cut(false);
            place.open.clear();
        }
        self.bank.store_all();
        for _ in 0..12 {
            self.now += Duration::from_secs(1);
            for place in &mut self.places {
                while let Some(ask) = place.budgets.desk.pop() {
                    place.budgets.serve(&ask, self.now);
                }
                place.upkeep.round(&place.budgets, self.now);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("TOLLGATE_CHAOS_CASES").map_or(256, |cases| cases.parse().unwrap()),
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_spent_beyond_the_bound_and_nothing_stays_leased(
        events in prop::collection::vec((0usize..2, event()), 0..200),
    ) {
        let mut world = World::new();
        for (place, event) in events {
            world.happen(place, event);
            prop_assert!(
                world.cost + world.held() <= world.bound(),
                "{} spent and {} held, {} lost, {} beyond their holds",
                world.cost, world.held(), world.lost, world.excess
            );
        }
        world.calm_down();
        prop_assert_eq!(world.bank.spent(), world.cost);
        prop_assert_eq!(world.bank.leased_in_all(), 0, "all of it is free again");
        for place in &world.places {
            prop_assert!(place.budgets.accounts().is_empty(), "{:?}", place.budgets);
        }
    }
}
