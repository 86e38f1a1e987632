use super::super::testing::{APPENDIX_WHOLE, back, collected, envelope, hear_whole};
use super::*;
use crate::Usage;

/// The answer of the appendix, read and written again.
fn check(show_thoughts: bool, wanted: &str) {
    let mut reply = collected(|each| hear_whole(APPENDIX_WHOLE, each));
    reply.usage = Usage {
        input: 120,
        cache_read: 100,
        output: 30,
        ..Usage::default()
    };
    let body = encode(&reply, &envelope(), &back(show_thoughts));
    assert_eq!(String::from_utf8(body).unwrap(), wanted);
}

#[test]
fn an_answer_is_written_as_anthropic_writes_it() {
    let named = APPENDIX_WHOLE
        .replace("msg_1", "msg_req1")
        .replace(r#""model":"m""#, r#""model":"asked""#);
    check(true, &named.replace("SIG", "tg1:messages:gpt::SIG"));
    let thinking = r#"{"type":"thinking","thinking":"Plan.","signature":"SIG"},"#;
    check(false, &named.replace(thinking, ""));
}

#[test]
fn an_answer_that_never_came_is_empty() {
    let body = encode(&Reply::default(), &envelope(), &back(true));
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains(r#""content":[],"stop_reason":"end_turn""#),
        "{body}"
    );
}
