//! What a request costs: tokens of each class times that class's price, in integers, rounded once.

mod most;

use llm::{ToolUses, Usage};

use crate::money::Nanos;

pub use most::{Most, Writes, hold};

/// A group ratio of 1.0.
pub const RATIO_ONE: u64 = 1_000_000_000;

/// Prices of token classes, each in 10^-9 USD per million tokens. A negative price counts as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Plain input.
    pub input: i64,
    /// Plain output, reasoning included.
    pub output: i64,
    /// Input read from a cache; missing: `input`.
    pub cache_read: Option<i64>,
    /// Input written to a five-minute cache; missing: 1.25 times `input`.
    pub cache_write_5m: Option<i64>,
    /// Input written to a one-hour cache; missing: twice `input`.
    pub cache_write_1h: Option<i64>,
    /// Audio input; missing: `input`.
    pub audio_input: Option<i64>,
    /// Audio output; missing: `output`.
    pub audio_output: Option<i64>,
    /// Image input; missing: `input`.
    pub image_input: Option<i64>,
    /// Image output; missing: `output`.
    pub image_output: Option<i64>,
}

impl Rates {
    /// Every price there is; one that is missing follows from another.
    fn all(&self) -> impl Iterator<Item = i64> {
        let classes = [
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.audio_input,
            self.audio_output,
            self.image_input,
            self.image_output,
        ];
        let classes = classes.into_iter().flatten();
        classes.chain([self.input, self.output])
    }
}

/// What a token of one class costs: so many quarters of a price.
#[derive(Clone, Copy, Debug)]
struct Rate {
    price: i64,
    quarters: u128,
}

impl Rate {
    /// A price of its own, else so many quarters of another one.
    fn of(own: Option<i64>, fallback: i64, quarters: u128) -> Rate {
        match own {
            Some(price) => Rate {
                price,
                quarters: QUARTERS,
            },
            None => Rate {
                price: fallback,
                quarters,
            },
        }
    }
}

/// Contract section 5: what a class costs that has no price of its own.
impl Rates {
    fn plain(&self) -> Rate {
        Rate::of(Some(self.input), 0, 0)
    }

    fn read(&self) -> Rate {
        Rate::of(self.cache_read, self.input, QUARTERS)
    }

    fn write_5m(&self) -> Rate {
        Rate::of(self.cache_write_5m, self.input, 5)
    }

    fn write_1h(&self) -> Rate {
        Rate::of(self.cache_write_1h, self.input, 8)
    }

    fn heard(&self) -> Rate {
        Rate::of(self.audio_input, self.input, QUARTERS)
    }

    fn seen(&self) -> Rate {
        Rate::of(self.image_input, self.input, QUARTERS)
    }

    fn said(&self) -> Rate {
        Rate::of(Some(self.output), 0, 0)
    }

    fn spoken(&self) -> Rate {
        Rate::of(self.audio_output, self.output, QUARTERS)
    }

    fn drawn(&self) -> Rate {
        Rate::of(self.image_output, self.output, QUARTERS)
    }
}

/// Prices for requests with up to so many input tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// The largest input it is meant for; `None`: any.
    pub up_to: Option<u64>,
    /// Its prices.
    pub rates: Rates,
}

/// The price of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Rising by `up_to`. The last one also serves inputs beyond its bound; none: tokens are free.
    pub tiers: Vec<Tier>,
    /// 10^-9 USD per call.
    pub request: i64,
    /// Tools the provider runs: name, and 10^-9 USD per 1,000 calls.
    pub tools: Vec<(String, i64)>,
}

/// Sums are kept in quarters of 10^-15 USD, where every price, the five quarters of an undivided
/// cache write and the millionth of a token's price are whole numbers.
const QUARTERS: u128 = 4;
const TOKENS_PER_PRICE: u128 = 1_000_000;
const CALLS_PER_TOOL_PRICE: u128 = 1_000;
const PER_CALL: u128 = QUARTERS * TOKENS_PER_PRICE;

/// The cost of one request: `ratio` is the group's, in 10^-9 (`RATIO_ONE` for 1.0).
///
/// Rounded once, half away from zero; never negative; beyond the range it is `Nanos::MAX`.
pub fn cost(price: &Price, usage: &Usage, tools: &ToolUses, ratio: u64) -> Nanos {
    let mut sum = Sum::default();
    if let Some(rates) = price.rates_for(usage.input) {
        sum.add_tokens(rates, usage);
    }
    sum.add_request(price.request);
    for (name, calls) in tools {
        sum.add_calls(*calls, price.tool(name));
    }
    sum.times(ratio)
}

impl Price {
    /// Whether no request costs anything.
    fn is_free(&self) -> bool {
        let tools = self.tools.iter().map(|(_, price)| *price);
        let rates = self.tiers.iter().flat_map(|tier| tier.rates.all());
        let mut prices = tools.chain(rates).chain([self.request]);
        prices.all(|price| price <= 0)
    }

    /// The prices for a request with `input` tokens: the whole request is at one tier.
    pub fn rates_for(&self, input: u64) -> Option<&Rates> {
        let tier = self.tiers_within(input).last()?;
        Some(&tier.rates)
    }

    /// The tiers of requests with up to `input` tokens.
    fn tiers_within(&self, input: u64) -> &[Tier] {
        let fits = |tier: &Tier| tier.up_to.is_none_or(|bound| input <= bound);
        let first = self.tiers.iter().position(fits);
        let tiers = first.map_or(self.tiers.len(), |first| first + 1);
        &self.tiers[..tiers]
    }

    fn tool(&self, name: &str) -> i64 {
        let named = self.tools.iter().find(|(tool, _)| tool == name);
        named.map_or(0, |(_, per_thousand)| *per_thousand)
    }
}

/// A sum that saturates. Saturation never shows as a wrong number: 2^128 units are more than
/// `i64::MAX` 10^-9 USD even at the smallest ratio, so the result is `Nanos::MAX` either way.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sum(u128);

impl Sum {
    fn add(&mut self, count: u64, price: i64, units: u128) {
        let price = u128::from(price.max(0).unsigned_abs());
        let amount = u128::from(count) * price;
        self.0 = self.0.saturating_add(amount.saturating_mul(units));
    }

    /// Contract section 5: classes never overlap, what is left of each total is plain.
    fn add_tokens(&mut self, rates: &Rates, usage: &Usage) {
        let plain_input = usage
            .input
            .saturating_sub(usage.cache_read)
            .saturating_sub(usage.cache_write_5m)
            .saturating_sub(usage.cache_write_1h)
            .saturating_sub(usage.audio_input)
            .saturating_sub(usage.image_input);
        let plain_output = usage
            .output
            .saturating_sub(usage.audio_output)
            .saturating_sub(usage.image_output);

        for (tokens, rate) in [
            (plain_input, rates.plain()),
            (usage.cache_read, rates.read()),
            (usage.cache_write_5m, rates.write_5m()),
            (usage.cache_write_1h, rates.write_1h()),
            (usage.audio_input, rates.heard()),
            (usage.image_input, rates.seen()),
            (plain_output, rates.said()),
            (usage.audio_output, rates.spoken()),
            (usage.image_output, rates.drawn()),
        ] {
            self.add_at(tokens, rate);
        }
    }

    fn add_request(&mut self, price: i64) {
        self.add(1, price, PER_CALL);
    }

    fn add_calls(&mut self, calls: u32, per_thousand: i64) {
        let units = PER_CALL / CALLS_PER_TOOL_PRICE;
        self.add(calls.into(), per_thousand, units);
    }

    fn add_at(&mut self, tokens: u64, rate: Rate) {
        self.add(tokens, rate.price, rate.quarters);
    }

    fn times(self, ratio: u64) -> Nanos {
        const UNITS_PER_NANO: u128 = QUARTERS * TOKENS_PER_PRICE * RATIO_ONE as u128;
        let scaled = self.0.saturating_mul(u128::from(ratio));
        let rounded = scaled.saturating_add(UNITS_PER_NANO / 2) / UNITS_PER_NANO;
        i64::try_from(rounded).map_or(Nanos::MAX, Nanos)
    }
}

#[cfg(test)]
mod tests;
