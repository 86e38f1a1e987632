//! Watches a `generateContent` answer.
//!
//! Usage may come in a chunk after the one with the finish reason, so nothing in the stream
//! itself ends it: an answer is complete when its body ends and a reason was given.

use super::heard::{Blob, Candidate, Chunk, Chunks, Part};
use super::usage::Seen;
use crate::fault;
use crate::loose;
use crate::meter::{Kind, Piece, Report};

/// What has to be remembered between chunks.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: Seen,
}

impl Meter {
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        match loose::text(piece.json).and_then(Chunks::read) {
            Some(chunks) => self.take(&chunks, piece, report),
            None => Kind::Unread,
        }
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        chunks: &Chunks<'_>,
        piece: Piece<'_>,
        report: &mut Report,
    ) -> Kind {
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
        if let Some(code) = self.code() {
            report.say(&code.code.0);
        }
        if let Some(call) = &self.call.0 {
            report.content = true;
            report.tool_calls = report
                .tool_calls
                .saturating_add(u32::from(!call.name.0.is_empty()));
            report.say(&call.args.spoken());
            report.say(&call.partial.spoken());
        }
        report.content |= self.blob.0.as_ref().is_some_and(|blob| blob.is_something())
            || self.file.is_something()
            || self.outcome.is_something();
    }
}

impl Blob<'_> {
    fn is_something(&self) -> bool {
        !self.mime.0.is_empty() || !self.data.0.is_empty()
    }
}
