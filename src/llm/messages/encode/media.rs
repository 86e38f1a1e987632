//! Writes images and documents.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::body::{Kind, Source};
use crate::Format;
use crate::ir::{self, Feature, Media};
use crate::loss::{Losses, Misfit};
use crate::media::{mime, sniff};

/// Types of images that Anthropic takes.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Types beside `text/…` whose bytes are text.
const TEXTS: [&str; 4] = [
    "application/json",
    "application/xml",
    "application/javascript",
    "application/x-yaml",
];

const PDF: &str = "application/pdf";

/// The block of a medium that stands in the caller's message `at`.
pub(super) fn block<'a>(
    media: &'a Media<'_>,
    at: usize,
    losses: &mut Losses,
) -> Result<Kind<'a>, Misfit> {
    match media {
        Media::Image { source, detail } => {
            if detail.is_some() {
                losses.hint(Feature::ImageDetail);
            }
            image(source, at, losses)
        }
        Media::File { source, name } => file(source, name.as_deref(), at, losses),
        Media::Audio { .. } => Err(refused(at, losses, "it does not take sound")),
        Media::Video { .. } => Err(refused(at, losses, "it does not take video")),
    }
}

fn refused(at: usize, losses: &Losses, reason: &str) -> Misfit {
    losses.contract_at(losses.turn(at), reason)
}

fn image<'a>(source: &'a ir::Source<'_>, at: usize, losses: &Losses) -> Result<Kind<'a>, Misfit> {
    let source = match source {
        ir::Source::Bytes { mime, base64 } => {
            // It refuses bytes that are of another type than said.
            let media_type = sniffed(mime, base64);
            if !IMAGES.contains(&&*media_type) {
                let types = IMAGES.join(", ");
                let reason = format!("it takes images of the types {types}, not {media_type}");
                return Err(refused(at, losses, &reason));
            }
            Source::Base64 {
                media_type,
                data: base64,
            }
        }
        other => elsewhere(other, at, losses)?,
    };
    Ok(Kind::Image { source })
}

fn file<'a>(
    source: &'a ir::Source<'_>,
    title: Option<&'a str>,
    at: usize,
    losses: &mut Losses,
) -> Result<Kind<'a>, Misfit> {
    let source = match source {
        ir::Source::Bytes { mime, base64 } => match &*sniffed(mime, base64) {
            PDF => Source::Base64 {
                media_type: PDF.into(),
                data: base64,
            },
            kind if IMAGES.contains(&kind) => {
                if title.is_some() {
                    losses.hint(Feature::FileName);
                }
                return image(source, at, losses);
            }
            kind if kind.starts_with("text/") || TEXTS.contains(&kind) => {
                plain(text_of(base64, at, losses)?)
            }
            kind => {
                let reason = format!("it takes PDF, text and images as files, not {kind}");
                return Err(refused(at, losses, &reason));
            }
        },
        ir::Source::Plain(text) => plain(Cow::Borrowed(text)),
        other => elsewhere(other, at, losses)?,
    };
    Ok(Kind::Document { source, title })
}

/// The type of bytes: what they say of themselves, else what was said of them.
fn sniffed<'a>(declared: &'a str, base64: &str) -> Cow<'a, str> {
    match sniff(base64) {
        Some(found) if found == PDF || IMAGES.contains(&found) => Cow::Borrowed(found),
        _ => mime(declared.split(';').next().unwrap_or_default().trim()),
    }
}

fn text_of(base64: &str, at: usize, losses: &Losses) -> Result<Cow<'static, str>, Misfit> {
    let bytes = STANDARD.decode(base64).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned)
        .ok_or_else(|| refused(at, losses, "the text of the file is not UTF-8"))
}

fn plain(data: Cow<'_, str>) -> Source<'_> {
    Source::Text {
        media_type: "text/plain",
        data,
    }
}

/// A source whose bytes are not in the request.
fn elsewhere<'a>(
    source: &'a ir::Source<'_>,
    at: usize,
    losses: &Losses,
) -> Result<Source<'a>, Misfit> {
    match source {
        ir::Source::Url { url, .. } if is_web(url) => Ok(Source::Url { url }),
        ir::Source::Url { .. } => Err(refused(at, losses, "it fetches http and https only")),
        ir::Source::Ref {
            provider: Format::Messages,
            id,
        } => Ok(Source::File { file_id: id }),
        ir::Source::Ref { .. } => Err(refused(at, losses, "the file is stored elsewhere")),
        ir::Source::Bytes { .. } | ir::Source::Plain(_) => {
            Err(refused(at, losses, "text is no image"))
        }
    }
}

fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}
