//! The chunks of a stream: one envelope around every delta.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Usage;
use crate::chat::said::{Audio, Call, Delta, Held, Logprobs, Tokens, finish_reason};
use crate::frame::write::Writer;
use crate::ir::Stop;
use crate::transcode::Envelope;

/// Writes chunks that all have the same id, time and model.
#[derive(Debug)]
pub(super) struct Chunks {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
}

#[derive(Serialize)]
struct Chunk<'a, C: Serialize> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: C,
    /// Absent where the caller wants no usage, null in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Tokens>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

/// A delta of text.
pub(super) fn text(content: &str) -> Delta<'_> {
    Delta {
        content: Some(content),
        ..Delta::default()
    }
}

impl Chunks {
    pub(super) fn new(envelope: &Envelope, include_usage: bool) -> Chunks {
        Chunks {
            id: format!("chatcmpl-{}", envelope.id),
            created: envelope.created,
            model: envelope.model.clone(),
            include_usage,
        }
    }

    /// A delta of a choice.
    pub(super) fn delta(&self, index: u32, delta: Delta<'_>, out: &mut Writer) {
        let choice = Choice {
            index,
            delta,
            logprobs: None,
            finish_reason: None,
        };
        self.write([choice], None, out);
    }

    /// A piece of a call.
    pub(super) fn call(&self, index: u32, call: Call<'_>, out: &mut Writer) {
        let delta = Delta {
            tool_calls: Some([call]),
            ..Delta::default()
        };
        self.delta(index, delta, out);
    }

    /// A piece of sound.
    pub(super) fn audio(&self, index: u32, audio: Audio<'_>, out: &mut Writer) {
        let delta = Delta {
            audio: Some(audio),
            ..Delta::default()
        };
        self.delta(index, delta, out);
    }

    /// Log probabilities of text that was told before.
    pub(super) fn logprobs(&self, index: u32, entries: &str, out: &mut Writer) {
        let Ok(entries) = serde_json::from_str::<&RawValue>(entries) else {
            return;
        };
        let choice = Choice {
            index,
            delta: Delta::default(),
            logprobs: Some(Logprobs::new(entries)),
            finish_reason: None,
        };
        self.write([choice], None, out);
    }

    /// The end of a choice.
    pub(super) fn finish(&self, index: u32, stop: Stop<'_>, held: Held, out: &mut Writer) {
        let choice = Choice {
            index,
            delta: Delta::default(),
            logprobs: None,
            finish_reason: Some(finish_reason(stop, held)),
        };
        self.write([choice], None, out);
    }

    /// The usage chunk, where the caller wants it.
    pub(super) fn usage(&self, usage: &Usage, out: &mut Writer) {
        if self.include_usage {
            self.write([(); 0], Some(Tokens::new(usage)), out);
        }
    }

    fn write(&self, choices: impl Serialize, usage: Option<Tokens>, out: &mut Writer) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(usage),
        };
        out.event("", &chunk);
    }
}
