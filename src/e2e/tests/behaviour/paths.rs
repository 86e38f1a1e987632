//! Spellings of paths that clients really send, and what is not served.

use e2e::{Call, Counts, Dialect, Gateway, Setup, Upstream};
use serde_json::json;

use crate::four::Four;

#[tokio::test]
async fn tolerated_spellings_reach_the_same_place() {
    let four = Four::start().await;
    let rows: &[(Dialect, &[&str])] = &[
        (
            Dialect::Chat,
            &[
                "/v1/chat/completions",
                "//v1/chat/completions",
                "/v1/v1/chat/completions",
                "/openai/v1/chat/completions",
                "/chat/completions",
                "/openai/deployments/m/chat/completions?api-version=2024-10-21",
            ],
        ),
        (
            Dialect::Responses,
            &[
                "/v1/responses",
                "//v1/responses",
                "/v1/v1/responses",
                "/openai/v1/responses",
                "/responses",
            ],
        ),
        (
            Dialect::Messages,
            &[
                "/v1/messages",
                "//v1/messages",
                "/v1/v1/messages",
                "/anthropic/v1/messages",
                "/messages",
            ],
        ),
        (
            Dialect::Gemini,
            &[
                "/v1beta/models/m:generateContent",
                "/v1/models/m:generateContent",
                "//v1beta/models/m:generateContent",
            ],
        ),
    ];
    for (dialect, paths) in rows {
        let upstream = four.upstream(*dialect);
        upstream.always(dialect.whole("x", Counts::of(1, 1)));
        for path in *paths {
            let answer = Call::ask(*dialect, "m", false)
                .path(path)
                .send(&four.gateway)
                .await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let target = upstream.last_request().target;
            let target = target.split('?').next().unwrap_or_default();
            assert_eq!(target, dialect.path("m", false), "{path}");
        }
    }
}

#[tokio::test]
async fn a_deployments_name_is_the_model() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Chat);
    upstream.always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let body = json!({ "messages": [{ "role": "user", "content": "x" }] });
    let call = Call::json(Dialect::Chat, "m", false, &body)
        .path("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21")
        .anonymous()
        .header("api-key", e2e::CALLER_KEY);
    let answer = call.send(&four.gateway).await;
    let record = four.gateway.record(answer.is(200).id()).await;
    assert_eq!(record["model"], "gpt-4o");
    assert_eq!(
        upstream.last_request().json()["model"],
        "gpt-4o",
        "an upstream that is no Azure finds the name in the body"
    );
}

#[tokio::test]
async fn other_operations_of_the_four_formats_are_served() {
    let four = Four::start().await;
    let completion = json!({
        "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "text": " world", "finish_reason": "stop", "logprobs": null }],
        "usage": { "prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3 },
    });
    four.upstream(Dialect::Chat)
        .then(e2e::Reply::value(200, &completion));
    let ask = json!({ "model": "m", "prompt": "Hello" });
    let answer = Call::post(Dialect::Chat, "/v1/completions", ask.to_string())
        .send(&four.gateway)
        .await;
    assert_eq!(answer.is(200).json(), completion);
    let record = four.gateway.record(answer.id()).await;
    assert_eq!(
        (
            record["operation"].as_str(),
            record["usage"]["output"].as_u64()
        ),
        (Some("completion"), Some(1))
    );
    assert_eq!(
        four.upstream(Dialect::Chat).last_request().target,
        "/v1/completions"
    );

    let count = json!({ "input_tokens": 14 });
    four.upstream(Dialect::Messages)
        .then(e2e::Reply::value(200, &count));
    let ask = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
    let call = Call::post(
        Dialect::Messages,
        "/v1/messages/count_tokens",
        ask.to_string(),
    );
    let answer = call.send(&four.gateway).await;
    assert_eq!(answer.is(200).json(), count);
    let record = four.gateway.record(answer.id()).await;
    assert_eq!(record["operation"], "count");
    assert_eq!(record["cost"], "0.000000000", "counting is free");

    let count = json!({ "totalTokens": 9 });
    four.upstream(Dialect::Gemini)
        .then(e2e::Reply::value(200, &count));
    let call = Call::ask(Dialect::Gemini, "m", false).path("/v1beta/models/m:countTokens");
    assert_eq!(call.send(&four.gateway).await.is(200).json(), count);
    assert_eq!(
        four.upstream(Dialect::Gemini).last_request().target,
        "/v1beta/models/m:countTokens"
    );
}

#[tokio::test]
async fn what_is_not_served_is_refused_in_the_callers_format() {
    let four = Four::start().await;
    let rows = [
        ("GET", "/no/such/path", Dialect::Chat, 404),
        ("POST", "/v1/nothing", Dialect::Chat, 404),
        ("GET", "/v1/chat/completions", Dialect::Chat, 405),
        ("DELETE", "/v1/messages", Dialect::Messages, 405),
        (
            "GET",
            "/v1beta/models/m:generateContent",
            Dialect::Gemini,
            405,
        ),
        ("PUT", "/v1/responses", Dialect::Responses, 405),
        ("POST", "/v1/models", Dialect::Chat, 405),
        ("POST", "/v1/embeddings", Dialect::Chat, 404),
        ("POST", "/v1/images/generations", Dialect::Chat, 404),
        ("POST", "/v1/audio/speech", Dialect::Chat, 404),
        ("POST", "/v1/rerank", Dialect::Chat, 404),
        (
            "POST",
            "/v1beta/models/m:embedContent",
            Dialect::Gemini,
            404,
        ),
    ];
    for (method, path, dialect, status) in rows {
        let call = Call::post(dialect, path, r#"{"model":"m","input":"x"}"#).method(method);
        let answer = call.send(&four.gateway).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        let refusal = answer.refusal(dialect);
        if status == 405 {
            assert!(
                answer.header("allow").is_some(),
                "{method} {path} names what is allowed"
            );
        } else {
            assert_eq!(
                answer.header("x-should-retry"),
                Some("false"),
                "{method} {path}"
            );
        }
        if path.contains("embed") {
            assert!(
                refusal.message.contains("not"),
                "it says that it is not served yet: {}",
                refusal.message
            );
        }
    }
}

#[tokio::test]
async fn health_needs_no_key_and_head_has_no_body() {
    let four = Four::start().await;
    for path in ["/healthz", "/readyz"] {
        let get = Call::get(path).anonymous().send(&four.gateway).await;
        assert_eq!(get.status, 200, "{path}");
        let head = Call::get(path)
            .anonymous()
            .method("HEAD")
            .send(&four.gateway)
            .await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
    assert_eq!(
        Call::get("/healthz")
            .method("POST")
            .send(&four.gateway)
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn the_model_list_has_the_shape_of_its_reader() {
    let upstream = Upstream::start().await;
    let many = json!({ "models": ["alpha", "beta", "o3*"], "model_map": { "gamma": "delta" } });
    let channel = e2e::altered(e2e::channel("main", &upstream.url(), Dialect::Chat), many);
    let setup = Setup::new()
        .channel(channel)
        .token(json!({ "name": "few", "key": "sk-few-0123456789", "models": ["al*"] }));
    let gateway = Gateway::start(setup).await;
    let names = |list: &serde_json::Value, key: &str| {
        let items = list.as_array().unwrap_or_else(|| panic!("a list: {list}"));
        items
            .iter()
            .map(|item| item[key].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };

    let openai = Call::get("/v1/models").send(&gateway).await.is(200).json();
    assert_eq!(openai["object"], "list");
    assert_eq!(
        names(&openai["data"], "id"),
        ["alpha", "beta", "gamma"],
        "wildcards name no model"
    );
    assert_eq!(openai["data"][0]["object"], "model");
    assert!(
        openai["data"][0]["created"].is_u64() && openai["data"][0]["owned_by"].is_string(),
        "{openai}"
    );

    // But who asks for one of these names finds it.
    let one = Call::get("/v1/models/o3-mini").send(&gateway).await;
    assert_eq!(one.is(200).json()["id"], "o3-mini");
    let other = Call::get("/v1/models/o4-mini").send(&gateway).await;
    assert_eq!(other.status, 404);
    let foreign = Call::get("/v1/models/o3-mini").key(Dialect::Chat, "sk-few-0123456789");
    assert_eq!(foreign.send(&gateway).await.status, 404);
    let action = Call::ask(Dialect::Gemini, "m", false).path("/v1beta/models/alpha:fooBar");
    assert_eq!(action.send(&gateway).await.status, 404);

    let anthropic = Call::get("/v1/models").header("anthropic-version", "2023-06-01");
    let anthropic = anthropic.send(&gateway).await.is(200).json();
    assert_eq!(names(&anthropic["data"], "id"), ["alpha", "beta", "gamma"]);
    assert_eq!(anthropic["data"][0]["type"], "model");
    assert!(
        anthropic["data"][0]["display_name"].is_string()
            && anthropic["data"][0]["created_at"].is_string()
    );
    assert_eq!(anthropic["has_more"], false);
    assert_eq!(
        (
            anthropic["first_id"].as_str(),
            anthropic["last_id"].as_str()
        ),
        (Some("alpha"), Some("gamma"))
    );

    let gemini = Call::get("/v1beta/models")
        .send(&gateway)
        .await
        .is(200)
        .json();
    assert_eq!(
        names(&gemini["models"], "name"),
        ["models/alpha", "models/beta", "models/gamma"]
    );
    assert!(
        gemini["models"][0]["supportedGenerationMethods"].is_array(),
        "{gemini}"
    );

    let one = Call::get("/v1/models/alpha")
        .send(&gateway)
        .await
        .is(200)
        .json();
    assert_eq!(
        (one["id"].as_str(), one["object"].as_str()),
        (Some("alpha"), Some("model"))
    );
    let none = Call::get("/v1/models/nope").send(&gateway).await;
    assert_eq!(none.is(404).refusal(Dialect::Chat).code, "model_not_found");

    let few = Call::get("/v1/models").key(Dialect::Chat, "sk-few-0123456789");
    assert_eq!(
        names(&few.send(&gateway).await.json()["data"], "id"),
        ["alpha"],
        "what this key may use"
    );
    Call::get("/v1/models")
        .anonymous()
        .send(&gateway)
        .await
        .is(401);
    assert_eq!(upstream.calls(), 0);
    let list = gateway.admin_get("/api/requests").await.json();
    assert_eq!(list["items"], json!([]), "listing leaves no record");
}

/// A model's name becomes part of the upstream's path, under the gateway's own key: it must not
/// lead anywhere else.
#[tokio::test]
async fn a_models_name_cannot_leave_its_place_in_the_path() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Gemini);
    upstream.always(Dialect::Gemini.whole("x", Counts::of(1, 1)));
    let names = [
        "../../v1beta/files",
        "..%2f..%2fv1beta%2ffiles",
        "%2e%2e%2f%2e%2e%2fadmin",
        "a%2f..%2f..%2fb",
        "..",
        "a%3fkey%3dstolen",
        "a%23fragment",
        "a%5c..%5cb",
        "a%0d%0ax-evil:1",
        "a%20HTTP%2f1.1",
    ];
    for name in names {
        let path = format!("/v1beta/models/{name}:generateContent");
        let before = upstream.calls();
        // By hand: HTTP libraries tidy such paths up.
        let body = Dialect::Gemini.ask("m", false).to_string();
        let length = format!("content-length: {}", body.len());
        let mut wire = e2e::Wire::open(&four.gateway.addr).await;
        wire.send(e2e::wire::post_head(&path, &[&length]) + &body)
            .await;
        let (head, _) = wire.answer().await.unwrap();
        if upstream.calls() == before {
            assert!((400..500).contains(&head.status), "{name}: {}", head.status);
            continue;
        }
        let sent = upstream.last_request();
        let target = sent.target.as_str();
        let inside = target.starts_with("/v1beta/models/") && target.ends_with(":generateContent");
        assert!(inside, "{name}: {target}");
        let climbs = target.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == ".." || plain.starts_with("..:")
        });
        assert!(!climbs, "{name}: {target}");
        assert!(!target.contains(['?', '#', '\\', ' ']), "{name}: {target}");
        assert_eq!(sent.header("x-evil"), None, "{name}");
    }
}
