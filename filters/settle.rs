//! Closes an exchange, once: what was used, what it costs, and its one record.

use std::sync::Arc;

use bytes::Bytes;
use ledger::{End, Nanos, Record, UsageSource, bill};
use llm::tap::Report;
use llm::{Format, ToolUses, Usage, tokens};

use crate::attempt;
use crate::ctx::{Ctx, Stage};
use crate::exchange::{Asked, Closed, Counted, Exchange};
use crate::shared::Shared;

/// Closes the exchange of `ctx` with the status the client got. Later calls change nothing.
pub(crate) async fn close(
    shared: &Shared,
    ctx: &mut Ctx,
    status: u16,
    end: End,
    report: Option<&Report>,
) {
    let Some(exchange) = ctx.exchange() else {
        return;
    };
    if exchange.closed.is_some() {
        return;
    }
    let used = used(exchange, report).await;
    // The await above could have let another close in only through the same `ctx`: it cannot.
    let record = record(exchange, status, end, &used, report);
    shared.metrics.closed(&record);
    leave(exchange, &used.usage);
    exchange.closed = Some(Closed::of(&record));
    if let Some(slot) = exchange.slot.take() {
        slot.write(&record);
    }
    // After the record was written: while something is held, a record of it may be missing in the
    // store; once nothing is, and all that was written is stored, the lease there is what is left.
    std::mem::take(&mut exchange.held).settle(record.cost);
}

/// Settles the request's room under the limits; one that reached no upstream takes none.
fn leave(exchange: &mut Exchange, usage: &Usage) {
    if let Some(permit) = exchange.permit.take()
        && exchange.attempts() > 0
    {
        permit.settle(usage.input.saturating_add(usage.output));
    }
}

/// Tokens and where they come from.
struct Used {
    usage: Usage,
    tools: ToolUses,
    source: UsageSource,
}

impl Used {
    const NOTHING: Used = Used {
        usage: NO_USAGE,
        tools: Vec::new(),
        source: UsageSource::None,
    };
}

const NO_USAGE: Usage = Usage {
    input: 0,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    output: 0,
    reasoning: 0,
    audio_input: 0,
    audio_output: 0,
    image_input: 0,
    image_output: 0,
};

async fn used(exchange: &Exchange, report: Option<&Report>) -> Used {
    let counts = exchange.operation == llm::Operation::Count;
    let (Some(asked), true, false) = (
        &exchange.asked,
        exchange.under_way || exchange.reply.is_some(),
        counts,
    ) else {
        return Used::NOTHING;
    };
    let (mut usage, mut tools, input_known, output_known) = match report {
        Some(report) => (
            report.usage,
            report.tools.clone(),
            report.input_known,
            report.output_known,
        ),
        None => (NO_USAGE, Vec::new(), false, false),
    };
    // A provider that failed without having said anything, not even usage, served nothing.
    let failed = report.is_some_and(|report| report.fault.is_some() && !report.content);
    if failed && !input_known && !output_known {
        return Used::NOTHING;
    }
    if !input_known || !output_known {
        let bytes = report.map_or(0, |report| report.output_bytes);
        let counted = match exchange.counted.filter(|of| of.output_bytes == bytes) {
            Some(counted) => (counted.input, counted.output),
            None => count(asked.body.clone(), exchange.format, report.map(sample)).await,
        };
        if !input_known {
            usage.input = counted.0;
        }
        if !output_known {
            usage.output = counted.1;
        }
    }
    rename_search(asked, &mut tools);
    let source = match (input_known, output_known) {
        (true, true) => UsageSource::Provider,
        (false, false) => UsageSource::Estimated,
        _ => UsageSource::Mixed,
    };
    Used {
        usage,
        tools,
        source,
    }
}

/// A search has two names, and two prices. The answer says which it was, or only the request.
fn rename_search(asked: &Asked, tools: &mut ToolUses) {
    let preview = "web_search_preview";
    if !asked.ask.extras.search_by_preview() || tools.iter().any(|(name, _)| name == preview) {
        return;
    }
    for (name, _) in tools.iter_mut().filter(|(name, _)| name == "web_search") {
        preview.clone_into(name);
    }
}

/// Input and output by the tokenizer, off the proxy threads: its tables take 65 MB and 150 ms
/// to load the first time, and a megabyte of text 20 ms.
async fn count(body: Bytes, format: Format, sample: Option<(String, u64)>) -> (u64, u64) {
    let (input_bytes, output_bytes) = (body.len() as u64, sample.as_ref().map_or(0, |(_, n)| *n));
    let counting = move || {
        let output = sample.map_or(0, |(text, bytes)| tokens::sampled(&text, bytes));
        (tokens::input(format, &body), output)
    };
    tokio::task::spawn_blocking(counting)
        .await
        // Only when the runtime is shutting down: four bytes are about one token.
        .unwrap_or((input_bytes / 4, output_bytes / 4))
}

fn sample(report: &Report) -> (String, u64) {
    (report.output_sample.clone(), report.output_bytes)
}

/// Input and output of a complete answer by the tokenizer, kept for its record.
pub(crate) async fn estimate(ctx: &mut Ctx, report: &Report) -> (u64, u64) {
    let Some(exchange) = ctx.exchange() else {
        return (0, 0);
    };
    let Some(asked) = &exchange.asked else {
        return (0, 0);
    };
    let (input, output) = count(asked.body.clone(), exchange.format, Some(sample(report))).await;
    exchange.counted = Some(Counted {
        input,
        output,
        output_bytes: report.output_bytes,
    });
    (input, output)
}

/// Tokens of a request by the tokenizer.
pub(crate) async fn input_estimate(body: Bytes, format: Format) -> u64 {
    count(body, format, None).await.0
}

/// The record of an exchange that has used nothing so far.
pub(crate) fn unused(exchange: &Exchange, status: u16, end: End) -> Record {
    record(exchange, status, end, &Used::NOTHING, None)
}

fn record(
    exchange: &Exchange,
    status: u16,
    end: End,
    used: &Used,
    report: Option<&Report>,
) -> Record {
    let reached = exchange
        .route
        .as_ref()
        .filter(|route| route.attempts > 0)
        .and_then(|route| route.current().or_else(|| route.plan.candidates.last()));
    let reply = exchange.reply.as_ref();
    let upstream_model = reached.map(|candidate| candidate.model.to_string());
    Record {
        id: exchange.id.to_string(),
        client_request_id: exchange.client_request_id.clone(),
        at: exchange.at,
        user: exchange.token.user.to_string(),
        token: exchange.token.name.to_string(),
        token_id: exchange.token.id.to_string(),
        group: exchange.group().to_string(),
        operation: exchange.operation,
        client_format: exchange.format,
        upstream_format: reached.map(|candidate| candidate.format),
        model: exchange.model().to_string(),
        channel: reached.map(|candidate| candidate.channel.name.to_string()),
        attempts: exchange.attempts(),
        status,
        end,
        stream: exchange
            .asked
            .as_ref()
            .is_some_and(|asked| asked.streamed()),
        first_byte_ms: reply
            .and_then(|reply| reply.first_byte)
            .map(|first| first.as_millis() as u64),
        duration_ms: exchange.arrived.elapsed().as_millis() as u64,
        overhead_us: exchange.overhead.as_micros() as u64,
        usage: used.usage,
        usage_source: used.source,
        cost: cost(exchange, upstream_model.as_deref().unwrap_or(""), used),
        upstream_model,
        config: exchange.snapshot.generation.to_string(),
        upstream_request_id: reply.and_then(|reply| reply.upstream_request_id.clone()),
        error: report
            .and_then(|report| report.fault.as_ref())
            .map(|fault| match reached {
                Some(candidate) => {
                    attempt::scrubbed(&candidate.channel, &candidate.channel.base, &fault.message)
                }
                None => llm::fault::scrub(&fault.message, &[]),
            })
            .or_else(|| exchange.error.clone()),
    }
}

fn cost(exchange: &Exchange, upstream_model: &str, used: &Used) -> Nanos {
    if used.source == UsageSource::None {
        return Nanos(0);
    }
    let snapshot = &exchange.snapshot;
    let price = snapshot
        .prices
        .price(exchange.model(), upstream_model, exchange.at);
    let Some(price) = price else {
        return Nanos(0);
    };
    bill::cost(&price, &used.usage, &used.tools, ratio(exchange))
}

/// What the group that answers multiplies the caller's costs by, in 10^-9.
pub(crate) fn ratio(exchange: &Exchange) -> u64 {
    ratio_of(exchange, exchange.group())
}

/// The same, of any group.
pub(crate) fn ratio_of(exchange: &Exchange, group: &str) -> u64 {
    let ratio = exchange.snapshot.ratio(exchange.user_group(), group);
    ratio.0
}

/// Closes what no phase has closed: the request ended in a way nobody foresaw.
pub(crate) async fn close_leftover(shared: &Shared, ctx: &mut Ctx) {
    let open = matches!(&ctx.stage, Stage::Exchange(exchange) if exchange.closed.is_none());
    if open {
        tracing::warn!(
            request = &*Arc::clone(&ctx.id),
            "the request ended without being closed"
        );
        close(shared, ctx, 499, End::ClientGone, None).await;
    }
}
