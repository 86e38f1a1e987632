//! Peculiarities of providers that speak a known format with an accent: one flag each.

use crate::fields::{elements, members, text};
use crate::patch::{Patch, Splice, quoted};

/// A set of quirk flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    /// None.
    pub const NONE: Quirks = Quirks(0);
    /// Chat: refuses `stream_options`; usage comes with the last chunk anyway.
    pub const NO_STREAM_OPTIONS: Quirks = Quirks(1);
    /// Chat: knows only `max_tokens`; `max_completion_tokens` is renamed.
    pub const MAX_TOKENS_ONLY: Quirks = Quirks(1 << 1);
    /// Chat: role `developer` is unknown and becomes `system`.
    pub const DEVELOPER_AS_SYSTEM: Quirks = Quirks(1 << 2);
    /// Chat usage: `completion_tokens` leaves reasoning tokens out (xAI).
    pub const REASONING_OUTSIDE_OUTPUT: Quirks = Quirks(1 << 3);
    /// Errors come with HTTP 200: the answer's head is held until its first content.
    pub const ERRORS_IN_200: Quirks = Quirks(1 << 4);
    /// Chat: newer models refuse tools here and take them on Responses (routing looks at it).
    pub const TOOLS_OVER_RESPONSES: Quirks = Quirks(1 << 5);
    /// Chat: wants the reasoning of earlier turns back, as `reasoning_content` (DeepSeek's and Kimi's
    /// tool loops fail without it). Others refuse the field.
    pub const REPLAY_REASONING: Quirks = Quirks(1 << 6);

    /// Every flag by the name `providers.yaml` uses.
    pub const TABLE: &[(&str, Quirks)] = &[
        ("no_stream_options", Quirks::NO_STREAM_OPTIONS),
        ("max_tokens_only", Quirks::MAX_TOKENS_ONLY),
        ("developer_as_system", Quirks::DEVELOPER_AS_SYSTEM),
        ("reasoning_outside_output", Quirks::REASONING_OUTSIDE_OUTPUT),
        ("errors_in_200", Quirks::ERRORS_IN_200),
        ("tools_over_responses", Quirks::TOOLS_OVER_RESPONSES),
        ("replay_reasoning", Quirks::REPLAY_REASONING),
    ];

    /// The flag of that name.
    pub fn named(name: &str) -> Option<Quirks> {
        Quirks::TABLE
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, quirk)| *quirk)
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Quirks) -> Quirks {
        Quirks(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Quirks) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether they change chat requests.
    pub const fn change_requests(self) -> bool {
        self.has(Quirks::NO_STREAM_OPTIONS)
            || self.has(Quirks::MAX_TOKENS_ONLY)
            || self.has(Quirks::DEVELOPER_AS_SYSTEM)
    }

    /// What these quirks change in a chat request. The others are about answers.
    pub(crate) fn on_request(self, patch: &mut Patch<'_>) {
        if self.has(Quirks::NO_STREAM_OPTIONS) {
            patch.remove("stream_options");
        }
        if self.has(Quirks::MAX_TOKENS_ONLY) {
            patch.rename("max_completion_tokens", "max_tokens");
        }
        if self.has(Quirks::DEVELOPER_AS_SYSTEM) {
            developer_as_system(patch);
        }
    }
}

fn developer_as_system(patch: &mut Patch<'_>) {
    let messages = patch.get("messages").unwrap_or_default();
    // Spares nearly every request the walk. A caller who writes the word with escapes keeps it.
    if memchr::memmem::find(messages, b"\"developer\"").is_none() {
        return;
    }
    let mut splices = Vec::new();
    elements(messages, |message, bytes| {
        members(bytes, |name, role, value| {
            if name == "role" && text(value).as_deref() == Some("developer") {
                let (from, to) = (message.start + role.start, message.start + role.end);
                splices.push(Splice {
                    from,
                    to,
                    with: quoted("system"),
                });
            }
        });
    });
    patch.splice("messages", splices);
}
