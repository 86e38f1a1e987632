//! The content of messages and of tools' results.

use std::borrow::Cow;

use serde::Serialize;

use crate::Format;
use crate::ir::{Role, Source};
use crate::media;
use crate::words;

/// What is said.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(#[serde(serialize_with = "words::text")] Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

/// A part of it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Piece<'a> {
    InputText {
        #[serde(serialize_with = "words::text")]
        text: Cow<'a, str>,
    },
    OutputText {
        #[serde(serialize_with = "words::text")]
        text: Cow<'a, str>,
    },
    InputImage {
        #[serde(
            skip_serializing_if = "Option::is_none",
            serialize_with = "words::optional"
        )]
        image_url: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        detail: &'a str,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
    },
    InputAudio {
        input_audio: Audio<'a>,
    },
}

#[derive(Serialize)]
pub(super) struct Audio<'a> {
    data: &'a str,
    format: &'a str,
}

/// Text that was said by that role.
pub(super) fn words(role: Role, text: Cow<'_, str>) -> Piece<'_> {
    match role {
        Role::Assistant => Piece::OutputText { text },
        Role::User | Role::System => Piece::InputText { text },
    }
}

/// One text alone is a plain string.
pub(super) fn content(mut pieces: Vec<Piece<'_>>) -> Content<'_> {
    match pieces.as_mut_slice() {
        [] => Content::Text(Cow::Borrowed("")),
        [Piece::InputText { text } | Piece::OutputText { text }] => {
            Content::Text(std::mem::take(text))
        }
        _ => Content::Pieces(pieces),
    }
}

/// There is no flag for a tool's failure: its first words say so.
pub(super) fn tell_error(pieces: &mut Vec<Piece<'_>>) {
    let first = pieces.iter_mut().find_map(|piece| match piece {
        Piece::InputText { text } => Some(text),
        _ => None,
    });
    match first {
        Some(text) if text.starts_with("Error") || text.starts_with("error") => {}
        Some(text) => *text = Cow::Owned(format!("Error: {text}")),
        None => pieces.insert(
            0,
            Piece::InputText {
                text: Cow::Borrowed("Error"),
            },
        ),
    }
}

/// None for what the provider cannot get at; so below.
pub(super) fn image<'a>(source: &'a Source<'_>, detail: &'a str) -> Option<Piece<'a>> {
    let (image_url, file_id) = match source {
        Source::Bytes { mime, base64 } => (Some(media::to_data_url(mime, base64).into()), None),
        Source::Url { url, .. } => (Some(Cow::Borrowed(&**url)), None),
        // Files are the account's, whichever of its formats named them.
        Source::Ref {
            provider: Format::Responses | Format::Chat,
            id,
        } => (None, Some(&**id)),
        Source::Ref { .. } | Source::Plain(_) => return None,
    };
    Some(Piece::InputImage {
        image_url,
        file_id,
        detail,
    })
}

pub(super) fn file<'a>(source: &'a Source<'_>, name: Option<&'a str>) -> Option<Piece<'a>> {
    let (mut filename, mut file_data, mut file_url, mut file_id) = (None, None, None, None);
    match source {
        // A name beside an address or an id is refused; data must have one.
        Source::Bytes { mime, base64 } => {
            filename = name.or(Some(default_name(mime)));
            file_data = Some(media::to_data_url(mime, base64));
        }
        Source::Url { url, .. } => file_url = Some(&**url),
        Source::Ref {
            provider: Format::Responses | Format::Chat,
            id,
        } => file_id = Some(&**id),
        Source::Ref { .. } => return None,
        Source::Plain(text) => {
            let text = media::titled(name, Cow::Borrowed(&**text));
            return Some(Piece::InputText { text });
        }
    }
    Some(Piece::InputFile {
        filename,
        file_data,
        file_url,
        file_id,
    })
}

/// A name for data that has none.
fn default_name(mime: &str) -> &'static str {
    match mime {
        "application/pdf" => "file.pdf",
        "application/json" => "file.json",
        "text/csv" => "file.csv",
        "text/html" => "file.html",
        "text/markdown" => "file.md",
        _ => "file.txt",
    }
}

pub(super) fn audio<'a>(source: &'a Source<'_>) -> Option<Piece<'a>> {
    let Source::Bytes { mime, base64 } = source else {
        return None;
    };
    let format = match &**mime {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        _ => return None,
    };
    let data = &**base64;
    Some(Piece::InputAudio {
        input_audio: Audio { data, format },
    })
}
