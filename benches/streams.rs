//! Streamed answers of every format, event by event, as their vendors send them.

use crate::payload::{ChatStream, MessagesStream};

/// Chat Completions, with the usage chunk.
pub fn chat(chunks: usize) -> Vec<String> {
    let stream = ChatStream::new("bench");
    let content = (0..chunks).map(|index| stream.content(index as u64));
    let mut events: Vec<String> = std::iter::once(stream.role()).chain(content).collect();
    events.extend(
        stream
            .close(chunks)
            .split_inclusive("\n\n")
            .map(str::to_owned),
    );
    events
}

/// OpenAI Responses: one message with one text part.
pub fn responses(chunks: usize) -> Vec<String> {
    const HEAD: &str = r#""id":"resp_67c9fdcecf488190bdd9a0409de3a1ec","object":"response","created_at":1741290958,"model":"bench","status""#;
    const ITEM: &str =
        r#""item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c5","output_index":0,"content_index":0"#;
    let event = |name: &str, rest: String| {
        format!("event: {name}\ndata: {{\"type\":\"{name}\",{rest}}}\n\n")
    };
    let mut events = vec![
        event(
            "response.created",
            format!(r#""sequence_number":0,"response":{{{HEAD}:"in_progress","output":[],"usage":null}}"#),
        ),
        event(
            "response.output_item.added",
            r#""sequence_number":1,"output_index":0,"item":{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c5","type":"message","status":"in_progress","role":"assistant","content":[]}"#.to_owned(),
        ),
    ];
    events.extend((0..chunks).map(|index| {
        event(
            "response.output_text.delta",
            format!(
                r#""sequence_number":{},{ITEM},"delta":" word {index:014}","logprobs":[]"#,
                index + 2
            ),
        )
    }));
    events.push(event(
        "response.completed",
        format!(
            r#""sequence_number":{},"response":{{{HEAD}:"completed","output":[],"usage":{{"input_tokens":519,"input_tokens_details":{{"cached_tokens":128}},"output_tokens":{chunks},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{}}}}}"#,
            chunks + 2,
            519 + chunks
        ),
    ));
    events
}

/// Anthropic Messages: one text block.
pub fn messages(chunks: usize) -> Vec<String> {
    let stream = MessagesStream::new("bench");
    let content: String = (0..chunks)
        .map(|index| stream.content(index as u64))
        .collect();
    let all = stream.open() + &content + &stream.close(chunks);
    all.split_inclusive("\n\n").map(str::to_owned).collect()
}

/// Gemini with `alt=sse`.
pub fn gemini(chunks: usize) -> Vec<String> {
    (1..=chunks)
        .map(|index| {
            let reason = match index == chunks {
                true => r#","finishReason":"STOP""#,
                false => "",
            };
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\" word {index:014}\"}}],\"role\":\"model\"}}{reason},\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":519,\"candidatesTokenCount\":{index},\"totalTokenCount\":{}}},\"modelVersion\":\"bench\",\"responseId\":\"mAitaLmkHPPlz7IPvtfUqQ4\"}}\r\n\r\n",
                519 + index
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(events: &[String], expected: usize) {
        assert_eq!(events.len(), expected);
        for event in events {
            let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
            for json in lines.filter(|json| *json != "[DONE]") {
                serde_json::from_str::<serde_json::Value>(json).expect("valid JSON");
            }
            assert!(
                event.ends_with("\n\n") || event.ends_with("\r\n\r\n"),
                "{event}"
            );
        }
    }

    #[test]
    fn every_event_is_whole_and_its_data_json() {
        check(&chat(3), 7);
        check(&responses(3), 6);
        check(&messages(3), 8);
        check(&gemini(3), 3);
    }
}
