//! Who gets in, who does not, and that a refusal costs nothing.

use super::super::Limits;
use super::*;

fn bound(scope: Scope, limits: Limits) -> Bound {
    Bound {
        scope,
        subject: "x".into(),
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

fn is_in(admission: &Admission) -> bool {
    matches!(admission, Admission::Admitted { .. })
}

#[test]
fn a_minute_holds_as_many_requests_as_it_says() {
    let memory = Memory::default();
    let bounds = [bound(Scope::Key, rpm(2))];
    assert!(is_in(&memory.enter_at(&entry("a", 0, &bounds), 100)));
    let Admission::Admitted { standing, .. } = memory.enter_at(&entry("b", 0, &bounds), 130) else {
        panic!("there was room");
    };
    let left = standing.requests.expect("a limit of requests");
    assert_eq!((left.limit, left.remaining), (2, 0));
    assert_eq!(
        memory.enter_at(&entry("c", 0, &bounds), 131),
        Admission::Refused(Breach {
            scope: Scope::Key,
            kind: Kind::Requests,
            limit: 2,
            retry_after: Duration::from_secs(29),
        })
    );
    assert!(is_in(&memory.enter_at(&entry("c", 0, &bounds), 160)));
}

#[test]
fn a_refusal_takes_nothing_from_any_bound() {
    let memory = Memory::default();
    let (key, group) = (bound(Scope::Key, rpm(5)), bound(Scope::Group, rpm(1)));
    let both = [key.clone(), group];
    assert!(is_in(&memory.enter_at(&entry("a", 0, &both), 100)));
    for id in ["b", "c", "d", "e"] {
        assert!(!is_in(&memory.enter_at(&entry(id, 0, &both), 100)));
    }
    for id in ["f", "g", "h", "i"] {
        let alone = [key.clone()];
        assert!(
            is_in(&memory.enter_at(&entry(id, 0, &alone), 100)),
            "four are left to the key"
        );
    }
}

#[test]
fn tokens_are_reserved_and_settled_with_the_real_count() {
    let memory = Memory::default();
    let limits = Limits {
        tpm: Some(100),
        ..Limits::default()
    };
    let bounds = [bound(Scope::Key, limits)];
    let first = entry("a", 60, &bounds);
    assert!(is_in(&memory.enter_at(&first, 100)));
    assert!(!is_in(&memory.enter_at(&entry("b", 60, &bounds), 101)));
    memory.leave_at(&first, 100, Some(20), 102);
    let second = entry("b", 60, &bounds);
    assert!(is_in(&memory.enter_at(&second, 103)), "only 20 were used");
    memory.leave_at(&second, 103, Some(200), 104);
    assert!(
        !is_in(&memory.enter_at(&entry("c", 0, &bounds), 105)),
        "what was used beyond the reservation counts too"
    );
}

#[test]
fn what_never_began_gives_everything_back() {
    let memory = Memory::default();
    let limits = Limits {
        rpm: Some(1),
        tpm: Some(10),
        concurrency: Some(1),
        shadow: false,
    };
    let bounds = [bound(Scope::Key, limits)];
    let first = entry("a", 10, &bounds);
    assert!(is_in(&memory.enter_at(&first, 100)));
    memory.leave_at(&first, 100, None, 101);
    memory.leave_at(&first, 100, None, 101);
    assert!(is_in(&memory.enter_at(&entry("b", 10, &bounds), 101)));
}

#[test]
fn only_so_many_are_inside_at_a_time() {
    let memory = Memory::default();
    let limits = Limits {
        concurrency: Some(1),
        ..Limits::default()
    };
    let bounds = [bound(Scope::Key, limits)];
    let first = entry("a", 0, &bounds);
    assert!(is_in(&memory.enter_at(&first, 100)));
    let refused = memory.enter_at(&entry("b", 0, &bounds), 400);
    assert!(matches!(
        refused,
        Admission::Refused(Breach {
            kind: Kind::Concurrency,
            ..
        })
    ));
    memory.leave_at(&first, 100, Some(1), 401);
    assert!(is_in(&memory.enter_at(&entry("b", 0, &bounds), 401)));
}

#[test]
fn a_shadow_lets_everybody_in_and_tells() {
    let memory = Memory::default();
    let limits = Limits {
        shadow: true,
        ..rpm(1)
    };
    let bounds = [bound(Scope::Key, limits)];
    assert!(is_in(&memory.enter_at(&entry("a", 0, &bounds), 100)));
    let Admission::Admitted {
        standing, shadowed, ..
    } = memory.enter_at(&entry("b", 0, &bounds), 100)
    else {
        panic!("a shadow refuses nobody");
    };
    assert_eq!(shadowed.len(), 1);
    assert_eq!(standing, Standing::default(), "it bounds nothing");
}

#[tokio::test]
async fn a_dropped_permit_frees_its_place() {
    use super::super::Permit;
    let counters: Arc<dyn Counters> = Arc::new(Memory::default());
    let limits = Limits {
        concurrency: Some(1),
        ..Limits::default()
    };
    let bounds = [bound(Scope::Key, limits)];
    for id in ["a", "b"] {
        let (admission, permit) = Permit::ask(&counters, entry(id, 0, &bounds)).await;
        assert!(is_in(&admission), "{id}");
        drop(permit);
    }
}

#[test]
fn subjects_at_rest_are_looked_for_once_a_second() {
    let memory = Memory::default();
    let pass = |name: usize, now| {
        let subject = Bound {
            subject: name.to_string().into(),
            ..bound(Scope::Key, rpm(1))
        };
        let entry = entry("a", 0, &[subject]);
        assert!(is_in(&memory.enter_at(&entry, now)));
        memory.leave_at(&entry, now, None, now);
    };
    (0..2 * MAX_IDLE_SUBJECTS + 100).for_each(|name| pass(name, 100));
    assert!(
        memory.subjects().len() > MAX_IDLE_SUBJECTS,
        "one look in that second"
    );
    pass(0, 101);
    assert!(memory.subjects().len() <= 2, "and another in the next");
}
