//! Writes the parts of a user's message.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::accent::Accent;
use super::tools::mark;
use super::wire::{Address, Content, File, Image, Piece, Sound};
use crate::Format;
use crate::ir::{CacheMark, Feature, Media, Part, Source};
use crate::loss::{Losses, Misfit};
use crate::media::{titled, to_data_url};

/// A content of these pieces: one plain text is a string, as every server knows it.
pub(super) fn content(mut pieces: Vec<Piece<'_>>) -> Content<'_> {
    match pieces.len() {
        0 => Content::Text(Cow::Borrowed("")),
        1 => match pieces.remove(0) {
            Piece::Text {
                text,
                cache_control: None,
            } => Content::Text(text),
            piece => Content::Pieces(vec![piece]),
        },
        _ => Content::Pieces(pieces),
    }
}

/// Text.
pub(super) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Piece<'a> {
    Piece::Text {
        text: text.into(),
        cache_control: None,
    }
}

/// Writes a part that a user may send.
pub(super) fn piece<'a>(
    part: &'a Part<'_>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Result<Option<Piece<'a>>, Misfit> {
    match part {
        Part::Text { text, cache, .. } => Ok((!text.is_empty()).then(|| Piece::Text {
            text: Cow::Borrowed(text),
            cache_control: mark(*cache, accent, losses),
        })),
        Part::Media { media, cache, at } => {
            self::media(media, *cache, *at, accent, losses).map(Some)
        }
        Part::Refusal(said) => Ok(Some(text(&**said))),
        Part::Opaque { kind, at, .. } => Err(misfit(
            losses,
            *at,
            &format!("only its own provider understands `{kind}`"),
        )),
        Part::Reasoning { .. } | Part::ToolCall(_) | Part::ToolResult(_) => Ok(None),
    }
}

fn misfit(losses: &Losses, at: usize, reason: &str) -> Misfit {
    losses.contract_at(losses.turn(at), reason)
}

fn media<'a>(
    media: &'a Media<'_>,
    cache: Option<CacheMark>,
    at: usize,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Result<Piece<'a>, Misfit> {
    match media {
        Media::Image { source, detail } => Ok(Piece::ImageUrl {
            image_url: Image {
                url: address(source)
                    .ok_or_else(|| misfit(losses, at, "it takes images by URL or inline"))?,
                detail: detail.as_deref().map(known_detail),
            },
            cache_control: mark(cache, accent, losses),
        }),
        Media::Audio { source } => sound(source)
            .ok_or_else(|| misfit(losses, at, "it takes audio inline only, as wav or mp3")),
        Media::Video { source } => match address(source) {
            Some(url) if !accent.own => Ok(Piece::VideoUrl {
                video_url: Address { url },
            }),
            _ => Err(misfit(losses, at, "it takes no video")),
        },
        Media::File { source, name } => {
            if name.is_some() && matches!(source, Source::Ref { .. }) {
                losses.hint(Feature::FileName);
            }
            file(source, name.as_deref()).map_err(|reason| misfit(losses, at, reason))
        }
    }
}

fn address<'a>(source: &'a Source<'_>) -> Option<Cow<'a, str>> {
    match source {
        Source::Bytes { mime, base64 } => Some(Cow::Owned(to_data_url(mime, base64))),
        Source::Url { url, .. } => Some(Cow::Borrowed(url)),
        Source::Ref { .. } | Source::Plain(_) => None,
    }
}

/// Responses has one step above `high`.
fn known_detail(detail: &str) -> &str {
    match detail {
        "original" => "high",
        detail => detail,
    }
}

fn sound<'a>(source: &'a Source<'_>) -> Option<Piece<'a>> {
    let Source::Bytes { mime, base64 } = source else {
        return None;
    };
    let format = match &**mime {
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        "audio/mp3" | "audio/mpeg" | "audio/mpga" => "mp3",
        _ => return None,
    };
    Some(Piece::InputAudio {
        input_audio: Sound {
            data: base64,
            format,
        },
    })
}

/// Text is sent as text: OpenAI reads PDF files only.
fn file<'a>(source: &'a Source<'_>, name: Option<&'a str>) -> Result<Piece<'a>, &'static str> {
    match source {
        Source::Plain(said) => Ok(text(titled(name, Cow::Borrowed(said)))),
        Source::Bytes { mime, base64 } if mime.starts_with("text/") => {
            let bytes = STANDARD.decode(&**base64);
            let bytes = bytes.map_err(|_| "the text file is not base64")?;
            let said = String::from_utf8_lossy(&bytes).into_owned();
            Ok(text(titled(name, said.into())))
        }
        Source::Bytes { mime, base64 } => Ok(Piece::File {
            file: File {
                filename: Some(name.unwrap_or("document.pdf")),
                file_data: Some(to_data_url(mime, base64)),
                file_id: None,
            },
        }),
        Source::Ref {
            provider: Format::Chat | Format::Responses,
            id,
        } => Ok(Piece::File {
            file: File {
                file_id: Some(id),
                ..File::default()
            },
        }),
        Source::Ref { .. } => Err("the file lies at another provider"),
        Source::Url { .. } => Err("it takes files inline or by id, not by URL"),
    }
}
