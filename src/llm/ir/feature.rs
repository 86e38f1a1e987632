//! What each format calls the things a target may be unable to carry.

use crate::Format;

/// Something a request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Turns,
    System,
    Tools,
    ToolChoice,
    ParallelTools,
    MaxOutput,
    Temperature,
    TopP,
    TopK,
    FrequencyPenalty,
    PresencePenalty,
    Seed,
    LogitBias,
    Logprobs,
    Stop,
    Choices,
    OutputJson,
    OutputSchema,
    Reasoning,
    ShowReasoning,
    Verbosity,
    User,
    Metadata,
    Tier,
    CacheKey,
    CacheMark,
    Safety,
    SpeakerName,
    ImageDetail,
    FileName,
    ToolSchema,
    ToolStrict,
    ToolError,
    Signature,
    Citations,
}

use Feature as F;

/// Feature, then its field in chat, responses, messages, gemini. Empty: the format has no such
/// field, so that a caller of that format cannot lose it.
const NAMES: &[(Feature, [&str; 4])] = &[
    (F::Turns, ["messages", "input", "messages", "contents"]),
    (
        F::System,
        ["messages", "instructions", "system", "systemInstruction"],
    ),
    (F::Tools, ["tools", "tools", "tools", "tools"]),
    (
        F::ToolChoice,
        [
            "tool_choice",
            "tool_choice",
            "tool_choice",
            "toolConfig.functionCallingConfig",
        ],
    ),
    (
        F::ParallelTools,
        [
            "parallel_tool_calls",
            "parallel_tool_calls",
            "tool_choice.disable_parallel_tool_use",
            "",
        ],
    ),
    (
        F::MaxOutput,
        [
            "max_completion_tokens",
            "max_output_tokens",
            "max_tokens",
            "generationConfig.maxOutputTokens",
        ],
    ),
    (
        F::Temperature,
        [
            "temperature",
            "temperature",
            "temperature",
            "generationConfig.temperature",
        ],
    ),
    (
        F::TopP,
        ["top_p", "top_p", "top_p", "generationConfig.topP"],
    ),
    (F::TopK, ["top_k", "", "top_k", "generationConfig.topK"]),
    (
        F::FrequencyPenalty,
        [
            "frequency_penalty",
            "",
            "",
            "generationConfig.frequencyPenalty",
        ],
    ),
    (
        F::PresencePenalty,
        [
            "presence_penalty",
            "",
            "",
            "generationConfig.presencePenalty",
        ],
    ),
    (F::Seed, ["seed", "", "", "generationConfig.seed"]),
    (F::LogitBias, ["logit_bias", "", "", ""]),
    (
        F::Logprobs,
        [
            "logprobs",
            "top_logprobs",
            "",
            "generationConfig.responseLogprobs",
        ],
    ),
    (
        F::Stop,
        [
            "stop",
            "",
            "stop_sequences",
            "generationConfig.stopSequences",
        ],
    ),
    (F::Choices, ["n", "", "", "generationConfig.candidateCount"]),
    (
        F::OutputJson,
        [
            "response_format",
            "text.format",
            "",
            "generationConfig.responseMimeType",
        ],
    ),
    (
        F::OutputSchema,
        [
            "response_format",
            "text.format",
            "output_config.format",
            "generationConfig.responseJsonSchema",
        ],
    ),
    (
        F::Reasoning,
        [
            "reasoning_effort",
            "reasoning",
            "thinking",
            "generationConfig.thinkingConfig",
        ],
    ),
    (
        F::ShowReasoning,
        [
            "",
            "reasoning.summary",
            "thinking.display",
            "generationConfig.thinkingConfig.includeThoughts",
        ],
    ),
    (F::Verbosity, ["verbosity", "text.verbosity", "", ""]),
    (
        F::User,
        ["user", "safety_identifier", "metadata.user_id", ""],
    ),
    (F::Metadata, ["metadata", "metadata", "", "labels"]),
    (
        F::Tier,
        [
            "service_tier",
            "service_tier",
            "service_tier",
            "serviceTier",
        ],
    ),
    (
        F::CacheKey,
        ["prompt_cache_key", "prompt_cache_key", "", "cachedContent"],
    ),
    (F::CacheMark, ["cache_control", "", "cache_control", ""]),
    (F::Safety, ["", "", "", "safetySettings"]),
    (F::SpeakerName, ["messages.name", "", "", ""]),
    (
        F::ImageDetail,
        [
            "image_url.detail",
            "input_image.detail",
            "",
            "mediaResolution",
        ],
    ),
    (
        F::FileName,
        [
            "file.filename",
            "input_file.filename",
            "document.title",
            "displayName",
        ],
    ),
    (
        F::ToolSchema,
        [
            "tools.function.parameters",
            "tools.parameters",
            "tools.input_schema",
            "tools.functionDeclarations.parametersJsonSchema",
        ],
    ),
    (
        F::ToolStrict,
        ["tools.strict", "tools.strict", "tools.strict", ""],
    ),
    (
        F::ToolError,
        ["", "", "tool_result.is_error", "functionResponse.error"],
    ),
    (
        F::Signature,
        [
            "reasoning_details",
            "reasoning.encrypted_content",
            "thinking.signature",
            "thoughtSignature",
        ],
    ),
    (
        F::Citations,
        ["annotations", "annotations", "citations", ""],
    ),
];

impl Feature {
    /// The field by that format's name.
    pub(crate) fn name(self, format: Format) -> &'static str {
        let names = NAMES[self as usize].1;
        match names[format as usize] {
            // Only its own origin could name it; some name is better than none.
            "" => names
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or("request"),
            name => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_features() {
        for (place, (feature, _)) in NAMES.iter().enumerate() {
            assert_eq!(*feature as usize, place, "{feature:?}");
        }
    }
}
