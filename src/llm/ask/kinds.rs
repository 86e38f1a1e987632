//! Reads what an answer may be made of: text, sound, images.

use crate::Format;
use crate::fields::{elements, text};

/// What the caller wants the answer to be made of, beside text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// The caller says what it wants.
    said: bool,
    speaks: bool,
    draws: bool,
    /// A tool that draws is among its tools.
    pub(super) has_brush: bool,
}

impl Kinds {
    /// Whether sound may come out. No model speaks unasked.
    pub fn may_speak(self) -> bool {
        self.speaks
    }

    /// Whether images may come out. Gemini's image models draw unless it is said that they shall not
    /// (<https://ai.google.dev/gemini-api/docs/image-generation>).
    pub fn may_draw(self, upstream: Format) -> bool {
        let unasked = upstream == Format::Gemini && !self.said;
        self.draws || self.has_brush || unasked
    }

    /// Takes in `modalities`, a list of words; one that is not known may be anything.
    pub(super) fn wanted(&mut self, value: &[u8]) {
        let mut word = |value: &[u8]| {
            self.said = true;
            let word = text(value).unwrap_or_default().to_ascii_lowercase();
            self.speaks |= !matches!(&*word, "text" | "image");
            self.draws |= !matches!(&*word, "text" | "audio");
        };
        match value.first() {
            Some(b'[') => elements(value, |_, value| word(value)),
            Some(b'n') | None => {}
            Some(_) => word(value),
        }
    }
}
