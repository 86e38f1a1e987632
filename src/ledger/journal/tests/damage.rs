//! Whatever happens to the last bytes, nothing before them is lost, and nothing is made up.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::record::fixtures::{hold, record};

/// A journal of one segment with so many settlements, its process dead.
fn written(count: usize) -> (TempDir, PathBuf, Vec<u64>) {
    let base = TempDir::new().unwrap();
    let sizes = Sizes {
        segment: 64 << 10,
        ..SMALL
    };
    let journal = open(&base, sizes, Fsync::Every(Duration::from_millis(1)));
    let mut ends = Vec::new();
    for id in 0..count {
        journal.core().settle(0, &record(&format!("{id:03}")));
        ends.push(journal.core().bytes());
    }
    drop(journal);
    let segment = segments(base.path()).remove(0);
    (base, segment, ends)
}

/// The ids that are recovered, and how many bytes were no entries.
fn recovered(base: &TempDir) -> (Vec<String>, u64) {
    let mut rows = Rows::default();
    let found = recover(base.path(), &mut rows);
    assert!(segments(base.path()).is_empty(), "the folder is gone");
    (rows.0.into_keys().collect(), found.torn_bytes)
}

fn ids(range: impl Iterator<Item = usize>) -> Vec<String> {
    range.map(|id| format!("{id:03}")).collect()
}

#[test]
fn an_undamaged_journal_gives_everything_and_reports_nothing() {
    let (base, ..) = written(20);
    assert_eq!(recovered(&base), (ids(0..20), 0));
}

#[test]
fn a_torn_tail_is_passed_over_and_its_bytes_are_told() {
    let (base, segment, ends) = written(20);
    let mut bytes = fs::read(&segment).unwrap();
    let torn = ends[18] as usize + 50;
    bytes[torn..].fill(0);
    fs::write(&segment, bytes).unwrap();
    let (found, torn_bytes) = recovered(&base);
    assert_eq!(found, ids(0..19));
    assert!((40..=50).contains(&torn_bytes), "{torn_bytes}");
}

#[test]
fn a_page_that_never_reached_the_disk_costs_only_what_was_in_it() {
    let (base, segment, ends) = written(40);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[ends[9] as usize + 10..ends[19] as usize + 10].fill(0);
    fs::write(&segment, bytes).unwrap();
    let (found, torn_bytes) = recovered(&base);
    assert_eq!(found, ids((0..10).chain(21..40)));
    assert!(torn_bytes > 0);
}

#[test]
fn damaged_heads_stand_in_for_each_other() {
    let (base, segment, _) = written(5);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[..16].fill(0xff);
    fs::write(&segment, &bytes).unwrap();
    assert_eq!(
        recovered(&base).0,
        ids(0..5),
        "the lock file knows the salt"
    );

    let (base, segment, _) = written(5);
    fs::write(
        segment.with_file_name("lock"),
        b"rubbish that is long enough",
    )
    .unwrap();
    assert_eq!(recovered(&base).0, ids(0..5), "the segment knows the salt");
}

#[test]
fn a_folder_whose_heads_are_all_damaged_is_kept_for_a_human() {
    let (_base, segment, _) = written(1);
    let lock = segment.with_file_name("lock");
    fs::write(&lock, "").unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[3] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let orphan = Orphan::take(lock.parent().unwrap()).unwrap().unwrap();
    let refused = orphan.recover(&mut |_| panic!("nothing may be put"));
    assert!(refused.unwrap_err().to_string().contains("damaged"));
    assert!(segment.exists());
}

#[test]
fn a_folder_in_which_nothing_was_ever_written_goes() {
    let (base, segment, _) = written(0);
    fs::write(segment.with_file_name("lock"), "").unwrap();
    fs::write(&segment, [0; 100]).unwrap();
    assert_eq!(recovered(&base), (Vec::new(), 0));
}

#[test]
fn what_else_is_in_the_folder_of_the_journals_is_left_alone() {
    let (base, ..) = written(1);
    for other in ["lost+found", "notes", ".1-0123456789abcdef"] {
        fs::create_dir(base.path().join(other)).unwrap();
    }
    assert_eq!(recovered(&base).0, ids(0..1));
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 3);
}

#[test]
fn a_folder_of_another_version_stays_as_it_is() {
    let (_base, segment, _) = written(1);
    let lock = segment.with_file_name("lock");
    let mut bytes = fs::read(&lock).unwrap();
    bytes[8] = 9;
    let sum = crc32fast::hash(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    fs::write(&lock, bytes).unwrap();
    let orphan = Orphan::take(lock.parent().unwrap()).unwrap().unwrap();
    let refused = orphan.recover(&mut |_| panic!("nothing may be put"));
    assert!(refused.unwrap_err().to_string().contains("version is 9"));
    assert!(segment.exists());
}

#[test]
fn an_entry_inside_a_caller_s_text_is_never_taken_for_one() {
    let (base, segment, ends) = written(1);
    let bytes = fs::read(&segment).unwrap();
    let forged = &bytes[segment::FIRST as usize..ends[0] as usize];
    // Bytes of one journal in another one, whose salt differs.
    let (other, target, ends) = written(3);
    let mut bytes = fs::read(&target).unwrap();
    let at = ends[2] as usize + 3;
    bytes[at..at + forged.len()].copy_from_slice(forged);
    fs::write(&target, bytes).unwrap();
    assert_eq!(recovered(&other).0, ids(0..3));
    drop(base);
}

#[test]
fn a_sink_that_gives_up_leaves_the_folder_for_later() {
    let (base, segment, _) = written(3);
    let folder = segment.parent().unwrap();
    let orphan = Orphan::take(folder).unwrap().unwrap();
    assert!(matches!(
        orphan.recover(&mut |_| false),
        Err(NotRecovered::Stopped)
    ));
    assert_eq!(recovered(&base).0, ids(0..3));
}

#[test]
fn a_living_process_s_folder_is_not_touched() {
    let base = TempDir::new().unwrap();
    let journal = small(&base);
    journal.core().settle(0, &record("mine"));
    let mut rows = Rows::default();
    recover(base.path(), &mut rows);
    assert!(rows.0.is_empty());
    drop(journal);
    recover(base.path(), &mut rows);
    assert_eq!(rows.ids(), ["mine"]);
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_cut_anywhere_loses_nothing_before_it(cut in 0usize..8_000) {
        let (base, segment, ends) = written(30);
        let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
        file.set_len(cut as u64).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut as u64).count();
        prop_assert_eq!(recovered(&base).0, ids(0..whole));
    }

    #[test]
    fn a_flipped_bit_costs_at_most_the_entry_it_hits(at in 0usize..6_000, bit in 0u8..8) {
        let (base, segment, ends) = written(30);
        let mut bytes = fs::read(&segment).unwrap();
        bytes[at] ^= 1 << bit;
        fs::write(&segment, bytes).unwrap();
        let hit = ends.iter().filter(|end| **end <= at as u64).count();
        let in_an_entry = at as u64 >= segment::FIRST && hit < 30;
        let expected = ids((0..30).filter(|id| !in_an_entry || *id != hit));
        prop_assert_eq!(recovered(&base).0, expected);
    }

    #[test]
    fn rubbish_instead_of_the_end_neither_panics_nor_loses_what_was_before(
        from in 0usize..8_000,
        rubbish in proptest::collection::vec(any::<u8>(), 1..2_000),
    ) {
        let (base, segment, ends) = written(30);
        let mut bytes = fs::read(&segment).unwrap();
        bytes.truncate(from);
        bytes.extend_from_slice(&rubbish);
        fs::write(&segment, bytes).unwrap();
        let whole = ends.iter().filter(|end| **end <= from as u64).count();
        let found = recovered(&base).0;
        prop_assert!(found.len() >= whole);
        prop_assert_eq!(&found[..whole], &*ids(0..whole));
    }
}

#[test]
fn a_hold_of_which_only_the_settlement_survived_is_settled() {
    let base = TempDir::new().unwrap();
    let journal = small(&base);
    let (ticket, _synced) = journal.core().hold(&hold("a")).unwrap();
    let held = journal.core().bytes() as usize;
    journal.core().settle(ticket, &record("a"));
    drop(journal);
    let segment = segments(base.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[held - 1] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut rows = Rows::default();
    let found = recover(base.path(), &mut rows);
    assert_eq!((found.settled, found.lost), (1, 0));
    assert_eq!(rows.0["a"], record("a"));
}
