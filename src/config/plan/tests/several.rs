//! Keys of group `auto`: one group after another.

use super::*;

/// Channels of two groups; `auto` tries `vip` first.
fn auto(channels: &[&str]) -> World {
    let mut world = world(channels);
    let order = vec!["vip".into(), "default".into()];
    world.snapshot.routes = Routes::build(&world.snapshot.channels, order);
    world
}

fn of_auto<'a>(world: &World, model: &'a str) -> Wanted<'a> {
    Wanted {
        group: AUTO,
        ..world.wanted(model)
    }
}

/// `group/channel`, in the order to try.
fn order(world: &mut World, model: &str) -> Result<Vec<String>, NoPlan> {
    let wanted = of_auto(world, model);
    let plan = plan(&world.snapshot, &wanted, NOW, &mut world.rng)?;
    let labels = plan
        .candidates
        .iter()
        .map(|each| format!("{}/{}", each.group, label(each)));
    Ok(labels.collect())
}

#[test]
fn groups_are_tried_in_their_order_whatever_the_priorities() {
    let mut world = auto(&[
        "name: plain, priority: 100",
        "name: fine, groups: [vip]",
        "name: both, groups: [default, vip], priority: -1",
    ]);
    let expected = ["vip/fine", "vip/both", "default/plain"];
    assert_eq!(
        order(&mut world, "m").expect("a plan"),
        expected,
        "a channel of both is tried once, in the first"
    );
}

#[test]
fn a_group_that_cannot_answer_is_passed_over() {
    let mut world = auto(&[
        "name: plain, models: [m, only]",
        "name: fine, groups: [vip]",
    ]);
    assert_eq!(
        order(&mut world, "only").expect("a plan"),
        ["default/plain"]
    );
    world.break_lane("fine", 0);
    assert_eq!(order(&mut world, "m").expect("a plan"), ["default/plain"]);
    world.break_lane("plain", 0);
    let down = NoPlan::AllDown {
        retry_after: Duration::from_secs(30),
    };
    assert_eq!(order(&mut world, "m"), Err(down));
    assert_eq!(order(&mut world, "none"), Err(NoPlan::UnknownModel));
}

#[test]
fn being_down_in_one_group_gives_more_hope_than_another_format_in_the_next() {
    let mut world = auto(&[
        "name: other, formats: [messages]",
        "name: fine, groups: [vip]",
    ]);
    world.break_lane("fine", 0);
    let wanted = Wanted {
        operation: Operation::Completion,
        ..of_auto(&world, "m")
    };
    let none = plan(&world.snapshot, &wanted, NOW, &mut world.rng).expect_err("no plan");
    assert!(matches!(none, NoPlan::AllDown { .. }), "{none}");
}

#[test]
fn the_models_are_those_of_all_its_groups_once_each() {
    let world = auto(&[
        "name: plain, models: [m, only]",
        "name: fine, groups: [vip], models: [m, rare, 'w-*']",
    ]);
    let models = served(&world.snapshot, AUTO);
    let names: Vec<_> = models
        .iter()
        .map(|model| (model.name, &*model.channel.name))
        .collect();
    assert_eq!(names, [("m", "fine"), ("only", "plain"), ("rare", "fine")]);
    assert!(serves(&world.snapshot, AUTO, "w-any"));
    assert!(!serves(&world.snapshot, AUTO, "none"));
}

#[test]
fn groups_that_a_user_may_not_use_are_left_out() {
    let mut world = auto(&[
        "name: plain, models: [m]",
        "name: fine, groups: [vip], models: [m, rare]",
    ]);
    let vip = world.snapshot.groups.get_mut("vip").expect("a group");
    vip.usable_by = Some(vec!["partner".into()]);
    let mut tried = |user_group, group, model| {
        let wanted = Wanted {
            group,
            user_group,
            ..world.wanted(model)
        };
        let plan = plan(&world.snapshot, &wanted, NOW, &mut world.rng)?;
        Ok(plan.candidates.iter().map(label).collect::<Vec<_>>())
    };
    let both = || Ok(vec!["fine".to_string(), "plain".to_string()]);
    assert_eq!(tried(None, AUTO, "m"), both());
    assert_eq!(tried(Some("partner"), AUTO, "m"), both());
    assert_eq!(
        tried(Some("default"), AUTO, "m"),
        Ok(vec!["plain".to_string()])
    );
    for group in [AUTO, "vip"] {
        let none = tried(Some("default"), group, "rare");
        assert_eq!(none, Err(NoPlan::NotInGroup), "{group}");
    }
    let names = |user_group| {
        let models = served_to(&world.snapshot, user_group, AUTO);
        models.iter().map(|model| model.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Some("default")), ["m"]);
    assert_eq!(names(Some("partner")), ["m", "rare"]);
}

#[test]
fn an_explanation_names_the_group_of_each_candidate() {
    let mut world = auto(&[
        "name: plain",
        "name: fine, groups: [vip], weight: 1",
        "name: better, groups: [vip], weight: 3",
        "name: off, enabled: false",
    ]);
    let wanted = of_auto(&world, "m");
    let told = explain(&world.snapshot, &wanted, NOW, &mut world.rng).to_string();
    for words in [
        "m in chat, group auto\n",
        "group vip: fine key 1: m as chat, priority 0, weight 1 (25 % of its tier)",
        "3. group default: plain key 1",
        "off: disabled",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
