use std::sync::Arc;

use super::*;
use crate::health::LaneBook;
use crate::{Sources, compile};

/// The only channel of a configuration that has these lines in it.
fn channel(lines: &str) -> Arc<Channel> {
    let yaml = format!("channels: [{{ name: c, keys: [k-12345678], models: ['*'], {lines} }}]");
    let sources = Sources::from_text(&yaml, &|_| None).expect("readable");
    let snapshot = compile(&sources, &LaneBook::new(), 1).expect("compiles");
    snapshot.channels[0].clone()
}

struct Ask {
    format: Format,
    operation: Operation,
    model: &'static str,
    stream: bool,
    query: &'static str,
}

const CHAT: Ask = Ask {
    format: Format::Chat,
    operation: Operation::Chat,
    model: "m",
    stream: false,
    query: "",
};
const COMPLETION: Ask = Ask {
    operation: Operation::Completion,
    ..CHAT
};
const RESPONSES: Ask = Ask {
    format: Format::Responses,
    ..CHAT
};
const MESSAGES: Ask = Ask {
    format: Format::Messages,
    ..CHAT
};
const COUNT: Ask = Ask {
    operation: Operation::Count,
    ..MESSAGES
};
const GEMINI: Ask = Ask {
    format: Format::Gemini,
    ..CHAT
};
const GEMINI_STREAM: Ask = Ask {
    stream: true,
    query: "alt=sse",
    ..GEMINI
};
const GEMINI_COUNT: Ask = Ask {
    operation: Operation::Count,
    ..GEMINI
};

#[track_caller]
fn check(lines: &str, cases: &[(Ask, &str)]) {
    let channel = channel(lines);
    for (ask, wanted) in cases {
        let Ask {
            format,
            operation,
            model,
            stream,
            query,
        } = *ask;
        let path = upstream_path(
            &channel,
            &channel.base,
            format,
            operation,
            model,
            stream,
            query,
        );
        assert_eq!(path, *wanted, "{lines}");
    }
}

#[test]
fn without_a_path_the_standard_ones_are_used() {
    check(
        "provider: custom, base_url: 'http://h:1', formats: [chat, responses, messages, gemini]",
        &[
            (CHAT, "/v1/chat/completions"),
            (COMPLETION, "/v1/completions"),
            (RESPONSES, "/v1/responses"),
            (MESSAGES, "/v1/messages"),
            (COUNT, "/v1/messages/count_tokens"),
            (GEMINI, "/v1beta/models/m:generateContent"),
            (
                GEMINI_STREAM,
                "/v1beta/models/m:streamGenerateContent?alt=sse",
            ),
            (GEMINI_COUNT, "/v1beta/models/m:countTokens"),
        ],
    );
}

#[test]
fn below_a_path_comes_what_follows_the_version() {
    check(
        "provider: custom, base_url: 'http://h/api/v3', formats: [chat, messages, gemini]",
        &[
            (CHAT, "/api/v3/chat/completions"),
            (COMPLETION, "/api/v3/completions"),
            (COUNT, "/api/v3/messages/count_tokens"),
            (GEMINI, "/api/v3/models/m:generateContent"),
        ],
    );
    check(
        "provider: openai, base_url: 'http://h/v1/'",
        &[(CHAT, "/v1/chat/completions")],
    );
}

#[test]
fn an_exact_url_is_the_whole_address() {
    check(
        "provider: custom, base_url: 'http://h/x/y', exact_url: true, formats: [chat]",
        &[(CHAT, "/x/y"), (COMPLETION, "/x/y")],
    );
}

#[test]
fn azure_has_two_kinds_of_addresses() {
    const DATED: Ask = Ask {
        model: "gpt 4o",
        query: "api-version=2020-01-01&x=1",
        ..CHAT
    };
    check(
        "provider: azure, base_url: 'https://r.openai.azure.com', options: { api_version: 2025-04-01-preview }",
        &[
            (
                CHAT,
                "/openai/deployments/m/chat/completions?api-version=2025-04-01-preview",
            ),
            (
                DATED,
                "/openai/deployments/gpt%204o/chat/completions?api-version=2025-04-01-preview&x=1",
            ),
            (
                RESPONSES,
                "/openai/responses?api-version=2025-04-01-preview",
            ),
        ],
    );
    let v1 = [
        (CHAT, "/openai/v1/chat/completions"),
        (RESPONSES, "/openai/v1/responses"),
    ];
    check(
        "provider: azure, base_url: 'https://r.openai.azure.com'",
        &v1,
    );
    check(
        "provider: azure, base_url: 'https://r.openai.azure.com/openai/v1'",
        &v1,
    );
}

#[test]
fn providers_have_paths_of_their_own() {
    check(
        "provider: deepseek",
        &[
            (CHAT, "/v1/chat/completions"),
            (COMPLETION, "/v1/completions"),
            (MESSAGES, "/anthropic/v1/messages"),
            (COUNT, "/anthropic/v1/messages/count_tokens"),
        ],
    );
    check(
        "provider: qwen",
        &[
            (CHAT, "/compatible-mode/v1/chat/completions"),
            (RESPONSES, "/compatible-mode/v1/responses"),
            (MESSAGES, "/apps/anthropic/v1/messages"),
        ],
    );
    check(
        "provider: zhipu",
        &[(CHAT, "/api/paas/v4/chat/completions")],
    );
    check(
        "provider: perplexity",
        &[(CHAT, "/chat/completions"), (RESPONSES, "/v1/responses")],
    );
    check("provider: perplexity", &[(COMPLETION, "/completions")]);
}

#[test]
fn model_names_stay_inside_one_segment() {
    let gemini = |model| Ask { model, ..GEMINI };
    check(
        "provider: gemini",
        &[
            (gemini("models/m"), "/v1beta/models/m:generateContent"),
            (
                gemini("tunedModels/t-1"),
                "/v1beta/tunedModels/t-1:generateContent",
            ),
            (gemini("a/b"), "/v1beta/models/a%2Fb:generateContent"),
            (
                gemini("../../x?y#z"),
                "/v1beta/models/..%2F..%2Fx%3Fy%23z:generateContent",
            ),
            (gemini(".."), "/v1beta/models/_:generateContent"),
            (
                gemini("tunedModels/.."),
                "/v1beta/tunedModels/_:generateContent",
            ),
            (gemini("a:b@1"), "/v1beta/models/a:b@1:generateContent"),
            (gemini("é"), "/v1beta/models/%C3%A9:generateContent"),
        ],
    );
}

#[test]
fn the_callers_query_is_kept() {
    const BETA: Ask = Ask {
        query: "beta=true&&x",
        ..MESSAGES
    };
    const ARRAY: Ask = Ask {
        query: "",
        ..GEMINI_STREAM
    };
    check("provider: anthropic", &[(BETA, "/v1/messages?beta=true&x")]);
    check(
        "provider: gemini",
        &[(ARRAY, "/v1beta/models/m:streamGenerateContent")],
    );
}
