//! Adds records, each once, in any database.

use std::collections::HashSet;

use ledger::Record;
use ledger::journal::Place;

use super::{ATTEMPTS, Database};
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::sql::{Step, Value, journals, leases, purses, requests, usage};

/// What is left of a batch to be added.
struct Rest<'a> {
    records: Vec<(&'a Record, Option<Place>)>,
    /// Those that the journal is to reach, rising: also of records that are known by their ids.
    places: &'a [Place],
}

impl<'a> Rest<'a> {
    fn of(batch: &'a [Record], places: &'a [Place]) -> Rest<'a> {
        let mut seen = HashSet::new();
        let placed = places.iter().copied().map(Some);
        let placed = placed.chain(std::iter::repeat(None));
        let records = batch.iter().zip(placed);
        Rest {
            records: records
                .filter(|(record, _)| seen.insert(requests::id(record)))
                .collect(),
            places,
        }
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.places.is_empty()
    }

    fn records(&self) -> Vec<&'a Record> {
        self.records.iter().map(|(record, _)| *record).collect()
    }

    /// Without those at places that were reached.
    fn beyond(&mut self, reached: Place) {
        let known = self.places.partition_point(|place| *place <= reached);
        self.places = &self.places[known..];
        self.records
            .retain(|(_, place)| place.is_none_or(|place| place > reached));
    }
}

impl<D: Driver> Database<D> {
    /// Adds records and their usage, of which only records count that are really new: a batch may
    /// come again when nobody knows how its transaction ended.
    ///
    /// The transaction takes all of them for new, and for beyond what is stored of their journal. Where
    /// that is wrong it undoes itself, and is run again without those that are known. Rows tell that as long
    /// as there are any; places do when they were pruned.
    pub(super) fn add(
        &self,
        node: &str,
        batch: &[Record],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let mut rest = Rest::of(batch, places);
        for _ in 0..ATTEMPTS {
            if rest.is_empty() || self.commit(&self.adds(node, &rest)?)? == Committed::All {
                return Ok(());
            }
            self.leave_out_known(node, &mut rest)?;
        }
        Err(StoreError::Contended)
    }

    fn adds<'a>(&self, node: &'a str, rest: &Rest<'a>) -> Result<Vec<Step<'a>>, StoreError> {
        let dialect = self.driver()?.dialect();
        let records = &rest.records();
        let costs = purses::costs(records);
        let charges = leases::charge(dialect, node, &self.leased_costs(node, &costs)?);
        let mut steps = Vec::new();
        // First, because nobody waits for this row, and it tells soonest.
        if let [first, .., last] | [first @ last] = rest.places {
            steps.push(journals::reach(dialect, node, *first, *last));
        }
        steps.extend(requests::insert(dialect, records));
        // Last, because these rows are those that other nodes wait for.
        steps.extend(usage::add(dialect, records));
        steps.extend(purses::spend(dialect, costs));
        steps.extend(charges);
        Ok(steps)
    }

    fn leave_out_known(&self, node: &str, rest: &mut Rest<'_>) -> Result<(), StoreError> {
        let driver = self.driver()?;
        let dialect = driver.dialect();
        if !rest.places.is_empty() {
            let found = driver.query(&journals::reached(dialect, node))?;
            match found.into_iter().flatten().next() {
                Some(Value::Int(reached)) => rest.beyond(Place(reached)),
                _ => {
                    self.commit(&[journals::begin(dialect, node)])?;
                }
            }
        }
        if rest.records.is_empty() {
            return Ok(());
        }
        let ids = rest.records.iter().map(|(record, _)| requests::id(record));
        let kept = driver.query(&requests::kept(dialect, &ids.collect::<Vec<_>>()))?;
        let kept: HashSet<Value<'_>> = kept.into_iter().flatten().collect();
        rest.records
            .retain(|(record, _)| !kept.contains(&requests::id(record)));
        Ok(())
    }

    /// Forgets the places of a process that is no more, and its journal too.
    pub(super) fn forget(&self, node: &str) -> Result<(), StoreError> {
        let dialect = self.driver()?.dialect();
        self.commit(&[journals::forget(dialect, node)]).map(drop)
    }
}
