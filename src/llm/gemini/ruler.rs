//! Translates between bytes and characters of a text without keeping the text.
//!
//! Gemini counts its citations in UTF-8 bytes, the common model in code points.

/// Changes between one-, two-, three- and four-byte characters that are remembered: 16 bytes each.
/// Behind the last one nothing can be translated.
const MAX_RUNS: usize = 1 << 16;

/// Where each run of characters of one width begins.
#[derive(Debug, Default)]
pub(super) struct Ruler {
    runs: Vec<Run>,
    bytes: u64,
    chars: u64,
    full: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    byte: u64,
    char: u64,
    width: u64,
}

impl Ruler {
    /// Measures the next piece of the text.
    pub(super) fn measure(&mut self, text: &str) {
        if self.full {
            return;
        }
        if text.is_ascii() {
            return self.run(1, text.len() as u64);
        }
        text.chars()
            .for_each(|char| self.run(char.len_utf8() as u64, 1));
    }

    fn run(&mut self, width: u64, chars: u64) {
        if chars == 0 || self.full {
            return;
        }
        if self.runs.last().is_none_or(|run| run.width != width) {
            self.full = self.runs.len() == MAX_RUNS;
            if self.full {
                return;
            }
            self.runs.push(Run {
                byte: self.bytes,
                char: self.chars,
                width,
            });
        }
        self.bytes += width * chars;
        self.chars += chars;
    }

    /// The character that begins at, or holds, that byte.
    pub(super) fn char_at(&self, byte: u64) -> Option<u64> {
        if byte > self.bytes {
            return None;
        }
        let next = self.runs.partition_point(|run| run.byte <= byte);
        let run = self.runs.get(next.checked_sub(1)?)?;
        Some(run.char + (byte - run.byte) / run.width)
    }

    /// Where that character begins.
    pub(super) fn byte_at(&self, char: u64) -> Option<u64> {
        if char > self.chars {
            return None;
        }
        let next = self.runs.partition_point(|run| run.char <= char);
        let run = self.runs.get(next.checked_sub(1)?)?;
        Some(run.byte + (char - run.char) * run.width)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_and_characters_of_mixed_text() {
        let mut ruler = Ruler::default();
        ruler.measure("n");
        ruler.measure("é [1]");
        assert_eq!((ruler.char_at(0), ruler.char_at(3)), (Some(0), Some(2)));
        assert_eq!((ruler.byte_at(2), ruler.byte_at(6)), (Some(3), Some(7)));
        assert_eq!((ruler.char_at(8), ruler.byte_at(7)), (None, None));
    }

    #[test]
    fn memory_is_bounded() {
        let mut ruler = Ruler::default();
        ruler.measure(&"aé".repeat(MAX_RUNS));
        assert_eq!(ruler.runs.len(), MAX_RUNS);
        assert_eq!(ruler.char_at(3), Some(2));
        assert_eq!(ruler.char_at(3 * MAX_RUNS as u64 - 1), None);
    }

    proptest! {
        #[test]
        fn as_counted_one_by_one(text in "[aé世😀]{1,40}", cut in 0usize..40) {
            let mut ruler = Ruler::default();
            let cut = text.floor_char_boundary(cut);
            ruler.measure(&text[..cut]);
            ruler.measure(&text[cut..]);
            for (char, (byte, _)) in text.char_indices().enumerate() {
                prop_assert_eq!(ruler.char_at(byte as u64), Some(char as u64));
                prop_assert_eq!(ruler.byte_at(char as u64), Some(byte as u64));
            }
        }
    }
}
