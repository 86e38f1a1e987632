//! The content of messages and of tool results: text, or a list of parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read::{self, Written, misfit};
use crate::Format;
use crate::ir::{Citation, Media, Part, Source, Text};
use crate::loose::{self, Count, List, Raw, Slot, loose};
use crate::loss::Misfit;
use crate::media;

loose! {
    struct Piece<'a> {
        "type" => kind: loose::Text<'a>,
        "text" => text: Raw<'a>,
        "refusal" => refusal: Raw<'a>,
        "annotations" => annotations: List<Note<'a>>,
        "image_url" => image_url: Raw<'a>,
        "detail" => detail: Raw<'a>,
        "file_id" => file_id: Raw<'a>,
        "file_data" => file_data: Raw<'a>,
        "file_url" => file_url: Raw<'a>,
        "filename" => filename: Raw<'a>,
        "input_audio" => audio: Slot<Audio<'a>>,
    }

    struct Note<'a> {
        "url" => url: loose::Text<'a>,
        "title" => title: loose::Text<'a>,
        "start_index" => start: Count,
        "end_index" => end: Count,
    }

    struct Audio<'a> {
        "data" => data: Raw<'a>,
        "format" => format: Raw<'a>,
    }

    /// An image as chat nests it.
    struct Nested<'a> {
        "url" => url: Raw<'a>,
        "detail" => detail: Raw<'a>,
    }
}

/// The parts of the content at `path`. Empty text is no part.
pub(super) fn parts<'a>(path: &str, value: Written<'a>) -> Result<Vec<Part<'a>>, Misfit> {
    let json = value.map_or("null", RawValue::get);
    if json == "null" {
        return Ok(Vec::new());
    }
    if json.starts_with('"') {
        return Ok(read::word(path, value)?
            .map(Part::text)
            .into_iter()
            .collect());
    }
    if !json.starts_with('[') {
        return Err(misfit(path, "must be a string or an array of parts"));
    }
    let (mut parts, mut base) = (Vec::new(), 0);
    for (index, raw) in read::array(path, value)?.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        parts.extend(part(&path, raw, base)?);
        if let Some(Part::Text { text, .. }) = parts.last() {
            base += text.chars().count() as u64;
        }
    }
    Ok(parts)
}

/// `base`: code points of the text before it.
fn part<'a>(path: &str, raw: &'a RawValue, base: u64) -> Result<Option<Part<'a>>, Misfit> {
    let piece: Piece<'a> = read::object(path, Some(raw))?.unwrap_or_default();
    Ok(match &*piece.kind.0 {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            let text = read::word(&format!("{path}.text"), piece.text.0)?;
            text.map(|text| Part::Text {
                text,
                citations: citations(piece.annotations, base),
                cache: None,
            })
        }
        "refusal" => read::word(&format!("{path}.refusal"), piece.refusal.0)?.map(Part::Refusal),
        "input_image" | "image_url" | "computer_screenshot" => Some(medium(image(path, &piece)?)),
        "input_file" => Some(medium(file(path, &piece)?)),
        "input_audio" => Some(medium(audio(path, &piece)?)),
        "" => return Err(misfit(path, "needs a `type`")),
        // Carried as a part it would come out as an item, which answers or asks nobody.
        "message"
        | "reasoning"
        | "function_call"
        | "function_call_output"
        | "custom_tool_call"
        | "custom_tool_call_output"
        | "item_reference" => {
            return Err(misfit(path, "is an item of `input`, not a part of one"));
        }
        _ => Some(Part::Opaque {
            origin: Format::Responses,
            kind: piece.kind.0,
            raw: Cow::Borrowed(raw.get()),
            at: 0,
        }),
    })
}

fn medium(media: Media<'_>) -> Part<'_> {
    Part::Media {
        media,
        cache: None,
        at: 0,
    }
}

fn citations<'a>(notes: List<Note<'a>>, base: u64) -> Vec<Citation<'a>> {
    let notes = notes.0.unwrap_or_default().into_iter();
    let urls = notes.filter(|note| !note.url.0.is_empty());
    urls.map(|note| Citation {
        url: note.url.0,
        title: (!note.title.0.is_empty()).then_some(note.title.0),
        span: note
            .start
            .0
            .zip(note.end.0)
            .map(|(start, end)| (base + start, base + end)),
        quote: None,
    })
    .collect()
}

fn image<'a>(path: &str, piece: &Piece<'a>) -> Result<Media<'a>, Misfit> {
    let mut detail = read::word(&format!("{path}.detail"), piece.detail.0)?;
    let url_path = format!("{path}.image_url");
    let url = match piece.image_url.0 {
        Some(raw) if raw.get().starts_with('{') => {
            let nested: Nested<'a> = read::object(&url_path, Some(raw))?.unwrap_or_default();
            detail = detail.or(read::word(&url_path, nested.detail.0)?);
            read::word(&url_path, nested.url.0)?
        }
        written => read::word(&url_path, written)?,
    };
    let source = match url {
        Some(url) => source(&url_path, url)?,
        None => held(path, piece)?,
    };
    Ok(Media::Image { source, detail })
}

fn file<'a>(path: &str, piece: &Piece<'a>) -> Result<Media<'a>, Misfit> {
    let name = read::word(&format!("{path}.filename"), piece.filename.0)?;
    let data_path = format!("{path}.file_data");
    let source = if let Some(data) = read::word(&data_path, piece.file_data.0)? {
        match data.starts_with("data:") {
            true => source(&data_path, data)?,
            false => Source::Bytes {
                mime: mime(name.as_deref(), &data).into(),
                base64: bytes(&data_path, data)?,
            },
        }
    } else if let Some(url) = read::word(&format!("{path}.file_url"), piece.file_url.0)? {
        source(&format!("{path}.file_url"), url)?
    } else {
        held(path, piece)?
    };
    Ok(Media::File { source, name })
}

fn audio<'a>(path: &str, piece: &Piece<'a>) -> Result<Media<'a>, Misfit> {
    let path = format!("{path}.input_audio");
    let (data, format) = match &piece.audio.0 {
        Some(audio) => (
            read::word(&path, audio.data.0)?,
            read::word(&path, audio.format.0)?,
        ),
        None => (None, None),
    };
    let Some(base64) = data else {
        return Err(misfit(&path, "needs `data`"));
    };
    let mime = match format.as_deref() {
        Some("mp3") => "audio/mpeg".into(),
        Some(format) => format!("audio/{format}").into(),
        None => media::sniff(&base64).unwrap_or("audio/wav").into(),
    };
    let base64 = bytes(&path, base64)?;
    let source = Source::Bytes { mime, base64 };
    Ok(Media::Audio { source })
}

fn bytes<'a>(path: &str, data: Text<'a>) -> Result<Text<'a>, Misfit> {
    media::base64(data).ok_or_else(|| misfit(path, "must be base64"))
}

/// A file that the provider holds.
fn held<'a>(path: &str, piece: &Piece<'a>) -> Result<Source<'a>, Misfit> {
    let id = read::word(&format!("{path}.file_id"), piece.file_id.0)?;
    let id = id.ok_or_else(|| misfit(path, "names neither data, an address nor a file"))?;
    Ok(Source::Ref {
        provider: Format::Responses,
        id,
    })
}

/// What an address means: the bytes it holds, or something to be fetched.
fn source<'a>(path: &str, url: Text<'a>) -> Result<Source<'a>, Misfit> {
    media::source(url).map_err(|problem| misfit(path, problem))
}

/// The type of a file that came as bare base64.
fn mime(name: Option<&str>, base64: &str) -> &'static str {
    if let Some(mime) = media::sniff(base64) {
        return mime;
    }
    let ending = name.and_then(|name| name.rsplit_once('.'));
    match ending.map_or("", |(_, ending)| ending) {
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
