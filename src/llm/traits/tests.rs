use super::*;

#[test]
fn claudes_are_known_by_every_provider_s_spelling() {
    let opus = Claude::of("claude-opus-4-6");
    for name in [
        "anthropic/claude-opus-4.6",
        "us.anthropic.claude-opus-4-6-v1:0",
        "claude-opus-4-6@20260205",
        "claude-opus-4-6-20260205",
    ] {
        assert_eq!(Claude::of(name), opus, "{name}");
    }
    assert_eq!(opus.thinking, ClaudeThinking::Either);
    assert_eq!(opus.max_output, Some(128_000));
}

#[test]
fn claudes_differ_by_generation() {
    let check = |model, max_output, thinking, sampling, prefill, structured| {
        let claude = Claude::of(model);
        assert_eq!(claude.max_output, Some(max_output), "{model}");
        assert_eq!(claude.thinking, thinking, "{model}");
        assert_eq!(claude.sampling, sampling, "{model}");
        assert_eq!(
            (claude.prefill, claude.structured_output),
            (prefill, structured),
            "{model}"
        );
    };
    use ClaudeThinking::{Adaptive, Budget, Either, None};
    use Sampling::{Fixed, Free, OneOf};
    check("claude-2.1", 4_096, None, Free, true, false);
    check("claude-3-haiku-20240307", 4_096, None, Free, true, false);
    check("claude-3-5-sonnet-latest", 8_192, None, Free, true, false);
    check(
        "claude-3-7-sonnet-20250219",
        64_000,
        Budget,
        Free,
        true,
        false,
    );
    check("claude-opus-4-20250514", 32_000, Budget, Free, true, false);
    check("claude-opus-4-1", 32_000, Budget, OneOf, true, true);
    check(
        "claude-haiku-4-5-20251001",
        64_000,
        Budget,
        OneOf,
        true,
        true,
    );
    check("claude-sonnet-4-6", 64_000, Either, OneOf, false, true);
    check("claude-opus-4-7", 128_000, Adaptive, Fixed, false, true);
    check("claude-next", 64_000, Adaptive, Fixed, false, true);
    assert!(Claude::of("claude-opus-4-8").mid_system);
    assert!(!Claude::of("claude-opus-4-7").mid_system);
    assert_eq!(Claude::of("kimi-k2").max_output, Option::None);
}

#[test]
fn geminis_differ_by_generation() {
    let gemini = Gemini::of("gemini-2.5-flash-preview-05-20");
    assert!(gemini.json_schema && !gemini.third);
    assert!(!Gemini::of("gemini-1.5-pro").json_schema);
    assert!(Gemini::of("google/gemini-3-pro-preview").third);
    assert!(Gemini::of("gemini-flash-latest").third);
    assert_eq!(Gemini::of("gemma-3-27b-it").thinking, GeminiThinking::None);
    assert_eq!(
        Gemini::of("gemini-2.5-flash-image").thinking,
        GeminiThinking::None
    );
}

#[test]
fn openai_s_thinkers_are_told_apart() {
    let check = |model, sampling, tools, only| {
        let model_traits = OpenAi::of(model);
        assert_eq!(model_traits.sampling, sampling, "{model}");
        assert_eq!(model_traits.chat_tools, tools, "{model}");
        assert_eq!(model_traits.completion_tokens_only, only, "{model}");
    };
    use ChatTools::{NoChat, NotWhileThinking, Taken};
    use Sampling::{Fixed, FixedWhileThinking, Free};
    check("gpt-4o", Free, Taken, false);
    check("gpt-4.1-mini", Free, Taken, false);
    check("gpt-35-turbo", Free, Taken, false);
    check("gpt-5-chat-latest", Free, Taken, false);
    check("gpt-oss-120b", Free, Taken, false);
    check("o3-mini", Fixed, Taken, true);
    check("o3-pro", Fixed, NoChat, true);
    check("gpt-5", Fixed, Taken, true);
    check("gpt-5-mini-2025-08-07", Fixed, Taken, true);
    check("openai/gpt-5.1", FixedWhileThinking, Taken, true);
    check("gpt-5.1-codex-max", Fixed, NoChat, true);
    check("gpt-5.4", FixedWhileThinking, NotWhileThinking, true);
    check("gpt-5-pro", Fixed, NoChat, true);
    check("olmo-3", Free, Taken, false);
    check("o200k", Free, Taken, false);
    assert_eq!(OpenAi::of("gpt-4o-mini").max_output, Some(16_384));
    assert_eq!(OpenAi::of("gpt-4.1").max_output, Some(32_768));
}

#[test]
fn the_nearest_effort_is_not_above_the_wanted_where_that_can_be() {
    let known = [Effort::Low, Effort::High];
    assert_eq!(nearest(&known, Effort::Max), Some(Effort::High));
    assert_eq!(nearest(&known, Effort::Medium), Some(Effort::Low));
    assert_eq!(nearest(&known, Effort::None), Some(Effort::Low));
    assert_eq!(nearest(&[], Effort::Low), None);
}
