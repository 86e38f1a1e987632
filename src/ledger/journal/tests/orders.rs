//! Any order of holds, settlements, acknowledgements, rotations and deaths: one row for each id.

use proptest::prelude::*;

use super::*;
use crate::record::End;
use crate::record::fixtures::{hold, record};

/// What may happen next.
#[derive(Clone, Debug)]
enum Event {
    /// A request is held.
    Hold,
    /// One of those held makes progress.
    Progress(prop::sample::Index),
    /// One of those held is settled.
    Settle(prop::sample::Index),
    /// A request that was never held is settled.
    Refuse,
    /// The store takes so many records, and the journal knows.
    Store(usize),
    /// The store takes so many records, and the process dies before the journal knows.
    StoreAndDie(usize),
    /// The process dies; the next one recovers.
    Die,
    /// The process dies while another has its folder's copy: recovered twice.
    RecoverTwice,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Hold),
        3 => any::<prop::sample::Index>().prop_map(Event::Progress),
        6 => any::<prop::sample::Index>().prop_map(Event::Settle),
        2 => Just(Event::Refuse),
        4 => (1usize..20).prop_map(Event::Store),
        1 => (1usize..20).prop_map(Event::StoreAndDie),
        1 => Just(Event::Die),
        1 => Just(Event::RecoverTwice),
    ]
}

/// A gateway that lives and dies over one folder, and what it promised.
struct World {
    base: TempDir,
    journal: Option<Journal>,
    backlog: Option<Backlog>,
    rows: Rows,
    /// Held and not settled: id and ticket.
    open: Vec<(String, u64)>,
    settled: Vec<String>,
    lost: Vec<String>,
    next: usize,
}

impl World {
    fn new() -> World {
        let mut world = World {
            base: TempDir::new().unwrap(),
            journal: None,
            backlog: None,
            rows: Rows::default(),
            open: Vec::new(),
            settled: Vec::new(),
            lost: Vec::new(),
            next: 0,
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let journal = small(&self.base);
        self.backlog = Some(Backlog::new(Arc::clone(journal.core())));
        self.journal = Some(journal);
    }

    fn core(&self) -> &Core {
        self.journal.as_ref().unwrap().core()
    }

    fn new_id(&mut self) -> String {
        self.next += 1;
        format!("{:04}", self.next)
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Hold => {
                let id = self.new_id();
                let (ticket, _synced) = self.core().hold(&hold(&id)).unwrap();
                self.open.push((id, ticket));
            }
            Event::Progress(which) if !self.open.is_empty() => {
                let ticket = which.get(&self.open).1;
                self.core().progress(ticket, seen());
            }
            Event::Settle(which) if !self.open.is_empty() => {
                let (id, ticket) = self.open.swap_remove(which.index(self.open.len()));
                self.core().settle(ticket, &record(&id));
                self.settled.push(id);
            }
            Event::Progress(_) | Event::Settle(_) => {}
            Event::Refuse => {
                let id = self.new_id();
                self.core().settle(0, &record(&id));
                self.settled.push(id);
            }
            Event::Store(most) => {
                self.store(*most);
                let position = self.backlog.as_ref().unwrap().position();
                self.core().stored(position);
            }
            Event::StoreAndDie(most) => {
                self.store(*most);
                self.die();
                self.start();
            }
            Event::Die => {
                self.die();
                self.start();
            }
            Event::RecoverTwice => {
                let copy = TempDir::new().unwrap();
                copy_folders(self.base.path(), copy.path());
                self.die();
                // The same entries come to the same store once more.
                recover(copy.path(), &mut self.rows);
                self.start();
            }
        }
    }

    fn store(&mut self, most: usize) {
        let mut batch = Batch::default();
        let backlog = self.backlog.as_mut().unwrap();
        backlog.read(&mut batch, most).unwrap();
        let folder = self.core().folder().to_path_buf();
        self.rows.put(&folder, &batch);
    }

    fn die(&mut self) {
        self.backlog = None;
        self.journal = None;
        let found = recover(self.base.path(), &mut self.rows);
        assert_eq!(found.torn_bytes, 0);
        assert_eq!(found.lost, self.open.len() as u64);
        self.lost.extend(self.open.drain(..).map(|(id, _)| id));
        assert!(segments(self.base.path()).is_empty());
    }

    fn check(&self) {
        let of = |end: End| {
            let rows = self.rows.0.values().filter(|row| row.end == end);
            rows.map(|row| row.id.clone()).collect::<Vec<_>>()
        };
        let sorted = |ids: &[String]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids
        };
        assert_eq!(of(End::Complete), sorted(&self.settled));
        assert_eq!(of(End::GatewayLost), sorted(&self.lost));
        let all: Vec<_> = self.rows.0.keys().cloned().collect();
        assert_eq!(
            sorted(&self.rows.1.ids),
            all,
            "each once, by its place alone"
        );
    }
}

fn seen() -> Progress {
    Progress {
        status: 200,
        attempts: 1,
        channel: "c".into(),
        upstream_format: llm::Format::Chat,
        upstream_model: "m".into(),
        first_byte_ms: None,
        duration_ms: 1,
        output_bytes: 400,
    }
}

fn copy_folders(from: &Path, to: &Path) {
    for folder in Orphan::candidates(from, Path::new("")).unwrap() {
        let target = to.join(folder.file_name().unwrap());
        std::fs::create_dir(&target).unwrap();
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), target.join(file.file_name())).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn every_admitted_request_is_one_row(events in proptest::collection::vec(event(), 1..200)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.die();
        world.check();
    }
}

#[test]
fn a_long_run_removes_what_is_done_and_a_slow_stream_does_not_pin_it() {
    let mut world = World::new();
    world.happen(&Event::Hold);
    let slow = world.open[0].clone();
    world.core().progress(slow.1, seen());
    for _ in 0..500 {
        world.happen(&Event::Refuse);
        world.happen(&Event::Store(10));
    }
    let files = segments(world.base.path()).len();
    assert!(files < 8, "{files} segments are left of about 60");
    world.die();
    assert_eq!(world.lost, [slow.0.as_str()]);
    let row = &world.rows.0[&slow.0];
    assert_eq!((row.end, row.usage.output), (End::GatewayLost, 100));
    world.check();
}

#[test]
fn many_open_holds_are_carried_and_settled_where_they_are_then() {
    let mut world = World::new();
    for _ in 0..60 {
        world.happen(&Event::Hold);
    }
    for _ in 0..400 {
        world.happen(&Event::Refuse);
        world.happen(&Event::Store(10));
    }
    for ticket in 0..60 {
        let (id, ticket) = world.open[ticket].clone();
        world.core().settle(ticket, &record(&id));
        world.settled.push(id);
    }
    world.open.clear();
    world.happen(&Event::Store(1_000));
    let files = segments(world.base.path()).len();
    assert!(files < 8, "{files} segments are left");
    world.die();
    world.check();
}

#[test]
fn a_journal_that_is_done_leaves_nothing_behind() {
    let base = TempDir::new().unwrap();
    let journal = small(&base);
    let mut backlog = Backlog::new(Arc::clone(journal.core()));
    let (ticket, _synced) = journal.core().hold(&hold("a")).unwrap();
    journal.core().settle(ticket, &record("a"));
    let mut batch = Batch::default();
    backlog.read(&mut batch, 10).unwrap();
    assert_eq!(batch.records(), [record("a")]);
    journal.close(backlog.position());
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}
