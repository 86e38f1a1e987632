//! Why an answer ended.

/// Why a choice ended, in no format's word. `formats.md` 7.6 has what each format makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop<'a> {
    /// The model had said what it had to say.
    End,
    /// A stop sequence came; which, where it is known.
    Sequence(Option<&'a str>),
    /// The most output tokens were reached.
    Length,
    /// The caller's tools are to be run.
    ToolCalls,
    /// The provider held the content back; the original reason and its explanation.
    Filter {
        reason: &'a str,
        explanation: Option<&'a str>,
    },
    /// The model declined in its own words (a refusal block).
    Refusal,
    /// A long turn that the caller may continue (Anthropic's `pause_turn`).
    Pause,
    /// The model's context was full.
    ContextWindow,
    /// The model wrote something unusable (Gemini's `MALFORMED_FUNCTION_CALL`).
    Malformed(&'a str),
    /// A reason nobody knows.
    Other(&'a str),
}

impl Stop<'_> {
    /// The tool rule: an answer with a complete call of a caller's tool ended for the tool's
    /// sake, whatever its provider says. A cut or filtered answer keeps its reason.
    #[must_use]
    pub(crate) fn with_tools(self, called: bool) -> Self {
        match self {
            Stop::End | Stop::Sequence(_) | Stop::Other(_) if called => Stop::ToolCalls,
            Stop::ToolCalls if !called => Stop::End,
            other => other,
        }
    }
}
