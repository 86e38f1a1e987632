//! Requests and answers of realistic shape and exact size.

/// Bytes of the ordinary request.
pub const REQUEST_BYTES: usize = 2 * 1024;
/// Bytes of the large request.
pub const LARGE_BYTES: usize = 1024 * 1024;
/// Bytes of the ordinary JSON answer.
pub const REPLY_BYTES: usize = 900;
/// Stands before the nanoseconds at which the mock sent a chunk.
pub const STAMP: &[u8] = b"stamp=";
/// Digits of a stamp.
pub const STAMP_DIGITS: usize = 20;

const PROSE: &str = "The gate opens for those who carry a key, and counts what passes: so many \
     words in, so many words out, and a price for each. \u{201c}Quoted\u{201d}, naïve text too. ";

/// Prose of exactly `bytes` bytes that needs no JSON escape.
pub fn prose(bytes: usize) -> String {
    let mut text = PROSE.repeat(bytes / PROSE.len() + 1);
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.extend(std::iter::repeat_n('.', bytes - end));
    text
}

/// Fills `\u{0}` of a template with prose, so that the whole is `bytes` long.
fn filled(template: &str, bytes: usize) -> String {
    let fill = bytes.saturating_sub(template.len() - 1);
    template.replace('\0', &prose(fill))
}

/// A Chat Completions request: a system and a user message, temperature, a maximum.
pub fn chat_request(model: &str, stream: bool, bytes: usize) -> String {
    filled(
        &format!(
            r#"{{"model":"{model}","stream":{stream},"temperature":0.7,"max_tokens":256,"messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"{}"}}]}}"#,
            '\0'
        ),
        bytes,
    )
}

/// The same as an Anthropic Messages request.
pub fn messages_request(model: &str, stream: bool, bytes: usize) -> String {
    filled(
        &format!(
            r#"{{"model":"{model}","stream":{stream},"temperature":0.7,"max_tokens":256,"system":"You are a helpful assistant.","messages":[{{"role":"user","content":"{}"}}]}}"#,
            '\0'
        ),
        bytes,
    )
}

/// Tools of a coding agent.
pub const AGENT_TOOLS: usize = 40;
/// Bytes of a coding agent's request, about.
pub const AGENT_BYTES: usize = 100_000;

/// What a coding agent asks in the middle of its work: 40 tools, long instructions, and turns in
/// which files were read. As an Anthropic Messages request.
pub fn agent_request(model: &str) -> String {
    const TURNS: usize = 12;
    let tools: Vec<String> = (0..AGENT_TOOLS).map(agent_tool).collect();
    // A file's text is full of what JSON must escape.
    let file = r#"fn main() {\n    println!(\"gate\");\n}\n"#.repeat(50);
    let turn = |n: usize| {
        format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":"I read file {n}."}},{{"type":"tool_use","id":"toolu_01A09q90qw90lq917835{n:02}","name":"tool_{n}","input":{{"path":"src/file_{n}.rs","limit":200}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_01A09q90qw90lq917835{n:02}","content":[{{"type":"text","text":"{file}"}}]}}]}}"#
        )
    };
    let turns: Vec<String> = (0..TURNS).map(turn).collect();
    filled(
        &format!(
            r#"{{"model":"{model}","stream":true,"max_tokens":32000,"system":[{{"type":"text","text":"You are a coding agent."}},{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"}}}}],"tools":[{}],"messages":[{{"role":"user","content":"Mend the gate."}},{}]}}"#,
            '\0',
            tools.join(","),
            turns.join(",")
        ),
        AGENT_BYTES,
    )
}

/// One of its tools, of some 1,000 bytes.
fn agent_tool(n: usize) -> String {
    let about = prose(500);
    format!(
        r#"{{"name":"tool_{n}","description":"{about}","input_schema":{{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{{"path":{{"type":"string","description":"The file to work on, absolute."}},"offset":{{"type":"number","description":"The line to begin at."}},"limit":{{"type":"number","description":"How many lines."}},"mode":{{"type":"string","enum":["read","write","append"],"default":"read"}},"edits":{{"type":"array","items":{{"type":"object","properties":{{"old":{{"type":"string"}},"new":{{"type":"string"}}}},"required":["old","new"],"additionalProperties":false}}}}}},"required":["path"],"additionalProperties":false}}}}"#
    )
}

/// A Chat Completions answer with usage.
pub fn chat_reply(model: &str, bytes: usize) -> String {
    filled(
        &format!(
            r#"{{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1741569952,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":519,"completion_tokens":64,"total_tokens":583,"prompt_tokens_details":{{"cached_tokens":128,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default"}}"#,
            '\0'
        ),
        bytes,
    )
}

/// The same as an Anthropic Messages answer.
pub fn messages_reply(model: &str, bytes: usize) -> String {
    filled(
        &format!(
            r#"{{"model":"{model}","id":"msg_01HbRPHg7UEfPXuL5yPbuBVU","type":"message","role":"assistant","content":[{{"type":"text","text":"{}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":391,"cache_creation_input_tokens":0,"cache_read_input_tokens":128,"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},"output_tokens":64,"service_tier":"standard"}}}}"#,
            '\0'
        ),
        bytes,
    )
}

/// A stamp, as it stands in a chunk's text.
fn stamp(sent_ns: u64) -> String {
    let stamp = std::str::from_utf8(STAMP).expect("the stamp is ASCII");
    format!("{stamp}{sent_ns:0width$}", width = STAMP_DIGITS)
}

/// The events of a streamed Chat Completions answer, as OpenAI sends them with `include_usage`.
pub struct ChatStream {
    head: String,
}

impl ChatStream {
    /// The stream of one answer.
    pub fn new(model: &str) -> ChatStream {
        ChatStream {
            head: format!(
                r#"data: {{"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,"model":"{model}","service_tier":"default","system_fingerprint":"fp_50cad350e4","#
            ),
        }
    }

    fn choice(&self, delta: &str, reason: &str) -> String {
        let head = &self.head;
        format!(
            "{head}\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":{reason}}}],\"usage\":null}}\n\n"
        )
    }

    /// The first event: the role.
    pub fn role(&self) -> String {
        self.choice(r#""role":"assistant","content":"","refusal":null"#, "null")
    }

    /// A piece of text, stamped with the time at which it is sent.
    pub fn content(&self, sent_ns: u64) -> String {
        let stamp = stamp(sent_ns);
        self.choice(&format!(r#""content":" {stamp}""#), "null")
    }

    /// What follows the text: the reason, the usage, the terminator.
    pub fn close(&self, chunks: usize) -> String {
        let (reason, head) = (self.choice("", r#""stop""#), &self.head);
        format!(
            "{reason}{head}\"choices\":[],\"usage\":{{\"prompt_tokens\":519,\"completion_tokens\":{chunks},\"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
            519 + chunks
        )
    }

    /// The whole stream at once.
    pub fn whole(&self, chunks: usize) -> String {
        let content = self.content(0).repeat(chunks);
        self.role() + &content + &self.close(chunks)
    }
}

/// The events of a streamed Messages answer with one text block.
pub struct MessagesStream {
    model: String,
}

impl MessagesStream {
    /// The stream of one answer.
    pub fn new(model: &str) -> MessagesStream {
        MessagesStream {
            model: model.to_owned(),
        }
    }

    fn event(name: &str, rest: &str) -> String {
        format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
    }

    /// The first events: the message, and the begin of its text.
    pub fn open(&self) -> String {
        let message = format!(
            r#","message":{{"id":"msg_01HbRPHg7UEfPXuL5yPbuBVU","type":"message","role":"assistant","model":"{}","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":519,"cache_creation_input_tokens":0,"cache_read_input_tokens":128,"output_tokens":1}}}}"#,
            self.model
        );
        let block = r#","index":0,"content_block":{"type":"text","text":""}"#;
        Self::event("message_start", &message) + &Self::event("content_block_start", block)
    }

    /// A piece of text, stamped with the time at which it is sent.
    pub fn content(&self, sent_ns: u64) -> String {
        let stamp = stamp(sent_ns);
        Self::event(
            "content_block_delta",
            &format!(r#","index":0,"delta":{{"type":"text_delta","text":" {stamp}"}}"#),
        )
    }

    /// What follows the text: its end, the reason with the usage, the terminator.
    pub fn close(&self, chunks: usize) -> String {
        let reason = format!(
            r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{chunks}}}"#
        );
        Self::event("content_block_stop", r#","index":0"#)
            + &Self::event("message_delta", &reason)
            + &Self::event("message_stop", "")
    }
}

/// Finds the stamps in a stream that comes in pieces.
#[derive(Default)]
pub struct Stamps {
    /// The end of what came, too short to hold a stamp.
    carry: Vec<u8>,
}

impl Stamps {
    /// Takes the next bytes; tells `found` each sending time that is complete with them.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(u64)) {
        const LEN: usize = STAMP.len() + STAMP_DIGITS;
        self.carry.extend_from_slice(bytes);
        for window in self.carry.windows(LEN) {
            if !window.starts_with(STAMP) {
                continue;
            }
            let digits = std::str::from_utf8(&window[STAMP.len()..]);
            if let Some(sent) = digits.ok().and_then(|digits| digits.parse().ok()) {
                found(sent);
            }
        }
        let spent = self.carry.len().saturating_sub(LEN - 1);
        self.carry.drain(..spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_everything_is_json() {
        for bytes in [REQUEST_BYTES, 4097, LARGE_BYTES] {
            for text in [
                chat_request("m", true, bytes),
                messages_request("m", false, bytes),
                chat_reply("m", bytes),
                messages_reply("m", bytes),
            ] {
                assert_eq!(text.len(), bytes);
                serde_json::from_str::<serde_json::Value>(&text).expect("valid JSON");
            }
        }
    }

    #[test]
    fn an_agents_request_has_its_size_and_its_tools() {
        let text = agent_request("m");
        assert_eq!(text.len(), AGENT_BYTES);
        let json: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(json["tools"].as_array().map(Vec::len), Some(AGENT_TOOLS));
    }

    #[test]
    fn every_event_of_the_stream_but_the_last_is_json() {
        let stream = ChatStream::new("m").whole(3);
        let events: Vec<&str> = stream.split_terminator("\n\n").collect();
        assert_eq!(events.len(), 7, "role, 3 contents, reason, usage, end");
        for event in &events[..6] {
            let json = event.strip_prefix("data: ").expect("an event");
            serde_json::from_str::<serde_json::Value>(json).expect("valid JSON");
        }
        assert_eq!(events[6], "data: [DONE]");
    }

    #[test]
    fn stamps_are_found_once_in_any_cut() {
        let stream = ChatStream::new("m");
        let text = stream.content(7) + &stream.content(1_000_000_007);
        for cut in 0..text.len() {
            let (mut stamps, mut sent) = (Stamps::default(), Vec::new());
            for piece in [&text[..cut], &text[cut..]] {
                stamps.push(piece.as_bytes(), |at| sent.push(at));
            }
            assert_eq!(sent, [7, 1_000_000_007], "cut at {cut}");
        }
    }
}
