//! An explanation as an operator reads it.

use std::fmt;

use super::{Explained, Explanation, Reason};
use crate::health::{LaneState, Tick};
use crate::plan::{Candidate, list};
use crate::snapshot::AUTO;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} in {}, group {}", self.model, self.format, self.group)?;
        if let Some(refusal) = &self.refusal {
            writeln!(f, "  refused: {refusal}")?;
        }
        for (place, explained) in self.candidates.iter().enumerate() {
            write!(f, "  {}. ", place + 1)?;
            if self.group == AUTO {
                write!(f, "group {}: ", explained.candidate.group)?;
            }
            explained.describe(self.now, f)?;
        }
        if !self.left_out.is_empty() {
            writeln!(f, "left out:")?;
        }
        for left in &self.left_out {
            write!(f, "  {}", left.channel)?;
            if let Some(key) = left.key {
                write!(f, " key {}", key + 1)?;
            }
            write!(f, ": ")?;
            left.reason.describe(self.now, f)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Explained {
    fn describe(&self, now: Tick, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate {
            group: _,
            channel,
            key,
            model,
            format,
            wish,
        } = &self.candidate;
        write!(
            f,
            "{} key {}: {model} as {format}, priority {}, weight {} ({:.0} % of its tier)",
            channel.name,
            key + 1,
            self.priority,
            self.weight,
            self.share * 100.0
        )?;
        if wish.is_some() {
            write!(f, ", reasoning by the name's suffix")?;
        }
        match self.lane {
            LaneState::Up => writeln!(f),
            LaneState::RateLimited { until } => {
                writeln!(f, ", rate-limited for {} s", seconds(until, now))
            }
            LaneState::Shut { reason, .. } => writeln!(f, ", as a probe ({reason})"),
        }
    }
}

impl Reason {
    fn describe(&self, now: Tick, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Disabled => f.write_str("disabled"),
            Reason::OtherGroup(groups) => write!(f, "only in group {}", groups.join(", ")),
            Reason::ModelNotServed => f.write_str("does not serve the model"),
            Reason::OtherFormat(formats) => write!(f, "speaks only {}", list(formats)),
            Reason::Shut { reason, until } => {
                write!(f, "{reason}, next probe in {} s", seconds(*until, now))
            }
            Reason::TooManyBefore => f.write_str("too many better ones come before it"),
        }
    }
}

/// Rounded up: 0 would read as "now".
fn seconds(until: Tick, now: Tick) -> u64 {
    until.since(now).as_millis().div_ceil(1_000) as u64
}
