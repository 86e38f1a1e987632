//! Reads the built-in price file that is compiled in.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::Nanos;
use ledger::limit::Limits;
use serde::Deserialize;

use super::{DatedPrice, ModelEntry, ModelFacts, Price, Rates, Tier};

const TEXT: &str = include_str!("../../../conf/prices.yaml");

/// Every built-in entry by name or pattern. Parsed once.
///
/// A file that does not parse gives no prices; that it does is what the tests are for.
pub(super) fn builtin() -> impl Iterator<Item = (&'static str, &'static ModelEntry)> {
    static ENTRIES: LazyLock<Vec<(String, ModelEntry)>> =
        LazyLock::new(|| parse(TEXT).unwrap_or_default());
    ENTRIES.iter().map(|(name, entry)| (name.as_str(), entry))
}

fn parse(text: &str) -> Result<Vec<(String, ModelEntry)>, String> {
    let file: PriceFile = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let mut entries = Vec::new();
    for (name, row) in file.vendors.into_iter().flat_map(|vendor| vendor.models) {
        let also = row.also.clone();
        let entry = row
            .into_entry()
            .map_err(|fault| format!("{name}: {fault}"))?;
        let names = std::iter::once(name).chain(also);
        entries.extend(names.map(|name| (name, entry.clone())));
    }
    Ok(entries)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    vendors: Vec<Vendor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "source")]
    _source: Vec<String>,
    models: BTreeMap<String, Row>,
}

/// One model, in the words of the operator's `models` section.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Further names and patterns of the same row.
    #[serde(default)]
    also: Vec<String>,
    price: Option<RawPrice>,
    #[serde(default)]
    prices: Vec<RawPrice>,
    context: Option<u64>,
    max_output: Option<u64>,
}

/// A price, or one tier of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    from: Option<String>,
    #[serde(default)]
    tiers: Vec<RawPrice>,
    up_to: Option<u64>,
    #[serde(default)]
    tools: BTreeMap<String, Nanos>,
    request: Option<Nanos>,
    input: Option<Nanos>,
    output: Option<Nanos>,
    cache_read: Option<Nanos>,
    cache_write_5m: Option<Nanos>,
    cache_write_1h: Option<Nanos>,
    audio_input: Option<Nanos>,
    audio_output: Option<Nanos>,
    image_input: Option<Nanos>,
    image_output: Option<Nanos>,
}

impl Row {
    fn into_entry(self) -> Result<ModelEntry, String> {
        let prices = self.price.into_iter().chain(self.prices);
        Ok(ModelEntry {
            prices: prices.map(RawPrice::into_dated).collect::<Result<_, _>>()?,
            facts: ModelFacts {
                context: self.context,
                max_output: self.max_output,
            },
            limits: Limits::default(),
        })
    }
}

impl RawPrice {
    fn into_dated(self) -> Result<DatedPrice, String> {
        let from = self.from.as_deref().map(midnight).transpose()?;
        let tiers = match self.tiers.is_empty() {
            true => vec![self.tier()],
            false => self.tiers.iter().map(RawPrice::tier).collect(),
        };
        let tools = self.tools.into_iter().map(|(name, usd)| (name, usd.0));
        let price = Price {
            tiers,
            request: self.request.map_or(0, |usd| usd.0),
            tools: tools.collect(),
        };
        Ok(DatedPrice {
            from,
            price: Arc::new(price),
        })
    }

    fn tier(&self) -> Tier {
        let nanos = |usd: Option<Nanos>| usd.map(|usd| usd.0);
        Tier {
            up_to: self.up_to,
            rates: Rates {
                input: nanos(self.input).unwrap_or(0),
                output: nanos(self.output).unwrap_or(0),
                cache_read: nanos(self.cache_read),
                cache_write_5m: nanos(self.cache_write_5m),
                cache_write_1h: nanos(self.cache_write_1h),
                audio_input: nanos(self.audio_input),
                audio_output: nanos(self.audio_output),
                image_input: nanos(self.image_input),
                image_output: nanos(self.image_output),
            },
        }
    }
}

fn midnight(date: &str) -> Result<Timestamp, String> {
    let date: Date = date
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    let start = date
        .to_zoned(TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    Ok(start.timestamp())
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
