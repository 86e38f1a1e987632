//! Shows an upstream's answer to the client: held until its first content, then as it comes.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, header};
use ledger::End;
use llm::fault::Fault;
use llm::tap::{Framing, Report, SAMPLE_BYTES, Seen};
use pingora::http::ResponseHeader;
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::proxy::Session;
use pingora::time::timeout;
use pingora::{Error, ErrorType};

use crate::answer::Shape;
use crate::attempt::Attempt;
use crate::ctx::{Ctx, Stage};
use crate::exchange::Reply;
use crate::failover::{self, Happened};
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::translate::Reading;
use crate::upstream::{Stop, broken, left, while_client_stays};
use crate::{answer, error_event, framing, hold, settle};

/// Bytes of a stream held back at most while its first content is awaited.
const MAX_HELD: usize = 64 * 1024;
/// Between two notes in the journal of how far an answer is: bytes handed on, or time when there were
/// fewer. What a crash leaves uncharged is no more.
const NOTED: u64 = 16 * 1024;
const NOTED_EVERY: Duration = Duration::from_millis(500);

/// How the upstream's answer ended.
pub(crate) enum Ended {
    /// Its body is complete; the end is still to be written to the client.
    Properly,
    /// It broke off; the client was told.
    Cut,
}

/// An answer on its way to the client.
pub(crate) struct Showing {
    status: u16,
    framing: Framing,
    /// The body's length, when it is known before the head is shown.
    length: Option<HeaderValue>,
    reading: Reading,
    /// The caller gets the translated answer as one JSON value: nothing can be shown before its end.
    gathers: bool,
    held: Vec<Bytes>,
    held_bytes: usize,
    shown: bool,
    hold: bool,
    /// Errors in the answer are ours to tell, or to try elsewhere.
    judges: bool,
    /// The first bytes handed on, and how many in all: what a cut JSON body is estimated by.
    first: Bytes,
    handed: u64,
    /// So many of them when the journal was last told.
    noted: u64,
    noted_at: Instant,
}

/// What was read in one go, and what it means.
#[derive(Default)]
struct Step {
    seen: Seen,
    ended: bool,
    broke: Option<Happened>,
}

/// What came of reading on.
enum Read {
    Chunk(Bytes),
    End,
    Broke(Happened),
}

impl Showing {
    /// Begins with the head of a successful answer; unreadable ones are failed attempts.
    pub(crate) fn new(
        ctx: &Ctx,
        attempt: &Attempt,
        head: &ResponseHeader,
    ) -> Result<Showing, Happened> {
        let Some((exchange, asked)) = ctx.asked() else {
            return Err(Happened::Unreadable("no request".into()));
        };
        let framing = framing::of(&head.headers, attempt.framing(asked))?;
        let length = head.headers.get(header::CONTENT_LENGTH);
        let reading = Reading::new(exchange, asked, attempt, framing);
        let gathers = reading.is_translated() && !asked.streamed();
        let own = matches!(framing, Framing::Whole) && !reading.is_translated();
        let judges = gathers || holds(ctx, attempt, framing);
        // Nobody can use half a JSON value, so one is held as well, as far as there is room. What it says is
        // the caller's to read. A compressed one is not read here.
        let whole = own && !head.headers.contains_key(header::CONTENT_ENCODING);
        Ok(Showing {
            length: length.filter(|_| own).cloned(),
            hold: whole || judges,
            judges,
            reading,
            gathers,
            status: head.status.as_u16(),
            framing,
            held: Vec::new(),
            held_bytes: 0,
            shown: false,
            first: Bytes::new(),
            handed: 0,
            noted: 0,
            noted_at: Instant::now(),
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
        loop {
            let read = match ready(upstream, reused) {
                Some(read) => read,
                None => {
                    if !self.hold {
                        self.show(shared, session, ctx, attempt, upstream).await?;
                    }
                    let whole = matches!(self.framing, Framing::Whole);
                    let limit = match self.shown || whole {
                        true => idle,
                        false => idle.min(left(deadline)),
                    };
                    match wait(session, upstream, limit, reused).await {
                        Ok(read) => read,
                        Err(stop) => return Err(self.client_gone(shared, ctx, stop).await),
                    }
                }
            };
            let mut step = self.gather(ctx, attempt, read, upstream, reused);
            if self.reading.owes_usage() {
                step.seen = self.count(ctx).await;
                if step.ended {
                    self.complete();
                }
            }
            if step.seen.terminal {
                self.keep_proofs(shared, ctx);
            }
            if self.hold && !self.shown && step.broke.is_none() {
                self.judge_held(step.seen, step.ended)?;
            }
            let content = step.seen.content && !self.gathers;
            let waits = self.hold && !self.shown && !content && !step.ended;
            if (!waits || self.held_bytes > MAX_HELD)
                && let Err(stop) = self.show(shared, session, ctx, attempt, upstream).await
            {
                return Err(self.client_gone(shared, ctx, stop).await);
            }
            if self.reading.is_translated()
                && let Some(fault) = self.reading.report().fault.clone()
                && self.shown
            {
                return self.told(shared, session, ctx, attempt, fault).await;
            }
            if let Some(happened) = step.broke {
                return self.cut(shared, session, ctx, attempt, happened).await;
            }
            if step.ended {
                return self.finished(shared, session, ctx, attempt).await;
            }
        }
    }

    /// Takes what was read and all that lies ready behind it: one write instead of several.
    fn gather(
        &mut self,
        ctx: &Ctx,
        attempt: &Attempt,
        first: Read,
        upstream: &mut Upstream,
        reused: bool,
    ) -> Step {
        let mut step = Step::default();
        let mut read = first;
        loop {
            if let Read::Chunk(chunk) = &read {
                step.seen = self.take(ctx, attempt, chunk);
                if self.is_over(upstream) {
                    read = Read::End;
                }
            }
            match read {
                Read::Chunk(_) => {}
                Read::End => {
                    step.seen = self.end();
                    step.ended = true;
                    self.complete();
                }
                Read::Broke(happened) => step.broke = Some(happened),
            }
            let over = step.ended || step.broke.is_some() || self.held_bytes > MAX_HELD;
            read = match (!over).then(|| ready(upstream, reused)).flatten() {
                Some(next) => next,
                None => return step,
            };
        }
    }

    /// A whole answer is over for the client with its last byte: then it ends here, too, so that
    /// it can be settled before.
    fn is_over(&self, upstream: &mut Upstream) -> bool {
        matches!(self.framing, Framing::Whole) && upstream.response_done()
    }

    /// A body that is all here before any of it was shown has a known length: the client gets
    /// head and body in one piece.
    fn complete(&mut self) {
        let report = self.reading.report();
        if self.reading.is_translated() && report.fault.is_some() {
            // What tells the caller is still to come.
            return;
        }
        let proper = matches!(self.framing, Framing::Whole) || report.terminal;
        if !self.shown && proper {
            self.length = Some(self.held_bytes.into());
        }
    }

    /// What the tap hands on of a chunk joins what is held.
    fn take(&mut self, ctx: &Ctx, attempt: &Attempt, chunk: &Bytes) -> Seen {
        let before = self.held.len();
        let well = self.reading.report().fault.is_none();
        let seen = self.reading.push(chunk, &mut self.held);
        if well && seen.failed && !self.reading.is_translated() {
            self.clean(ctx, attempt, before);
        }
        self.held_bytes += bytes_of(&self.held[before..]);
        seen
    }

    /// An error event just came: its words are scrubbed, or told anew where they cannot be
    /// found. What of it came with an earlier chunk has gone out.
    fn clean(&mut self, ctx: &Ctx, attempt: &Attempt, from: usize) {
        let Some(fault) = self.reading.report().fault.clone() else {
            return;
        };
        let clean = attempt.scrub(&fault.message);
        if clean == fault.message {
            return;
        }
        let event = error_event::cleaned(&self.held[from..], &fault.message, &clean);
        let event = event
            .unwrap_or_else(|| self.last_word(ctx, &Refusal::new(Cause::UpstreamFailed, clean)));
        self.held.truncate(from);
        self.held.push(event);
    }

    fn end(&mut self) -> Seen {
        let before = self.held.len();
        let seen = self.reading.finish(&mut self.held);
        self.held_bytes += bytes_of(&self.held[before..]);
        seen
    }

    /// Counts what the upstream did not report, so that the caller reads what the record says.
    async fn count(&mut self, ctx: &mut Ctx) -> Seen {
        let report = self.reading.report();
        let counted = settle::estimate(ctx, report).await;
        let before = self.held.len();
        let seen = self.reading.count(counted, &mut self.held);
        self.held_bytes += bytes_of(&self.held[before..]);
        seen
    }

    /// Before the caller sees the end, and asks on.
    fn keep_proofs(&mut self, shared: &Shared, ctx: &mut Ctx) {
        let Some(exchange) = ctx.exchange() else {
            return;
        };
        for (id, proof) in self.reading.take_proofs() {
            let caller = &exchange.token.id;
            shared.proofs.keep(caller, &id, proof, Instant::now());
        }
    }

    /// A held answer that turns out to be none.
    fn judge_held(&self, seen: Seen, ended: bool) -> Result<(), Happened> {
        if self.judges && seen.failed && (!seen.content || self.gathers) {
            let fault = self.reading.report().fault.clone();
            let fault = fault.unwrap_or_else(|| llm::fault::read(500, b""));
            return Err(Happened::ErrorIn200(Box::new(fault)));
        }
        let streamed = !matches!(self.framing, Framing::Whole);
        if ended && self.reading.report().unreadable && self.hold {
            let nothing = "the upstream's answer holds nothing that can be read";
            return Err(Happened::Unreadable(nothing.into()));
        }
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
        upstream: &Upstream,
    ) -> Result<(), Stop> {
        if !self.shown {
            self.begin(shared, session, ctx, attempt, upstream).await?;
        }
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let held = joined(held);
        if let Some(bytes) = held {
            // Only of a JSON body: a stream is read as it passes.
            if self.handed == 0 && matches!(self.framing, Framing::Whole) {
                self.first = bytes.slice(..bytes.len().min(SAMPLE_BYTES));
            }
            self.handed += bytes.len() as u64;
            if let Some(exchange) = ctx.exchange() {
                let first = exchange.arrived.elapsed();
                if let Some(reply) = &mut exchange.reply {
                    reply.first_byte.get_or_insert(first);
                }
            }
            if self.reading.report().terminal {
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
        let news = self.handed - self.noted;
        if news == 0 || news < NOTED && self.noted_at.elapsed() < NOTED_EVERY {
            return;
        }
        self.noted = self.handed;
        self.noted_at = Instant::now();
        let report = self.reading.report();
        // A JSON body is only read whole.
        let output = match self.framing {
            Framing::Whole => self.handed,
            _ => report.output_bytes,
        };
        if let Some(exchange) = ctx.exchange()
            && let Some(slot) = &exchange.slot
        {
            let status = self.status;
            slot.progress(hold::progress(exchange, attempt, status, output));
        }
    }

    /// Closes an answer that is complete, as an answer or as an error.
    async fn settle(&self, shared: &Shared, ctx: &mut Ctx) {
        let report = self.reading.report();
        let end = match report.fault {
            Some(_) => End::UpstreamError,
            None => End::Complete,
        };
        let status = self.status;
        settle::close(shared, ctx, status, end, Some(report)).await;
    }

    async fn begin(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &mut Attempt,
        upstream: &Upstream,
    ) -> Result<(), Stop> {
        attempt.succeeded(shared);
        shared.metrics.attempt(&attempt.channel().name, "ok");
        let none = HeaderMap::new();
        let theirs = upstream
            .response_header()
            .map_or(&none, |head| &head.headers);
        let upstream_request_id =
            answer::upstream_id(theirs).and_then(|id| id.to_str().ok().map(str::to_string));
        if let Some(exchange) = ctx.exchange() {
            exchange.reply = Some(Reply {
                first_byte: None,
                upstream_request_id,
            });
        }
        let length = self.length.take();
        let head = answer::head(ctx, session, self.status, theirs, self.shape(ctx), length)
            .map_err(Stop::Broken)?;
        session
            .write_response_header(Box::new(head), false)
            .await
            .map_err(|error| Stop::ClientGone(error.into_down()))?;
        self.shown = true;
        Ok(())
    }

    /// How the caller gets the body.
    fn shape(&self, ctx: &Ctx) -> Shape {
        match (self.reading.is_translated(), ctx.asked()) {
            (true, Some((_, asked))) => Shape::Translated(asked.framing),
            _ => Shape::AsItCame(self.framing),
        }
    }

    /// An error came in the middle of a translated stream: the caller is told in its own words.
    async fn told(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &Attempt,
        fault: Fault,
    ) -> Result<Ended, Stop> {
        let report = self.reading.report();
        settle::close(shared, ctx, self.status, End::UpstreamError, Some(report)).await;
        let refusal = failover::refusal(&Happened::ErrorIn200(Box::new(fault)), |text| {
            attempt.scrub(text)
        });
        let last = self.last_word(ctx, &refusal);
        session
            .write_response_body(Some(last), true)
            .await
            .map(|()| Ended::Cut)
            .map_err(|error| Stop::Broken(error.into_down()))
    }

    /// The upstream's body ended properly and everything was handed on.
    async fn finished(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &Attempt,
    ) -> Result<Ended, Stop> {
        let report = self.reading.report();
        let whole = matches!(self.framing, Framing::Whole);
        if report.fault.is_none() && !report.terminal && !whole {
            let cut = Happened::Broken {
                reused: false,
                detail: "the stream ended without its terminal event".into(),
            };
            return self.cut(shared, session, ctx, attempt, cut).await;
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
        attempt: &Attempt,
        happened: Happened,
    ) -> Result<Ended, Stop> {
        if !self.shown {
            return Err(Stop::Happened(happened));
        }
        let whole = matches!(self.framing, Framing::Whole);
        if !whole {
            // After the terminal event nothing is missing: a close without the last frame of
            // the transfer coding is normal then.
            self.reading.finish(&mut self.held);
        }
        let report = self.reading.report();
        let status = self.status;
        let end = match (&report.fault, report.terminal) {
            (Some(_), _) => End::UpstreamError,
            (None, true) if !whole => End::Complete,
            _ => End::UpstreamCut,
        };
        if end == End::UpstreamCut {
            attempt.broke_off(shared);
        }
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
            last.push(self.last_word(ctx, &broken_off(&happened)));
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
    /// a part of one is estimated by the bytes handed on. What is held was handed to nobody.
    fn report_so_far(&self) -> Report {
        let mut report = self.reading.report().clone();
        if !self.shown {
            report.output_sample.clear();
            report.output_bytes = 0;
        }
        if matches!(self.framing, Framing::Whole) && !report.content {
            report.output_sample = String::from_utf8_lossy(&self.first).into_owned();
            report.output_bytes = self.handed;
        }
        report
    }

    fn last_word(&mut self, ctx: &Ctx, refusal: &Refusal) -> Bytes {
        let reading = &mut self.reading;
        refusal
            .with_telling(ctx.format, &ctx.id, |telling| reading.last_event(telling))
            .into()
    }

    /// The client left. What was seen is paid for; what it got to the end is complete.
    async fn client_gone(&mut self, shared: &Shared, ctx: &mut Ctx, stop: Stop) -> Stop {
        if !matches!(stop, Stop::ClientGone(_)) {
            return stop;
        }
        let report = self.report_so_far();
        let (status, end) = if self.shown && report.terminal && self.held.is_empty() {
            (self.status, End::Complete)
        } else {
            (499, End::ClientGone)
        };
        settle::close(shared, ctx, status, end, Some(&report)).await;
        stop
    }
}

/// What can be read without waiting.
fn ready(upstream: &mut Upstream, reused: bool) -> Option<Read> {
    let read = upstream.read_response_body().now_or_never()?;
    Some(Read::of(read, reused))
}

/// Waits for more while the client stays, at most `limit`.
async fn wait(
    session: &mut Session,
    upstream: &mut Upstream,
    limit: Duration,
    reused: bool,
) -> Result<Read, Stop> {
    let reading = timeout(limit, upstream.read_response_body());
    match while_client_stays(session, pin!(reading)).await? {
        Ok(read) => Ok(Read::of(read, reused)),
        Err(_) => Ok(Read::Broke(Happened::TimedOut)),
    }
}

impl Read {
    fn of(read: pingora::Result<Option<Bytes>>, reused: bool) -> Read {
        match read {
            Ok(Some(chunk)) => Read::Chunk(chunk),
            Ok(None) => Read::End,
            Err(error) => Read::Broke(broken(reused, &error)),
        }
    }
}

/// What the caller of a stream is told when its answer broke off.
fn broken_off(happened: &Happened) -> Refusal {
    match happened {
        Happened::TimedOut => Refusal::new(
            Cause::Timeout,
            "the upstream fell silent in the middle of its answer; send the request again",
        ),
        _ => Refusal::new(
            Cause::UpstreamFailed,
            "the upstream's answer broke off; send the request again",
        ),
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

fn bytes_of(slices: &[Bytes]) -> usize {
    slices.iter().map(Bytes::len).sum()
}

/// Several slices as one write: one system call, one chunk.
fn joined(mut slices: Vec<Bytes>) -> Option<Bytes> {
    slices.retain(|slice| !slice.is_empty());
    if slices.len() < 2 {
        return slices.pop();
    }
    let mut whole = Vec::with_capacity(bytes_of(&slices));
    for slice in &slices {
        whole.extend_from_slice(slice);
    }
    Some(whole.into())
}
