//! A whole answer, collected from events.

use super::{Citation, Signature, ToolKind};
use crate::{Format, Usage};

/// A complete answer, for encoders that write one JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    /// The upstream's id; may be empty.
    pub(crate) id: String,
    /// By index; a choice that never came is empty.
    pub(crate) choices: Vec<Choice>,
    /// Zero where it is not known.
    pub(crate) usage: Usage,
}

/// One of the answers asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Choice {
    /// In order of their beginning.
    pub(crate) said: Vec<Said>,
    /// None: cut short.
    pub(crate) stop: Option<OwnedStop>,
    /// Raw JSON entries (chat's `content` entries), joined by commas.
    pub(crate) logprobs: String,
}

/// [`Stop`](super::Stop) with its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedStop {
    kind: StopKind,
    text: String,
    explanation: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopKind {
    End,
    Sequence,
    UnknownSequence,
    Length,
    ToolCalls,
    Filter,
    Refusal,
    Pause,
    ContextWindow,
    Malformed,
    Other,
}

/// A block of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Text {
        text: String,
        citations: Vec<Citation<'static>>,
    },
    Reasoning {
        text: String,
        signature: Option<Signature<'static>>,
    },
    Refusal(String),
    Tool {
        id: String,
        name: String,
        kind: ToolKind,
        /// Text of the arguments, as written.
        args: String,
        signature: Option<Signature<'static>>,
        /// The block was closed: its arguments are complete.
        complete: bool,
    },
    Image {
        mime: String,
        base64: String,
    },
    Audio {
        id: String,
        base64: String,
        transcript: String,
    },
    Server {
        origin: Format,
        raw: String,
    },
}

impl OwnedStop {
    /// Keeps a stop beyond its frame.
    pub(crate) fn new(stop: super::Stop<'_>) -> OwnedStop {
        use super::Stop;
        let (kind, text, explanation) = match stop {
            Stop::End => (StopKind::End, "", None),
            Stop::Sequence(Some(sequence)) => (StopKind::Sequence, sequence, None),
            Stop::Sequence(None) => (StopKind::UnknownSequence, "", None),
            Stop::Length => (StopKind::Length, "", None),
            Stop::ToolCalls => (StopKind::ToolCalls, "", None),
            Stop::Filter {
                reason,
                explanation,
            } => (StopKind::Filter, reason, explanation),
            Stop::Refusal => (StopKind::Refusal, "", None),
            Stop::Pause => (StopKind::Pause, "", None),
            Stop::ContextWindow => (StopKind::ContextWindow, "", None),
            Stop::Malformed(text) => (StopKind::Malformed, text, None),
            Stop::Other(text) => (StopKind::Other, text, None),
        };
        OwnedStop {
            kind,
            text: text.to_owned(),
            explanation: explanation.map(str::to_owned),
        }
    }

    /// The stop again.
    pub(crate) fn get(&self) -> super::Stop<'_> {
        use super::Stop;
        match self.kind {
            StopKind::End => Stop::End,
            StopKind::Sequence => Stop::Sequence(Some(&self.text)),
            StopKind::UnknownSequence => Stop::Sequence(None),
            StopKind::Length => Stop::Length,
            StopKind::ToolCalls => Stop::ToolCalls,
            StopKind::Filter => Stop::Filter {
                reason: &self.text,
                explanation: self.explanation.as_deref(),
            },
            StopKind::Refusal => Stop::Refusal,
            StopKind::Pause => Stop::Pause,
            StopKind::ContextWindow => Stop::ContextWindow,
            StopKind::Malformed => Stop::Malformed(&self.text),
            StopKind::Other => Stop::Other(&self.text),
        }
    }
}
