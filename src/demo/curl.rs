//! One curl line per format, to paste into a terminal.

/// A line for each format, addressed to `gateway` (`http://127.0.0.1:3000`).
pub fn curl_lines(gateway: &str, key: &str) -> String {
    let question = "What is a tollgate?";
    let chat = format!(
        r#"{{"model":"demo-fast","stream":true,"messages":[{{"role":"user","content":"{question}"}}]}}"#
    );
    let responses = format!(r#"{{"model":"demo-fast","stream":true,"input":"{question}"}}"#);
    let messages = format!(
        r#"{{"model":"demo-fast","stream":true,"max_tokens":1024,"messages":[{{"role":"user","content":"{question}"}}]}}"#
    );
    let gemini = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{question}"}}]}}]}}"#);
    let lines = [
        line(
            gateway,
            "/v1/chat/completions",
            &format!("authorization: Bearer {key}"),
            &chat,
        ),
        line(
            gateway,
            "/v1/responses",
            &format!("authorization: Bearer {key}"),
            &responses,
        ),
        line(
            gateway,
            "/v1/messages",
            &format!("x-api-key: {key}' -H 'anthropic-version: 2023-06-01"),
            &messages,
        ),
        line(
            gateway,
            "/v1beta/models/demo-fast:streamGenerateContent?alt=sse",
            &format!("x-goog-api-key: {key}"),
            &gemini,
        ),
    ];
    lines.join("\n")
}

fn line(gateway: &str, path: &str, header: &str, body: &str) -> String {
    format!(
        "curl -N '{gateway}{path}' -H '{header}' -H 'content-type: application/json' -d '{body}'"
    )
}
