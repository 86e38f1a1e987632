//! What an operator is told.

use super::*;
use crate::health::Shut;

/// A text completion: the one operation that no channel of another format can answer.
fn explained(world: &mut World, model: &str) -> Explanation {
    let wanted = Wanted {
        operation: Operation::Completion,
        ..world.wanted(model)
    };
    explain(&world.snapshot, &wanted, NOW, &mut world.rng)
}

fn everything() -> World {
    let world = world(&[
        "name: main, priority: 5, weight: 3, models: [m], model_map: { m: up }",
        "name: off, models: [m], enabled: false",
        "name: vips, models: [m], groups: [vip]",
        "name: else, models: [n]",
        "name: claude, models: [m], formats: [messages]",
        "name: keyed, models: ['*'], keys: [key-aaaaaaaa, key-bbbbbbbb]",
    ]);
    world.break_lane("keyed", 1);
    let until = NOW + Duration::from_millis(1_500);
    world
        .lane("keyed", 0)
        .report(Outcome::RateLimited { until }, NOW);
    world
}

#[test]
fn every_channel_is_accounted_for() {
    let explanation = explained(&mut everything(), "m");
    let tried = explanation
        .candidates
        .iter()
        .map(|each| label(&each.candidate));
    assert_eq!(tried.collect::<Vec<_>>(), ["main", "keyed#0"]);
    assert_eq!(explanation.refusal, None);

    let left = explanation.left_out.iter();
    let left: Vec<_> = left
        .map(|left| (&*left.channel, left.key, &left.reason))
        .collect();
    let shut = Reason::Shut {
        reason: Shut::Breaker,
        until: NOW + Duration::from_secs(30),
    };
    assert_eq!(
        left,
        [
            ("off", None, &Reason::Disabled),
            ("vips", None, &Reason::OtherGroup(vec!["vip".into()])),
            ("else", None, &Reason::ModelNotServed),
            ("claude", None, &Reason::OtherFormat(vec![Format::Messages])),
            ("keyed", Some(1), &shut),
        ]
    );
}

#[test]
fn it_reads_well() {
    let wanted = "\
m in chat, group default
  1. main key 1: up as chat, priority 5, weight 3 (100 % of its tier)
  2. keyed key 1: m as chat, priority 0, weight 1 (100 % of its tier), rate-limited for 2 s
left out:
  off: disabled
  vips: only in group vip
  else: does not serve the model
  claude: speaks only messages
  keyed key 2: breaker open, next probe in 30 s
";
    assert_eq!(explained(&mut everything(), "m").to_string(), wanted);
}

#[test]
fn a_refusal_is_explained_too() {
    let mut foreign = world(&["name: a, models: [m], formats: [gemini]"]);
    let text = explained(&mut foreign, "m").to_string();
    assert!(
        text.contains("refused: served only in other formats: gemini"),
        "{text}"
    );
    let text = explained(&mut foreign, "nothing").to_string();
    assert!(
        text.contains("refused: no channel serves the model"),
        "{text}"
    );

    let mut down = world(&["name: a, models: [m]"]);
    down.break_lane("a", 0);
    let text = explained(&mut down, "m").to_string();
    assert!(text.contains("one may be back in 30 s"), "{text}");
    assert!(text.contains("a key 1: breaker open"), "{text}");
}

#[test]
fn shares_are_of_the_tier() {
    let mut world = world(&["name: a, weight: 3", "name: b", "name: c, priority: -1"]);
    let explanation = explained(&mut world, "m");
    let each = explanation.candidates.iter();
    let mut shares: Vec<_> = each
        .map(|each| (&*each.candidate.channel.name, each.share))
        .collect();
    shares.sort_by_key(|(name, _)| *name);
    assert_eq!(shares, [("a", 0.75), ("b", 0.25), ("c", 1.0)]);
}

#[test]
fn explaining_uses_up_no_turn() {
    let keyed = "name: a, keys: [key-aaaaaaaa, key-bbbbbbbb], key_rotation: round_robin";
    let mut world = world(&[keyed]);
    explained(&mut world, "m");
    explained(&mut world, "m");
    assert_eq!(world.order("m"), ["a#0", "a#1"]);
}

#[test]
fn it_agrees_with_the_plan() {
    let mut world = world(&[
        "name: a, weight: 2",
        "name: b",
        "name: c",
        "name: d, weight: 0",
    ]);
    for seed in 0..100 {
        world.rng = StdRng::seed_from_u64(seed);
        let explanation = explained(&mut world, "m");
        world.rng = StdRng::seed_from_u64(seed);
        let said = explanation
            .candidates
            .iter()
            .map(|each| label(&each.candidate));
        assert_eq!(said.collect::<Vec<_>>(), world.order("m"));
    }
}
