//! Where a key may stand, who is let in, and that the key goes no further.

use e2e::setup::CALLER;
use e2e::{CALLER_KEY, Call, Counts, Dialect, Gateway, Setup, Upstream, altered, channel};
use serde_json::json;

use crate::four::Four;

#[tokio::test]
async fn a_key_is_found_wherever_clients_put_it_and_goes_no_further() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let upstream = four.upstream(dialect);
        upstream.always(dialect.whole("x", Counts::of(1, 1)));
        let plain = Call::ask(dialect, "m", false).anonymous();
        let path = dialect.path("m", false);
        let calls = [
            plain
                .clone()
                .header("authorization", &format!("Bearer {CALLER_KEY}")),
            plain
                .clone()
                .header("authorization", &format!("bearer {CALLER_KEY}")),
            plain.clone().header("authorization", CALLER_KEY),
            plain.clone().header("x-api-key", CALLER_KEY),
            plain.clone().header("x-goog-api-key", CALLER_KEY),
            plain.clone().header("api-key", CALLER_KEY),
            plain.clone().path(&format!("{path}?key={CALLER_KEY}")),
            plain
                .clone()
                .path(&format!("{path}?a=1&key={CALLER_KEY}&b=2")),
        ];
        for (number, call) in calls.into_iter().enumerate() {
            let answer = call.send(&four.gateway).await;
            assert_eq!(
                answer.status,
                200,
                "{dialect:?} place {number}: {}",
                answer.text()
            );
            let sent = upstream.last_request();
            let all = sent.everything();
            assert!(
                !all.contains(CALLER_KEY),
                "{dialect:?} place {number}: {all}"
            );
            let bearer = format!("Bearer sk-upstream-{}", dialect.name());
            assert_eq!(
                sent.header("authorization"),
                Some(&*bearer),
                "{dialect:?} place {number}"
            );
            for name in ["x-api-key", "x-goog-api-key", "api-key"] {
                assert_eq!(sent.header(name), None, "{dialect:?} place {number}");
            }
        }
        let target = upstream.last_request().target;
        assert_eq!(
            target,
            format!("{path}?a=1&b=2"),
            "the rest of the query stays"
        );
    }
    let log = four.gateway.process.log();
    assert!(!log.contains(CALLER_KEY), "{log}");
    assert!(!log.contains("sk-upstream"), "{log}");
}

#[tokio::test]
async fn the_websocket_protocol_may_carry_a_key() {
    let four = Four::start().await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let protocol = format!("realtime, openai-insecure-api-key.{CALLER_KEY}");
    let call = Call::ask(Dialect::Chat, "m", false).anonymous();
    let answer = call
        .header("sec-websocket-protocol", &protocol)
        .send(&four.gateway)
        .await;
    answer.is(200);
    assert!(
        !four
            .upstream(Dialect::Chat)
            .last_request()
            .everything()
            .contains(CALLER_KEY)
    );
}

#[tokio::test]
async fn the_upstream_key_stands_where_its_provider_wants_it() {
    let upstream = Upstream::start().await;
    let places = [
        ("bearer", None, "authorization", "Bearer sk-up"),
        ("x-api-key", Some("x-api-key"), "x-api-key", "sk-up"),
        (
            "x-goog-api-key",
            Some("x-goog-api-key"),
            "x-goog-api-key",
            "sk-up",
        ),
        ("api-key", Some("api-key"), "api-key", "sk-up"),
    ];
    let mut setup = Setup::new();
    for (name, auth, _, _) in places {
        let mut change = json!({ "keys": ["sk-up"], "models": [name] });
        if let Some(auth) = auth {
            change["options"] = json!({ "auth": auth });
        }
        setup = setup.channel(altered(
            channel(name, &upstream.url(), Dialect::Chat),
            change,
        ));
    }
    let open = json!({
        "name": "open", "provider": "custom", "base_url": upstream.url(), "formats": ["chat"],
        "models": ["open"], "options": { "auth": "none" },
    });
    let gateway = Gateway::start(setup.channel(open)).await;
    upstream.always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    for (name, _, header, value) in places {
        Call::ask(Dialect::Chat, name, false)
            .send(&gateway)
            .await
            .is(200);
        assert_eq!(
            upstream.last_request().header(header),
            Some(value),
            "{name}"
        );
    }
    Call::ask(Dialect::Chat, "open", false)
        .send(&gateway)
        .await
        .is(200);
    let sent = upstream.last_request();
    for name in ["authorization", "x-api-key", "x-goog-api-key", "api-key"] {
        assert_eq!(sent.header(name), None);
    }
}

/// A missing, unknown, disabled, expired, or foreign key, and a model that a key may not use.
#[tokio::test]
async fn who_may_not_is_told_so_in_its_own_format() {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new()
        .token(json!({ "name": "off", "key": "sk-off-0123456789", "enabled": false }))
        .token(json!({ "name": "old", "key": "sk-old-0123456789", "expires_at": "2020-01-01T00:00:00Z" }))
        .token(json!({ "name": "far", "key": "sk-far-0123456789", "allow_ips": ["10.0.0.0/8"] }))
        .token(json!({ "name": "few", "key": "sk-few-0123456789", "models": ["gpt-*"] }));
    for dialect in Dialect::ALL {
        setup = setup.apart(dialect, channel(dialect.name(), &upstream.url(), dialect));
    }
    let gateway = Gateway::start(setup).await;
    for dialect in Dialect::ALL {
        let words =
            |openai: &'static str, anthropic: &'static str, google: &'static str| match dialect {
                Dialect::Chat | Dialect::Responses => openai,
                Dialect::Messages => anthropic,
                Dialect::Gemini => google,
            };
        let unauthenticated = words("invalid_api_key", "authentication_error", "UNAUTHENTICATED");
        let forbidden = words("permission_denied", "permission_error", "PERMISSION_DENIED");
        let rows = [
            (None, 401, unauthenticated),
            (Some("sk-unknown-0123456789"), 401, unauthenticated),
            (Some("sk-off-0123456789"), 401, unauthenticated),
            (Some("sk-old-0123456789"), 401, unauthenticated),
            (Some("sk-far-0123456789"), 403, forbidden),
            (Some("sk-few-0123456789"), 403, forbidden),
        ];
        for (key, status, word) in rows {
            let call = Call::ask(dialect, "m", false).anonymous();
            let call = key.map_or(call.clone(), |key| call.key(dialect, key));
            let answer = call.send(&gateway).await;
            assert_eq!(
                answer.status,
                status,
                "{dialect:?} {key:?}: {}",
                answer.text()
            );
            let refusal = answer.refusal(dialect);
            let said = if refusal.code.is_empty() || dialect == Dialect::Gemini {
                refusal.kind
            } else {
                refusal.code
            };
            assert_eq!(said, word, "{dialect:?} {key:?}");
            assert_eq!(
                answer.header("x-should-retry"),
                Some("false"),
                "{dialect:?} {key:?}"
            );
            assert!(
                !answer.text().contains("0123456789"),
                "a key is never echoed: {}",
                answer.text()
            );
        }
    }
    assert_eq!(upstream.calls(), 0, "nobody of them reached an upstream");
}

#[tokio::test]
async fn a_key_that_may_is_known_by_name_in_the_record() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let setup = Setup::one(&upstream.url(), Dialect::Chat)
        .token(json!({ "name": "few", "key": "sk-few-0123456789", "models": ["gpt-*", "m?"], "allow_ips": ["127.0.0.0/8"] }));
    let gateway = Gateway::start(setup).await;
    let own = gateway.ask(Dialect::Chat).await;
    let record = gateway.record(own.is(200).id()).await;
    assert_eq!(record["token"], CALLER);
    assert_eq!(record["user"], "root");
    assert_eq!(record["group"], "default");
    let few = Call::ask(Dialect::Chat, "gpt-4o", false).key(Dialect::Chat, "sk-few-0123456789");
    let few = few.send(&gateway).await;
    assert_eq!(gateway.record(few.is(200).id()).await["token"], "few");
}

#[tokio::test]
async fn only_a_trusted_proxy_speaks_for_the_clients_address() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let far = json!({ "name": "far", "key": "sk-far-0123456789", "allow_ips": ["10.1.2.3/32"] });
    let setup = || Setup::one(&upstream.url(), Dialect::Chat).token(far.clone());
    let call = Call::ask(Dialect::Chat, "m", false)
        .key(Dialect::Chat, "sk-far-0123456789")
        .header("x-forwarded-for", "10.1.2.3");
    let believing = json!({ "gateway": { "trusted_proxies": ["127.0.0.0/8"] } });
    let wary = Gateway::start(setup()).await;
    call.clone().send(&wary).await.is(403);
    let believing = Gateway::start(setup().with(believing)).await;
    call.clone().send(&believing).await.is(200);
    call.header("x-forwarded-for", "10.1.2.3, 6.6.6.6")
        .send(&believing)
        .await
        .is(403);
}
