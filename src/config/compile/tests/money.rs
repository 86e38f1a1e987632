//! Prices.

use jiff::Timestamp;
use ledger::Price;

use super::*;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn price(models: &str, name: &str, time: &str) -> Option<std::sync::Arc<Price>> {
    snapshot(&format!("models: {{{models}}}"))
        .prices
        .price(name, name, at(time))
}

const NOW: &str = "2026-06-01T00:00:00Z";

#[test]
fn decimals_are_exact() {
    let price = price(
        "x-mine: {price: {input: 0.1, output: 2.50, cache_read: 0.000000001, request: 0.04, tools: {search: 25}}}",
        "x-mine",
        NOW,
    )
    .unwrap();
    let rates = &price.tiers[0].rates;
    assert_eq!(
        (rates.input, rates.output, rates.cache_read),
        (100_000_000, 2_500_000_000, Some(1))
    );
    assert_eq!(price.request, 40_000_000);
    assert_eq!(price.tools, [("search".to_string(), 25_000_000_000)]);
}

#[test]
fn prices_have_tiers_and_dates() {
    let tiered = price(
        "x: {price: {tiers: [{up_to: 200000, input: 1.25, output: 10}, {input: 2.5, output: 15}]}}",
        "x",
        NOW,
    )
    .unwrap();
    let bounds: Vec<_> = tiered
        .tiers
        .iter()
        .map(|tier| (tier.up_to, tier.rates.input))
        .collect();
    assert_eq!(
        bounds,
        [(Some(200_000), 1_250_000_000), (None, 2_500_000_000)]
    );
    let dated = "x: {prices: [{from: 2026-01-01, input: 2, output: 8}, {from: 2027-01-01, input: 1, output: 4}]}";
    let input = |time| price(dated, "x", time).map(|price| price.tiers[0].rates.input);
    assert_eq!(input("2025-12-31T23:59:59Z"), None);
    assert_eq!(input("2026-01-01T00:00:00Z"), Some(2_000_000_000));
    assert_eq!(input("2027-01-01T00:00:00Z"), Some(1_000_000_000));
}

#[test]
fn facts_of_a_model_are_read() {
    let snapshot = snapshot("models: {x: {context: 128000, max_output: 16384}}");
    let facts = snapshot.prices.facts("x");
    assert_eq!(
        (facts.context, facts.max_output),
        (Some(128_000), Some(16_384))
    );
}

#[test]
fn a_wrong_price_is_told() {
    let cases: [(&str, &[&str]); 12] = [
        (
            "{input: -1}",
            &["!models.x.price.input: expected an amount in USD per million tokens of at least 0"],
        ),
        (
            "{input: 0.1234567891}",
            &[
                "!models.x.price.input: expected an amount in USD per million tokens, found `0.1234567891`, finer",
            ],
        ),
        (
            "{input: free}",
            &["!models.x.price.input: expected an amount"],
        ),
        (
            "{input: .inf}",
            &["!models.x.price.input: expected an amount"],
        ),
        (
            "{input: 99999999999}",
            &["!models.x.price.input: expected an amount"],
        ),
        (
            "{input: [1]}",
            &["!models.x.price.input: expected an amount"],
        ),
        ("{}", &["!models.x.price: a price that says nothing"]),
        (
            "{output: 1}",
            &["?models.x.price.input: missing: input tokens are free"],
        ),
        (
            "{inptu: 1}",
            &[
                "!models.x.price: a price that says nothing",
                "!models.x.price.inptu: unknown key — did you mean `input`?",
            ],
        ),
        (
            "{input: 1, tiers: [{input: 1}]}",
            &["!models.x.price.tiers: tiers beside token prices"],
        ),
        ("{tiers: []}", &["!models.x.price.tiers: no tier"]),
        (
            "{tiers: [{up_to: 5, input: 1}, {up_to: 5, input: 1}, {input: 1}, {up_to: 9}]}",
            &[
                "!models.x.price.tiers[1].up_to: not larger than the tier before",
                "!models.x.price.tiers[3]: a tier behind the one without up_to",
                "!models.x.price.tiers[3]: a tier without prices",
            ],
        ),
    ];
    for (price, expected) in cases {
        check_section(&format!("models: {{x: {{price: {price}}}}}"), expected);
    }
    check_section(
        "models: {x: {price: {input: 1}, prices: [{input: 1}], context: 0, max: 1}}",
        &[
            "!models.x.prices: prices beside price",
            "!models.x.context: expected a whole number from 1",
            "!models.x.max: unknown key",
        ],
    );
    check_section(
        "models: {x: {prices: [{from: 2026-01-01, input: 1}, {from: 2026-01-01, input: 2}, {from: x, input: 1}]}}",
        &[
            "!models.x.prices[1]: a second price from the same time",
            "!models.x.prices[2].from: not a time",
        ],
    );
}

#[test]
fn models_without_a_price_are_named() {
    let yaml = with_channel(
        "provider: openai, keys: [k], models: [gpt-4o, mystery-2, mystery-1, 'odd-*'], model_map: {alias: gpt-4o}",
    );
    check(
        &yaml,
        &["?models: no price, so they are free: mystery-1, mystery-2 — add a price"],
    );
    check(
        &format!("billing: {{unpriced: refuse}}\n{yaml}"),
        &["?models: no price, so they are refused: mystery-1, mystery-2"],
    );
    let many: Vec<String> = (10..25).map(|number| format!("mystery-{number}")).collect();
    check(
        &with_channel(&format!(
            "provider: openai, keys: [k], models: [{}]",
            many.join(", ")
        )),
        &[
            "?models: no price, so they are free: mystery-10, mystery-11, mystery-12, mystery-13, mystery-14, mystery-15, mystery-16, mystery-17, mystery-18, mystery-19 and 5 more",
        ],
    );
}
