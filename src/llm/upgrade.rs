//! Tells which requests OpenAI takes on Responses only.

use crate::Format;
use crate::ask::Ask;
use crate::fields::text;
use crate::traits::{ChatTools, OpenAi};

/// Whether a model, by the upstream's name, refuses a request on Chat Completions, so that it should
/// go to Responses where the channel speaks that.
pub fn needs_responses(model: &str, thinks_with_tools: bool) -> bool {
    match OpenAi::of(model).chat_tools {
        ChatTools::Taken => false,
        ChatTools::NoChat => true,
        ChatTools::NotWhileThinking => thinks_with_tools,
    }
}

/// Whether a request declares tools and lets the model think. `body` is the one that was read.
pub fn thinks_with_tools(format: Format, ask: &Ask, body: &[u8]) -> bool {
    has_tools(ask, body) && !is_thoughtless(format, ask, body)
}

/// A look at the first byte inside the list: a coding agent's tools are most of its request.
fn has_tools(ask: &Ask, body: &[u8]) -> bool {
    let tools = ask.fields().get(body, "tools").unwrap_or_default();
    let inside = tools.strip_prefix(b"[").unwrap_or_default();
    !matches!(inside.trim_ascii_start().first(), None | Some(b']'))
}

/// Chat says in one word that the model must not think.
fn is_thoughtless(format: Format, ask: &Ask, body: &[u8]) -> bool {
    let effort = ask.fields().get(body, "reasoning_effort").and_then(text);
    format == Format::Chat && effort.as_deref() == Some("none")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Operation, ask};

    fn check(model: &str, body: &str, wanted: bool) {
        let asked = ask::read(Format::Chat, Operation::Chat, body.as_bytes()).unwrap();
        let thinks = thinks_with_tools(Format::Chat, &asked, body.as_bytes());
        let needs = needs_responses(model, thinks);
        assert_eq!(needs, wanted, "{model} {body}");
    }

    #[test]
    fn tools_and_thinking_do_not_go_together_on_chat() {
        let plain = r#"{"model":"m","messages":[]}"#;
        let tools = r#"{"model":"m","messages":[],"tools":[{"type":"function"}]}"#;
        let thoughtless = r#"{"model":"m","messages":[],"tools":[{"type":"function"}],"reasoning_effort":"none"}"#;
        check("gpt-5.4", plain, false);
        check("gpt-5.4", tools, true);
        check("gpt-5.4", thoughtless, false);
        check(
            "gpt-5.4",
            r#"{"model":"m","messages":[],"tools":[]}"#,
            false,
        );
        check("gpt-5", tools, false);
        check("gpt-5-pro", plain, true);
        check("kimi-k2", tools, false);
    }
}
