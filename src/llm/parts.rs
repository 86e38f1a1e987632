//! Tells text from images, sound and files in the turns of a request, in one pass with the scan.
//!
//! An image costs tokens by its size in pixels, not by its bytes; a megabyte of base64 must
//! neither be held as if it were text nor be tokenised. The four formats differ in the nesting,
//! but a part names itself by `type`, or (Gemini) by its key and media type, so one walk reads all.

use crate::fields::text;
use crate::scan::{Malformed, Scanner, Span};

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

    /// Passes over an object. What it is, is certain only at its end: `type` may come last.
    fn part(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let mark = self.parts.len();
        let mut kind = Kind::Plain;
        let bytes = scanner.bytes();
        let span = scanner.object(|scanner, key| {
            let key = text(key.span.of(bytes)).unwrap_or_default();
            match (&*key, scanner.peek()) {
                ("type", Some(b'"')) => {
                    kind = Kind::of(&text(scanner.value()?.of(bytes)).unwrap_or_default());
                    Ok(())
                }
                ("content" | "parts" | "output" | "functionResponse", _) => self.content(scanner),
                ("inlineData" | "inline_data" | "fileData" | "file_data", Some(b'{')) => {
                    self.inline(scanner)
                }
                _ if self.depth == Depth::Bulk || SILENT.contains(&&*key) => {
                    scanner.value().map(drop)
                }
                ("data" | "file_data", _) => {
                    let file = scanner.value()?;
                    self.note(Part::File(file));
                    Ok(())
                }
                ("input" | "args" | "response" | "action", Some(b'{')) => {
                    let json = scanner.value()?;
                    self.note(Part::Json(json));
                    Ok(())
                }
                _ => self.content(scanner),
            }
        })?;
        match kind {
            Kind::Plain => {}
            Kind::Image => self.replace(mark, Part::Image(span)),
            Kind::Media => self.replace(mark, Part::Media(span)),
        }
        Ok(())
    }

    /// Gemini's blob: what it is stands in its media type.
    fn inline(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let bytes = scanner.bytes();
        let mut part: fn(Span) -> Part = Part::File;
        let span = scanner.object(|scanner, key| {
            let value = scanner.value()?;
            if let Some("mimeType" | "mime_type") = text(key.span.of(bytes)).as_deref() {
                part = blob(&text(value.of(bytes)).unwrap_or_default());
            }
            Ok(())
        })?;
        self.note(part(span));
        Ok(())
    }

    fn replace(&mut self, mark: usize, part: Part) {
        self.parts.truncate(mark);
        self.note(part);
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

enum Kind {
    Plain,
    Image,
    Media,
}

impl Kind {
    /// By the names of the formats' parts.
    fn of(name: &str) -> Kind {
        match name {
            "image_url"
            | "input_image"
            | "image"
            | "computer_screenshot"
            | "image_generation_call" => Kind::Image,
            "input_audio" | "audio_url" | "video_url" | "input_video" => Kind::Media,
            _ => Kind::Plain,
        }
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
const SILENT: [&str; 28] = [
    "type",
    "role",
    "id",
    "call_id",
    "tool_call_id",
    "tool_use_id",
    "status",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "encrypted_content",
    "encrypted_index",
    "cache_control",
    "url",
    "file_id",
    "file_url",
    "fileUri",
    "mimeType",
    "mime_type",
    "media_type",
    "format",
    "detail",
    "index",
    "phase",
    "is_error",
    "annotations",
    "logprobs",
    "citations",
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
