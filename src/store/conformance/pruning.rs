//! Old records go, and their hours; younger ones and the days stay.

use jiff::{SignedDuration, Timestamp};

use super::record;
use crate::{Bucket, Search, Store, Sums, UsageSearch};

/// Before everything else of the suite.
const BEGIN: &str = "2020-05-01T00:00:00Z";

pub(super) fn conform(store: &dyn Store) {
    let begin: Timestamp = BEGIN.parse().unwrap();
    let records: Vec<_> = (0..20)
        .map(|n| {
            let mut old = record(&format!("old-{n:02}"), 0);
            old.at = begin + SignedDuration::from_mins(15 * n);
            old
        })
        .collect();
    store.put(&records).unwrap();
    let before = begin + SignedDuration::from_mins(15 * 10 + 1);
    let mut calls = 0;
    while store.prune(before, 4).unwrap() > 0 {
        calls += 1;
        assert!(calls < 10, "each call removes something");
    }
    let search = Search {
        before: Some(begin + SignedDuration::from_hours(24)),
        ..Search::default()
    };
    let left = store.requests(&search).unwrap().items;
    assert_eq!(left.len(), 9, "those of the last 9 quarters");
    assert!(left.iter().all(|record| record.at >= before));
    let requests = |bucket| -> u64 {
        let search = UsageSearch {
            from: begin,
            to: begin + SignedDuration::from_hours(24),
            bucket,
            by: vec![],
        };
        match store.usage(&search).unwrap() {
            Sums::All(sums) => sums.iter().map(|sum| sum.requests).sum(),
            Sums::TooMany => panic!("too many"),
        }
    };
    assert_eq!(requests(Bucket::Day), 20, "days are kept for ever");
    assert_eq!(requests(Bucket::Hour), 12, "hours that were over are gone");
    assert_eq!(
        store.prune(before, 4).unwrap(),
        0,
        "and nothing is left to do"
    );
}
