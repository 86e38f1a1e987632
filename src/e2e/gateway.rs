//! A real gateway, started as its operators start it, in a folder of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::call::Call;
use crate::dialect::Dialect;
use crate::metrics::Metrics;
use crate::process::{self, Process};
use crate::setup::{ADMIN_KEY, Setup, is_apart};
use crate::streaming::Streaming;

/// Longest a start may take on a slow machine.
const START: Duration = Duration::from_secs(30);
/// The contract says a second; a loaded machine gets more before the test gives up.
const RECORD: Duration = Duration::from_secs(10);

/// A running `tollgate serve`. Killed when dropped; its log is shown when the test failed.
pub struct Gateway {
    /// `host:port` of the AI traffic.
    pub addr: String,
    /// `host:port` of the admin API.
    pub admin: String,
    /// `host:port` of `/metrics`.
    pub metrics: String,
    /// The process.
    pub process: Process,
    /// Its working directory.
    pub folder: TempDir,
    /// Each format has a group and a key of its own.
    pub(crate) apart: bool,
}

impl Gateway {
    /// Starts it and waits until it is ready.
    pub async fn start(setup: Setup) -> Gateway {
        Gateway::start_with(setup, |_| {}).await
    }

    /// Starts it in a folder that `prepare` has furnished.
    pub async fn start_with(setup: Setup, prepare: impl FnOnce(&std::path::Path)) -> Gateway {
        let folder = TempDir::with_prefix("tollgate-e2e-").expect("a temporary folder");
        prepare(folder.path());
        std::fs::write(folder.path().join("tollgate.yaml"), setup.text()).expect("a file");
        Gateway::start_in(folder, "tollgate.yaml").await
    }

    /// Starts it in that folder with that configuration (a path inside it).
    pub async fn start_in(folder: TempDir, config: &str) -> Gateway {
        let mut command = Command::new(process::tollgate());
        command.args(["serve", "--config", config]);
        Gateway::start_by(command, folder).await
    }

    /// Starts it in that folder by that command.
    pub async fn start_by(mut command: Command, folder: TempDir) -> Gateway {
        command
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            // Two proxy threads are enough for a test, and many gateways run at once.
            .env("TOLLGATE_THREADS", "2");
        let mut process = Process::start(command);
        let [addr, admin, metrics] = listening(&mut process).await;
        let text = std::fs::read_to_string(folder.path().join("tollgate.yaml"));
        let gateway = Gateway {
            addr,
            admin,
            metrics,
            process,
            folder,
            apart: text.is_ok_and(|text| is_apart(&text)),
        };
        gateway.is_ready().await;
        gateway
    }

    async fn is_ready(&self) {
        let start = Instant::now();
        loop {
            let answer = Call::get("/readyz").anonymous().send(self).await;
            if answer.status == 200 {
                return;
            }
            assert!(start.elapsed() < START, "never ready: {}", answer.text());
            tokio::time::sleep(process::LOOK).await;
        }
    }

    /// The address of a path on the gateway.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Where its configuration is.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("tollgate.yaml")
    }

    /// Replaces the configuration file, in one step.
    pub fn rewrite(&self, text: &str) {
        let beside = self.folder.path().join("tollgate.yaml.new");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(&beside, self.config()).expect("a rename");
    }

    /// Asks the smallest question of that format for model `m` and waits for the whole answer.
    pub async fn ask(&self, dialect: Dialect) -> Answer {
        Call::ask(dialect, "m", false).send(self).await
    }

    /// Asks for a stream, and returns once its head is there.
    pub async fn stream(&self, dialect: Dialect) -> Streaming {
        Call::ask(dialect, "m", true).open(self).await
    }

    /// The record of the request that this answer's `x-request-id` names.
    pub async fn record(&self, id: &str) -> Value {
        let path = format!("/api/requests/{id}");
        let start = Instant::now();
        loop {
            let answer = self.admin_get(&path).await;
            if answer.status == 200 {
                return answer.json();
            }
            assert!(
                start.elapsed() < RECORD,
                "request {id} left no record: {} {}",
                answer.status,
                answer.text()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The newest records, once there are at least `count`.
    pub async fn records(&self, count: usize) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let list = self.admin_get("/api/requests?limit=100").await.json();
            let items = list["items"].as_array().cloned().unwrap_or_default();
            if items.len() >= count {
                return items;
            }
            assert!(start.elapsed() < RECORD, "{count} records expected: {list}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every record there is, newest first.
    pub async fn all_records(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/requests?limit=100{cursor}");
            let page = self.admin_get(&path).await.json();
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Sets how far its files may grow from now on (`prlimit --fsize`): `0`, `unlimited`.
    pub fn limit_files(&self, bytes: &str) {
        let set = Command::new("prlimit")
            .arg(format!("--pid={}", self.process.id()))
            .arg(format!("--fsize={bytes}:"))
            .status();
        assert!(set.is_ok_and(|set| set.success()), "the limit is set");
    }

    /// Kills it as the kernel would, and starts another in its folder.
    pub async fn killed_and_started_again(self) -> Gateway {
        let Gateway {
            folder,
            mut process,
            ..
        } = self;
        process.signal("KILL");
        process.exited().await;
        drop(process);
        Gateway::start_in(folder, "tollgate.yaml").await
    }

    /// Reads the admin API with the admin's key.
    pub async fn admin_get(&self, path: &str) -> Answer {
        Call::get(path)
            .anonymous()
            .header("authorization", &format!("Bearer {ADMIN_KEY}"))
            .send_to(&self.admin)
            .await
    }

    /// Asks the admin API to do something, with the admin's key.
    pub async fn admin_send(&self, method: &str, path: &str, body: &Value) -> Answer {
        Call::get(path)
            .method(method)
            .anonymous()
            .header("authorization", &format!("Bearer {ADMIN_KEY}"))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send_to(&self.admin)
            .await
    }

    /// The metrics now.
    pub async fn metrics(&self) -> Metrics {
        let answer = Call::get("/metrics")
            .anonymous()
            .send_to(&self.metrics)
            .await;
        assert_eq!(answer.status, 200, "metrics are served");
        Metrics::parse(&answer.text())
    }

    /// Waits until a metric has that value.
    pub async fn metric_is(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let start = Instant::now();
        loop {
            let now = self.metrics().await.sum(name, labels);
            if now == value {
                return;
            }
            assert!(
                start.elapsed() < RECORD,
                "{name}{labels:?} is {now}, not {value}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn listening(process: &mut Process) -> [String; 3] {
    let start = Instant::now();
    loop {
        let found = ["gateway=", "admin=", "metrics="].map(|key| {
            let values = process.values(&format!("listening {key}"));
            values.into_iter().next().unwrap_or_default()
        });
        if found.iter().all(|address| !address.is_empty()) {
            return found;
        }
        assert!(process.is_running(), "tollgate stays up");
        assert!(start.elapsed() < START, "tollgate says where it listens");
        tokio::time::sleep(process::LOOK).await;
    }
}
