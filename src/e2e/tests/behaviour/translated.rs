//! Every client format in front of every upstream format.

use e2e::{Call, Counts, Dialect, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

const COUNTS: Counts = Counts {
    cache_read: 40,
    ..Counts::of(100, 20)
};

/// A gateway whose one channel speaks `upstream`.
async fn behind(upstream: Dialect, change: Value) -> (Gateway, Upstream) {
    let server = Upstream::start().await;
    let setup = Setup::new().channel(altered(
        channel("main", &server.url(), upstream),
        json!({ "models": ["m"] }),
    ));
    (Gateway::start(setup.with(change)).await, server)
}

fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    Dialect::ALL
        .into_iter()
        .flat_map(|client| Dialect::ALL.map(|upstream| (client, upstream)))
        .filter(|(client, upstream)| client != upstream)
}

#[tokio::test]
async fn a_whole_answer_reaches_a_client_of_any_format() {
    for upstream in Dialect::ALL {
        let (gateway, server) = behind(upstream, json!({})).await;
        server.always(upstream.whole("Hé世", COUNTS));
        for (client, _) in pairs().filter(|(_, of)| *of == upstream) {
            let answer = Call::ask(client, "m", false).send(&gateway).await;
            let body = answer.is(200).json();
            assert_eq!(
                client.text_of(&body),
                "Hé世",
                "{client:?} on {upstream:?}: {body}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let sent = server.last_request();
            assert_eq!(
                sent.target,
                upstream.path("m", false),
                "{client:?} on {upstream:?}"
            );
            let record = gateway.record(answer.id()).await;
            for (field, value) in [
                ("client_format", json!(client.name())),
                ("upstream_format", json!(upstream.name())),
                ("end", json!("complete")),
                ("usage_source", json!("provider")),
            ] {
                assert_eq!(record[field], value, "{client:?} on {upstream:?}: {record}");
            }
            assert_eq!(record["usage"]["input"], json!(100), "{record}");
            assert_eq!(record["usage"]["cache_read"], json!(40), "{record}");
            assert_eq!(record["usage"]["output"], json!(20), "{record}");
        }
    }
}

#[tokio::test]
async fn a_stream_reaches_a_client_of_any_format_as_it_comes() {
    for upstream in Dialect::ALL {
        let (gateway, server) = behind(upstream, json!({})).await;
        for (client, _) in pairs().filter(|(_, of)| *of == upstream) {
            server.then(upstream.stream(&["Hé", "世", "!"], COUNTS));
            let mut stream = Call::ask(client, "m", true).open(&gateway).await;
            assert_eq!(stream.status, 200);
            let events = stream.rest().await;
            let said: String = events
                .iter()
                .map(|event| client.delta_of(&event.json()))
                .collect();
            assert_eq!(said, "Hé世!", "{client:?} on {upstream:?}");
            let record = gateway.record(&stream.id()).await;
            assert_eq!(
                record["end"],
                json!("complete"),
                "{client:?} on {upstream:?}: {record}"
            );
            assert_eq!(record["usage"]["output"], json!(20), "{record}");
        }
    }
}

#[tokio::test]
async fn an_upstreams_refusal_is_told_in_the_callers_words() {
    for upstream in Dialect::ALL {
        let (gateway, server) = behind(upstream, json!({})).await;
        server.always(upstream.fault(400, "that is too much"));
        for (client, _) in pairs().filter(|(_, of)| *of == upstream) {
            let answer = Call::ask(client, "m", false).send(&gateway).await;
            let refusal = answer.is(400).refusal(client);
            assert!(refusal.message.contains("that is too much"), "{refusal:?}");
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_told_in_the_callers_words() {
    for upstream in Dialect::ALL {
        let (gateway, server) = behind(upstream, json!({})).await;
        for (client, _) in pairs().filter(|(_, of)| *of == upstream) {
            let mut events = upstream.events(&["par"], COUNTS);
            events.truncate(upstream.preamble() + 1);
            events.push(upstream.fault_event("overloaded"));
            server.then(e2e::Reply::sse(events));
            let mut stream = Call::ask(client, "m", true).open(&gateway).await;
            let events = stream.rest().await;
            let last = events
                .iter()
                .map(|event| event.json())
                .find(|event| client.is_fault(event));
            assert!(
                last.is_some(),
                "{client:?} on {upstream:?}: {}",
                stream.text()
            );
            let record = gateway.record(&stream.id()).await;
            assert_eq!(record["end"], json!("upstream_error"), "{record}");
        }
    }
}

#[tokio::test]
async fn an_error_before_the_first_content_moves_on_unseen() {
    for (client, upstream) in pairs() {
        let (bad, good) = (Upstream::start().await, Upstream::start().await);
        bad.always(e2e::Reply::sse([upstream.fault_event("overloaded")]));
        good.always(upstream.stream(&["fine"], COUNTS));
        let first = altered(
            channel("bad", &bad.url(), upstream),
            json!({ "priority": 1 }),
        );
        let setup = Setup::new()
            .channel(first)
            .channel(channel("good", &good.url(), upstream));
        let gateway = Gateway::start(setup).await;
        let mut stream = Call::ask(client, "m", true).open(&gateway).await;
        let events = stream.rest().await;
        let said: String = events
            .iter()
            .map(|event| client.delta_of(&event.json()))
            .collect();
        assert_eq!(said, "fine", "{client:?} on {upstream:?}");
        assert_eq!(bad.calls(), 1);
    }
}

#[tokio::test]
async fn a_malformed_call_and_nothing_else_moves_on_unseen() {
    let malformed = r#"{"candidates":[{"content":{"role":"model"},"finishReason":"MALFORMED_FUNCTION_CALL","index":0}],"usageMetadata":{"promptTokenCount":5}}"#;
    let (bad, good) = (Upstream::start().await, Upstream::start().await);
    good.always(Dialect::Gemini.stream(&["fine"], COUNTS));
    let first = channel("bad", &bad.url(), Dialect::Gemini);
    let setup = Setup::new()
        .channel(altered(first, json!({ "priority": 1 })))
        .channel(channel("good", &good.url(), Dialect::Gemini));
    let gateway = Gateway::start(setup).await;
    bad.always(e2e::Reply::sse([format!("data: {malformed}\n\n")]));
    let mut stream = Call::ask(Dialect::Messages, "m", true).open(&gateway).await;
    let events = stream.rest().await;
    let texts = events
        .iter()
        .map(|event| Dialect::Messages.delta_of(&event.json()));
    assert_eq!(texts.collect::<String>(), "fine", "{}", stream.text());
    assert_eq!(bad.calls(), 1);
}

#[tokio::test]
async fn an_array_is_made_of_events_whose_type_nobody_told() {
    let (gateway, server) = behind(Dialect::Chat, json!({})).await;
    let body = Dialect::Chat.stream(&["one", "two"], COUNTS).whole_body();
    server.always(e2e::Reply::body(200, "text/plain", body));
    let path = "/v1beta/models/m:streamGenerateContent";
    let answer = Call::ask(Dialect::Gemini, "m", true).path(path);
    let answer = answer.send(&gateway).await;
    let array = answer.is(200).json();
    let chunks = array.as_array().expect("an array");
    let texts = chunks.iter().map(|chunk| Dialect::Gemini.delta_of(chunk));
    assert_eq!(texts.collect::<String>(), "onetwo", "{array}");
}

#[tokio::test]
async fn an_error_body_reaches_a_stream_that_was_shown_at_once() {
    for (client, upstream) in pairs() {
        let change = json!({ "gateway": { "resilient_streams": false } });
        let (gateway, server) = behind(upstream, change).await;
        let body = upstream.fault(200, "Overloaded").whole_body();
        server.always(e2e::Reply::json(200, body));
        let mut stream = Call::ask(client, "m", true).open(&gateway).await;
        let events = stream.rest().await;
        let told = events.iter().any(|event| client.is_fault(&event.json()));
        assert!(told, "{client:?} on {upstream:?}: {:?}", stream.text());
        let record = gateway.record(&stream.id()).await;
        assert_eq!(record["end"], json!("upstream_error"), "{record}");
    }
}

#[tokio::test]
async fn what_a_format_cannot_carry_is_refused_or_named() {
    let (gateway, server) =
        behind(Dialect::Messages, json!({ "gateway": { "receipt": true } })).await;
    server.always(Dialect::Messages.whole("x", COUNTS));
    let mut body = Dialect::Chat.ask("m", false);
    body["n"] = json!(2);
    let answer = Call::json(Dialect::Chat, "m", false, &body)
        .send(&gateway)
        .await;
    let refusal = answer.is(400).refusal(Dialect::Chat);
    assert_eq!(refusal.param.as_deref(), Some("n"));
    assert!(
        refusal.message.contains("upstream of type messages"),
        "{}",
        refusal.message
    );
    assert_eq!(server.calls(), 0);
    let record = gateway.record(answer.id()).await;
    assert_eq!(
        (&record["end"], &record["attempts"]),
        (&json!("refused"), &json!(0))
    );

    let mut body = Dialect::Chat.ask("m", false);
    body["seed"] = json!(7);
    let answer = Call::json(Dialect::Chat, "m", false, &body)
        .send(&gateway)
        .await;
    assert_eq!(answer.is(200).header("x-tollgate-dropped"), Some("seed"));
}

#[tokio::test]
async fn a_strict_channel_drops_nothing_that_bends_the_answer() {
    let (gateway, server) = behind(Dialect::Messages, json!({ "conversion": "strict" })).await;
    let mut body = Dialect::Chat.ask("m", false);
    body["seed"] = json!(7);
    let answer = Call::json(Dialect::Chat, "m", false, &body)
        .send(&gateway)
        .await;
    assert_eq!(
        answer.is(400).refusal(Dialect::Chat).param.as_deref(),
        Some("seed")
    );
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn a_request_that_one_format_cannot_carry_goes_to_another_channel() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    second.always(Dialect::Chat.whole("x", COUNTS));
    let before = altered(
        channel("messages", &first.url(), Dialect::Messages),
        json!({ "priority": 1 }),
    );
    let setup = Setup::new()
        .channel(before)
        .channel(channel("chat", &second.url(), Dialect::Chat));
    let gateway = Gateway::start(setup).await;
    let mut body = Dialect::Chat.ask("m", false);
    body["n"] = json!(2);
    let answer = Call::json(Dialect::Chat, "m", false, &body)
        .send(&gateway)
        .await;
    let record = gateway.record(answer.is(200).id()).await;
    assert_eq!(
        (&record["channel"], &record["attempts"]),
        (&json!("chat"), &json!(1))
    );
    assert_eq!(first.calls(), 0);
}

#[tokio::test]
async fn tokens_are_counted_here_where_no_upstream_can() {
    let (gateway, server) = behind(Dialect::Chat, json!({})).await;
    let body =
        json!({ "model": "m", "messages": [{ "role": "user", "content": "one two three" }] });
    let messages = Call::post(
        Dialect::Messages,
        "/v1/messages/count_tokens",
        body.to_string(),
    );
    let answer = messages.send(&gateway).await;
    let tokens = answer.is(200).json()["input_tokens"].as_u64().unwrap();
    assert!((3..30).contains(&tokens), "{tokens}");
    assert_eq!(answer.header("x-tollgate-estimated"), Some("true"));
    let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "one two three" }] }] });
    let gemini = Call::post(
        Dialect::Gemini,
        "/v1beta/models/m:countTokens",
        body.to_string(),
    );
    let answer = gemini.send(&gateway).await;
    assert!(answer.is(200).json()["totalTokens"].as_u64().unwrap() >= 3);
    assert_eq!(server.calls(), 0);
    let record = gateway.record(answer.id()).await;
    assert_eq!(
        (&record["operation"], &record["cost"]),
        (&json!("count"), &json!("0.000000000"))
    );
}

#[tokio::test]
async fn tokens_are_counted_by_an_upstream_that_can() {
    let (gateway, server) = behind(Dialect::Gemini, json!({})).await;
    server.always(e2e::Reply::json(200, r#"{"totalTokens":11}"#));
    let body =
        json!({ "model": "m", "messages": [{ "role": "user", "content": "one two three" }] });
    let call = Call::post(
        Dialect::Messages,
        "/v1/messages/count_tokens",
        body.to_string(),
    );
    let answer = call.send(&gateway).await;
    assert_eq!(answer.is(200).json(), json!({ "input_tokens": 11 }));
    assert_eq!(answer.header("x-tollgate-estimated"), None);
    assert_eq!(server.last_request().target, "/v1beta/models/m:countTokens");
}

#[tokio::test]
async fn a_suffix_becomes_the_upstreams_reasoning_control() {
    let server = Upstream::start().await;
    server.always(Dialect::Chat.whole("x", COUNTS));
    let setup = Setup::new().channel(altered(
        channel("main", &server.url(), Dialect::Chat),
        json!({ "models": ["gpt-5"] }),
    ));
    let gateway = Gateway::start(setup).await;
    for client in [Dialect::Chat, Dialect::Messages] {
        let answer = Call::ask(client, "gpt-5-high", false).send(&gateway).await;
        let record = gateway.record(answer.is(200).id()).await;
        assert_eq!(record["model"], json!("gpt-5-high"));
        assert_eq!(record["upstream_model"], json!("gpt-5"));
        assert_ne!(
            record["cost"],
            json!("0.000000000"),
            "the price of gpt-5: {record}"
        );
        let sent = server.last_request().json();
        assert_eq!(
            (&sent["model"], &sent["reasoning_effort"]),
            (&json!("gpt-5"), &json!("high"))
        );
    }
}

#[tokio::test]
async fn reasoning_is_shown_in_the_text_where_the_channel_says_so() {
    let server = Upstream::start().await;
    let setup = Setup::new().channel(altered(
        channel("main", &server.url(), Dialect::Chat),
        json!({ "thinking_to_content": true }),
    ));
    let gateway = Gateway::start(setup).await;
    for client in [Dialect::Chat, Dialect::Messages] {
        server.then(e2e::Reply::json(
            200,
            r#"{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop",
            "message":{"role":"assistant","reasoning_content":"Plan.","content":"Done."}}],
            "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
        ));
        let answer = Call::ask(client, "m", false).send(&gateway).await;
        let body = answer.is(200).json();
        let text = match client {
            Dialect::Messages => [0, 1]
                .map(|block| body["content"][block]["text"].as_str().unwrap())
                .concat(),
            _ => client.text_of(&body),
        };
        assert_eq!(
            text.replace('\n', ""),
            "<think>Plan.</think>Done.",
            "{client:?}: {body}"
        );
    }
}

#[tokio::test]
async fn a_caller_reads_the_counts_of_the_record_where_the_upstream_has_none() {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(10);
    for upstream in Dialect::ALL {
        let (gateway, server) = behind(upstream, json!({})).await;
        for (client, _) in pairs().filter(|(_, of)| *of == upstream) {
            for stream in [false, true] {
                // A chat client asks for usage before it gets some.
                if stream && client == Dialect::Chat {
                    continue;
                }
                let reply = match stream {
                    false => upstream.whole(&text, COUNTS),
                    true => upstream.stream(&[&text], COUNTS),
                };
                let bare = String::from_utf8(reply.whole_body()).unwrap();
                let bare = bare
                    .replace("\"usage\"", "\"zz\"")
                    .replace("usageMetadata", "zz");
                server.then(match stream {
                    false => Reply::json(200, bare),
                    true => Reply::sse([bare]),
                });
                let answer = Call::ask(client, "m", stream).send(&gateway).await;
                let record = gateway.record(answer.is(200).id()).await;
                assert_eq!(record["usage_source"], "estimated", "{record}");
                let words = match client {
                    Dialect::Chat => ["prompt_tokens", "completion_tokens"],
                    Dialect::Responses | Dialect::Messages => ["input_tokens", "output_tokens"],
                    Dialect::Gemini => ["promptTokenCount", "candidatesTokenCount"],
                };
                let body = answer.text();
                for (word, class) in words.into_iter().zip(["input", "output"]) {
                    let told = format!("\"{word}\":{}", record["usage"][class]);
                    assert!(
                        body.contains(&told),
                        "{client:?} on {upstream:?}: no {told} in {body}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_chat_client_that_drops_geminis_proofs_has_them_all_the_same() {
    let model = "gemini-3-pro-preview";
    let server = Upstream::start().await;
    let setup = Setup::new().channel(altered(
        channel("main", &server.url(), Dialect::Gemini),
        json!({ "models": [model] }),
    ));
    let gateway = Gateway::start(setup).await;
    let part = json!({ "functionCall": { "name": "f", "args": {} }, "thoughtSignature": "UzE=" });
    let user = json!({ "role": "user", "content": "x" });
    for stream in [false, true] {
        let candidate = json!({ "content": { "parts": [part] }, "finishReason": "STOP" });
        let usage = json!({ "promptTokenCount": 3, "candidatesTokenCount": 2 });
        let said = json!({ "candidates": [candidate], "usageMetadata": usage });
        server.then(match stream {
            false => Reply::json(200, said.to_string()),
            true => Reply::sse([format!("data: {said}\n\n")]),
        });
        let ask = json!({ "model": model, "stream": stream, "messages": [user] });
        let answer = Call::json(Dialect::Chat, model, stream, &ask)
            .send(&gateway)
            .await;
        let body = answer.is(200).text();
        let id = body.split("\"id\":\"call_").nth(1).unwrap();
        let id = format!("call_{}", id.split('"').next().unwrap());
        let call =
            json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let again = json!({ "model": model, "messages": [
            user,
            { "role": "assistant", "tool_calls": [call] },
            { "role": "tool", "tool_call_id": id, "content": "r" },
        ] });
        server.then(Dialect::Gemini.whole("ok", COUNTS));
        let answer = Call::json(Dialect::Chat, model, false, &again)
            .send(&gateway)
            .await;
        answer.is(200);
        let sent = server.last_request().json();
        let back = &sent["contents"][1]["parts"][0]["thoughtSignature"];
        assert_eq!(back, "UzE=", "stream {stream}: {sent}");
    }
}
