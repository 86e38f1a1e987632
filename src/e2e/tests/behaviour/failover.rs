//! What is tried again, where, and what is not.

use std::time::Duration;

use e2e::{
    Call, Counts, Cut, Dialect, Gateway, Refusing, Reply, Setup, Unreachable, Upstream, altered,
    channel,
};
use serde_json::{Value, json};

/// Two upstreams in two tiers: `first` is always asked before `second`.
struct Pair {
    first: Upstream,
    second: Upstream,
    gateway: Gateway,
}

impl Pair {
    async fn start(dialect: Dialect, change: Value) -> Pair {
        let (first, second) = (Upstream::start().await, Upstream::start().await);
        second.always(dialect.whole("second", Counts::of(3, 2)));
        let gateway = Gateway::start(tiers(&first.url(), &second.url(), dialect, change)).await;
        Pair {
            first,
            second,
            gateway,
        }
    }
}

fn tiers(first: &str, second: &str, dialect: Dialect, change: Value) -> Setup {
    let steady = json!({
        "priority": 10,
        "auto_disable": false,
        "breaker": { "failures": 1000, "window": "30s", "open": "30s" },
    });
    let first = altered(altered(channel("first", first, dialect), steady), change);
    Setup::new()
        .channel(first)
        .channel(channel("second", second, dialect))
}

#[tokio::test]
async fn the_table_says_which_statuses_are_tried_elsewhere() {
    for dialect in [Dialect::Chat, Dialect::Messages] {
        let pair = Pair::start(dialect, json!({})).await;
        let rows = [
            (400, false),
            (401, true),
            (402, true),
            (403, true),
            (404, false),
            (405, false),
            (408, true),
            (409, true),
            (413, false),
            (418, false),
            (422, false),
            (425, true),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
            (504, false),
            (520, true),
            (524, false),
            (529, true),
        ];
        for (status, elsewhere) in rows {
            for stream in [false, true] {
                let (first, second) = (pair.first.calls(), pair.second.calls());
                pair.first.then(dialect.fault(status, "no"));
                if stream && elsewhere {
                    pair.second
                        .then(dialect.stream(&["second"], Counts::of(3, 2)));
                }
                let answer = Call::ask(dialect, "m", stream).send(&pair.gateway).await;
                let what = format!(
                    "{dialect:?} {status}, stream {stream}: {} {}",
                    answer.status,
                    answer.text()
                );
                assert_eq!(pair.first.calls(), first + 1, "{what}");
                assert_eq!(
                    pair.second.calls(),
                    second + usize::from(elsewhere),
                    "{what}"
                );
                assert_eq!(answer.status == 200, elsewhere, "{what}");
                if elsewhere {
                    let record = pair.gateway.record(answer.id()).await;
                    assert_eq!(record["attempts"], 2, "{what}");
                    assert_eq!(record["channel"], "second", "{what}");
                    assert_eq!(record["end"], "complete", "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_attempt_gets_the_same_body() {
    let pair = Pair::start(Dialect::Chat, json!({})).await;
    pair.first.then(Dialect::Chat.fault(503, "no"));
    let mut ask = Dialect::Chat.ask("m", false);
    ask["metadata"] = json!({ "n": 1 });
    Call::json(Dialect::Chat, "m", false, &ask)
        .send(&pair.gateway)
        .await
        .is(200);
    assert_eq!(
        pair.first.only_request().body,
        pair.second.only_request().body
    );
    assert_eq!(
        pair.second.only_request().header("authorization"),
        Some("Bearer sk-upstream-second")
    );
}

#[tokio::test]
async fn a_mapped_status_is_judged_as_what_it_is_mapped_to() {
    let change = json!({ "status_map": { "400": 500, "503": 400 } });
    let pair = Pair::start(Dialect::Chat, change).await;
    pair.first.then(Dialect::Chat.fault(400, "no"));
    assert_eq!(pair.gateway.ask(Dialect::Chat).await.status, 200);
    assert_eq!(pair.second.calls(), 1);
    pair.first.then(Dialect::Chat.fault(503, "no"));
    assert_eq!(pair.gateway.ask(Dialect::Chat).await.status, 400);
    assert_eq!(pair.second.calls(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_tried_elsewhere() {
    let refusing = Refusing::start();
    let second = Upstream::start().await;
    for stream in [false, true] {
        second.then(match stream {
            false => Dialect::Chat.whole("x", Counts::of(1, 1)),
            true => Dialect::Chat.stream(&["x"], Counts::of(1, 1)),
        });
        let setup = tiers(&refusing.url(), &second.url(), Dialect::Chat, json!({}));
        let gateway = Gateway::start(setup).await;
        let answer = Call::ask(Dialect::Chat, "m", stream).send(&gateway).await;
        answer.is(200);
        assert_eq!(gateway.record(answer.id()).await["attempts"], 2);
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_is_given_up_in_time() {
    let unreachable = Unreachable::start().await;
    let second = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let timers = json!({ "timeouts": { "connect": "300ms" } });
    let setup = tiers(&unreachable.url(), &second.url(), Dialect::Chat, timers);
    let gateway = Gateway::start(setup).await;
    let start = std::time::Instant::now();
    gateway.ask(Dialect::Chat).await.is(200);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_tried_elsewhere() {
    let second = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let setup = tiers(
        "http://no-such-host.invalid",
        &second.url(),
        Dialect::Chat,
        json!({}),
    );
    let gateway = Gateway::start(setup).await;
    gateway.ask(Dialect::Chat).await.is(200);
}

#[tokio::test]
async fn a_kept_connection_that_broke_meanwhile_costs_nothing() {
    for cut in [Cut::Fin, Cut::Rst] {
        let upstream = Upstream::start().await;
        let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
        // Every connection breaks at its second request.
        upstream.answer(move |seen| match seen.nth {
            0 => Dialect::Chat.whole("x", Counts::of(1, 1)),
            _ => Reply::hang_up(cut),
        });
        let broken = || {
            upstream
                .requests()
                .iter()
                .filter(|seen| seen.nth == 1)
                .count()
        };
        let start = std::time::Instant::now();
        while broken() < 3 {
            let answer = gateway.ask(Dialect::Chat).await;
            assert_eq!(answer.status, 200, "{cut:?}: {}", answer.text());
            assert!(
                start.elapsed() < e2e::upstream::PATIENCE,
                "connections are reused"
            );
        }
    }
}

#[tokio::test]
async fn a_connection_closed_after_an_answer_is_not_missed() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1)).then_close()).await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    for _ in 0..5 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    assert_eq!(upstream.calls(), 5);
}

#[tokio::test]
async fn a_late_first_byte_is_tried_elsewhere() {
    let timers = json!({ "timeouts": { "first_byte": "300ms" } });
    let pair = Pair::start(Dialect::Chat, timers).await;
    pair.first.then(Reply::silence());
    let answer = pair.gateway.ask(Dialect::Chat).await;
    assert_eq!(Dialect::Chat.text_of(&answer.is(200).json()), "second");
    pair.first.wait_for_hang_up().await;
}

#[tokio::test]
async fn attempts_are_counted_and_bounded() {
    let upstream = Upstream::saying(Dialect::Chat.fault(500, "no")).await;
    let mut setup = Setup::new().with(json!({ "gateway": { "retries": 2 } }));
    for number in 0..6 {
        setup = setup.channel(channel(
            &format!("c{number}"),
            &upstream.url(),
            Dialect::Chat,
        ));
    }
    let gateway = Gateway::start(setup).await;
    let answer = gateway.ask(Dialect::Chat).await;
    answer.is(502);
    assert_eq!(upstream.calls(), 3, "retries: 2 means three attempts");
    assert_eq!(gateway.record(answer.id()).await["attempts"], 3);
    let keys: std::collections::HashSet<_> = upstream
        .requests()
        .iter()
        .map(|seen| seen.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 3, "each at another channel");
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_attempts_total", &[]), 3.0);
    assert_eq!(
        metrics.sum("tollgate_requests_total", &[]),
        1.0,
        "one request"
    );
}

#[tokio::test]
async fn another_key_of_the_same_channel_is_tried_when_one_is_refused() {
    let upstream = Upstream::start().await;
    upstream.answer(|seen| match seen.header("authorization") {
        Some("Bearer sk-good") => Dialect::Chat.whole("x", Counts::of(1, 1)),
        _ => Dialect::Chat.fault(401, "bad key"),
    });
    let keys =
        json!({ "keys": ["sk-bad-1", "sk-bad-2", "sk-good"], "key_rotation": "round_robin" });
    let channel = altered(channel("main", &upstream.url(), Dialect::Chat), keys);
    let gateway = Gateway::start(Setup::new().channel(channel)).await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    let bad = upstream
        .requests()
        .iter()
        .filter(|seen| seen.header("authorization") != Some("Bearer sk-good"))
        .count();
    assert!(
        bad <= 2,
        "a refused key is taken out after its first refusal: {bad} calls"
    );
}

#[tokio::test]
async fn a_refusal_of_the_last_candidate_is_what_the_caller_hears() {
    let pair = Pair::start(Dialect::Chat, json!({})).await;
    pair.first.then(Dialect::Chat.fault(503, "busy"));
    pair.second
        .then(Dialect::Chat.fault(400, "your temperature is too high"));
    let answer = pair.gateway.ask(Dialect::Chat).await;
    assert_eq!(
        answer.is(400).refusal(Dialect::Chat).message,
        "your temperature is too high"
    );
}

#[tokio::test]
async fn nothing_is_tried_again_once_bytes_of_the_body_went_out() {
    for dialect in Dialect::ALL {
        let pair = Pair::start(dialect, json!({})).await;
        let counts = Counts::of(3, 2);
        let cut = dialect
            .stream(&["one", "two", "three"], counts)
            .paced(Duration::from_millis(20));
        pair.first
            .then(cut.cut_after_pieces(dialect.preamble() + 2, Cut::Fin));
        let mut stream = pair.gateway.stream(dialect).await;
        stream.first_text(dialect).await;
        let rest = stream.rest().await;
        assert!(
            dialect.is_fault(&rest.last().expect("a last word").json()),
            "{dialect:?}: {}",
            stream.text()
        );
        assert_eq!(pair.second.calls(), 0, "{dialect:?}");
        // A whole answer cut in the middle may be repeated only while nothing of it was shown.
        let whole = dialect
            .whole(&"long ".repeat(50_000), counts)
            .cut_after(200_000, Cut::Rst);
        pair.first.then(whole);
        let call = Call::ask(dialect, "m", false);
        let mut answer = call.open(&pair.gateway).await;
        let (ended, body) = answer.whole().await;
        let shown = String::from_utf8_lossy(&body).contains("long long");
        assert!(
            ended == e2e::Ended::Broken || !shown,
            "{dialect:?}: a cut answer never looks complete"
        );
    }
}

#[tokio::test]
async fn tiers_are_walked_downwards_and_weight_zero_comes_last() {
    let upstream = Upstream::saying(Dialect::Chat.fault(500, "no")).await;
    let row = |name: &str, priority: i32, weight: u32| {
        altered(
            channel(name, &upstream.url(), Dialect::Chat),
            json!({ "priority": priority, "weight": weight }),
        )
    };
    let setup = Setup::new()
        .with(json!({ "gateway": { "retries": 9 } }))
        .channel(row("low", -5, 9))
        .channel(row("spare", 7, 0))
        .channel(row("top", 7, 1));
    let gateway = Gateway::start(setup).await;
    gateway.ask(Dialect::Chat).await;
    let order: Vec<_> = upstream
        .requests()
        .iter()
        .map(|seen| seen.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(
        order,
        [
            "Bearer sk-upstream-top",
            "Bearer sk-upstream-spare",
            "Bearer sk-upstream-low"
        ]
    );
}

#[tokio::test]
async fn weights_share_the_traffic() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let row = |name: &str, weight: u32| {
        altered(
            channel(name, &upstream.url(), Dialect::Chat),
            json!({ "weight": weight }),
        )
    };
    let setup = Setup::new()
        .channel(row("heavy", 9))
        .channel(row("light", 1))
        .channel(row("never", 0));
    let gateway = Gateway::start(setup).await;
    let client = e2e::call::keeping_client();
    for _ in 0..200 {
        Call::ask(Dialect::Chat, "m", false)
            .send_with(&client, &gateway.addr)
            .await
            .is(200);
    }
    let share = |name: &str| {
        let key = format!("Bearer sk-upstream-{name}");
        upstream
            .requests()
            .iter()
            .filter(|seen| seen.header("authorization") == Some(&*key))
            .count()
    };
    // 200 draws at 0.9: 180 expected, standard deviation 4.2; eight of them either way.
    assert!((146..200).contains(&share("heavy")), "{}", share("heavy"));
    assert!(share("light") > 0);
    assert_eq!(
        share("never"),
        0,
        "weight 0 serves only when nothing else is left"
    );
}
