//! Stories of requests as Gemini clients send them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::ir::{Media, Output, Part, Role, Show, Source, Thinking, Tool, ToolChoice};

/// The request in `body` and, as a line for each part, its conversation.
fn check(body: &str, wanted: &[&str]) -> Request<'static> {
    let request = decode(Box::leak(body.to_owned().into_boxed_str()).as_bytes()).unwrap();
    let lines: Vec<String> = request.turns.iter().flat_map(lines).collect();
    assert_eq!(lines, wanted, "{body}");
    request
}

fn lines(turn: &crate::ir::Turn<'_>) -> Vec<String> {
    let role = match turn.role {
        Role::User => "user",
        Role::Assistant => "model",
        Role::System => "system",
    };
    let lines = turn.parts.iter().map(line);
    lines.map(|line| format!("{role}: {line}")).collect()
}

fn line(part: &Part<'_>) -> String {
    let proof = |proof: &Option<crate::ir::Signature<'_>>| match proof {
        Some(proof) => format!(" +{:?} {}", proof.origin, proof.data),
        None => String::new(),
    };
    match part {
        Part::Text { text, .. } => format!("text {text}"),
        Part::Reasoning { text, signature } => format!("thought {text}{}", proof(signature)),
        Part::ToolCall(call) => format!(
            "call {} {} {}{}",
            call.id,
            call.name,
            call.args,
            proof(&call.signature)
        ),
        Part::ToolResult(result) => {
            let parts: Vec<String> = result.parts.iter().map(line).collect();
            let error = if result.error { " failed" } else { "" };
            format!("result {}{error}: {}", result.id, parts.join(", "))
        }
        Part::Media { media, .. } => {
            let (kind, source) = match media {
                Media::Image { source, detail } => {
                    (format!("image {}", detail.as_deref().unwrap_or("")), source)
                }
                Media::Audio { source } => ("audio ".to_owned(), source),
                Media::Video { source } => ("video ".to_owned(), source),
                Media::File { source, .. } => ("file ".to_owned(), source),
            };
            let source = match source {
                Source::Bytes { mime, base64 } => format!("{mime} {base64}"),
                Source::Url { url, .. } => format!("at {url}"),
                Source::Ref { id, .. } => format!("googles {id}"),
                Source::Plain(text) => format!("plain {text}"),
            };
            format!("{}: {source}", kind.trim())
        }
        Part::Opaque { kind, raw, .. } => format!("opaque {kind} {raw}"),
        Part::Refusal(text) => format!("refusal {text}"),
    }
}

fn refused(body: &str, param: &str) {
    let misfit = decode(body.as_bytes()).unwrap_err();
    assert_eq!(misfit.param(), param, "{misfit}");
}

#[test]
fn both_spellings_say_the_same() {
    let camel = r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBO"}}]}],
        "systemInstruction":{"parts":[{"text":"S"},{"text":"T"}]},
        "generationConfig":{"maxOutputTokens":5,"topP":0.5,"topK":40.0,"stopSequences":["x"],"candidateCount":2,"presencePenalty":1,
            "thinkingConfig":{"includeThoughts":true,"thinkingBudget":-1}}}"#;
    let snake = r#"{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"iVBO"}}]}],
        "system_instruction":{"parts":[{"text":"S"},{"text":"T"}]},
        "generation_config":{"max_output_tokens":5,"top_p":0.5,"top_k":40,"stop_sequences":["x"],"candidate_count":2,"presence_penalty":1,
            "thinking_config":{"include_thoughts":true,"thinking_budget":-1}}}"#;
    for body in [camel, snake] {
        let request = check(body, &["user: image: image/png iVBO"]);
        assert_eq!(request.system.len(), 2, "a block for each part");
        assert_eq!(
            (request.max_output, request.top_p, request.top_k),
            (Some(5), Some(0.5), Some(40))
        );
        assert_eq!((request.stop.len(), request.choices), (1, Some(2)));
        assert_eq!(request.presence_penalty, Some(1.0));
        assert_eq!(request.reasoning.thinking, Thinking::Adaptive(None));
        assert_eq!(request.reasoning.show, Show::Shown);
        assert_eq!(request.rest, []);
    }
}

#[test]
fn calls_without_ids_get_them_from_their_place_and_are_paired_by_name_and_order() {
    let body = r#"{"contents":[
        {"role":"user","parts":[{"text":"go"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a": 1}}},{"functionCall":{"name":"f","args":{"a": 2}}},{"functionCall":{"name":"g"}}]},
        {"role":"function","parts":[{"functionResponse":{"name":"g","response":{"result":{"x": 1.0}}}},
            {"functionResponse":{"name":"f","response":{"output":"one"}}},{"functionResponse":{"name":"f","response":{"error":"two"}}}]}]}"#;
    let id = crate::normal::mint_id;
    let (one, two, three) = (id(1, 0, "f"), id(1, 1, "f"), id(1, 2, "g"));
    let wanted = [
        "user: text go".to_owned(),
        format!("model: call {one} f {{\"a\":1}}"),
        format!("model: call {two} f {{\"a\":2}}"),
        format!("model: call {three} g {{}}"),
        format!("user: result {three}: text {{\"x\":1.0}}"),
        format!("user: result {one}: text one"),
        format!("user: result {two} failed: text two"),
    ];
    check(body, &wanted.each_ref().map(String::as_str));
}

#[test]
fn an_id_that_a_client_made_up_for_its_response_counts_as_none() {
    let body = |call: &str, response: &str| {
        format!(
            r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{{call}"name":"f","args":{{}}}}}}]}},
            {{"parts":[{{"functionResponse":{{{response}"name":"f","response":{{"a":1,"output":2}}}}}}]}}]}}"#
        )
    };
    let minted = crate::normal::mint_id(0, 0, "f");
    let call = format!("model: call {minted} f {{}}");
    let result = format!("user: result {minted}: text {{\"a\":1,\"output\":2}}");
    check(&body("", r#""id":"f-123","#), &[&call, &result]);
    let wanted = [
        "model: call c1 f {}",
        r#"user: result c1: text {"a":1,"output":2}"#,
    ];
    check(&body(r#""id":"c1","#, r#""id":"c1","#), &wanted);
    check(&body(r#""id":"c1","#, ""), &wanted);
}

#[test]
fn a_response_without_a_call_is_refused_or_keeps_its_id() {
    refused(
        r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}"#,
        "contents[0].parts[0].functionResponse",
    );
    check(
        r#"{"contents":[{"parts":[{"functionResponse":{"id":"zz","name":"f","response":{}}}]}]}"#,
        &["user: result zz: text {}"],
    );
}

#[test]
fn a_stream_kept_chunk_by_chunk_is_one_turn() {
    check(
        r#"{"contents":[{"role":"model","parts":[{"text":"Pl","thought":true}]},{"role":"model","parts":[{"text":"an.","thought":true}]},
            {"role":"model","parts":[{"text":"A"}]},{"role":"model","parts":[{"functionCall":{"id":"c","name":"f"},"thoughtSignature":"U0lH"}]},
            {"role":"model","parts":[]},
            {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":""}}}]}]}"#,
        &[
            "model: thought Plan.",
            "model: text A",
            "model: call c f {} +Gemini U0lH",
            "user: result c: ",
        ],
    );
}

#[test]
fn signatures_stand_where_their_reasoning_was() {
    use crate::ir::{Origin, Signature};
    let foreign = super::super::proof::write(&Signature::native(Origin::Messages, "sig"), "claude");
    let body = format!(
        r#"{{"contents":[{{"role":"model","parts":[{{"text":"Hm","thought":true}},{{"functionCall":{{"id":"c","name":"f"}},"thought_signature":"{foreign}"}},
            {{"text":"T","thoughtSignature":"QQ=="}},{{"text":"","thoughtSignature":"Qg=="}}]}}]}}"#
    );
    check(
        &body,
        &[
            "model: thought Hm +Messages sig",
            "model: call c f {}",
            "model: thought  +Gemini QQ==",
            "model: text T",
            "model: thought  +Gemini Qg==",
        ],
    );
}

#[test]
fn media_are_told_apart_by_type_and_address() {
    let request = check(
        r#"{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},"contents":[{"parts":[
            {"inlineData":{"mimeType":"image/png","data":"_-A"}},{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}},
            {"inlineData":{"mimeType":"video/mp4","data":"AAAA"},"videoMetadata":{"fps":1}},{"inlineData":{"mimeType":"application/pdf","data":"AAAA"}},
            {"inlineData":{"mimeType":"text/plain","data":"aGk="}},
            {"fileData":{"mimeType":"image/png","fileUri":"https://example.com/a.png"}},{"fileData":{"fileUri":"gs://b/c.pdf"}},
            {"fileData":{"mimeType":"video/*","fileUri":"https://www.youtube.com/watch?v=x"}}]}]}"#,
        &[
            "user: image low: image/png /+A=",
            "user: audio: audio/wav AAAA",
            "user: video: video/mp4 AAAA",
            "user: file: application/pdf AAAA",
            "user: file: plain hi",
            "user: image low: at https://example.com/a.png",
            "user: file: googles gs://b/c.pdf",
            "user: video: googles https://www.youtube.com/watch?v=x",
        ],
    );
    assert_eq!(request.rest[0].name, "contents.parts.videoMetadata");
}

#[test]
fn a_result_may_come_with_images() {
    check(
        r#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"c","name":"f"}}]},
            {"parts":[{"functionResponse":{"name":"f","response":{"output":"see"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}]}"#,
        &[
            "model: call c f {}",
            "user: result c: text see, image: image/png AAAA",
        ],
    );
}

#[test]
fn googles_own_tools_are_opaque() {
    let request = check(
        r#"{"tools":[{"google_search":{}},{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"},"behavior":"BLOCKING"},
                {"name":"g","parameters_json_schema":{"type":"object"}}],"codeExecution":{}}],
            "contents":[{"role":"model","parts":[{"executableCode":{"language":"PYTHON","code":"1"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK"}}]}]}"#,
        &[
            r#"model: opaque executableCode {"executableCode":{"language":"PYTHON","code":"1"}}"#,
            r#"model: opaque codeExecutionResult {"codeExecutionResult":{"outcome":"OUTCOME_OK"}}"#,
        ],
    );
    let tools: Vec<String> = request
        .tools
        .iter()
        .map(|tool| match tool {
            Tool::Function { name, schema, .. } => format!("{name} {}", schema.as_ref().unwrap()),
            Tool::Hosted { kind, raw, .. } => format!("{kind} {raw}"),
            Tool::Custom { .. } => unreachable!(),
        })
        .collect();
    assert_eq!(
        tools,
        [
            r#"googleSearch {"googleSearch":{}}"#,
            r#"f {"type":"object"}"#,
            r#"g {"type":"object"}"#,
            r#"codeExecution {"codeExecution":{}}"#,
        ]
    );
    assert_eq!(request.rest[0].name, "tools.functionDeclarations.behavior");
}

#[test]
fn every_mode_of_calling_is_known() {
    let choice = |config: &str| {
        let body = format!(
            r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],"tool_config":{{"function_calling_config":{config}}}}}"#
        );
        check(&body, &["user: text x"]).tool_choice
    };
    let named = |name: &'static str| Cow::Borrowed(name);
    assert_eq!(choice(r#"{"mode":"AUTO"}"#), Some(ToolChoice::Auto));
    assert_eq!(choice(r#"{"mode":"none"}"#), Some(ToolChoice::None));
    assert_eq!(choice(r#"{"mode":"ANY"}"#), Some(ToolChoice::Any));
    assert_eq!(
        choice(r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#),
        Some(ToolChoice::Named(named("f")))
    );
    assert_eq!(
        choice(r#"{"mode":"ANY","allowed_function_names":["f","g"]}"#),
        Some(ToolChoice::Allowed {
            names: vec![named("f"), named("g")],
            must: true
        })
    );
    assert_eq!(choice(r#"{"mode":"VALIDATED"}"#), Some(ToolChoice::Auto));
    refused(
        r#"{"toolConfig":{"functionCallingConfig":{"mode":"MAYBE"}}}"#,
        "toolConfig.functionCallingConfig",
    );
}

#[test]
fn the_shape_of_the_answer_is_told_by_type_and_schema() {
    let output = |config: &str| {
        let body =
            format!(r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],"generationConfig":{config}}}"#);
        check(&body, &["user: text x"])
    };
    let json = output(r#"{"responseMimeType":"application/json"}"#);
    assert_eq!(json.output, Output::Json);
    let schema = output(
        r#"{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}"#,
    );
    let Output::Schema { schema, .. } = schema.output else {
        panic!("a schema was given");
    };
    assert_eq!(
        schema,
        r#"{"type":"object","properties":{"a":{"type":["string","null"]}}}"#
    );
    for (config, name) in [
        (
            r#"{"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]}}"#,
            "responseMimeType",
        ),
        (
            r#"{"responseModalities":["TEXT","IMAGE"]}"#,
            "responseModalities",
        ),
    ] {
        let rest = &output(config).rest[0];
        assert_eq!(rest.name, format!("generationConfig.{name}"));
        assert_eq!(rest.class, Class::Contract);
    }
    let logprobs = output(r#"{"responseLogprobs":true,"logprobs":3,"seed":7}"#);
    assert_eq!((logprobs.logprobs, logprobs.seed), (Some(3), Some(7)));
}

#[test]
fn what_has_no_place_is_noted() {
    let request = check(
        r#"{"contents":[{"parts":[{"text":"x"}]}],"cachedContent":"cachedContents/1","labels":{"a":"b"},
            "safetySettings":[],"serviceTier":"flex","modelArmorConfig":{},"generationConfig":{"speechConfig":{}}}"#,
        &["user: text x"],
    );
    let rest: Vec<_> = request
        .rest
        .iter()
        .map(|rest| (&*rest.name, rest.class))
        .collect();
    assert_eq!(
        rest,
        [
            ("cachedContent", Class::Contract),
            ("modelArmorConfig", Class::Hint),
            ("generationConfig.speechConfig", Class::Hint),
        ]
    );
    assert_eq!(request.metadata.as_deref(), Some(r#"{"a":"b"}"#));
    assert_eq!(request.tier.as_deref(), Some("flex"));
}

#[test]
fn counting_reads_the_same_request_bare_or_wrapped() {
    let bare = r#"{"contents":[{"parts":[{"text":"x"}]}]}"#;
    let wrapped = r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"x"}]}],"systemInstruction":{"parts":[{"text":"S"}]}}}"#;
    check(bare, &["user: text x"]);
    assert_eq!(check(wrapped, &["user: text x"]).system.len(), 1);
}

#[test]
fn wrong_types_are_told_by_their_path() {
    refused(r#"{"contents":{}}"#, "contents");
    refused(r#"{"contents":[]}"#, "contents");
    refused(r#"{}"#, "contents");
    refused(r#"[]"#, "body");
    refused(r#"{"contents":[{"parts":[{"text":5}]}]}"#, "contents[0]");
    refused(
        r#"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"top_p":"high"}}"#,
        "generationConfig.top_p",
    );
    refused(
        r#"{"tools":[{"functionDeclarations":[{"description":"d"}]}]}"#,
        "tools[0].functionDeclarations[0].name",
    );
    refused(
        r#"{"systemInstruction":{"parts":[{"inlineData":{"mimeType":"image/png","data":""}}]}}"#,
        "systemInstruction.parts[0]",
    );
}

#[test]
fn text_is_borrowed_and_half_a_surrogate_pair_replaced() {
    let body = r#"{"contents":[{"parts":[{"text":"plain"},{"text":"a\ud800"}]}]}"#;
    let request = decode(body.as_bytes()).unwrap();
    let Part::Text { text, .. } = &request.turns[0].parts[0] else {
        panic!("text was given");
    };
    assert!(matches!(text, Cow::Borrowed("plain")));
    check(body, &["user: text plain", "user: text a\u{fffd}"]);
}

#[test]
fn unknown_fields_without_end_are_noted_up_to_a_bound() {
    let fields: Vec<String> = (0..10_000).map(|at| format!("\"x{at}\":1")).collect();
    let body = format!(
        r#"{{"contents":[{{"parts":[{{"text":"a"}}]}}],"generationConfig":{{{}}},"cachedContent":"c"}}"#,
        fields.join(",")
    );
    let request = super::decode(body.as_bytes()).expect("a request");
    assert!(request.rest.len() <= 65);
    let refused = |rest: &crate::ir::Rest<'_>| rest.name == "cachedContent";
    assert!(
        request.rest.iter().any(refused),
        "what must not go is noted"
    );
}
