//! Bills, from the provider's usage to the record's cost, to the last nano-dollar.

use e2e::{Call, Counts, Dialect, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

use crate::four::Four;

async fn bill(four: &Four, dialect: Dialect, model: &str, reply: Reply) -> Value {
    four.upstream(dialect).then(reply);
    let answer = Call::ask(dialect, model, false).send(&four.gateway).await;
    four.gateway.record(answer.is(200).id()).await
}

#[tokio::test]
async fn built_in_prices_make_known_bills() {
    let four = Four::start().await;
    let cached = |input, cache_read, output| Counts {
        cache_read,
        ..Counts::of(input, output)
    };
    let claude = Counts {
        cache_read: 5000,
        cache_write_5m: 2000,
        cache_write_1h: 1000,
        ..Counts::of(9000, 200)
    };
    let rows = [
        (
            Dialect::Chat,
            "gpt-4o",
            Counts::of(1000, 500),
            "0.007500000",
        ),
        (
            Dialect::Chat,
            "gpt-4o",
            cached(1000, 400, 500),
            "0.007000000",
        ),
        (
            Dialect::Messages,
            "claude-sonnet-4-5",
            claude,
            "0.021000000",
        ),
        (
            Dialect::Responses,
            "gpt-5",
            cached(10_000, 8000, 1000),
            "0.013500000",
        ),
        (
            Dialect::Chat,
            "gpt-5",
            cached(10_000, 8000, 1000),
            "0.013500000",
        ),
    ];
    for (dialect, model, counts, cost) in rows {
        let record = bill(&four, dialect, model, dialect.whole("x", counts)).await;
        assert_eq!(record["cost"], cost, "{dialect:?} {model}: {record}");
        // The stream of the same answer costs the same.
        four.upstream(dialect).then(dialect.stream(&["x"], counts));
        let answer = Call::ask(dialect, model, true).send(&four.gateway).await;
        let streamed = four.gateway.record(answer.id()).await;
        assert_eq!(
            streamed["cost"], cost,
            "{dialect:?} {model}, streamed: {streamed}"
        );
    }
}

#[tokio::test]
async fn tools_that_the_provider_ran_are_on_the_bill() {
    let four = Four::start().await;
    let whole = Dialect::Responses
        .whole("x", Counts::of(2000, 300))
        .whole_body();
    let mut body: Value = serde_json::from_slice(&whole).unwrap();
    body["tools"] = json!([{ "type": "web_search_preview" }]);
    let output = body["output"].as_array_mut().unwrap();
    for n in 0..3 {
        let call = json!({ "type": "web_search_call", "id": format!("ws_{n}"), "status": "completed", "action": { "type": "search", "query": "q" } });
        output.insert(0, call);
    }
    let record = bill(
        &four,
        Dialect::Responses,
        "gpt-4o",
        Reply::value(200, &body),
    )
    .await;
    // 2000 x 2.50 + 300 x 10 per million, and three calls at 25 per thousand.
    assert_eq!(record["cost"], "0.083000000", "{record}");

    // An answer that does not repeat the tools does not say which search it was: the request does.
    body.as_object_mut().unwrap().remove("tools");
    let ask = |tool| {
        let mut ask = Dialect::Responses.ask("gpt-4o", false);
        ask["tools"] = json!([{ "type": tool }]);
        Call::json(Dialect::Responses, "gpt-4o", false, &ask)
    };
    for (tool, cost) in [
        ("web_search_preview", "0.083000000"),
        ("web_search_preview_2025_03_11", "0.083000000"),
        ("web_search", "0.038000000"),
    ] {
        four.upstream(Dialect::Responses)
            .then(Reply::value(200, &body));
        let answer = ask(tool).send(&four.gateway).await;
        let record = four.gateway.record(answer.is(200).id()).await;
        assert_eq!(record["cost"], cost, "{tool}: {record}");
    }
}

#[tokio::test]
async fn the_operators_prices_override_and_groups_multiply() {
    let upstream = Upstream::start().await;
    let setup = Setup::new()
        .channel(altered(channel("main", &upstream.url(), Dialect::Chat), json!({ "groups": ["default", "vip"] })))
        .token(json!({ "name": "vip", "key": "sk-vip-0123456789", "group": "vip" }))
        .with(json!({
            "groups": { "default": { "ratio": 1.0 }, "vip": { "ratio": 0.8 } },
            "models": {
                "gpt-4o": { "price": { "input": 2, "output": 4 } },
                "tiered": { "price": { "tiers": [ { "up_to": 1000, "input": 1, "output": 1 }, { "input": 3, "output": 10 } ] } },
                "flat": { "price": { "request": 0.04 } },
                "dated": { "prices": [ { "from": "2020-01-01", "input": 2, "output": 8 }, { "from": "2100-01-01", "input": 1, "output": 4 } ] },
                "wild-*": { "price": { "input": 5, "output": 5 } },
                "wild-cheap*": { "price": { "input": 1, "output": 1 } },
            },
        }));
    let gateway = Gateway::start(setup).await;
    let rows = [
        (
            "gpt-4o",
            Counts::of(1000, 500),
            "0.004000000",
            "0.003200000",
        ),
        (
            "tiered",
            Counts::of(1000, 100),
            "0.001100000",
            "0.000880000",
        ),
        (
            "tiered",
            Counts::of(1001, 100),
            "0.004003000",
            "0.003202400",
        ),
        ("flat", Counts::of(1, 1), "0.040000000", "0.032000000"),
        (
            "dated",
            Counts::of(1000, 1000),
            "0.010000000",
            "0.008000000",
        ),
        (
            "wild-one",
            Counts::of(1000, 0),
            "0.005000000",
            "0.004000000",
        ),
        (
            "wild-cheap-one",
            Counts::of(1000, 0),
            "0.001000000",
            "0.000800000",
        ),
        (
            "no-price-at-all",
            Counts::of(1000, 1000),
            "0.000000000",
            "0.000000000",
        ),
    ];
    for (model, counts, cost, vip) in rows {
        for (key, cost, group) in [
            (e2e::CALLER_KEY, cost, "default"),
            ("sk-vip-0123456789", vip, "vip"),
        ] {
            upstream.then(Dialect::Chat.whole("x", counts));
            let call = Call::ask(Dialect::Chat, model, false).key(Dialect::Chat, key);
            let record = gateway.record(call.send(&gateway).await.is(200).id()).await;
            assert_eq!(
                (record["cost"].as_str(), record["group"].as_str()),
                (Some(cost), Some(group)),
                "{model}: {record}"
            );
        }
    }
}

#[tokio::test]
async fn the_asked_name_has_the_price_before_the_upstreams() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1000, 0))).await;
    let map =
        json!({ "models": ["gpt-4o"], "model_map": { "house": "gpt-4o", "cheap": "gpt-4o" } });
    let setup = Setup::new()
        .channel(altered(
            channel("main", &upstream.url(), Dialect::Chat),
            map,
        ))
        .with(json!({ "models": { "cheap": { "price": { "input": 1, "output": 1 } } } }));
    let gateway = Gateway::start(setup).await;
    for (model, cost) in [
        ("cheap", "0.001000000"),
        ("house", "0.002500000"),
        ("gpt-4o", "0.002500000"),
    ] {
        let answer = Call::ask(Dialect::Chat, model, false).send(&gateway).await;
        assert_eq!(gateway.record(answer.id()).await["cost"], cost, "{model}");
    }
}

#[tokio::test]
async fn a_model_without_a_price_can_be_refused() {
    let four = Four::with(json!({ "billing": { "unpriced": "refuse" } })).await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    Call::ask(Dialect::Chat, "gpt-4o", false)
        .send(&four.gateway)
        .await
        .is(200);
    let answer = Call::ask(Dialect::Chat, "no-price-at-all", false)
        .send(&four.gateway)
        .await;
    assert!(
        (400..500).contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text()
    );
    assert_eq!(four.upstream(Dialect::Chat).calls(), 1);
}

#[tokio::test]
async fn failed_attempts_cost_nothing() {
    let four = Four::start().await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.fault(500, "no"));
    let answer = Call::ask(Dialect::Chat, "gpt-4o", false)
        .send(&four.gateway)
        .await;
    assert_eq!(
        four.gateway.record(answer.id()).await["cost"],
        "0.000000000"
    );
    let metrics = four.gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_cost_usd_total", &[]), 0.0);
}
