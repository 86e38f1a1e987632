//! Disks that are slow, full, or gone for a while.

use std::fs;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::record::fixtures::{hold, record};

#[test]
fn always_waits_for_the_disk_and_a_period_does_not() {
    let base = TempDir::new().unwrap();
    let lazy = open(&base, SMALL, Fsync::Every(Duration::from_secs(60)));
    let (_, synced) = lazy.core().hold(&hold("a")).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(pin!(synced).poll(&mut context), Poll::Ready(Ok(())));

    let strict = open(&base, SMALL, Fsync::Always);
    let (_, synced) = strict.core().hold(&hold("b")).unwrap();
    let mut synced = pin!(synced);
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while synced.as_mut().poll(&mut context) != Poll::Ready(Ok(())) {
        assert!(std::time::Instant::now() < end, "the disk never has it");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_process_that_ends_does_not_wait_for_a_long_period() {
    let base = TempDir::new().unwrap();
    let journal = open(&base, SMALL, Fsync::Every(Duration::from_secs(60)));
    journal.core().settle(0, &record("a"));
    let begun = std::time::Instant::now();
    drop(journal);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_disk_that_takes_no_segment_refuses_new_work_keeps_what_ends_and_recovers() {
    let base = TempDir::new().unwrap();
    let journal = small(&base);
    let core = journal.core();
    let mut backlog = Backlog::new(Arc::clone(core));
    let (ticket, _synced) = core.hold(&hold("held")).unwrap();
    // Where the folder was, nothing can be made: as on a full disk.
    let away = base.path().join("away");
    fs::rename(core.folder(), &away).unwrap();
    let mut refused = 0;
    for id in 0..60 {
        match core.hold(&hold(&format!("{id:02}"))) {
            Ok((ticket, _synced)) => core.settle(ticket, &record(&format!("{id:02}"))),
            Err(Full) => refused += 1,
        }
    }
    assert!(refused > 30, "{refused}");
    core.settle(ticket, &record("held"));
    core.settle(0, &record("refused"));
    assert!(core.is_full());

    fs::rename(away, core.folder()).unwrap();
    eventually("the disk takes entries again", || !core.is_full());
    assert!(core.hold(&hold("new")).is_ok());
    let mut rows = Rows::default();
    let mut batch = Batch::default();
    backlog.read(&mut batch, 1_000).unwrap();
    rows.put(core.folder(), &batch);
    assert_eq!(rows.0.len(), 60 - refused + 2, "{:?}", rows.ids());
    assert!(rows.0.contains_key("held") && rows.0.contains_key("refused"));
}

#[test]
fn a_journal_at_its_maximum_refuses_holds_and_takes_settlements() {
    let base = TempDir::new().unwrap();
    let sizes = Sizes {
        segment: 2_048,
        max: 10 * 2_048,
    };
    let journal = open(&base, sizes, Fsync::Every(Duration::from_millis(1)));
    let core = journal.core();
    let mut backlog = Backlog::new(Arc::clone(core));
    let mut tickets = Vec::new();
    while let Ok((ticket, _synced)) = core.hold(&hold(&format!("{:03}", tickets.len()))) {
        tickets.push(ticket);
    }
    assert!(core.is_full());
    assert!(core.bytes() <= sizes.max && core.bytes() > sizes.max * 8 / 10);
    for (id, ticket) in tickets.iter().enumerate() {
        core.settle(*ticket, &record(&format!("{id:03}")));
    }
    assert!(core.is_full(), "settling makes no room before it is stored");

    let mut batch = Batch::default();
    backlog.read(&mut batch, 10_000).unwrap();
    assert_eq!(batch.len(), tickets.len());
    core.stored(backlog.position());
    eventually("room again", || !core.is_full());
    assert!(core.hold(&hold("new")).is_ok());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let base = TempDir::new().unwrap();
    let path = base.path().join("file");
    fs::write(&path, "").unwrap();
    let options = Options {
        path: path.clone(),
        fsync: Fsync::Always,
        max: 1 << 20,
    };
    let error = Journal::open(&options).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert!(error.contains("cannot be written"), "{error}");
}
