//! Writes a suffix's wish into a body of the upstream's own format.

use serde_json::{Value, json};

use super::Wish;
use crate::Format;
use crate::fields::members;
use crate::ir::{Effort, Thinking};
use crate::patch::{Patch, quoted};
use crate::thinking::{ForClaude, ForGemini, claude_output, for_claude, for_gemini, for_openai};
use crate::traits::{Claude, ClaudeThinking, Gemini, GeminiThinking, OpenAi, Sampling};

/// The answer's tokens where the body says no maximum (Messages demands one, so that the upstream
/// will refuse it anyway).
const ANSWER_TOKENS: u64 = 8_192;

/// Puts the wish into a body that goes to `model` of that format.
pub(crate) fn patch(patch: &mut Patch<'_>, format: Format, model: &str, wish: Wish) {
    match format {
        Format::Chat => chat(patch, model, wish.0),
        Format::Responses => responses(patch, model, wish.0),
        Format::Messages => messages(patch, model, wish.0),
        Format::Gemini => gemini(patch, model, wish.0),
    }
}

fn chat(patch: &mut Patch<'_>, model: &str, wish: Thinking) {
    if let Some(effort) = openai(patch, model, wish) {
        patch.set("reasoning_effort", quoted(effort.as_str()));
    }
}

fn responses(patch: &mut Patch<'_>, model: &str, wish: Thinking) {
    if let Some(effort) = openai(patch, model, wish) {
        set_inside(patch, "reasoning", "effort", &json!(effort.as_str()));
    }
}

/// The effort to ask for. What a thinking model refuses beside it is taken out.
fn openai(patch: &mut Patch<'_>, model: &str, wish: Thinking) -> Option<Effort> {
    let model = OpenAi::of(model);
    // Newer models do not think by themselves, and there is no word for as much as they like.
    let wish = match wish {
        Thinking::Adaptive(None) => Thinking::Effort(Effort::Medium),
        other => other,
    };
    let effort = for_openai(wish, &model)?;
    let refused = match model.sampling {
        Sampling::Fixed => true,
        Sampling::FixedWhileThinking => effort != Effort::None,
        Sampling::Free | Sampling::OneOf => false,
    };
    if refused {
        ["temperature", "top_p"]
            .iter()
            .for_each(|name| patch.remove(name));
    }
    Some(effort)
}

fn messages(patch: &mut Patch<'_>, model: &str, wish: Thinking) {
    let model = Claude::of(model);
    let max_tokens = patch
        .get("max_tokens")
        .and_then(|value| serde_json::from_slice(value).ok())
        .unwrap_or_else(|| claude_output(wish, &model, ANSWER_TOKENS));
    let thinking = match for_claude(wish, &model, max_tokens) {
        ForClaude::Unsaid | ForClaude::NoRoom => return,
        ForClaude::Disabled => return patch.set("thinking", r#"{"type":"disabled"}"#),
        ForClaude::Budget(tokens) => json!({ "type": "enabled", "budget_tokens": tokens }),
        ForClaude::Adaptive(effort) => {
            if let Some(effort) = effort {
                set_inside(patch, "output_config", "effort", &json!(effort.as_str()));
            }
            match model.thinking {
                // These hide their thinking unless told.
                ClaudeThinking::Adaptive => json!({ "type": "adaptive", "display": "summarized" }),
                _ => json!({ "type": "adaptive" }),
            }
        }
    };
    patch.set("thinking", thinking.to_string());
    // Thinking goes with none of these.
    ["temperature", "top_p", "top_k"]
        .iter()
        .for_each(|name| patch.remove(name));
}

fn gemini(patch: &mut Patch<'_>, model: &str, wish: Thinking) {
    let model = Gemini::of(model);
    if model.thinking == GeminiThinking::None {
        return;
    }
    let mut config = match wish {
        Thinking::Off => json!({}),
        _ => json!({ "includeThoughts": true }),
    };
    match for_gemini(wish, &model) {
        ForGemini::Unsaid => {}
        ForGemini::Budget(tokens) => config["thinkingBudget"] = json!(tokens),
        ForGemini::Level(level) => config["thinkingLevel"] = json!(level),
    }
    let outer = match patch.get("generation_config") {
        Some(_) => "generation_config",
        None => "generationConfig",
    };
    rewrite(
        patch,
        outer,
        &["thinkingConfig", "thinking_config"],
        ("thinkingConfig", &config),
    );
}

/// Sets a member of the object that the member `outer` is; other values of `outer` go.
fn set_inside(patch: &mut Patch<'_>, outer: &'static str, inner: &str, value: &Value) {
    rewrite(patch, outer, &[inner], (inner, value));
}

fn rewrite(
    patch: &mut Patch<'_>,
    outer: &'static str,
    without: &[&str],
    (inner, value): (&str, &Value),
) {
    let mut written = String::from("{");
    members(patch.get(outer).unwrap_or_default(), |name, _, value| {
        if !without.contains(&name) {
            let value = String::from_utf8_lossy(value);
            written += &format!("{}:{value},", quoted(name));
        }
    });
    written += &format!("{}:{value}}}", quoted(inner));
    patch.set(outer, written);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::split;
    use super::*;
    use crate::fields::Fields;

    /// What becomes of a body for an upstream's model when the asked name ends so.
    #[track_caller]
    fn check(format: Format, model: &str, suffix: &str, body: &str, wanted: &str) {
        let asked = format!("m{suffix}");
        let (_, wish) = split(&asked).unwrap();
        let fields = Fields::read(body.as_bytes()).unwrap();
        let mut edits = Patch::new(body.as_bytes(), &fields);
        patch(&mut edits, format, model, wish);
        let edited = edits.finish().map(|body| String::from_utf8(body).unwrap());
        assert_eq!(edited.as_deref().unwrap_or(body), wanted, "{model}{suffix}");
        serde_json::from_str::<Value>(wanted).unwrap();
    }

    #[test]
    fn chat_has_an_effort_and_no_sampling_beside_it() {
        let check = |model, suffix, body, wanted| check(Format::Chat, model, suffix, body, wanted);
        check(
            "gpt-5",
            "-high",
            r#"{"a":1.0}"#,
            r#"{"a":1.0,"reasoning_effort":"high"}"#,
        );
        check("gpt-5", "-none", "{}", r#"{"reasoning_effort":"minimal"}"#);
        check("o3-mini", "-xhigh", "{}", r#"{"reasoning_effort":"high"}"#);
        check(
            "gpt-5.1",
            "-thinking",
            "{}",
            r#"{"reasoning_effort":"medium"}"#,
        );
        check(
            "gpt-5",
            "-thinking-9000",
            "{}",
            r#"{"reasoning_effort":"medium"}"#,
        );
        let sampled = r#"{"temperature":1,"top_p":1,"reasoning_effort":"low"}"#;
        check("gpt-5", "-high", sampled, r#"{"reasoning_effort":"high"}"#);
        let kept = r#"{"temperature":1,"top_p":1,"reasoning_effort":"none"}"#;
        check("gpt-5.1", "-nothinking", sampled, kept);
    }

    #[test]
    fn responses_has_it_inside_reasoning() {
        check(
            Format::Responses,
            "gpt-5",
            "-low",
            r#"{"reasoning": {"effort": "high", "summary": "auto"}}"#,
            r#"{"reasoning": {"summary":"auto","effort":"low"}}"#,
        );
        let none = r#"{"reasoning":null}"#;
        let low = r#"{"reasoning":{"effort":"low"}}"#;
        check(Format::Responses, "gpt-5", "-low", none, low);
    }

    #[test]
    fn messages_has_a_budget_or_an_effort() {
        let check = |model, suffix, body, wanted| {
            check(Format::Messages, model, suffix, body, wanted);
        };
        check(
            "claude-sonnet-4-5",
            "-thinking-5000",
            r#"{"max_tokens":8000,"temperature":0.5,"top_k":4}"#,
            r#"{"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":5000}}"#,
        );
        check(
            "claude-sonnet-4-5",
            "-thinking",
            r#"{"max_tokens":2000}"#,
            r#"{"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1600}}"#,
        );
        let small = r#"{"max_tokens":1000,"temperature":0.5}"#;
        check("claude-sonnet-4-5", "-high", small, small);
        check(
            "claude-opus-4-7",
            "-max",
            r#"{"max_tokens":8000,"output_config":{"format":{"type":"x"},"effort":"low"}}"#,
            r#"{"max_tokens":8000,"output_config":{"format":{"type":"x"},"effort":"max"},"thinking":{"type":"adaptive","display":"summarized"}}"#,
        );
        check(
            "claude-opus-4-6",
            "-nothinking",
            r#"{"temperature":0.5,"thinking":{"type":"adaptive"}}"#,
            r#"{"temperature":0.5,"thinking":{"type":"disabled"}}"#,
        );
        check("claude-3-haiku", "-high", "{}", "{}");
    }

    #[test]
    fn gemini_has_a_budget_or_a_level() {
        let check = |model, suffix, body, wanted| {
            check(Format::Gemini, model, suffix, body, wanted);
        };
        check(
            "gemini-2.5-flash",
            "-thinking-9000",
            r#"{"generationConfig":{"topK":1.50,"thinkingConfig":{"thinkingBudget":1}}}"#,
            r#"{"generationConfig":{"topK":1.50,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":9000}}}"#,
        );
        check(
            "gemini-2.5-flash",
            "-nothinking",
            r#"{"generation_config":{"thinking_config":{}}}"#,
            r#"{"generation_config":{"thinkingConfig":{"thinkingBudget":0}}}"#,
        );
        check(
            "gemini-3-pro-preview",
            "-high",
            "{}",
            r#"{"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}}}"#,
        );
        check(
            "gemini-3-pro-preview",
            "-thinking",
            "{}",
            r#"{"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#,
        );
        check("gemini-2.0-flash", "-high", "{}", "{}");
    }
}
