//! Which of its formats a channel is spoken to in.

use llm::dialect::Quirks;
use llm::{Format, Operation, count, traits};

use super::Wanted;
use crate::snapshot::Channel;

/// The format for a request: the caller's own where the channel speaks it, else the channel's best,
/// for an operation that can be converted. `None`: the channel cannot answer it.
pub(super) fn spoken(channel: &Channel, upstream: &str, wanted: &Wanted<'_>) -> Option<Format> {
    let speaks = |format: &Format| channel.formats.contains(format);
    if needs_responses(channel, upstream, wanted) {
        return Some(Format::Responses);
    }
    if speaks(&wanted.format) {
        return Some(wanted.format);
    }
    match wanted.operation {
        Operation::Chat => channel.formats.first().copied(),
        // Where no format of the channel has an endpoint that counts, the tokenizer answers.
        Operation::Count => {
            let mut formats = channel.formats.iter().copied();
            formats
                .find(|format| count::can_count(*format))
                .or(channel.formats.first().copied())
        }
        Operation::Completion => None,
    }
}

/// Some OpenAI models are not served on Chat Completions, or not with tools, but on Responses.
fn needs_responses(channel: &Channel, upstream: &str, wanted: &Wanted<'_>) -> bool {
    wanted.format == Format::Chat
        && wanted.operation == Operation::Chat
        && channel.quirks.has(Quirks::TOOLS_OVER_RESPONSES)
        && channel.formats.contains(&Format::Responses)
        && !traits::answers_on_chat(upstream, wanted.tools)
}
