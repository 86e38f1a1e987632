//! What only its own provider understands, in a conversation that goes to another.

use crate::Format;
use crate::ir::{Part, Request};
use crate::loss::{Losses, Misfit};

/// Drops and names the steps of tools that another provider ran itself: the text that followed
/// tells what they gave. Anything else of another format's own (a reference to what is stored, a
/// step that the caller ran) is refused: without it the model would not know what was said.
pub(crate) fn drop_foreign(
    request: &mut Request<'_>,
    target: Format,
    losses: &mut Losses,
) -> Result<(), Misfit> {
    for turn in &mut request.turns {
        let mut refused = None;
        turn.parts.retain(|part| match part {
            Part::Opaque {
                origin, kind, at, ..
            } if *origin != target => {
                let at = losses.turn(*at);
                match ran_at_provider(kind) {
                    true => losses.hint_at(format!("{at}.{kind}")),
                    false => refused = Some((kind.clone(), at)),
                }
                false
            }
            _ => true,
        });
        if let Some((kind, at)) = refused {
            let reason = format!("only its own provider understands `{kind}`");
            return Err(losses.contract_at(at, &reason));
        }
    }
    Ok(())
}

fn ran_at_provider(kind: &str) -> bool {
    const STEPS: [&str; 12] = [
        // Responses
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        // Messages
        "server_tool_use",
        "mcp_tool_use",
        // Gemini
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    ];
    STEPS.contains(&kind) || kind.ends_with("_tool_result")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::ir::{Role, Turn};
    use crate::loss::Strictness;

    /// What is left of a turn with one part of that kind, and what was dropped.
    fn passed(kind: &'static str, target: Format) -> Result<(usize, Vec<String>), Misfit> {
        let mut request = Request::new(Format::Responses);
        request.turns.push(Turn {
            role: Role::Assistant,
            parts: vec![
                Part::Opaque {
                    origin: Format::Responses,
                    kind: kind.into(),
                    raw: "{}".into(),
                    at: 3,
                },
                Part::text("so"),
            ],
            at: 3,
            name: None,
        });
        let mut losses = Losses::new(Format::Responses, target, "m", Strictness::Lenient);
        drop_foreign(&mut request, target, &mut losses)?;
        let dropped = losses.into_dropped();
        let dropped = dropped.iter().map(|name| name.to_string()).collect();
        Ok((request.turns[0].parts.len(), dropped))
    }

    #[test]
    fn steps_of_a_providers_tools_are_named_and_dropped() {
        let wanted = (1, vec!["input[3].web_search_call".to_owned()]);
        assert_eq!(passed("web_search_call", Format::Chat).unwrap(), wanted);
        let own = passed("web_search_call", Format::Responses).unwrap();
        assert_eq!(own, (2, Vec::new()), "its own provider gets it");
    }

    #[test]
    fn what_the_model_would_miss_is_refused() {
        for kind in ["item_reference", "computer_call_output", "local_shell_call"] {
            let misfit = passed(kind, Format::Messages).unwrap_err();
            assert_eq!(misfit.param(), "input[3]", "{kind}");
            assert!(misfit.to_string().contains(kind), "{misfit}");
        }
    }
}
