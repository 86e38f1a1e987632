//! The response object, and what it repeats of the request.

mod item;

pub(super) use item::{Body, Item, Note, Part, Status, Summary};

use serde::Serialize;
use serde_json::value::RawValue;

use super::echo::plain_echo;
use crate::Usage;
use crate::convert::Back;
use crate::ir::Stop;
use crate::transcode::Envelope;

/// What stays the same in every response object of one answer.
#[derive(Debug)]
pub(super) struct Shell {
    id: String,
    model: String,
    created: u64,
    echo: String,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending<'a> {
    /// It has only begun.
    Open,
    Completed,
    /// It stopped too early, for that reason.
    Incomplete(&'static str),
    Failed {
        code: &'a str,
        message: &'a str,
    },
}

#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    model: &'a str,
    output: &'a [Item],
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize)]
struct Tokens {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl<'a> Ending<'a> {
    /// How an answer ended that stopped so; `empty`: it holds nothing at all.
    pub(super) fn of(stop: Stop<'_>, empty: bool) -> Ending<'a> {
        match stop {
            Stop::Length | Stop::ContextWindow => Ending::Incomplete("max_output_tokens"),
            Stop::Filter { .. } => Ending::Incomplete("content_filter"),
            Stop::Malformed(_) if empty => Ending::Failed {
                code: "server_error",
                message: "the model's answer could not be used",
            },
            _ => Ending::Completed,
        }
    }

    fn status(self) -> &'static str {
        match self {
            Ending::Open => "in_progress",
            Ending::Completed => "completed",
            Ending::Incomplete(_) => "incomplete",
            Ending::Failed { .. } => "failed",
        }
    }

    /// The event that tells it.
    pub(super) fn event(self) -> &'static str {
        match self {
            Ending::Open => "response.created",
            Ending::Completed => "response.completed",
            Ending::Incomplete(_) => "response.incomplete",
            Ending::Failed { .. } => "response.failed",
        }
    }
}

impl Shell {
    pub(super) fn new(envelope: &Envelope, back: &Back) -> Shell {
        let echo = match &*back.echo {
            "" => plain_echo(),
            echo => echo.to_owned(),
        };
        Shell {
            id: envelope.id.clone(),
            model: envelope.model.clone(),
            created: envelope.created,
            echo,
        }
    }

    /// The id of the `number`-th item.
    pub(super) fn item_id(&self, prefix: &str, number: usize) -> String {
        format!("{prefix}_{}_{number}", self.id)
    }

    /// The whole object.
    pub(super) fn object(
        &self,
        ending: Ending<'_>,
        output: &[Item],
        usage: Option<&Usage>,
    ) -> String {
        let id = format!("resp_{}", self.id);
        let error = match ending {
            Ending::Failed { code, message } => Some(Failure { code, message }),
            _ => None,
        };
        let incomplete_details = match ending {
            Ending::Incomplete(reason) => Some(Incomplete { reason }),
            _ => None,
        };
        let response = Response {
            id: &id,
            object: "response",
            created_at: self.created,
            status: ending.status(),
            background: false,
            error,
            incomplete_details,
            model: &self.model,
            output,
            usage: usage.map(Tokens::new),
        };
        // Our own types have only string keys: this cannot fail.
        let mut text = serde_json::to_string(&response).unwrap_or_default();
        text.pop();
        text.push(',');
        text.push_str(&self.echo);
        text.push('}');
        text
    }

    /// The same, to be put into an event.
    pub(super) fn raw(
        &self,
        ending: Ending<'_>,
        output: &[Item],
        usage: Option<&Usage>,
    ) -> Option<Box<RawValue>> {
        RawValue::from_string(self.object(ending, output, usage)).ok()
    }
}

impl Tokens {
    fn new(usage: &Usage) -> Tokens {
        Tokens {
            input_tokens: usage.input,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
            },
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}
