//! Usage: asked for, hidden, and understood in every place where providers put it.

use e2e::{Call, Counts, Dialect, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

use crate::four::Four;

const COUNTS: Counts = Counts::of(30, 7);

#[tokio::test]
async fn usage_is_asked_for_and_hidden_from_who_did_not_ask() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Chat);
    let events = Dialect::Chat.events(&["a", "b"], COUNTS);
    let without: String = events
        .iter()
        .filter(|event| !event.contains("prompt_tokens"))
        .cloned()
        .collect();
    for bite in [1, 13, 10_000] {
        upstream.then(Reply::sse(events.clone()).in_bites(bite));
        let answer = Call::ask(Dialect::Chat, "m", true)
            .send(&four.gateway)
            .await;
        assert_eq!(answer.text(), without, "in bites of {bite}");
        assert_eq!(
            upstream.last_request().json()["stream_options"]["include_usage"],
            true
        );
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(
            (&record["usage"]["input"], &record["usage"]["output"]),
            (&json!(30), &json!(7)),
            "{record}"
        );
        assert_eq!(record["usage_source"], "provider");
    }
}

#[tokio::test]
async fn who_asked_for_usage_gets_it() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Chat);
    upstream.always(Dialect::Chat.stream(&["a"], COUNTS));
    let mut ask = Dialect::Chat.ask("m", true);
    ask["stream_options"] = json!({ "include_usage": true, "include_obfuscation": false });
    let answer = Call::json(Dialect::Chat, "m", true, &ask)
        .send(&four.gateway)
        .await;
    assert!(answer.text().contains("prompt_tokens"));
    // Who said no, did not ask; what else stands there stays.
    ask["stream_options"]["include_usage"] = json!(false);
    let answer = Call::json(Dialect::Chat, "m", true, &ask)
        .send(&four.gateway)
        .await;
    assert!(
        !answer.text().contains("prompt_tokens"),
        "{}",
        answer.text()
    );
    let sent = upstream.last_request().json();
    assert_eq!(
        sent["stream_options"],
        json!({ "include_usage": true, "include_obfuscation": false })
    );
}

#[tokio::test]
async fn usage_beside_content_is_not_taken_out() {
    let four = Four::start().await;
    let chunk = |choices: Value| {
        let usage = json!({ "prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6 });
        format!(
            "data: {}\n\n",
            json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage })
        )
    };
    let first = chunk(json!([{ "index": 0, "delta": { "content": "a" }, "finish_reason": null }]));
    let last = chunk(json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]));
    let events = [first, last, "data: [DONE]\n\n".to_owned()];
    four.upstream(Dialect::Chat)
        .then(Reply::sse(events.clone()));
    let answer = Call::ask(Dialect::Chat, "m", true)
        .send(&four.gateway)
        .await;
    assert_eq!(
        answer.text(),
        events.concat(),
        "cumulative usage on every chunk: content goes first"
    );
    assert_eq!(four.gateway.record(answer.id()).await["usage"]["output"], 1);
}

#[tokio::test]
async fn a_provider_without_stream_options_is_not_sent_them() {
    let upstream = Upstream::saying(Dialect::Chat.stream(&["a"], COUNTS)).await;
    let map = json!({ "provider": "zhipu", "formats": ["chat"] });
    let channel = altered(channel("main", &upstream.url(), Dialect::Chat), map);
    let gateway = Gateway::start(Setup::new().channel(channel)).await;
    let answer = Call::ask(Dialect::Chat, "m", true).send(&gateway).await;
    answer.is(200);
    let sent = upstream.last_request().json();
    // Whether the row has the quirk is the provider table's matter; that usage is counted is not.
    assert_eq!(
        gateway.record(answer.id()).await["usage"]["output"],
        7,
        "{sent}"
    );
}

#[tokio::test]
async fn every_formats_usage_is_understood_whole_and_streamed() {
    let counts = Counts {
        input: 100,
        cache_read: 40,
        cache_write_5m: 0,
        cache_write_1h: 0,
        output: 50,
        reasoning: 20,
    };
    let written = Counts {
        cache_write_5m: 10,
        cache_write_1h: 5,
        reasoning: 0,
        ..counts
    };
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let counts = if dialect == Dialect::Messages {
            written
        } else {
            counts
        };
        for stream in [false, true] {
            four.upstream(dialect).then(match stream {
                true => dialect.stream(&["a", "b"], counts),
                false => dialect.whole("ab", counts),
            });
            let answer = Call::ask(dialect, "m", stream).send(&four.gateway).await;
            let record = four.gateway.record(answer.is(200).id()).await;
            let what = format!("{dialect:?}, stream {stream}: {record}");
            let usage = &record["usage"];
            assert_eq!(usage["input"], counts.input, "{what}");
            assert_eq!(usage["cache_read"], counts.cache_read, "{what}");
            assert_eq!(usage["cache_write_5m"], counts.cache_write_5m, "{what}");
            assert_eq!(usage["cache_write_1h"], counts.cache_write_1h, "{what}");
            assert_eq!(usage["output"], counts.output, "{what}");
            assert_eq!(usage["reasoning"], counts.reasoning, "{what}");
            assert_eq!(record["usage_source"], "provider", "{what}");
            assert_eq!(record["end"], "complete", "{what}");
            assert_eq!(record["stream"], stream, "{what}");
            assert_eq!(record["client_format"], dialect.name(), "{what}");
            assert_eq!(record["upstream_format"], dialect.name(), "{what}");
            assert!(
                record["first_byte_ms"].is_u64() && record["duration_ms"].is_u64(),
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn compatible_servers_put_usage_in_other_places() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Chat);
    let usage = json!({ "prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37 });
    let with_cache = |key: &str| altered(usage.clone(), json!({ key: 12 }));
    let choice = |extra: Value| {
        altered(
            json!({ "index": 0, "delta": {}, "finish_reason": "stop" }),
            extra,
        )
    };
    let places = [
        (
            "the chunk itself",
            json!({ "choices": [choice(json!({}))], "usage": usage }),
            0,
        ),
        (
            "the choice (Moonshot)",
            json!({ "choices": [choice(json!({ "usage": usage }))] }),
            0,
        ),
        (
            "x_groq",
            json!({ "choices": [choice(json!({}))], "x_groq": { "id": "r", "usage": usage } }),
            0,
        ),
        (
            "DeepSeek's cache",
            json!({ "choices": [], "usage": with_cache("prompt_cache_hit_tokens") }),
            12,
        ),
        (
            "a flat cache",
            json!({ "choices": [], "usage": with_cache("cached_tokens") }),
            12,
        ),
    ];
    for (place, last, cached) in places {
        let base =
            json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m" });
        let mut events = Dialect::Chat.events(&["a"], COUNTS)[..3].to_vec();
        events.push(format!("data: {}\n\n", altered(base, last)));
        events.push("data: [DONE]\n\n".to_owned());
        upstream.then(Reply::sse(events));
        let answer = Call::ask(Dialect::Chat, "m", true)
            .send(&four.gateway)
            .await;
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(record["usage"]["input"], 30, "{place}: {record}");
        assert_eq!(record["usage"]["output"], 7, "{place}");
        assert_eq!(record["usage"]["cache_read"], cached, "{place}");
    }
}

#[tokio::test]
async fn without_usage_it_is_estimated_and_said_so() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        for stream in [false, true] {
            let text = "The quick brown fox jumps over the lazy dog. ".repeat(10);
            let reply = match stream {
                false => dialect.whole(&text, COUNTS),
                true => dialect.stream(&[&text], COUNTS),
            };
            let bare = String::from_utf8(reply.whole_body()).unwrap();
            // Renamed, not removed: the rest of the shape stays.
            let bare = bare
                .replace("\"usage\"", "\"zz\"")
                .replace("usageMetadata", "zz");
            four.upstream(dialect).then(match stream {
                false => Reply::json(200, bare),
                true => Reply::sse([bare]),
            });
            let answer = Call::ask(dialect, "m", stream).send(&four.gateway).await;
            let record = four.gateway.record(answer.is(200).id()).await;
            assert_eq!(
                record["usage_source"], "estimated",
                "{dialect:?}, stream {stream}: {record}"
            );
            let output = record["usage"]["output"].as_u64().unwrap();
            // 100 tokens by any current tokenizer.
            assert!(
                (70..140).contains(&output),
                "{dialect:?}, stream {stream}: {record}"
            );
            assert!(record["usage"]["input"].as_u64().unwrap() > 0, "{record}");
        }
    }
    let metrics = four.gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_estimated_usage_total", &[]), 8.0);
}
