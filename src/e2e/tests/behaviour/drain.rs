//! SIGTERM: at once when nothing is in flight, else when it is finished, else at the limit.

use std::time::{Duration, Instant};

use e2e::{Call, Counts, Dialect, Ended, Gate, Gateway, Reply, Setup, Upstream};
use serde_json::json;

const COUNTS: Counts = Counts::of(3, 2);

async fn start(drain: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let setup =
        Setup::one(&upstream.url(), Dialect::Chat).with(json!({ "gateway": { "drain": drain } }));
    let gateway = Gateway::start(setup).await;
    (upstream, gateway)
}

#[tokio::test]
async fn an_idle_gateway_exits_promptly() {
    let (upstream, mut gateway) = start("30s").await;
    upstream.then(Dialect::Chat.whole("x", COUNTS));
    // A kept connection that says nothing is nothing in flight.
    let client = e2e::call::keeping_client();
    let call = Call::ask(Dialect::Chat, "m", false);
    call.send_with(&client, &gateway.addr).await.is(200);
    let start = Instant::now();
    gateway.process.signal("TERM");
    let status = gateway.process.exited().await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_stream_in_flight_is_finished_and_recorded() {
    let (upstream, mut gateway) = start("30s").await;
    let gate = Gate::new();
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], COUNTS)
            .gated_at(2, &gate),
    );
    let mut stream = gateway.stream(Dialect::Chat).await;
    let id = stream.id();
    stream.first_text(Dialect::Chat).await;
    gateway.process.signal("TERM");
    e2e::eventually(
        "new connections are no longer taken, or the gateway is not ready",
        || {
            let connected = std::net::TcpStream::connect(&gateway.addr);
            connected.is_err() || gateway.process.log().to_lowercase().contains("drain")
        },
    )
    .await;
    assert!(gateway.process.is_running(), "it waits for the stream");
    gate.open();
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, Ended::Properly);
    assert!(
        stream.text().ends_with("data: [DONE]\n\n"),
        "{}",
        stream.text()
    );
    let start = Instant::now();
    assert!(gateway.process.exited().await.success());
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "then it goes: {:?}",
        start.elapsed()
    );

    // The record was flushed: a second process over the same store finds it.
    let Gateway { folder, .. } = gateway;
    let again = Gateway::start_in(folder, "tollgate.yaml").await;
    assert_eq!(again.record(&id).await["end"], "complete");
}

#[tokio::test]
async fn what_never_ends_is_ended_at_the_limit() {
    let (upstream, mut gateway) = start("1s").await;
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], COUNTS)
            .stalled_after_pieces(2),
    );
    let mut stream = gateway.stream(Dialect::Chat).await;
    let id = stream.id();
    stream.first_text(Dialect::Chat).await;
    let start = Instant::now();
    gateway.process.signal("TERM");
    gateway.process.exited().await;
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let Gateway {
        folder, process, ..
    } = gateway;
    drop(process);
    let again = Gateway::start_in(folder, "tollgate.yaml").await;
    let record = again.record(&id).await;
    assert_eq!(record["end"], "gateway_lost", "it has its row: {record}");
    assert_eq!(record["usage_source"], "estimated", "{record}");
    assert!(record["usage"]["input"].as_u64().unwrap() > 0, "{record}");
}

#[tokio::test]
async fn a_request_waiting_for_its_upstream_is_finished() {
    let (upstream, mut gateway) = start("30s").await;
    let gate = Gate::new();
    upstream.then(Dialect::Chat.whole("late", COUNTS).after_gate(&gate));
    let addr = gateway.addr.clone();
    let asked =
        tokio::spawn(async move { Call::ask(Dialect::Chat, "m", false).send_to(&addr).await });
    upstream.wait_for_calls(1).await;
    gateway.process.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    let answer = asked.await.unwrap();
    assert_eq!(Dialect::Chat.text_of(&answer.is(200).json()), "late");
    assert!(gateway.process.exited().await.success());
}

#[tokio::test]
async fn a_killed_gateway_starts_again_over_its_store() {
    let (upstream, gateway) = start("30s").await;
    upstream
        .then(Dialect::Chat.whole("x", COUNTS))
        .then(Reply::silence());
    let id = gateway.ask(Dialect::Chat).await.is(200).id().to_owned();
    gateway.record(&id).await;
    let Gateway {
        folder, process, ..
    } = gateway;
    process.signal("KILL");
    drop(process);
    let again = Gateway::start_in(folder, "tollgate.yaml").await;
    assert_eq!(again.record(&id).await["id"], id);
}
