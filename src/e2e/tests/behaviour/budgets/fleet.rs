//! Three nodes spend one budget while one of them is killed and another is cut off from the store.
//!
//! The numbers are small; `make chaos` runs the same with larger ones.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use e2e::Cable;
use tokio::task::JoinSet;

use super::*;

/// In 10^-9 USD.
const ANSWER: u64 = 300_000;
/// More than this no request holds.
const HOLD: u64 = 600_000;
/// More than the clients of one node hold together and have spent in the time that records take to the
/// store: beyond a lease, a node takes only what its requests need.
const LEAST_LEASE: u64 = 40_000_000;
const CLIENTS_PER_NODE: usize = 16;
/// Longest a phase takes on a slow machine.
const PHASE: Duration = Duration::from_secs(120);

/// A third of what is asked for can be paid: with 10,000 requests, 1 USD.
struct Sizes {
    requests: usize,
    budget: u64,
    lease: u64,
}

impl Sizes {
    fn new() -> Sizes {
        let set = std::env::var("TOLLGATE_CHAOS_REQUESTS").ok();
        let requests = set.and_then(|text| text.parse().ok()).unwrap_or(1_500);
        let budget = requests as u64 * 100_000;
        Sizes {
            requests,
            budget,
            lease: (budget / 10).max(LEAST_LEASE),
        }
    }

    /// How many answers the budget pays for.
    fn affordable(&self) -> usize {
        (self.budget / ANSWER) as usize
    }
}

/// What clients share.
struct Crowd {
    /// Where the nodes are.
    addrs: Mutex<[String; 3]>,
    asked: AtomicUsize,
    /// What they were told, by the names of their requests.
    told: Mutex<BTreeMap<String, (usize, u16)>>,
    stop: AtomicBool,
}

impl Crowd {
    /// Answers with this status, of this node or of all.
    fn count(&self, node: Option<usize>, status: u16) -> usize {
        let told = self.told.lock().unwrap();
        let wanted =
            |(one, is): &&(usize, u16)| node.is_none_or(|node| *one == node) && *is == status;
        told.values().filter(wanted).count()
    }

    async fn until(&self, what: &str, done: impl Fn(&Crowd) -> bool) {
        let start = Instant::now();
        while !done(self) {
            let told = || {
                let statuses = [200, 429, 503];
                (0..3)
                    .map(|node| statuses.map(|status| self.count(Some(node), status)))
                    .collect::<Vec<_>>()
            };
            assert!(start.elapsed() < PHASE, "never {what}: {:?}", told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Asks one node again and again, whatever it says and whether it lives.
async fn ask_on(crowd: Arc<Crowd>, node: usize) {
    let client = e2e::call::keeping_client();
    while !crowd.stop.load(Ordering::SeqCst) {
        let turn = crowd.asked.fetch_add(1, Ordering::SeqCst);
        let name = format!("fleet-{turn:06}");
        let addr = crowd.addrs.lock().unwrap()[node].clone();
        let mut body = Dialect::Chat.ask("chat-m", false);
        // The upstream sees the name too.
        body["metadata"] = json!({ "name": name });
        body.as_object_mut().unwrap().remove("max_tokens");
        let call = Call::json(Dialect::Chat, "chat-m", false, &body)
            .key(Dialect::Chat, KEY)
            .header("x-request-id", &name);
        let status = call
            .try_with(&client, &addr)
            .await
            .map(|answer| answer.status);
        if let Ok(status) = status {
            crowd.told.lock().unwrap().insert(name, (node, status));
        }
        if !matches!(status, Ok(200)) {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// The name by which the store knows a gateway.
fn node(gateway: &Gateway) -> String {
    let journal = gateway.folder.path().join("journal");
    let mut folders = std::fs::read_dir(journal).unwrap();
    let folder = folders.next().unwrap().unwrap();
    assert!(folders.next().is_none(), "one process, one folder");
    folder.file_name().into_string().unwrap()
}

fn verify(gateway: &Gateway) {
    let mut command = Command::new(e2e::process::tollgate());
    command.args(["ledger", "verify", "--config", "tollgate.yaml"]);
    let said = command
        .current_dir(gateway.folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_one_killed_and_one_cut_off_never_spend_beyond_the_bound() {
    let sizes = Sizes::new();
    let server = task::spawn_blocking(servers::postgres).await.unwrap();
    let store = server.database();
    let cable = Cable::to(server.port()).await;
    let upstream = Upstream::start().await;
    upstream.always(
        Dialect::Chat
            .whole("x", COUNTS)
            .after(Duration::from_millis(20)),
    );
    let usd = |nanos: u64| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    let setup = with_channel(setup(&usd(sizes.budget)), &upstream, Dialect::Chat)
        .with(json!({ "store": store, "billing": { "lease": usd(sizes.lease) } }));
    let through = store.replace(
        &format!(":{}/", server.port()),
        &format!(":{}/", cable.addr.port()),
    );
    let cabled = setup.clone().with(json!({ "store": through }));
    let killed = Gateway::start(setup.clone()).await;
    let (cut, whole) = (Gateway::start(cabled).await, Gateway::start(setup).await);

    let crowd = Arc::new(Crowd {
        addrs: Mutex::new([&killed, &cut, &whole].map(|gateway| gateway.addr.clone())),
        asked: AtomicUsize::new(0),
        told: Mutex::default(),
        stop: AtomicBool::new(false),
    });
    let mut clients = JoinSet::new();
    for client in 0..3 * CLIENTS_PER_NODE {
        clients.spawn(ask_on(Arc::clone(&crowd), client % 3));
    }
    let quarter = sizes.affordable() / 4;
    crowd
        .until("a quarter", |crowd| crowd.count(None, 200) >= quarter)
        .await;
    killed.process.signal("KILL");
    crowd
        .until("half", |crowd| crowd.count(None, 200) >= 2 * quarter)
        .await;
    let before = crowd.count(Some(1), 503);
    cable.cut();
    let killed = killed.killed_and_started_again().await;
    crowd.addrs.lock().unwrap()[0].clone_from(&killed.addr);
    // It goes on with what it has, and then refuses.
    crowd
        .until("spent", |crowd| crowd.count(Some(1), 503) > before)
        .await;
    // Half a minute later, for the store: what it had leased is others' now.
    let open = format!(
        "SELECT remaining FROM leases WHERE node = '{}' AND account = 'key:yaml:b'",
        node(&cut)
    );
    let open: u64 = server.sql(&store, &open).trim().parse().unwrap();
    assert!(open <= sizes.lease, "{open} of {} were open", sizes.lease);
    let age = format!(
        "UPDATE leases SET expires_at = 0 WHERE node = '{}'",
        node(&cut)
    );
    server.sql(&store, &age);
    crowd
        .until("all spent", |crowd| {
            crowd.count(Some(2), 429) > 0 && crowd.count(Some(0), 429) > 0
        })
        .await;
    cable.mend();
    let asked = |crowd: &Crowd| crowd.asked.load(Ordering::SeqCst) >= sizes.requests;
    crowd
        .until("back", |crowd| {
            crowd.count(Some(1), 429) > 0 && asked(crowd)
        })
        .await;
    crowd.stop.store(true, Ordering::SeqCst);
    clients.join_all().await;

    // All healthy again: what is left of the budget can be spent, to less than one hold.
    for gateway in [&killed, &cut, &whole] {
        gateway.metric_is("tollgate_ledger_queue", &[], 0.0).await;
    }
    tokio::time::sleep(2 * IDLE).await;
    ask_until_refused(&killed).await;
    killed.metric_is("tollgate_ledger_queue", &[], 0.0).await;
    let spent: u64 = server
        .sql(
            &store,
            "SELECT spent FROM purses WHERE account = 'key:yaml:b'",
        )
        .trim()
        .parse()
        .unwrap();
    assert!(
        spent + HOLD > sizes.budget,
        "{spent} of {} are spent",
        sizes.budget
    );

    // One node was cut off.
    let bound = sizes.budget + open;
    let rows = killed.all_records().await;
    let answered = crowd.count(None, 200) as u64;
    eprintln!(
        "{} asked, {answered} answered, {spent} of {} spent, {open} were open",
        crowd.asked.load(Ordering::SeqCst),
        sizes.budget
    );
    assert!(answered * ANSWER <= bound, "{answered} were answered");
    assert_eq!(
        super::spent(&rows),
        spent,
        "records say what the purse says"
    );
    assert!(spent <= bound, "{spent} of {bound}");
    once(&rows, &crowd, &upstream);
    verify(&killed);
}

/// Every request that the upstream saw or a client was told of is on one row.
fn once(rows: &[Value], crowd: &Crowd, upstream: &Upstream) {
    let mut by_name = BTreeMap::new();
    for row in rows {
        if let Some(name) = row["client_request_id"].as_str() {
            let first = by_name.insert(name, row);
            assert!(first.is_none(), "{name} has more than one row");
        }
    }
    for seen in upstream.requests() {
        let body = seen.json();
        if let Some(name) = body["metadata"]["name"].as_str() {
            assert!(by_name.contains_key(name), "{name} was lost");
        }
    }
    for (name, (_, status)) in crowd.told.lock().unwrap().iter() {
        let row = by_name.get(name.as_str());
        let row = row.unwrap_or_else(|| panic!("{name} got {status} and has no row"));
        assert_eq!(row["status"], json!(status), "{row}");
        if *status == 200 {
            assert_eq!(row["cost"], COST, "{row}");
        }
    }
}
