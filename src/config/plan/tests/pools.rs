//! Who is asked at all.

use super::*;

#[test]
fn exact_names_wildcards_and_mapped_names_are_one_pool() {
    let mut world = world(&[
        "name: exact, models: [o3-mini]",
        "name: wild, models: ['o3*']",
        "name: mapped, models: [other], model_map: { o3-mini: upstream-o3 }",
        "name: both, models: ['*', o3-mini]",
        "name: none, models: [o4]",
    ]);
    let mut order = world.order("o3-mini");
    order.sort();
    assert_eq!(order, ["both", "exact", "mapped", "wild"]);

    let mut order = world.order("o3-large");
    order.sort();
    assert_eq!(order, ["both", "wild"], "a name nobody wrote out");
}

#[test]
fn the_upstream_name_is_the_mapped_one() {
    let mut world = world(&[
        "name: plain, models: ['*'], priority: 1",
        "name: mapped, models: [gpt-4o], model_map: { gpt-4: gpt-4o, gpt-4o: gpt-4o-2024 }",
    ]);
    let mut names = |model: &str| {
        let plan = world.plan(model).expect("a plan");
        let names = plan.candidates.iter();
        names
            .map(|candidate| candidate.model.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("gpt-4"), ["gpt-4", "gpt-4o"]);
    assert_eq!(
        names("gpt-4o"),
        ["gpt-4o", "gpt-4o-2024"],
        "maps are not chained"
    );
    assert_eq!(names("anything"), ["anything"]);
}

#[test]
fn groups_are_kept_apart() {
    let mut world = world(&[
        "name: all, models: [m], groups: [default, vip]",
        "name: vip, models: [m, 'v*'], groups: [vip]",
    ]);
    assert_eq!(world.order("m"), ["all"]);
    assert_eq!(world.refusal("v1"), NoPlan::NotInGroup);
    assert_eq!(world.refusal("x"), NoPlan::UnknownModel);

    let elsewhere = Wanted {
        group: "nobody",
        ..world.wanted("m")
    };
    let refusal = plan(&world.snapshot, &elsewhere, NOW, &mut world.rng).expect_err("no plan");
    assert_eq!(refusal, NoPlan::NotInGroup);
}

#[test]
fn inside_a_channel_the_callers_own_format_wins_else_the_channels_best() {
    let mut world = world(&[
        "name: both, models: [m], formats: [messages, chat]",
        "name: other, models: [only], formats: [messages, gemini]",
    ]);
    let mut format = |model| world.plan(model).expect("a plan").candidates[0].format;
    assert_eq!(format("m"), Format::Chat);
    assert_eq!(format("only"), Format::Messages);
}

#[test]
fn a_text_completion_is_never_converted() {
    let mut world = world(&["name: other, models: [only], formats: [messages, gemini]"]);
    let wanted = Wanted {
        operation: Operation::Completion,
        ..world.wanted("only")
    };
    let refusal = plan(&world.snapshot, &wanted, NOW, &mut world.rng).expect_err("no plan");
    let formats = vec![Format::Messages, Format::Gemini];
    assert_eq!(refusal, NoPlan::OtherFormat { formats });
}

#[test]
fn a_count_goes_where_it_can_be_counted() {
    let mut world = world(&[
        "name: a, models: [m], formats: [chat, gemini]",
        "name: b, models: [n], formats: [chat]",
    ]);
    let mut format = |model| {
        let wanted = Wanted {
            operation: Operation::Count,
            format: Format::Messages,
            ..world.wanted(model)
        };
        let plan = plan(&world.snapshot, &wanted, NOW, &mut world.rng).expect("a plan");
        plan.candidates[0].format
    };
    assert_eq!(format("m"), Format::Gemini);
    assert_eq!(format("n"), Format::Chat, "the tokenizer answers");
}

#[test]
fn models_that_refuse_tools_on_chat_are_reached_over_responses() {
    let mut world = world(&[
        "name: a, models: [gpt-5.4], provider: openai, formats: [chat, responses]",
        "name: b, models: [gpt-5.4-local], formats: [chat, responses]",
    ]);
    let mut format = |model, thinks_with_tools| {
        let wanted = Wanted {
            thinks_with_tools,
            ..world.wanted(model)
        };
        let plan = plan(&world.snapshot, &wanted, NOW, &mut world.rng).expect("a plan");
        plan.candidates[0].format
    };
    assert_eq!(format("gpt-5.4", true), Format::Responses);
    assert_eq!(format("gpt-5.4", false), Format::Chat);
    assert_eq!(
        format("gpt-5.4-local", true),
        Format::Chat,
        "the provider has no such quirk"
    );
}

#[test]
fn a_disabled_channel_is_down_rather_than_unknown() {
    let mut world = world(&[
        "name: off, models: [m, only], enabled: false",
        "name: on, models: [m]",
    ]);
    assert_eq!(world.order("m"), ["on"]);
    assert!(matches!(world.plan("only"), Err(NoPlan::AllDown { .. })));

    let listed = served(&world.snapshot, "default");
    let names: Vec<&str> = listed.iter().map(|model| model.name).collect();
    assert_eq!(names, ["m"], "and is not listed");
    assert!(serves(&world.snapshot, "default", "m"));
    assert!(!serves(&world.snapshot, "default", "only"));
}

#[test]
fn lists_what_a_group_may_ask_for() {
    let world = world(&[
        "name: a, models: [b, 'w*'], priority: 1",
        "name: z, models: [a, b], model_map: { c: d }",
        "name: v, models: [v], groups: [vip]",
    ]);
    let models = served(&world.snapshot, "default");
    let listed = models
        .iter()
        .map(|model| (model.name, &*model.channel.name));
    assert_eq!(
        listed.collect::<Vec<_>>(),
        [("a", "z"), ("b", "a"), ("c", "z")]
    );
    assert!(serves(&world.snapshot, "default", "w-any"));
    assert!(served(&world.snapshot, "nobody").is_empty());
}

#[test]
fn all_down_says_when_the_first_may_be_back() {
    let mut world = world(&[
        "name: a, models: [m], breaker: { open: 20s }",
        "name: b, models: [m], breaker: { open: 10s }",
    ]);
    world.break_lane("a", 0);
    world.break_lane("b", 0);
    let retry_after = Duration::from_secs(10);
    assert_eq!(world.refusal("m"), NoPlan::AllDown { retry_after });

    let almost = NOW + Duration::from_millis(9_999);
    let wanted = world.wanted("m");
    let refusal = plan(&world.snapshot, &wanted, almost, &mut world.rng).expect_err("no plan");
    let retry_after = Duration::from_secs(1);
    assert_eq!(
        refusal,
        NoPlan::AllDown { retry_after },
        "never less than a second"
    );

    let due = NOW + Duration::from_secs(10);
    let probing = plan(&world.snapshot, &wanted, due, &mut world.rng).expect("a plan");
    assert_eq!(probing.candidates.len(), 1, "b may be probed");
}
