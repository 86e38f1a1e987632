//! Who is asked first.

use std::collections::HashMap;

use super::*;

#[test]
fn higher_tiers_come_first() {
    let mut world = world(&[
        "name: low, priority: -1",
        "name: high, priority: 10",
        "name: middle",
    ]);
    for _ in 0..50 {
        assert_eq!(world.order("m"), ["high", "middle", "low"]);
    }
}

#[test]
fn weight_zero_is_last_inside_its_tier() {
    let mut world = world(&[
        "name: zero, weight: 0, priority: 1",
        "name: some, weight: 1, priority: 1",
        "name: lower, weight: 100",
    ]);
    for _ in 0..50 {
        assert_eq!(world.order("m"), ["some", "zero", "lower"]);
    }
}

#[test]
fn channels_of_weight_zero_take_turns_by_chance() {
    let mut world = world(&["name: a, weight: 0", "name: b, weight: 0"]);
    let first = shares(&mut world, 2_000);
    assert_near(first["a"], 0.5);
}

#[test]
fn weights_are_shares_of_the_first_place() {
    let mut world = world(&[
        "name: one, weight: 1",
        "name: three, weight: 3",
        "name: six, weight: 6",
    ]);
    let first = shares(&mut world, 20_000);
    assert_near(first["one"], 0.1);
    assert_near(first["three"], 0.3);
    assert_near(first["six"], 0.6);
}

#[test]
fn weights_decide_who_takes_over_too() {
    let mut world = world(&[
        "name: gone, weight: 5",
        "name: one, weight: 1",
        "name: three, weight: 3",
    ]);
    world.break_lane("gone", 0);
    let first = shares(&mut world, 20_000);
    assert_near(first["three"], 0.75);
    assert!(!first.contains_key("gone"));
}

/// How often each channel came first.
fn shares(world: &mut World, rounds: u32) -> HashMap<String, f64> {
    let mut first = HashMap::new();
    for _ in 0..rounds {
        let winner = world.order("m").swap_remove(0);
        *first.entry(winner).or_insert(0.0) += 1.0 / f64::from(rounds);
    }
    first
}

/// Five standard deviations of the widest case here, 2,000 draws of one half, are 0.056.
#[track_caller]
fn assert_near(share: f64, wanted: f64) {
    assert!((share - wanted).abs() < 0.056, "{share} is not {wanted}");
}

#[test]
fn open_lanes_are_left_out_and_limited_ones_come_last() {
    let mut world = world(&[
        "name: open, priority: 9",
        "name: limited, priority: 8",
        "name: fine, priority: 0",
        "name: last, priority: 0, weight: 0",
    ]);
    world.break_lane("open", 0);
    let until = NOW + Duration::from_secs(5);
    world
        .lane("limited", 0)
        .report(Outcome::RateLimited { until }, NOW);
    assert_eq!(world.order("m"), ["fine", "last", "limited"]);

    world.lane("open", 0).clear();
    assert_eq!(world.order("m"), ["open", "fine", "last", "limited"]);
}

#[test]
fn a_limited_lane_is_better_than_none() {
    let mut world = world(&["name: only"]);
    let until = NOW + Duration::from_secs(5);
    world
        .lane("only", 0)
        .report(Outcome::RateLimited { until }, NOW);
    assert_eq!(world.order("m"), ["only"]);
}

#[test]
fn a_lane_that_is_due_for_a_probe_has_its_place_again() {
    let mut world = world(&["name: back, priority: 1", "name: other"]);
    world.break_lane("back", 0);
    let due = NOW + Duration::from_secs(30);
    let wanted = world.wanted("m");
    let plan = plan(&world.snapshot, &wanted, due, &mut world.rng).expect("a plan");
    assert_eq!(&*plan.candidates[0].channel.name, "back");
}

const KEYED: &str = "name: a, keys: [key-aaaaaaaa, key-bbbbbbbb, key-cccccccc]";

#[test]
fn keys_of_a_channel_stand_together() {
    let mut world = world(&[KEYED, "name: b"]);
    for _ in 0..50 {
        let order = world.order("m");
        assert_eq!(order.len(), 4);
        assert!(order[0] == "b" || order[3] == "b", "{order:?}");
    }
}

#[test]
fn round_robin_takes_the_keys_in_turn() {
    let keyed = format!("{KEYED}, priority: 1, key_rotation: round_robin");
    let mut world = world(&[&keyed, "name: fallback"]);
    assert_eq!(world.order("m"), ["a#0", "a#1", "a#2", "fallback"]);
    assert_eq!(world.order("m"), ["a#1", "a#2", "a#0", "fallback"]);
    assert_eq!(world.order("m"), ["a#2", "a#0", "a#1", "fallback"]);
    assert_eq!(world.order("m"), ["a#0", "a#1", "a#2", "fallback"]);

    world.break_lane("a", 1);
    assert_eq!(
        world.order("m"),
        ["a#0", "a#2", "fallback"],
        "the rest goes on in turn"
    );
    assert_eq!(world.order("m"), ["a#2", "a#0", "fallback"], "and evenly");
}

#[test]
fn a_fallback_keeps_its_turn_until_it_is_first() {
    let keyed = format!("{KEYED}, key_rotation: round_robin");
    let mut world = world(&["name: main, priority: 1", &keyed]);
    assert_eq!(world.order("m"), ["main", "a#0", "a#1", "a#2"]);
    assert_eq!(world.order("m"), ["main", "a#0", "a#1", "a#2"]);
}

#[test]
fn turns_survive_a_reload() {
    let yaml = format!(
        "channels: [{{ {}, key_rotation: round_robin }}]",
        complete(KEYED)
    );
    let lanes = LaneBook::new();
    let sources = Sources::from_text(&yaml, &|_| None).expect("readable");
    let mut rng = StdRng::seed_from_u64(1);
    let mut first_key = |snapshot: &Snapshot| {
        let wanted = Wanted {
            group: "default",
            user_group: None,
            model: "m",
            format: Format::Chat,
            operation: Operation::Chat,
            thinks_with_tools: false,
        };
        let plan = plan(snapshot, &wanted, NOW, &mut rng).expect("a plan");
        plan.candidates[0].key
    };
    let before = compile(&sources, &lanes, 1).expect("compiles");
    assert_eq!(first_key(&before), 0);
    let after = compile(&sources, &lanes, 2).expect("compiles");
    drop(before);
    assert_eq!(first_key(&after), 1);
}

#[test]
fn random_keys_share_evenly() {
    let mut world = world(&[KEYED]);
    let first = shares(&mut world, 6_000);
    for key in ["a#0", "a#1", "a#2"] {
        assert_near(first[key], 1.0 / 3.0);
    }
}

#[test]
fn limited_keys_go_behind_every_other_channel() {
    let keyed = format!("{KEYED}, priority: 1, key_rotation: round_robin");
    let mut world = world(&[&keyed, "name: b"]);
    let until = NOW + Duration::from_secs(5);
    world
        .lane("a", 0)
        .report(Outcome::RateLimited { until }, NOW);
    assert_eq!(world.order("m"), ["a#1", "a#2", "b", "a#0"]);
}
