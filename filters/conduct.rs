//! Runs attempts one after another until one can be shown, and shows it.
//!
//! The phases of Pingora's own retry loop have one timer per attempt and cannot hold a head
//! back. Here the first-byte and idle timers differ, a stream is held until its first content,
//! so that a 200 that turns into an error or a stall moves on unseen, and a client that leaves
//! is noticed at once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ledger::End;
use llm::tap::{Framing, Seen, Tap, TapOptions};
use pingora::http::ResponseHeader;
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::time::timeout;

use crate::answer;
use crate::attempt::{self, Attempt, NoAttempt};
use crate::ctx::Ctx;
use crate::exchange::Reply;
use crate::failover::{self, Happened, Next};
use crate::reject::{Cause, Refusal};
use crate::settle;
use crate::shared::Shared;

/// Bytes of a stream held back at most while its first content is awaited.
const MAX_HELD: usize = 64 * 1024;
/// Bytes of an upstream's error body that are read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Time to read an upstream's error body in.
const ERROR_BODY_LIMIT: Duration = Duration::from_secs(5);
/// Informational heads (1xx) that an upstream may send before the real one.
const MAX_INTERIM_HEADS: usize = 8;

/// How conducting ended, for the caller.
pub(crate) enum Conducted {
    /// The answer was shown to its end, also when that end was a told error.
    Shown,
    /// Nothing was shown.
    Refused(Refusal),
    /// The answer had begun and cannot be ended properly: the connection must go.
    Broken(Box<Error>),
}

/// Why an attempt gave no answer.
enum Stop {
    Happened(Happened),
    ClientGone(Box<Error>),
    /// The answer had begun.
    Broken(Box<Error>),
}

impl From<Happened> for Stop {
    fn from(happened: Happened) -> Stop {
        Stop::Happened(happened)
    }
}

/// Follows the plan to its end.
pub(crate) async fn conduct(shared: &Shared, session: &mut Session, ctx: &mut Ctx) -> Conducted {
    let mut last = None;
    let mut again = None;
    loop {
        let mut attempt = match again.take() {
            Some(same) => same,
            None => match begin(shared, ctx).await {
                Ok(attempt) => attempt,
                Err(NoAttempt::Refused(refusal)) => return Conducted::Refused(refusal),
                Err(NoAttempt::Failed(happened)) => {
                    note(shared, ctx, None, &happened);
                    advance(ctx, &happened);
                    last = Some((happened, None));
                    continue;
                }
                Err(NoAttempt::Exhausted) => return Conducted::Refused(exhausted(last)),
            },
        };
        match run(shared, session, ctx, &mut attempt).await {
            Ok(()) => return Conducted::Shown,
            Err(Stop::Happened(happened)) => {
                set_under_way(ctx, false);
                if failover::next(&happened) != Next::Same {
                    attempt.report(shared, failover::effect(&happened));
                }
                note(shared, ctx, Some(&attempt), &happened);
                match failover::next(&happened) {
                    Next::GiveUp => {
                        return Conducted::Refused(failover::refusal(&happened, |text| {
                            attempt.scrub(text)
                        }));
                    }
                    // A pooled connection that had died says nothing about the upstream: a
                    // fresh one follows, and that one is not "reused" any more.
                    Next::Same => {
                        attempt.renew();
                        again = Some(attempt);
                    }
                    Next::Candidate => {
                        advance(ctx, &happened);
                        last = Some((happened, Some(attempt)));
                    }
                }
            }
            Err(Stop::ClientGone(error)) => {
                attempt.report(shared, failover::Effect::Neutral);
                settle::close(shared, ctx, 499, End::ClientGone, None).await;
                return Conducted::Broken(error);
            }
            Err(Stop::Broken(error)) => return Conducted::Broken(error),
        }
    }
}

async fn begin(shared: &Shared, ctx: &mut Ctx) -> Result<Attempt, NoAttempt> {
    match ctx.exchange() {
        Some(exchange) => Attempt::begin(shared, exchange).await,
        None => Err(NoAttempt::Exhausted),
    }
}

/// Moves the route on: to another replica of the candidate when only the replica failed, else
/// to the next candidate.
fn advance(ctx: &mut Ctx, happened: &Happened) {
    let Some(route) = ctx.exchange().and_then(|exchange| exchange.route.as_mut()) else {
        return;
    };
    let replicas = route
        .current()
        .and_then(|candidate| candidate.channel.endpoints.as_ref())
        .map_or(0, |endpoints| endpoints.bases.len());
    let replica_failed = matches!(
        happened,
        Happened::NoConnection(_) | Happened::Broken { .. } | Happened::TimedOut
    ) || matches!(happened, Happened::Status { status: 500.., .. });
    let more = !route.tried.is_empty() && route.tried.len() < replicas;
    if !(replica_failed && more) {
        route.next += 1;
        route.tried.clear();
    }
}

fn exhausted(last: Option<(Happened, Option<Attempt>)>) -> Refusal {
    match last {
        Some((happened, Some(attempt))) => {
            failover::refusal(&happened, |text| attempt.scrub(text))
        }
        Some((happened, None)) => failover::refusal(&happened, |_| String::new()),
        None => Refusal::new(
            Cause::Unavailable,
            "every upstream for this model is out of service at the moment; try again later",
        )
        .after(Duration::from_secs(5)),
    }
}

fn note(shared: &Shared, ctx: &Ctx, attempt: Option<&Attempt>, happened: &Happened) {
    let crate::ctx::Stage::Exchange(exchange) = &ctx.stage else {
        return;
    };
    let candidate = exchange.route.as_ref().and_then(|route| route.current());
    let channel = candidate.map_or("none", |candidate| &candidate.channel.name);
    let result = failover::label(happened);
    shared.metrics.attempt(channel, result);
    let detail = failover::detail(happened);
    let detail = attempt.map_or(detail.clone(), |attempt| attempt.scrub(&detail));
    tracing::warn!(
        request = &*ctx.id,
        channel,
        attempt = exchange.attempts(),
        result,
        detail,
        "attempt failed"
    );
}

fn set_under_way(ctx: &mut Ctx, under_way: bool) {
    if let Some(exchange) = ctx.exchange() {
        exchange.under_way = under_way;
    }
}

/// One attempt, from the connection to the end of the shown answer.
async fn run(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &mut Attempt,
) -> Result<(), Stop> {
    let connected = shared.upstreams.get_http_session(&*attempt.peer);
    let (mut upstream, reused) = while_client_stays(session, connected)
        .await?
        .map_err(|error| Happened::NoConnection(error.to_string()))?;
    let timeouts = attempt.channel().timeouts;
    let deadline = Instant::now() + timeouts.first_byte;
    let outcome = async {
        send(session, ctx, attempt, &mut upstream, reused).await?;
        receive(shared, session, ctx, attempt, &mut upstream, deadline, reused).await
    }
    .await;
    match outcome {
        Ok(()) => {
            if attempt.fresh {
                upstream.shutdown().await;
                return Ok(());
            }
            if let Upstream::H1(h1) = &mut upstream {
                h1.respect_keepalive();
            }
            let idle = attempt.peer.options.idle_timeout;
            shared
                .upstreams
                .release_http_session(upstream, &*attempt.peer, idle)
                .await;
            Ok(())
        }
        Err(stop) => {
            // Abandoned in the middle: HTTP/1.1 closes, HTTP/2 resets the stream.
            upstream.shutdown().await;
            Err(stop)
        }
    }
}

async fn send(
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &Attempt,
    upstream: &mut Upstream,
    reused: bool,
) -> Result<(), Stop> {
    let timeouts = attempt.channel().timeouts;
    upstream.set_write_timeout(Some(timeouts.first_byte));
    upstream.set_read_timeout(None);
    let http2 = matches!(upstream, Upstream::H2(_));
    let Some(exchange) = ctx.exchange() else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let Some(asked) = &exchange.asked else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let head = attempt
        .head(asked, exchange.operation, http2)
        .map_err(|error| Happened::NoConnection(format!("request head: {error}")))?;
    exchange.under_way = true;
    if exchange.overhead.is_zero() {
        exchange.overhead = exchange.arrived.elapsed();
    }
    let body = attempt.body.clone();
    let sending = async {
        upstream.write_request_header(Box::new(head)).await?;
        upstream.write_request_body(body, true).await?;
        upstream.finish_request_body().await
    };
    match while_client_stays(session, sending).await? {
        Ok(()) => Ok(()),
        // An upstream may refuse a body it has not read to its end: look for its answer
        // before the broken pipe counts (RFC 9112, 9.5).
        Err(error) if !reused && matches!(error.etype(), ErrorType::WriteError) => Ok(()),
        Err(error) => Err(broken(reused, &error).into()),
    }
}

fn broken(reused: bool, error: &Error) -> Happened {
    if matches!(
        error.etype(),
        ErrorType::WriteTimedout | ErrorType::ReadTimedout
    ) {
        return Happened::TimedOut;
    }
    Happened::Broken {
        reused,
        detail: error.to_string(),
    }
}

async fn receive(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &mut Attempt,
    upstream: &mut Upstream,
    deadline: Instant,
    reused: bool,
) -> Result<(), Stop> {
    let head = read_head(session, upstream, deadline, reused).await?;
    let status = attempt.judged(head.status.as_u16());
    if !(200..300).contains(&status) {
        return Err(error_status(session, attempt, upstream, &head, status).await?.into());
    }
    let framing = framing(ctx, &head)?;
    let tap = Tap::new(options(ctx, attempt, framing));
    let mut showing = Showing {
        head,
        framing,
        tap,
        held: Vec::new(),
        held_bytes: 0,
        shown: false,
        hold: holds(ctx, attempt, framing),
    };
    showing
        .pump(shared, session, ctx, attempt, upstream, deadline, reused)
        .await
}

async fn read_head(
    session: &mut Session,
    upstream: &mut Upstream,
    deadline: Instant,
    reused: bool,
) -> Result<ResponseHeader, Stop> {
    for _ in 0..MAX_INTERIM_HEADS {
        let reading = tokio::time::timeout_at(deadline.into(), upstream.read_response_header());
        match while_client_stays(session, reading).await? {
            Err(_) => return Err(Happened::TimedOut.into()),
            Ok(Err(error)) => return Err(broken(reused, &error).into()),
            Ok(Ok(())) => {}
        }
        let Some(head) = upstream.response_header() else {
            break;
        };
        if !head.status.is_informational() {
            return Ok(head.clone());
        }
    }
    Err(Happened::Unreadable("only informational heads came".into()).into())
}

/// Reads what the upstream says about its error status.
async fn error_status(
    session: &mut Session,
    attempt: &Attempt,
    upstream: &mut Upstream,
    head: &ResponseHeader,
    status: u16,
) -> Result<Happened, Stop> {
    let mut body = Vec::new();
    let reading = timeout(ERROR_BODY_LIMIT, async {
        while let Ok(Some(chunk)) = upstream.read_response_body().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_ERROR_BODY {
                break;
            }
        }
    });
    // Cut, stalled or too long: what was read must do.
    let _ = while_client_stays(session, reading).await?;
    body.truncate(MAX_ERROR_BODY);
    tracing::debug!(channel = &*attempt.channel().name, status, "upstream said an error");
    Ok(Happened::Status {
        status,
        fault: llm::fault::read(status, &body),
        retry_after: attempt::retry_after(&head.headers),
    })
}

/// How the answer's body is framed, by what was asked for and what the head says.
fn framing(ctx: &Ctx, head: &ResponseHeader) -> Result<Framing, Happened> {
    let asked = match &ctx.stage {
        crate::ctx::Stage::Exchange(exchange) => exchange.asked.as_ref(),
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
        crate::ctx::Stage::Exchange(exchange) => (
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
    let quirky = attempt.channel().quirks.has(llm::dialect::Quirks::ERRORS_IN_200);
    let asked_stream = match &ctx.stage {
        crate::ctx::Stage::Exchange(exchange) => {
            exchange.asked.as_ref().is_some_and(|asked| asked.streamed())
        }
        _ => false,
    };
    let streamed = asked_stream || !matches!(framing, Framing::Whole);
    quirky || (streamed && ctx.snapshot.gateway.resilient_streams)
}

/// An answer on its way to the client.
struct Showing {
    head: ResponseHeader,
    framing: Framing,
    tap: Tap,
    held: Vec<Bytes>,
    held_bytes: usize,
    shown: bool,
    hold: bool,
}

impl Showing {
    #[allow(clippy::too_many_arguments)] // the two sides of a proxy and what governs them
    async fn pump(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        attempt: &mut Attempt,
        upstream: &mut Upstream,
        deadline: Instant,
        reused: bool,
    ) -> Result<(), Stop> {
        let idle = attempt.channel().timeouts.idle;
        if !self.hold {
            self.show(shared, session, ctx, attempt, false).await?;
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
                Ok(Ok(Some(chunk))) => (self.take(&chunk), false),
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
            if let Err(stop) = self.show(shared, session, ctx, attempt, ended).await {
                return Err(self.client_gone(shared, ctx, stop).await);
            }
            if ended {
                return self.finished(shared, session, ctx).await;
            }
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
        ended: bool,
    ) -> Result<(), Stop> {
        if !self.shown {
            self.begin(shared, session, ctx, attempt).await?;
        }
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let held = joined(held);
        if let Some(bytes) = held {
            if let Some(exchange) = ctx.exchange() {
                let first = exchange.arrived.elapsed();
                if let Some(reply) = &mut exchange.reply {
                    reply.first_byte.get_or_insert(first);
                }
            }
            session
                .write_response_body(Some(bytes), false)
                .await
                .map_err(|error| Stop::ClientGone(error.into_down()))?;
        }
        let _ = ended;
        Ok(())
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
    ) -> Result<(), Stop> {
        let report = self.tap.report();
        let whole = matches!(self.framing, Framing::Whole);
        if report.fault.is_none() && !report.terminal && !whole {
            let cut = Happened::Broken {
                reused: false,
                detail: "the stream ended without its terminal event".into(),
            };
            return self.cut(shared, session, ctx, cut).await;
        }
        let end = if report.fault.is_some() {
            End::UpstreamError
        } else {
            End::Complete
        };
        let status = self.head.status.as_u16();
        settle::close(shared, ctx, status, end, Some(self.tap.report())).await;
        session
            .write_response_body(None, true)
            .await
            .map_err(|error| Stop::Broken(error.into_down()))
    }

    /// The answer broke off. Before it was shown that is a failed attempt; after, the client
    /// gets a last well-formed event where its format has one.
    async fn cut(
        &mut self,
        shared: &Shared,
        session: &mut Session,
        ctx: &mut Ctx,
        happened: Happened,
    ) -> Result<(), Stop> {
        if !self.shown {
            return Err(Stop::Happened(happened));
        }
        // After the terminal event nothing is missing (formats.md calls a close without the
        // last frame normal).
        self.tap.finish(&mut self.held);
        let report = self.tap.report();
        let status = self.head.status.as_u16();
        let end = match (&report.fault, report.terminal) {
            (Some(_), _) => End::UpstreamError,
            (None, true) => End::Complete,
            (None, false) => End::UpstreamCut,
        };
        settle::close(shared, ctx, status, end, Some(report)).await;
        tracing::warn!(request = &*ctx.id, detail = failover::detail(&happened), "the upstream's answer broke off");
        let whole = matches!(self.framing, Framing::Whole);
        if whole && end != End::Complete {
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
        written.map_err(|error| Stop::Broken(error.into_down()))
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
        let report = self.tap.report();
        let (status, end) = if report.terminal && self.held.is_empty() {
            (self.head.status.as_u16(), End::Complete)
        } else {
            (499, End::ClientGone)
        };
        settle::close(shared, ctx, status, end, Some(report)).await;
        stop
    }
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

/// Waits for `work` while the client's connection stands.
async fn while_client_stays<T>(
    session: &mut Session,
    work: impl Future<Output = T>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        left = session.as_mut().read_body_or_idle(true) => {
            let error = match left {
                Err(error) => error,
                Ok(_) => Error::explain(ErrorType::ConnectionClosed, "the client sent more than its request"),
            };
            let mut error = error.into_down();
            error.esource = ErrorSource::Downstream;
            Err(Stop::ClientGone(error))
        }
    }
}
