//! A key of group `auto`: several groups, one after another.

use e2e::{Call, Counts, Dialect, Gateway, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

const KEY: &str = "sk-auto-0123456789";

/// `fine` in group vip at half the price, `plain` in group default; a key that tries vip first.
async fn two_groups(change: Value) -> (Gateway, Upstream, Upstream) {
    let (fine, plain) = (Upstream::start().await, Upstream::start().await);
    for upstream in [&fine, &plain] {
        upstream.always(Dialect::Chat.whole("x", Counts::of(1000, 100)));
    }
    let setup = Setup::new()
        .channel(altered(
            channel("fine", &fine.url(), Dialect::Chat),
            json!({ "groups": ["vip"], "models": ["m", "rare"] }),
        ))
        .channel(altered(
            channel("plain", &plain.url(), Dialect::Chat),
            json!({ "models": ["m", "common"], "priority": 10 }),
        ))
        .token(json!({ "name": "auto", "key": KEY, "group": "auto" }))
        .with(json!({
            "groups": { "vip": { "ratio": 0.5 }, "auto": { "order": ["vip", "default"] } },
            "models": { "*": { "price": { "input": 1, "output": 10 } } },
        }))
        .with(change);
    (Gateway::start(setup).await, fine, plain)
}

fn ask(model: &str) -> Call {
    Call::ask(Dialect::Chat, model, false)
        .anonymous()
        .key(Dialect::Chat, KEY)
}

#[tokio::test]
async fn failover_crosses_groups_and_the_group_that_answers_is_paid() {
    let (gateway, fine, plain) = two_groups(json!({})).await;
    let answer = ask("m").send(&gateway).await;
    let record = gateway.record(answer.is(200).id()).await;
    let told = |record: &Value| (record["group"].clone(), record["cost"].clone());
    assert_eq!(told(&record), (json!("vip"), json!("0.001000000")));
    assert_eq!((fine.calls(), plain.calls()), (1, 0));

    fine.then(Dialect::Chat.fault(500, "no"));
    let answer = ask("m").send(&gateway).await;
    let record = gateway.record(answer.is(200).id()).await;
    assert_eq!(told(&record), (json!("default"), json!("0.002000000")));
    assert_eq!(record["attempts"], 2);

    let answer = ask("common").send(&gateway).await;
    let record = gateway.record(answer.is(200).id()).await;
    assert_eq!(record["group"], "default", "only there it is served");
    let answer = ask("none").send(&gateway).await;
    let record = gateway.record(answer.is(404).id()).await;
    assert_eq!(record["group"], "auto", "no group was found");
}

#[tokio::test]
async fn it_is_offered_the_models_of_all_its_groups() {
    let (gateway, _fine, _plain) = two_groups(json!({})).await;
    let call = Call::get("/v1/models").anonymous().key(Dialect::Chat, KEY);
    let list = call.send(&gateway).await.json();
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["common", "m", "rare"]);
}

#[tokio::test]
async fn no_group_it_may_come_to_is_over_its_limit() {
    let limited = json!({ "groups": { "default": { "limits": { "rpm": 1 } } } });
    let (gateway, _fine, _plain) = two_groups(limited).await;
    ask("m").send(&gateway).await.is(200);
    let second = ask("m").send(&gateway).await;
    let words = second.is(429).refusal(Dialect::Chat).message;
    assert!(words.contains("of this group"), "{words}");
    ask("rare").send(&gateway).await.is(200);
}
