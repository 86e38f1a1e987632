//! A journal that is full, and one that cannot be made.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::{Dialect, Ended, Gate, Gateway, Setup};
use serde_json::json;

use super::load::{self, Load, Told};
use super::{Away, settled};

#[tokio::test]
async fn at_its_maximum_new_requests_wait_and_none_that_was_admitted_is_lost() {
    let (upstream, setup) = load::upstream().await;
    let setup = setup.with(json!({ "journal": { "path": "journal", "max": "1MiB" } }));
    let gateway = Gateway::start(setup).await;
    let told = Arc::new(Told::default());
    let away = Away::of(&gateway);
    let load = Load::start(12, &gateway.addr, &told);
    let start = Instant::now();
    while told.count(503) < 5 {
        assert!(start.elapsed() < Duration::from_secs(60), "never full");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    load.stop().await;
    let calls = upstream.calls();
    let refused = gateway.ask(Dialect::Chat).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(upstream.calls(), calls, "nothing goes upstream");
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_journal_full", &[]), 1.0);
    let bytes = metrics.sum("tollgate_journal_bytes", &[]);
    assert!((500_000.0..=1_048_576.0).contains(&bytes), "{bytes}");

    drop(away);
    settled(&gateway).await;
    gateway.metric_is("tollgate_journal_full", &[], 0.0).await;
    gateway.ask(Dialect::Chat).await.is(200);
    settled(&gateway).await;
    let rows = gateway.all_records().await;
    let complete = rows.iter().filter(|row| row["end"] == "complete");
    assert_eq!(complete.count(), calls + 1, "each that was admitted, once");
    assert_eq!(told.count(200), calls);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_refuses_new_work_and_loses_none() {
    let (upstream, setup) = load::upstream().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tollgate.yaml"), setup.text()).unwrap();
    let mut command = Command::new("sh");
    // A write beyond the limit is an error instead of the end.
    command
        .arg("-c")
        .arg("trap '' XFSZ; exec \"$0\" serve --config tollgate.yaml")
        .arg(e2e::process::tollgate());
    let gateway = Gateway::start_by(command, folder).await;
    let gate = Gate::new();
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], load::COUNTS)
            .gated_at(2, &gate),
    );
    let mut stream = gateway.stream(Dialect::Chat).await;
    let id = stream.id();
    stream.first_text(Dialect::Chat).await;

    gateway.limit_files("0");
    for _ in 0..3 {
        let refused = gateway.ask(Dialect::Chat).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
    }
    assert_eq!(upstream.calls(), 1, "nothing goes upstream");
    gate.open();
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, Ended::Properly, "what was admitted goes on");
    gateway.metric_is("tollgate_journal_full", &[], 1.0).await;

    gateway.limit_files("unlimited");
    gateway.metric_is("tollgate_journal_full", &[], 0.0).await;
    gateway.ask(Dialect::Chat).await.is(200);
    assert_eq!(gateway.record(&id).await["end"], "complete");
    let told = "the disk does not take the journal";
    gateway.process.says(told).await;
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal"), "a file").unwrap();
    std::fs::write(folder.path().join("t.yaml"), Setup::new().text()).unwrap();
    let output = Command::new(e2e::process::tollgate())
        .args(["serve", "--config", "t.yaml"])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the journal in journal cannot be written"),
        "{said}"
    );
}
