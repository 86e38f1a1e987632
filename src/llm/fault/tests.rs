//! Errors as vendors really word them, what is left of a message after scrubbing, and what a
//! caller is told.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::FaultClass::*;
use super::*;
use crate::Format;
use crate::tap::Framing;

#[test]
fn every_vendor_is_understood() {
    let cases: &[(u16, &str, FaultClass, &str)] = &[
        // OpenAI.
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-abc***xyz.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            Auth,
            "Incorrect API key provided: sk-abc***xyz.",
        ),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ContextLength,
            "This model's",
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            Quota,
            "You exceeded",
        ),
        (
            429,
            r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            RateLimit,
            "Rate limit",
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            NotFound,
            "The model",
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
            BadRequest,
            "Unsupported",
        ),
        (
            403,
            r#"{"error":{"code":"unsupported_country_region_territory","message":"Country not supported","param":null,"type":"request_forbidden"}}"#,
            Permission,
            "Country",
        ),
        (
            500,
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            Server,
            "The server",
        ),
        // Azure.
        (
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
            ContentPolicy,
            "The response",
        ),
        (
            401,
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key"}}"#,
            Auth,
            "Access denied",
        ),
        (
            404,
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            NotFound,
            "The API deployment",
        ),
        // Anthropic.
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"},"request_id":"req_1"}"#,
            ContextLength,
            "prompt is too long",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Quota,
            "Your credit",
        ),
        (
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
            Auth,
            "invalid x-api-key",
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Overloaded,
            "Overloaded",
        ),
        (
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
            TooLarge,
            "Request exceeds",
        ),
        (
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            NotFound,
            "model: claude-x",
        ),
        // Google.
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#,
            Auth,
            "API key not valid.",
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}]"#,
            RateLimit,
            "You exceeded",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
            ContextLength,
            "The input",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            Permission,
            "User location",
        ),
        (
            504,
            r#"{"error":{"code":504,"message":"Deadline expired","status":"DEADLINE_EXCEEDED"}}"#,
            Timeout,
            "Deadline",
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            Overloaded,
            "The model",
        ),
        // DeepSeek, Moonshot, Zhipu, Qwen, MiniMax, xAI, OpenRouter.
        (
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            Quota,
            "Insufficient Balance",
        ),
        (
            429,
            r#"{"error":{"message":"Your account org-1 is suspended","type":"exceeded_current_quota_error"}}"#,
            Quota,
            "Your account",
        ),
        (
            429,
            r#"{"error":{"message":"The engine is currently overloaded","type":"engine_overloaded_error"}}"#,
            Overloaded,
            "The engine",
        ),
        (
            429,
            r#"{"error":{"code":"1113","message":"您的账户已欠费"}}"#,
            Quota,
            "您的账户已欠费",
        ),
        (
            429,
            r#"{"error":{"code":"1302","message":"high concurrency"}}"#,
            RateLimit,
            "high",
        ),
        (
            400,
            r#"{"error":{"code":"1261","message":"Prompt too long"}}"#,
            ContextLength,
            "Prompt",
        ),
        (
            400,
            r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content.","request_id":"r"}"#,
            ContentPolicy,
            "Input data",
        ),
        (
            400,
            r#"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing.","request_id":"r"}"#,
            Quota,
            "Access denied",
        ),
        (
            200,
            r#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
            Quota,
            "insufficient balance",
        ),
        (
            200,
            r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            Auth,
            "login fail",
        ),
        (
            400,
            r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 200000 tokens."}"#,
            ContextLength,
            "This model's",
        ),
        (
            200,
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}","provider_name":"X"}}}"#,
            RateLimit,
            "slow down",
        ),
        (
            200,
            r#"{"error":{"message":"Insufficient credits","code":402}}"#,
            Quota,
            "Insufficient credits",
        ),
        // vLLM, llama.cpp, FastAPI, aggregators.
        (
            400,
            r#"{"object":"error","message":"bad","type":"BadRequestError","param":null,"code":400}"#,
            BadRequest,
            "bad",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            ContextLength,
            "request",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"missing"}]}"#,
            BadRequest,
            "messages.0.role: field required",
        ),
        (404, r#"{"detail":"Not Found"}"#, NotFound, "Not Found"),
        (
            500,
            r#"{"error":"something broke"}"#,
            Server,
            "something broke",
        ),
        (
            403,
            r#"{"message":"User is not authorized"}"#,
            Permission,
            "User is",
        ),
        (403, r#"{"Message":"no"}"#, Permission, "no"),
        (
            400,
            r#"{"errors":[{"message":"first"},{"message":"second"}]}"#,
            BadRequest,
            "first",
        ),
        // No JSON.
        (
            502,
            "<html><body><h1>502 Bad Gateway</h1></body></html>",
            Server,
            "the provider answered with status 502",
        ),
        (503, "", Overloaded, "the provider answered with status 503"),
        (429, "Too Many Requests", RateLimit, "Too Many Requests"),
        (
            200,
            "data: {\"error\":{\"message\":\"m\",\"code\":503}}\n\n",
            Overloaded,
            "m",
        ),
        (200, "", Unknown, "the provider reported an error"),
        (200, "17", Unknown, "the provider reported an error"),
    ];
    for (status, body, class, message) in cases {
        let fault = read(*status, body.as_bytes());
        assert_eq!(fault.class, *class, "{status} {body}");
        assert!(
            fault.message.starts_with(message),
            "{:?} of {body}",
            fault.message
        );
    }
}

#[test]
fn kind_code_and_param_are_kept() {
    let body = r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#;
    let fault = read(400, body.as_bytes());
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(
        (fault.kind, fault.code, fault.param),
        (word("t"), word("c"), word("p"))
    );
    let body = r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"contents[0]"}]}]}}"#;
    let fault = read(400, body.as_bytes());
    assert_eq!(
        (fault.kind, fault.param),
        (word("INVALID_ARGUMENT"), word("contents[0]"))
    );
}

#[test]
fn google_says_in_the_body_when_to_come_back() {
    let check = |delay: &str, wanted: Option<u64>| {
        let detail =
            json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay });
        let body = json!({ "error": { "code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [{ "reason": "x" }, detail] } });
        let fault = read(429, body.to_string().as_bytes());
        let millis = fault.retry_after.map(|wait| wait.as_millis() as u64);
        assert_eq!((fault.class, millis), (RateLimit, wanted), "{delay}");
    };
    check("37s", Some(37_000));
    check("0.250s", Some(250));
    for rubbish in ["", "s", "-1s", "1e300s", "NaNs", "infs", "7m"] {
        check(rubbish, None);
    }
}

#[test]
fn texts_of_a_fault_are_bounded() {
    let long = "é".repeat(100_000);
    let body = json!({"error": {"message": long, "type": long, "code": long, "param": long}});
    let fault = read(400, body.to_string().as_bytes());
    for text in [Some(fault.message), fault.kind, fault.code, fault.param]
        .into_iter()
        .flatten()
    {
        assert!(text.len() <= MAX_TEXT_BYTES && text.starts_with('é'));
    }
    assert!(read(400, long.as_bytes()).message.len() <= MAX_TEXT_BYTES);
}

#[test]
fn errors_wrapped_without_end_are_given_up() {
    let mut body = r#"{"message":"deep"}"#.to_owned();
    for _ in 0..40 {
        body = json!({ "error": body }).to_string();
        if body.len() > 1 << 20 {
            break;
        }
    }
    assert_eq!(read(500, body.as_bytes()).class, Server);
    assert_eq!(read(500, "[".repeat(100_000).as_bytes()).class, Server);
}

#[track_caller]
fn scrubbed(message: &str, expected: &str) {
    let secrets = ["upstream-secret-value", "gw.example.test"];
    assert_eq!(scrub(message, &secrets), expected);
}

#[test]
fn secrets_and_addresses_are_taken_out() {
    scrubbed(
        "Incorrect API key provided: sk-abc***wxyz. You can find your API key at https://platform.openai.com/account/api-keys.",
        "Incorrect API key provided: [redacted]. You can find your API key at [link].",
    );
    scrubbed(
        "key sk-proj-Ab12Cd34Ef56 is revoked",
        "key [redacted] is revoked",
    );
    scrubbed(
        "API key AIzaSyD1234567890abcdef not valid",
        "API key [redacted] not valid",
    );
    scrubbed(
        "got 'gsk_abcDEF123456', \"xai-abcDEF123456\"",
        "got '[redacted]', \"[redacted]\"",
    );
    scrubbed(
        "Authorization: Bearer abcdef123456 refused",
        "Authorization: Bearer [redacted] refused",
    );
    scrubbed("key ****abcd is wrong", "key [redacted] is wrong");
    scrubbed(
        "token upstream-secret-value at gw.example.test",
        "token [redacted] at [redacted]",
    );
    scrubbed(
        "Rate limit reached for gpt-4o in organization org-AbC123xyz on tokens per min (TPM): Limit 30000, Used 29000",
        "Rate limit reached for gpt-4o in organization [redacted] on tokens per min (TPM): Limit 30000, Used 29000",
    );
    scrubbed(
        "Consumer 'project_number:123456789012' is suspended",
        "Consumer 'project_number:[redacted]' is suspended",
    );
    scrubbed(
        "Permission denied on resource projects/my-company/locations/us-central1",
        "Permission denied on resource projects/[redacted]/locations/us-central1",
    );
    scrubbed(
        "project proj_abc123DEF lacks access",
        "project [redacted] lacks access",
    );
    scrubbed(
        "Please contact jane.doe@example.com!",
        "Please contact [email]!",
    );
    scrubbed(
        "dial tcp 10.0.3.17:8080: connection refused",
        "dial tcp [host]: connection refused",
    );
    scrubbed("upstream 2001:db8::1 failed", "upstream [host] failed");
    scrubbed(
        "lookup api.internal-llm.example.com on localhost:53",
        "lookup [host] on [host]",
    );
    scrubbed("POST api.openai.com/v1/x", "POST [host]");
    scrubbed("connect to vllm-7b:8000 failed", "connect to [host] failed");
    scrubbed(
        "subscription 123e4567-e89b-12d3-a456-426614174000 has no access",
        "subscription [redacted] has no access",
    );
    scrubbed(
        "arn:aws:bedrock:us-east-1:123456789012:model/x denied",
        "[redacted] denied",
    );
    scrubbed(
        "id 9f8e7d6c5b4a39281706f5e4d3c2b1a0 unknown",
        "id [redacted] unknown",
    );
}

#[test]
fn a_secret_that_a_limit_cut_in_two_is_taken_out() {
    scrubbed("the key is upstream-secr", "the key is [redacted]");
}

#[test]
fn what_a_caller_needs_stays() {
    for message in [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130012 tokens.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "Invalid value for 'messages[3].content[0].image_url.url': expected a URL.",
        "messages.0.content.1.text: Field required",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The model `claude-sonnet-4-5-20250929` does not exist or you do not have access to it.",
        "model meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8 is not available",
        "gpt-4.1-mini, gpt-5.1-codex-mini and claude-3.5-sonnet, e.g. at 12:30:45 on 2026-11-21T20:00:00Z",
        "Invalid schema for function 'get_weather': In context=('properties', 'city'), 'type' is required.",
        "generationConfig.maxOutputTokens must be at most 65536 (was 70000)",
        "User location is not supported for the API use.",
        "Your account balance is insufficient; the organization-wide limit is 5 requests/min.",
        "unexpected `tool_use_id` found in `tool_result` blocks: toolu_01AbC",
        "temperature: range 0..=1; 世界 says \"no\"",
    ] {
        scrubbed(message, message);
    }
}

#[test]
fn control_characters_do_not_pass() {
    scrubbed("a\r\nb\u{0}c\u{1b}[31m", "a  b c [31m");
}

fn telling() -> Telling<'static> {
    Telling {
        status: 429,
        kind: "k",
        code: Some("c"),
        message: "say \"no\"\n",
        param: Some("messages"),
        request_id: "r-1",
    }
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn bodies_speak_their_format() {
    let openai = json!({"error": {"message": "say \"no\"\n", "type": "k", "param": "messages", "code": "c"}});
    assert_eq!(parsed(&body(Format::Chat, &telling())), openai);
    assert_eq!(parsed(&body(Format::Responses, &telling())), openai);
    let anthropic = json!({"type": "error", "error": {"type": "k", "message": "say \"no\"\n"}, "request_id": "r-1"});
    assert_eq!(parsed(&body(Format::Messages, &telling())), anthropic);
    let google = parsed(&body(Format::Gemini, &telling()));
    assert_eq!(google["error"]["code"], 429);
    assert_eq!(google["error"]["status"], "k");
    assert_eq!(
        google["error"]["details"][0]["fieldViolations"][0]["field"],
        "messages"
    );
    let plain = Telling {
        param: None,
        code: None,
        ..telling()
    };
    assert!(
        parsed(&body(Format::Gemini, &plain))["error"]
            .get("details")
            .is_none()
    );
    assert!(parsed(&body(Format::Chat, &plain))["error"]["param"].is_null());
}

#[test]
fn last_events_are_events_of_their_format() {
    for (format, name) in [
        (Format::Chat, ""),
        (Format::Gemini, ""),
        (Format::Messages, "error"),
        (Format::Responses, "error"),
    ] {
        let bytes = last_event(format, Framing::Sse, &telling(), Some(4));
        let mut events = Vec::new();
        let mut reader = crate::frame::sse::Reader::new();
        reader
            .push(&bytes.into(), |event| events.push(event))
            .unwrap();
        assert_eq!(events.len(), 1, "{format}");
        assert_eq!(events[0].name(), name.as_bytes());
        let data = parsed(events[0].data().unwrap());
        assert!(
            data["error"].is_object(),
            "what the SDKs of {format} look for"
        );
        if format == Format::Responses {
            assert_eq!(
                (&data["sequence_number"], &data["message"]),
                (&json!(5), &json!("say \"no\"\n"))
            );
        }
    }
    assert_eq!(
        last_event(Format::Gemini, Framing::Whole, &telling(), None),
        b""
    );
}

#[test]
fn what_is_told_reads_as_the_fault_it_was() {
    for format in Format::ALL {
        let kind = if format == Format::Gemini {
            "RESOURCE_EXHAUSTED"
        } else {
            "rate_limit_error"
        };
        let told = Telling {
            kind,
            code: None,
            ..telling()
        };
        let fault = read(200, &body(format, &told));
        assert_eq!(
            (fault.class, fault.kind.as_deref()),
            (RateLimit, Some(kind))
        );
    }
}

proptest! {
    #[test]
    fn no_body_is_too_strange(status in 0u16..1000, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let fault = read(status, &body);
        prop_assert!(!fault.message.is_empty());
    }

    #[test]
    fn scrubbing_twice_changes_nothing(message in "[a-z0-9 .:/@*_\\-\\[\\]世'=]{0,80}") {
        let once = scrub(&message, &[]);
        prop_assert_eq!(scrub(&once, &[]), once);
    }

    #[test]
    fn a_secret_never_survives(before in ".{0,20}", secret in "[A-Za-z0-9_-]{4,40}", after in ".{0,20}") {
        let message = format!("{before}{secret}{after}");
        let told = scrub(&message, &[&secret]);
        prop_assert!(!told.contains(&secret) || "[redacted][link][host][email]".contains(&secret));
    }
}
