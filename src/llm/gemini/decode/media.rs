//! Reads images, sound, video and files.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::read::{Str, wrong};
use crate::Format;
use crate::ir::{Media, Source, Text};
use crate::loss::Misfit;
use crate::media;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, alias = "mime_type")]
    mime_type: Option<Str<'a>>,
    #[serde(borrow)]
    data: Str<'a>,
    #[serde(borrow, alias = "display_name")]
    display_name: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File<'a> {
    #[serde(borrow, alias = "mime_type")]
    mime_type: Option<Str<'a>>,
    #[serde(borrow, alias = "file_uri")]
    file_uri: Str<'a>,
    #[serde(borrow, alias = "display_name")]
    display_name: Option<Str<'a>>,
}

impl<'a> Blob<'a> {
    pub(super) fn read(self, path: &str) -> Result<Media<'a>, Misfit> {
        let base64 = media::base64(self.data.0)
            .ok_or_else(|| wrong(&format!("{path}.inlineData.data"), "base64"))?;
        let mime = self.mime_type.map(|mime| mime.0);
        let mime = mime.filter(|mime| !mime.is_empty());
        let mime = mime
            .or_else(|| media::sniff(&base64).map(Cow::Borrowed))
            .ok_or_else(|| wrong(&format!("{path}.inlineData"), "data with its mimeType"))?;
        let name = self.display_name.map(|name| name.0);
        if mime.starts_with("text/")
            && let Some(text) = plain(&base64)
        {
            let source = Source::Plain(Cow::Owned(text));
            return Ok(Media::File { source, name });
        }
        let kind = mime.clone();
        Ok(of_type(&kind, Source::Bytes { mime, base64 }, name))
    }
}

impl<'a> File<'a> {
    pub(super) fn read(self, path: &str) -> Result<Media<'a>, Misfit> {
        let mime = self.mime_type.map(|mime| mime.0);
        let kind = mime.clone().unwrap_or_default();
        let url = self.file_uri.0;
        // What has no scheme is the name of a file that Google keeps.
        if url.contains(':') && !media::is_fetched(&url) {
            let field = format!("{path}.fileData.fileUri");
            return Err(Misfit::malformed(field, media::NOT_FETCHED));
        }
        let source = match is_googles(&url) {
            true => Source::Ref {
                provider: Format::Gemini,
                id: url,
            },
            false => Source::Url { url, mime },
        };
        Ok(of_type(&kind, source, self.display_name.map(|name| name.0)))
    }
}

/// Whether only Google can fetch it.
pub(in crate::gemini) fn is_googles(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return !url.starts_with("http://");
    };
    [
        "generativelanguage.googleapis.com/",
        "www.youtube.com/",
        "youtube.com/",
        "youtu.be/",
    ]
    .iter()
    .any(|host| rest.starts_with(host))
}

fn of_type<'a>(mime: &str, source: Source<'a>, name: Option<Text<'a>>) -> Media<'a> {
    match mime.split('/').next() {
        Some("image") => Media::Image {
            source,
            detail: None,
        },
        Some("audio") => Media::Audio { source },
        Some("video") => Media::Video { source },
        _ => Media::File { source, name },
    }
}

/// The text inside, if it is text.
fn plain(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}
