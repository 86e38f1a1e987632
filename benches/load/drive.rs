//! The two ways of driving a proxy: a closed loop, as fast as it goes, and an open loop, which is the same
//! load for a fast one and a slow one.

use std::io::{self, Error};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::clock::{now_ns, sleep_until};
use hdrhistogram::Histogram;

use crate::conn::Conn;
use crate::fleet::Server;
use crate::shot::Shot;

/// More than one failed request in a thousand makes a measurement worthless.
const FAILED_PER_MILLE: u64 = 1;
/// Requests of each connection before an open loop counts.
const WARM_UP: usize = 20;
/// From the warm-up of an open loop to its first arrival.
const LEAD: Duration = Duration::from_millis(100);

/// Looks at the bodies of answers.
pub(crate) trait Watch: Default + Send {
    /// Sees the next piece of a body, just read.
    fn see(&mut self, piece: &[u8]);
}

/// Nobody looks.
impl Watch for () {
    fn see(&mut self, _: &[u8]) {}
}

/// A closed loop: every connection sends its next request when it has the answer to the last.
#[derive(Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) connections: usize,
    /// Requests that are measured, over all connections.
    pub(crate) requests: usize,
    /// Requests of each connection before that.
    pub(crate) warm: usize,
}

/// What a loop cost.
pub(crate) struct Cost {
    /// CPU of the proxy per request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Answers per second of wall time.
    pub(crate) rate: f64,
}

impl Closed {
    /// Runs it; each connection has a watcher of its own.
    pub(crate) fn run<W: Watch>(self, server: &Server, shot: &Shot) -> io::Result<(Cost, Vec<W>)> {
        let (failed, taken) = (AtomicU64::new(0), AtomicUsize::new(0));
        let (start, end) = (
            Barrier::new(self.connections + 1),
            Barrier::new(self.connections + 1),
        );
        let client = || {
            let mut conn = Conn::to(shot.address);
            for _ in 0..self.warm {
                fire(&mut conn, shot, &failed, |_| ());
            }
            let mut watcher = W::default();
            start.wait();
            while taken.fetch_add(1, Ordering::Relaxed) < self.requests {
                fire(&mut conn, shot, &failed, |piece| watcher.see(piece));
            }
            end.wait();
            watcher
        };
        let (cpu, wall, watchers) = thread::scope(|scope| {
            let clients: Vec<_> = (0..self.connections).map(|_| scope.spawn(client)).collect();
            start.wait();
            let (cpu, began) = (server.child.cpu(), Instant::now());
            end.wait();
            let (wall, cpu_after) = (began.elapsed(), server.child.cpu());
            let watchers = clients
                .into_iter()
                .map(|client| client.join().expect("clients do not panic"))
                .collect();
            (cpu.and_then(|cpu| Ok(cpu_after? - cpu)), wall, watchers)
        });
        let total = self.requests + self.warm * self.connections;
        healthy(failed.into_inner(), total)?;
        let cost = Cost {
            cpu_us: cpu?.as_secs_f64() * 1e6 / self.requests as f64,
            rate: self.requests as f64 / wall.as_secs_f64(),
        };
        Ok((cost, watchers))
    }
}

/// An open loop: requests arrive at a fixed rate, whatever became of those before.
#[derive(Clone, Copy)]
pub(crate) struct Open {
    pub(crate) connections: usize,
    pub(crate) per_second: f64,
    pub(crate) duration: Duration,
}

impl Open {
    /// What it cost, however fast the proxy is. Greetings of new connections and the warm-up count, too.
    pub(crate) fn cost(self, server: &Server, shot: &Shot) -> io::Result<Cost> {
        let (before, began) = (server.child.cpu()?, Instant::now());
        let answered = self.first_bytes(shot)?.len() + (self.connections * WARM_UP) as u64;
        let (cpu, wall) = (server.child.cpu()? - before, began.elapsed());
        Ok(Cost {
            cpu_us: cpu.as_secs_f64() * 1e6 / answered as f64,
            rate: answered as f64 / wall.as_secs_f64(),
        })
    }

    /// Nanoseconds from each request's intended time of sending to the first byte of its answer.
    ///
    /// Connections take turns; one whose answer is late sends its next request late, but that
    /// request's time counts from when it was due: nothing is left out because the proxy was slow.
    pub(crate) fn first_bytes(self, shot: &Shot) -> io::Result<Histogram<u64>> {
        let failed = AtomicU64::new(0);
        let step_ns = (1e9 / self.per_second) as u64;
        let turns = self.duration.as_nanos() as u64 / step_ns / self.connections as u64;
        let ready = Barrier::new(self.connections);
        let epoch = AtomicU64::new(0);
        let client = |index: u64| {
            let mut seen = latencies();
            let mut conn = Conn::to(shot.address);
            for _ in 0..WARM_UP {
                fire(&mut conn, shot, &failed, |_| ());
            }
            if ready.wait().is_leader() {
                epoch.store(now_ns() + LEAD.as_nanos() as u64, Ordering::SeqCst);
            }
            ready.wait();
            let first = epoch.load(Ordering::SeqCst) + index * step_ns;
            for turn in 0..turns {
                let due = first + turn * step_ns * self.connections as u64;
                sleep_until(due);
                if let Some(at) = fire(&mut conn, shot, &failed, |_| ()) {
                    seen.saturating_record(at.saturating_sub(due));
                }
            }
            seen
        };
        let mut all = latencies();
        thread::scope(|scope| {
            let client = &client;
            let clients: Vec<_> = (0..self.connections as u64)
                .map(|index| scope.spawn(move || client(index)))
                .collect();
            for client in clients {
                let seen = client.join().expect("clients do not panic");
                all.add(seen).expect("all histograms are alike");
            }
        });
        let total = self.connections * (turns as usize + WARM_UP);
        healthy(failed.into_inner(), total)?;
        Ok(all)
    }
}

/// A histogram of nanoseconds up to a minute, three digits exact.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order")
}

/// One exchange; the time of its first byte unless it failed.
fn fire(conn: &mut Conn, shot: &Shot, failed: &AtomicU64, watch: impl FnMut(&[u8])) -> Option<u64> {
    match conn.exchange(&shot.request, watch) {
        Ok(answer) if answer.status == shot.expect => Some(answer.first_byte_ns),
        _ => {
            failed.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

fn healthy(failed: u64, total: usize) -> io::Result<()> {
    if failed * 1000 > total as u64 * FAILED_PER_MILLE {
        return Err(Error::other(format!("{failed} of {total} requests failed")));
    }
    Ok(())
}
