//! Watches a `generateContent` answer.
//!
//! Usage may come in a chunk after the one with the finish reason, so nothing in the stream
//! itself ends it: an answer is complete when its body ends and a reason was given.

use super::usage::{Seen, Tokens};
use crate::fault;
use crate::loose::{self, List, Raw, Slot, Text, Truthy, loose};
use crate::meter::{Kind, Piece, Report};

loose! {
    struct Chunk<'a> {
        "candidates" => candidates: List<Candidate<'a>>,
        "usageMetadata" => usage: Slot<Tokens<'a>>,
        "modelVersion" => model: Text<'a>,
        "promptFeedback" => feedback: Slot<Feedback<'a>>,
        "error" => error: Truthy,
        // The answer of countTokens.
        "totalTokens" => counted: Truthy,
    }

    struct Feedback<'a> {
        "blockReason" => reason: Text<'a>,
    }

    struct Candidate<'a> {
        "content" => content: Slot<Content<'a>>,
        "finishReason" => finish: Text<'a>,
    }

    struct Content<'a> {
        "parts" => parts: List<Part<'a>>,
    }

    struct Part<'a> {
        "text" => text: Text<'a>,
        "functionCall" => call: Slot<Call<'a>>,
        "executableCode" => code: Slot<Code<'a>>,
        "inlineData" | "inline_data" | "fileData" | "codeExecutionResult" => other: Truthy,
    }

    struct Call<'a> {
        "name" => name: Text<'a>,
        "args" => arguments: Raw<'a>,
        // Vertex streams arguments in parts; only the first part has the name.
        "partialArgs" => partial: Raw<'a>,
    }

    struct Code<'a> {
        "code" => code: Text<'a>,
    }
}

/// What has to be remembered between chunks.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: Seen,
}

impl Meter {
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        if piece.json.trim_ascii_start().first() == Some(&b'[') {
            return self.list(piece, report);
        }
        let Some(Slot(Some(chunk))) = loose::json::<Slot<Chunk<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        self.chunk(&chunk, piece, report);
        Kind::Event
    }

    /// An answer, or more often an error, that came wrapped in an array.
    fn list(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let Some(chunks) = loose::json::<List<Chunk<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        for chunk in chunks.items() {
            self.chunk(chunk, piece, report);
        }
        Kind::Event
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, piece: Piece<'_>, report: &mut Report) {
        if chunk.error.0 {
            report.fail(fault::read(200, piece.json));
        }
        report.answered_by(&chunk.model.0);
        for candidate in chunk.candidates.items() {
            candidate.tell(report);
        }
        if let Some(feedback) = &chunk.feedback.0 {
            report.stopped(&feedback.reason.0);
        }
        report.content |= chunk.counted.0;
        if let Some(tokens) = &chunk.usage.0 {
            self.seen.take(tokens);
        }
        if chunk.usage.0.is_some() || report.stop.is_some() {
            self.seen.tell(report.stop.is_some(), report);
        }
    }
}

impl Candidate<'_> {
    fn tell(&self, report: &mut Report) {
        if let Some(content) = &self.content.0 {
            content
                .parts
                .items()
                .iter()
                .for_each(|part| part.tell(report));
        }
        if self.finish.0 != "FINISH_REASON_UNSPECIFIED" {
            report.stopped(&self.finish.0);
        }
    }
}

impl Part<'_> {
    fn tell(&self, report: &mut Report) {
        report.say(&self.text.0);
        if let Some(code) = &self.code.0 {
            report.say(&code.code.0);
        }
        if let Some(call) = &self.call.0 {
            report.content = true;
            report.tool_calls = report
                .tool_calls
                .saturating_add(u32::from(!call.name.0.is_empty()));
            report.say(&call.arguments.spoken());
            report.say(&call.partial.spoken());
        }
        report.content |= self.other.0;
    }
}
