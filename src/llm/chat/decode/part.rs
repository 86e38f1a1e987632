//! Reads the parts of a message's content.

use crate::chat::read::Value;
use crate::ir::{CacheMark, Citation, Media, Part, Source, Text};
use crate::loss::Misfit;
use crate::{Format, media};

/// The parts of one message.
pub(super) type Parts<'a> = Vec<Part<'a>>;

/// A content that is a string or a list. Empty text is no part.
pub(super) fn parts<'a>(content: Value<'a>, path: &str) -> Result<Parts<'a>, Misfit> {
    if let Some(text) = content.text() {
        let said = (!text.is_empty()).then(|| Part::text(text));
        return Ok(said.into_iter().collect());
    }
    if !content.is_list() {
        return Err(content.wrong(path.to_owned(), "a string or an array of parts"));
    }
    let elements = content.elements();
    if elements.is_empty() {
        return Err(Misfit::malformed(
            path.to_owned(),
            "is an empty array; send a string or at least one part",
        ));
    }
    let mut parts = Vec::with_capacity(elements.len());
    for (place, element) in elements.into_iter().enumerate() {
        parts.extend(part(element, || format!("{path}[{place}]"))?);
    }
    Ok(parts)
}

fn part<'a>(part: Value<'a>, path: impl Fn() -> String) -> Result<Option<Part<'a>>, Misfit> {
    if !part.is_object() {
        return Err(part.wrong(path(), "an object with `type`"));
    }
    let [kind, said, cache, breakpoint] =
        part.pick(["type", "text", "cache_control", "prompt_cache_breakpoint"]);
    let kind = kind.and_then(Value::text).unwrap_or_default();
    let cache = match cache {
        Some(mark) => cache_mark(mark),
        // OpenAI's own mark says no lifetime.
        None => breakpoint.map(|_| CacheMark::FiveMinutes),
    };
    let carrier = |name: &str| {
        let missing = || Misfit::malformed(format!("{}.{name}", path()), "is missing");
        part.get(name).ok_or_else(missing)
    };
    let media = match &*kind {
        "text" | "input_text" | "output_text" => {
            let text = said.and_then(Value::text);
            let missing = || Misfit::malformed(format!("{}.text", path()), "must be a string");
            let text = text.ok_or_else(missing)?;
            return Ok((!text.is_empty()).then(|| Part::Text {
                text,
                citations: Vec::new(),
                cache,
            }));
        }
        "refusal" => {
            let refusal = carrier("refusal")?.text().unwrap_or_default();
            return Ok((!refusal.is_empty()).then_some(Part::Refusal(refusal)));
        }
        "thinking" => return Ok(thinking(carrier("thinking")?)),
        "image_url" => image(carrier("image_url")?, path)?,
        "input_audio" => audio(carrier("input_audio")?, path)?,
        "audio_url" => Media::Audio {
            source: address(carrier("audio_url")?, || format!("{}.audio_url", path()))?,
        },
        "video_url" => Media::Video {
            source: address(carrier("video_url")?, || format!("{}.video_url", path()))?,
        },
        "file" => file(carrier("file")?, path)?,
        _ => return Ok(Some(opaque(&kind, part))),
    };
    Ok(Some(Part::Media {
        media,
        cache,
        at: 0,
    }))
}

/// What only a chat upstream understands.
pub(super) fn opaque<'a>(kind: &str, raw: Value<'a>) -> Part<'a> {
    Part::Opaque {
        origin: Format::Chat,
        kind: kind.to_owned().into(),
        raw: raw.raw(),
        at: 0,
    }
}

/// Mistral's reasoning among the content: a string, or text parts.
fn thinking(said: Value<'_>) -> Option<Part<'_>> {
    let mut text = said.text().unwrap_or_default();
    for element in said.elements() {
        if let Some(more) = element.get("text").and_then(Value::text) {
            text.to_mut().push_str(&more);
        }
    }
    (!text.is_empty()).then_some(Part::Reasoning {
        text,
        signature: None,
    })
}

fn image<'a>(value: Value<'a>, path: impl Fn() -> String) -> Result<Media<'a>, Misfit> {
    Ok(Media::Image {
        source: address(value, || format!("{}.image_url", path()))?,
        detail: value.get("detail").and_then(Value::text),
    })
}

/// `{url}`, or the URL itself.
fn address<'a>(value: Value<'a>, path: impl Fn() -> String) -> Result<Source<'a>, Misfit> {
    let url = value.text().or_else(|| value.get("url")?.text());
    match url.filter(|url| !url.is_empty()) {
        Some(url) => located(url, path),
        None => Err(value.wrong(path(), "an object with `url`")),
    }
}

/// The bytes inside a data URL, or the address.
fn located<'a>(url: Text<'a>, path: impl Fn() -> String) -> Result<Source<'a>, Misfit> {
    media::source(url).map_err(|problem| Misfit::malformed(path(), problem))
}

fn audio<'a>(value: Value<'a>, path: impl Fn() -> String) -> Result<Media<'a>, Misfit> {
    let [data, format] = value.pick(["data", "format"]);
    let missing = || Misfit::malformed(format!("{}.input_audio.data", path()), "must be base64");
    let data = data.and_then(Value::text).ok_or_else(missing)?;
    // Qwen also takes an address here.
    let source = if media::is_bare(&data) {
        let format = format.and_then(Value::text);
        let mime = format.map_or_else(
            || media::sniff(&data).unwrap_or("audio/wav").into(),
            |format| format!("audio/{format}").into(),
        );
        let base64 = media::base64(data).ok_or_else(missing)?;
        Source::Bytes { mime, base64 }
    } else {
        located(data, || format!("{}.input_audio.data", path()))?
    };
    Ok(Media::Audio { source })
}

fn file<'a>(value: Value<'a>, path: impl Fn() -> String) -> Result<Media<'a>, Misfit> {
    let [data, id, name] = value.pick(["file_data", "file_id", "filename"]);
    let name = name.and_then(Value::text).filter(|name| !name.is_empty());
    let source = match (data.and_then(Value::text), id.and_then(Value::text)) {
        (Some(data), _) if media::is_bare(&data) => Source::Bytes {
            mime: file_type(name.as_deref(), &data).into(),
            base64: media::base64(data).ok_or_else(|| {
                Misfit::malformed(format!("{}.file.file_data", path()), "must be base64")
            })?,
        },
        (Some(data), _) => located(data, || format!("{}.file.file_data", path()))?,
        (None, Some(id)) => Source::Ref {
            provider: Format::Chat,
            id,
        },
        (None, None) => {
            let problem = "must have `file_data` or `file_id`";
            return Err(Misfit::malformed(format!("{}.file", path()), problem));
        }
    };
    Ok(Media::File { source, name })
}

/// The type of a file whose data say none: by its first bytes, else by its name.
fn file_type(name: Option<&str>, base64: &str) -> &'static str {
    if let Some(known) = media::sniff(base64) {
        return known;
    }
    let ending = name.and_then(|name| name.rsplit_once('.'));
    match ending
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .as_deref()
    {
        Some("pdf") => "application/pdf",
        Some("txt" | "md" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Anthropic's mark, which Qwen and OpenRouter take in chat.
pub(super) fn cache_mark(mark: Value<'_>) -> Option<CacheMark> {
    if !mark.is_object() {
        return None;
    }
    match mark.get("ttl").and_then(Value::text).as_deref() {
        Some("1h") => Some(CacheMark::OneHour),
        _ => Some(CacheMark::FiveMinutes),
    }
}

/// A mark on the message counts for its last part.
pub(super) fn mark_last(parts: &mut Parts<'_>, mark: CacheMark) {
    if let Some(Part::Text { cache, .. } | Part::Media { cache, .. }) = parts.last_mut() {
        *cache = Some(mark);
    }
}

/// The sources of an earlier answer, kept with its text.
pub(super) fn cite<'a>(parts: &mut Parts<'a>, annotations: Value<'a>) {
    let said = parts.iter_mut().find_map(|part| match part {
        Part::Text { citations, .. } => Some(citations),
        _ => None,
    });
    let Some(citations) = said else {
        return;
    };
    let sources = annotations.elements().into_iter();
    citations.extend(sources.filter_map(|annotation| {
        let [url, title, start, end] =
            annotation
                .get("url_citation")?
                .pick(["url", "title", "start_index", "end_index"]);
        let place = |value: Option<Value<'_>>| value?.count(String::new).ok().flatten();
        Some(Citation {
            url: url?.text()?,
            title: title.and_then(Value::text),
            span: place(start).zip(place(end)),
            quote: None,
        })
    }));
}
