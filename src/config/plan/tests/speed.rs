//! A thousand channels are no reason to wait.

use std::time::Instant;

use super::*;

/// What an optimised build may take.
const BUDGET: Duration = Duration::from_micros(50);
/// How much slower an unoptimised build on a busy machine may be.
const SLACK: u32 = if cfg!(debug_assertions) { 40 } else { 4 };

#[test]
fn a_plan_over_a_thousand_channels_is_quick() {
    let line = |n: u32| {
        let (tier, weight) = (n % 3, n % 7);
        format!("name: c{n}, models: [m, 'w*'], priority: {tier}, weight: {weight}")
    };
    let channels: Vec<String> = (0..1_000).map(line).collect();
    let lines: Vec<&str> = channels.iter().map(String::as_str).collect();
    let mut world = world(&lines);
    for model in ["m", "w-unheard-of"] {
        let fastest = (0..50).map(|_| timed(&mut world, model)).min();
        let fastest = fastest.expect("fifty rounds");
        assert!(fastest < BUDGET * SLACK, "{model}: {fastest:?}");
    }
}

fn timed(world: &mut World, model: &str) -> Duration {
    let started = Instant::now();
    let plan = world.plan(model).expect("a plan");
    let took = started.elapsed();
    assert_eq!(plan.candidates.len(), 64, "bounded");
    let best = |candidate: &Candidate| candidate.channel.priority == 2;
    assert!(plan.candidates.iter().all(best), "the best tier");
    took
}
