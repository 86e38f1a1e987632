//! What models cost and how much they hold: built-in facts, overridden by the operator's.

mod file;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use jiff::Timestamp;
use ledger::limit::Limits;

pub use ledger::bill::{Price, Rates, Tier};

use crate::pattern::Pattern;

/// What is known about a model, or about all models a pattern names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelEntry {
    /// Prices by the time from which they hold, in any order; `None`: always did.
    pub prices: Vec<DatedPrice>,
    /// Size and limit.
    pub facts: ModelFacts,
    /// What everybody together may ask of it.
    pub limits: Limits,
}

/// A price and when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedPrice {
    /// `None`: before every dated one.
    pub from: Option<Timestamp>,
    /// Until the next one begins.
    pub price: Arc<Price>,
}

/// How much a model takes and gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// Tokens of its context window.
    pub context: Option<u64>,
    /// Tokens it can answer with.
    pub max_output: Option<u64>,
}

/// Collects entries; a later one overrides an earlier one of the same name, part by part.
#[derive(Clone, Debug, Default)]
pub struct PriceBookBuilder {
    entries: HashMap<Box<str>, ModelEntry>,
}

impl PriceBookBuilder {
    /// Without any model.
    pub fn new() -> PriceBookBuilder {
        PriceBookBuilder::default()
    }

    /// With the models of `conf/prices.yaml`.
    pub fn builtin() -> PriceBookBuilder {
        let mut builder = PriceBookBuilder::new();
        for (name, entry) in file::builtin() {
            builder.add(name, entry.clone());
        }
        builder
    }

    /// Adds what is known about `name`, a model or a pattern. What `entry` leaves out stays as
    /// it was, so that an operator's price keeps the built-in context size.
    pub fn add(&mut self, name: &str, entry: ModelEntry) -> &mut PriceBookBuilder {
        let known = self.entries.entry(name.into()).or_default();
        if !entry.prices.is_empty() {
            known.prices = entry.prices;
        }
        known.facts = entry.facts.or(known.facts);
        if !entry.limits.is_empty() {
            known.limits = entry.limits;
        }
        self
    }

    /// The book, ready for look-ups.
    pub fn build(self) -> PriceBook {
        let mut book = PriceBook::default();
        for (name, mut entry) in self.entries {
            book.limited |= !entry.limits.is_empty();
            // Newest first; undated last.
            entry.prices.sort_by_key(|dated| Reverse(dated.from));
            let pattern = Pattern::new(&name);
            match pattern.is_exact() {
                true => drop(book.exact.insert(name, entry)),
                false => book.patterns.push((pattern, entry)),
            }
        }
        book.patterns.sort_by(|(a, _), (b, _)| {
            let rank = |pattern: &Pattern| (Reverse(pattern.literal_len()), pattern.as_str().len());
            rank(a)
                .cmp(&rank(b))
                .then_with(|| a.as_str().cmp(b.as_str()))
        });
        book.index();
        book
    }
}

/// Prices and facts by model name: the exact name first, then the longest pattern.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    exact: HashMap<Box<str>, ModelEntry>,
    /// Most specific first.
    patterns: Vec<(Pattern, ModelEntry)>,
    /// Whether any entry has limits: spares requests the look-up.
    limited: bool,
    /// By first byte, the places of the patterns a name that begins so may match, in order: of
    /// the hundreds there are a name is held against a dozen.
    by_first: HashMap<u8, Box<[usize]>>,
    /// Those that begin with `*`, for every other name.
    anywhere: Box<[usize]>,
}

impl PriceBook {
    /// Whether the name is written out.
    pub fn has(&self, name: &str) -> bool {
        self.exact.contains_key(name)
    }

    /// Every entry, under the name or pattern it is written under, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &ModelEntry)> {
        let exact = self.exact.iter().map(|(name, entry)| (&**name, entry));
        let patterns = self.patterns.iter();
        exact.chain(patterns.map(|(pattern, entry)| (pattern.as_str(), entry)))
    }

    /// The names that are written out, without wildcards.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(|name| &**name)
    }

    /// The price of a request at `at`: by the asked name, then the asked name without its
    /// reasoning suffix, then the name sent upstream.
    pub fn price(&self, asked: &str, upstream: &str, at: Timestamp) -> Option<Arc<Price>> {
        names(asked, upstream).find_map(|name| {
            self.find(name, |entry| {
                let begun = |dated: &&DatedPrice| dated.from.is_none_or(|from| from <= at);
                entry
                    .prices
                    .iter()
                    .find(begun)
                    .map(|dated| dated.price.clone())
            })
        })
    }

    /// What is known about a model beside its price. Each fact comes from the most specific
    /// entry that has it.
    pub fn facts(&self, name: &str) -> ModelFacts {
        self.facts_of(name, name)
    }

    /// The most that a model can answer with, by the names of `price`.
    pub fn max_output(&self, asked: &str, upstream: &str) -> Option<u64> {
        names(asked, upstream).find_map(|name| self.find(name, |entry| entry.facts.max_output))
    }

    /// All that is known, by the names of `price`.
    pub fn facts_of(&self, asked: &str, upstream: &str) -> ModelFacts {
        names(asked, upstream).fold(ModelFacts::default(), |known, name| {
            let context = || self.find(name, |entry| entry.facts.context);
            let max_output = || self.find(name, |entry| entry.facts.max_output);
            ModelFacts {
                context: known.context.or_else(context),
                max_output: known.max_output.or_else(max_output),
            }
        })
    }

    /// The names and patterns that have limits.
    pub(crate) fn limited(&self) -> impl Iterator<Item = &str> {
        let exact = self.exact.iter().map(|(name, entry)| (&**name, entry));
        let patterns = self.patterns.iter();
        let patterns = patterns.map(|(pattern, entry)| (pattern.as_str(), entry));
        exact
            .chain(patterns)
            .filter(|(_, entry)| !entry.limits.is_empty())
            .map(|(written, _)| written)
    }

    /// The limits of a model, and the name or pattern they are written under: everything it covers
    /// shares them.
    pub fn limits(&self, name: &str) -> Option<(&str, Limits)> {
        if !self.limited {
            return None;
        }
        let bounds = |entry: &ModelEntry| !entry.limits.is_empty();
        let exact = self.exact.get_key_value(name);
        let exact = exact.map(|(written, entry)| (&**written, entry));
        let patterns = self.patterns.iter();
        let matching = patterns.filter(|(pattern, _)| pattern.matches(name));
        let matching = matching.map(|(pattern, entry)| (pattern.as_str(), entry));
        exact
            .into_iter()
            .chain(matching)
            .find(|(_, entry)| bounds(entry))
            .map(|(written, entry)| (written, entry.limits))
    }

    fn index(&mut self) {
        let firsts = |pattern: &Pattern| pattern.first_byte();
        let places = |wanted: Option<u8>| {
            let patterns = self.patterns.iter().map(|(pattern, _)| firsts(pattern));
            let fits = |first: &Option<u8>| first.is_none() || *first == wanted;
            patterns
                .enumerate()
                .filter(|(_, first)| fits(first))
                .map(|(place, _)| place)
                .collect()
        };
        let bytes = self
            .patterns
            .iter()
            .filter_map(|(pattern, _)| firsts(pattern));
        let by_first = bytes.map(|byte| (byte, places(Some(byte)))).collect();
        let anywhere = places(None);
        (self.by_first, self.anywhere) = (by_first, anywhere);
    }

    /// The first entry for `name` that has what `take` looks for: an entry that says nothing of
    /// prices does not hide the price of a wider pattern.
    fn find<T>(&self, name: &str, take: impl Fn(&ModelEntry) -> Option<T>) -> Option<T> {
        let exact = self.exact.get(name).and_then(&take);
        exact.or_else(|| {
            let first = name.as_bytes().first();
            let places = first.and_then(|first| self.by_first.get(first));
            let matching = places
                .unwrap_or(&self.anywhere)
                .iter()
                .map(|place| &self.patterns[*place])
                .filter(|(pattern, _)| pattern.matches(name));
            matching.map(|(_, entry)| entry).find_map(&take)
        })
    }
}

/// Contract section 5: the names to look under, in this order. Most are found by the first.
fn names<'a>(asked: &'a str, upstream: &'a str) -> impl Iterator<Item = &'a str> {
    let base = iter::once_with(move || llm::suffix::split(asked).map(|(base, _)| base));
    let upstream = Some(upstream).filter(|name| *name != asked);
    iter::once(asked).chain(base.flatten()).chain(upstream)
}

impl ModelFacts {
    fn or(self, other: ModelFacts) -> ModelFacts {
        ModelFacts {
            context: self.context.or(other.context),
            max_output: self.max_output.or(other.max_output),
        }
    }
}

#[cfg(test)]
#[path = "price/tests.rs"]
mod tests;
