//! The members of an answer that are read.

use crate::loose::{Count, List, Raw, Slot, Text, Truthy, loose};

loose! {
    struct Chunk<'a> {
        "candidates" => candidates: List<Candidate<'a>>,
        "promptFeedback" => feedback: Slot<Feedback<'a>>,
        "modelVersion" => model: Text<'a>,
        "responseId" => id: Text<'a>,
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
        "groundingMetadata" => grounding: Raw<'a>,
        "citationMetadata" => citations: Raw<'a>,
        "logprobsResult" => logprobs: Slot<Logprobs<'a>>,
    }

    struct Content<'a> {
        "parts" => parts: List<Part<'a>>,
    }

    struct Part<'a> {
        "text" => text: Text<'a>,
        "thought" => thought: Truthy,
        "thoughtSignature" | "thought_signature" => signature: Text<'a>,
        "functionCall" => call: Slot<Call<'a>>,
        "inlineData" | "inline_data" => blob: Slot<Blob<'a>>,
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
        "partialArgs" => partial: List<PartialArg<'a>>,
        "willContinue" => goes_on: Truthy,
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
