//! Client and upstream speak the same format: not a byte changes on the way, in either direction.

use e2e::{Call, Counts, Dialect, Framing, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::json;

use crate::four::Four;

/// What a parser that re-serialises would change: spacing, order, escapes, number spelling,
/// integers beyond 2^53, unknown fields, duplicate keys inside, an empty object.
const ODDITIES: &str = r#""zz_unknown" : {"b":1,"a":[ 1.0 , 1e2, 12345678901234567890,-0 ]},
	"tab\u0065d":"né 世 \ud83d\ude00 \/ \u00e9","empty":{},"nested":{"k":1,"k":2} "#;

fn odd_ask(dialect: Dialect, stream: bool) -> String {
    let body = match dialect {
        Dialect::Chat => r#""messages":[{"content":"Hi","role":"user"}],"model":"m""#,
        Dialect::Responses => r#""input":"Hi","model":"m""#,
        Dialect::Messages => {
            r#""max_tokens":7,"messages":[{"content":"Hi","role":"user"}],"model":"m""#
        }
        Dialect::Gemini => r#""contents":[{"parts":[{"text":"Hi"}]}]"#,
    };
    let stream = match dialect {
        Dialect::Gemini => "",
        // Usage is asked for, so that the gateway has nothing to add.
        Dialect::Chat if stream => r#""stream":true,"stream_options":{"include_usage" :true},"#,
        _ if stream => r#""stream":true,"#,
        _ => "",
    };
    format!("{{ {stream}{ODDITIES},{body}\r\n}}")
}

fn odd_answer(dialect: Dialect) -> String {
    let whole = dialect.whole("Hello", Counts::of(3, 2)).whole_body();
    let whole = String::from_utf8(whole).unwrap();
    format!("{{{ODDITIES},{}\n\n", &whole[1..])
}

#[tokio::test]
async fn a_whole_exchange_is_carried_byte_for_byte() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let (ask, answer) = (odd_ask(dialect, false), odd_answer(dialect));
        for framing in [Framing::Length, Framing::Chunked, Framing::UntilClose] {
            let upstream = four.upstream(dialect);
            upstream.then(Reply::json(200, answer.clone()).framed(framing));
            let call = Call::post(dialect, &dialect.path("m", false), ask.clone());
            let got = call.send(&four.gateway).await;
            assert_eq!(got.text(), answer, "{dialect:?} {framing:?}");
            assert_eq!(got.header("content-type"), Some("application/json"));
            let sent = upstream.last_request();
            assert_eq!(
                String::from_utf8_lossy(&sent.body),
                ask,
                "{dialect:?} {framing:?}"
            );
            assert_eq!(sent.target, dialect.path("m", false));
        }
    }
}

/// Legal event streams that no vendor writes today: CRLF, comments, no blank after the colon,
/// ids, retries, data over several lines.
fn odd_stream(dialect: Dialect) -> Vec<String> {
    let mut events = dialect.events(&["né ", "世", "!"], Counts::of(3, 2));
    events[1] = events[1].replace('\n', "\r\n");
    events.insert(1, ": OPENROUTER PROCESSING\n\n".to_owned());
    if dialect != Dialect::Gemini {
        events[0] = events[0].replace("data: ", "id: 7\nretry: 10\ndata:");
    }
    events
}

#[tokio::test]
async fn a_streamed_exchange_is_carried_byte_for_byte() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let events = odd_stream(dialect);
        for bite in [1, 7, 64, 100_000] {
            let upstream = four.upstream(dialect);
            upstream.then(Reply::sse(events.clone()).in_bites(bite));
            let ask = odd_ask(dialect, true);
            let call = Call::post(dialect, &dialect.path("m", true), ask.clone());
            let mut stream = call.open(&four.gateway).await;
            let (_, got) = stream.whole().await;
            assert_eq!(
                String::from_utf8_lossy(&got),
                events.concat(),
                "{dialect:?} in bites of {bite}"
            );
            let content_type = stream.headers["content-type"].to_str().unwrap();
            assert!(
                content_type.starts_with("text/event-stream"),
                "{content_type}"
            );
            let sent = upstream.last_request();
            assert_eq!(String::from_utf8_lossy(&sent.body), ask, "{dialect:?}");
            assert_eq!(sent.target, dialect.path("m", true));
        }
    }
}

#[tokio::test]
async fn geminis_array_stream_is_carried_byte_for_byte() {
    let body = format!(
        "[{},\r\n{}\n]",
        String::from_utf8(Dialect::Gemini.whole("a", Counts::of(3, 0)).whole_body()).unwrap(),
        String::from_utf8(Dialect::Gemini.whole("b", Counts::of(3, 2)).whole_body()).unwrap(),
    );
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Gemini)).await;
    for bite in [1, 50] {
        let reply = Reply::json(200, body.clone())
            .framed(Framing::Chunked)
            .in_bites(bite);
        upstream.then(reply);
        let call =
            Call::ask(Dialect::Gemini, "m", true).path("/v1beta/models/m:streamGenerateContent");
        let answer = call.send(&gateway).await;
        assert_eq!(answer.text(), body);
        assert_eq!(
            upstream.last_request().target,
            "/v1beta/models/m:streamGenerateContent"
        );
        let record = gateway.record(answer.id()).await;
        assert_eq!(record["usage"]["output"], 2, "{record}");
        assert_eq!(record["stream"], true);
    }
}

#[tokio::test]
async fn a_mapped_model_changes_the_model_and_nothing_else() {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new();
    for dialect in Dialect::ALL {
        let map = json!({ "models": [], "model_map": { "m": "up/stream-7" } });
        setup = setup.apart(
            dialect,
            altered(channel(dialect.name(), &upstream.url(), dialect), map),
        );
    }
    let gateway = Gateway::start(setup).await;
    for dialect in Dialect::ALL {
        let answer = odd_answer(dialect);
        upstream.then(Reply::json(200, answer.clone()));
        let ask = odd_ask(dialect, false);
        let call = Call::post(dialect, &dialect.path("m", false), ask.clone());
        let got = call.send(&gateway).await;
        assert_eq!(
            got.text(),
            answer,
            "{dialect:?}: a same-format answer is untouched, its model name too"
        );
        let sent = upstream.last_request();
        let expected = ask.replace(r#""model":"m""#, r#""model":"up/stream-7""#);
        assert_eq!(String::from_utf8_lossy(&sent.body), expected, "{dialect:?}");
        if dialect == Dialect::Gemini {
            assert!(!sent.target.contains("/m:"), "{}", sent.target);
            assert!(
                sent.target.contains("stream-7:generateContent"),
                "{}",
                sent.target
            );
        }
        let record = gateway.record(got.id()).await;
        assert_eq!(record["model"], "m");
        assert_eq!(record["upstream_model"], "up/stream-7");
    }
}

#[tokio::test]
async fn a_model_named_twice_is_mapped_twice() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let map = json!({ "models": ["m", "other"], "model_map": { "m": "mapped" } });
    let channel = altered(channel("main", &upstream.url(), Dialect::Chat), map);
    let gateway = Gateway::start(Setup::new().channel(channel)).await;
    let ask = r#"{"model":"other","messages":[{"role":"user","content":"x"}],"mod\u0065l":"m"}"#;
    let got = Call::post(Dialect::Chat, "/v1/chat/completions", ask)
        .send(&gateway)
        .await;
    got.is(200);
    let sent = String::from_utf8(upstream.last_request().body.to_vec()).unwrap();
    assert!(
        !sent.contains("other"),
        "an upstream that reads the first one is not asked for another model: {sent}"
    );
    assert_eq!(
        gateway.record(got.id()).await["model"],
        "m",
        "the last one counts"
    );
}

#[tokio::test]
async fn the_channels_changes_to_the_body_are_made_and_no_others() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let change = json!({
        "body": {
            "remove": ["logit_bias"],
            "default": { "max_tokens": 1024, "seed": 1 },
            "set": { "temperature": 0.2 },
        },
        "system_prompt": "Be kind.",
    });
    let channel = altered(channel("main", &upstream.url(), Dialect::Chat), change);
    let gateway = Gateway::start(Setup::new().channel(channel)).await;
    let ask = r#"{"model":"m","seed":9,"logit_bias":{"1":2},"temperature":1.0,"big":12345678901234567890,"messages":[{"role":"user","content":"x"}]}"#;
    Call::post(Dialect::Chat, "/v1/chat/completions", ask)
        .send(&gateway)
        .await
        .is(200);
    let sent = upstream.last_request();
    let text = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(text.contains(r#""big":12345678901234567890"#), "{text}");
    let body = sent.json();
    assert_eq!(body["seed"], 9, "a default does not replace: {body}");
    assert_eq!(body["max_tokens"], 1024);
    assert_eq!(body["temperature"], 0.2);
    assert!(body.get("logit_bias").is_none(), "{body}");
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][0]["content"], "Be kind.");
    assert_eq!(body["messages"][1]["content"], "x");
}

#[tokio::test]
async fn the_system_prompt_goes_before_the_callers_in_every_format() {
    let upstream = Upstream::start().await;
    upstream.answer(|seen| {
        let dialect = Dialect::ALL
            .into_iter()
            .find(|d| seen.target.starts_with(&d.path("m", false)));
        dialect
            .unwrap_or(Dialect::Gemini)
            .whole("x", Counts::of(1, 1))
    });
    let mut setup = Setup::new();
    for dialect in Dialect::ALL {
        let prompt = json!({ "system_prompt": "FIRST" });
        setup = setup.apart(
            dialect,
            altered(channel(dialect.name(), &upstream.url(), dialect), prompt),
        );
    }
    let gateway = Gateway::start(setup).await;
    let with_system = |dialect: Dialect| {
        let system = match dialect {
            Dialect::Chat => {
                json!({ "messages": [{ "role": "system", "content": "SECOND" }, { "role": "user", "content": "x" }] })
            }
            Dialect::Responses => json!({ "instructions": "SECOND" }),
            Dialect::Messages => json!({ "system": "SECOND" }),
            Dialect::Gemini => json!({ "systemInstruction": { "parts": [{ "text": "SECOND" }] } }),
        };
        altered(dialect.ask("m", false), system)
    };
    for dialect in Dialect::ALL {
        for (ask, second) in [
            (dialect.ask("m", false), false),
            (with_system(dialect), true),
        ] {
            Call::json(dialect, "m", false, &ask)
                .send(&gateway)
                .await
                .is(200);
            let sent = String::from_utf8_lossy(&upstream.last_request().body).into_owned();
            let first = sent
                .find("FIRST")
                .unwrap_or_else(|| panic!("{dialect:?}: {sent}"));
            let then = sent.find("SECOND");
            assert_eq!(then.is_some(), second, "{dialect:?}: {sent}");
            assert!(then.is_none_or(|then| first < then), "{dialect:?}: {sent}");
        }
    }
}
