//! Counters of one process and those of a fleet do the same.

use std::sync::Arc;
use std::time::Duration;

use ledger::limit::{
    Admission, Bound, Breach, Counters, Entry, Kind, Limits, Memory, Permit, Scope,
};
use servers::Redis as Server;

use super::Redis;

/// Runs `story` on either kind, with a subject of its own.
async fn on_both<F>(story: impl Fn(Arc<dyn Counters>) -> F)
where
    F: Future<Output = ()>,
{
    story(Arc::new(Memory::default())).await;
    let server = Server::new();
    story(Arc::new(Redis::new(&server.url()).unwrap())).await;
}

fn bound(scope: Scope, limits: Limits) -> Bound {
    Bound {
        scope,
        subject: "some key: with signs".into(),
        limits,
    }
}

fn entry(id: &str, tokens: u64, bounds: &[Bound]) -> Entry {
    Entry {
        id: id.into(),
        bounds: bounds.to_vec(),
        tokens,
    }
}

fn rpm(limit: u64) -> Limits {
    Limits {
        rpm: Some(limit),
        ..Limits::default()
    }
}

async fn enter(counters: &Arc<dyn Counters>, entry: Entry) -> Option<Permit> {
    Permit::ask(counters, entry).await.1
}

/// What left is told beside the requests: a moment later.
async fn comes_in(counters: &Arc<dyn Counters>, entry: Entry) -> Permit {
    for _ in 0..500 {
        if let Some(permit) = enter(counters, entry.clone()).await {
            return permit;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{entry:?} never comes in");
}

#[tokio::test]
async fn a_minute_holds_so_many_requests_and_tells_when_there_is_room() {
    on_both(|counters| async move {
        let bounds = [bound(Scope::Key, rpm(2))];
        for (id, left) in [("a", 1), ("b", 0)] {
            let (admission, permit) = Permit::ask(&counters, entry(id, 0, &bounds)).await;
            permit.unwrap().settle(0);
            let Admission::Admitted { standing, .. } = admission else {
                panic!("{admission:?}");
            };
            let requests = standing.requests.unwrap();
            assert_eq!((requests.limit, requests.remaining), (2, left));
            assert!(requests.reset > Duration::from_secs(50), "{requests:?}");
        }
        let (admission, _) = Permit::ask(&counters, entry("c", 0, &bounds)).await;
        let Admission::Refused(breach) = admission else {
            panic!("{admission:?}");
        };
        assert_eq!(
            (breach.scope, breach.kind, breach.limit),
            (Scope::Key, Kind::Requests, 2)
        );
        assert!(
            (50..=60).contains(&breach.retry_after.as_secs()),
            "{breach:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_takes_nothing_from_any_bound() {
    on_both(|counters| async move {
        let key = bound(Scope::Key, rpm(3));
        let both = [key.clone(), bound(Scope::Group, rpm(1))];
        enter(&counters, entry("a", 0, &both))
            .await
            .unwrap()
            .settle(0);
        for id in ["b", "c", "d"] {
            assert!(enter(&counters, entry(id, 0, &both)).await.is_none());
        }
        for id in ["e", "f"] {
            let permit = enter(&counters, entry(id, 0, std::slice::from_ref(&key))).await;
            permit.expect("two are left to the key").settle(0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_is_free_when_its_permit_is_gone() {
    on_both(|counters| async move {
        let limits = Limits {
            concurrency: Some(1),
            ..Limits::default()
        };
        let bounds = [bound(Scope::User, limits)];
        let first = enter(&counters, entry("a", 0, &bounds)).await.unwrap();
        let (admission, _) = Permit::ask(&counters, entry("b", 0, &bounds)).await;
        let wanted = Breach {
            scope: Scope::User,
            kind: Kind::Concurrency,
            limit: 1,
            retry_after: Duration::from_secs(1),
        };
        assert_eq!(admission, Admission::Refused(wanted));
        drop(first);
        comes_in(&counters, entry("b", 0, &bounds)).await;
    })
    .await;
}

#[tokio::test]
async fn tokens_are_settled_with_the_real_count() {
    on_both(|counters| async move {
        let limits = Limits {
            tpm: Some(100),
            ..Limits::default()
        };
        let bounds = [bound(Scope::Model, limits)];
        let first = enter(&counters, entry("a", 60, &bounds)).await.unwrap();
        assert!(enter(&counters, entry("b", 60, &bounds)).await.is_none());
        first.settle(20);
        comes_in(&counters, entry("b", 60, &bounds))
            .await
            .settle(90);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(
            enter(&counters, entry("c", 1, &bounds)).await.is_none(),
            "20 and 90 were used"
        );
    })
    .await;
}

#[tokio::test]
async fn what_never_began_gives_everything_back() {
    on_both(|counters| async move {
        let limits = Limits {
            rpm: Some(1),
            tpm: Some(10),
            concurrency: Some(1),
            shadow: false,
        };
        let bounds = [bound(Scope::Key, limits)];
        drop(enter(&counters, entry("a", 10, &bounds)).await.unwrap());
        comes_in(&counters, entry("b", 10, &bounds))
            .await
            .settle(10);
    })
    .await;
}

#[tokio::test]
async fn a_shadow_refuses_nobody_and_tells() {
    on_both(|counters| async move {
        let limits = Limits {
            shadow: true,
            ..rpm(1)
        };
        let bounds = [bound(Scope::Key, limits)];
        enter(&counters, entry("a", 0, &bounds))
            .await
            .unwrap()
            .settle(0);
        let (admission, permit) = Permit::ask(&counters, entry("b", 0, &bounds)).await;
        permit.unwrap().settle(0);
        let Admission::Admitted { shadowed, .. } = admission else {
            panic!("{admission:?}");
        };
        assert_eq!(shadowed.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_gateways_share_what_is_left() {
    let server = Server::new();
    let node = || Arc::new(Redis::new(&server.url()).unwrap()) as Arc<dyn Counters>;
    let (one, other) = (node(), node());
    let bounds = [bound(Scope::Key, rpm(100))];
    let mut asking = Vec::new();
    for number in 0..300 {
        let counters = Arc::clone(if number % 2 == 0 { &one } else { &other });
        let entry = entry(&number.to_string(), 0, &bounds);
        asking.push(tokio::spawn(async move {
            let permit = enter(&counters, entry).await;
            permit.map(|permit| permit.settle(0)).is_some()
        }));
    }
    let mut admitted = 0;
    for asked in asking {
        admitted += u32::from(asked.await.unwrap());
    }
    assert_eq!(admitted, 100, "no more and no less, whoever asks");
}

#[tokio::test]
async fn a_redis_that_is_away_says_so_at_once_and_is_found_again() {
    let server = Server::new();
    let counters: Arc<dyn Counters> = Arc::new(Redis::new(&server.url()).unwrap());
    let bounds = [bound(Scope::Key, rpm(100))];
    assert!(enter(&counters, entry("a", 0, &bounds)).await.is_some());
    let port = server.stop();
    let begun = std::time::Instant::now();
    for id in 0..50 {
        let entry = entry(&id.to_string(), 0, &bounds);
        assert_eq!(Permit::ask(&counters, entry).await.0, Admission::Away);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "not every request waits: {:?}",
        begun.elapsed()
    );
    let _again = Server::at(port);
    comes_in(&counters, entry("b", 0, &bounds)).await;
}

#[test]
fn an_address_that_is_none_is_refused_without_being_repeated() {
    let error = Redis::new("http://:secret@host").err().unwrap().to_string();
    assert!(!error.contains("secret"), "{error}");
}
