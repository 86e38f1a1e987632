//! A request: who said what, which tools there are, how the answer is wanted.

use std::borrow::Cow;

use super::{Citation, Signature};
use crate::Format;
use crate::loss::Class;

/// Text that is borrowed from the body where it holds no escapes.
pub(crate) type Text<'a> = Cow<'a, str>;

/// A request in no format. Borrowed from the caller's body as far as possible.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The caller's format: losses are named by its fields.
    pub(crate) origin: Format,
    /// The asked model. Empty until the path's is put in (Gemini).
    pub(crate) model: Text<'a>,
    /// What stands before the conversation: the leading run of system and developer messages.
    pub(crate) system: Vec<System<'a>>,
    /// The first block of the system prompt came as Responses' `instructions`, which its answers
    /// repeat.
    pub(crate) instructed: bool,
    /// The conversation, in order. Neighbours may have the same role.
    pub(crate) turns: Vec<Turn<'a>>,
    /// Empty: none.
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called in one answer.
    pub(crate) parallel_tools: Option<bool>,
    /// Most output tokens, reasoning included.
    pub(crate) max_output: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u64>,
    pub(crate) frequency_penalty: Option<f64>,
    pub(crate) presence_penalty: Option<f64>,
    pub(crate) seed: Option<i64>,
    /// Raw JSON object.
    pub(crate) logit_bias: Option<Text<'a>>,
    /// Log probabilities of the answer's tokens, with so many alternatives each.
    pub(crate) logprobs: Option<u32>,
    pub(crate) stop: Vec<Text<'a>>,
    /// Answers wanted, when not one.
    pub(crate) choices: Option<u32>,
    pub(crate) output: Output<'a>,
    pub(crate) reasoning: Reasoning,
    /// `low`, `medium`, `high`: how long the text should be.
    pub(crate) verbosity: Option<Text<'a>>,
    pub(crate) stream: bool,
    /// Chat: the caller wants the usage chunk of a stream.
    pub(crate) include_usage: bool,
    /// The caller's name for its end user.
    pub(crate) user: Option<Text<'a>>,
    /// Raw JSON object of the caller's own pairs.
    pub(crate) metadata: Option<Text<'a>>,
    /// Service tier, in the origin's word.
    pub(crate) tier: Option<Text<'a>>,
    /// Routing hint of the prompt cache (OpenAI's `prompt_cache_key`).
    pub(crate) cache_key: Option<Text<'a>>,
    /// Anthropic's mark at the top level: cache up to the last block.
    pub(crate) cache_all: Option<CacheMark>,
    /// Gemini's safety settings, raw JSON.
    pub(crate) safety: Option<Text<'a>>,
    /// Fields that the common model has no place for.
    pub(crate) rest: Vec<Rest<'a>>,
}

/// A field of the origin that the common model does not carry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rest<'a> {
    /// Its JSON path in the caller's request.
    pub(crate) name: Text<'a>,
    /// Whether the answer may be given without it.
    pub(crate) class: Class,
    /// Why it cannot be carried; for contracts, told to the caller.
    pub(crate) reason: &'static str,
}

/// A block of the system prompt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct System<'a> {
    pub(crate) text: Text<'a>,
    pub(crate) cache: Option<CacheMark>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Assistant,
    /// A system or developer message in the middle of the conversation.
    System,
}

/// One message. Tool results stand in user turns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part<'a>>,
    /// The caller's index of the message (item, content) it began with, for error messages.
    pub(crate) at: usize,
    /// Chat's `name` of the speaker.
    pub(crate) name: Option<Text<'a>>,
}

/// How long a cached prefix is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheMark {
    FiveMinutes,
    OneHour,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part<'a> {
    Text {
        text: Text<'a>,
        citations: Vec<Citation<'a>>,
        cache: Option<CacheMark>,
    },
    Media {
        media: Media<'a>,
        cache: Option<CacheMark>,
        /// The caller's index of the message it came in; so below. Turns are joined, and an error
        /// names the message that is at fault.
        at: usize,
    },
    ToolCall(ToolCall<'a>),
    ToolResult(ToolResult<'a>),
    Reasoning {
        text: Text<'a>,
        /// Several where one summary came with several proofs.
        signature: Option<Signature<'a>>,
    },
    /// The model declined, in an earlier answer.
    Refusal(Text<'a>),
    /// What only its origin understands (hosted tool blocks, item references): raw JSON.
    Opaque {
        origin: Format,
        /// The block's type, for error messages.
        kind: Text<'a>,
        raw: Text<'a>,
        at: usize,
    },
}

/// What is not text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Media<'a> {
    Image {
        source: Source<'a>,
        /// OpenAI's `low`, `high`, `auto`.
        detail: Option<Text<'a>>,
    },
    Audio {
        source: Source<'a>,
    },
    Video {
        source: Source<'a>,
    },
    File {
        source: Source<'a>,
        name: Option<Text<'a>>,
    },
}

/// Where media come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source<'a> {
    /// Base64, standard alphabet, with padding. The type is never empty.
    Bytes { mime: Text<'a>, base64: Text<'a> },
    /// An address that the provider fetches; the type where the caller said one.
    Url {
        url: Text<'a>,
        mime: Option<Text<'a>>,
    },
    /// A file at a provider.
    Ref { provider: Format, id: Text<'a> },
    /// Plain text as a document (Anthropic's text source).
    Plain(Text<'a>),
}

/// Whether a tool takes JSON or free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToolKind {
    Function,
    /// OpenAI's custom tools: the argument is text.
    Custom,
}

/// A call that the model made in an earlier answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall<'a> {
    /// Never empty: minted where the format has none.
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    /// As written: JSON text of a function, free text of a custom tool. Never parsed unless the
    /// target wants an object.
    pub(crate) args: Text<'a>,
    pub(crate) kind: ToolKind,
    pub(crate) signature: Option<Signature<'a>>,
    pub(crate) cache: Option<CacheMark>,
    pub(crate) at: usize,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolResult<'a> {
    /// The call's id.
    pub(crate) id: Text<'a>,
    /// The tool's name, where the format says it or pairing found it.
    pub(crate) name: Option<Text<'a>>,
    /// Text and media only.
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) error: bool,
    pub(crate) cache: Option<CacheMark>,
    pub(crate) at: usize,
}

/// A tool that the model may use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tool<'a> {
    Function {
        name: Text<'a>,
        description: Option<Text<'a>>,
        /// Raw JSON schema of the arguments; none: no arguments.
        schema: Option<Text<'a>>,
        strict: Option<bool>,
        cache: Option<CacheMark>,
    },
    Custom {
        name: Text<'a>,
        description: Option<Text<'a>>,
        /// Raw JSON of the format (grammar) of its text.
        grammar: Option<Text<'a>>,
    },
    /// A tool that the provider runs itself: raw JSON, understood by its origin only.
    Hosted {
        origin: Format,
        /// Its type: `web_search`, `code_execution` …
        kind: Text<'a>,
        raw: Text<'a>,
    },
}

/// Which tools the model must use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    /// At least one, whichever.
    Any,
    Named(Text<'a>),
    /// Only these; `must`: at least one of them.
    Allowed {
        names: Vec<Text<'a>>,
        must: bool,
    },
}

/// The shape of the answer's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Output<'a> {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    Schema {
        /// `[A-Za-z0-9_-]{1,64}`; "output" where the format has none.
        name: Text<'a>,
        description: Option<Text<'a>>,
        /// Raw JSON schema.
        schema: Text<'a>,
        strict: Option<bool>,
    },
}

/// How much the model thinks, and what of it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasoning {
    pub(crate) thinking: Thinking,
    pub(crate) show: Show,
}

/// How much the model thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// Not said.
    #[default]
    Unset,
    Off,
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
    /// As much as the model finds right, leaning to the effort.
    Adaptive(Option<Effort>),
}

/// The steps of effort, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

/// Whether reasoning is shown to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Show {
    #[default]
    Unset,
    Hidden,
    Shown,
}

impl<'a> Request<'a> {
    /// An empty request of `origin`.
    pub(crate) fn new(origin: Format) -> Request<'a> {
        Request {
            origin,
            model: Text::Borrowed(""),
            system: Vec::new(),
            instructed: false,
            turns: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tools: None,
            max_output: None,
            temperature: None,
            top_p: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            seed: None,
            logit_bias: None,
            logprobs: None,
            stop: Vec::new(),
            choices: None,
            output: Output::Text,
            reasoning: Reasoning::default(),
            verbosity: None,
            stream: false,
            include_usage: false,
            user: None,
            metadata: None,
            tier: None,
            cache_key: None,
            cache_all: None,
            safety: None,
            rest: Vec::new(),
        }
    }
}

impl Output<'_> {
    /// What a name that does not fit is told.
    pub(crate) const NAME_RULE: &'static str = "must be 1 to 64 letters, digits, `_` or `-`";

    /// Whether a schema may have that name.
    pub(crate) fn is_name(name: &str) -> bool {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(fits)
    }
}

impl Source<'_> {
    /// The same, owned.
    pub(crate) fn into_owned(self) -> Source<'static> {
        let own = |text: Text<'_>| Cow::Owned(text.into_owned());
        match self {
            Source::Bytes { mime, base64 } => Source::Bytes {
                mime: own(mime),
                base64: own(base64),
            },
            Source::Url { url, mime } => Source::Url {
                url: own(url),
                mime: mime.map(own),
            },
            Source::Ref { provider, id } => Source::Ref {
                provider,
                id: own(id),
            },
            Source::Plain(text) => Source::Plain(own(text)),
        }
    }
}

impl<'a> Turn<'a> {
    /// The caller's message `at`.
    pub(crate) fn new(role: Role, parts: Vec<Part<'a>>, at: usize) -> Turn<'a> {
        let mut turn = Turn {
            role,
            parts,
            at,
            name: None,
        };
        turn.stand(0, at);
        turn
    }

    /// Takes the parts of the caller's message `at`.
    pub(crate) fn take(&mut self, parts: Vec<Part<'a>>, at: usize) {
        let new = self.parts.len();
        self.parts.extend(parts);
        self.stand(new, at);
    }

    /// The parts from the `new`-th on came in the caller's message `at`.
    pub(crate) fn stand(&mut self, new: usize, at: usize) {
        self.parts
            .iter_mut()
            .skip(new)
            .for_each(|part| part.stand(at));
    }
}

impl<'a> Part<'a> {
    fn stand(&mut self, place: usize) {
        match self {
            Part::Media { at, .. } | Part::Opaque { at, .. } => *at = place,
            Part::ToolCall(call) => call.at = place,
            Part::ToolResult(result) => {
                result.at = place;
                result.parts.iter_mut().for_each(|part| part.stand(place));
            }
            Part::Text { .. } | Part::Reasoning { .. } | Part::Refusal(_) => {}
        }
    }

    /// Text that nothing is said about.
    pub(crate) fn text(text: impl Into<Text<'a>>) -> Part<'a> {
        Part::Text {
            text: text.into(),
            citations: Vec::new(),
            cache: None,
        }
    }
}

impl Effort {
    const NAMES: [(Effort, &'static str); 7] = [
        (Effort::None, "none"),
        (Effort::Minimal, "minimal"),
        (Effort::Low, "low"),
        (Effort::Medium, "medium"),
        (Effort::High, "high"),
        (Effort::XHigh, "xhigh"),
        (Effort::Max, "max"),
    ];

    /// OpenAI's and Anthropic's word.
    pub(crate) fn as_str(self) -> &'static str {
        Effort::NAMES[self as usize].1
    }

    /// The effort of that word.
    pub(crate) fn named(name: &str) -> Option<Effort> {
        Effort::NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(effort, _)| *effort)
    }
}
