use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// A flat price of `usd` per million input tokens.
fn priced(usd: i64) -> ModelEntry {
    dated(&[(None, usd)])
}

fn dated(prices: &[(Option<&str>, i64)]) -> ModelEntry {
    let prices = prices.iter().map(|(from, usd)| DatedPrice {
        from: from.map(at),
        price: Arc::new(flat(*usd)),
    });
    ModelEntry {
        prices: prices.collect(),
        facts: ModelFacts::default(),
        limits: Limits::default(),
    }
}

fn flat(usd: i64) -> Price {
    let rates = Rates {
        input: usd * 1_000_000_000,
        ..Rates::default()
    };
    Price {
        tiers: vec![Tier { up_to: None, rates }],
        ..Price::default()
    }
}

fn book(entries: &[(&str, ModelEntry)]) -> PriceBook {
    let mut builder = PriceBookBuilder::new();
    for (name, entry) in entries {
        builder.add(name, entry.clone());
    }
    builder.build()
}

const NOW: &str = "2026-11-21T12:00:00Z";

#[track_caller]
fn check(book: &PriceBook, asked: &str, upstream: &str, usd: Option<i64>) {
    let found = book.price(asked, upstream, at(NOW));
    let found = found.map(|price| price.tiers[0].rates.input / 1_000_000_000);
    assert_eq!(found, usd, "asked {asked}, upstream {upstream}");
}

#[test]
fn the_exact_name_comes_before_the_longest_pattern() {
    let book = book(&[
        ("*", priced(1)),
        ("gpt-*", priced(2)),
        ("gpt-4o*", priced(3)),
        ("gpt-4o", priced(4)),
        ("*-mini", priced(5)),
    ]);
    check(&book, "gpt-4o", "x", Some(4));
    check(&book, "gpt-4o-2024", "x", Some(3));
    check(&book, "gpt-5", "x", Some(2));
    check(&book, "gpt-4o-mini", "x", Some(3));
    check(&book, "o9-mini", "x", Some(5));
    check(&book, "else", "x", Some(1));
}

#[test]
fn the_asked_name_comes_first_then_without_suffix_then_the_upstreams() {
    let all = book(&[("a-high", priced(1)), ("a", priced(2)), ("u", priced(3))]);
    check(&all, "a-high", "u", Some(1));
    check(&all, "a-low", "u", Some(2));
    check(&all, "a-thinking-8192", "u", Some(2));
    check(&all, "b-low", "u", Some(3));
    check(&all, "b", "b", None);
    check(&all, "b", "u-low", None);
}

#[test]
fn a_price_holds_from_its_date_to_the_next() {
    let days = [
        (Some("2026-06-01T00:00:00Z"), 2),
        (None, 1),
        (Some("2027-01-01T00:00:00Z"), 3),
    ];
    let book = book(&[("m", dated(&days)), ("new", dated(&days[2..]))]);
    for (when, usd) in [
        ("2020-01-01T00:00:00Z", 1),
        ("2026-05-31T23:59:59Z", 1),
        ("2026-06-01T00:00:00Z", 2),
        ("2026-12-31T23:59:59.999Z", 2),
        ("2027-01-01T00:00:00Z", 3),
    ] {
        let price = book.price("m", "m", at(when)).expect("priced");
        assert_eq!(*price, flat(usd), "{when}");
    }
    check(&book, "new", "new", None);
}

#[test]
fn a_narrow_entry_without_a_price_does_not_hide_a_wider_one() {
    let facts = ModelFacts {
        context: Some(9),
        max_output: None,
    };
    let narrow = ModelEntry {
        prices: Vec::new(),
        facts,
        limits: Limits::default(),
    };
    let book = book(&[("m-1", narrow), ("m-*", priced(7))]);
    check(&book, "m-1", "m-1", Some(7));
    assert_eq!(book.facts("m-1"), facts);
}

#[test]
fn the_operator_overrides_by_name_and_part() {
    let mut builder = PriceBookBuilder::builtin();
    builder.add("gpt-4o", priced(1));
    builder.add(
        "o3",
        ModelEntry {
            prices: Vec::new(),
            facts: ModelFacts {
                context: None,
                max_output: Some(5),
            },
            limits: Limits::default(),
        },
    );
    let book = builder.build();
    check(&book, "gpt-4o", "gpt-4o", Some(1));
    assert_eq!(
        book.facts("gpt-4o").context,
        Some(128_000),
        "kept from the built-in row"
    );
    check(&book, "o3", "o3", Some(2));
    assert_eq!(book.facts("o3").max_output, Some(5));
}

#[test]
fn facts_are_looked_up_like_prices() {
    let book = PriceBookBuilder::builtin().build();
    let facts = ModelFacts {
        context: Some(128_000),
        max_output: Some(16_384),
    };
    assert_eq!(book.facts_of("alias", "gpt-4o"), facts);
    assert_eq!(book.max_output("alias", "gpt-4o"), facts.max_output);
    assert_eq!(book.facts("nobody-knows"), ModelFacts::default());
}

/// USD per million, as the vendors' pages say it.
struct Golden {
    model: &'static str,
    input: i64,
    cache_read: i64,
    output: i64,
}

#[test]
fn built_in_prices_are_the_vendors() {
    let book = PriceBookBuilder::builtin().build();
    let milli = 1_000_000;
    for Golden {
        model,
        input,
        cache_read,
        output,
    } in [
        Golden {
            model: "gpt-4o",
            input: 2_500,
            cache_read: 1_250,
            output: 10_000,
        },
        Golden {
            model: "gpt-4o-2024-08-06",
            input: 2_500,
            cache_read: 1_250,
            output: 10_000,
        },
        Golden {
            model: "gpt-4o-mini-2024-07-18",
            input: 150,
            cache_read: 75,
            output: 600,
        },
        Golden {
            model: "gpt-5",
            input: 1_250,
            cache_read: 125,
            output: 10_000,
        },
        Golden {
            model: "gpt-5-2025-08-07",
            input: 1_250,
            cache_read: 125,
            output: 10_000,
        },
        Golden {
            model: "gpt-5-high",
            input: 1_250,
            cache_read: 125,
            output: 10_000,
        },
        Golden {
            model: "claude-sonnet-4-5",
            input: 3_000,
            cache_read: 300,
            output: 15_000,
        },
        Golden {
            model: "claude-sonnet-4-5-20250929",
            input: 3_000,
            cache_read: 300,
            output: 15_000,
        },
        Golden {
            model: "claude-haiku-4-5-20251001",
            input: 1_000,
            cache_read: 100,
            output: 5_000,
        },
        Golden {
            model: "gemini-2.5-flash",
            input: 300,
            cache_read: 30,
            output: 2_500,
        },
        Golden {
            model: "grok-3-mini",
            input: 300,
            cache_read: 75,
            output: 500,
        },
    ] {
        let price = book.price(model, model, at(NOW)).expect(model);
        let rates = &price.tiers[0].rates;
        let found = (rates.input, rates.cache_read, rates.output);
        assert_eq!(
            found,
            (input * milli, Some(cache_read * milli), output * milli),
            "{model}"
        );
    }
}

#[test]
fn built_in_rows_have_cache_writes_tiers_dates_and_tools() {
    let book = PriceBookBuilder::builtin().build();
    let price = |model: &str, when: &str| book.price(model, model, at(when)).expect(model);

    let sonnet = price("claude-sonnet-4-5", NOW);
    assert_eq!(sonnet.tiers[0].rates.cache_write_5m, Some(3_750_000_000));
    assert_eq!(sonnet.tiers[0].rates.cache_write_1h, Some(6_000_000_000));

    let pro = price("gemini-2.5-pro", NOW);
    assert_eq!(pro.tiers[0].up_to, Some(200_000));
    assert_eq!(pro.tiers[1].rates.output, 15_000_000_000);

    assert_eq!(
        price("o3", "2025-01-01T00:00:00Z").tiers[0].rates.input,
        10_000_000_000
    );
    assert_eq!(
        price("o3", "2025-06-10T00:00:00Z").tiers[0].rates.input,
        2_000_000_000
    );

    let tool = |model: &str, name: &str| {
        let tools = &price(model, NOW).tools;
        tools
            .iter()
            .find(|(tool, _)| tool == name)
            .map(|(_, nanos)| *nanos)
    };
    assert_eq!(tool("gpt-4o", "web_search_preview"), Some(25_000_000_000));
    assert_eq!(tool("gpt-4.1", "web_search_preview"), Some(25_000_000_000));
    assert_eq!(tool("gpt-5", "web_search_preview"), Some(10_000_000_000));
    assert_eq!(tool("gpt-4o", "web_search"), Some(10_000_000_000));
    assert_eq!(tool("gpt-4o", "file_search"), Some(2_500_000_000));
    assert_eq!(
        tool("claude-sonnet-4-5", "web_search"),
        Some(10_000_000_000)
    );
}

#[test]
fn a_snapshot_with_another_price_keeps_it() {
    let book = PriceBookBuilder::builtin().build();
    let early = book
        .price("gpt-4o-2024-05-13", "x", at(NOW))
        .expect("priced");
    assert_eq!(early.tiers[0].rates.input, 5_000_000_000);
}

#[test]
fn neighbours_do_not_take_each_others_price() {
    let book = PriceBookBuilder::builtin().build();
    let input = |model: &str| {
        let price = book.price(model, model, at(NOW));
        price.map(|price| price.tiers[0].rates.input)
    };
    assert_ne!(input("gpt-4o-mini"), input("gpt-4o"));
    assert_ne!(input("gpt-5-mini"), input("gpt-5"));
    assert_eq!(input("gpt-5-unheard-of"), None);
    assert_ne!(
        input("claude-opus-4-1-20250805"),
        input("claude-opus-4-5-20251101")
    );
}

/// The index must leave out no pattern that would match: the plain version is to try them all.
#[test]
fn a_name_finds_what_trying_every_pattern_finds() {
    let book = PriceBookBuilder::builtin().build();
    let has_price = |entry: &ModelEntry| !entry.prices.is_empty();
    let mut names: Vec<String> = vec!["".into(), "zz-unknown".into(), "\u{e9}t\u{e9}".into()];
    for (pattern, _) in &book.patterns {
        names.push(pattern.as_str().replace('*', ""));
        names.push(pattern.as_str().replace('*', "-x-"));
    }
    for name in names {
        let found = book.find(&name, |entry| {
            has_price(entry).then(|| entry.prices.clone())
        });
        let exact = book.exact.get(&*name).filter(|entry| has_price(entry));
        let tried = || {
            let matching = book
                .patterns
                .iter()
                .filter(|(pattern, _)| pattern.matches(&name));
            matching
                .map(|(_, entry)| entry)
                .find(|entry| has_price(entry))
        };
        let expected = exact.or_else(tried).map(|entry| entry.prices.clone());
        assert_eq!(found, expected, "{name}");
    }
}
