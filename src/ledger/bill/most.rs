//! What a request may cost at most, as far as it says beforehand what it will use.
//!
//! Nobody knows which tokens a provider finds in its cache, or writes to it, so all that goes in is
//! taken at the dearest class that the request allows, and all that comes out likewise.

use super::{Price, Rate, Rates, Sum};
use crate::money::Nanos;

/// What a request uses at most. Tokens of the three kinds of input are counted apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Most<'a> {
    /// Tokens of text that go in.
    pub text: u64,
    /// Tokens of images that go in.
    pub images: u64,
    /// Tokens of sound that go in.
    pub sound: u64,
    /// Tokens that come out.
    pub output: u64,
    /// Which caches may be written with what goes in.
    pub writes: Writes,
    /// Whether sound may come out.
    pub speaks: bool,
    /// Whether images may come out.
    pub draws: bool,
    /// Calls of tools that the provider runs, each with the names it may be charged under.
    pub tools: Vec<(&'a [&'a str], u32)>,
}

/// Which prompt caches a request may be charged for writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writes {
    /// None.
    #[default]
    Nothing,
    /// Whatever the provider writes unasked: such a provider has a price for it.
    Unasked,
    /// One that lives five minutes: it is marked in the request.
    Short,
    /// Also one that lives an hour.
    Long,
}

/// What is held for a request that uses no more than `most`: no usage within that costs more. Not
/// nothing, unless it is certain to cost nothing: a model may cost by its images, or its tools, alone,
/// which nobody knows before, and who has nothing left must not go on with it.
pub fn hold(price: &Price, most: &Most<'_>, ratio: u64) -> Nanos {
    if price.is_free() || ratio == 0 {
        return Nanos::ZERO;
    }
    let input = most
        .text
        .saturating_add(most.images)
        .saturating_add(most.sound);
    // The input is at most that, and a smaller one may be in a dearer tier.
    let tiers = price.tiers_within(input).iter();
    let tokens = tiers.map(|tier| tokens(&tier.rates, most)).max();
    let mut sum = tokens.unwrap_or_default();
    sum.add_request(price.request);
    for (names, calls) in &most.tools {
        let dearest = names.iter().map(|name| price.tool(name)).max();
        sum.add_calls(*calls, dearest.unwrap_or_default());
    }
    sum.times(ratio).max(Nanos(1))
}

fn tokens(rates: &Rates, most: &Most<'_>) -> Sum {
    // What is cached may be of any kind.
    let cached = rates.cached(most.writes);
    let said = [
        Some(rates.said()),
        most.speaks.then(|| rates.spoken()),
        most.draws.then(|| rates.drawn()),
    ];
    let mut sum = Sum::default();
    sum.add_at(most.text, cached);
    sum.add_at(most.images, cached.max(rates.seen()));
    sum.add_at(most.sound, cached.max(rates.heard()));
    let dearest = said.into_iter().flatten().reduce(Rate::max);
    sum.add_at(most.output, dearest.unwrap_or(rates.said()));
    sum
}

impl Rates {
    /// The dearest of input that may be plain, read from a cache, or written to one.
    fn cached(&self, writes: Writes) -> Rate {
        let plain = self.plain().max(self.read());
        match writes {
            Writes::Nothing => plain,
            Writes::Unasked if self.cache_write_5m.is_none() => plain,
            Writes::Unasked | Writes::Short => plain.max(self.write_5m()),
            Writes::Long => plain.max(self.write_5m()).max(self.write_1h()),
        }
    }
}

impl Rate {
    fn max(self, other: Rate) -> Rate {
        let weight = |rate: Rate| i128::from(rate.price.max(0)) * rate.quarters as i128;
        match weight(other) > weight(self) {
            true => other,
            false => self,
        }
    }
}
