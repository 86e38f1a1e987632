//! Writes images, sound, video and files.

use std::borrow::Cow;

use super::super::decode::is_googles;
use super::super::wire::{File, Part, Said};
use crate::Format;
use crate::ir::{Feature, Media, Source};
use crate::loss::{Losses, Misfit};
use crate::media::titled;
use crate::traits::Gemini;

/// Types by the ending of an address.
const TYPES: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("gif", "image/gif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
];

/// The part that shows `media`, of the turn that began `at`.
pub(super) fn write<'a>(
    media: &'a Media<'_>,
    at: usize,
    model: Gemini,
    losses: &mut Losses,
) -> Result<Part<'a>, Misfit> {
    let source = match media {
        Media::Image { source, detail } => {
            if detail.as_deref().is_some_and(|detail| detail != "auto") {
                losses.hint(Feature::ImageDetail);
            }
            source
        }
        Media::Audio { source } | Media::Video { source } => source,
        Media::File { source, name } => {
            if name.is_some() && !matches!(source, Source::Plain(_)) {
                losses.hint(Feature::FileName);
            }
            source
        }
    };
    let name = match media {
        Media::File { name, .. } => name.as_deref(),
        _ => None,
    };
    let refuse = |reason: &str| Err(losses.contract_at(losses.turn(at), reason));
    match source {
        Source::Bytes { mime, base64 } => Ok(Part::bytes(&**mime, &**base64)),
        Source::Plain(text) => Ok(Part::text(titled(name, Cow::Borrowed(&**text)))),
        Source::Url { url, mime } if is_googles(url) || model.web_files => {
            file(url, mime.as_deref(), refuse)
        }
        Source::Ref {
            provider: Format::Gemini,
            id,
        } => file(id, None, refuse),
        Source::Url { .. } => {
            refuse("the model does not fetch addresses; send the bytes as base64")
        }
        Source::Ref { provider, .. } => refuse(&format!(
            "a file kept at a provider of type {provider} cannot be read by Gemini"
        )),
    }
}

/// A file that Google has or fetches. It knows the types of those it took itself; of others it
/// must be told.
fn file<'a>(
    uri: &'a str,
    mime: Option<&'a str>,
    refuse: impl Fn(&str) -> Result<Part<'a>, Misfit>,
) -> Result<Part<'a>, Misfit> {
    let mime = mime.or_else(|| by_ending(uri));
    if mime.is_none() && (uri.starts_with("gs://") || !is_googles(uri)) {
        return refuse(
            "Gemini must be told the media type, and neither the request nor the address says it",
        );
    }
    Ok(Part::from(Said {
        file_data: Some(File {
            mime_type: mime.map(Cow::Borrowed),
            file_uri: Cow::Borrowed(uri),
        }),
        ..Said::default()
    }))
}

fn by_ending(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    let known = TYPES
        .iter()
        .find(|(known, _)| ending.eq_ignore_ascii_case(known));
    known.map(|(_, mime)| *mime)
}
