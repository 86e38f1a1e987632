use std::collections::BTreeSet;

use super::*;
use crate::pattern::Pattern;

/// More per million tokens than any model ever cost: a slipped decimal point.
const ABSURD: i64 = 1_000_000_000_000;

fn rows() -> Vec<(String, ModelEntry)> {
    parse(TEXT).expect("conf/prices.yaml parses")
}

#[test]
fn every_row_has_a_sane_price() {
    for (name, entry) in rows() {
        assert!(!entry.prices.is_empty(), "{name} has no price");
        for dated in &entry.prices {
            assert_sane(&name, &dated.price);
        }
        let mut starts: Vec<_> = entry.prices.iter().map(|dated| dated.from).collect();
        starts.dedup();
        assert_eq!(
            starts.len(),
            entry.prices.len(),
            "{name} has two prices from one date"
        );
        assert!(
            starts.is_sorted(),
            "{name}: prices are written oldest first"
        );
    }
}

fn assert_sane(name: &str, price: &Price) {
    let Some((last, bounded)) = price.tiers.split_last() else {
        panic!("{name} has no tier");
    };
    assert_eq!(last.up_to, None, "{name}: the last tier has no bound");
    let bounds: Vec<_> = bounded.iter().map(|tier| tier.up_to).collect();
    assert!(bounds.is_sorted(), "{name}: tiers rise");
    assert!(
        bounds.iter().all(Option::is_some),
        "{name}: only the last tier is open"
    );
    for tier in &price.tiers {
        let Rates {
            input,
            output,
            cache_read,
            ..
        } = tier.rates;
        assert!(input > 0 && input < ABSURD, "{name}: input {input}");
        assert!((0..ABSURD).contains(&output), "{name}: output {output}");
        if let Some(read) = cache_read {
            assert!(
                (0..=input).contains(&read),
                "{name}: a cache read costs more than input"
            );
        }
    }
    assert!(
        price
            .tools
            .iter()
            .all(|(_, per_thousand)| *per_thousand > 0)
    );
}

#[test]
fn no_name_is_given_twice() {
    let mut seen = BTreeSet::new();
    for (name, _) in rows() {
        assert!(seen.insert(name.clone()), "{name} has two rows");
    }
}

#[test]
fn no_pattern_takes_every_model() {
    for (name, _) in rows() {
        let pattern = Pattern::new(&name);
        assert!(
            pattern.is_exact() || pattern.literal_len() >= 5,
            "{name} is too wide"
        );
    }
}

#[test]
fn a_wrong_file_says_where() {
    let wrong = "vendors: [{ name: A, source: [], models: { m: { price: { inptu: 1 } } } }]";
    let fault = parse(wrong).expect_err("a fault");
    assert!(fault.contains("inptu"), "{fault}");
    let dated =
        "vendors: [{ name: A, source: [], models: { m: { prices: [{ from: soon, input: 1 }] } } }]";
    let fault = parse(dated).expect_err("a fault");
    assert!(fault.starts_with("m: "), "{fault}");
}
