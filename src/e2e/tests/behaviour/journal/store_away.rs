//! A store that cannot be written to for a while.

use std::sync::Arc;
use std::time::Duration;

use e2e::Gateway;
use serde_json::json;

use super::load::{self, Load, Told};
use super::{Away, number, settled};

async fn is_not_noticed(fsync: &str) {
    let seconds = number("TOLLGATE_CHAOS_AWAY_SECONDS", 2);
    let (upstream, setup) = load::upstream().await;
    let setup = setup.with(json!({ "journal": { "path": "journal", "fsync": fsync } }));
    let gateway = Gateway::start(setup).await;
    let told = Arc::new(Told::default());
    let clients = number("TOLLGATE_CHAOS_CLIENTS", 8);
    let load = Load::start(clients, &gateway.addr, &told);
    let away = Away::of(&gateway);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let waiting = gateway.metrics().await.sum("tollgate_ledger_queue", &[]);
    drop(away);
    load.stop().await;
    assert!(waiting > 10.0, "records wait: {waiting}");
    let asked = told.whole.lock().unwrap().len();
    assert_eq!(told.count(200), asked, "no request fails");
    settled(&gateway).await;
    let rows = gateway.all_records().await;
    assert_eq!(rows.len(), asked, "everything arrives, once");
    load::check(&rows, &upstream, &told);
}

#[tokio::test]
async fn it_is_not_noticed_by_any_client() {
    is_not_noticed("20ms").await;
}

#[tokio::test]
async fn nor_where_every_hold_waits_for_the_disk() {
    is_not_noticed("always").await;
}

#[tokio::test]
async fn killed_while_it_is_away_nothing_is_lost() {
    let (upstream, setup) = load::upstream().await;
    let gateway = Gateway::start(setup).await;
    let told = Arc::new(Told::default());
    let load = Load::start(8, &gateway.addr, &told);
    let away = Away::of(&gateway);
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.process.signal("KILL");
    load.stop().await;
    drop(away);
    let gateway = gateway.killed_and_started_again().await;
    settled(&gateway).await;
    load::check(&gateway.all_records().await, &upstream, &told);
}
