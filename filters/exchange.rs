//! The caller's request: who, what, plan, answer. It outlives every attempt.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use config::plan::{Candidate, Plan};
use config::snapshot::{Snapshot, Token, User};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use ledger::limit::{Permit, Standing};
use ledger::writer::Slot;
use ledger::{End, Nanos, Record, UsageSource};
use llm::ask::Ask;
use llm::tap::Framing;
use llm::{Format, Operation};

use crate::budget::Held;

/// A model operation of an authenticated caller.
pub(crate) struct Exchange {
    pub(crate) id: Arc<str>,
    pub(crate) arrived: Instant,
    pub(crate) at: Timestamp,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) token: Arc<Token>,
    /// The key's owner; `None` for keys of the configuration.
    pub(crate) user: Option<Arc<User>>,
    pub(crate) client_request_id: Option<String>,
    pub(crate) format: Format,
    pub(crate) operation: Operation,
    /// The room for this request's record; taken when it is closed.
    pub(crate) slot: Option<Slot>,
    /// What the client sent, once it was read and understood.
    pub(crate) asked: Option<Asked>,
    /// The candidates, once planned.
    pub(crate) route: Option<Route>,
    /// The answer, once an upstream gave one that the client is shown.
    pub(crate) reply: Option<Reply>,
    /// The upstream's own id of the request, where its last answer was an error.
    pub(crate) refused_as: Option<HeaderValue>,
    /// Whether an attempt is under way that the upstream may charge for.
    pub(crate) under_way: bool,
    /// Fields that the conversion for the current attempt dropped, by the caller's names.
    pub(crate) dropped: Vec<Cow<'static, str>>,
    /// Its room under the limits; given back when it ends, however it ends.
    pub(crate) permit: Option<Permit>,
    /// What it holds of its key's budget and of its user's balance.
    pub(crate) held: Held,
    /// What is left under the limits, for the answer's headers.
    pub(crate) standing: Standing,
    /// Why it was refused, for the record.
    pub(crate) error: Option<String>,
    /// Time the gateway itself spent before the first attempt.
    pub(crate) overhead: Duration,
    /// What the upstream did not report, where the caller had to be told before the end.
    pub(crate) counted: Option<Counted>,
    /// Closed: the record is written.
    pub(crate) closed: Option<Closed>,
}

/// Tokens by the tokenizer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) input: u64,
    pub(crate) output: u64,
    /// Of so much of the answer.
    pub(crate) output_bytes: u64,
}

/// What the client asks for.
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    /// The body as it came, decompressed.
    pub(crate) body: Bytes,
    /// How a streamed answer is framed; `Whole` when none was asked for.
    pub(crate) framing: Framing,
    /// The client's query without credentials.
    pub(crate) query: String,
    /// The client's headers that travel on.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Asked {
    pub(crate) fn streamed(&self) -> bool {
        !matches!(self.framing, Framing::Whole)
    }
}

/// The plan and how far it was followed.
pub(crate) struct Route {
    pub(crate) plan: Plan,
    pub(crate) next: usize,
    pub(crate) attempts: u32,
    /// Replicas of the current candidate that were tried.
    pub(crate) tried: Vec<usize>,
}

impl Route {
    pub(crate) fn new(plan: Plan) -> Route {
        Route {
            plan,
            next: 0,
            attempts: 0,
            tried: Vec::new(),
        }
    }

    /// The candidate of the attempt under way, or of the last one.
    pub(crate) fn current(&self) -> Option<&Candidate> {
        self.plan.candidates.get(self.next)
    }
}

/// An answer that the client is being shown.
pub(crate) struct Reply {
    /// From arrival to the first byte of the body handed on.
    pub(crate) first_byte: Option<Duration>,
    pub(crate) upstream_request_id: Option<String>,
}

/// How an exchange ended, for the access line: what of its record is not known otherwise.
pub(crate) struct Closed {
    pub(crate) status: u16,
    pub(crate) end: End,
    pub(crate) channel: Option<String>,
    pub(crate) first_byte_ms: u64,
    pub(crate) duration_ms: u64,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) usage_source: UsageSource,
    pub(crate) cost: Nanos,
    pub(crate) error: Option<String>,
}

impl Closed {
    pub(crate) fn of(record: &Record) -> Closed {
        Closed {
            status: record.status,
            end: record.end,
            channel: record.channel.clone(),
            first_byte_ms: record.first_byte_ms.unwrap_or(0),
            duration_ms: record.duration_ms,
            input: record.usage.input,
            output: record.usage.output,
            usage_source: record.usage_source,
            cost: record.cost,
            error: record.error.clone(),
        }
    }
}

impl Exchange {
    /// The asked model, empty while the body is not understood.
    pub(crate) fn model(&self) -> &str {
        self.asked.as_ref().map_or("", |asked| &asked.ask.model)
    }

    /// The group of the candidate that answers, or that is tried first or was tried last; before
    /// there is a plan, the key's own.
    pub(crate) fn group(&self) -> &Arc<str> {
        let route = self.route.as_ref();
        let candidate = route.and_then(|route| route.current().or(route.plan.candidates.last()));
        candidate.map_or(&self.token.group, |candidate| &candidate.group)
    }

    /// The group of the key's owner: which groups it may use, and at which ratio.
    pub(crate) fn user_group(&self) -> Option<&str> {
        self.user.as_ref().map(|user| &*user.group)
    }

    pub(crate) fn streamed(&self) -> bool {
        self.asked.as_ref().is_some_and(Asked::streamed)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.route.as_ref().map_or(0, |route| route.attempts)
    }
}
