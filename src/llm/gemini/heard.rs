//! What of an answer is heard, by meter and decoder: a chunk of a stream and a whole answer have the same
//! members. Both take it from one reading, where both listen.

use super::usage::Tokens;
use crate::loose::{self, Count, List, Raw, Slot, Text, Truthy, loose};

loose! {
    struct Chunk<'a> {
        "candidates" => candidates: List<Candidate<'a>>,
        "promptFeedback" => feedback: Slot<Box<Feedback<'a>>>,
        "modelVersion" => model: Text<'a>,
        "responseId" => id: Text<'a>,
        "usageMetadata" => usage: Slot<Tokens<'a>>,
        "error" => error: Truthy,
        // The answer of countTokens.
        "totalTokens" => counted: Truthy,
    }

    struct Feedback<'a> {
        "blockReason" => reason: Text<'a>,
        "blockReasonMessage" => message: Text<'a>,
    }

    struct Candidate<'a> {
        "index" => index: Count,
        "content" => content: Slot<Content<'a>>,
        "finishReason" => finish: Text<'a>,
        "finishMessage" => message: Text<'a>,
        // Passed over: what the decoder alone wants would be dear for the meter to read.
        "groundingMetadata" => grounding: Raw<'a>,
        "citationMetadata" => citations: Raw<'a>,
        "logprobsResult" => logprobs: Raw<'a>,
    }

    struct Content<'a> {
        "parts" => parts: List<Part<'a>>,
    }

    /// Small, as most parts are words alone: what else one may hold is in boxes, or passed over.
    struct Part<'a> {
        "text" => text: Text<'a>,
        "thought" => thought: Truthy,
        "thoughtSignature" | "thought_signature" => signature: Text<'a>,
        "functionCall" => call: Slot<Box<Call<'a>>>,
        "inlineData" | "inline_data" => blob: Slot<Box<Blob<'a>>>,
        "fileData" => file: Raw<'a>,
        "executableCode" => code: Raw<'a>,
        "codeExecutionResult" => outcome: Raw<'a>,
        "toolCall" => tool_call: Raw<'a>,
        "toolResponse" => tool_response: Raw<'a>,
    }

    struct Call<'a> {
        "id" => id: Text<'a>,
        "name" => name: Text<'a>,
        "args" => args: Raw<'a>,
        // Vertex streams arguments in parts; only the first part has the name.
        "partialArgs" => partial: Raw<'a>,
        "willContinue" => goes_on: Truthy,
    }

    struct Code<'a> {
        "code" => code: Text<'a>,
    }

    /// A piece of an argument of a call that is streamed (Vertex).
    struct PartialArg<'a> {
        "jsonPath" => path: Text<'a>,
        "stringValue" => string: Raw<'a>,
        "numberValue" => number: Raw<'a>,
        "boolValue" => boolean: Raw<'a>,
    }

    struct Blob<'a> {
        "mimeType" | "mime_type" => mime: Text<'a>,
        "data" => data: Text<'a>,
    }

    struct Logprobs<'a> {
        "chosenCandidates" => chosen: List<Token<'a>>,
        "topCandidates" => top: List<Top<'a>>,
    }

    struct Top<'a> {
        "candidates" => tokens: List<Token<'a>>,
    }

    struct Token<'a> {
        "token" => token: Text<'a>,
        "logProbability" => log: Raw<'a>,
    }

    struct Grounding<'a> {
        "groundingChunks" => chunks: List<Source<'a>>,
        "groundingSupports" => supports: List<Support<'a>>,
    }

    struct Source<'a> {
        "web" | "retrievedContext" | "maps" => page: Slot<Page<'a>>,
    }

    struct Page<'a> {
        "uri" => uri: Text<'a>,
        "title" => title: Text<'a>,
    }

    struct Support<'a> {
        "segment" => segment: Slot<Segment>,
        "groundingChunkIndices" => chunks: Raw<'a>,
    }

    /// A stretch of the text, in bytes. A start of zero is left out.
    struct Segment {
        "startIndex" => start: Count,
        "endIndex" => end: Count,
    }

    struct Recited<'a> {
        "citations" | "citationSources" => sources: List<Quoted<'a>>,
    }

    struct Quoted<'a> {
        "uri" => uri: Text<'a>,
        "title" => title: Text<'a>,
        "startIndex" => start: Count,
        "endIndex" => end: Count,
    }
}

/// A piece of an answer. Some proxies put chunks into an array, and Google puts errors into one.
pub(crate) enum Chunks<'a> {
    One(Box<Chunk<'a>>),
    Many(List<Chunk<'a>>),
}

impl<'a> Chunks<'a> {
    /// `None` for what is neither an object nor an array.
    pub(crate) fn read(json: &'a str) -> Option<Chunks<'a>> {
        match json.trim_ascii_start().starts_with('[') {
            true => serde_json::from_str(json).ok().map(Chunks::Many),
            false => loose::object(json).map(Chunks::One),
        }
    }

    pub(super) fn items(&self) -> &[Chunk<'a>] {
        match self {
            Chunks::One(chunk) => std::slice::from_ref(chunk),
            Chunks::Many(list) => list.items(),
        }
    }
}

impl<'a> Part<'a> {
    /// Code that Google is to run.
    pub(super) fn code(&self) -> Option<Code<'a>> {
        let Slot(code) = serde_json::from_str(self.code.0?.get()).ok()?;
        code
    }
}

impl<'a> Call<'a> {
    /// The pieces of arguments that are streamed.
    pub(super) fn pieces(&self) -> List<PartialArg<'a>> {
        let pieces = self.partial.0.map(|raw| serde_json::from_str(raw.get()));
        pieces.and_then(Result::ok).unwrap_or_default()
    }
}
