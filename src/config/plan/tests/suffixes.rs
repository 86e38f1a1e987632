//! Reasoning suffixes of model names.

use super::*;

fn first(world: &mut World, model: &str) -> (String, bool) {
    let plan = world.plan(model).expect("a plan");
    let candidate = &plan.candidates[0];
    (candidate.model.to_string(), candidate.wish.is_some())
}

#[test]
fn a_suffix_is_cut_off_a_name_that_nobody_serves() {
    let mut world =
        world(&["name: a, models: [gpt-5, 'claude-*'], model_map: { gpt-5: gpt-5-2025 }"]);
    assert_eq!(first(&mut world, "gpt-5-high"), ("gpt-5-2025".into(), true));
    assert_eq!(
        first(&mut world, "claude-sonnet-4-5-thinking-8192"),
        ("claude-sonnet-4-5".into(), true)
    );
    assert_eq!(world.refusal("gpt-6-high"), NoPlan::UnknownModel);
}

#[test]
fn a_name_that_is_served_exactly_or_known_as_a_model_is_never_cut() {
    let mut world = world(&["name: a, models: [gpt-5-high, gpt-5, 'o4*', 'gpt-5.1*', 'kimi-*']"]);
    for whole in ["gpt-5-high", "gpt-5.1-codex-max", "kimi-k2-thinking"] {
        assert_eq!(first(&mut world, whole), (whole.into(), false));
    }
    assert_eq!(first(&mut world, "o4-mini-high"), ("o4-mini".into(), true));
}

#[test]
fn a_channel_may_leave_suffixes_alone() {
    let mut world = world(&[
        "name: a, models: ['gpt-*'], suffixes: false, priority: 1",
        "name: b, models: ['gpt-*']",
    ]);
    let plan = world.plan("gpt-5-low").expect("a plan");
    let seen = plan.candidates.iter();
    let seen: Vec<_> = seen
        .map(|candidate| (&*candidate.channel.name, &*candidate.model))
        .collect();
    assert_eq!(seen, [("a", "gpt-5-low"), ("b", "gpt-5")]);
}
