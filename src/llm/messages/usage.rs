//! Reads the `usage` object of Anthropic Messages.

use crate::loose::{Count, List, Slot, Text, loose};
use crate::meter::Report;

loose! {
    struct Tokens<'a> {
        "input_tokens" => input: Count,
        "cache_read_input_tokens" => cache_read: Count,
        "cache_creation_input_tokens" => cache_write: Count,
        "cache_creation" => cache_split: Slot<Split>,
        "output_tokens" => output: Count,
        "output_tokens_details" => output_details: Slot<OutputDetails>,
        "server_tool_use" => tools: Slot<ServerTools>,
        "iterations" => iterations: List<Iteration<'a>>,
    }

    struct Split {
        "ephemeral_5m_input_tokens" => short: Count,
        "ephemeral_1h_input_tokens" => long: Count,
    }

    struct OutputDetails {
        "thinking_tokens" => thinking: Count,
    }

    struct ServerTools {
        "web_search_requests" => web_search: Count,
    }

    struct Iteration<'a> {
        "type" => kind: Text<'a>,
        "input_tokens" => input: Count,
        "cache_read_input_tokens" => cache_read: Count,
        "cache_creation_input_tokens" => cache_write: Count,
        "output_tokens" => output: Count,
    }
}

/// The numbers seen so far. They are cumulative: the last one of each class wins, a missing
/// one keeps what it was, and so does a zero, because translated streams begin or end with
/// zeros where they know nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    write_5m: u64,
    write_1h: u64,
    output: u64,
    thinking: u64,
    web_search: u64,
    compaction: Compaction,
}

/// Summarising the conversation before the answer is charged at the same model's price, and
/// the numbers at the top leave it out:
/// <https://docs.anthropic.com/en/docs/build-with-claude/compaction>.
#[derive(Clone, Copy, Debug, Default)]
struct Compaction {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
}

impl Seen {
    /// Takes the numbers of one usage object.
    pub(crate) fn take(&mut self, tokens: &Tokens<'_>) {
        let keep = |place: &mut u64, count: Count| {
            if let Some(count) = count.0.filter(|count| *count > 0) {
                *place = count;
            }
        };
        keep(&mut self.input, tokens.input);
        keep(&mut self.cache_read, tokens.cache_read);
        keep(&mut self.cache_write, tokens.cache_write);
        keep(&mut self.output, tokens.output);
        if let Some(split) = &tokens.cache_split.0 {
            keep(&mut self.write_5m, split.short);
            keep(&mut self.write_1h, split.long);
        }
        if let Some(details) = &tokens.output_details.0 {
            keep(&mut self.thinking, details.thinking);
        }
        if let Some(tools) = &tokens.tools.0 {
            keep(&mut self.web_search, tools.web_search);
        }
        if tokens.iterations.0.is_some() {
            self.compaction = Compaction::sum(tokens.iterations.items());
        }
    }

    /// Writes what is known into the report; `last` says that the output is final.
    pub(crate) fn tell(&self, last: bool, report: &mut Report) {
        let extra = self.compaction;
        let split = self.write_5m.saturating_add(self.write_1h);
        let usage = &mut report.usage;
        usage.cache_read = self.cache_read + extra.cache_read;
        // What the split does not name lives five minutes, the default.
        let undivided = self.cache_write.saturating_sub(split);
        usage.cache_write_5m = self.write_5m + undivided + extra.cache_write;
        usage.cache_write_1h = self.write_1h;
        usage.input = self.input + extra.input + usage.cache_read;
        usage.input += usage.cache_write_5m + usage.cache_write_1h;
        report.input_known |= usage.input > 0;
        if last {
            usage.output = self.output + extra.output;
            usage.reasoning = self.thinking;
            report.output_known |= usage.input > 0 || usage.output > 0;
        }
        report.used("web_search", self.web_search);
    }
}

impl Compaction {
    fn sum(iterations: &[Iteration<'_>]) -> Compaction {
        let mut sum = Compaction::default();
        for one in iterations.iter().filter(|one| one.kind.0 == "compaction") {
            sum.input = sum.input.saturating_add(one.input.0.unwrap_or(0));
            sum.cache_read = sum.cache_read.saturating_add(one.cache_read.0.unwrap_or(0));
            sum.cache_write = sum
                .cache_write
                .saturating_add(one.cache_write.0.unwrap_or(0));
            sum.output = sum.output.saturating_add(one.output.0.unwrap_or(0));
        }
        sum
    }
}
