//! What models can and cannot do, told by their names.

/// Whether an OpenAI model refuses function tools on Chat Completions.
pub fn refuses_tools_on_chat(model: &str) -> bool {
    ["gpt-5.4", "gpt-5.5", "gpt-5.6"]
        .iter()
        .any(|family| model.starts_with(family))
}
