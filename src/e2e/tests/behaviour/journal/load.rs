//! Clients that ask without pause, each request with a name of its own, and what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::setup::own_key;
use e2e::{Call, Counts, Dialect, Setup, Upstream, channel};
use serde_json::{Value, json};
use tokio::task::JoinSet;

pub(crate) const COUNTS: Counts = Counts::of(300, 40);
const PRICE: &str = "0.000700000";

/// An upstream of two formats whose streams take some milliseconds, and the gateway's configuration.
pub(crate) async fn upstream() -> (Upstream, Setup) {
    let upstream = Upstream::start().await;
    upstream.answer(|seen| {
        let dialect = match seen.target.starts_with("/v1/messages") {
            true => Dialect::Messages,
            false => Dialect::Chat,
        };
        match seen.json()["stream"] == json!(true) {
            true => dialect
                .stream(&["one ", "two ", "three ", "four"], COUNTS)
                .paced(Duration::from_millis(2)),
            false => dialect.whole("one two three four", COUNTS),
        }
    });
    let setup = Setup::new()
        .apart(
            Dialect::Chat,
            channel("chat", &upstream.url(), Dialect::Chat),
        )
        .apart(
            Dialect::Messages,
            channel("messages", &upstream.url(), Dialect::Messages),
        )
        .with(json!({
            "models": { "m": { "price": { "input": 1, "output": 10 } } },
            "log": { "level": "warn,tollgate=info" },
        }));
    (upstream, setup)
}

/// What the clients were told, by the names of their requests.
#[derive(Default)]
pub(crate) struct Told {
    /// Statuses of answers that came to their end.
    pub(crate) whole: Mutex<BTreeMap<String, u16>>,
    asked: AtomicU64,
}

impl Told {
    pub(crate) fn count(&self, status: u16) -> usize {
        let whole = self.whole.lock().unwrap();
        whole.values().filter(|told| **told == status).count()
    }
}

/// Clients at work; they end with `stop`.
pub(crate) struct Load {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// So many clients at the gateway at `addr`.
    pub(crate) fn start(clients: u64, addr: &str, told: &Arc<Told>) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut set = JoinSet::new();
        for number in 0..clients {
            set.spawn(ask_on(
                number,
                addr.to_owned(),
                Arc::clone(told),
                Arc::clone(&stop),
            ));
        }
        Load { clients: set, stop }
    }

    /// Lets each finish the request it is at.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
    }
}

async fn ask_on(number: u64, addr: String, told: Arc<Told>, stop: Arc<AtomicBool>) {
    let client = e2e::call::keeping_client();
    let pause = Duration::from_millis(super::number("TOLLGATE_CHAOS_PAUSE_MS", 0));
    while !stop.load(Ordering::SeqCst) {
        let turn = told.asked.fetch_add(1, Ordering::SeqCst);
        let name = format!("load-{turn:06}-{:0>96}", "");
        let dialect = match turn % 2 {
            0 => Dialect::Chat,
            _ => Dialect::Messages,
        };
        let stream = !(turn / 2 + number).is_multiple_of(3);
        let mut body = dialect.ask("m", stream);
        // The upstream sees the name too.
        body["metadata"] = json!({ "name": name });
        let call = Call::json(dialect, "m", stream, &body)
            .key(dialect, &own_key(dialect))
            .header("x-request-id", &name);
        match call.try_with(&client, &addr).await {
            Ok(answer) => {
                told.whole.lock().unwrap().insert(name, answer.status);
                if answer.status == 503 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            // The gateway died.
            Err(_) => return,
        }
        tokio::time::sleep(pause).await;
    }
}

/// Every request that the upstream saw has one row, every answer that came to its end the right
/// one, and none has two.
pub(crate) fn check(rows: &[Value], upstream: &Upstream, told: &Told) {
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        let name = row["client_request_id"].as_str().unwrap();
        by_name.entry(name).or_default().push(row);
    }
    for (name, rows) in &by_name {
        assert_eq!(rows.len(), 1, "{name} has more than one row: {rows:?}");
    }
    for seen in upstream.requests() {
        let body = seen.json();
        let name = body["metadata"]["name"].as_str().unwrap();
        assert!(by_name.contains_key(name), "{name} was lost");
    }
    for (name, status) in told.whole.lock().unwrap().iter() {
        let row = by_name.get(name.as_str());
        let row = row.unwrap_or_else(|| panic!("{name} got {status} and has no row"));
        match status {
            200 => {
                assert_eq!(row[0]["end"], "complete", "{row:?}");
                assert_eq!(row[0]["usage"]["output"], 40, "{row:?}");
                assert_eq!(row[0]["cost"], PRICE, "{row:?}");
            }
            _ => assert_eq!(row[0]["status"], json!(status), "{row:?}"),
        }
    }
}
