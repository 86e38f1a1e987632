//! Remembers what of a part was said, without keeping it.

/// How much of a part was said, and a hash of it: enough to know its whole again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) bytes: usize,
    /// FNV-1a.
    hash: u64,
}

impl Sent {
    pub(super) const NOTHING: Sent = Sent {
        bytes: 0,
        hash: 0xcbf2_9ce4_8422_2325,
    };

    /// More was said.
    pub(super) fn add(&mut self, text: &str) {
        self.bytes += text.len();
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// What of the whole was not said; nothing where something else was said.
    pub(super) fn rest<'a>(&self, whole: &'a str) -> &'a str {
        let Some((before, rest)) = whole.split_at_checked(self.bytes) else {
            return "";
        };
        let mut again = Sent::NOTHING;
        again.add(before);
        if again.hash == self.hash { rest } else { "" }
    }
}
