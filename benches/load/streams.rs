//! What one chunk of a paced stream costs, and how late it arrives.

use std::io::{self, Error};
use std::time::Duration;

use benches::clock::now_ns;
use benches::payload::{REQUEST_BYTES, Stamps};
use benches::script::Script;
use hdrhistogram::Histogram;

use crate::Plan;
use crate::cases::{in_turns, pairs};
use crate::drive::{Closed, Watch, latencies};
use crate::fleet::{Fleet, Mode, Server};
use crate::row::{Compare, Goal, Row};
use crate::shot::{Caller, Shape};

/// Streams at a time. With `GAP` that is 12,800 chunks per second: a proxy thread is awake for
/// most chunks alone, as with real providers, and not overloaded.
const STREAMS: usize = 64;
const GAP: Duration = Duration::from_millis(5);
/// The cost of a chunk is the slope between two lengths: what a request costs falls out.
const SHORT: usize = 20;
const LONG: usize = 220;
/// Streams of each connection in one measurement; one lasts a second.
const REPEATS: usize = 1;

/// One round on one proxy.
struct Round {
    cpu_us: f64,
    delays: Histogram<u64>,
}

/// Measures same-format and translated streams, all of them conducted.
pub(crate) fn measure(fleet: &Fleet, plan: &Plan, push: &mut dyn FnMut(Row)) {
    let kinds = [
        ("same format", Caller::Chat, 1.3),
        ("messages on chat", Caller::MessagesOnChat, 2.0),
        ("chat on messages", Caller::ChatOnMessages, 2.0),
    ];
    for (format, caller, ratio) in kinds {
        let name = format!("chunk, {format}, conducted");
        if !plan.wants(&name) {
            continue;
        }
        let rounds = rounds(fleet, caller, plan).map_err(|error| error.to_string());
        let cpu = |round: &Round| round.cpu_us;
        let delay =
            |quantile| move |round: &Round| round.delays.value_at_quantile(quantile) as f64 / 1e3;
        push(Row {
            name: format!("{name}: CPU"),
            unit: "µs",
            compare: Compare::Ratio,
            goal: Some(Goal::AtMost(ratio)),
            rounds: pairs(&rounds, cpu),
        });
        for (quantile, of_chunks) in [("p50", 0.5), ("p99", 0.99)] {
            push(Row {
                name: format!("{name}: delay {quantile}"),
                unit: "µs",
                compare: Compare::Added,
                goal: None,
                rounds: pairs(&rounds, delay(of_chunks)),
            });
        }
    }
}

fn rounds(fleet: &Fleet, caller: Caller, plan: &Plan) -> io::Result<Vec<(Round, Round)>> {
    let gateway = fleet.gateway(Mode::Resilient);
    shape(caller, 1).to_gateway(gateway.address).probe()?;
    in_turns(plan.rounds, |on_bare| match on_bare {
        true => round(&fleet.bare, caller),
        false => round(gateway, caller),
    })
}

fn shape(caller: Caller, chunks: usize) -> Shape {
    Shape {
        caller,
        script: Script::Stream { chunks, gap: GAP },
        bytes: REQUEST_BYTES,
    }
}

fn round(server: &Server, caller: Caller) -> io::Result<Round> {
    let load = Closed {
        connections: STREAMS,
        requests: STREAMS * REPEATS,
        warm: 1,
    };
    let short = shape(caller, SHORT).to_gateway(server.address);
    let long = shape(caller, LONG).to_gateway(server.address);
    let (short, _) = load.run::<()>(server, &short)?;
    let (long, watchers) = load.run::<Delays>(server, &long)?;
    let mut delays = latencies();
    for watcher in watchers {
        delays.add(watcher.seen).expect("all histograms are alike");
    }
    let sent = STREAMS * REPEATS * LONG;
    if delays.len() != sent as u64 {
        return Err(Error::other(format!(
            "{} of {sent} chunks arrived",
            delays.len()
        )));
    }
    Ok(Round {
        cpu_us: (long.cpu_us - short.cpu_us) / (LONG - SHORT) as f64,
        delays,
    })
}

/// Measures from the mock's write of a chunk to the client's read of it.
struct Delays {
    stamps: Stamps,
    seen: Histogram<u64>,
}

impl Default for Delays {
    fn default() -> Delays {
        Delays {
            stamps: Stamps::default(),
            seen: latencies(),
        }
    }
}

impl Watch for Delays {
    fn see(&mut self, piece: &[u8]) {
        let now = now_ns();
        self.stamps.push(piece, |sent| {
            self.seen.saturating_record(now.saturating_sub(sent))
        });
    }
}
