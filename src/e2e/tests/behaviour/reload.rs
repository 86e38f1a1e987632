//! A new configuration takes over while requests go on; a bad one changes nothing.

use std::time::Duration;

use e2e::{Call, Counts, Dialect, Gate, Gateway, Setup, Upstream, channel};
use serde_json::json;

const COUNTS: Counts = Counts::of(3, 2);

async fn ask(gateway: &Gateway) -> String {
    let answer = gateway.ask(Dialect::Chat).await;
    Dialect::Chat.text_of(&answer.json())
}

async fn becomes(gateway: &Gateway, text: &str) {
    let start = std::time::Instant::now();
    while ask(gateway).await != text {
        // A second by the contract; the machine may be busy.
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "never answered by {text:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn saying(text: &str) -> Upstream {
    Upstream::saying(Dialect::Chat.whole(text, COUNTS)).await
}

fn to(upstream: &Upstream) -> Setup {
    Setup::one(&upstream.url(), Dialect::Chat)
}

#[tokio::test]
async fn an_edited_file_takes_over_within_a_second() {
    let (old, new) = (saying("old").await, saying("new").await);
    let gateway = Gateway::start(to(&old)).await;
    assert_eq!(ask(&gateway).await, "old");
    let before = gateway
        .metrics()
        .await
        .sum("tollgate_config_generation", &[]);
    gateway.rewrite(&to(&new).text());
    becomes(&gateway, "new").await;
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_config_valid", &[]), 1.0);
    assert!(metrics.sum("tollgate_config_generation", &[]) > before);
    // In place, as editors that do not rename write.
    std::fs::write(gateway.config(), to(&old).text()).unwrap();
    becomes(&gateway, "old").await;
}

#[tokio::test]
async fn a_swapped_symlink_takes_over() {
    let (old, new) = (saying("old").await, saying("new").await);
    // As Kubernetes mounts a ConfigMap: file -> ..data -> a dated folder, swapped by rename.
    let folder = tempfile::TempDir::with_prefix("tollgate-e2e-").unwrap();
    let place = |version: &str, text: String| {
        let dated = folder.path().join(version);
        std::fs::create_dir(&dated).unwrap();
        std::fs::write(dated.join("tollgate.yaml"), text).unwrap();
        let fresh = folder.path().join("..data_tmp");
        std::os::unix::fs::symlink(version, &fresh).unwrap();
        std::fs::rename(fresh, folder.path().join("..data")).unwrap();
    };
    place("..2026_01", to(&old).text());
    std::os::unix::fs::symlink("..data/tollgate.yaml", folder.path().join("tollgate.yaml"))
        .unwrap();
    let new_text = to(&new).text();
    let path = folder.path().to_owned();
    let gateway = Gateway::start_in(folder, "tollgate.yaml").await;
    assert_eq!(ask(&gateway).await, "old");
    std::fs::create_dir(path.join("..2026_02")).unwrap();
    std::fs::write(path.join("..2026_02/tollgate.yaml"), new_text).unwrap();
    std::os::unix::fs::symlink("..2026_02", path.join("..data_tmp")).unwrap();
    std::fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
    becomes(&gateway, "new").await;
}

#[tokio::test]
async fn a_folder_of_files_is_one_configuration() {
    let (first, second) = (saying("first").await, saying("second").await);
    let folder = tempfile::TempDir::with_prefix("tollgate-e2e-").unwrap();
    let conf = folder.path().join("conf.d");
    std::fs::create_dir(&conf).unwrap();
    std::fs::write(conf.join("10-base.yaml"), Setup::new().text()).unwrap();
    let only = |name: &str, upstream: &Upstream, model: &str| {
        let row = e2e::altered(
            channel(name, &upstream.url(), Dialect::Chat),
            json!({ "models": [model] }),
        );
        json!({ "channels": [row] }).to_string()
    };
    std::fs::write(conf.join("20-first.yaml"), only("first", &first, "one")).unwrap();
    let gateway = Gateway::start_in(folder, "conf.d").await;
    Call::ask(Dialect::Chat, "one", false)
        .send(&gateway)
        .await
        .is(200);
    Call::ask(Dialect::Chat, "two", false)
        .send(&gateway)
        .await
        .is(404);
    std::fs::write(conf.join("30-second.yaml"), only("second", &second, "two")).unwrap();
    let start = std::time::Instant::now();
    while Call::ask(Dialect::Chat, "two", false)
        .send(&gateway)
        .await
        .status
        != 200
    {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the new file is never seen"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Call::ask(Dialect::Chat, "one", false)
        .send(&gateway)
        .await
        .is(200);
}

#[tokio::test]
async fn a_hangup_signal_reloads() {
    let (old, new) = (saying("old").await, saying("new").await);
    let gateway = Gateway::start(to(&old)).await;
    gateway.rewrite(&to(&new).text());
    gateway.process.signal("HUP");
    becomes(&gateway, "new").await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_every_problem() {
    let upstream = saying("old").await;
    let mut gateway = Gateway::start(to(&upstream)).await;
    let bad = to(&upstream).with(
        json!({ "gateway": { "retrise": 1 }, "channels": [{ "name": "x", "provider": "nobody" }] }),
    );
    for text in [bad.text(), "{{{".to_owned(), "- a list".to_owned()] {
        gateway.rewrite(&text);
        gateway.metric_is("tollgate_config_valid", &[], 0.0).await;
        assert_eq!(ask(&gateway).await, "old", "the old one goes on");
        gateway.rewrite(&to(&upstream).text());
        gateway.metric_is("tollgate_config_valid", &[], 1.0).await;
    }
    let log = gateway.process.log();
    assert!(log.contains("retrise") && log.contains("nobody"), "{log}");
    std::fs::remove_file(gateway.config()).unwrap();
    gateway.metric_is("tollgate_config_valid", &[], 0.0).await;
    assert_eq!(ask(&gateway).await, "old", "a vanished file is a bad file");
    assert!(gateway.process.is_running());
}

#[tokio::test]
async fn a_request_in_flight_ends_with_what_it_began_with() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(to(&upstream)).await;
    let gate = Gate::new();
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], COUNTS)
            .gated_at(2, &gate),
    );
    let mut stream = gateway.stream(Dialect::Chat).await;
    stream.first_text(Dialect::Chat).await;
    upstream.always(Dialect::Chat.whole("old", COUNTS));
    let new = saying("new").await;
    gateway.rewrite(&to(&new).text());
    becomes(&gateway, "new").await;
    gate.open();
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, e2e::Ended::Properly);
    assert!(stream.text().contains("two"), "{}", stream.text());
    let after = gateway.ask(Dialect::Chat).await;
    let (before, after) = (
        gateway.record(&stream.id()).await,
        gateway.record(after.id()).await,
    );
    assert_ne!(
        before["config"], after["config"],
        "the record names the configuration that served it"
    );
}

#[tokio::test]
async fn what_needs_a_restart_stays_as_it_is() {
    let upstream = saying("x").await;
    let mut gateway = Gateway::start(to(&upstream)).await;
    let moved = to(&upstream)
        .with(json!({ "gateway": { "listen": "127.0.0.1:1" }, "store": "sqlite://other.db" }));
    gateway.rewrite(&moved.text());
    gateway.process.says("restart").await;
    gateway.metric_is("tollgate_config_waiting", &[], 2.0).await;
    assert_eq!(ask(&gateway).await, "x");
    assert!(gateway.process.is_running());
    assert!(!gateway.folder.path().join("other.db").exists());
}

#[tokio::test]
async fn the_log_changes_with_its_section() {
    let upstream = saying("x").await;
    let gateway = Gateway::start(to(&upstream)).await;
    for (level, line) in [
        ("info", "\"target\":\"tollgate::access\""),
        ("debug", "upstream said an error"),
    ] {
        assert!(!gateway.process.log().contains(line));
        let log = json!({ "log": { "level": level, "format": "json" } });
        gateway.rewrite(&to(&upstream).with(log).text());
        for _ in 0..100 {
            upstream.then(Dialect::Chat.fault(400, "no"));
            gateway.ask(Dialect::Chat).await.is(400);
            if gateway.process.log().contains(line) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        gateway.process.says(line).await;
    }
}

#[tokio::test]
async fn health_learned_survives_a_reload() {
    let upstream = Upstream::start().await;
    let fragile = |rpm: &str| {
        let row = json!({ "breaker": { "failures": 1, "window": "60s", "open": "60s" }, "headers": { "set": { "x-version": rpm } } });
        Setup::new().channel(e2e::altered(
            channel("main", &upstream.url(), Dialect::Chat),
            row,
        ))
    };
    let gateway = Gateway::start(fragile("1")).await;
    upstream.always(Dialect::Chat.fault(500, "no"));
    gateway.ask(Dialect::Chat).await.is(502);
    let calls = upstream.calls();
    let before = gateway
        .metrics()
        .await
        .sum("tollgate_config_generation", &[]);
    gateway.rewrite(&fragile("2").text());
    let start = std::time::Instant::now();
    while gateway
        .metrics()
        .await
        .sum("tollgate_config_generation", &[])
        <= before
    {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    gateway.ask(Dialect::Chat).await.is(503);
    assert_eq!(upstream.calls(), calls, "the breaker is still open");
}
