//! `kill -9` at any moment, and every other way to end.

use std::sync::Arc;
use std::time::Duration;

use e2e::{Call, Dialect, Gate, Gateway, Setup, Upstream};
use serde_json::json;

use super::load::{self, Load, Told};
use super::{Away, folders, number, segment, settled};

/// A few numbers that look random, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX constants; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_has_every_request_once() {
    let rounds = number("TOLLGATE_CHAOS_KILLS", 3);
    let clients = number("TOLLGATE_CHAOS_CLIENTS", 12);
    let seed = number("TOLLGATE_CHAOS_SEED", std::process::id().into());
    eprintln!("TOLLGATE_CHAOS_SEED={seed}");
    let mut dice = Dice(seed);
    let (upstream, setup) = load::upstream().await;
    let told = Arc::new(Told::default());
    let mut gateway = Gateway::start(setup).await;
    for _ in 0..rounds {
        let load = Load::start(clients, &gateway.addr, &told);
        tokio::time::sleep(Duration::from_millis(50 + dice.roll(400))).await;
        gateway = gateway.killed_and_started_again().await;
        load.stop().await;
    }
    settled(&gateway).await;
    let rows = gateway.all_records().await;
    load::check(&rows, &upstream, &told);
    assert!(
        told.count(200) > 10,
        "the load was one: {}",
        told.count(200)
    );
}

#[tokio::test]
async fn a_client_that_saw_the_end_is_complete_however_soon_the_kill_comes() {
    let (upstream, setup) = load::upstream().await;
    let mut gateway = Gateway::start(setup).await;
    for stream in [true, false, true, false] {
        let call = Call::ask(Dialect::Chat, "m", stream);
        let answer = call.send(&gateway).await;
        gateway = gateway.killed_and_started_again().await;
        let record = gateway.record(answer.is(200).id()).await;
        assert_eq!(record["end"], "complete", "{record}");
        assert_eq!(record["usage"]["input"], load::COUNTS.input, "{record}");
        assert_eq!(record["usage_source"], "provider", "{record}");
    }
    assert_eq!(upstream.calls(), 4);
}

#[tokio::test]
async fn a_proper_end_leaves_nothing_behind() {
    let (_upstream, setup) = load::upstream().await;
    let mut gateway = Gateway::start(setup).await;
    gateway.ask(Dialect::Chat).await.is(200);
    assert_eq!(folders(gateway.folder.path()).len(), 1);
    gateway.process.signal("TERM");
    assert!(gateway.process.exited().await.success());
    let left = folders(gateway.folder.path());
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_torn_end_is_passed_over_and_told() {
    let (_upstream, setup) = load::upstream().await;
    let gateway = Gateway::start(setup).await;
    let away = Away::of(&gateway);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(gateway.ask(Dialect::Chat).await.is(200).id().to_owned());
    }
    gateway.process.signal("KILL");
    drop(away);
    // The last entry's second half never reached the disk.
    let segment = segment(gateway.folder.path());
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last - 60..].fill(0);
    std::fs::write(segment, bytes).unwrap();

    let gateway = gateway.killed_and_started_again().await;
    settled(&gateway).await;
    for (index, id) in ids.iter().enumerate() {
        let expected = match index {
            4 => "gateway_lost",
            _ => "complete",
        };
        assert_eq!(gateway.record(id).await["end"], expected, "{index}");
    }
    gateway.process.says("torn_bytes=").await;
    let torn = &gateway.process.values("torn_bytes=")[0];
    assert!(torn.parse::<u64>().unwrap() > 0, "{torn}");
}

#[tokio::test]
async fn a_process_beside_another_leaves_its_journal_alone() {
    let upstream = Upstream::start().await;
    let gate = Gate::new();
    let counts = load::COUNTS;
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], counts)
            .gated_at(2, &gate),
    );
    let setup = Setup::one(&upstream.url(), Dialect::Chat);
    let first = Gateway::start(setup.clone()).await;
    let mut stream = first.stream(Dialect::Chat).await;
    let id = stream.id();
    stream.first_text(Dialect::Chat).await;

    let shared = first.folder.path().display();
    let beside = setup.with(json!({
        "store": format!("sqlite://{shared}/tollgate.db"),
        "journal": format!("{shared}/journal"),
    }));
    let second = Gateway::start(beside).await;
    assert_eq!(folders(first.folder.path()).len(), 2);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let early = second.admin_get(&format!("/api/requests/{id}")).await;
    assert_eq!(
        early.status,
        404,
        "the request still runs: {}",
        early.text()
    );
    gate.open();
    stream.whole().await;
    assert_eq!(second.record(&id).await["end"], "complete");
}
