//! What is written in requests and answers alike: contents and their parts.

use std::borrow::Cow;

use crate::words;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A message, or the content of a candidate.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    pub(super) role: &'static str,
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Part<'a> {
    Said(Box<Said<'a>>),
    /// As Google wrote it.
    Raw(Json<'a>),
}

/// A part: one of its fields says what it is, the others something about it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said<'a> {
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "words::optional"
    )]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: Cow<'a, str>,
    #[serde(serialize_with = "words::text")]
    pub(super) data: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<Cow<'a, str>>,
    pub(super) file_uri: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) name: Cow<'a, str>,
    pub(super) args: Json<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) name: Cow<'a, str>,
    pub(super) response: Outcome<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part<'a>>,
}

/// What a tool gave.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Outcome<'a> {
    Object(Json<'a>),
    Said { output: Cow<'a, str> },
    Failed { error: Cow<'a, str> },
}

/// JSON that is written as it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Json<'a>(Cow<'a, str>);

impl<'a> Json<'a> {
    /// `None` for what is no JSON.
    pub(super) fn new(json: impl Into<Cow<'a, str>>) -> Option<Json<'a>> {
        let json = json.into();
        serde_json::from_str::<&RawValue>(&json).ok()?;
        Some(Json(json))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'a> Part<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Part<'a> {
        Part::from(Said {
            text: Some(text.into()),
            ..Said::default()
        })
    }

    /// A proof on nothing.
    pub(super) fn proof(proof: impl Into<Cow<'a, str>>) -> Part<'a> {
        Part::from(Said {
            text: Some(Cow::Borrowed("")),
            thought_signature: Some(proof.into()),
            ..Said::default()
        })
    }

    /// The part with a proof on it, if there is one.
    pub(super) fn signed(mut self, proof: Option<String>) -> Part<'a> {
        if let (Part::Said(said), Some(proof)) = (&mut self, proof) {
            said.thought_signature = Some(Cow::Owned(proof));
        }
        self
    }

    pub(super) fn bytes(mime: impl Into<Cow<'a, str>>, data: impl Into<Cow<'a, str>>) -> Part<'a> {
        Part::from(Said {
            inline_data: Some(Blob {
                mime_type: mime.into(),
                data: data.into(),
            }),
            ..Said::default()
        })
    }
}

impl<'a> From<Said<'a>> for Part<'a> {
    fn from(said: Said<'a>) -> Part<'a> {
        Part::Said(Box::new(said))
    }
}
