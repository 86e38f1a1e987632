//! What is known of a request before its first upstream call, and the record it becomes when the
//! process dies before it is settled.

use llm::{Format, Usage};

use crate::bill::{self, Price, Rates, Tier};
use crate::money::Nanos;
use crate::record::{End, Record, UsageSource};

/// Bytes of text for one token, where nothing better is known.
const BYTES_PER_TOKEN: u64 = 4;
/// What the record of a lost request says.
const WORDS: &str = "the gateway died before the answer was over; its journal had this";

/// An admitted request, as the journal keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The record if nothing more is ever known: the estimated input is in its usage, the first
    /// candidate stands for the one that was asked.
    pub record: Record,
    /// What its tokens cost.
    pub rates: HeldRates,
}

/// Prices of one request, tier and group decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldRates {
    /// 10^-9 USD per million tokens of input.
    pub input: i64,
    /// 10^-9 USD per million tokens of output.
    pub output: i64,
    /// 10^-9 USD per call.
    pub request: i64,
    /// The group's ratio in 10^-9.
    pub ratio: u64,
}

impl HeldRates {
    /// The prices that a request of `input` tokens has by `price`.
    pub fn of(price: &Price, input: u64, ratio: u64) -> HeldRates {
        let rates = price.rates_for(input).copied().unwrap_or_default();
        HeldRates {
            input: rates.input,
            output: rates.output,
            request: price.request,
            ratio,
        }
    }

    fn cost(&self, usage: &Usage) -> Nanos {
        let rates = Rates {
            input: self.input,
            output: self.output,
            ..Rates::default()
        };
        let price = Price {
            tiers: vec![Tier { up_to: None, rates }],
            request: self.request,
            tools: Vec::new(),
        };
        bill::cost(&price, usage, &Vec::new(), self.ratio)
    }
}

/// How far an answer was shown, noted now and then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The status the client was told.
    pub status: u16,
    /// Attempts made.
    pub attempts: u32,
    /// The channel that answers.
    pub channel: String,
    /// What it speaks.
    pub upstream_format: Format,
    /// The name sent to it.
    pub upstream_model: String,
    /// Milliseconds from arrival to the first byte of the body.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from arrival to this note.
    pub duration_ms: u64,
    /// Bytes of the answer's text so far.
    pub output_bytes: u64,
}

impl Hold {
    /// The record of a request of which nothing more is known than this.
    pub(crate) fn lost(self, progress: Option<Progress>) -> Record {
        let Hold { mut record, rates } = self;
        record.end = End::GatewayLost;
        record.error = Some(WORDS.into());
        if let Some(seen) = progress {
            record.status = seen.status;
            record.attempts = seen.attempts;
            record.channel = Some(seen.channel);
            record.upstream_format = Some(seen.upstream_format);
            record.upstream_model = Some(seen.upstream_model);
            record.first_byte_ms = seen.first_byte_ms;
            record.duration_ms = seen.duration_ms;
            record.usage.output = seen.output_bytes / BYTES_PER_TOKEN;
        }
        record.cost = match record.usage_source {
            UsageSource::None => Nanos::ZERO,
            _ => rates.cost(&record.usage),
        };
        record
    }
}
