//! Reads the parts of a content.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::proof;
use super::super::read::{Members, Str, text};
use super::media::{Blob, File};
use super::pairs::Pairs;
use crate::Format;
use crate::ir::{self, Media, Origin, Signature, Text, ToolCall, ToolKind, ToolResult};
use crate::loose::compact;
use crate::loss::Misfit;

/// A part: one of its fields says what it is, the others something about it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    text: Option<Str<'a>>,
    thought: Option<bool>,
    #[serde(borrow, alias = "thought_signature")]
    thought_signature: Option<Str<'a>>,
    #[serde(borrow, alias = "inline_data")]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow, alias = "file_data")]
    file_data: Option<File<'a>>,
    #[serde(borrow, alias = "function_call")]
    function_call: Option<Call<'a>>,
    #[serde(borrow, alias = "function_response")]
    function_response: Option<Response<'a>>,
    #[serde(borrow, alias = "executable_code")]
    executable_code: Option<&'a RawValue>,
    #[serde(borrow, alias = "code_execution_result")]
    code_execution_result: Option<&'a RawValue>,
    #[serde(borrow, alias = "tool_call")]
    tool_call: Option<&'a RawValue>,
    #[serde(borrow, alias = "tool_response")]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow, alias = "video_metadata")]
    video_metadata: Option<&'a RawValue>,
    #[serde(borrow, alias = "media_resolution")]
    media_resolution: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Option<Str<'a>>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    id: Option<Str<'a>>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    parts: Option<Vec<ResponsePart<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePart<'a> {
    #[serde(borrow, alias = "inline_data")]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow, alias = "file_data")]
    file_data: Option<File<'a>>,
}

/// What is said about parts and cannot be carried.
#[derive(Default)]
pub(super) struct Hints {
    video: bool,
    resolution: bool,
}

impl Hints {
    pub(super) fn see(&mut self, part: &Part<'_>) {
        self.video |= part.video_metadata.is_some();
        self.resolution |= part.media_resolution.is_some();
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let video = self.video.then_some("contents.parts.videoMetadata");
        let resolution = self.resolution.then_some("contents.parts.mediaResolution");
        video.into_iter().chain(resolution)
    }
}

impl<'a> Part<'a> {
    /// The text, if the part is nothing else.
    pub(super) fn only_text(self) -> Option<Text<'a>> {
        self.text.map(|text| text.0)
    }

    /// Joins what the part says to the turn's parts. `place`: content and part, counted from 0.
    pub(super) fn read(
        self,
        turn: &mut Vec<ir::Part<'a>>,
        pairs: &mut Pairs<'a>,
        place: (usize, usize),
    ) -> Result<(), Misfit> {
        let path = format!("contents[{}].parts[{}]", place.0, place.1);
        let googles_own = self.googles_own();
        let signature = self
            .thought_signature
            .and_then(|value| proof::read(value.0));
        if let Some(text) = self.text {
            match self.thought {
                Some(true) => think(turn, text.0, signature),
                _ => say(turn, text.0, signature),
            }
        } else if let Some(call) = self.function_call {
            call.read(turn, pairs, signature, place);
        } else if let Some(response) = self.function_response {
            turn.push(response.read(pairs, &path)?);
        } else if let Some(blob) = self.inline_data {
            if signature.is_some() {
                think(turn, Cow::Borrowed(""), signature);
            }
            turn.push(shown(blob.read(&path)?));
        } else if let Some(file) = self.file_data {
            turn.push(shown(file.read(&path)?));
        } else if let Some((kind, raw)) = googles_own {
            turn.push(ir::Part::Opaque {
                origin: Format::Gemini,
                kind: Cow::Borrowed(kind),
                raw: Cow::Owned(format!("{{\"{kind}\":{}}}", raw.get())),
                at: 0,
            });
        } else if let Some(signature) = signature {
            think(turn, Cow::Borrowed(""), Some(signature));
        }
        Ok(())
    }

    fn googles_own(&self) -> Option<(&'static str, &'a RawValue)> {
        [
            ("executableCode", self.executable_code),
            ("codeExecutionResult", self.code_execution_result),
            ("toolCall", self.tool_call),
            ("toolResponse", self.tool_response),
        ]
        .into_iter()
        .find_map(|(kind, raw)| raw.map(|raw| (kind, raw)))
    }
}

/// Reasoning. Pieces of one thought, as a stream brings them, are joined: a proof is of the whole.
fn think<'a>(turn: &mut Vec<ir::Part<'a>>, more: Text<'a>, proof: Option<Signature<'a>>) {
    if let Some(ir::Part::Reasoning {
        text,
        signature: signature @ None,
    }) = turn.last_mut()
    {
        if !more.is_empty() {
            text.to_mut().push_str(&more);
        }
        *signature = proof;
        return;
    }
    if !more.is_empty() || proof.is_some() {
        turn.push(ir::Part::Reasoning {
            text: more,
            signature: proof,
        });
    }
}

/// Text. A proof on it is of the reasoning before it.
fn say<'a>(turn: &mut Vec<ir::Part<'a>>, text: Text<'a>, proof: Option<Signature<'a>>) {
    if proof.is_some() {
        think(turn, Cow::Borrowed(""), proof);
    }
    if !text.is_empty() {
        turn.push(ir::Part::text(text));
    }
}

impl<'a> Call<'a> {
    /// Google signs the call itself; another's proof on it is of the reasoning before it.
    fn read(
        self,
        turn: &mut Vec<ir::Part<'a>>,
        pairs: &mut Pairs<'a>,
        signature: Option<Signature<'a>>,
        place: (usize, usize),
    ) {
        let own = signature
            .as_ref()
            .is_some_and(|proof| proof.origin == Origin::Gemini);
        let signature = match own {
            true => signature,
            false => {
                if signature.is_some() {
                    think(turn, Cow::Borrowed(""), signature);
                }
                None
            }
        };
        let name = self.name.0;
        let id = pairs.call(self.id.map(|id| id.0), &name, place);
        let args = self.args.filter(|args| args.get() != "null");
        turn.push(ir::Part::ToolCall(ToolCall {
            id,
            name,
            args: args.map_or(Cow::Borrowed("{}"), |args| compact(args.get())),
            kind: ToolKind::Function,
            signature,
            cache: None,
            at: 0,
        }));
    }
}

impl<'a> Response<'a> {
    fn read(self, pairs: &mut Pairs<'a>, path: &str) -> Result<ir::Part<'a>, Misfit> {
        let path = format!("{path}.functionResponse");
        let name = self.name.0;
        let id = pairs.response(self.id.map(|id| id.0), &name);
        let id = id.ok_or_else(|| {
            Misfit::malformed(path.clone(), &format!("answers no call of `{name}`"))
        })?;
        let (text, error) = self.response.map_or((Cow::Borrowed(""), false), outcome);
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(ir::Part::text(text));
        }
        for part in self.parts.into_iter().flatten() {
            let blob = part.inline_data.map(|blob| blob.read(&path)).transpose()?;
            let file = part.file_data.map(|file| file.read(&path)).transpose()?;
            let media = blob.or(file);
            parts.extend(media.map(shown));
        }
        Ok(ir::Part::ToolResult(ToolResult {
            id,
            name: Some(name),
            parts,
            error,
            cache: None,
            at: 0,
        }))
    }
}

/// What a response object says, and whether it is of a failure. The one member `output`,
/// `result` or `error` is what is meant.
fn outcome(response: &RawValue) -> (Cow<'_, str>, bool) {
    let whole = || (spoken(response), false);
    let Ok(members) = Members::of(response, "") else {
        return whole();
    };
    if members.len() != 1 {
        return whole();
    }
    members
        .into_iter()
        .find_map(|member| match &*member.key {
            "output" | "result" => Some((spoken(member.value), false)),
            "error" => Some((spoken(member.value), true)),
            _ => None,
        })
        .unwrap_or_else(whole)
}

/// A string as it is, anything else as JSON.
fn spoken(value: &RawValue) -> Cow<'_, str> {
    text(value.get()).unwrap_or_else(|| compact(value.get()))
}

fn shown(media: Media<'_>) -> ir::Part<'_> {
    ir::Part::Media {
        media,
        cache: None,
        at: 0,
    }
}
