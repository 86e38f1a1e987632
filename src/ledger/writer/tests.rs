//! The writer before sinks that take, fail, recover, panic and never answer.

#![allow(clippy::unwrap_used)]

mod nodes;
mod unreadable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::journal::{Fsync, Options};
use crate::record::End;
use crate::record::fixtures::{hold, record};

const SOON: Duration = Duration::from_secs(10);

/// Keeps records by id, as a store does, and fails on demand.
#[derive(Default)]
struct Memory {
    kept: Mutex<BTreeMap<String, Record>>,
    largest_batch: AtomicUsize,
    failing: AtomicBool,
    panicking: AtomicBool,
    /// Keeps this many of a batch before it fails.
    half_way: AtomicUsize,
    /// Whose records there are.
    nodes: Mutex<BTreeSet<String>>,
    /// The processes that ended, in the order in which it was told.
    ended: Mutex<Vec<String>>,
    /// Does not hear that a process ended.
    deaf: AtomicBool,
    /// How often it did not.
    unheard: AtomicUsize,
}

impl Memory {
    fn ids(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().cloned().collect()
    }
}

impl Sink for Memory {
    fn put(&self, batch: &[Record]) -> Result<(), SinkError> {
        assert!(!self.panicking.load(Ordering::SeqCst), "asked to panic");
        let failing = self.failing.load(Ordering::SeqCst);
        let count = if failing {
            self.half_way.load(Ordering::SeqCst).min(batch.len())
        } else {
            batch.len()
        };
        self.largest_batch.fetch_max(batch.len(), Ordering::SeqCst);
        // Poisoned by no one: the panic above comes before the lock.
        let mut kept = self.kept.lock().unwrap();
        for record in &batch[..count] {
            kept.entry(record.id.clone())
                .or_insert_with(|| record.clone());
        }
        if failing {
            return Err(SinkError::new("away"));
        }
        Ok(())
    }

    fn put_of(&self, node: &str, batch: &[Record], places: &[Place]) -> Result<(), SinkError> {
        assert_eq!(batch.len(), places.len());
        self.nodes.lock().unwrap().insert(node.to_owned());
        self.put(batch)
    }

    fn ended(&self, node: &str) -> Result<(), SinkError> {
        if self.deaf.load(Ordering::SeqCst) {
            self.unheard.fetch_add(1, Ordering::SeqCst);
            return Err(SinkError::new("deaf"));
        }
        self.ended.lock().unwrap().push(node.to_owned());
        Ok(())
    }
}

/// A writer, its sink, and the folder its journal is in, which goes last.
struct Started {
    sink: Arc<Memory>,
    writer: Writer,
    folder: TempDir,
}

fn start(capacity: usize) -> Started {
    let folder = TempDir::new().unwrap();
    let sink = Arc::new(Memory::default());
    let writer = start_in(&folder, Arc::clone(&sink) as Arc<dyn Sink>, capacity);
    Started {
        sink,
        writer,
        folder,
    }
}

fn start_in(folder: &TempDir, sink: Arc<dyn Sink>, capacity: usize) -> Writer {
    Writer::start(sink, journal(folder, 64 << 20), capacity)
}

fn journal(folder: &TempDir, max: u64) -> Journal {
    let options = Options {
        path: folder.path().to_path_buf(),
        fsync: Fsync::Every(Duration::from_millis(5)),
        max,
    };
    Journal::open(&options).unwrap()
}

/// What is left in the folder of the journals.
fn left(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

fn write(writer: &Writer, ids: impl IntoIterator<Item = usize>) {
    for id in ids {
        let slot = writer.reserve().expect("room");
        slot.write(&record(&format!("{id:06}")));
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_record_is_stored_without_being_asked_for() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10);
    write(&writer, [1]);
    wait_until("stored", || sink.ids().len() == 1);
    wait_until("counted", || writer.counts().stored == 1);
    assert_eq!(writer.queued(), 0);
}

#[test]
fn flush_waits_for_everything_written_before_it() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10_000);
    for round in 0..20 {
        write(&writer, round * 100..(round + 1) * 100);
        assert!(writer.flush(SOON));
        assert_eq!(sink.ids().len(), (round + 1) * 100);
    }
    assert!(writer.flush(Duration::ZERO), "nothing is left to wait for");
}

#[test]
fn flush_says_no_when_the_sink_does_not_answer_in_time() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    assert!(!writer.flush(Duration::from_millis(20)));
    sink.failing.store(false, Ordering::SeqCst);
    assert!(writer.flush(SOON));
}

#[test]
fn a_sink_that_fails_half_way_and_recovers_loses_nothing() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(2_000);
    sink.half_way.store(100, Ordering::SeqCst);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, 0..1_200);
    wait_until("several failures", || writer.counts().failures >= 3);
    assert_eq!(writer.queued(), 1_200, "a failing sink empties nothing");
    write(&writer, 1_200..1_500);
    sink.failing.store(false, Ordering::SeqCst);
    assert!(writer.flush(SOON));
    let expected: Vec<_> = (0..1_500).map(|id| format!("{id:06}")).collect();
    assert_eq!(sink.ids(), expected);
    assert!(sink.largest_batch.load(Ordering::SeqCst) <= drain::MAX_BATCH);
    assert_eq!((writer.queued(), writer.counts().stored), (0, 1_500));
}

#[test]
fn a_sink_that_panics_is_only_a_sink_that_fails() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10);
    sink.panicking.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    wait_until("a failure", || writer.counts().failures >= 1);
    sink.panicking.store(false, Ordering::SeqCst);
    assert!(writer.flush(SOON));
    assert_eq!(sink.ids(), ["000001"]);
}

#[test]
fn slots_are_bounded_and_what_is_written_needs_none() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(3);
    sink.failing.store(true, Ordering::SeqCst);
    let first = writer.reserve().unwrap();
    let second = writer.reserve().unwrap();
    let third = writer.reserve().unwrap();
    assert!(writer.reserve().is_none(), "all room is reserved");

    drop(first);
    let fourth = writer
        .reserve()
        .expect("a slot dropped unused is free again");
    second.write(&record("2"));
    let fifth = writer
        .reserve()
        .expect("a written record waits on the disk, not in memory");
    assert!(writer.reserve().is_none());
    drop((third, fourth, fifth));

    write(&writer, 10..1_000);
    assert_eq!(writer.queued(), 991, "a sink that is away stops nobody");
    sink.failing.store(false, Ordering::SeqCst);
    assert!(writer.flush(SOON));
    assert_eq!(sink.ids().len(), 991);
}

#[test]
fn many_threads_never_hold_more_slots_than_there_are() {
    let Started {
        sink: _,
        writer,
        folder: _folder,
    } = start(8);
    let held = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in 0..8 {
            let (writer, held) = (&writer, &held);
            scope.spawn(move || {
                for n in 0..2_000 {
                    let Some(slot) = writer.reserve() else {
                        continue;
                    };
                    assert!(held.fetch_add(1, Ordering::SeqCst) < 8);
                    held.fetch_sub(1, Ordering::SeqCst);
                    if n % 50 == 0 {
                        slot.write(&record(&format!("{worker}-{n}")));
                    }
                }
            });
        }
    });
    assert!(writer.flush(SOON));
    let all: Vec<_> = std::iter::from_fn(|| writer.reserve()).collect();
    assert_eq!(all.len(), 8, "every room came back");
}

#[test]
fn stop_stores_what_is_queued_and_waits_for_slots_still_out() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(2_000);
    write(&writer, 0..1_100);
    let late = writer.reserve().unwrap();
    let writer = Arc::new(writer);
    let stopping = Arc::clone(&writer);
    let stop = thread::spawn(move || stopping.stop());
    wait_until("no new work", || writer.reserve().is_none());
    late.write(&record("late"));
    assert_eq!(stop.join().unwrap(), 0);
    assert_eq!(sink.ids().len(), 1_101);
    assert_eq!(writer.stop(), 0, "a second stop changes nothing");
}

#[test]
fn stop_does_not_wait_for_ever_for_a_slot_nobody_uses() {
    let Started {
        sink: _,
        writer,
        folder: _folder,
    } = start(1);
    let _slot = writer.reserve().unwrap();
    let begun = Instant::now();
    assert_eq!(writer.stop(), 0);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn stop_gives_a_failing_sink_up_and_the_next_start_brings_what_is_left() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, 0..3);
    let slot = writer.reserve().unwrap();
    assert_eq!(writer.stop(), 3);
    slot.write(&record("after the end"));
    assert_eq!(writer.queued(), 4, "what comes too late is counted as well");
    drop(writer);

    sink.failing.store(false, Ordering::SeqCst);
    let again = start_in(&folder, Arc::clone(&sink) as Arc<dyn Sink>, 10);
    wait_until("recovered", || sink.ids().len() == 4);
    assert_eq!(sink.ids(), ["000000", "000001", "000002", "after the end"]);
    assert_eq!(again.stop(), 0);
    wait_until("the folders are gone", || left(&folder) == 0);
}

#[test]
fn a_full_journal_takes_no_new_work_and_loses_none() {
    let folder = TempDir::new().unwrap();
    let sink = Arc::new(Memory::default());
    sink.failing.store(true, Ordering::SeqCst);
    let writer = Writer::start(
        Arc::clone(&sink) as Arc<dyn Sink>,
        journal(&folder, 1 << 20),
        100_000,
    );
    let early = writer.reserve().unwrap();
    let mut written = 0;
    while let Some(slot) = writer.reserve() {
        slot.write(&record(&format!("{written:06}")));
        written += 1;
        assert!(written < 100_000, "the maximum bounds it");
    }
    assert!(writer.journal_is_full());
    assert!(
        writer.journal_bytes() <= 1 << 20,
        "{}",
        writer.journal_bytes()
    );
    assert!(
        writer.journal_bytes() > 900 << 10,
        "{}",
        writer.journal_bytes()
    );
    early.write(&record("early"));

    sink.failing.store(false, Ordering::SeqCst);
    wait_until("room again", || writer.reserve().is_some());
    assert!(writer.flush(SOON));
    assert_eq!(sink.ids().len(), written + 1, "each is there, once");
    assert!(
        writer.journal_bytes() < 200 << 10,
        "{}",
        writer.journal_bytes()
    );
}

#[test]
fn a_hold_whose_slot_is_dropped_is_a_lost_request() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10);
    let mut slot = writer.reserve().unwrap();
    let synced = slot.hold(&hold("dropped")).unwrap();
    assert_eq!(block_on(synced), Ok(()));
    drop(slot);
    assert!(writer.flush(SOON));
    let kept = sink.kept.lock().unwrap();
    assert_eq!(kept["dropped"].end, End::GatewayLost);
}

#[test]
fn what_a_dead_process_left_is_brought_in_while_this_one_runs() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    let mut held = writer.reserve().unwrap();
    let _synced = held.hold(&hold("lost")).unwrap();
    write(&writer, [1]);
    // Neither closed nor settled, as after kill -9.
    let dead = TempDir::new().unwrap();
    copy(folder.path(), dead.path());

    let fresh = Arc::new(Memory::default());
    let second = start_in(&dead, Arc::clone(&fresh) as Arc<dyn Sink>, 10);
    wait_until("recovered", || fresh.ids() == ["000001", "lost"]);
    assert_eq!(fresh.kept.lock().unwrap()["lost"].end, End::GatewayLost);
    assert_eq!(second.stop(), 0);
    wait_until("nothing is left", || left(&dead) == 0);
    sink.failing.store(false, Ordering::SeqCst);
}

#[test]
fn it_is_rescued_when_the_sink_has_what_dead_processes_left() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    wait_until("nothing is left to rescue", || writer.is_rescued());
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    let dead = TempDir::new().unwrap();
    copy(folder.path(), dead.path());

    let fresh = Arc::new(Memory::default());
    fresh.failing.store(true, Ordering::SeqCst);
    let second = start_in(&dead, Arc::clone(&fresh) as Arc<dyn Sink>, 10);
    wait_until("tried", || second.counts().failures > 0);
    assert!(!second.is_rescued(), "the sink is away");
    fresh.failing.store(false, Ordering::SeqCst);
    wait_until("rescued", || second.is_rescued());
    assert_eq!(fresh.ids(), ["000001"]);
    sink.failing.store(false, Ordering::SeqCst);
}

/// A copy of a folder of folders.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park();
    }
}

#[test]
fn dropping_the_writer_stores_what_is_queued() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(100);
    write(&writer, 0..100);
    drop(writer);
    assert_eq!(sink.ids().len(), 100);
}

/// Blocks in `put` until told otherwise.
struct Gate(Mutex<mpsc::Receiver<()>>);

impl Sink for Gate {
    fn put(&self, _: &[Record]) -> Result<(), SinkError> {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn writing_does_not_wait_for_a_slow_sink() {
    let (open, gate) = mpsc::channel();
    let folder = TempDir::new().unwrap();
    let writer = start_in(&folder, Arc::new(Gate(Mutex::new(gate))), 20_000);
    let slots: Vec<_> = std::iter::from_fn(|| writer.reserve()).collect();
    assert_eq!(slots.len(), 20_000);
    let records: Vec<_> = (0..slots.len()).map(|id| record(&id.to_string())).collect();
    let begun = Instant::now();
    for (slot, record) in slots.into_iter().zip(records) {
        slot.write(&record);
    }
    // A generous bound: it only excludes waiting for the sink, which does not answer at all.
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(writer.queued(), 20_000);
    drop(open);
    assert!(writer.flush(SOON));
}
