//! The same gateway over each store: what it answered is kept once, whatever the server does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::{Counts, Dialect, Gateway, Setup, Upstream};
use serde_json::{Value, json};
use servers::{Kind, Server};
use tokio::task;

const COUNTS: Counts = Counts::of(7, 2);

async fn gateway(store: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let setup = Setup::one(&upstream.url(), Dialect::Chat).with(json!({ "store": store }));
    (upstream, Gateway::start(setup).await)
}

/// Every record's id, page by page; an id that comes twice fails.
async fn ids(gateway: &Gateway) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/requests?limit=100&cursor={cursor}");
        let page = gateway.admin_get(&path).await;
        let page = page.is(200).json();
        for item in page["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "twice: {item}");
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return ids,
        }
    }
}

/// The one sum of all days.
async fn used(gateway: &Gateway) -> Value {
    let used = gateway
        .admin_get("/api/usage?by=model,token,user,channel")
        .await;
    let used = used.is(200).json();
    let items = used["items"].as_array().unwrap();
    let sum = |pointer: &str| -> u64 {
        items
            .iter()
            .map(|one| one.pointer(pointer).unwrap().as_u64().unwrap())
            .sum()
    };
    for one in items {
        let names = ["model", "token", "user", "channel"].map(|name| one[name].clone());
        assert_eq!(
            names,
            [json!("m"), json!("e2e"), json!("root"), json!("main")]
        );
    }
    json!({ "requests": sum("/requests"), "input": sum("/usage/input"), "output": sum("/usage/output") })
}

async fn keeps_what_it_answered(store: &str) {
    let (_upstream, gateway) = gateway(store).await;
    let mut asked = BTreeSet::new();
    for _ in 0..5 {
        let answer = gateway.ask(Dialect::Chat).await;
        asked.insert(answer.is(200).id().to_owned());
    }
    for id in &asked {
        let record = gateway.record(id).await;
        assert_eq!(record["usage"]["input"], 7, "{record}");
    }
    let expected = json!({ "requests": 5, "input": 35, "output": 10 });
    assert_eq!(ids(&gateway).await, asked);
    assert_eq!(used(&gateway).await, expected);
    // The next process finds it.
    let Gateway {
        mut process,
        folder,
        ..
    } = gateway;
    process.signal("TERM");
    assert!(process.exited().await.success());
    let gateway = Gateway::start_in(folder, "tollgate.yaml").await;
    assert_eq!(ids(&gateway).await, asked);
    assert_eq!(used(&gateway).await, expected);
    let log = gateway.process.log();
    assert!(
        !log.contains(servers::PASSWORD) && !log.contains("p%40ss"),
        "{log}"
    );
}

#[tokio::test]
async fn sqlite_keeps_what_was_answered() {
    keeps_what_it_answered("sqlite://data/x.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_what_was_answered() {
    let url = task::spawn_blocking(|| servers::postgres().database())
        .await
        .unwrap();
    keeps_what_it_answered(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_what_was_answered() {
    let url = task::spawn_blocking(|| servers::mariadb().database())
        .await
        .unwrap();
    keeps_what_it_answered(&url).await;
}

/// Clients go on while the server stops, stays away and comes back.
async fn restarted_under_load(kind: Kind) {
    const CLIENTS: usize = 4;
    const EACH: usize = 60;
    let server = Arc::new(
        task::spawn_blocking(move || Server::new(kind))
            .await
            .unwrap(),
    );
    let (_upstream, gateway) = gateway(&server.database()).await;
    let gateway = Arc::new(gateway);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (gateway, answered) = (Arc::clone(&gateway), Arc::clone(&answered));
        clients.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..EACH {
                let answer = gateway.ask(Dialect::Chat).await;
                ids.push(answer.is(200).id().to_owned());
                answered.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            ids
        });
    }
    let wait_for = async |count| {
        let begun = Instant::now();
        while answered.load(Ordering::Relaxed) < count {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "clients are answered"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    for (stop, start) in [(40, 80), (120, 160)] {
        wait_for(stop).await;
        let away = Arc::clone(&server);
        task::spawn_blocking(move || away.stop()).await.unwrap();
        wait_for(start).await;
        let back = Arc::clone(&server);
        task::spawn_blocking(move || back.start()).await.unwrap();
    }
    let asked: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(asked.len(), CLIENTS * EACH);
    let last = gateway.ask(Dialect::Chat).await;
    let last = last.is(200).id().to_owned();
    gateway.record(&last).await;
    let mut kept = ids(&gateway).await;
    assert!(kept.remove(&last));
    assert_eq!(kept, asked, "nothing lost, nothing made up");
    assert_eq!(used(&gateway).await["requests"], CLIENTS * EACH + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_restarted_under_load_loses_and_doubles_nothing() {
    restarted_under_load(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_restarted_under_load_loses_and_doubles_nothing() {
    restarted_under_load(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_ready_once_its_server_was_reached() {
    let server = task::spawn_blocking(|| {
        let server = Server::new(Kind::Postgres);
        let url = server.database();
        server.stop();
        (Arc::new(server), url)
    });
    let (server, url) = server.await.unwrap();
    let late = Arc::clone(&server);
    let begun = Instant::now();
    let later = task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(2));
        late.start();
    });
    let (_upstream, gateway) = gateway(&url).await;
    assert!(
        begun.elapsed() >= Duration::from_secs(2),
        "not ready before"
    );
    gateway.process.says("starting without the store").await;
    later.await.unwrap();
    let answer = gateway.ask(Dialect::Chat).await;
    gateway.record(answer.is(200).id()).await;
    // Ready once, ready for good: requests are kept for it.
    let away = Arc::clone(&server);
    task::spawn_blocking(move || away.stop()).await.unwrap();
    let ready = e2e::Call::get("/readyz").anonymous().send(&gateway).await;
    ready.is(200);
}
