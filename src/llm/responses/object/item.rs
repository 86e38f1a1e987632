//! An output item, as it grows and as it is written.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::words;

/// An output item.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) body: Body,
}

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

/// What an item holds.
#[derive(Debug)]
pub(crate) enum Body {
    Message(Vec<Part>),
    Reasoning {
        text: String,
        /// Text was shown.
        begun: bool,
        encrypted: Option<String>,
    },
    Call {
        call_id: String,
        /// Where the tool is one of a namespace.
        namespace: Option<String>,
        name: String,
        /// A custom tool: its arguments are text.
        custom: bool,
        args: String,
    },
    Image {
        base64: String,
    },
    /// An item of the format itself, as it came.
    Raw(Box<RawValue>),
}

/// A part of a message.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) refusal: bool,
    pub(crate) text: String,
    pub(crate) notes: Vec<Note>,
    /// Entries of a JSON array, joined by commas.
    pub(crate) logprobs: String,
    /// Code points of the answer's text before this part.
    pub(crate) base: u64,
}

/// A source of a stretch of a part's text.
#[derive(Debug, Serialize)]
pub(crate) struct Note {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) start_index: u64,
    pub(crate) end_index: u64,
    pub(crate) url: String,
    pub(crate) title: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum View<'a> {
    Message {
        id: &'a str,
        status: Status,
        role: &'static str,
        content: &'a [Part],
    },
    Reasoning {
        id: &'a str,
        summary: &'a [Summary<'a>],
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: Status,
        call_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        name: &'a str,
        arguments: &'a str,
    },
    CustomToolCall {
        id: &'a str,
        status: Status,
        call_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        name: &'a str,
        input: &'a str,
    },
    ImageGenerationCall {
        id: &'a str,
        status: Status,
        result: Option<&'a str>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartView<'a> {
    OutputText {
        #[serde(serialize_with = "words::text")]
        text: &'a str,
        annotations: &'a [Note],
        logprobs: Option<Box<RawValue>>,
    },
    Refusal {
        refusal: &'a str,
    },
}

/// A paragraph of a reasoning item's summary.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(crate) struct Summary<'a> {
    pub(crate) text: &'a str,
}

impl Body {
    /// Reasoning of which nothing is known yet.
    pub(crate) fn reasoning() -> Body {
        Body::Reasoning {
            text: String::new(),
            begun: false,
            encrypted: None,
        }
    }

    /// Bytes that it holds from its beginning.
    pub(crate) fn size(&self) -> usize {
        match self {
            Body::Call { call_id, name, .. } => call_id.len() + name.len(),
            Body::Raw(raw) => raw.get().len(),
            Body::Message(_) | Body::Reasoning { .. } | Body::Image { .. } => 0,
        }
    }

    /// What the ids of such items begin with.
    pub(crate) fn prefix(&self) -> &'static str {
        match self {
            Body::Message(_) => "msg",
            Body::Reasoning { .. } => "rs",
            Body::Call { custom: false, .. } => "fc",
            Body::Call { custom: true, .. } => "ctc",
            Body::Image { .. } => "ig",
            Body::Raw(_) => "item",
        }
    }
}

impl Part {
    /// The log probabilities as a JSON array.
    pub(crate) fn entries(&self) -> Option<Box<RawValue>> {
        RawValue::from_string(format!("[{}]", self.logprobs)).ok()
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = match self.refusal {
            true => PartView::Refusal {
                refusal: &self.text,
            },
            false => PartView::OutputText {
                text: &self.text,
                annotations: &self.notes,
                logprobs: self.entries(),
            },
        };
        view.serialize(serializer)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (id, status) = (&*self.id, self.status);
        match &self.body {
            Body::Message(content) => View::Message {
                id,
                status,
                role: "assistant",
                content,
            }
            .serialize(serializer),
            Body::Reasoning {
                text,
                begun,
                encrypted,
            } => {
                let summary = [Summary { text }];
                View::Reasoning {
                    id,
                    summary: &summary[..usize::from(*begun)],
                    encrypted_content: encrypted.as_deref(),
                }
                .serialize(serializer)
            }
            Body::Call {
                call_id,
                namespace,
                name,
                custom: false,
                args,
            } => View::FunctionCall {
                id,
                status,
                call_id,
                namespace: namespace.as_deref(),
                name,
                arguments: args,
            }
            .serialize(serializer),
            Body::Call {
                call_id,
                namespace,
                name,
                custom: true,
                args,
            } => View::CustomToolCall {
                id,
                status,
                call_id,
                namespace: namespace.as_deref(),
                name,
                input: args,
            }
            .serialize(serializer),
            Body::Image { base64 } => View::ImageGenerationCall {
                id,
                status,
                result: (!base64.is_empty()).then_some(base64),
            }
            .serialize(serializer),
            Body::Raw(raw) => raw.serialize(serializer),
        }
    }
}
