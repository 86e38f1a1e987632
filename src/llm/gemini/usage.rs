//! Reads the `usageMetadata` object of Gemini.

use crate::loose::{Count, List, Text, loose};
use crate::meter::Report;

loose! {
    struct Tokens<'a> {
        "promptTokenCount" => prompt: Count,
        "toolUsePromptTokenCount" => tool_prompt: Count,
        "cachedContentTokenCount" => cached: Count,
        "candidatesTokenCount" => candidates: Count,
        "thoughtsTokenCount" => thoughts: Count,
        "promptTokensDetails" => prompt_details: List<Modality<'a>>,
        "toolUsePromptTokensDetails" => tool_details: List<Modality<'a>>,
        "cacheTokensDetails" => cache_details: List<Modality<'a>>,
        "candidatesTokensDetails" => candidates_details: List<Modality<'a>>,
    }

    struct Modality<'a> {
        "modality" => name: Text<'a>,
        "tokenCount" => count: Count,
    }
}

/// The numbers seen so far. They are cumulative, but a later chunk may lack what an earlier
/// one had.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    prompt: Option<u64>,
    tool_prompt: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    prompt_parts: Option<Parts>,
    tool_parts: Option<Parts>,
    cached_parts: Option<Parts>,
    candidate_parts: Option<Parts>,
}

/// The tokens that have a price of their own.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    audio: u64,
    image: u64,
}

impl Seen {
    /// Takes the numbers of one usage object.
    pub(crate) fn take(&mut self, tokens: &Tokens<'_>) {
        let keep = |place: &mut Option<u64>, count: Count| *place = count.0.or(*place);
        keep(&mut self.prompt, tokens.prompt);
        keep(&mut self.tool_prompt, tokens.tool_prompt);
        keep(&mut self.cached, tokens.cached);
        keep(&mut self.candidates, tokens.candidates);
        keep(&mut self.thoughts, tokens.thoughts);
        let keep = |place: &mut Option<Parts>, list: &List<Modality<'_>>| {
            *place = list.0.as_deref().map(Parts::sum).or(*place);
        };
        keep(&mut self.prompt_parts, &tokens.prompt_details);
        keep(&mut self.tool_parts, &tokens.tool_details);
        keep(&mut self.cached_parts, &tokens.cache_details);
        keep(&mut self.candidate_parts, &tokens.candidates_details);
    }

    /// Writes what is known into the report. Gemini leaves zeros out, so that after the stop
    /// (`stopped`) a missing output is an output of zero.
    pub(crate) fn tell(&self, stopped: bool, report: &mut Report) {
        let usage = &mut report.usage;
        let prompt = self.prompt_parts.unwrap_or_default();
        let tool = self.tool_parts.unwrap_or_default();
        let cached = self.cached_parts.unwrap_or_default();
        let candidates = self.candidate_parts.unwrap_or_default();
        usage.input = self.prompt.unwrap_or(0) + self.tool_prompt.unwrap_or(0);
        usage.cache_read = self.cached.unwrap_or(0);
        usage.audio_input = (prompt.audio + tool.audio).saturating_sub(cached.audio);
        usage.image_input = (prompt.image + tool.image).saturating_sub(cached.image);
        usage.reasoning = self.thoughts.unwrap_or(0);
        usage.output = self.candidates.unwrap_or(0) + usage.reasoning;
        usage.audio_output = candidates.audio;
        usage.image_output = candidates.image;
        report.input_known |= usage.input > 0;
        // A zero in the middle of a stream is a count that has not begun.
        let said = usage.output > 0;
        report.output_known |= said || stopped && usage.input > 0;
    }
}

impl Parts {
    fn sum(list: &[Modality<'_>]) -> Parts {
        let mut parts = Parts::default();
        for part in list {
            let count = part.count.0.unwrap_or(0);
            let place = match &*part.name.0 {
                "AUDIO" => &mut parts.audio,
                "IMAGE" => &mut parts.image,
                _ => continue,
            };
            *place = place.saturating_add(count);
        }
        parts
    }
}
