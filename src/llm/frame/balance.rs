//! Finds where a JSON object or array that is read piece by piece ends.

use memchr::memchr2;

/// Counts brackets outside strings. Nothing but balance is checked: the reader of the frame
/// parses it anyway.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Balance {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Balance {
    /// Reads on; the number of bytes up to and including the last closing bracket, if it came.
    /// The first byte ever given must be an opening bracket.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.skip_string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Bytes of `rest` that belong to the string, with its closing quote if that is there.
    fn skip_string(&mut self, rest: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return 1;
        }
        match memchr2(b'"', b'\\', rest) {
            None => rest.len(),
            Some(found) => {
                if rest[found] == b'"' {
                    self.in_string = false;
                } else {
                    self.escaped = true;
                }
                found + 1
            }
        }
    }
}
