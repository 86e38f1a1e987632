//! CPU per request, case by case, with the goals of each.

use std::io;
use std::time::Duration;

use benches::payload::{LARGE_BYTES, REQUEST_BYTES};
use benches::script::Script;

use crate::Plan;
use crate::drive::{Closed, Cost, Open};
use crate::fleet::{Fleet, Mode, Server};
use crate::row::{Compare, Goal, Row};
use crate::shot::{Caller, Shape, Shot};

/// Enough to keep one proxy thread busy; a queue, but not a mountain.
const CONNECTIONS: usize = 8;
/// Short measurements, many in turns: a disturbance of the machine then meets both sides.
const REQUESTS: usize = 8_000;
const WARM: usize = 100;
/// A megabyte costs some forty times an ordinary request.
const LARGE_REQUESTS: usize = 300;
const LARGE_WARM: usize = 5;

/// At the same load: so many connections take turns, for so long, at this share of what bare Pingora's core
/// carries.
const TAKING_TURNS: usize = 64;
const DURATION: Duration = Duration::from_millis(800);
const LOAD: f64 = 0.5;

/// The short stream: everything in one write, so that it is the request that is measured.
pub(crate) const SHORT_STREAM: Script = Script::Stream {
    chunks: 4,
    gap: Duration::ZERO,
};

/// One way of asking.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) mode: Mode,
    pub(crate) caller: Caller,
    pub(crate) script: Script,
    pub(crate) bytes: usize,
    goal: Goal,
}

impl Case {
    const fn ordinary(
        name: &'static str,
        mode: Mode,
        caller: Caller,
        script: Script,
        ratio: f64,
    ) -> Case {
        Case {
            name,
            mode,
            caller,
            script,
            bytes: REQUEST_BYTES,
            goal: Goal::AtMost(ratio),
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            caller: self.caller,
            script: self.script,
            bytes: self.bytes,
        }
    }

    fn load(&self, plan: &Plan) -> Closed {
        let (requests, warm) = match self.bytes {
            LARGE_BYTES => (LARGE_REQUESTS, LARGE_WARM),
            _ => (REQUESTS, WARM),
        };
        Closed {
            connections: CONNECTIONS,
            requests: plan.share(requests),
            warm: plan.share(warm),
        }
    }
}

/// Every case whose goal is a ratio of CPU.
pub(crate) const CASES: [Case; 11] = [
    Case::ordinary(
        "request, same format, direct",
        Mode::Direct,
        Caller::Chat,
        Script::Whole,
        1.25,
    ),
    Case::ordinary(
        "short stream, same format, direct",
        Mode::Direct,
        Caller::Chat,
        SHORT_STREAM,
        1.25,
    ),
    Case::ordinary(
        "short stream, same format, conducted",
        Mode::Resilient,
        Caller::Chat,
        SHORT_STREAM,
        1.6,
    ),
    Case::ordinary(
        "request, messages on chat, direct",
        Mode::Direct,
        Caller::MessagesOnChat,
        Script::Whole,
        1.5,
    ),
    Case::ordinary(
        "short stream, messages on chat, direct",
        Mode::Direct,
        Caller::MessagesOnChat,
        SHORT_STREAM,
        1.5,
    ),
    Case::ordinary(
        "short stream, messages on chat, conducted",
        Mode::Resilient,
        Caller::MessagesOnChat,
        SHORT_STREAM,
        1.85,
    ),
    Case::ordinary(
        "request, chat on messages, direct",
        Mode::Direct,
        Caller::ChatOnMessages,
        Script::Whole,
        1.5,
    ),
    Case::ordinary(
        "short stream, chat on messages, direct",
        Mode::Direct,
        Caller::ChatOnMessages,
        SHORT_STREAM,
        1.5,
    ),
    Case::ordinary(
        "short stream, chat on messages, conducted",
        Mode::Resilient,
        Caller::ChatOnMessages,
        SHORT_STREAM,
        1.85,
    ),
    Case::ordinary(
        "refusal of a bad key",
        Mode::Direct,
        Caller::Stranger,
        Script::Whole,
        0.5,
    ),
    Case {
        name: "1 MB body, same format",
        mode: Mode::Direct,
        caller: Caller::Chat,
        script: Script::Whole,
        bytes: LARGE_BYTES,
        goal: Goal::AtLeast(0.9),
    },
];

/// Measures every case that is wanted.
pub(crate) fn measure(fleet: &Fleet, plan: &Plan, push: &mut dyn FnMut(Row)) {
    for case in CASES.iter().filter(|case| plan.wants(case.name)) {
        let costs = costs(fleet, case, plan).map_err(|error| error.to_string());
        let row = |what: &str, unit, goal, value: fn(&Cost) -> f64| Row {
            name: format!("{}: {what}", case.name),
            unit,
            compare: Compare::Ratio,
            goal,
            rounds: pairs(&costs, value),
        };
        match case.goal {
            Goal::AtMost(_) => {
                push(row("CPU", "µs", Some(case.goal), |cost| cost.cpu_us));
                let paced = paced(fleet, case, plan, &costs).map_err(|error| error.to_string());
                push(Row {
                    name: format!("{}: CPU at the same load", case.name),
                    unit: "µs",
                    compare: Compare::Ratio,
                    goal: Some(case.goal),
                    rounds: pairs(&paced, |cost| cost.cpu_us),
                });
            }
            Goal::AtLeast(_) => {
                push(row("CPU", "µs", None, |cost| cost.cpu_us));
                // What one core can carry: the same as requests per second while the proxy is the
                // bottleneck, and still true when the clients are.
                let capacity: fn(&Cost) -> f64 = |cost| 1e6 / cost.cpu_us;
                push(row(
                    "capacity",
                    "requests/s of one core",
                    Some(case.goal),
                    capacity,
                ));
                push(row("throughput", "requests/s", None, |cost| cost.rate));
            }
        }
    }
}

/// Bare and gateway, round by round.
fn costs(fleet: &Fleet, case: &Case, plan: &Plan) -> io::Result<Vec<(Cost, Cost)>> {
    let server = fleet.gateway(case.mode);
    let shot = case.shape().to_gateway(server.address);
    let bare = case.shape().to_bare(fleet.bare.address);
    shot.probe()?;
    let load = case.load(plan);
    in_turns(plan.rounds, |on_bare| match on_bare {
        true => cost(load, &fleet.bare, &bare),
        false => cost(load, server, &shot),
    })
}

/// The same at a rate that both can serve. In a closed loop the slower one is asked less, its clients and its
/// upstream sleep meanwhile, and waking their core is on its bill.
fn paced(
    fleet: &Fleet,
    case: &Case,
    plan: &Plan,
    closed: &Result<Vec<(Cost, Cost)>, String>,
) -> io::Result<Vec<(Cost, Cost)>> {
    let closed = closed
        .as_ref()
        .map_err(|error| io::Error::other(error.clone()))?;
    let mut bare_us: Vec<f64> = closed.iter().map(|(bare, _)| bare.cpu_us).collect();
    bare_us.sort_by(f64::total_cmp);
    let open = Open {
        connections: TAKING_TURNS,
        per_second: LOAD * 1e6 / bare_us[bare_us.len() / 2],
        duration: DURATION / plan.divisor as u32,
    };
    let server = fleet.gateway(case.mode);
    let shot = case.shape().to_gateway(server.address);
    let bare = case.shape().to_bare(fleet.bare.address);
    in_turns(plan.rounds, |on_bare| match on_bare {
        true => open.cost(&fleet.bare, &bare),
        false => open.cost(server, &shot),
    })
}

/// One value of each round.
pub(crate) fn pairs<T>(
    rounds: &Result<Vec<(T, T)>, String>,
    value: impl Fn(&T) -> f64,
) -> Result<Vec<(f64, f64)>, String> {
    let rounds = rounds.as_ref().map_err(String::clone)?;
    Ok(rounds
        .iter()
        .map(|(bare, gateway)| (value(bare), value(gateway)))
        .collect())
}

/// Drives one proxy without looking at the answers.
pub(crate) fn cost(load: Closed, server: &Server, shot: &Shot) -> io::Result<Cost> {
    load.run::<()>(server, shot).map(|(cost, _)| cost)
}

/// Measures bare and gateway in each round, the other one first each time, so that a drift of the
/// machine favours neither.
pub(crate) fn in_turns<T>(
    rounds: usize,
    mut measure: impl FnMut(bool) -> io::Result<T>,
) -> io::Result<Vec<(T, T)>> {
    (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let bare = measure(true)?;
                Ok((bare, measure(false)?))
            } else {
                let gateway = measure(false)?;
                Ok((measure(true)?, gateway))
            }
        })
        .collect()
}
