//! Memory: of the idle process, and of each stream that stays open.

use std::io::{self, Error};
use std::path::Path;
use std::thread;
use std::time::Duration;

use benches::payload::{REQUEST_BYTES, Stamps};
use benches::script::Script;

use crate::Plan;
use crate::cases::cost;
use crate::conn::Conn;
use crate::drive::Closed;
use crate::fleet::{Mode, Server, Yard};
use crate::row::{Compare, Goal, Row};
use crate::shot::{Caller, Shape, Shot};

const STREAMS: usize = 1_000;
const IDLE_MIB: f64 = 20.0;
const STREAM_KIB: f64 = 32.0;
/// Until the allocator and the background tasks came to rest.
const SETTLE: Duration = Duration::from_secs(3);
/// What a process needs once, whatever the number of streams.
const WARM: Closed = Closed {
    connections: 8,
    requests: 2_000,
    warm: 0,
};

/// Measures fresh processes, so that nothing that ran before them shows.
pub(crate) fn measure(gateway: &Path, core: Option<usize>, plan: &Plan, push: &mut dyn FnMut(Row)) {
    if plan.wants("idle memory") {
        push(Row {
            name: "idle memory".to_owned(),
            unit: "MiB",
            compare: Compare::Alone,
            goal: Some(Goal::AtMost(IDLE_MIB)),
            rounds: idle(gateway, core).map_err(|error| error.to_string()),
        });
    }
    // A stream that kept what it handed on would cost 100 KiB more after 500 chunks.
    for chunks in [1, 500] {
        let name = format!("memory per open stream after {chunks} chunks");
        if !plan.wants(&name) {
            continue;
        }
        let rounds = per_stream(gateway, core, chunks, plan.share(STREAMS));
        push(Row {
            name,
            unit: "KiB",
            compare: Compare::Added,
            goal: Some(Goal::AtMost(STREAM_KIB)),
            rounds: rounds.map_err(|error| error.to_string()),
        });
    }
}

fn idle(gateway: &Path, core: Option<usize>) -> io::Result<Vec<(f64, f64)>> {
    let yard = Yard::open(core)?;
    let bare = yard.bare("bare", &[])?;
    let gateway = yard.gateway(gateway, Mode::Resilient, &[])?;
    thread::sleep(SETTLE);
    let mib = |server: &Server| Ok::<_, Error>(server.child.resident_bytes()? as f64 / 1048576.0);
    Ok(vec![(mib(&bare)?, mib(&gateway)?)])
}

fn per_stream(
    gateway: &Path,
    core: Option<usize>,
    chunks: usize,
    streams: usize,
) -> io::Result<Vec<(f64, f64)>> {
    let yard = Yard::open(core)?;
    let bare = yard.bare("bare", &[])?;
    let gateway = yard.gateway(gateway, Mode::Resilient, &[])?;
    let shape = Shape {
        caller: Caller::Chat,
        script: Script::Hold { chunks },
        bytes: REQUEST_BYTES,
    };
    let of_bare = grown(&bare, shape.to_bare(bare.address), streams, chunks)?;
    let of_gateway = grown(&gateway, shape.to_gateway(gateway.address), streams, chunks)?;
    Ok(vec![(of_bare, of_gateway)])
}

/// KiB that one open stream adds.
fn grown(server: &Server, shot: Shot, streams: usize, chunks: usize) -> io::Result<f64> {
    let warm = Shape {
        caller: Caller::Chat,
        script: Script::Whole,
        bytes: REQUEST_BYTES,
    };
    cost(WARM, server, &warm.to_gateway(server.address))?;
    thread::sleep(SETTLE);
    let before = server.child.resident_bytes()?;
    // One after the other: a crowd of beginnings would be measured as its peak.
    let open: Vec<Conn> = (0..streams)
        .map(|number| {
            begin(&shot, chunks).map_err(|error| Error::other(format!("stream {number}: {error}")))
        })
        .collect::<io::Result<_>>()?;
    thread::sleep(SETTLE);
    let after = server.child.resident_bytes()?;
    drop(open);
    Ok((after as f64 - before as f64) / 1024.0 / streams as f64)
}

/// Opens a stream and reads all that it sends before it falls silent.
fn begin(shot: &Shot, chunks: usize) -> io::Result<Conn> {
    let mut conn = Conn::to(shot.address);
    let (mut stamps, mut seen) = (Stamps::default(), 0);
    let answer = conn.exchange_until(&shot.request, |piece| {
        stamps.push(piece, |_| seen += 1);
        seen == chunks
    })?;
    match answer.status == shot.expect && seen == chunks {
        true => Ok(conn),
        false => Err(Error::other(format!(
            "status {}, {seen} chunks",
            answer.status
        ))),
    }
}
