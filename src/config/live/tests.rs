//! Reloads: what changes, what stays, and what is noticed.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Live, Reloaded};

/// Longer than any reload takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn text(retries: u32) -> String {
    format!(
        "gateway: {{retries: {retries}}}\n\
         channels: [{{name: a, provider: openai, keys: [k], models: [gpt-4o]}}]\n"
    )
}

fn folder(yaml: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    fs::write(&file, yaml).unwrap();
    (folder, file)
}

fn start(path: &Path) -> Live {
    let live = Live::start(path.to_path_buf(), Box::new(|_| None));
    live.unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn retries(live: &Live) -> u32 {
    live.load().gateway.retries
}

#[test]
fn a_changed_file_is_a_new_snapshot_with_the_next_number() {
    let (_folder, file) = folder(&text(1));
    let live = start(&file);
    let mut numbers = live.subscribe();
    let before = live.full();
    fs::write(&file, text(2)).unwrap();
    let reloaded = live.reload().unwrap();
    assert!(reloaded.changed && reloaded.number == 2);
    assert_eq!(
        (retries(&live), before.gateway.retries),
        (2, 1),
        "requests keep what they took"
    );
    assert_ne!(reloaded.generation, before.generation);
    assert_eq!(*numbers.borrow_and_update(), 2);
    let lane = |snapshot: &crate::Snapshot| snapshot.channels[0].keys[0].lane.clone();
    assert!(
        Arc::ptr_eq(&lane(&before), &lane(&live.load())),
        "health outlives a reload"
    );
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let (_folder, file) = folder(&text(1));
    let live = start(&file);
    let before = live.full();
    let reloaded = live.reload().unwrap();
    assert!(!reloaded.changed && Arc::ptr_eq(&before, &live.full()));
}

#[test]
fn a_bad_file_changes_nothing_but_the_validity() {
    let (_folder, file) = folder(&text(1));
    let live = start(&file);
    let before = live.full();
    for bad in [
        "gateway: {retries: many, zebra: 1}\n",
        "gateway: [\n",
        "\t",
        "",
        "# nothing\n",
    ] {
        fs::write(&file, bad).unwrap();
        assert!(!live.reload().unwrap_err().is_empty());
        assert!(
            !live.is_valid() && Arc::ptr_eq(&before, &live.full()),
            "{bad}"
        );
    }
    fs::remove_file(&file).unwrap();
    assert!(live.reload().unwrap_err()[0].what.contains("not readable"));
    fs::write(&file, text(1)).unwrap();
    assert!(
        !live.reload().unwrap().changed,
        "what came back is what runs"
    );
    assert!(live.is_valid());
}

#[test]
fn what_needs_a_restart_stays_and_is_told() {
    let (_folder, file) = folder(&text(1));
    let live = start(&file);
    let more = "  listen: 127.0.0.1:1\nstore: 'sqlite::memory:'\njournal: elsewhere\nmetrics: {listen: '127.0.0.1:2'}\n\
                admin: {listen: '127.0.0.1:3', key: 0123456789abcdef}\n";
    fs::write(&file, format!("gateway:\n  retries: 9\n{more}")).unwrap();
    let reloaded = live.reload().unwrap();
    let waiting: Vec<&str> = reloaded
        .warnings
        .iter()
        .filter(|problem| problem.what.contains("restart"))
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        waiting,
        [
            "gateway.listen",
            "admin.listen",
            "metrics.listen",
            "store",
            "journal"
        ]
    );
    assert_eq!(live.restarts_needed(), 1);
    let now = live.full();
    assert_eq!(
        (now.gateway.retries, now.gateway.listen[0].address.as_str()),
        (9, "0.0.0.0:3000")
    );
    assert_eq!(now.store, "sqlite://data/tollgate.db");
    assert_eq!(now.journal.path, Path::new("data/journal"));
    assert!(now.admin.key.is_some(), "the admin key needs no restart");
}

#[test]
fn a_start_without_a_good_file_fails_with_its_problems() {
    let (_folder, file) = folder("gateway: {retries: many}\n");
    let problems = Live::start(file, Box::new(|_| None)).err().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.path == "gateway.retries")
    );
    assert!(Live::start("/nowhere/at/all.yaml".into(), Box::new(|_| None)).is_err());
}

#[test]
fn a_configuration_without_files_stays() {
    let live = Live::from_text(&text(5), &|_| None).ok().unwrap();
    assert!(!live.reload().unwrap().changed);
    assert_eq!(retries(&live), 5);
}

/// A watched gateway; the receiver hears of its reloads.
fn watch(path: &Path) -> (Arc<Live>, UnboundedReceiver<Reloaded>) {
    let live = Arc::new(start(path));
    let (tell, told) = unbounded_channel();
    let watched = live.clone();
    tokio::spawn(async move {
        watched
            .watch(|reloaded| drop(tell.send(reloaded.clone())))
            .await;
    });
    (live, told)
}

async fn next(told: &mut UnboundedReceiver<Reloaded>) -> Reloaded {
    let next = tokio::time::timeout(PATIENCE, told.recv()).await;
    next.expect("a reload in time").expect("the watch goes on")
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_edit_is_noticed_and_a_bad_one_waits_for_the_next() {
    let (_folder, file) = folder(&text(1));
    let (live, mut told) = watch(&file);
    fs::write(&file, text(2)).unwrap();
    assert!(next(&mut told).await.changed);
    assert_eq!(retries(&live), 2);
    fs::write(&file, "gateway: {retries: many}\n").unwrap();
    until("the bad file is noticed", || !live.is_valid()).await;
    assert_eq!(retries(&live), 2);
    fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(
        !live.is_valid() && retries(&live) == 2,
        "a vanished file is no exit"
    );
    // As editors save: a new file takes the name.
    fs::write(file.with_extension("new"), text(3)).unwrap();
    fs::rename(file.with_extension("new"), &file).unwrap();
    assert_eq!(next(&mut told).await.number, 3);
    assert!(live.is_valid() && retries(&live) == 3);
}

/// How a kubelet mounts a ConfigMap: `tollgate.yaml -> ..data/tollgate.yaml`, `..data -> ..time`,
/// and an update exchanges `..data` by a rename.
#[tokio::test]
async fn an_exchanged_link_of_a_config_map_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (version, retries) in [("..1", 1), ("..2", 2)] {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("tollgate.yaml"), text(retries)).unwrap();
    }
    symlink("..1", path("..data")).unwrap();
    symlink("..data/tollgate.yaml", path("tollgate.yaml")).unwrap();
    let (by_file, mut told_by_file) = watch(&path("tollgate.yaml"));
    let (by_folder, mut told_by_folder) = watch(folder.path());
    assert_eq!((retries(&by_file), retries(&by_folder)), (1, 1));
    symlink("..2", path("..data_tmp")).unwrap();
    fs::rename(path("..data_tmp"), path("..data")).unwrap();
    assert!(next(&mut told_by_file).await.changed && next(&mut told_by_folder).await.changed);
    assert_eq!((retries(&by_file), retries(&by_folder)), (2, 2));
}

#[tokio::test]
async fn a_new_file_in_the_folder_is_noticed() {
    let (folder, _file) = folder(&text(1));
    let (live, mut told) = watch(folder.path());
    fs::write(folder.path().join("z.yaml"), "log: {level: debug}\n").unwrap();
    assert!(next(&mut told).await.changed);
    assert_eq!(live.load().log.level, "debug");
}

#[tokio::test]
async fn sighup_reloads_at_once_even_without_a_change() {
    use tokio::signal::unix::{SignalKind, signal};
    let (_folder, file) = folder(&text(1));
    // Before the watch has its own: from here on the signal does not end the process.
    let _registered = signal(SignalKind::hangup()).unwrap();
    let (_live, mut told) = watch(&file);
    let begin = Instant::now();
    while told.is_empty() {
        assert!(begin.elapsed() < PATIENCE, "no reload after SIGHUP");
        let pid = std::process::id().to_string();
        std::process::Command::new("kill")
            .args(["-HUP", &pid])
            .status()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!next(&mut told).await.changed);
}
