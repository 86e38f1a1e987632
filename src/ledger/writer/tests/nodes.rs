//! Whose records they are, and when a process is told to be no more.

use super::*;

/// The processes that the sink was told of, and those that ended.
fn known(sink: &Memory) -> (Vec<String>, Vec<String>) {
    let nodes = sink.nodes.lock().unwrap().iter().cloned().collect();
    (nodes, sink.ended.lock().unwrap().clone())
}

/// What a process that had written a record left, killed before the sink took it: the folder of its
/// journal beside no lock, and its name.
fn dead() -> (TempDir, String) {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    let dead = TempDir::new().unwrap();
    copy(folder.path(), dead.path());
    sink.failing.store(false, Ordering::SeqCst);
    (dead, writer.node().to_owned())
}

#[test]
fn records_come_with_the_name_of_their_process_and_a_clean_stop_is_its_end() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    let name = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
    assert_eq!(name.unwrap().file_name().to_str(), Some(writer.node()));
    write(&writer, [1]);
    assert!(writer.flush(SOON));
    let node = vec![writer.node().to_owned()];
    assert_eq!(known(&sink), (node.clone(), vec![]));
    assert_eq!(writer.stop(), 0);
    assert_eq!(writer.stop(), 0);
    assert_eq!(known(&sink), (node.clone(), node), "it ends once");
}

#[test]
fn a_process_that_leaves_records_has_not_ended() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.failing.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    assert_eq!(writer.stop(), 1);
    assert_eq!(known(&sink).1, [""; 0]);
    sink.failing.store(false, Ordering::SeqCst);
    let node = writer.node().to_owned();
    drop(writer);
    let again = start_in(&folder, Arc::clone(&sink) as Arc<dyn Sink>, 10);
    wait_until("the other one has stored it all", || {
        known(&sink).1 == [node.clone()]
    });
    drop(again);
}

#[test]
fn a_slot_still_held_is_no_clean_stop() {
    let Started {
        sink,
        writer,
        folder: _folder,
    } = start(10);
    let mut slot = writer.reserve().unwrap();
    let _synced = slot.hold(&hold("held")).unwrap();
    assert_eq!(writer.stop(), 0);
    assert_eq!(known(&sink).1, [""; 0]);
}

#[test]
fn what_is_recovered_belongs_to_the_process_that_made_it() {
    let (folder, node) = dead();
    let sink = Arc::new(Memory::default());
    let writer = start_in(&folder, Arc::clone(&sink) as Arc<dyn Sink>, 10);
    wait_until("recovered", || !known(&sink).1.is_empty());
    assert_eq!(known(&sink), (vec![node.clone()], vec![node]));
    assert_eq!(sink.ids(), ["000001"]);
    drop(writer);
}

#[test]
fn an_end_that_was_not_heard_is_told_again() {
    let (folder, node) = dead();
    let sink = Arc::new(Memory::default());
    sink.deaf.store(true, Ordering::SeqCst);
    let writer = start_in(&folder, Arc::clone(&sink) as Arc<dyn Sink>, 10);
    wait_until("tried", || sink.unheard.load(Ordering::SeqCst) == 1);
    wait_until("rescued all the same", || writer.is_rescued());
    sink.deaf.store(false, Ordering::SeqCst);
    // A flush wakes the thread that looks, instead of the time.
    wait_until("heard", || {
        writer.flush(SOON) && known(&sink).1 == [node.clone()]
    });
    assert_eq!(left(&folder), 1, "only its own folder is left");
}

#[test]
fn a_stop_does_not_depend_on_being_heard() {
    let Started {
        sink,
        writer,
        folder,
    } = start(10);
    sink.deaf.store(true, Ordering::SeqCst);
    write(&writer, [1]);
    assert_eq!(writer.stop(), 0);
    assert_eq!(sink.unheard.load(Ordering::SeqCst), 1);
    assert_eq!(left(&folder), 0);
}
