//! The four wire formats, and the operations a request may ask for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A wire format, spoken by a client or by an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Google `generateContent`.
    Gemini,
}

impl Format {
    /// Every format, in the order of the contract.
    pub const ALL: [Format; 4] = [
        Format::Chat,
        Format::Responses,
        Format::Messages,
        Format::Gemini,
    ];

    /// The name used in configuration, records, metrics and refusals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Chat => "chat",
            Format::Responses => "responses",
            Format::Messages => "messages",
            Format::Gemini => "gemini",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of `chat`, `responses`, `messages`, `gemini`.
#[derive(Debug, thiserror::Error)]
#[error("unknown format; one of chat, responses, messages, gemini")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or(UnknownFormat)
    }
}

/// What a request wants done, whatever the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// A conversation turn.
    Chat,
    /// The older OpenAI text completion.
    Completion,
    /// Counting the tokens of a request without running it.
    Count,
}

impl Operation {
    /// The name used in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Chat => "chat",
            Operation::Completion => "completion",
            Operation::Count => "count",
        }
    }
}
