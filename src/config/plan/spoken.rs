//! Which of its formats a channel is spoken to in.

use llm::dialect::Quirks;
use llm::{Format, Operation, count, upgrade};

use super::Wanted;
use crate::snapshot::Channel;

/// The format for a request: the caller's own where the channel speaks it, else the channel's best,
/// for an operation that can be converted. `None`: the channel cannot answer it.
pub(super) fn spoken(channel: &Channel, upstream: &str, wanted: &Wanted<'_>) -> Option<Format> {
    let speaks = |format: &Format| channel.formats.contains(format);
    let best = || channel.formats.first().copied();
    let format = match wanted.operation {
        _ if speaks(&wanted.format) => Some(wanted.format),
        Operation::Chat => best(),
        // Where no format of the channel has an endpoint that counts, the tokenizer answers.
        Operation::Count => {
            let mut formats = channel.formats.iter().copied();
            formats
                .find(|format| count::can_count(*format))
                .or_else(best)
        }
        Operation::Completion => None,
    };
    match format {
        Some(Format::Chat) if needs_responses(channel, upstream, wanted) => Some(Format::Responses),
        format => format,
    }
}

/// Some OpenAI models are not served on Chat Completions, or not with tools, but on Responses.
fn needs_responses(channel: &Channel, upstream: &str, wanted: &Wanted<'_>) -> bool {
    wanted.operation == Operation::Chat
        && channel.quirks.has(Quirks::TOOLS_OVER_RESPONSES)
        && channel.formats.contains(&Format::Responses)
        && upgrade::needs_responses(upstream, wanted.thinks_with_tools)
}
