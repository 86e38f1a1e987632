//! The kinds of entry, and their bytes.

use jiff::Timestamp;
use llm::Usage;

use super::codec::{
    Take, Unreadable, put_number, put_optional_number, put_optional_text, put_signed, put_text,
};
use super::frame::{self, MAX_PAYLOAD};
use super::hold::{HeldRates, Hold, Progress};
use crate::money::Nanos;
use crate::record::Record;

/// Bytes of each text of an entry that would else be too long. None of a usual request is: names
/// and ids have a few hundred bytes at most, errors are bounded where they are read.
const CUT: usize = 1024;

const HOLD: u8 = 1;
const PROGRESS: u8 = 2;
const SETTLEMENT: u8 = 3;
const STORED: u8 = 4;

/// Which of a process's requests an entry is about, counted from 1. 0: one that was never held.
pub(super) type Ticket = u64;

/// A place in a process's journal: everything before it is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(super) segment: u64,
    pub(super) at: u64,
}

/// An entry that was read.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// Admitted.
    Hold(Ticket, Box<Hold>),
    /// Shown so far.
    Progress(Ticket, Box<Progress>),
    /// Over.
    Settlement(Ticket, Box<Record>),
    /// The store has every settlement before that place.
    Stored(Position),
}

/// The frame of a hold.
pub(super) fn hold(ticket: Ticket, hold: &Hold, salt: u32) -> Vec<u8> {
    let write = |out: &mut Vec<u8>, record: &Record| {
        out.push(HOLD);
        put_number(out, ticket);
        put_record(out, record);
        put_signed(out, hold.rates.input);
        put_signed(out, hold.rates.output);
        put_signed(out, hold.rates.request);
        put_number(out, hold.rates.ratio);
    };
    framed(&hold.record, salt, write)
}

/// The frame of a settlement.
pub(super) fn settlement(ticket: Ticket, record: &Record, salt: u32) -> Vec<u8> {
    framed(record, salt, |out, record| {
        out.push(SETTLEMENT);
        put_number(out, ticket);
        put_record(out, record);
    })
}

/// The frame of a note of progress.
pub(super) fn progress(ticket: Ticket, seen: &Progress, salt: u32) -> Vec<u8> {
    let mut out = frame::begin();
    out.push(PROGRESS);
    put_number(&mut out, ticket);
    put_number(&mut out, seen.status.into());
    put_number(&mut out, seen.attempts.into());
    put_text(&mut out, cut(&seen.channel));
    put_text(&mut out, seen.upstream_format.as_str());
    put_text(&mut out, cut(&seen.upstream_model));
    put_optional_number(&mut out, seen.first_byte_ms);
    put_number(&mut out, seen.duration_ms);
    put_number(&mut out, seen.output_bytes);
    frame::close(&mut out, salt);
    out
}

/// The frame that says how far the store is.
pub(super) fn stored(to: Position, salt: u32) -> Vec<u8> {
    let mut out = frame::begin();
    out.push(STORED);
    put_number(&mut out, to.segment);
    put_number(&mut out, to.at);
    frame::close(&mut out, salt);
    out
}

fn framed(record: &Record, salt: u32, write: impl Fn(&mut Vec<u8>, &Record)) -> Vec<u8> {
    let mut out = frame::begin();
    write(&mut out, record);
    if out.len() - frame::HEAD > MAX_PAYLOAD {
        out.truncate(frame::HEAD);
        write(&mut out, &shortened(record));
    }
    frame::close(&mut out, salt);
    out
}

fn shortened(record: &Record) -> Record {
    let mut record = record.clone();
    let texts = [
        &mut record.id,
        &mut record.user,
        &mut record.token,
        &mut record.token_id,
        &mut record.group,
        &mut record.model,
        &mut record.config,
    ];
    let optional = [
        &mut record.client_request_id,
        &mut record.upstream_model,
        &mut record.channel,
        &mut record.upstream_request_id,
        &mut record.error,
    ];
    for text in texts
        .into_iter()
        .chain(optional.into_iter().filter_map(Option::as_mut))
    {
        text.truncate(cut(text).len());
    }
    record
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(CUT)]
}

fn put_record(out: &mut Vec<u8>, record: &Record) {
    put_text(out, &record.id);
    put_optional_text(out, record.client_request_id.as_deref());
    put_signed(out, record.at.as_second());
    put_signed(out, record.at.subsec_nanosecond().into());
    put_text(out, &record.user);
    put_text(out, &record.token);
    put_text(out, &record.token_id);
    put_text(out, &record.group);
    put_text(out, record.operation.as_str());
    put_text(out, record.client_format.as_str());
    put_optional_text(out, record.upstream_format.map(|format| format.as_str()));
    put_text(out, &record.model);
    put_optional_text(out, record.upstream_model.as_deref());
    put_optional_text(out, record.channel.as_deref());
    put_number(out, record.attempts.into());
    put_number(out, record.status.into());
    put_text(out, record.end.as_str());
    out.push(record.stream.into());
    put_optional_number(out, record.first_byte_ms);
    put_number(out, record.duration_ms);
    put_number(out, record.overhead_us);
    put_usage(out, &record.usage);
    put_text(out, record.usage_source.as_str());
    put_signed(out, record.cost.0);
    put_text(out, &record.config);
    put_optional_text(out, record.upstream_request_id.as_deref());
    put_optional_text(out, record.error.as_deref());
}

fn put_usage(out: &mut Vec<u8>, usage: &Usage) {
    for tokens in [
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        usage.audio_input,
        usage.audio_output,
        usage.image_input,
        usage.image_output,
    ] {
        put_number(out, tokens);
    }
}

/// Reads the payload of a frame.
pub(super) fn read(payload: &[u8]) -> Result<Entry, Unreadable> {
    let take = &mut Take::new(payload);
    Ok(match take.byte()? {
        HOLD => Entry::Hold(take.number()?, Box::new(take_hold(take)?)),
        PROGRESS => Entry::Progress(take.number()?, Box::new(take_progress(take)?)),
        SETTLEMENT => Entry::Settlement(take.number()?, Box::new(take_record(take)?)),
        STORED => Entry::Stored(Position {
            segment: take.number()?,
            at: take.number()?,
        }),
        _ => return Err(Unreadable),
    })
}

/// Whether a payload is a settlement, without reading it.
pub(super) fn is_settlement(payload: &[u8]) -> bool {
    payload.first() == Some(&SETTLEMENT)
}

fn take_hold(take: &mut Take<'_>) -> Result<Hold, Unreadable> {
    Ok(Hold {
        record: take_record(take)?,
        rates: HeldRates {
            input: take.signed()?,
            output: take.signed()?,
            request: take.signed()?,
            ratio: take.number()?,
        },
    })
}

fn take_progress(take: &mut Take<'_>) -> Result<Progress, Unreadable> {
    Ok(Progress {
        status: take.small()?,
        attempts: take.small()?,
        channel: take.text()?,
        upstream_format: take.name()?,
        upstream_model: take.text()?,
        first_byte_ms: take.optional(Take::number)?,
        duration_ms: take.number()?,
        output_bytes: take.number()?,
    })
}

fn take_record(take: &mut Take<'_>) -> Result<Record, Unreadable> {
    Ok(Record {
        id: take.text()?,
        client_request_id: take.optional(Take::text)?,
        at: take_time(take)?,
        user: take.text()?,
        token: take.text()?,
        token_id: take.text()?,
        group: take.text()?,
        operation: take.name()?,
        client_format: take.name()?,
        upstream_format: take.optional(Take::name)?,
        model: take.text()?,
        upstream_model: take.optional(Take::text)?,
        channel: take.optional(Take::text)?,
        attempts: take.small()?,
        status: take.small()?,
        end: take.name()?,
        stream: take.flag()?,
        first_byte_ms: take.optional(Take::number)?,
        duration_ms: take.number()?,
        overhead_us: take.number()?,
        usage: take_usage(take)?,
        usage_source: take.name()?,
        cost: Nanos(take.signed()?),
        config: take.text()?,
        upstream_request_id: take.optional(Take::text)?,
        error: take.optional(Take::text)?,
    })
}

fn take_time(take: &mut Take<'_>) -> Result<Timestamp, Unreadable> {
    let second = take.signed()?;
    let nanosecond = i32::try_from(take.signed()?).map_err(|_| Unreadable)?;
    Timestamp::new(second, nanosecond).map_err(|_| Unreadable)
}

fn take_usage(take: &mut Take<'_>) -> Result<Usage, Unreadable> {
    Ok(Usage {
        input: take.number()?,
        cache_read: take.number()?,
        cache_write_5m: take.number()?,
        cache_write_1h: take.number()?,
        output: take.number()?,
        reasoning: take.number()?,
        audio_input: take.number()?,
        audio_output: take.number()?,
        image_input: take.number()?,
        image_output: take.number()?,
    })
}
