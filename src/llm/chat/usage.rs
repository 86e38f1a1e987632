//! Reads the `usage` object of OpenAI's formats, with what compatible servers made of it.

use crate::dialect::Quirks;
use crate::loose::{Count, Slot, loose};
use crate::meter::Report;

loose! {
    /// Chat names its classes prompt and completion, Responses input and output; some servers mix.
    struct Tokens {
        "prompt_tokens" | "input_tokens" => input: Count,
        "completion_tokens" | "output_tokens" => output: Count,
        "total_tokens" => total: Count,
        "prompt_tokens_details" | "input_tokens_details" => input_details: Slot<InputDetails>,
        "completion_tokens_details" | "output_tokens_details" => output_details: Slot<OutputDetails>,
        // DeepSeek.
        "prompt_cache_hit_tokens" => cache_hit: Count,
        // Moonshot.
        "cached_tokens" => cached: Count,
        // vLLM and others, without details around it.
        "reasoning_tokens" => reasoning: Count,
    }

    struct InputDetails {
        "cached_tokens" => cached: Count,
        // OpenAI and OpenRouter; Qwen uses Anthropic's name.
        "cache_write_tokens" | "cache_creation_input_tokens" => cache_write: Count,
        "audio_tokens" => audio: Count,
        "image_tokens" => image: Count,
    }

    struct OutputDetails {
        "reasoning_tokens" => reasoning: Count,
        "audio_tokens" => audio: Count,
        "image_tokens" => image: Count,
    }
}

/// The numbers seen so far. They are cumulative where they come more than once: the last one
/// of each class wins, and a class that is missing later keeps what it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    audio_input: Option<u64>,
    audio_output: Option<u64>,
    image_input: Option<u64>,
    image_output: Option<u64>,
}

impl Seen {
    /// Takes the numbers of one usage object.
    pub(crate) fn take(&mut self, tokens: &Tokens) {
        let keep = |place: &mut Option<u64>, count: Option<u64>| *place = count.or(*place);
        keep(&mut self.input, tokens.input.0);
        keep(&mut self.output, tokens.output.0);
        keep(&mut self.total, tokens.total.0);
        let input = tokens.input_details.0.as_ref();
        let cached = input.and_then(|details| details.cached.0);
        keep(
            &mut self.cache_read,
            cached.or(tokens.cache_hit.0).or(tokens.cached.0),
        );
        if let Some(details) = input {
            keep(&mut self.cache_write, details.cache_write.0);
            keep(&mut self.audio_input, details.audio.0);
            keep(&mut self.image_input, details.image.0);
        }
        let output = tokens.output_details.0.as_ref();
        let reasoning = output.and_then(|details| details.reasoning.0);
        keep(&mut self.reasoning, reasoning.or(tokens.reasoning.0));
        if let Some(details) = output {
            keep(&mut self.audio_output, details.audio.0);
            keep(&mut self.image_output, details.image.0);
        }
    }

    /// Writes what is known into the report. Zeros alone are a placeholder, not a report.
    pub(crate) fn tell(&self, quirks: Quirks, report: &mut Report) {
        let (input, output) = (self.input.unwrap_or(0), self.output.unwrap_or(0));
        if input == 0 && output == 0 {
            return;
        }
        report.input_known |= self.input.is_some();
        report.output_known |= self.output.is_some();
        let usage = &mut report.usage;
        usage.input = input;
        usage.cache_read = self.cache_read.unwrap_or(0);
        usage.cache_write_5m = self.cache_write.unwrap_or(0);
        usage.audio_input = self.audio_input.unwrap_or(0);
        usage.image_input = self.image_input.unwrap_or(0);
        usage.reasoning = self.reasoning.unwrap_or(0);
        usage.output = output;
        if self.reasoning_is_extra(quirks) {
            usage.output = output.saturating_add(usage.reasoning);
        }
        usage.audio_output = self.audio_output.unwrap_or(0);
        usage.image_output = self.image_output.unwrap_or(0);
    }

    /// xAI leaves reasoning out of the completion's tokens. The total, where it is given, says
    /// so itself; the quirk decides where it does not.
    fn reasoning_is_extra(&self, quirks: Quirks) -> bool {
        let (Some(output), Some(reasoning)) = (self.output, self.reasoning) else {
            return false;
        };
        let inside = self.input.unwrap_or(0).saturating_add(output);
        match self.total {
            Some(total) if total == inside => false,
            Some(total) if total == inside.saturating_add(reasoning) => true,
            _ => quirks.has(Quirks::REASONING_OUTSIDE_OUTPUT),
        }
    }
}
