//! The JSON of a record is a promise: names, order, spelling.

#![allow(clippy::unwrap_used)]

use super::fixtures::record;
use super::*;

#[test]
fn a_record_is_the_documented_json_in_the_documented_order() {
    let json = serde_json::to_string(&record("r-1")).unwrap();
    let expected = concat!(
        r#"{"id":"r-1","client_request_id":null,"at":"2026-11-21T20:00:00Z","user":"root","token":"ci","#,
        r#""token_id":"yaml:ci","group":"default","operation":"chat","client_format":"messages","#,
        r#""upstream_format":"chat","model":"gpt-4o","upstream_model":"gpt-4o","channel":"openai-main","#,
        r#""attempts":1,"status":200,"end":"complete","stream":true,"first_byte_ms":210,"#,
        r#""duration_ms":3120,"overhead_us":95,"#,
        r#""usage":{"input":1200,"cache_read":400,"cache_write_5m":0,"cache_write_1h":0,"output":310,"#,
        r#""reasoning":120,"audio_input":0,"audio_output":0,"image_input":0,"image_output":0},"#,
        r#""usage_source":"provider","cost":"0.005600000","config":"1-abc","#,
        r#""upstream_request_id":null,"error":null}"#,
    );
    assert_eq!(json, expected);
    let read: Record = serde_json::from_str(&json).unwrap();
    assert_eq!(read, record("r-1"));
}

#[test]
fn names_are_the_same_in_json_and_in_rows() {
    for end in [
        End::Complete,
        End::ClientGone,
        End::UpstreamCut,
        End::UpstreamError,
        End::Refused,
        End::GatewayLost,
    ] {
        assert_eq!(serde_json::to_value(end).unwrap(), end.as_str());
    }
    for source in [
        UsageSource::Provider,
        UsageSource::Estimated,
        UsageSource::Mixed,
        UsageSource::None,
    ] {
        assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
    }
}
