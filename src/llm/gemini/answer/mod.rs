//! What is written of an answer, whole or streamed.

mod logprobs;
mod sources;
mod stop;
mod tokens;

use std::borrow::Cow;

use serde::Serialize;

pub(super) use logprobs::{Logprobs, entries};
pub(super) use sources::{Grounding, Sources};
pub(super) use stop::{finish, is_cut};
pub(super) use tokens::Tokens;

use super::proof;
use super::wire::{Call, Json, Part, Said};
use crate::convert::Back;
use crate::freetext::wrapped;
use crate::ir::{Origin, Signature, ToolKind, family};
use crate::media;
use crate::normal::{Loose, arguments};
use crate::traits::Gemini;
use crate::transcode::Envelope;

/// A chunk of a stream, or a whole answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a, C: Serialize> {
    pub(super) candidates: C,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage_metadata: Option<Tokens>,
    pub(super) model_version: &'a str,
    pub(super) response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a, P: Serialize> {
    pub(super) content: Spoken<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_message: Option<&'a str>,
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grounding_metadata: Option<Grounding<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<Logprobs<'a>>,
}

/// The content of a candidate: always of the model.
#[derive(Serialize)]
pub(super) struct Spoken<P: Serialize> {
    role: &'static str,
    parts: P,
}

/// The part that a stream consists of, written without a detour.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

impl<'a, P: Serialize> Candidate<'a, P> {
    pub(super) fn saying(index: u32, parts: P) -> Candidate<'a, P> {
        Candidate {
            content: Spoken {
                role: "model",
                parts,
            },
            finish_reason: None,
            finish_message: None,
            index,
            grounding_metadata: None,
            logprobs_result: None,
        }
    }
}

/// How this answer speaks to its caller.
#[derive(Debug)]
pub(super) struct Speaker {
    id: String,
    model: String,
    family: String,
    /// The caller wants to see thoughts.
    pub(super) shows: bool,
    /// The caller knows ids of calls: it asked for a model that has them.
    ids: bool,
}

impl Speaker {
    pub(super) fn new(envelope: &Envelope, back: &Back) -> Speaker {
        Speaker {
            id: envelope.id.clone(),
            model: envelope.model.clone(),
            family: family(&envelope.upstream_model).to_owned(),
            shows: back.show_thoughts,
            ids: Gemini::of(&envelope.model).third,
        }
    }

    pub(super) fn chunk<C: Serialize>(&self, candidates: C) -> Chunk<'_, C> {
        Chunk {
            candidates,
            usage_metadata: None,
            model_version: &self.model,
            response_id: &self.id,
        }
    }

    /// The proof as the caller is to replay it; none of what only marks that there was none.
    pub(super) fn proof(&self, signature: &Signature<'_>) -> Option<String> {
        (signature.origin != Origin::Nowhere).then(|| proof::write(signature, &self.family))
    }

    /// The call; `None` when its arguments are no JSON object, as of one that was cut short.
    pub(super) fn call<'a>(&self, call: Made<'a>) -> Option<Part<'a>> {
        let args = match call.kind {
            ToolKind::Function => arguments(call.args, Loose::Refuse)?,
            // Google's clients know functions only.
            ToolKind::Custom => wrapped(call.args).into(),
        };
        Some(Part::from(Said {
            function_call: Some(Call {
                id: self.ids.then_some(Cow::Borrowed(call.id)),
                name: Cow::Borrowed(call.name),
                args: Json::new(args)?,
            }),
            ..Said::default()
        }))
    }
}

/// The type of bytes; what came without one is sound.
pub(super) fn typed<'a>(mime: &'a str, base64: &str) -> &'a str {
    match mime {
        "" => media::sniff(base64).unwrap_or("audio/pcm"),
        mime => mime,
    }
}

/// A call that the model made.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: ToolKind,
    pub(super) args: &'a str,
}
