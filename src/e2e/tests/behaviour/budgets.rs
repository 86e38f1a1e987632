//! Keys with a budget: what they may spend, to the last nano-dollar, and what outlives a crash.

mod dear;
mod fleet;

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::{Answer, Call, Counts, Dialect, Gateway, Setup, Upstream, altered, channel};
use serde_json::{Value, json};
use servers::{Kind, Server};
use tokio::task;

const KEY: &str = "sk-budget-0123456789";
/// The gateway knows what was spent, and has stored a record, at the latest after this.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a node has leased and not used for so long, it gives back.
const IDLE: Duration = Duration::from_secs(3);
/// What an answer of `COUNTS` costs.
const COST: &str = "0.000300000";
const COUNTS: Counts = Counts::of(100, 20);

/// A price of 1 and 10 USD, and a key with this budget for every format. Output is held at 50 tokens:
/// together with the few bytes of the question a hold is more than half a thousandth of a USD.
fn setup(budget: &str) -> Setup {
    Setup::new()
        .token(json!({ "name": "b", "key": KEY, "budget": budget }))
        .with(json!({
            "billing": { "hold_output": 50 },
            "models": { "*-m": { "price": { "input": 1, "output": 10 } } },
        }))
}

fn with_channel(setup: Setup, upstream: &Upstream, dialect: Dialect) -> Setup {
    let models = json!({ "models": [format!("{}-*", dialect.name())] });
    setup.channel(altered(
        channel(dialect.name(), &upstream.url(), dialect),
        models,
    ))
}

async fn limited(budget: &str) -> (Gateway, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let setup = with_channel(setup(budget), &upstream, Dialect::Chat);
    (Gateway::start(setup).await, upstream)
}

/// A question without a maximum of its own, whatever the format's smallest one has.
fn question(dialect: Dialect, model: &str) -> Call {
    Call::ask(dialect, model, false)
        .anonymous()
        .key(dialect, KEY)
}

/// Asks until the gateway knows what the key has spent, and other nodes have given back what they do
/// not need.
async fn ask_with(gateway: &Gateway, call: impl Fn() -> Call) -> Answer {
    let start = Instant::now();
    loop {
        let answer = call().send(gateway).await;
        let text = answer.text();
        let soon = ["not known", "other nodes"]
            .iter()
            .any(|word| text.contains(word));
        if !(matches!(answer.status, 503 | 529) && soon) {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(start.elapsed() < PATIENCE, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ask(gateway: &Gateway) -> Answer {
    ask_with(gateway, || question(Dialect::Chat, "chat-m")).await
}

/// Asks until the budget refuses, and returns how often it did not.
async fn ask_until_refused(gateway: &Gateway) -> usize {
    for answered in 0..100 {
        let answer = ask(gateway).await;
        if answer.status == 429 {
            return answered;
        }
        answer.is(200);
    }
    panic!("the budget never refuses");
}

#[tokio::test]
async fn a_budget_that_does_not_cover_a_request_refuses_it_in_its_own_format() {
    let upstream = Upstream::start().await;
    let mut setup = setup("0.0000001");
    for dialect in Dialect::ALL {
        setup = with_channel(setup, &upstream, dialect);
    }
    let gateway = Gateway::start(setup).await;
    for dialect in Dialect::ALL {
        let model = format!("{}-m", dialect.name());
        let answer = ask_with(&gateway, || question(dialect, &model)).await;
        let refusal = answer.is(429).refusal(dialect);
        let word = match dialect {
            Dialect::Chat | Dialect::Responses => "insufficient_quota",
            Dialect::Messages => "rate_limit_error",
            Dialect::Gemini => "RESOURCE_EXHAUSTED",
        };
        let said = [refusal.kind, refusal.code];
        assert!(said.contains(&word.to_string()), "{dialect:?}: {said:?}");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert_eq!(answer.header("retry-after"), None);
        let record = gateway.record(answer.id()).await;
        assert_eq!(
            (&record["end"], &record["cost"]),
            (&json!("refused"), &json!("0.000000000"))
        );
    }
    assert_eq!(upstream.calls(), 0, "a refusal asks nobody");
    let free = question(Dialect::Chat, "chat-free");
    upstream.then(Dialect::Chat.whole("x", COUNTS));
    free.send(&gateway).await.is(200);
}

#[tokio::test]
async fn it_is_spent_by_what_requests_really_cost() {
    let (gateway, upstream) = limited("0.003").await;
    let first = ask(&gateway).await;
    let record = gateway.record(first.is(200).id()).await;
    assert_eq!(record["cost"], COST);
    // Ten times the cost; the last ones are refused because they might cost more than is left.
    let answered = 1 + ask_until_refused(&gateway).await;
    assert!((8..=10).contains(&answered), "{answered}");
    assert_eq!(upstream.calls(), answered);
    // Callers without a budget go on.
    Call::ask(Dialect::Chat, "chat-m", false)
        .send(&gateway)
        .await
        .is(200);
}

#[tokio::test]
async fn a_request_that_was_served_nothing_costs_nothing() {
    let (gateway, upstream) = limited("0.001").await;
    for _ in 0..5 {
        upstream.then(Dialect::Chat.fault(400, "no"));
        ask(&gateway).await.is(400);
    }
    ask(&gateway).await.is(200);
}

#[tokio::test]
async fn a_kill_forgets_nothing_that_was_spent() {
    let (mut gateway, upstream) = limited("0.003").await;
    let mut answered = 0;
    loop {
        let answer = ask(&gateway).await;
        if answer.status == 429 {
            break;
        }
        answer.is(200);
        answered += 1;
        // At once: its record may be in the journal alone.
        gateway = gateway.killed_and_started_again().await;
    }
    assert!((8..=10).contains(&answered), "{answered}");
    assert_eq!(upstream.calls(), answered);
    let rows = gateway.all_records().await;
    assert_eq!(spent(&rows), answered as u64 * nanos(&json!(COST)));
}

#[tokio::test]
async fn many_at_once_never_spend_more_than_there_is() {
    let (gateway, _upstream) = limited("0.003").await;
    ask(&gateway).await.is(200);
    let calls = (0..60).map(|_| {
        let addr = gateway.addr.clone();
        tokio::spawn(async move {
            question(Dialect::Chat, "chat-m")
                .send_to(&addr)
                .await
                .status
        })
    });
    let mut answered = 1;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            200 => answered += 1,
            status => assert_eq!(status, 429),
        }
    }
    answered += ask_until_refused(&gateway).await;
    assert!((8..=10).contains(&answered), "{answered}");
    gateway.metric_is("tollgate_ledger_queue", &[], 0.0).await;
    let rows = gateway.all_records().await;
    assert!(spent(&rows) <= nanos(&json!("0.003")), "{}", spent(&rows));
}

#[tokio::test]
async fn a_budget_that_is_set_while_running_counts_what_was_spent_before() {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let with = |budget: Value| {
        let setup = Setup::new()
            .token(altered(json!({ "name": "b", "key": KEY }), budget))
            .with(json!({ "models": { "*-m": { "price": { "input": 1, "output": 10 } } } }));
        with_channel(setup, &upstream, Dialect::Chat)
    };
    let gateway = Gateway::start(with(json!({}))).await;
    let answer = ask(&gateway).await;
    gateway.record(answer.is(200).id()).await;
    gateway.rewrite(&with(json!({ "budget": COST })).text());
    let start = Instant::now();
    while ask(&gateway).await.status != 429 {
        assert!(start.elapsed() < PATIENCE, "the budget is never known");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_one_store_know_of_each_other() {
    let store = task::spawn_blocking(|| servers::postgres().database())
        .await
        .unwrap();
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let setup = with_channel(setup("0.003"), &upstream, Dialect::Chat);
    let setup = setup.with(json!({ "store": store }));
    let (one, two) = (
        Gateway::start(setup.clone()).await,
        Gateway::start(setup).await,
    );
    ask(&two).await.is(200);
    let answered = 1 + ask_until_refused(&one).await;
    assert!((8..=10).contains(&answered), "{answered}");
    one.metric_is("tollgate_ledger_queue", &[], 0.0).await;
    // What it has leased is little, and given back before it dies.
    tokio::time::sleep(2 * IDLE).await;
    one.process.signal("KILL");
    assert_eq!(ask_until_refused(&two).await, 0, "all is spent elsewhere");
    assert_eq!(upstream.calls(), answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_away_a_lease_is_spent_and_callers_without_a_budget_go_on() {
    let server = Arc::new(
        task::spawn_blocking(|| Server::new(Kind::Postgres))
            .await
            .unwrap(),
    );
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let setup = with_channel(setup("1"), &upstream, Dialect::Chat);
    let gateway = Gateway::start(setup.with(json!({
        "store": server.database(),
        "billing": { "lease": "0.003" },
    })))
    .await;
    ask(&gateway).await.is(200);
    let away = Arc::clone(&server);
    task::spawn_blocking(move || away.stop()).await.unwrap();
    // Longer than an idle lease is kept where it can be given back.
    tokio::time::sleep(2 * IDLE).await;
    let mut answered = 0;
    let refused = loop {
        let answer = ask(&gateway).await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
    };
    // A hold is a little more than half a thousandth, an answer costs less: eight follow the first.
    assert_eq!(answered, 8);
    assert_eq!(refused.is(503).header("retry-after"), Some("5"));
    Call::ask(Dialect::Chat, "chat-m", false)
        .send(&gateway)
        .await
        .is(200);
    let back = Arc::clone(&server);
    task::spawn_blocking(move || back.start()).await.unwrap();
    let start = Instant::now();
    while ask(&gateway).await.status != 200 {
        assert!(
            start.elapsed() < 3 * PATIENCE,
            "the account never comes back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn spent(rows: &[Value]) -> u64 {
    rows.iter().map(|row| nanos(&row["cost"])).sum()
}

/// A decimal with up to nine places, in 10^-9.
fn nanos(amount: &Value) -> u64 {
    let text = amount.as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap();
    let padded = format!("{fraction:0<9}");
    whole.parse::<u64>().unwrap() * 1_000_000_000 + padded.parse::<u64>().unwrap()
}
