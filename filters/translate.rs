//! Between two formats: the request's conversion, and the answer's way back.

use std::borrow::Cow;
use std::time::Instant;

use bytes::Bytes;
use config::plan::Candidate;
use llm::ask::{self, Ask};
use llm::convert::{self, Back, Converted, Target};
use llm::count;
use llm::fault::{Fault, FaultClass, Telling};
use llm::loss::Misfit;
use llm::tap::{Framing, Report, Seen, Tap, TapOptions};
use llm::transcode::{Envelope, TranscodeOptions, Transcoder};
use llm::{Format, Operation};

use crate::attempt;
use crate::exchange::{Asked, Exchange};
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;

/// What a conversion leaves behind for the answer.
#[derive(Debug, Default)]
pub(crate) struct Translation {
    back: Back,
    /// The caller's fields that the upstream's format has no place for.
    pub(crate) dropped: Vec<Cow<'static, str>>,
}

impl Translation {
    /// Of an answer that keeps its format and has its reasoning shown in the text.
    pub(crate) fn aloud(format: Format, body: &[u8]) -> Translation {
        Translation {
            back: convert::back_unconverted(format, body),
            dropped: Vec::new(),
        }
    }
}

/// The request in the candidate's format.
pub(crate) struct Translated {
    pub(crate) body: Bytes,
    pub(crate) translation: Translation,
}

/// Converts the request for a candidate that speaks another format.
pub(crate) fn request(
    shared: &Shared,
    exchange: &Exchange,
    asked: &Asked,
    to: &Candidate,
) -> Result<Translated, Refusal> {
    let snapshot = &exchange.snapshot;
    let target = Target {
        format: to.format,
        model: &to.model,
        quirks: to.channel.quirks,
        strictness: to.channel.strictness,
        max_output: snapshot.prices.max_output(&asked.ask.model, &to.model),
        default_output: snapshot.billing.hold_output,
    };
    let stream = asked.ask.stream;
    let wanted = convert::Asked {
        model: &asked.ask.model,
        stream,
        wish: to.wish,
    };
    let unfit = |misfit: Misfit| malformed(misfit.to_string(), misfit.param());
    let converted = match exchange.operation {
        Operation::Count => counting(exchange, asked, &wanted, &target).map_err(unfit)?,
        _ => {
            let caller = &exchange.token.id;
            let kept = |id: &str| shared.proofs.find(caller, id, Instant::now());
            convert::convert_with(exchange.format, &asked.body, &wanted, &target, &kept)
                .map_err(unfit)?
        }
    };
    Ok(Translated {
        body: converted.body.into(),
        translation: Translation {
            back: converted.back,
            dropped: converted.dropped,
        },
    })
}

/// What a translated body asks for, in its new format.
pub(crate) fn reread(
    exchange: &Exchange,
    asked: &Asked,
    to: &Candidate,
    body: &[u8],
) -> Result<Ask, Refusal> {
    let mut ask = ask::read(to.format, exchange.operation, body)
        .map_err(|bad| malformed(bad.to_string(), bad.param().unwrap_or("")))?;
    // Gemini says it in the path.
    ask.stream = asked.ask.stream;
    Ok(ask)
}

/// Whether a body that was just translated goes out as it was written: with the candidate's model and
/// the suffix's wish in it, it lacks only what the channel itself wants of a request.
pub(crate) fn is_done(exchange: &Exchange, asked: &Asked, to: &Candidate) -> bool {
    let channel = &to.channel;
    let asks_usage = to.format == Format::Chat && asked.ask.stream;
    exchange.operation == Operation::Chat
        && !asks_usage
        && !channel.quirks.change_requests()
        && channel.body.is_empty()
        && channel.system_prompt.is_empty()
}

fn counting(
    exchange: &Exchange,
    asked: &Asked,
    wanted: &convert::Asked<'_>,
    target: &Target<'_>,
) -> Result<Converted, Misfit> {
    Ok(Converted {
        body: count::request(exchange.format, &asked.body, wanted, target)?,
        back: Back::default(),
        dropped: Vec::new(),
    })
}

fn malformed(problem: String, param: &str) -> Refusal {
    Refusal::new(Cause::Malformed, problem).at(Some(param).filter(|param| !param.is_empty()))
}

/// An answer being read: watched as it passes, or translated.
// A tap is what most answers get: it stays where it is, without an allocation.
#[expect(clippy::large_enum_variant)]
pub(crate) enum Reading {
    Watched(Tap),
    Translated(Box<Transcoder>),
    /// The answer to a counting request, gathered whole.
    Counted(Box<Counted>),
}

/// A count on its way.
pub(crate) struct Counted {
    to: Format,
    body: Vec<u8>,
    report: Report,
}

impl Reading {
    /// Begins with the head of an answer that is framed as `framing`.
    pub(crate) fn new(
        exchange: &Exchange,
        asked: &Asked,
        attempt: &attempt::Attempt,
        framing: Framing,
    ) -> Reading {
        let candidate = &attempt.candidate;
        let Some(translation) = &attempt.translation else {
            return Reading::Watched(Tap::new(TapOptions {
                format: candidate.format,
                operation: exchange.operation,
                framing,
                quirks: candidate.channel.quirks,
                hide_usage: attempt::asks_usage(asked, candidate.format),
            }));
        };
        if exchange.operation == Operation::Count {
            return Reading::Counted(Box::new(Counted {
                to: exchange.format,
                body: Vec::new(),
                report: Report::default(),
            }));
        }
        let mut transcoder = Box::new(Transcoder::new(TranscodeOptions {
            from: candidate.format,
            to: exchange.format,
            framing,
            wanted: asked.framing,
            quirks: candidate.channel.quirks,
            thinking_to_content: candidate.channel.thinking_to_content,
            back: translation.back.clone(),
            envelope: Envelope {
                id: exchange.id.to_string(),
                model: asked.ask.model.clone(),
                created: u64::try_from(exchange.at.as_second()).unwrap_or(0),
                upstream_model: candidate.model.to_string(),
            },
            input_estimate: asked.ask.input_bytes.div_ceil(4),
        }));
        transcoder.wait_for_counts();
        transcoder.keep_proofs();
        Reading::Translated(transcoder)
    }

    pub(crate) fn push(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Seen {
        match self {
            Reading::Watched(tap) => tap.push(chunk, out),
            Reading::Translated(transcoder) => transcoder.push(chunk, out),
            Reading::Counted(counted) => counted.push(chunk),
        }
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<Bytes>) -> Seen {
        match self {
            Reading::Watched(tap) => tap.finish(out),
            Reading::Translated(transcoder) => transcoder.finish(out),
            Reading::Counted(counted) => counted.finish(out),
        }
    }

    /// The proofs of calls that the caller may not send back, by the calls' ids.
    pub(crate) fn take_proofs(&mut self) -> Vec<(String, String)> {
        match self {
            Reading::Translated(transcoder) => transcoder.take_proofs(),
            Reading::Watched(_) | Reading::Counted(_) => Vec::new(),
        }
    }

    /// Whether the answer's end waits for [`count`](Reading::count).
    pub(crate) fn owes_usage(&self) -> bool {
        matches!(self, Reading::Translated(transcoder) if transcoder.owes_usage())
    }

    /// Says the end of an answer whose upstream reported no usage.
    pub(crate) fn count(&mut self, (input, output): (u64, u64), out: &mut Vec<Bytes>) -> Seen {
        match self {
            Reading::Translated(transcoder) => transcoder.count(input, output, out),
            Reading::Watched(_) | Reading::Counted(_) => Seen::default(),
        }
    }

    pub(crate) fn report(&self) -> &Report {
        match self {
            Reading::Watched(tap) => tap.report(),
            Reading::Translated(transcoder) => transcoder.report(),
            Reading::Counted(counted) => &counted.report,
        }
    }

    /// The bytes that end the stream with an error.
    pub(crate) fn last_event(&mut self, telling: &Telling<'_>) -> Vec<u8> {
        match self {
            Reading::Watched(tap) => tap.last_event(telling),
            Reading::Translated(transcoder) => transcoder.last_event(telling),
            Reading::Counted(_) => Vec::new(),
        }
    }

    pub(crate) fn is_translated(&self) -> bool {
        !matches!(self, Reading::Watched(_))
    }
}

impl Counted {
    fn push(&mut self, chunk: &Bytes) -> Seen {
        if self.body.len() + chunk.len() > count::MAX_COUNT_BYTES {
            self.report.fault.get_or_insert(unreadable());
        } else {
            self.body.extend_from_slice(chunk);
        }
        self.seen()
    }

    fn finish(&mut self, out: &mut Vec<Bytes>) -> Seen {
        if !self.report.terminal {
            self.report.terminal = true;
            match count::reply(self.to, &self.body) {
                Some(told) => out.push(told.into()),
                None => self.report.fault = Some(unreadable()),
            }
        }
        self.seen()
    }

    fn seen(&self) -> Seen {
        Seen {
            content: false,
            terminal: self.report.terminal,
            failed: self.report.fault.is_some(),
        }
    }
}

fn unreadable() -> Fault {
    Fault::new(
        FaultClass::Server,
        "the upstream's count of tokens cannot be read",
    )
}

/// Whether the candidate's answers have their reasoning shown in the text.
pub(crate) fn is_aloud(exchange: &Exchange, to: &Candidate) -> bool {
    to.channel.thinking_to_content && exchange.operation == Operation::Chat
}

/// The query of a converted request: the caller's speaks of another API.
pub(crate) fn query(to: Format, stream: bool) -> &'static str {
    match (to, stream) {
        (Format::Gemini, true) => "alt=sse",
        _ => "",
    }
}

/// Whether a header of the caller's means something to an upstream of format `to`.
pub(crate) fn understands(to: Format, header: &str) -> bool {
    match to {
        Format::Messages => !header.starts_with("openai-"),
        Format::Chat | Format::Responses => !header.starts_with("anthropic-"),
        Format::Gemini => !header.starts_with("openai-") && !header.starts_with("anthropic-"),
    }
}
