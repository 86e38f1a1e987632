#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use config::Live;

use super::*;

/// A store that answers when it is let.
struct Slow {
    asked: AtomicUsize,
    gate: Mutex<mpsc::Receiver<Result<Nanos, &'static str>>>,
}

impl Statement for Slow {
    fn spent(&self, _: &Token) -> Result<Nanos, Unread> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.gate.lock().unwrap().recv().unwrap();
        Ok(answer?)
    }

    fn newest(&self, _: &Token, limit: usize) -> Result<Vec<Record>, Unread> {
        assert_eq!(limit, ROWS);
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }
}

type Gate = mpsc::Sender<Result<Nanos, &'static str>>;

fn slow() -> (Arc<Desk>, Arc<Slow>, Gate) {
    let (gate, gated) = mpsc::channel();
    let slow = Arc::new(Slow {
        asked: AtomicUsize::new(0),
        gate: Mutex::new(gated),
    });
    (Arc::new(Desk::new(slow.clone())), slow, gate)
}

fn token(n: usize) -> Arc<Token> {
    let yaml = format!("tokens: [{{ name: t{n}, key: sk-0000000{n:03} }}]");
    let snapshot = Live::from_text(&yaml, &|_| None).unwrap().full();
    snapshot.tokens.values().next().unwrap().clone()
}

async fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "it never happens");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_key_that_polls_asks_the_store_once_a_second() {
    let (desk, slow, gate) = slow();
    let token = token(0);
    gate.send(Ok(Nanos(7))).unwrap();
    for _ in 0..20 {
        assert_eq!(desk.spent(&token).await, Ok(Nanos(7)));
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    desk.log(&token, |_| Bytes::from("log")).await.unwrap();
    assert_eq!(slow.asked.load(Ordering::SeqCst), 2, "another question");
    tokio::time::sleep(FRESH).await;
    gate.send(Ok(Nanos(8))).unwrap();
    assert_eq!(desk.spent(&token).await, Ok(Nanos(8)));
}

#[tokio::test]
async fn one_key_takes_one_place_and_all_of_them_eight() {
    let (desk, slow, gate) = slow();
    let mut waiting = Vec::new();
    for place in 0..AT_A_TIME {
        for _ in 0..10 {
            let (desk, token) = (desk.clone(), token(place));
            waiting.push(tokio::spawn(async move { desk.spent(&token).await }));
        }
    }
    until(|| slow.asked.load(Ordering::SeqCst) > 0).await;
    until(|| desk.permits.available_permits() == 0).await;
    assert_eq!(desk.spent(&token(99)).await, Err(NoAnswer::Busy));
    let busy = Refusal::from(NoAnswer::Busy);
    assert_eq!(busy.retry_after_seconds(), Some(1));
    for _ in 0..AT_A_TIME {
        gate.send(Ok(Nanos(1))).unwrap();
    }
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), Ok(Nanos(1)));
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), AT_A_TIME);
    until(|| desk.permits.available_permits() == AT_A_TIME).await;
    gate.send(Ok(Nanos(2))).unwrap();
    assert_eq!(desk.spent(&token(99)).await, Ok(Nanos(2)));
}

#[tokio::test]
async fn a_store_that_is_away_is_not_asked_again_at_once() {
    let (desk, slow, gate) = slow();
    let token = token(0);
    gate.send(Err("away")).unwrap();
    for _ in 0..3 {
        assert_eq!(desk.spent(&token).await, Err(NoAnswer::Away));
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_leaves_its_question_to_others() {
    let (desk, slow, gate) = slow();
    let token = token(0);
    let gone = {
        let (desk, token) = (desk.clone(), token.clone());
        tokio::spawn(async move { desk.spent(&token).await })
    };
    until(|| slow.asked.load(Ordering::SeqCst) == 1).await;
    gone.abort();
    gate.send(Ok(Nanos(3))).unwrap();
    assert_eq!(desk.spent(&token).await, Ok(Nanos(3)));
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_question_that_breaks_is_asked_again_later() {
    let (desk, _slow, gate) = slow();
    let token = token(0);
    // The store's side panics when nobody can let it answer.
    drop(gate);
    assert_eq!(desk.spent(&token).await, Err(NoAnswer::Away));
    let now = Instant::now() + FRESH;
    let begun = desk.spent.find_or(&token.id, now, || Err(NoAnswer::Busy));
    assert!(begun.is_err(), "it is not on its way");
}

#[test]
fn only_so_many_answers_are_kept() {
    let kept = Kept::new(3);
    let now = Instant::now();
    let came = || Ok(watch::channel(Some(Ok(1))).1);
    let (tell, coming) = watch::channel(None);
    kept.find_or(&"coming".into(), now, || Ok(coming)).unwrap();
    for n in 0..10 {
        kept.find_or(&format!("{n}").into(), now, came).unwrap();
        assert!(kept.by_key.lock().unwrap().len() <= 3);
    }
    let again = kept.find_or(&"coming".into(), now, || Err(NoAnswer::Busy));
    assert!(again.is_ok(), "what is on its way is not forgotten");
    drop(tell);
    let later = now + FRESH;
    kept.find_or(&"last".into(), later, came).unwrap();
    assert_eq!(kept.by_key.lock().unwrap().len(), 1, "old ones go");
}
