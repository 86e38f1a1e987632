//! What the gateway adds to the time until the first byte, at half of bare Pingora's capacity.

use std::io::{self, Error};
use std::time::Duration;

use benches::payload::REQUEST_BYTES;
use benches::script::Script;

use crate::Plan;
use crate::cases::{SHORT_STREAM, cost, in_turns, pairs};
use crate::drive::{Closed, Open};
use crate::fleet::{Fleet, Mode};
use crate::row::{Compare, Goal, Row};
use crate::shot::{Caller, Shape};

/// Connections that take turns: enough that none is still busy when its turn comes.
const CONNECTIONS: usize = 64;
const DURATION: Duration = Duration::from_secs(2);
const LOAD: f64 = 0.5;
const ADDED_P99_US: f64 = 200.0;
/// Ten times what bare Pingora takes on a quiet machine: beyond it, queues are measured.
const BUSY_P50_US: f64 = 1_500.0;
/// Finds the capacity.
const PILOT: Closed = Closed {
    connections: 8,
    requests: 20_000,
    warm: 500,
};

/// Measures JSON answers and conducted streams.
pub(crate) fn measure(fleet: &Fleet, plan: &Plan, push: &mut dyn FnMut(Row)) {
    let kinds = [
        ("first byte, JSON", Script::Whole),
        ("first byte, conducted stream", SHORT_STREAM),
    ];
    for (name, script) in kinds.into_iter().filter(|(name, _)| plan.wants(name)) {
        let rounds = rounds(fleet, script, plan).map_err(|error| error.to_string());
        for (index, (quantile, goal)) in QUANTILES.into_iter().enumerate() {
            push(Row {
                name: format!("{name}: {quantile} at 50 % load"),
                unit: "µs",
                compare: Compare::Added,
                goal,
                rounds: pairs(&rounds, |percentiles| percentiles[index]),
            });
        }
    }
}

const QUANTILES: [(&str, Option<Goal>); 3] = [
    ("p50", None),
    ("p99", Some(Goal::AtMost(ADDED_P99_US))),
    ("p99.9", None),
];

type Percentiles = [f64; QUANTILES.len()];

fn rounds(
    fleet: &Fleet,
    script: Script,
    plan: &Plan,
) -> io::Result<Vec<(Percentiles, Percentiles)>> {
    let shape = Shape {
        caller: Caller::Chat,
        script,
        bytes: REQUEST_BYTES,
    };
    let gateway = fleet.gateway(Mode::Resilient);
    let bare = shape.to_bare(fleet.bare.address);
    let gateway = shape.to_gateway(gateway.address);
    gateway.probe()?;
    let pilot = Closed {
        requests: plan.share(PILOT.requests),
        ..PILOT
    };
    let pilot = cost(pilot, &fleet.bare, &bare)?;
    let open = Open {
        connections: CONNECTIONS,
        // Of one proxy thread, which is what the closed loop fills: not of what the clients managed.
        per_second: LOAD * 1e6 / pilot.cpu_us,
        duration: DURATION / plan.divisor as u32,
    };
    in_turns(plan.rounds, |on_bare| {
        let seen = open.first_bytes(if on_bare { &bare } else { &gateway })?;
        let at = |quantile| seen.value_at_quantile(quantile) as f64 / 1e3;
        if on_bare && at(0.5) > BUSY_P50_US {
            return Err(Error::other(format!(
                "the machine is too busy: bare's p50 is {:.0} µs",
                at(0.5)
            )));
        }
        Ok([at(0.5), at(0.99), at(0.999)])
    })
}
