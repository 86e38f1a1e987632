//! What an answer says about itself: tokens, stop, tool calls, faults, whatever its format.

use crate::dialect::Quirks;
use crate::fault::{self, Fault};
use crate::loose::{List, Truthy, loose};
use crate::{Format, ToolUses, Usage};
use crate::{chat, gemini, messages, responses};

/// Bytes of the answer's text that are kept, for an estimate where no usage comes.
pub const SAMPLE_BYTES: usize = 8 * 1024;

/// Bytes of a stop reason that are kept.
const STOP_BYTES: usize = 128;

/// Bytes of a model's name that are kept.
const MODEL_BYTES: usize = 512;

/// Different hosted tools that are told apart.
const MAX_TOOLS: usize = 16;

/// What is known of an answer so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Tokens as the provider reported them; zero where it did not.
    pub usage: Usage,
    /// Whether the provider reported the input classes.
    pub input_known: bool,
    /// Whether the provider reported the output classes. What came early in a stream that was
    /// cut is not a report.
    pub output_known: bool,
    /// Charged calls of tools that the provider ran itself.
    pub tools: ToolUses,
    /// Why the model stopped, in the format's own word.
    pub stop: Option<String>,
    /// Calls of tools that the client has to run.
    pub tool_calls: u32,
    /// The model that the provider says answered.
    pub model: Option<String>,
    /// The error that came in place of the answer, or in its middle.
    pub fault: Option<Fault>,
    /// A whole body is there, and it is no JSON.
    pub unreadable: bool,
    /// The answer is complete by the rules of its format.
    pub terminal: bool,
    /// Something came that a user would see or act on.
    pub content: bool,
    /// Bytes of the answer's text with reasoning and tool arguments.
    pub output_bytes: u64,
    /// The first [`SAMPLE_BYTES`] of that text.
    pub output_sample: String,
    /// The last `sequence_number` of a Responses stream.
    pub sequence: Option<u64>,
}

impl Report {
    /// The model said this.
    pub(crate) fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.content = true;
        self.output_bytes += text.len() as u64;
        let room = SAMPLE_BYTES.saturating_sub(self.output_sample.len());
        if room > 0 {
            self.output_sample.push_str(cut(text, room));
        }
    }

    /// The model stopped for this reason.
    pub(crate) fn stopped(&mut self, reason: &str) {
        if !reason.is_empty() {
            self.stop = Some(cut(reason, STOP_BYTES).to_owned());
            self.content = true;
        }
    }

    /// The provider named the model; the first name stays.
    pub(crate) fn answered_by(&mut self, model: &str) {
        if self.model.is_none() && !model.is_empty() {
            self.model = Some(cut(model, MODEL_BYTES).to_owned());
        }
    }

    /// An error came; the first one stays, as later ones only repeat it.
    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// The body ended properly: whether what came counts as a complete stream of the format.
    pub(crate) fn ended(&self, format: Format) -> bool {
        match format {
            // The closing mark is often left out; what counts is that the model stopped.
            Format::Chat | Format::Messages | Format::Gemini => self.stop.is_some(),
            Format::Responses => self.terminal,
        }
    }

    /// A hosted tool was used that many times in all.
    pub(crate) fn used(&mut self, tool: &str, times: u64) {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let room = self.tools.len() < MAX_TOOLS;
        match self.tools.iter_mut().find(|(name, _)| name == tool) {
            Some((_, count)) => *count = times,
            None if times > 0 && room => {
                self.tools.push((tool.to_owned(), times));
            }
            None => {}
        }
    }
}

/// The longest beginning of `text` that is no longer than `limit` bytes.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// One piece of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// The event's name, if the framing has names.
    pub(crate) name: &'a [u8],
    /// The JSON.
    pub(crate) json: &'a [u8],
    /// Whether this is the whole answer rather than an event of a stream.
    pub(crate) whole: bool,
}

/// What an event is, apart from what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not JSON, or not an object of the format.
    Unread,
    /// Any event.
    Event,
    /// A chunk of usage alone, which a caller sees only if it asked for it.
    UsageOnly,
}

loose! {
    struct Wrapped {
        "error" => error: Truthy,
    }
}

/// Whether what is no object of a format is an error in an array, and tells it: Google wraps them, also behind its
/// OpenAI address.
pub(crate) fn unread(piece: Piece<'_>, report: &mut Report) -> bool {
    let wrapped = piece.json.trim_ascii_start().starts_with(b"[")
        && serde_json::from_slice::<List<Wrapped>>(piece.json)
            .is_ok_and(|list| list.items().iter().any(|item| item.error.0));
    if wrapped {
        report.fail(fault::read(200, piece.json));
    }
    wrapped
}

/// Reads the pieces of an answer in one format.
#[derive(Debug)]
pub(crate) enum Meter {
    Chat(chat::Meter),
    Responses(responses::Meter),
    Messages(messages::Meter),
    Gemini(gemini::Meter),
}

impl Meter {
    pub(crate) fn new(format: Format, quirks: Quirks) -> Meter {
        match format {
            Format::Chat => Meter::Chat(chat::Meter::new(quirks)),
            Format::Responses => Meter::Responses(responses::Meter::default()),
            Format::Messages => Meter::Messages(messages::Meter::default()),
            Format::Gemini => Meter::Gemini(gemini::Meter::default()),
        }
    }

    /// Reads one piece; text that the parser refuses is mended and tried once more.
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let kind = self.try_read(piece, report);
        if kind != Kind::Unread {
            return kind;
        }
        if unread(piece, report) {
            return Kind::Event;
        }
        match crate::loose::mended(piece.json) {
            Some(json) => self.try_read(
                Piece {
                    json: &json,
                    ..piece
                },
                report,
            ),
            None => kind,
        }
    }

    fn try_read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        match self {
            Meter::Chat(meter) => meter.read(piece, report),
            Meter::Responses(meter) => meter.read(piece, report),
            Meter::Messages(meter) => meter.read(piece, report),
            Meter::Gemini(meter) => meter.read(piece, report),
        }
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
