//! Golden bills, the rules of each class, and what must hold for any price and any usage.

use proptest::prelude::*;

use super::*;

/// A price per million tokens, from USD in text.
fn usd(text: &str) -> i64 {
    text.parse::<Nanos>().expect("a literal amount").0
}

fn flat(rates: Rates) -> Price {
    Price {
        tiers: vec![Tier { up_to: None, rates }],
        ..Price::default()
    }
}

/// Input and output price per million tokens.
fn rates(input: &str, output: &str) -> Rates {
    Rates {
        input: usd(input),
        output: usd(output),
        ..Rates::default()
    }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

fn gpt_4o() -> Price {
    let mut price = flat(Rates {
        cache_read: Some(usd("1.25")),
        ..rates("2.50", "10")
    });
    price.tools = vec![("web_search_preview".into(), usd("25"))];
    price
}

fn check(name: &str, price: &Price, usage: Usage, expected: &str) {
    check_at(name, price, usage, RATIO_ONE, expected);
}

fn check_at(name: &str, price: &Price, usage: Usage, ratio: u64, expected: &str) {
    let bill = cost(price, &usage, &ToolUses::new(), ratio);
    assert_eq!(bill.to_string(), expected, "{name}");
}

// Units of the original system's worked bills are 0.000002 USD.

#[test]
fn bill_1_plain_tokens() {
    check("3750 units", &gpt_4o(), tokens(1_000, 500), "0.007500000");
}

#[test]
fn bill_2_cached_input() {
    let usage = Usage {
        cache_read: 400,
        ..tokens(1_000, 500)
    };
    check("3500 units", &gpt_4o(), usage, "0.007000000");
}

#[test]
fn bill_3_cache_reads_and_both_kinds_of_writes() {
    // Cache classes without prices of their own: 1.25 and 2 times the input price.
    let sonnet = flat(Rates {
        cache_read: Some(usd("0.30")),
        ..rates("3", "15")
    });
    let usage = Usage {
        cache_read: 5_000,
        cache_write_5m: 2_000,
        cache_write_1h: 1_000,
        ..tokens(9_000, 200)
    };
    check("10500 units", &sonnet, usage, "0.021000000");
}

#[test]
fn bill_5_audio_beside_text() {
    let realtime = flat(Rates {
        audio_input: Some(usd("40")),
        audio_output: Some(usd("40")),
        ..rates("5", "20")
    });
    let usage = Usage {
        audio_input: 200,
        audio_output: 100,
        ..tokens(300, 150)
    };
    check("6750 units", &realtime, usage, "0.013500000");
}

#[test]
fn bill_7_tools_of_the_provider() {
    let uses = vec![("web_search_preview".to_owned(), 3)];
    let bill = cost(&gpt_4o(), &tokens(2_000, 300), &uses, RATIO_ONE);
    assert_eq!(bill.to_string(), "0.083000000", "41500 units");
}

#[test]
fn bill_9_mostly_cached() {
    let gpt_5 = flat(Rates {
        cache_read: Some(usd("0.125")),
        ..rates("1.25", "10")
    });
    let usage = Usage {
        cache_read: 8_000,
        ..tokens(10_000, 1_000)
    };
    check("6750 units", &gpt_5, usage, "0.013500000");
}

#[test]
fn bill_10_the_ratio_multiplies_everything() {
    for (ratio, expected) in [
        (500_000_000, "0.003750000"),
        (900_000_000, "0.006750000"),
        (0, "0.000000000"),
    ] {
        check_at("ratio", &gpt_4o(), tokens(1_000, 500), ratio, expected);
    }
    let mut price = gpt_4o();
    price.request = usd("0.04");
    let uses = vec![("web_search_preview".to_owned(), 2)];
    let bill = cost(&price, &Usage::default(), &uses, RATIO_ONE / 2);
    assert_eq!(bill.to_string(), "0.045000000", "half of 0.04 and 0.05");
}

#[test]
fn bill_11_image_tokens_beside_text() {
    let gpt_image_1 = flat(Rates {
        image_input: Some(usd("10")),
        image_output: Some(usd("40")),
        ..rates("5", "0")
    });
    let usage = Usage {
        image_input: 1_000,
        image_output: 1_056,
        ..tokens(1_050, 1_056)
    };
    check("26245 units", &gpt_image_1, usage, "0.052490000");
}

#[test]
fn bill_12_the_whole_request_is_at_one_tier() {
    let tier = |up_to, input, output, cache_read| Tier {
        up_to,
        rates: Rates {
            cache_read: Some(usd(cache_read)),
            ..rates(input, output)
        },
    };
    let tiered = Price {
        tiers: vec![
            tier(Some(200_000), "3", "15", "0.3"),
            tier(None, "6", "22.5", "0.6"),
        ],
        ..Price::default()
    };
    let usage = Usage {
        cache_read: 200_000,
        ..tokens(250_000, 4_000)
    };
    check("255000 units", &tiered, usage, "0.510000000");
    check("at the bound", &tiered, tokens(200_000, 0), "0.600000000");
    check("one beyond", &tiered, tokens(200_001, 0), "1.200006000");
}

#[test]
fn bill_13_speech_by_characters_and_minutes() {
    let tts_1 = flat(Rates {
        audio_output: Some(0),
        ..rates("15", "0")
    });
    let usage = Usage {
        audio_output: 5_000,
        ..tokens(100, 5_000)
    };
    check("750 units", &tts_1, usage, "0.001500000");
    let whisper_1 = flat(rates("30", "0"));
    check("15255 units", &whisper_1, tokens(1_017, 0), "0.030510000");
}

#[test]
fn bill_14_by_call() {
    for (request, expected) in [("0.1", "0.100000000"), ("0.05", "0.050000000")] {
        let price = Price {
            request: usd(request),
            ..Price::default()
        };
        check("a call", &price, Usage::default(), expected);
    }
}

#[test]
fn bill_15_small_amounts_have_no_minimum() {
    check(
        "3 in, 1 out",
        &flat(rates("0.10", "0.40")),
        tokens(3, 1),
        "0.000000700",
    );
}

#[test]
fn half_a_unit_rounds_up_and_less_rounds_down() {
    // 0.0005 USD per million tokens is half of 10^-9 USD for one.
    check(
        "half",
        &flat(rates("0.0005", "0")),
        tokens(1, 0),
        "0.000000001",
    );
    check(
        "just under half",
        &flat(rates("0.000499999", "0")),
        tokens(1, 0),
        "0.000000000",
    );
    // Rounded together, not one by one: two halves are one.
    check(
        "two halves",
        &flat(rates("0.0005", "0.0005")),
        tokens(1, 1),
        "0.000000001",
    );
}

#[test]
fn an_undivided_cache_write_keeps_its_quarter() {
    // Five quarters of 0.000000001 USD per million: 800,000 tokens make exactly 10^-9 USD.
    let usage = Usage {
        cache_write_5m: 800_000,
        ..tokens(800_000, 0)
    };
    check(
        "quarters",
        &flat(rates("0.000000001", "0")),
        usage,
        "0.000000001",
    );
}

#[test]
fn missing_class_prices_fall_back() {
    let price = flat(rates("1", "10"));
    let usage = |class: fn(&mut Usage)| {
        let mut usage = tokens(1_000_000, 1_000_000);
        class(&mut usage);
        usage
    };
    for (name, usage, expected) in [
        (
            "cache_read",
            usage(|u| u.cache_read = u.input),
            "11.000000000",
        ),
        (
            "write 5m",
            usage(|u| u.cache_write_5m = u.input),
            "11.250000000",
        ),
        (
            "write 1h",
            usage(|u| u.cache_write_1h = u.input),
            "12.000000000",
        ),
        (
            "audio in",
            usage(|u| u.audio_input = u.input),
            "11.000000000",
        ),
        (
            "image in",
            usage(|u| u.image_input = u.input),
            "11.000000000",
        ),
        (
            "audio out",
            usage(|u| u.audio_output = u.output),
            "11.000000000",
        ),
        (
            "image out",
            usage(|u| u.image_output = u.output),
            "11.000000000",
        ),
        (
            "reasoning",
            usage(|u| u.reasoning = u.output),
            "11.000000000",
        ),
    ] {
        check(name, &price, usage, expected);
    }
}

#[test]
fn parts_larger_than_their_total_floor_the_plain_part_at_zero() {
    let usage = Usage {
        cache_read: 3_000_000,
        audio_output: 3_000_000,
        ..tokens(1_000_000, 1_000_000)
    };
    let price = flat(Rates {
        cache_read: Some(usd("1")),
        audio_output: Some(usd("2")),
        ..rates("100", "100")
    });
    check("plain parts are zero", &price, usage, "9.000000000");
}

#[test]
fn the_last_tier_serves_what_no_tier_was_meant_for() {
    let price = Price {
        tiers: vec![Tier {
            up_to: Some(10),
            rates: rates("1", "1"),
        }],
        ..Price::default()
    };
    check(
        "beyond every tier",
        &price,
        tokens(1_000_000, 0),
        "1.000000000",
    );
    check(
        "no tiers",
        &Price::default(),
        tokens(1_000_000, 5),
        "0.000000000",
    );
}

#[test]
fn tools_without_a_price_are_free_and_repeated_names_add_up() {
    let uses = vec![
        ("web_search_preview".to_owned(), 1),
        ("unheard_of".to_owned(), 9),
        ("web_search_preview".to_owned(), 1),
    ];
    let bill = cost(&gpt_4o(), &Usage::default(), &uses, RATIO_ONE);
    assert_eq!(bill.to_string(), "0.050000000");
}

#[test]
fn the_ends_of_every_number_saturate() {
    let full = Rates {
        input: i64::MAX,
        output: i64::MAX,
        ..Rates::default()
    };
    let price = Price {
        request: i64::MAX,
        tools: vec![("t".into(), i64::MAX)],
        ..flat(full)
    };
    let uses = vec![("t".to_owned(), u32::MAX)];
    let usage = tokens(u64::MAX, u64::MAX);
    for (ratio, expected) in [(u64::MAX, Nanos::MAX), (1, Nanos::MAX), (0, Nanos::ZERO)] {
        assert_eq!(cost(&price, &usage, &uses, ratio), expected, "{ratio}");
    }
}

/// The parts of a usage, none overlapping: the nine classes in the order of `Rates`.
fn usage_of(parts: [u64; 9]) -> Usage {
    let [
        plain_in,
        plain_out,
        read,
        write_5m,
        write_1h,
        audio_in,
        audio_out,
        image_in,
        image_out,
    ] = parts;
    let total = |parts: &[u64]| {
        parts
            .iter()
            .fold(0u64, |sum, part| sum.saturating_add(*part))
    };
    Usage {
        input: total(&[plain_in, read, write_5m, write_1h, audio_in, image_in]),
        cache_read: read,
        cache_write_5m: write_5m,
        cache_write_1h: write_1h,
        output: total(&[plain_out, audio_out, image_out]),
        reasoning: 0,
        audio_input: audio_in,
        audio_output: audio_out,
        image_input: image_in,
        image_output: image_out,
    }
}

prop_compose! {
    fn any_rates()(
        plain in (any::<i64>(), any::<i64>()),
        cache in proptest::array::uniform3(any::<Option<i64>>()),
        media in proptest::array::uniform4(any::<Option<i64>>()),
    ) -> Rates {
        Rates {
            input: plain.0, output: plain.1,
            cache_read: cache[0], cache_write_5m: cache[1], cache_write_1h: cache[2],
            audio_input: media[0], audio_output: media[1], image_input: media[2], image_output: media[3],
        }
    }
}

prop_compose! {
    /// Prices up to 1,000 USD per million tokens, whole 10^-9 USD per token.
    fn round_rates()(
        plain in (0..1_000_000i64, 0..1_000_000i64),
        cache in proptest::array::uniform3(proptest::option::of(0..1_000_000i64)),
        media in proptest::array::uniform4(proptest::option::of(0..1_000_000i64)),
    ) -> Rates {
        let per_token = |price: i64| price * 4_000_000;
        Rates {
            input: per_token(plain.0), output: per_token(plain.1),
            cache_read: cache[0].map(per_token), cache_write_5m: cache[1].map(per_token),
            cache_write_1h: cache[2].map(per_token), audio_input: media[0].map(per_token),
            audio_output: media[1].map(per_token), image_input: media[2].map(per_token),
            image_output: media[3].map(per_token),
        }
    }
}

#[test]
fn nothing_is_held_only_of_what_is_certainly_free() {
    let hold = |price: &Price, usage: Usage, ratio| {
        let most = Most {
            text: usage.input,
            output: usage.output,
            ..Most::default()
        };
        hold(price, &most, ratio).0
    };
    let images = flat(Rates {
        image_output: Some(usd("40")),
        ..Rates::default()
    });
    let tools = Price {
        tools: vec![("web_search".into(), usd("10"))],
        ..Price::default()
    };
    for (name, price) in [("images", &images), ("tools", &tools)] {
        assert_eq!(hold(price, tokens(1_000, 500), RATIO_ONE), 1, "{name}");
        assert_eq!(
            hold(price, tokens(1_000, 500), 0),
            0,
            "{name}, of a free group"
        );
    }
    assert_eq!(hold(&Price::default(), tokens(1_000, 500), RATIO_ONE), 0);
    assert_eq!(
        hold(&flat(rates("0", "-1")), tokens(1_000, 500), RATIO_ONE),
        0
    );
    assert_eq!(hold(&gpt_4o(), tokens(1_000, 500), RATIO_ONE), 7_500_000);
    assert_eq!(
        hold(&gpt_4o(), tokens(0, 0), RATIO_ONE),
        1,
        "whatever it becomes"
    );
}

/// A thousand tokens of each kind go in, and a thousand come out.
const THOUSANDS: Most<'_> = Most {
    text: 1_000,
    images: 1_000,
    sound: 1_000,
    output: 1_000,
    writes: Writes::Nothing,
    speaks: false,
    draws: false,
    tools: Vec::new(),
};

#[test]
fn each_kind_of_use_is_held_at_its_dearest_class() {
    let price = flat(Rates {
        cache_read: Some(usd("0.5")),
        audio_input: Some(usd("7")),
        image_input: Some(usd("3")),
        audio_output: Some(usd("80")),
        image_output: Some(usd("40")),
        ..rates("4", "10")
    });
    let check = |most: Most<'_>, expected: &str| {
        let held = hold(&price, &most, RATIO_ONE).to_string();
        assert_eq!(held, expected, "{most:?}");
    };
    check(THOUSANDS, "0.025000000"); // 4 + 4 + 7 + 10
    let with = |writes, speaks, draws| Most {
        writes,
        speaks,
        draws,
        ..THOUSANDS
    };
    check(with(Writes::Unasked, false, false), "0.025000000");
    check(with(Writes::Short, false, false), "0.027000000"); // 5 + 5 + 7 + 10
    check(with(Writes::Long, false, false), "0.034000000"); // 8 + 8 + 8 + 10
    check(with(Writes::Nothing, true, false), "0.095000000");
    check(with(Writes::Nothing, true, true), "0.095000000");
    check(with(Writes::Nothing, false, true), "0.055000000");
}

#[test]
fn writes_that_nobody_marked_are_held_where_they_have_a_price() {
    let price = flat(Rates {
        cache_write_5m: Some(usd("5")),
        ..rates("4", "10")
    });
    for (writes, expected) in [
        (Writes::Nothing, "0.022000000"),
        (Writes::Unasked, "0.025000000"),
    ] {
        let most = Most {
            writes,
            ..THOUSANDS
        };
        assert_eq!(hold(&price, &most, RATIO_ONE).to_string(), expected);
    }
}

#[test]
fn tools_are_held_at_the_dearest_of_their_names() {
    let price = Price {
        request: usd("1"),
        tools: vec![
            ("web_search".into(), usd("10")),
            ("web_search_preview".into(), usd("25")),
        ],
        ..Price::default()
    };
    let most = Most {
        tools: vec![
            (&["web_search_preview", "web_search"], 2),
            (&["web_search"], 3),
            (&["file_search"], 100),
        ],
        ..Most::default()
    };
    let held = hold(&price, &most, RATIO_ONE).to_string();
    assert_eq!(held, "1.080000000", "1 + 2 x 0.025 + 3 x 0.01");
}

#[test]
fn a_dearer_tier_below_is_held() {
    let tier = |up_to, input| Tier {
        up_to,
        rates: rates(input, "0"),
    };
    let tiers = vec![
        tier(Some(500), "9"),
        tier(Some(5_000), "4"),
        tier(None, "20"),
    ];
    let price = Price {
        tiers,
        ..Price::default()
    };
    let held = hold(&price, &THOUSANDS, RATIO_ONE).to_string();
    assert_eq!(held, "0.027000000", "not at 4, and 20 is out of reach");
}

prop_compose! {
    /// One to three tiers, in order.
    fn any_tiers()(
        rates in prop::collection::vec(any_rates(), 1..4),
        steps in proptest::array::uniform3(1u64..2_000),
    ) -> Vec<Tier> {
        let bounds = steps.iter().scan(0, |sum, step| {
            *sum += step;
            Some(*sum)
        });
        let tiers = rates.into_iter().zip(bounds);
        tiers.map(|(rates, bound)| Tier { up_to: Some(bound), rates }).collect()
    }
}

proptest! {
    #[test]
    fn no_usage_within_what_was_announced_costs_more_than_its_hold(
        tiers in any_tiers(),
        kinds in proptest::array::uniform4(0u64..2_000),
        shares in proptest::array::uniform4(proptest::array::uniform5(0u64..100)),
        writes in prop::sample::select(vec![Writes::Nothing, Writes::Unasked, Writes::Short, Writes::Long]),
        kind_of_answer: (bool, bool),
        request: i64,
        tool: (i64, i64),
        calls in (0u32..50, 0u32..50),
        ratio: u64,
    ) {
        let price = Price {
            tiers,
            request,
            tools: vec![("a".into(), tool.0), ("b".into(), tool.1)],
        };
        let (speaks, draws) = kind_of_answer;
        let most = Most {
            text: kinds[0], images: kinds[1], sound: kinds[2], output: kinds[3],
            writes, speaks, draws,
            tools: vec![(&["a", "b"], calls.0.max(calls.1))],
        };
        // Each kind is divided among the classes that it may be charged as; the last share is not used.
        let divided = |total: u64, shares: [u64; 5]| {
            let whole = shares.iter().sum::<u64>().max(1);
            shares.map(|share| total * share / whole)
        };
        let unasked = writes == Writes::Unasked
            && price.tiers.iter().all(|tier| tier.rates.cache_write_5m.is_some());
        let (short, long) = (unasked || writes >= Writes::Short, writes == Writes::Long);
        let only = |tokens: u64, when: bool| if when { tokens } else { 0 };
        let [text, images, sound] = [0, 1, 2].map(|kind| divided(kinds[kind], shares[kind]));
        let all = |class: usize| text[class] + images[class] + sound[class];
        let said = divided(kinds[3], shares[3]);
        let usage = usage_of([
            text[0],
            said[0],
            all(1),
            only(all(2), short),
            only(all(3), long),
            sound[0],
            only(said[1], speaks),
            images[0],
            only(said[2], draws),
        ]);
        let uses = vec![(if calls.0 > calls.1 { "a" } else { "b" }.to_owned(), calls.0.min(calls.1))];
        let bill = cost(&price, &usage, &uses, ratio);
        prop_assert!(bill <= hold(&price, &most, ratio), "{bill} for {usage:?}");
    }

    #[test]
    fn no_price_and_no_usage_overflows_or_pays_the_caller(
        rates in any_rates(),
        parts in proptest::array::uniform9(any::<u64>()),
        request: i64,
        tool in (any::<i64>(), any::<u32>()),
        ratio: u64,
    ) {
        let price = Price { request, tools: vec![("t".into(), tool.0)], ..flat(rates) };
        let bill = cost(&price, &usage_of(parts), &vec![("t".into(), tool.1)], ratio);
        prop_assert!(bill >= Nanos::ZERO);
    }

    #[test]
    fn more_of_any_class_never_costs_less(
        rates in any_rates(),
        parts in proptest::array::uniform9(any::<u64>()),
        class in 0usize..9,
        more: u64,
        ratio: u64,
    ) {
        // The plain part is what its total leaves over: a total that saturates would hide it.
        let parts = parts.map(|part| part >> 4);
        let mut larger = parts;
        larger[class] += more >> 4;
        let bill = |parts| cost(&flat(rates), &usage_of(parts), &ToolUses::new(), ratio);
        prop_assert!(bill(parts) <= bill(larger));
    }

    #[test]
    fn the_whole_is_the_sum_of_its_classes(
        rates in round_rates(),
        parts in proptest::array::uniform9(0u64..1_000_000),
        request in 0..i64::MAX / 4,
    ) {
        let of = |parts| cost(&flat(rates), &usage_of(parts), &ToolUses::new(), RATIO_ONE);
        let each: i64 = (0..9)
            .map(|class| {
                let mut alone = [0; 9];
                alone[class] = parts[class];
                of(alone).0
            })
            .sum();
        prop_assert_eq!(of(parts), Nanos(each));

        let with_request = Price { request, ..flat(rates) };
        let whole = cost(&with_request, &usage_of(parts), &ToolUses::new(), RATIO_ONE);
        prop_assert_eq!(whole, Nanos(each).saturating_add(Nanos(request)));
    }

    #[test]
    fn a_larger_ratio_never_costs_less(
        rates in any_rates(),
        parts in proptest::array::uniform9(any::<u64>()),
        ratios in (any::<u64>(), any::<u64>()),
    ) {
        let at = |ratio| cost(&flat(rates), &usage_of(parts), &ToolUses::new(), ratio);
        let (low, high) = (ratios.0.min(ratios.1), ratios.0.max(ratios.1));
        prop_assert!(at(low) <= at(high));
    }
}
