//! The clock of the machine jumps under load: ahead by a month, back by a day. libfaketime moves it for one
//! gateway only, from a file that is read at every look at the clock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use e2e::{Call, Dialect, Gateway, Setup};
use serde_json::json;
use tempfile::TempDir;

use crate::journal::load::{self, Load, Told};
use crate::journal::settled;

/// What the file says to move the clock by.
const JUMPS: [&str; 4] = ["+30d", "-1d", "+2h", "+0"];
const LIMITED: &str = "sk-limited-0123456789";
const ENDING: &str = "sk-ending-0123456789";

struct Clock(PathBuf);

impl Clock {
    fn jump(&self, by: &str) {
        // In one step: half a file would be half a jump.
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, by).unwrap();
        std::fs::rename(beside, &self.0).unwrap();
    }
}

/// Debian's libfaketime; `.ci/setup` installs it.
fn library() -> PathBuf {
    let usual = ["/usr/lib", "/usr/lib64"].map(PathBuf::from);
    let folders = usual.iter().flat_map(|base| {
        let below = std::fs::read_dir(base).into_iter().flatten().flatten();
        below
            .map(|entry| entry.path())
            .chain([base.clone()])
            .collect::<Vec<_>>()
    });
    let mut found = folders
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .filter(|library| library.is_file());
    found.next().expect("libfaketime: run make setup")
}

async fn start(setup: Setup) -> (Gateway, Clock) {
    let folder = TempDir::with_prefix("tollgate-clock-").unwrap();
    std::fs::write(folder.path().join("tollgate.yaml"), setup.text()).unwrap();
    let clock = Clock(folder.path().join("clock"));
    clock.jump("+0");
    let gateway = Gateway::start_by(faked(&clock.0), folder).await;
    (gateway, clock)
}

/// The monotonic clock goes on as it does on a real machine.
fn faked(clock: &Path) -> Command {
    let mut command = Command::new("env");
    command
        .arg(format!("LD_PRELOAD={}", library().display()))
        .arg(format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()))
        .args(["FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"])
        .arg(e2e::process::tollgate())
        .args(["serve", "--config", "tollgate.yaml"]);
    command
}

#[tokio::test]
async fn a_clock_that_jumps_loses_no_request_and_counts_none_twice() {
    let (upstream, setup) = load::upstream().await;
    let (gateway, clock) = start(setup).await;
    let told = Arc::new(Told::default());
    let load = Load::start(6, &gateway.addr, &told);
    for by in JUMPS {
        tokio::time::sleep(Duration::from_millis(400)).await;
        clock.jump(by);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    load.stop().await;
    settled(&gateway).await;
    let rows = gateway.all_records().await;
    load::check(&rows, &upstream, &told);
    let days: std::collections::BTreeSet<_> = rows
        .iter()
        .map(|row| row["at"].as_str().unwrap()[..10].to_owned())
        .collect();
    assert!(days.len() >= 3, "the clock did jump: {days:?}");
    for row in &rows {
        let took = row["duration_ms"].as_u64().unwrap();
        assert!(
            took < 60_000,
            "time is measured by a clock that does not jump: {row}"
        );
    }
    assert!(
        told.count(200) > 50,
        "the load was one: {}",
        told.count(200)
    );
}

#[tokio::test]
async fn limits_budgets_and_expiry_outlive_a_jump() {
    let (_upstream, setup) = load::upstream().await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 7);
    let own = Dialect::Chat.name();
    let setup = setup
        .token(json!({ "name": "limited", "key": LIMITED, "group": own, "budget": 1, "limits": { "rpm": 6 } }))
        .token(json!({ "name": "ending", "key": ENDING, "group": own, "expires_at": soon.to_string() }))
        .with(json!({ "billing": { "hold_output": 50 } }));
    let (gateway, clock) = start(setup).await;
    let ask = async |key: &str| {
        let call = Call::ask(Dialect::Chat, "m", false).key(Dialect::Chat, key);
        call.send(&gateway).await.status
    };
    for _ in 0..3 {
        // The account of the key is known soon after a start.
        while ask(LIMITED).await == 503 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(ask(ENDING).await, 200);
    clock.jump("-1d");
    assert_eq!(
        ask(LIMITED).await,
        200,
        "nobody waits for the clock to come back"
    );
    assert_eq!(ask(ENDING).await, 200);
    clock.jump("+30d");
    assert_eq!(ask(LIMITED).await, 200);
    assert_eq!(ask(ENDING).await, 401, "expired, by the clock there is");
    assert_eq!(ask(LIMITED).await, 200);
    assert_eq!(
        ask(LIMITED).await,
        429,
        "six requests within a real minute are six"
    );
    clock.jump("+0");
    assert_eq!(ask(ENDING).await, 200);
    assert_eq!(ask(LIMITED).await, 429);
}
