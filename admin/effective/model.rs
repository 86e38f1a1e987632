//! A model's prices, sizes and limits, in the words of the configuration.

use config::price::{DatedPrice, ModelEntry, Price, Rates};
use serde_json::{Map, Value, json};

use super::{decimal, limits, members};

/// What is known about a model.
pub(crate) fn model(entry: &ModelEntry) -> Map<String, Value> {
    let (one, dated) = match &entry.prices[..] {
        [] => (None, None),
        [DatedPrice { from: None, price }] => (Some(json!(self::price(price))), None),
        several => (None, Some(several.iter().map(dated_price).collect())),
    };
    members([
        ("price", one),
        ("prices", dated),
        ("context", entry.facts.context.map(|tokens| json!(tokens))),
        (
            "max_output",
            entry.facts.max_output.map(|tokens| json!(tokens)),
        ),
        (
            "limits",
            (!entry.limits.is_empty()).then(|| limits(&entry.limits)),
        ),
    ])
}

fn dated_price(dated: &DatedPrice) -> Value {
    let mut price = price(&dated.price);
    if let Some(from) = dated.from {
        price.insert("from".into(), json!(from));
    }
    Value::Object(price)
}

fn price(price: &Price) -> Map<String, Value> {
    let mut said = match &price.tiers[..] {
        [one] if one.up_to.is_none() => rates(&one.rates),
        [] => Map::new(),
        tiers => {
            let tiers = tiers.iter().map(|tier| {
                let mut said = rates(&tier.rates);
                if let Some(up_to) = tier.up_to {
                    said.insert("up_to".into(), json!(up_to));
                }
                Value::Object(said)
            });
            members([("tiers", Some(tiers.collect()))])
        }
    };
    if price.request != 0 {
        said.insert("request".into(), json!(decimal(price.request)));
    }
    if !price.tools.is_empty() {
        let tools = price.tools.iter();
        let tools: Map<_, _> = tools
            .map(|(name, nanos)| (name.clone(), json!(decimal(*nanos))))
            .collect();
        said.insert("tools".into(), tools.into());
    }
    said
}

fn rates(rates: &Rates) -> Map<String, Value> {
    let usd = |nanos: Option<i64>| nanos.map(|nanos| json!(decimal(nanos)));
    members([
        ("input", usd(Some(rates.input))),
        ("output", usd(Some(rates.output))),
        ("cache_read", usd(rates.cache_read)),
        ("cache_write_5m", usd(rates.cache_write_5m)),
        ("cache_write_1h", usd(rates.cache_write_1h)),
        ("audio_input", usd(rates.audio_input)),
        ("audio_output", usd(rates.audio_output)),
        ("image_input", usd(rates.image_input)),
        ("image_output", usd(rates.image_output)),
    ])
}
