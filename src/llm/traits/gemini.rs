//! What Google's models can do.

use super::version::Name;
use crate::ir::Effort;

/// How a Gemini model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeminiThinking {
    /// It does not think.
    None,
    /// `thinkingBudget`, in tokens. The least is 0 where thinking can be turned off altogether;
    /// `floor` is the least of a budget that is not 0.
    Budget { off: bool, floor: u64, max: u64 },
    /// `thinkingLevel`; weakest first.
    Level(&'static [Effort]),
}

/// What a model behind the Gemini format can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gemini {
    /// Most output tokens.
    pub(crate) max_output: u64,
    pub(crate) thinking: GeminiThinking,
    /// `parametersJsonSchema` and `responseJsonSchema`; else the older subset.
    pub(crate) json_schema: bool,
    /// Third generation: calls and their results have ids, results may hold media, the first call
    /// of a step needs its thought signature, a schema or a hosted tool goes together with functions.
    pub(crate) third: bool,
    /// `fileData` may name an address on the web.
    pub(crate) web_files: bool,
}

const OF_FLASH: &[Effort] = &[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];
const OF_PRO: &[Effort] = &[Effort::Low, Effort::High];
const OF_LATER_PRO: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];

impl Gemini {
    /// Of the model by the upstream's name. One without a version is the newest; what is not named
    /// Gemini can do least.
    pub(crate) fn of(model: &str) -> Gemini {
        let Some(name) = Name::of(model, "gemini") else {
            return OTHER;
        };
        let version = name.version();
        Gemini {
            max_output: if version < 205 { 8_192 } else { 65_536 },
            thinking: thinking(&name),
            json_schema: version >= 205,
            third: version >= 300,
            web_files: version >= 205,
        }
    }
}

const OTHER: Gemini = Gemini {
    max_output: 8_192,
    thinking: GeminiThinking::None,
    json_schema: false,
    third: false,
    web_files: false,
};

fn thinking(name: &Name<'_>) -> GeminiThinking {
    let version = name.version();
    if ["image", "tts", "embedding"]
        .iter()
        .any(|word| name.has(word))
    {
        return GeminiThinking::None;
    }
    match (name.has("pro"), version) {
        (_, ..205) => GeminiThinking::None,
        (true, 200..300) => GeminiThinking::Budget {
            off: false,
            floor: 128,
            max: 32_768,
        },
        (false, 200..300) => GeminiThinking::Budget {
            off: true,
            floor: if name.has("lite") { 512 } else { 1 },
            max: 24_576,
        },
        (true, 300) => GeminiThinking::Level(OF_PRO),
        (true, _) => GeminiThinking::Level(OF_LATER_PRO),
        (false, _) => GeminiThinking::Level(OF_FLASH),
    }
}
