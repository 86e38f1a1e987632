//! What an answer used, in Google's count.

use serde::Serialize;

use crate::Usage;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::gemini) struct Tokens {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    /// Without thoughts.
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prompt_tokens_details: Vec<Modality>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates_tokens_details: Vec<Modality>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    modality: &'static str,
    token_count: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tokens {
    pub(in crate::gemini) fn of(usage: &Usage) -> Tokens {
        let said = usage.output.saturating_sub(usage.reasoning);
        Tokens {
            prompt_token_count: usage.input,
            cached_content_token_count: usage.cache_read,
            candidates_token_count: said,
            thoughts_token_count: usage.reasoning,
            total_token_count: usage.input.saturating_add(usage.output),
            prompt_tokens_details: details(usage.input, usage.audio_input, usage.image_input),
            candidates_tokens_details: details(said, usage.audio_output, usage.image_output),
        }
    }
}

/// By modality, where it is more than text.
fn details(all: u64, audio: u64, image: u64) -> Vec<Modality> {
    if audio + image == 0 {
        return Vec::new();
    }
    let text = all.saturating_sub(audio).saturating_sub(image);
    [("TEXT", text), ("AUDIO", audio), ("IMAGE", image)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(modality, token_count)| Modality {
            modality,
            token_count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn thoughts_stand_apart_and_zeros_are_left_out() {
        let usage = Usage {
            input: 120,
            cache_read: 100,
            output: 30,
            reasoning: 10,
            ..Usage::default()
        };
        assert_eq!(
            serde_json::to_string(&Tokens::of(&usage)).unwrap(),
            r#"{"promptTokenCount":120,"cachedContentTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":10,"totalTokenCount":150}"#
        );
        let usage = Usage {
            input: 10,
            audio_input: 4,
            ..Usage::default()
        };
        assert_eq!(
            serde_json::to_string(&Tokens::of(&usage)).unwrap(),
            r#"{"promptTokenCount":10,"candidatesTokenCount":0,"totalTokenCount":10,"promptTokensDetails":[{"modality":"TEXT","tokenCount":6},{"modality":"AUDIO","tokenCount":4}]}"#
        );
    }
}
