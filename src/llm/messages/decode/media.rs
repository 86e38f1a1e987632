//! Reads images and documents.

use super::hint;
use super::read::{Place, each, object, optional, string};
use crate::Format;
use crate::ir::{CacheMark, Media, Part, Request, Source, Text};
use crate::loss::Misfit;
use crate::media;

/// An image block's part.
pub(super) fn image<'a>(
    source: Option<&'a [u8]>,
    cache: Option<CacheMark>,
    place: &Place<'_>,
) -> Result<Part<'a>, Misfit> {
    let place = place.member("source");
    let media = Media::Image {
        source: read(place.required(source)?, &place)?,
        detail: None,
    };
    Ok(Part::Media {
        media,
        cache,
        at: 0,
    })
}

/// A document block's parts: the document, or what it is made of.
pub(super) fn document<'a>(
    request: &mut Request<'a>,
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Misfit> {
    let names = ["source", "title", "context", "citations"];
    let [source, title, context, citations] = object(block, place, names)?;
    if context.is_some() {
        hint(request, "document.context");
    }
    if citations.is_some_and(|value| object(value, place, ["enabled"]).is_ok_and(on)) {
        hint(request, "document.citations");
    }
    let name = optional(title, &place.member("title"))?;
    let place = place.member("source");
    let source = place.required(source)?;
    let [kind, content] = object(source, &place, ["type", "content"])?;
    if kind == Some(b"\"content\"") {
        let place = place.member("content");
        return flattened(place.required(content)?, cache, &place, parts);
    }
    let source = read(source, &place)?;
    let media = Media::File { source, name };
    parts.push(Part::Media {
        media,
        cache,
        at: 0,
    });
    Ok(())
}

fn on([enabled]: [Option<&[u8]>; 1]) -> bool {
    enabled == Some(b"true")
}

/// The blocks of a document that is given as blocks, in place of it.
fn flattened<'a>(
    content: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Misfit> {
    if content.first() == Some(&b'"') {
        let text = string(content, place)?;
        parts.push(marked(text, cache));
        return Ok(());
    }
    each(content, place, |block, place| {
        let [kind, text, source] = object(block, place, ["type", "text", "source"])?;
        parts.push(match kind {
            Some(b"\"image\"") => image(source, None, place)?,
            _ => {
                let place = place.member("text");
                Part::text(string(place.required(text)?, &place)?)
            }
        });
        Ok(())
    })?;
    if let Some(Part::Text { cache: last, .. } | Part::Media { cache: last, .. }) = parts.last_mut()
    {
        *last = (*last).or(cache);
    }
    Ok(())
}

/// The text of a search result that the caller brings: title, source, then its body.
pub(super) fn search_result<'a>(
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
) -> Result<Part<'a>, Misfit> {
    let [title, source, content] = object(block, place, ["title", "source", "content"])?;
    let mut text = String::new();
    for (value, name) in [(title, "title"), (source, "source")] {
        if let Some(line) = optional(value, &place.member(name))? {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let place = place.member("content");
    each(place.required(content)?, &place, |block, place| {
        let [said] = object(block, place, ["text"])?;
        let place = place.member("text");
        text.push('\n');
        text.push_str(&string(place.required(said)?, &place)?);
        Ok(())
    })?;
    Ok(marked(text.into(), cache))
}

fn marked(text: Text<'_>, cache: Option<CacheMark>) -> Part<'_> {
    Part::Text {
        text,
        citations: Vec::new(),
        cache,
    }
}

fn read<'a>(value: &'a [u8], place: &Place<'_>) -> Result<Source<'a>, Misfit> {
    let names = ["type", "media_type", "data", "url", "file_id"];
    let [kind, mime, data, url, file] = object(value, place, names)?;
    let kind_place = place.member("type");
    let needed = |value, name| {
        let place = place.member(name);
        string(place.required(value)?, &place)
    };
    Ok(match &*string(kind_place.required(kind)?, &kind_place)? {
        "base64" => Source::Bytes {
            mime: needed(mime, "media_type")?,
            base64: media::base64(needed(data, "data")?)
                .ok_or_else(|| place.member("data").wrong("must be base64"))?,
        },
        "text" => Source::Plain(needed(data, "data")?),
        "url" => media::source(needed(url, "url")?)
            .map_err(|problem| place.member("url").wrong(problem))?,
        "file" => Source::Ref {
            provider: Format::Messages,
            id: needed(file, "file_id")?,
        },
        _ => return Err(kind_place.wrong("must be one of base64, text, url, file, content")),
    })
}
