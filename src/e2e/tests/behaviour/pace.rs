//! What the gateway adds to a stream's time: nothing that a person could see.

use std::time::{Duration, Instant};

use e2e::{Call, Counts, Dialect, Gate, Gateway, Reply, Setup, Upstream};
use serde_json::json;

const COUNTS: Counts = Counts::of(3, 20);
const PACE: Duration = Duration::from_millis(50);

/// 20 chunks 50 ms apart: each must be shown before the next one was even said.
async fn paced_stream(change: serde_json::Value) {
    for dialect in Dialect::ALL {
        let upstream = Upstream::start().await;
        let gateway =
            Gateway::start(Setup::one(&upstream.url(), dialect).with(change.clone())).await;
        let texts: Vec<String> = (0..20).map(|n| format!("word{n} ")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        upstream.then(dialect.stream(&texts, COUNTS).paced(PACE));
        let start = Instant::now();
        let mut stream = gateway.stream(dialect).await;
        let mut arrivals = Vec::new();
        while let Some(event) = stream.next().await {
            if !dialect.delta_of(&event.json()).is_empty() {
                arrivals.push(event.at);
            }
        }
        assert_eq!(arrivals.len(), 20, "{dialect:?}: one event each");
        let said = |n: usize| PACE * u32::try_from(dialect.preamble() + n).unwrap();
        let first = arrivals[0] - start;
        assert!(
            first < said(0) + Duration::from_millis(500),
            "{dialect:?}: first content after {first:?}"
        );
        // What is buffered comes in clumps: gaps far below the pace. A busy machine makes some.
        let gaps: Vec<_> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let clumped = gaps.iter().filter(|gap| **gap < PACE / 5).count();
        assert!(clumped <= 5, "{dialect:?}: {gaps:?}");
        let mut sorted = gaps.clone();
        sorted.sort();
        let median = sorted[sorted.len() / 2];
        assert!(median < PACE * 2, "{dialect:?}: {gaps:?}");
    }
}

#[tokio::test]
async fn chunks_come_as_they_were_said() {
    paced_stream(json!({})).await;
}

#[tokio::test]
async fn chunks_come_as_they_were_said_without_resilience() {
    paced_stream(json!({ "gateway": { "resilient_streams": false } })).await;
}

/// Stronger than any clock: the upstream does not go on before the client saw the last word.
#[tokio::test]
async fn every_event_is_shown_before_the_next_one_is_said() {
    for resilient in [true, false] {
        for dialect in Dialect::ALL {
            let upstream = Upstream::start().await;
            let change = json!({ "gateway": { "resilient_streams": resilient } });
            let gateway = Gateway::start(Setup::one(&upstream.url(), dialect).with(change)).await;
            let texts = ["a ", "b ", "c ", "d ", "e "];
            let gates: Vec<Gate> = texts.iter().map(|_| Gate::new()).collect();
            let mut reply = dialect.stream(&texts, COUNTS);
            for (n, gate) in gates.iter().enumerate() {
                reply = reply.gated_at(dialect.preamble() + n + 1, gate);
            }
            upstream.then(reply);
            let mut stream = gateway.stream(dialect).await;
            for (text, gate) in texts.iter().zip(&gates) {
                let event = stream.first_text(dialect).await;
                assert_eq!(dialect.delta_of(&event.json()), *text, "{dialect:?}");
                gate.open();
            }
            stream.whole().await;
        }
    }
}

/// An event that comes in two halves is passed on in two halves when nothing must be looked for
/// in it, and whole otherwise; it is never kept longer than until its own end.
#[tokio::test]
async fn a_split_event_is_shown_with_its_second_half() {
    for dialect in Dialect::ALL {
        let upstream = Upstream::start().await;
        let gateway = Gateway::start(Setup::one(&upstream.url(), dialect)).await;
        let events = dialect.events(&["first", "second"], COUNTS);
        let at = dialect.preamble() + 1;
        let (head, tail) = events[at].split_at(events[at].len() - 9);
        let gate = Gate::new();
        let mut pieces = events[..at].to_vec();
        pieces.extend([head.to_owned(), tail.to_owned()]);
        pieces.push(events[at + 1..].concat());
        pieces.retain(|piece| !piece.is_empty());
        let reply = Reply::sse(pieces.clone()).paced(Duration::from_millis(20));
        let reply = if pieces.len() > at + 2 {
            reply.gated_at(at + 2, &gate)
        } else {
            reply
        };
        upstream.then(reply);
        let mut stream = gateway.stream(dialect).await;
        stream.first_text(dialect).await;
        let second = stream.first_text(dialect).await;
        assert_eq!(dialect.delta_of(&second.json()), "second", "{dialect:?}");
        gate.open();
        stream.whole().await;
    }
}

#[tokio::test]
async fn many_streams_at_once_all_arrive() {
    let upstream = Upstream::saying(
        Dialect::Chat
            .stream(&["a ", "b ", "c "], COUNTS)
            .paced(Duration::from_millis(30)),
    )
    .await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let addr = gateway.addr.clone();
        running.spawn(async move { Call::ask(Dialect::Chat, "m", true).send_to(&addr).await });
    }
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(
            answer.text().ends_with("data: [DONE]\n\n"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(gateway.records(60).await.len(), 60);
}
