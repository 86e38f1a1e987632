//! Which headers travel on, which come back, and the names of a request.

use e2e::{Call, Counts, Dialect, Gateway, Setup, Upstream, altered, channel, wire};
use serde_json::json;

use crate::four::Four;

#[tokio::test]
async fn only_what_the_contract_names_travels_on() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    let travels = [
        ("anthropic-beta", "tools-2026"),
        ("anthropic-version", "2023-06-01"),
        ("openai-organization", "org-1"),
        ("openai-beta", "assistants=v2"),
        ("x-stainless-lang", "python"),
        ("user-agent", "story/1.0"),
        ("accept", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=b"),
    ];
    let stays = [
        ("cookie", "session=1"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("x-real-ip", "1.2.3.4"),
        ("referer", "http://inside.test/"),
        ("origin", "http://inside.test"),
        ("x-custom", "secret"),
        ("x-request-id", "mine-1"),
        ("accept-language", "de"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic eDp5"),
        ("sec-fetch-mode", "cors"),
    ];
    let call = travels.iter().chain(&stays).fold(
        Call::ask(Dialect::Chat, "m", false).header("accept-encoding", "gzip, br"),
        |call, (name, value)| call.header(name, value),
    );
    call.send(&gateway).await.is(200);
    let sent = upstream.only_request();
    for (name, value) in travels {
        assert_eq!(sent.header(name), Some(value), "{name} travels");
    }
    for (name, value) in stays {
        assert_ne!(sent.header(name), Some(value), "{name} stays");
    }
    assert_eq!(sent.header("accept-encoding"), Some("identity"));
    assert_eq!(sent.header("host"), Some(&*upstream.addr.to_string()));
    assert_eq!(
        sent.header("content-length"),
        Some(&*sent.body.len().to_string())
    );
    assert_eq!(sent.header("transfer-encoding"), None);
    let known = ["host", "accept-encoding", "content-length", "authorization"];
    for (name, _) in &sent.headers {
        let name = name.to_ascii_lowercase();
        let named = known.contains(&&*name) || travels.iter().any(|(known, _)| *known == name);
        assert!(named || name == "connection", "{name} is on no list");
    }
}

#[tokio::test]
async fn what_the_client_names_in_connection_is_its_own() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    let body = Dialect::Chat.ask("m", false).to_string();
    let length = format!("content-length: {}", body.len());
    let head = wire::post_head(
        "/v1/chat/completions",
        &[
            &length,
            "connection: keep-alive, openai-hop",
            "openai-hop: 1",
            "keep-alive: timeout=5",
        ],
    );
    let mut wire = e2e::Wire::open(&gateway.addr).await;
    wire.send(head + &body).await;
    assert_eq!(wire.answer().await.unwrap().0.status, 200);
    let sent = upstream.only_request();
    assert_eq!(
        sent.header("openai-hop"),
        None,
        "a hop-by-hop header by its own word (RFC 9110, 7.6.1)"
    );
    assert_eq!(sent.header("keep-alive"), None);
}

#[tokio::test]
async fn the_channel_sets_and_removes_headers() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let headers = json!({ "headers": { "set": { "x-team": "a", "user-agent": "house" }, "remove": ["openai-beta"] } });
    let channel = altered(channel("main", &upstream.url(), Dialect::Chat), headers);
    let gateway = Gateway::start(Setup::new().channel(channel)).await;
    let call = Call::ask(Dialect::Chat, "m", false);
    call.header("openai-beta", "x").send(&gateway).await.is(200);
    let sent = upstream.only_request();
    assert_eq!(sent.header("x-team"), Some("a"));
    assert_eq!(sent.header("user-agent"), Some("house"));
    assert_eq!(sent.header("openai-beta"), None);
}

#[tokio::test]
async fn content_and_vendor_headers_come_back_and_nothing_else() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let reply = dialect
            .whole("x", Counts::of(1, 1))
            .header("x-request-id", "req_upstream_1")
            .header("openai-processing-ms", "12")
            .header("anthropic-organization-id", "kept-by-prefix")
            .header("content-language", "en")
            .header("set-cookie", "__cf_bm=1")
            .header("server", "cloudflare")
            .header("cf-ray", "1")
            .header("x-ratelimit-remaining-requests", "99")
            .header("alt-svc", "h3=\":443\"")
            .header("strict-transport-security", "max-age=1")
            .header("x-envoy-upstream-service-time", "5");
        four.upstream(dialect).then(reply);
        let answer = four.gateway.ask(dialect).await;
        answer.is(200);
        assert_eq!(
            answer.header("x-upstream-request-id"),
            Some("req_upstream_1"),
            "{dialect:?}"
        );
        assert_ne!(
            answer.header("x-request-id"),
            Some("req_upstream_1"),
            "{dialect:?}"
        );
        assert_eq!(answer.header("openai-processing-ms"), Some("12"));
        assert_eq!(answer.header("content-language"), Some("en"));
        let foreign = [
            "set-cookie",
            "cf-ray",
            "alt-svc",
            "strict-transport-security",
            "x-envoy-upstream-service-time",
        ];
        for name in foreign {
            assert_eq!(answer.header(name), None, "{dialect:?} {name}");
        }
        assert_ne!(answer.header("server"), Some("cloudflare"));
        assert_ne!(
            answer.header("x-ratelimit-remaining-requests"),
            Some("99"),
            "the account's limits are not the caller's"
        );
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(record["upstream_request_id"], "req_upstream_1");
    }
}

#[tokio::test]
async fn anthropics_request_id_is_kept_too() {
    let four = Four::start().await;
    let reply = Dialect::Messages
        .whole("x", Counts::of(1, 1))
        .header("request-id", "req_011");
    four.upstream(Dialect::Messages).then(reply);
    let answer = four.gateway.ask(Dialect::Messages).await;
    assert_eq!(answer.header("x-upstream-request-id"), Some("req_011"));
    assert_eq!(
        answer.header("request-id"),
        Some(answer.id()),
        "its SDK reads this one"
    );
}

#[tokio::test]
async fn every_answer_has_an_id_of_the_gateways_own() {
    let four = Four::start().await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let plain = four.gateway.ask(Dialect::Chat).await;
    let named = Call::ask(Dialect::Chat, "m", false).header("x-request-id", "client-77");
    let named = named.send(&four.gateway).await;
    let ill = Call::ask(Dialect::Chat, "m", false).header("x-request-id", "no good: <script>");
    let ill = ill.send(&four.gateway).await;
    let refused = Call::ask(Dialect::Chat, "m", false)
        .anonymous()
        .send(&four.gateway)
        .await;
    let unknown = Call::get("/no/such/path").send(&four.gateway).await;
    let mut ids = Vec::new();
    for answer in [&plain, &named, &ill, &refused, &unknown] {
        let id = answer.id().to_owned();
        assert!(id.len() >= 16, "{id}");
        assert!(!ids.contains(&id), "ids are unique");
        ids.push(id);
    }
    assert_eq!(
        four.gateway.record(plain.id()).await["client_request_id"],
        json!(null)
    );
    assert_eq!(
        four.gateway.record(named.id()).await["client_request_id"],
        "client-77"
    );
    assert_eq!(
        four.gateway.record(ill.id()).await["client_request_id"],
        json!(null)
    );
}

#[tokio::test]
async fn receipts_are_given_when_asked_for() {
    let silent = Four::start().await;
    silent
        .upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let answer = silent.gateway.ask(Dialect::Chat).await;
    assert_eq!(answer.header("x-tollgate-channel"), None);
    let telling = Four::with(json!({ "gateway": { "receipt": true } })).await;
    telling
        .upstream(Dialect::Chat)
        .then(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let answer = telling.gateway.ask(Dialect::Chat).await;
    assert_eq!(answer.header("x-tollgate-channel"), Some("chat"));
    assert_eq!(answer.header("x-tollgate-attempts"), Some("1"));
    assert!(
        answer
            .header("x-tollgate-overhead-us")
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
}

#[tokio::test]
async fn browsers_get_the_headers_they_need() {
    let four = Four::start().await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let preflight = Call::get("/v1/chat/completions")
        .method("OPTIONS")
        .anonymous()
        .header("origin", "http://app.test")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization, content-type, x-stainless-lang",
        );
    let answer = preflight.clone().send(&four.gateway).await;
    assert!((200..300).contains(&answer.status), "{}", answer.status);
    let origin = answer.header("access-control-allow-origin").unwrap();
    assert!(origin == "*" || origin == "http://app.test", "{origin}");
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    let headers = answer
        .header("access-control-allow-headers")
        .unwrap()
        .to_ascii_lowercase();
    assert!(
        headers == "*" || headers.contains("authorization"),
        "{headers}"
    );
    let call = Call::ask(Dialect::Chat, "m", false).header("origin", "http://app.test");
    let answer = call.clone().send(&four.gateway).await;
    assert!(
        answer
            .is(200)
            .header("access-control-allow-origin")
            .is_some()
    );
    let refused = call.anonymous().send(&four.gateway).await;
    assert!(
        refused
            .is(401)
            .header("access-control-allow-origin")
            .is_some(),
        "a browser must be able to read why"
    );

    let named =
        Four::with(json!({ "gateway": { "cors": { "origins": ["http://app.test"] } } })).await;
    let own = preflight.clone().send(&named.gateway).await;
    assert_eq!(
        own.header("access-control-allow-origin"),
        Some("http://app.test")
    );
    let foreign = preflight
        .clone()
        .header("origin", "http://evil.test")
        .send(&named.gateway)
        .await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);

    let off = Four::with(json!({ "gateway": { "cors": { "origins": [] } } })).await;
    let answer = preflight.send(&off.gateway).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn the_upstreams_own_id_of_a_request_is_told_of_its_errors_too() {
    for (client, upstream) in [
        (Dialect::Chat, Dialect::Chat),
        (Dialect::Messages, Dialect::Chat),
    ] {
        let server = Upstream::start().await;
        let gateway = Gateway::start(Setup::one(&server.url(), upstream)).await;
        for status in [400, 429, 503] {
            server.always(
                upstream
                    .fault(status, "not today")
                    .header("x-request-id", "req_012"),
            );
            let answer = Call::ask(client, "m", false).send(&gateway).await;
            let told = answer.header("x-upstream-request-id");
            assert_eq!(told, Some("req_012"), "{client:?}: {status}");
            assert_ne!(answer.header("x-request-id"), Some("req_012"));
        }
    }
}
