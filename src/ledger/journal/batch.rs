//! Records on their way from a journal to the store, each with its place there.

use super::entry::Position;
use crate::record::Record;

/// Bits of a place that count bytes: a segment never has so many.
const BYTE_BITS: u32 = 32;
/// Beyond the place of every settlement.
const LOST: i64 = 1 << 62;

/// Where a record stands among all that its process's journal ever brings to the store: later ones have
/// higher places, however often and by whomever the journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub i64);

impl Place {
    /// That of the settlement whose entry ends at `position`.
    fn of(position: Position) -> Place {
        let most = (LOST >> BYTE_BITS) - 1;
        let segment = i64::try_from(position.segment).unwrap_or(most).min(most);
        let at = i64::from(u32::try_from(position.at).unwrap_or(u32::MAX));
        Place((segment << BYTE_BITS) | at)
    }

    /// That of the hold that nobody settled, the `number`th of its journal: those come last.
    fn of_lost(number: u64) -> Place {
        Place(LOST.saturating_add(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

/// Records of one journal, in the order of their places.
#[derive(Debug, Default)]
pub struct Batch {
    records: Vec<Record>,
    places: Vec<Place>,
}

impl Batch {
    /// Room for so many.
    pub(crate) fn with_capacity(most: usize) -> Batch {
        Batch {
            records: Vec::with_capacity(most),
            places: Vec::with_capacity(most),
        }
    }

    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Their places, one each.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn push(&mut self, record: Record, position: Position) {
        self.records.push(record);
        self.places.push(Place::of(position));
    }

    pub(super) fn push_lost(&mut self, record: Record, number: u64) {
        self.records.push(record);
        self.places.push(Place::of_lost(number));
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.places.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: u64, at: u64) -> Place {
        Place::of(Position { segment, at })
    }

    #[test]
    fn places_rise_with_the_journal() {
        let rising = [
            at(0, 1),
            at(1, 20),
            at(1, 21),
            at(2, 20),
            at(1 << 29, 16 << 20),
            Place::of_lost(0),
            Place::of_lost(1),
        ];
        assert!(rising.is_sorted_by(|one, next| one < next), "{rising:?}");
        assert!(at(u64::MAX, u64::MAX) < Place::of_lost(0));
        assert!(Place::of_lost(u64::MAX).0 > 0);
    }
}
