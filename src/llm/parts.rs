//! Tells text from images, sound and files in the turns of a request, in one pass with the scan.
//!
//! An image costs tokens by its size in pixels, not by its bytes; a megabyte of base64 must
//! neither be held as if it were text nor be tokenised. The four formats differ in the nesting,
//! but a part names itself by `type`, or (Gemini) by its key and media type, so one walk reads all.

use std::borrow::Cow;
use std::ops::Range;

use crate::fields::{inside, text};
use crate::scan::{Malformed, Quoted, Scanner, Span};

/// A piece of what the model is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A turn begins.
    Turn,
    /// A quoted string.
    Text(Span),
    /// JSON the model is shown as such: the arguments and results of tools.
    Json(Span),
    /// A token given by number.
    Token,
    /// An image, inline or by address.
    Image(Span),
    /// Sound or video.
    Media(Span),
    /// A file's bytes, encoded: PDF and the like.
    File(Span),
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only what is not text: enough for a hold, and cheap.
    Bulk,
    /// Everything.
    All,
}

/// The members of a request that hold its turns.
pub(crate) const TURNS: [&str; 3] = ["messages", "input", "contents"];

/// Most parts noted of one request; more are left uncounted (and so stay text in a hold). Far
/// above real requests, and bounds the memory of hostile ones to 2 MiB.
const MAX_PARTS: usize = 1 << 16;

/// A walk over turns; collects parts.
pub(crate) struct Walk {
    depth: Depth,
    pub(crate) parts: Vec<Part>,
    /// Whether [`MAX_PARTS`] was reached.
    pub(crate) full: bool,
}

impl Walk {
    pub(crate) fn new(depth: Depth) -> Walk {
        Walk {
            depth,
            parts: Vec::new(),
            full: false,
        }
    }

    /// Passes over the value of one of [`TURNS`].
    pub(crate) fn turns(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        if scanner.peek() != Some(b'[') {
            return self.content(scanner);
        }
        let turns = scanner.array(|scanner| {
            if self.depth == Depth::All {
                self.note(Part::Turn);
            }
            self.content(scanner)
        });
        turns.map(drop)
    }

    /// Passes over a string, a part, or a list of parts.
    pub(crate) fn content(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        match scanner.peek() {
            Some(b'[') => scanner.array(|scanner| self.content(scanner)).map(drop),
            Some(b'{') => self.part(scanner),
            Some(b'"') => {
                let quoted = scanner.string()?;
                self.note_all(Part::Text(quoted.span));
                Ok(())
            }
            Some(b'0'..=b'9') => {
                self.note_all(Part::Token);
                scanner.value().map(drop)
            }
            _ => scanner.value().map(drop),
        }
    }

    /// Passes over an object. What it is, is certain only at its end: `type` may come last. Only
    /// the member that carries the bytes is ever taken for an image, never the object: a message
    /// that calls itself one must not make its text light.
    fn part(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let (mut kind, mut carrier) = (None, Carrier::default());
        let bytes = scanner.bytes();
        scanner.object(|scanner, key| {
            let key = name(bytes, key);
            match (&*key, scanner.peek()) {
                (b"type", Some(b'"')) => {
                    let said = Kind::of(&name(bytes, scanner.string()?));
                    kind = Some(if kind.is_none() { said } else { Kind::Other });
                    Ok(())
                }
                (b"content" | b"parts" | b"output" | b"functionResponse", _) => {
                    self.content(scanner)
                }
                (
                    b"image_url" | b"source" | b"result" | b"input_audio" | b"audio_url"
                    | b"video_url",
                    _,
                ) => {
                    carrier = self.carrier(scanner)?;
                    Ok(())
                }
                (b"inlineData" | b"inline_data" | b"fileData" | b"file_data", Some(b'{')) => {
                    self.inline(scanner)
                }
                _ if self.depth == Depth::Bulk || SILENT.contains(&&*key) => {
                    scanner.value().map(drop)
                }
                (b"data" | b"file_data", Some(b'"')) if kind != Some(Kind::Text) => {
                    let file = scanner.value()?;
                    self.note(Part::File(file));
                    Ok(())
                }
                (b"input" | b"args" | b"response" | b"action", Some(b'{')) => {
                    let json = scanner.value()?;
                    self.note(Part::Json(json));
                    Ok(())
                }
                _ => self.content(scanner),
            }
        })?;
        match kind {
            Some(Kind::Image) => self.replace(carrier, Part::Image),
            Some(Kind::Media) => self.replace(carrier, Part::Media),
            _ => {}
        }
        Ok(())
    }

    /// Passes over a member that may carry an image or sound, or a document's text.
    fn carrier(&mut self, scanner: &mut Scanner<'_>) -> Result<Carrier, Malformed> {
        let (start, from) = (scanner.at(), self.parts.len());
        match self.depth {
            Depth::Bulk => scanner.value().map(drop)?,
            Depth::All => self.content(scanner)?,
        }
        let span = Span {
            start,
            end: scanner.at(),
        };
        Ok(Carrier {
            span,
            parts: from..self.parts.len(),
        })
    }

    /// Gemini's blob: what it is stands in its media type.
    fn inline(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let bytes = scanner.bytes();
        let mut part: fn(Span) -> Part = Part::File;
        let span = scanner.object(|scanner, key| {
            let value = scanner.value()?;
            if let b"mimeType" | b"mime_type" = &*name(bytes, key) {
                part = blob(&text(value.of(bytes)).unwrap_or_default());
            }
            Ok(())
        })?;
        self.note(part(span));
        Ok(())
    }

    /// Takes what was noted inside the carrier for what the whole is.
    fn replace(&mut self, carrier: Carrier, part: fn(Span) -> Part) {
        self.parts.drain(carrier.parts);
        self.note(part(carrier.span));
    }

    fn note_all(&mut self, part: Part) {
        if self.depth == Depth::All {
            self.note(part);
        }
    }

    fn note(&mut self, part: Part) {
        match self.parts.len() < MAX_PARTS {
            true => self.parts.push(part),
            false => self.full = true,
        }
    }
}

/// The member of a part that holds its bytes or their address.
#[derive(Default)]
struct Carrier {
    span: Span,
    parts: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    Media,
    Text,
    Other,
}

impl Kind {
    /// By the names of the formats' parts.
    fn of(name: &[u8]) -> Kind {
        match name {
            b"image_url"
            | b"input_image"
            | b"image"
            | b"computer_screenshot"
            | b"image_generation_call" => Kind::Image,
            b"input_audio" | b"audio_url" | b"video_url" => Kind::Media,
            b"text" => Kind::Text,
            _ => Kind::Other,
        }
    }
}

/// A short string's text, without a copy where it has no escapes.
#[inline]
pub(crate) fn name(bytes: &[u8], quoted: Quoted) -> Cow<'_, [u8]> {
    let written = quoted.span.of(bytes);
    match quoted.escaped {
        false => Cow::Borrowed(inside(written)),
        true => Cow::Owned(text(written).unwrap_or_default().into_owned().into_bytes()),
    }
}

fn blob(media_type: &str) -> fn(Span) -> Part {
    match media_type.split('/').next() {
        Some("image") => Part::Image,
        Some("audio" | "video") => Part::Media,
        _ => Part::File,
    }
}

/// Members of parts and turns that the model does not read as text.
const SILENT: [&[u8]; 28] = [
    b"type",
    b"role",
    b"id",
    b"call_id",
    b"tool_call_id",
    b"tool_use_id",
    b"status",
    b"signature",
    b"thoughtSignature",
    b"thought_signature",
    b"encrypted_content",
    b"encrypted_index",
    b"cache_control",
    b"url",
    b"file_id",
    b"file_url",
    b"fileUri",
    b"mimeType",
    b"mime_type",
    b"media_type",
    b"format",
    b"detail",
    b"index",
    b"phase",
    b"is_error",
    b"annotations",
    b"logprobs",
    b"citations",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn walk(depth: Depth, turns: &str) -> Vec<(&'static str, String)> {
        let mut scanner = Scanner::new(turns.as_bytes());
        let mut walk = Walk::new(depth);
        walk.turns(&mut scanner).unwrap();
        scanner.finish().unwrap();
        let of = |span: Span| String::from_utf8(span.of(turns.as_bytes()).to_vec()).unwrap();
        let told = walk.parts.iter().map(|part| match *part {
            Part::Turn => ("turn", String::new()),
            Part::Text(span) => ("text", of(span)),
            Part::Json(span) => ("json", of(span)),
            Part::Token => ("token", String::new()),
            Part::Image(span) => ("image", of(span)),
            Part::Media(span) => ("media", of(span)),
            Part::File(span) => ("file", of(span)),
        });
        told.collect()
    }

    fn kinds(depth: Depth, turns: &str) -> Vec<&'static str> {
        walk(depth, turns)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect()
    }

    #[test]
    fn images_sound_and_files_are_found_in_every_format() {
        for (turns, wanted) in [
            (
                r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]"#,
                "image",
            ),
            (
                r#"[{"role":"user","content":[{"image_url":{"url":"https://x/y.png"},"type":"image_url"}]}]"#,
                "image",
            ),
            (
                r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]"#,
                "media",
            ),
            (
                r#"[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}]"#,
                "image",
            ),
            (
                r#"[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","file_id":"f"}]}]"#,
                "image",
            ),
            (
                r#"[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]}]"#,
                "image",
            ),
            (
                r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"u"}}]}]}]"#,
                "image",
            ),
            (
                r#"[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}]"#,
                "image",
            ),
            (
                r#"[{"parts":[{"inline_data":{"data":"AA","mime_type":"audio/mp3"}}]}]"#,
                "media",
            ),
            (
                r#"[{"parts":[{"fileData":{"mimeType":"video/mp4","fileUri":"gs://a"}}]}]"#,
                "media",
            ),
            (
                r#"[{"parts":[{"inlineData":{"mimeType":"application/pdf","data":"AA"}}]}]"#,
                "file",
            ),
        ] {
            assert_eq!(kinds(Depth::Bulk, turns), [wanted], "{turns}");
            let all: Vec<_> = kinds(Depth::All, turns)
                .into_iter()
                .filter(|kind| *kind != "turn")
                .collect();
            assert_eq!(all, [wanted], "{turns}");
        }
    }

    #[test]
    fn what_only_looks_like_an_image_inside_a_tool_call_stays_text() {
        let turns = r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"type":"image","data":"long text"}}]}]"#;
        assert_eq!(kinds(Depth::Bulk, turns), [""; 0]);
        assert_eq!(kinds(Depth::All, turns), ["turn", "text", "json"]);
    }

    #[test]
    fn text_beside_an_image_keeps_its_weight() {
        let turns = r#"[{"role":"user","type":"image","content":"long text"}]"#;
        assert_eq!(walk(Depth::Bulk, turns), [("image", String::new())]);
        let turns = r#"[{"type":"text","text":"long text","source":"x","type":"image"}]"#;
        assert_eq!(
            kinds(Depth::Bulk, turns),
            [""; 0],
            "a type said twice is none"
        );
        let turns = r#"[{"type":"image_url","text":"long text","image_url":{"url":"u"}}]"#;
        assert_eq!(
            walk(Depth::Bulk, turns),
            [("image", r#"{"url":"u"}"#.to_owned())]
        );
    }

    #[test]
    fn a_document_given_as_text_is_text() {
        let turns = r#"[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}]"#;
        assert_eq!(walk(Depth::All, turns)[1], ("text", "\"words\"".to_owned()));
    }

    #[test]
    fn all_text_is_seen_and_nothing_else() {
        let turns = r#"["bare",{"role":"user","content":"a"},{"role":"assistant","content":null,"reasoning_content":"r",
            "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}]},
            {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"title":"T"}]"#;
        let texts: Vec<_> = walk(Depth::All, turns)
            .into_iter()
            .filter(|(kind, _)| *kind == "text")
            .map(|(_, text)| text)
            .collect();
        assert_eq!(
            texts,
            [
                "\"bare\"", "\"a\"", "\"r\"", "\"f\"", "\"{}\"", "\"t\"", "\"T\""
            ]
        );
        assert_eq!(
            kinds(Depth::All, turns)
                .iter()
                .filter(|kind| **kind == "file")
                .count(),
            1
        );
    }

    #[test]
    fn the_number_of_parts_is_bounded() {
        let turns = format!("[{}1]", "\"a\",".repeat(MAX_PARTS));
        let mut walk = Walk::new(Depth::All);
        walk.turns(&mut Scanner::new(turns.as_bytes())).unwrap();
        assert!(walk.full && walk.parts.len() == MAX_PARTS);
    }
}
