//! The scripted upstream itself, asked directly: what it is told to do is what happens.

use std::time::{Duration, Instant};

use e2e::streaming::Ended;
use e2e::wire::{Wire, chunked, post_head};
use e2e::{
    Call, Counts, Cut, Dialect, Framing, Gate, Identity, Refusing, Reply, Unreachable, Upstream,
};

async fn ask(upstream: &Upstream) -> e2e::Answer {
    Call::ask(Dialect::Chat, "m", false)
        .send_to(&upstream.addr.to_string())
        .await
}

async fn head_and_body(upstream: &Upstream) -> (Wire, e2e::wire::Head) {
    let mut wire = Wire::open(&upstream.addr.to_string()).await;
    let head = post_head("/x", &["content-length: 2"]);
    wire.send(head + "{}").await;
    let head = wire.head().await.unwrap();
    (wire, head)
}

#[tokio::test]
async fn it_says_what_was_queued_and_then_what_it_always_says() {
    let upstream = Upstream::saying(Reply::json(200, r#"{"b":1,"a":2}"#)).await;
    upstream.then(
        Dialect::Chat
            .fault(429, "slow down")
            .header("retry-after", "3"),
    );

    let first = ask(&upstream).await;
    assert_eq!(
        (first.status, first.header("retry-after")),
        (429, Some("3"))
    );
    let second = ask(&upstream).await;
    assert_eq!(
        (second.status, second.text().as_str()),
        (200, r#"{"b":1,"a":2}"#)
    );

    let seen = upstream.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].method, "POST");
    assert_eq!(seen[0].target, "/v1/chat/completions");
    assert_eq!(seen[0].json(), Dialect::Chat.ask("m", false));
}

#[tokio::test]
async fn it_reads_chunked_bodies() {
    let upstream = Upstream::saying(Reply::status(204)).await;
    let mut wire = Wire::open(&upstream.addr.to_string()).await;
    wire.send(post_head("/x", &["transfer-encoding: chunked"]))
        .await;
    wire.send_in_bites(&chunked(b"0123456789", 3), 2).await;
    assert_eq!(wire.head().await.unwrap().status, 204);
    assert_eq!(&upstream.only_request().body[..], b"0123456789");
}

#[tokio::test]
async fn every_framing_carries_the_same_body() {
    for framing in [Framing::Length, Framing::Chunked, Framing::UntilClose] {
        let upstream = Upstream::saying(Reply::json(200, "0123456789").framed(framing)).await;
        assert_eq!(ask(&upstream).await.text(), "0123456789", "{framing:?}");
    }
}

#[tokio::test]
async fn a_cut_breaks_the_promise_of_the_head() {
    for cut in [Cut::Fin, Cut::Rst] {
        let upstream = Upstream::saying(Reply::json(200, "0123456789").cut_after(4, cut)).await;
        let (mut wire, head) = head_and_body(&upstream).await;
        assert_eq!(head.header("content-length"), Some("10"));
        // A reset may overtake bytes on their way.
        let body = wire.exactly(10).await;
        assert!(b"0123".starts_with(&body), "{cut:?}: {body:?}");
    }
}

#[tokio::test]
async fn a_stalled_stream_says_its_pieces_and_no_more() {
    let stream = Dialect::Chat
        .stream(&["a", "b"], Counts::of(1, 2))
        .stalled_after_pieces(2);
    let upstream = Upstream::saying(stream).await;
    let (mut wire, _) = head_and_body(&upstream).await;
    let mut got = Vec::new();
    while !(String::from_utf8_lossy(&got).contains(r#""content":"a""#)
        && got.ends_with(b"\n\n\r\n"))
    {
        got.extend(wire.bytes().await.unwrap().1);
    }
    let more = tokio::time::timeout(Duration::from_millis(50), wire.bytes()).await;
    assert!(more.is_err(), "silence, not {more:?}");
    drop(wire);
    upstream.wait_for_hang_up().await;
}

#[tokio::test]
async fn a_gate_holds_the_rest_back_until_it_opens() {
    let gate = Gate::new();
    let upstream =
        Upstream::saying(Reply::sse(["data: 1\n\n", "data: 2\n\n"]).gated_at(1, &gate)).await;
    let (mut wire, _) = head_and_body(&upstream).await;
    assert_eq!(wire.exactly(14).await, b"9\r\ndata: 1\n\n\r\n");
    let early = tokio::time::timeout(Duration::from_millis(50), wire.bytes()).await;
    assert!(early.is_err(), "the gate is closed");
    gate.open();
    assert_eq!(wire.exactly(14).await, b"9\r\ndata: 2\n\n\r\n");
}

#[tokio::test]
async fn pauses_are_kept_between_pieces() {
    let pause = Duration::from_millis(60);
    let upstream = Upstream::saying(Reply::sse(["data: 1\n\n", "data: 2\n\n"]).paced(pause)).await;
    let start = Instant::now();
    ask(&upstream).await;
    assert!(start.elapsed() >= pause);
}

#[tokio::test]
async fn interim_heads_come_first() {
    let upstream = Upstream::saying(Reply::status(204).after_interim(103)).await;
    let (mut wire, first) = head_and_body(&upstream).await;
    assert_eq!(first.status, 103);
    assert_eq!(wire.head().await.unwrap().status, 204);
}

#[tokio::test]
async fn it_answers_without_reading_the_body_and_closes() {
    let upstream = Upstream::start().await;
    upstream.then(Reply::status(413).without_reading());
    let mut wire = Wire::open(&upstream.addr.to_string()).await;
    wire.send(post_head("/x", &["content-length: 1000000"]))
        .await;
    assert_eq!(wire.head().await.unwrap().status, 413);
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn it_hangs_up_on_command() {
    for cut in [Cut::Fin, Cut::Rst] {
        let upstream = Upstream::saying(Reply::hang_up(cut)).await;
        let mut wire = Wire::open(&upstream.addr.to_string()).await;
        wire.send(post_head("/x", &["content-length: 0"])).await;
        assert!(wire.head().await.is_none(), "{cut:?}");
        assert_eq!(upstream.calls(), 1);
    }
}

#[tokio::test]
async fn it_speaks_http2_in_the_clear_and_under_tls() {
    let clear = Upstream::start_h2c().await;
    clear.always(Dialect::Chat.whole("hello", Counts::of(1, 1)));
    let answer = Call::ask(Dialect::Chat, "m", false)
        .over_http2()
        .send_to(&clear.addr.to_string())
        .await;
    assert_eq!(Dialect::Chat.text_of(&answer.json()), "hello");
    assert_eq!(clear.only_request().version, "HTTP/2.0");

    let identity = Identity::new();
    let ca = reqwest::Certificate::from_pem(identity.authority_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .add_root_certificate(ca);
    let client = client.build().unwrap();
    for (alpn, version) in [("h2", "HTTP/2.0"), ("http/1.1", "HTTP/1.1")] {
        let secure = Upstream::start_tls(&identity, &[alpn]).await;
        secure.always(Reply::json(200, "{}"));
        let call = Call::ask(Dialect::Chat, "m", false);
        assert_eq!(call.send_with(&client, &secure.url()).await.status, 200);
        assert_eq!(secure.only_request().version, version);
    }
}

#[tokio::test]
async fn an_http2_stream_is_reset_by_a_cut() {
    let upstream = Upstream::start_h2c().await;
    let gate = Gate::new();
    // Without a pause the reset may overtake the head.
    let stream = Dialect::Chat
        .stream(&["a"], Counts::of(1, 1))
        .gated_at(1, &gate);
    upstream.always(stream.cut_after_pieces(2, Cut::Rst));
    let call = Call::ask(Dialect::Chat, "m", true).over_http2();
    let mut stream = call.open_at(&upstream.addr.to_string()).await;
    gate.open();
    assert_eq!(stream.whole().await.0, Ended::Broken);
}

#[tokio::test]
async fn nobody_answers_at_a_refusing_or_unreachable_address() {
    let connect = |url: String| async move {
        let addr = url.trim_start_matches("http://").to_owned();
        let connect = tokio::net::TcpStream::connect(addr);
        tokio::time::timeout(Duration::from_millis(300), connect).await
    };
    let refusing = Refusing::start();
    assert!(
        connect(refusing.url()).await.unwrap().is_err(),
        "refused at once"
    );
    let unreachable = Unreachable::start().await;
    assert!(
        connect(unreachable.url()).await.is_err(),
        "no answer at all"
    );
}

#[tokio::test]
async fn canned_answers_say_their_text_in_every_format() {
    for dialect in Dialect::ALL {
        let upstream = Upstream::start().await;
        upstream.then(dialect.whole("Hello", Counts::of(3, 2)));
        upstream.then(dialect.stream(&["Hel", "lo"], Counts::of(3, 2)));
        let addr = upstream.addr.to_string();
        let whole = Call::ask(dialect, "m", false).send_to(&addr).await;
        assert_eq!(dialect.text_of(&whole.json()), "Hello", "{dialect:?}");

        let mut stream = Call::ask(dialect, "m", true).open_at(&addr).await;
        let events = stream.rest().await;
        let text: String = events
            .iter()
            .map(|event| dialect.delta_of(&event.json()))
            .collect();
        assert_eq!(text, "Hello", "{dialect:?}");
        let preamble = &events[..dialect.preamble()];
        let early: String = preamble
            .iter()
            .map(|event| dialect.delta_of(&event.json()))
            .collect();
        assert_eq!(
            early, "",
            "{dialect:?}: nothing to show before its preamble is over"
        );
        assert_ne!(
            dialect.delta_of(&events[dialect.preamble()].json()),
            "",
            "{dialect:?}"
        );
    }
}
