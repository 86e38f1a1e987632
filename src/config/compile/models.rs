//! `models`: prices, context sizes and limits by name or wildcard.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Price, Rates, Tier};

use super::limits;
use super::tokens::time;
use crate::price::{DatedPrice, ModelEntry, ModelFacts, PriceBook, PriceBookBuilder};
use crate::reader::{Field, Map};

const TOKENS: std::ops::RangeInclusive<u64> = 1..=1_000_000_000;

/// The built-in prices, overridden by the operator's.
pub(super) fn read(root: &mut Map<'_>) -> PriceBook {
    let mut book = PriceBookBuilder::builtin();
    for (name, field) in root.take("models").entries() {
        if name.trim() != name || name.is_empty() {
            field.error("a model without a proper name", "take the spaces out");
        }
        book.add(name, entry(&field));
    }
    book.build()
}

fn entry(field: &Field<'_>) -> ModelEntry {
    let mut map = field.map();
    let (one, dated) = (map.take("price"), map.take("prices"));
    if !one.is_absent() && !dated.is_absent() {
        dated.error("prices beside price", "keep one: prices are dated by from");
    }
    let prices = match one.is_absent() {
        true => dated_prices(&dated),
        false => vec![DatedPrice {
            from: None,
            price: Arc::new(price(one.map())),
        }],
    };
    let limits = limits::read(&map.take("limits"));
    let facts = ModelFacts {
        context: map.take("context").integer(TOKENS),
        max_output: map.take("max_output").integer(TOKENS),
    };
    map.finish();
    ModelEntry {
        prices,
        facts,
        limits,
    }
}

fn dated_prices(field: &Field<'_>) -> Vec<DatedPrice> {
    let mut starts: HashSet<Option<Timestamp>> = HashSet::new();
    let items = field.list();
    let prices = items.iter().map(|item| {
        let mut map = item.map();
        let start = map.take("from");
        let from = time(&start);
        let is_known = from.is_some() || start.is_absent();
        if is_known && !starts.insert(from) {
            item.error(
                "a second price from the same time",
                "give each its own from",
            );
        }
        DatedPrice {
            from,
            price: Arc::new(price(map)),
        }
    });
    prices.collect()
}

fn price(mut map: Map<'_>) -> Price {
    let (tiers, request, tools) = (map.take("tiers"), map.take("request"), map.take("tools"));
    let tool_prices = tools.entries();
    let plain = rates(&mut map);
    if !tiers.is_absent() && plain.is_some() {
        tiers.error(
            "tiers beside token prices",
            "put every token price into a tier",
        );
    }
    let tools_say_nothing = tool_prices.is_empty() && (tools.is_absent() || tools.is_map());
    if plain.is_none() && tiers.is_absent() && request.is_absent() && tools_say_nothing {
        map.error(
            "a price that says nothing",
            "write input: 0 and output: 0 for a free model",
        );
    }
    let price = Price {
        tiers: match plain {
            Some(rates) => vec![Tier { up_to: None, rates }],
            None => rising(&tiers),
        },
        request: request.nanos("an amount in USD").unwrap_or(0),
        tools: tool_prices.iter().filter_map(tool).collect(),
    };
    map.finish();
    price
}

fn tool((name, field): &(&str, Field<'_>)) -> Option<(String, i64)> {
    let price = field.nanos("an amount in USD per 1,000 calls")?;
    Some(((*name).to_string(), price))
}

/// The token prices of a price or tier; `None` when there is none.
fn rates(map: &mut Map<'_>) -> Option<Rates> {
    let mut said = false;
    let input = map.take("input");
    let mut class = |field: Field<'_>| {
        said |= !field.is_absent();
        field.nanos("an amount in USD per million tokens")
    };
    let first = class(input.clone());
    let rates = Rates {
        input: first.unwrap_or(0),
        output: class(map.take("output")).unwrap_or(0),
        cache_read: class(map.take("cache_read")),
        cache_write_5m: class(map.take("cache_write_5m")),
        cache_write_1h: class(map.take("cache_write_1h")),
        audio_input: class(map.take("audio_input")),
        audio_output: class(map.take("audio_output")),
        image_input: class(map.take("image_input")),
        image_output: class(map.take("image_output")),
    };
    if said && input.is_absent() {
        input.warn(
            "missing: input tokens are free",
            "write input: 0 if that is meant",
        );
    }
    said.then_some(rates)
}

fn rising(field: &Field<'_>) -> Vec<Tier> {
    let items = field.list();
    if field.is_list() && items.is_empty() {
        field.error("no tier", "list at least one");
    }
    let mut tiers: Vec<Tier> = Vec::with_capacity(items.len());
    // The bound of the tier before, as far as it could be read.
    let mut before: Option<Option<u64>> = None;
    for item in &items {
        let mut map = item.map();
        let bound = map.take("up_to");
        let up_to = bound.integer(TOKENS);
        match (&before, up_to) {
            (Some(None), _) => {
                item.error("a tier behind the one without up_to", "put that one last")
            }
            (Some(Some(before)), Some(now)) if now <= *before => {
                bound.error(
                    "not larger than the tier before",
                    "list tiers by rising up_to",
                );
            }
            _ => {}
        }
        if up_to.is_some() || bound.is_absent() {
            before = Some(up_to);
        }
        let rates = rates(&mut map);
        if rates.is_none() && item.is_map() {
            item.error("a tier without prices", "write input and output");
        }
        map.finish();
        tiers.push(Tier {
            up_to,
            rates: rates.unwrap_or_default(),
        });
    }
    tiers
}
