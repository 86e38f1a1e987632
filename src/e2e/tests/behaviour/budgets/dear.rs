//! Requests that may cost more than their text: what they announce is held, too.

use super::*;

/// The budget covers this at the price of plain input, and of a cache that lives five minutes, but not of
/// one that lives an hour.
const LONG_TEXT: usize = 30_000;
const BUDGET: &str = "0.015";

async fn gateway(dialect: Dialect) -> (Gateway, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(dialect.whole("x", Counts::of(1, 1)));
    let price = json!({
        "input": 1, "output": 10, "audio_output": 400, "image_output": 400,
        "tools": { "web_search": 5 },
    });
    let setup = with_channel(setup(BUDGET), &upstream, dialect);
    let setup = setup.with(json!({ "models": { "*-m": { "price": price } } }));
    (Gateway::start(setup).await, upstream)
}

async fn status(gateway: &Gateway, dialect: Dialect, body: &Value) -> u16 {
    let model = format!("{}-m", dialect.name());
    let call = || {
        Call::json(dialect, &model, false, body)
            .anonymous()
            .key(dialect, KEY)
    };
    ask_with(gateway, call).await.status
}

#[tokio::test]
async fn a_budget_that_covers_the_text_but_not_its_cache_for_an_hour_refuses() {
    let (gateway, upstream) = gateway(Dialect::Messages).await;
    let body = |cache: Value| {
        let text = "x".repeat(LONG_TEXT);
        let part = altered(json!({ "type": "text", "text": text }), cache);
        json!({
            "model": "messages-m", "max_tokens": 50,
            "messages": [{ "role": "user", "content": [part] }],
        })
    };
    let mark = |mark: Value| body(json!({ "cache_control": mark }));
    let long = mark(json!({ "type": "ephemeral", "ttl": "1h" }));
    assert_eq!(status(&gateway, Dialect::Messages, &long).await, 429);
    assert_eq!(upstream.calls(), 0);
    for covered in [body(json!({})), mark(json!({ "type": "ephemeral" }))] {
        assert_eq!(status(&gateway, Dialect::Messages, &covered).await, 200);
    }
}

#[tokio::test]
async fn tools_that_the_provider_runs_are_held() {
    let (gateway, _upstream) = gateway(Dialect::Messages).await;
    let body = |more: Value| {
        let plain = json!({
            "model": "messages-m", "max_tokens": 50,
            "messages": [{ "role": "user", "content": "hi" }],
        });
        altered(plain, more)
    };
    let search = |uses: u32| {
        let tool = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": uses });
        body(json!({ "tools": [tool] }))
    };
    assert_eq!(status(&gateway, Dialect::Messages, &search(3)).await, 429);
    assert_eq!(status(&gateway, Dialect::Messages, &search(2)).await, 200);
}

#[tokio::test]
async fn an_answer_in_sound_or_images_is_held_at_its_price() {
    let (gateway, _upstream) = gateway(Dialect::Gemini).await;
    let body = |kind: &str| {
        json!({
            "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }],
            "generationConfig": { "maxOutputTokens": 50, "responseModalities": [kind] },
        })
    };
    for (kind, wanted) in [("AUDIO", 429), ("IMAGE", 429), ("TEXT", 200)] {
        let got = status(&gateway, Dialect::Gemini, &body(kind)).await;
        assert_eq!(got, wanted, "{kind}");
    }
}

#[tokio::test]
async fn a_maximum_that_the_channel_sets_is_held() {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let body = async |rules: Value| {
        let upstream = channel("main", &upstream.url(), Dialect::Chat);
        let rules = json!({ "models": ["chat-m"], "body": rules });
        let setup = setup(BUDGET).channel(altered(upstream, rules));
        let price = json!({ "input": 1, "output": 10 });
        let setup = setup.with(json!({
            "billing": { "hold_output": 4096 },
            "models": { "*-m": { "price": price } },
        }));
        let gateway = Gateway::start(setup).await;
        let mut ask = Dialect::Chat.ask("chat-m", false);
        ask["max_tokens"] = json!(50);
        let said = status(&gateway, Dialect::Chat, &ask).await;
        ask.as_object_mut().unwrap().remove("max_tokens");
        (said, status(&gateway, Dialect::Chat, &ask).await)
    };
    // The budget covers 1,500 tokens, and not the 4,096 that are held where nobody says.
    assert_eq!(body(json!({})).await, (200, 429));
    let default = json!({ "default": { "max_tokens": 100 } });
    assert_eq!(body(default).await, (200, 200));
    assert_eq!(
        body(json!({ "set": { "max_tokens": 5000 } })).await,
        (429, 429)
    );
    assert_eq!(body(json!({ "remove": ["max_tokens"] })).await, (429, 429));
}
