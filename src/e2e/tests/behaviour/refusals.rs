//! The table of statuses: every cause of a failure, told in each format.

use std::time::Duration;

use e2e::{Answer, Call, Dialect, Gateway, Refusing, Reply, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

/// A row: status and word for OpenAI's two formats, Anthropic's, Google's.
type Row = [(u16, &'static str); 3];

#[track_caller]
fn check(dialect: Dialect, answer: &Answer, row: Row, what: &str) {
    let (status, word) = match dialect {
        Dialect::Chat | Dialect::Responses => row[0],
        Dialect::Messages => row[1],
        Dialect::Gemini => row[2],
    };
    assert_eq!(
        answer.status,
        status,
        "{dialect:?} {what}: {}",
        answer.text()
    );
    let refusal = answer.refusal(dialect);
    let said = [refusal.kind.as_str(), refusal.code.as_str()];
    assert!(
        word.is_empty() || said.contains(&word),
        "{dialect:?} {what}: {said:?}, not {word}"
    );
    assert!(
        answer.header("x-request-id").is_some(),
        "{dialect:?} {what}"
    );
    assert_eq!(
        answer
            .header("content-type")
            .map(|t| t.starts_with("application/json")),
        Some(true)
    );
    let forbids = matches!(status, 401 | 403 | 404 | 413);
    let advice = answer.header("x-should-retry");
    assert_eq!(
        advice == Some("false"),
        forbids,
        "{dialect:?} {what}: x-should-retry {advice:?}"
    );
}

/// A gateway whose only candidate is this upstream, in every format, without a breaker.
async fn in_front_of(url: &str, change: Value) -> Gateway {
    let mut setup = Setup::new();
    for dialect in Dialect::ALL {
        let steady = json!({
            "auto_disable": false,
            "breaker": { "failures": 1000, "window": "30s", "open": "30s" },
        });
        let one = altered(channel(dialect.name(), url, dialect), steady);
        setup = setup.apart(dialect, altered(one, change.clone()));
    }
    Gateway::start(setup.with(json!({ "gateway": { "retries": 0 } }))).await
}

const BAD: &str = "invalid_request_error";

#[tokio::test]
async fn an_upstreams_refusal_is_told_as_the_table_says() {
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&upstream.url(), json!({})).await;
    let same = |status| [(status, BAD), (status, ""), (status, "")];
    let failed: Row = [
        (502, "upstream_error"),
        (500, "api_error"),
        (502, "UNAVAILABLE"),
    ];
    let busy: Row = [(503, ""), (529, "overloaded_error"), (503, "UNAVAILABLE")];
    let late: Row = [
        (504, "timeout"),
        (504, "timeout_error"),
        (504, "DEADLINE_EXCEEDED"),
    ];
    let limited: Row = [
        (429, "rate_limit_exceeded"),
        (429, "rate_limit_error"),
        (429, "RESOURCE_EXHAUSTED"),
    ];
    let rows: &[(u16, Row)] = &[
        (400, same(400)),
        (404, same(404)),
        (413, same(413)),
        (422, same(422)),
        (401, failed),
        (402, failed),
        (403, failed),
        (429, limited),
        (500, failed),
        (501, failed),
        (502, failed),
        (520, failed),
        (503, busy),
        (529, busy),
        (504, late),
        (524, late),
    ];
    for dialect in Dialect::ALL {
        for (status, row) in rows {
            upstream.then(dialect.fault(*status, "the upstream's own words"));
            let answer = gateway.ask(dialect).await;
            check(dialect, &answer, *row, &format!("upstream {status}"));
            let record = gateway.record(answer.id()).await;
            assert_eq!(
                record["end"], "upstream_error",
                "{dialect:?} {status}: {record}"
            );
            assert_eq!(record["status"], answer.status);
            assert_eq!(
                (record["attempts"].as_u64(), record["cost"].as_str()),
                (Some(1), Some("0.000000000"))
            );
            if matches!(status, 400 | 404 | 413 | 422) {
                assert_eq!(
                    answer.refusal(dialect).message,
                    "the upstream's own words",
                    "{dialect:?} {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_retry_after_is_passed_on() {
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&upstream.url(), json!({})).await;
    for dialect in Dialect::ALL {
        upstream.then(dialect.fault(429, "slow down").header("retry-after", "1"));
        let answer = gateway.ask(dialect).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (429, Some("1")),
            "{dialect:?}"
        );
    }
}

#[tokio::test]
async fn no_connection_is_an_upstream_error() {
    let refusing = Refusing::start();
    let gateway = in_front_of(&refusing.url(), json!({})).await;
    for dialect in Dialect::ALL {
        let answer = gateway.ask(dialect).await;
        let row = [
            (502, "upstream_error"),
            (500, "api_error"),
            (502, "UNAVAILABLE"),
        ];
        check(dialect, &answer, row, "refused connection");
        let text = answer.text();
        let port = refusing.url().rsplit_once(':').unwrap().1.to_owned();
        assert!(
            !text.contains(&port) && !text.contains("127.0.0.1"),
            "hosts stay inside: {text}"
        );
    }
}

#[tokio::test]
async fn the_gateways_own_timer_is_a_timeout() {
    let upstream = Upstream::saying(Reply::silence()).await;
    let timers = json!({ "timeouts": { "first_byte": "300ms" } });
    let gateway = in_front_of(&upstream.url(), timers).await;
    for dialect in Dialect::ALL {
        let row = [
            (504, "timeout"),
            (504, "timeout_error"),
            (504, "DEADLINE_EXCEEDED"),
        ];
        check(
            dialect,
            &gateway.ask(dialect).await,
            row,
            "first byte, whole",
        );
        let streamed = gateway.stream(dialect).await.answer().await;
        check(dialect, &streamed, row, "first byte, streamed");
    }
    upstream.wait_for_hang_up().await;
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_an_upstream_error() {
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&upstream.url(), json!({})).await;
    let row = [
        (502, "upstream_error"),
        (500, "api_error"),
        (502, "UNAVAILABLE"),
    ];
    let page = "<html><body>Bad gateway at 10.1.2.3</body></html>";
    for dialect in Dialect::ALL {
        upstream.then(Reply::raw("SMTP 220 hello\r\n\r\n"));
        check(dialect, &gateway.ask(dialect).await, row, "no HTTP");
        upstream.then(Reply::body(500, "text/html", page));
        let answer = gateway.ask(dialect).await;
        check(dialect, &answer, row, "HTML");
        let text = answer.text();
        assert!(
            !text.contains("<html>") && !text.contains("10.1.2.3"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_model_nobody_serves_is_not_found() {
    let upstream = Upstream::start().await;
    let few = json!({ "models": ["known"] });
    let other = json!({ "models": ["elsewhere"], "groups": ["vip"] });
    let mut setup = Setup::new().with(json!({ "groups": { "vip": { "ratio": 1.0 } } }));
    for dialect in Dialect::ALL {
        let name = dialect.name();
        setup = setup
            .channel(altered(
                channel(name, &upstream.url(), dialect),
                few.clone(),
            ))
            .channel(altered(
                channel(&format!("vip-{name}"), &upstream.url(), dialect),
                other.clone(),
            ));
    }
    let gateway = Gateway::start(setup).await;
    let row = [
        (404, "model_not_found"),
        (404, "not_found_error"),
        (404, "NOT_FOUND"),
    ];
    for dialect in Dialect::ALL {
        for model in ["m", "elsewhere"] {
            let answer = Call::ask(dialect, model, false).send(&gateway).await;
            check(dialect, &answer, row, model);
            let record = gateway.record(answer.id()).await;
            assert_eq!(
                (record["end"].as_str(), record["channel"].clone()),
                (Some("refused"), Value::Null),
                "{record}"
            );
            assert_eq!(record["upstream_model"], Value::Null);
            assert_eq!(record["first_byte_ms"], Value::Null);
        }
    }
}

#[tokio::test]
async fn when_every_candidate_is_out_the_caller_is_told_when_to_come_back() {
    let upstream = Upstream::start().await;
    let fragile = json!({ "breaker": { "failures": 1, "window": "30s", "open": "30s" } });
    let mut setup = Setup::new().with(json!({ "gateway": { "retries": 0 } }));
    for dialect in Dialect::ALL {
        setup = setup.apart(
            dialect,
            altered(
                channel(dialect.name(), &upstream.url(), dialect),
                fragile.clone(),
            ),
        );
    }
    let gateway = Gateway::start(setup).await;
    let row = [(503, ""), (529, "overloaded_error"), (503, "UNAVAILABLE")];
    for dialect in Dialect::ALL {
        upstream.then(dialect.fault(500, "x"));
        gateway.ask(dialect).await;
        let calls = upstream.calls();
        let answer = gateway.ask(dialect).await;
        check(dialect, &answer, row, "all open");
        assert_eq!(upstream.calls(), calls, "an open candidate is left alone");
        let wait: u64 = answer
            .header("retry-after")
            .expect("advice")
            .parse()
            .unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn a_body_too_large_is_refused_without_reading_on() {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new().with(json!({ "gateway": { "max_body": "64KiB" } }));
    for dialect in Dialect::ALL {
        setup = setup.apart(dialect, channel(dialect.name(), &upstream.url(), dialect));
    }
    let gateway = Gateway::start(setup).await;
    let row = [(413, ""), (413, "request_too_large"), (413, "")];
    for dialect in Dialect::ALL {
        for chunked in [false, true] {
            let mut ask = dialect.ask("m", false);
            ask["padding"] = json!("x".repeat(100 * 1024));
            let call = Call::json(dialect, "m", false, &ask);
            let call = if chunked { call.without_length() } else { call };
            check(
                dialect,
                &call.send(&gateway).await,
                row,
                &format!("chunked {chunked}"),
            );
        }
    }
    let mut wire = e2e::Wire::open(&gateway.addr).await;
    wire.send(e2e::wire::post_head(
        "/v1/chat/completions",
        &["content-length: 99999999999"],
    ))
    .await;
    assert_eq!(
        wire.head().await.unwrap().status,
        413,
        "by the declared length alone"
    );
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let upstream = Upstream::start().await;
    let gateway = in_front_of(&upstream.url(), json!({})).await;
    let row = [(400, BAD), (400, BAD), (400, "INVALID_ARGUMENT")];
    let deep = format!(
        r#"{{"model":"m","messages":[],"contents":[],"input":[],"x":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for dialect in Dialect::ALL {
        let path = dialect.path("m", false);
        let bodies: Vec<(&str, Vec<u8>)> = vec![
            ("nothing", b"".to_vec()),
            ("no JSON", b"hello".to_vec()),
            ("cut", br#"{"model":"m","#.to_vec()),
            ("an array", b"[]".to_vec()),
            ("a trailing comma", br#"{"model":"m",}"#.to_vec()),
            ("two values", br#"{"model":"m"}{}"#.to_vec()),
            ("not UTF-8", b"{\"model\":\"m\xff\"}".to_vec()),
            ("a raw control character", b"{\"model\":\"m\x01\"}".to_vec()),
            ("no conversation", br#"{"model":"m"}"#.to_vec()),
            ("depth", deep.clone().into_bytes()),
        ];
        for (what, body) in bodies {
            let answer = Call::post(dialect, &path, body).send(&gateway).await;
            check(dialect, &answer, row, what);
        }
        if dialect == Dialect::Gemini {
            continue;
        }
        let fields = [
            ("model", json!(7)),
            ("model", json!("")),
            ("model", json!(null)),
            ("stream", json!("yes")),
            (
                match dialect {
                    Dialect::Responses => "max_output_tokens",
                    _ => "max_tokens",
                },
                json!("many"),
            ),
            (
                match dialect {
                    Dialect::Responses => "max_output_tokens",
                    _ => "max_tokens",
                },
                json!(-1),
            ),
            (
                match dialect {
                    Dialect::Responses => "input",
                    _ => "messages",
                },
                json!(5),
            ),
        ];
        for (field, value) in fields {
            let mut ask = dialect.ask("m", false);
            ask[field] = value.clone();
            let answer = Call::post(dialect, &path, ask.to_string())
                .send(&gateway)
                .await;
            check(dialect, &answer, row, &format!("{field}: {value}"));
            let refusal = answer.refusal(dialect);
            let names = refusal.param.as_deref() == Some(field) || refusal.message.contains(field);
            assert!(names, "{dialect:?} names {field}: {refusal:?}");
        }
    }
    assert_eq!(upstream.calls(), 0, "none of it reaches an upstream");
}

#[tokio::test]
async fn a_text_completion_is_answered_by_no_other_format() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Messages)).await;
    let body = json!({ "model": "m", "prompt": "Once" });
    let call = Call::post(Dialect::Chat, "/v1/completions", body.to_string());
    let answer = call.send(&gateway).await;
    let refusal = answer.is(400).refusal(Dialect::Chat);
    assert!(
        refusal.message.contains("messages"),
        "it says which format is served: {}",
        refusal.message
    );
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_slow_body_does_not_hold_the_gateway_forever() {
    // Covered by a deadline of the gateway's own: here only that a pause alone does no harm.
    let upstream = Upstream::saying(Dialect::Chat.whole("x", e2e::Counts::of(1, 1))).await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    let body = Dialect::Chat.ask("m", false).to_string();
    let length = format!("content-length: {}", body.len());
    let mut wire = e2e::Wire::open(&gateway.addr).await;
    wire.send(e2e::wire::post_head("/v1/chat/completions", &[&length]))
        .await;
    for bite in body.as_bytes().chunks(20) {
        tokio::time::sleep(Duration::from_millis(30)).await;
        wire.send(bite).await;
    }
    assert_eq!(wire.answer().await.unwrap().0.status, 200);
    assert_eq!(
        upstream.only_request().json(),
        Dialect::Chat.ask("m", false)
    );
}
