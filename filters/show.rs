//! Shows an upstream's answer to the client: held until its first content, then as it comes.

use std::time::Instant;

use bytes::Bytes;
use ledger::End;
use llm::tap::{Framing, Report, SAMPLE_BYTES, Seen, Tap, TapOptions};
use pingora::http::ResponseHeader;
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::attempt::{self, Attempt};
use crate::ctx::{Ctx, Stage};
use crate::exchange::Reply;
use crate::failover::{self, Happened};
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::upstream::{Stop, broken, while_client_stays};
use crate::{answer, hold, settle};

/// Bytes of a stream held back at most while its first content is awaited.
const MAX_HELD: usize = 64 * 1024;

/// Bytes handed on between two notes in the journal of how far an answer is.
const NOTED: u64 = 16 * 1024;

/// How the upstream's answer ended.
pub(crate) enum Ended {
    /// Its body is complete; the end is still to be written to the client.
    Properly,
    /// It broke off; the client was told.
    Cut,
}

/// An answer on its way to the client.
pub(crate) struct Showing {
    head: ResponseHeader,
    framing: Framing,
    tap: Tap,
    held: Vec<Bytes>,
    held_bytes: usize,
    shown: bool,
    hold: bool,
    /// The first bytes handed on, and how many in all: what a cut JSON body is estimated by.
    first: Bytes,
    handed: u64,
    /// So many of them when the journal was last told.
    noted: u64,
}

impl Showing {
    /// Begins with the head of a successful answer; unreadable ones are failed attempts.
    pub(crate) fn new(
        ctx: &Ctx,
        attempt: &Attempt,
        head: ResponseHeader,
    ) -> Result<Showing, Happened> {
        let framing = framing(ctx, &head)?;
        Ok(Showing {
            tap: Tap::new(options(ctx, attempt, framing)),
            hold: holds(ctx, attempt, framing),
            head,
            framing,
            held: Vec::new(),
            held_bytes: 0,
            shown: false,
            first: Bytes::new(),
            handed: 0,
            noted: 0,
        })
    }

    /// Hands the body on. At its proper end everything but the end itself was written.
    #[allow(clippy::too_many_arguments)] // the two sides of a proxy and what governs them
    pub(crate) async fn pump(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &mut Attempt,
        upstream: &mut Upstream,
        deadline: Instant,
        reused: bool,
    ) -> Result<Ended, Stop> {
        let idle = attempt.channel().timeouts.idle;
        if !self.hold {
            self.show(shared, session, ctx, attempt).await?;
        }
        loop {
            let limit = if self.shown {
                Instant::now() + idle
            } else {
                deadline.min(Instant::now() + idle)
            };
            let reading = tokio::time::timeout_at(limit.into(), upstream.read_response_body());
            let read = match while_client_stays(session, reading).await {
                Ok(read) => read,
                Err(stop) => return Err(self.client_gone(shared, ctx, stop).await),
            };
            let (seen, ended) = match read {
                Ok(Ok(Some(chunk))) => self.take_and_end(&chunk, upstream),
                Ok(Ok(None)) => (self.end(), true),
                Ok(Err(error)) => {
                    return self.cut(shared, session, ctx, broken(reused, &error)).await;
                }
                Err(_) => return self.cut(shared, session, ctx, Happened::TimedOut).await,
            };
            if !self.shown {
                self.judge_held(seen, ended)?;
                let ready = seen.content || ended || self.held_bytes > MAX_HELD;
                if !ready {
                    continue;
                }
            }
            if let Err(stop) = self.show(shared, session, ctx, attempt).await {
                return Err(self.client_gone(shared, ctx, stop).await);
            }
            if ended {
                return self.finished(shared, session, ctx).await;
            }
        }
    }

    /// A whole answer is over for the client with its last byte: then it ends here, too, so that
    /// it can be settled before.
    fn take_and_end(&mut self, chunk: &Bytes, upstream: &mut Upstream) -> (Seen, bool) {
        let seen = self.take(chunk);
        match matches!(self.framing, Framing::Whole) && upstream.response_done() {
            true => (self.end(), true),
            false => (seen, false),
        }
    }

    /// What the tap hands on of a chunk joins what is held.
    fn take(&mut self, chunk: &Bytes) -> Seen {
        let before = self.held.len();
        let seen = self.tap.push(chunk, &mut self.held);
        self.held_bytes += self.held[before..].iter().map(Bytes::len).sum::<usize>();
        seen
    }

    fn end(&mut self) -> Seen {
        self.tap.finish(&mut self.held)
    }

    /// A held answer that turns out to be none.
    fn judge_held(&self, seen: Seen, ended: bool) -> Result<(), Happened> {
        if seen.failed && !seen.content {
            return Err(Happened::ErrorIn200(
                self.tap
                    .report()
                    .fault
                    .clone()
                    .unwrap_or_else(|| llm::fault::read(500, b"")),
            ));
        }
        let streamed = !matches!(self.framing, Framing::Whole);
        if ended && streamed && !seen.content && !seen.terminal {
            return Err(Happened::Broken {
                reused: false,
                detail: "the stream ended before its first content".into(),
            });
        }
        Ok(())
    }

    /// Writes the head, once, and what is held.
    async fn show(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &mut Attempt,
    ) -> Result<(), Stop> {
        if !self.shown {
            self.begin(shared, session, ctx, attempt).await?;
        }
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let held = joined(held);
        if let Some(bytes) = held {
            if self.handed == 0 {
                self.first = bytes.slice(..bytes.len().min(SAMPLE_BYTES));
            }
            self.handed += bytes.len() as u64;
            if let Some(exchange) = ctx.exchange() {
                let first = exchange.arrived.elapsed();
                if let Some(reply) = &mut exchange.reply {
                    reply.first_byte.get_or_insert(first);
                }
            }
            if self.tap.report().terminal {
                // The client sees the end in these bytes: the journal has it before.
                self.settle(shared, ctx).await;
            }
            session
                .write_response_body(Some(bytes), false)
                .await
                .map_err(|error| Stop::ClientGone(error.into_down()))?;
            self.note(ctx, attempt);
        }
        Ok(())
    }

    /// Tells the journal now and then how far the answer is.
    fn note(&mut self, ctx: &mut Ctx, attempt: &Attempt) {
        if self.handed - self.noted < NOTED {
            return;
        }
        self.noted = self.handed;
        let report = self.tap.report();
        // A JSON body is only read whole.
        let output = match self.framing {
            Framing::Whole => self.handed,
            _ => report.output_bytes,
        };
        if let Some(exchange) = ctx.exchange()
            && let Some(slot) = &exchange.slot
        {
            let status = self.head.status.as_u16();
            slot.progress(hold::progress(exchange, attempt, status, output));
        }
    }

    /// Closes an answer that is complete, as an answer or as an error.
    async fn settle(&self, shared: &Shared, ctx: &mut Ctx) {
        let report = self.tap.report();
        let end = match report.fault {
            Some(_) => End::UpstreamError,
            None => End::Complete,
        };
        let status = self.head.status.as_u16();
        settle::close(shared, ctx, status, end, Some(report)).await;
    }

    async fn begin(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &mut Attempt,
    ) -> Result<(), Stop> {
        attempt.succeeded(shared);
        shared.metrics.attempt(&attempt.channel().name, "ok");
        let status = self.head.status.as_u16();
        let upstream_request_id = answer::upstream_id(&self.head.headers)
            .and_then(|id| id.to_str().ok().map(str::to_string));
        if let Some(exchange) = ctx.exchange() {
            exchange.reply = Some(Reply {
                first_byte: None,
                upstream_request_id,
            });
        }
        let head = answer::head(ctx, session, status, &self.head.headers, self.framing)
            .map_err(Stop::Broken)?;
        session
            .write_response_header(Box::new(head), false)
            .await
            .map_err(|error| Stop::ClientGone(error.into_down()))?;
        self.shown = true;
        Ok(())
    }

    /// The upstream's body ended properly and everything was handed on.
    async fn finished(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
    ) -> Result<Ended, Stop> {
        let report = self.tap.report();
        let whole = matches!(self.framing, Framing::Whole);
        if report.fault.is_none() && !report.terminal && !whole {
            let cut = Happened::Broken {
                reused: false,
                detail: "the stream ended without its terminal event".into(),
            };
            return self.cut(shared, session, ctx, cut).await;
        }
        self.settle(shared, ctx).await;
        Ok(Ended::Properly)
    }

    /// The answer broke off. Before it was shown that is a failed attempt; after, the client
    /// gets a last well-formed event where its format has one.
    async fn cut(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        happened: Happened,
    ) -> Result<Ended, Stop> {
        if !self.shown {
            return Err(Stop::Happened(happened));
        }
        let whole = matches!(self.framing, Framing::Whole);
        if !whole {
            // After the terminal event nothing is missing: a close without the last frame of
            // the transfer coding is normal then.
            self.tap.finish(&mut self.held);
        }
        let report = self.tap.report();
        let status = self.head.status.as_u16();
        let end = match (&report.fault, report.terminal) {
            (Some(_), _) => End::UpstreamError,
            (None, true) if !whole => End::Complete,
            _ => End::UpstreamCut,
        };
        let report = self.report_so_far();
        settle::close(shared, ctx, status, end, Some(&report)).await;
        tracing::warn!(
            request = &*ctx.id,
            detail = failover::detail(&happened),
            "the upstream's answer broke off"
        );
        if whole {
            // A cut JSON body must not look whole.
            let error = Error::explain(ErrorType::ConnectionClosed, "upstream cut");
            return Err(Stop::Broken(error));
        }
        let mut last = std::mem::take(&mut self.held);
        if end == End::UpstreamCut {
            last.push(self.last_word(ctx, &happened));
        }
        let written = match joined(last) {
            Some(bytes) => session.write_response_body(Some(bytes), true).await,
            None => session.write_response_body(None, true).await,
        };
        written
            .map(|()| Ended::Cut)
            .map_err(|error| Stop::Broken(error.into_down()))
    }

    /// What is known of an answer that did not come to its end. A JSON body is only read whole:
    /// a part of one is estimated by the bytes handed on.
    fn report_so_far(&self) -> Report {
        let mut report = self.tap.report().clone();
        if matches!(self.framing, Framing::Whole) && !report.content {
            report.output_sample = String::from_utf8_lossy(&self.first).into_owned();
            report.output_bytes = self.handed;
        }
        report
    }

    fn last_word(&self, ctx: &Ctx, happened: &Happened) -> Bytes {
        let refusal = match happened {
            Happened::TimedOut => Refusal::new(
                Cause::Timeout,
                "the upstream fell silent in the middle of its answer; send the request again",
            ),
            _ => Refusal::new(
                Cause::UpstreamFailed,
                "the upstream's answer broke off; send the request again",
            ),
        };
        refusal
            .with_telling(ctx.format, &ctx.id, |telling| self.tap.last_event(telling))
            .into()
    }

    /// The client left. What was seen is paid for; what it got to the end is complete.
    async fn client_gone(&mut self, shared: &Shared, ctx: &mut Ctx, stop: Stop) -> Stop {
        if !matches!(stop, Stop::ClientGone(_)) || !self.shown {
            return stop;
        }
        let report = self.report_so_far();
        let (status, end) = if report.terminal && self.held.is_empty() {
            (self.head.status.as_u16(), End::Complete)
        } else {
            (499, End::ClientGone)
        };
        settle::close(shared, ctx, status, end, Some(&report)).await;
        stop
    }
}

/// How the answer's body is framed, by what was asked for and what the head says.
fn framing(ctx: &Ctx, head: &ResponseHeader) -> Result<Framing, Happened> {
    let asked = match &ctx.stage {
        Stage::Exchange(exchange) => exchange.asked.as_ref(),
        _ => None,
    };
    let streamed = asked.is_some_and(|asked| asked.streamed());
    let wanted = asked.map_or(Framing::Whole, |asked| asked.framing);
    let content_type = head
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = content_type.split(';').next().unwrap_or("").trim();
    match kind.to_ascii_lowercase().as_str() {
        "text/event-stream" => Ok(Framing::Sse),
        // Some servers stream without saying what.
        "" | "text/plain" | "application/octet-stream" | "application/x-ndjson" if streamed => {
            Ok(wanted)
        }
        "application/json" if matches!(wanted, Framing::JsonArray) => Ok(Framing::JsonArray),
        kind if kind == "application/json" || kind.ends_with("+json") || kind.is_empty() => {
            Ok(Framing::Whole)
        }
        "text/plain" => Ok(Framing::Whole),
        _ => Err(Happened::Unreadable(
            "it is neither JSON nor an event stream".into(),
        )),
    }
}

fn options(ctx: &Ctx, attempt: &Attempt, framing: Framing) -> TapOptions {
    let (operation, hide_usage) = match &ctx.stage {
        Stage::Exchange(exchange) => (
            exchange.operation,
            exchange
                .asked
                .as_ref()
                .is_some_and(|asked| attempt::asks_usage(asked, attempt.candidate.format)),
        ),
        _ => (llm::Operation::Chat, false),
    };
    TapOptions {
        format: attempt.candidate.format,
        operation,
        framing,
        quirks: attempt.channel().quirks,
        hide_usage,
    }
}

/// Whether the answer's head waits for its first content.
fn holds(ctx: &Ctx, attempt: &Attempt, framing: Framing) -> bool {
    let quirky = attempt
        .channel()
        .quirks
        .has(llm::dialect::Quirks::ERRORS_IN_200);
    let asked_stream = match &ctx.stage {
        Stage::Exchange(exchange) => exchange
            .asked
            .as_ref()
            .is_some_and(|asked| asked.streamed()),
        _ => false,
    };
    let streamed = asked_stream || !matches!(framing, Framing::Whole);
    quirky || (streamed && ctx.snapshot.gateway.resilient_streams)
}

/// Several slices as one write: one system call, one chunk.
fn joined(mut slices: Vec<Bytes>) -> Option<Bytes> {
    slices.retain(|slice| !slice.is_empty());
    if slices.len() < 2 {
        return slices.pop();
    }
    let mut whole = Vec::with_capacity(slices.iter().map(Bytes::len).sum());
    for slice in &slices {
        whole.extend_from_slice(slice);
    }
    Some(whole.into())
}
