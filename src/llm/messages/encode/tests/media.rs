use serde_json::{Value, json};

use super::*;

#[test]
fn images_are_of_the_type_that_their_bytes_say() {
    let shown = |part: Part<'static>, wanted: Value| {
        check(
            BUDGET,
            |request| request.turns[0].parts.push(part),
            &[("/messages/0/content/1", wanted)],
            &[],
        );
    };
    let png =
        json!({"type":"image","source":{"type":"base64","media_type":"image/png","data":PNG}});
    shown(image("image/png", PNG), png.clone());
    shown(image("image/jpeg", PNG), png);
    shown(
        image("image/jpg", "AAAA"),
        json!({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AAAA"}}),
    );
    let source = Source::Url {
        url: "https://x/y.png".into(),
        mime: None,
    };
    shown(
        media(Media::Image {
            source,
            detail: None,
        }),
        json!({"type":"image","source":{"type":"url","url":"https://x/y.png"}}),
    );
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(image("image/svg+xml", "AAAA")),
        "messages[0]",
        "image/jpeg, image/png, image/gif, image/webp, not image/svg+xml",
    );
    let source = Source::Url {
        url: "gs://bucket/x".into(),
        mime: None,
    };
    refused(
        Lenient,
        BUDGET,
        |request| {
            let detail = None;
            request.turns[0]
                .parts
                .push(media(Media::Image { source, detail }));
        },
        "messages[0]",
        "http and https only",
    );
}

#[test]
fn files_are_documents_or_images() {
    let bytes = |mime: &'static str, base64: &'static str| Source::Bytes {
        mime: mime.into(),
        base64: base64.into(),
    };
    let named = |part: Part<'static>, wanted: Value, dropped: &[&str]| {
        check(
            BUDGET,
            |request| request.turns[0].parts.push(part),
            &[("/messages/0/content/1", wanted)],
            dropped,
        );
    };
    let shown = |part: Part<'static>, wanted: Value| named(part, wanted, &[]);
    shown(
        file(bytes("application/octet-stream", "JVBERi0xLjcK")),
        json!({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjcK"},"title":"n"}),
    );
    shown(
        file(bytes("text/markdown; charset=utf-8", "aMOp")),
        json!({"type":"document","source":{"type":"text","media_type":"text/plain","data":"hé"},"title":"n"}),
    );
    shown(
        file(Source::Plain("words".into())),
        json!({"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"title":"n"}),
    );
    named(
        file(bytes("image/png", PNG)),
        json!({"type":"image","source":{"type":"base64","media_type":"image/png","data":PNG}}),
        &["file.filename"],
    );
    let stored = Source::Ref {
        provider: Format::Chat,
        id: "file-1".into(),
    };
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(file(stored)),
        "messages[0]",
        "the file is stored elsewhere",
    );
    let sound = media(Media::Audio {
        source: bytes("audio/wav", "AAAA"),
    });
    refused(
        Lenient,
        BUDGET,
        |request| request.turns[0].parts.push(sound),
        "messages[0]",
        "it does not take sound",
    );
}

#[test]
fn a_result_may_hold_images() {
    check(
        BUDGET,
        |request| {
            request
                .turns
                .push(turn(1, Role::Assistant, vec![call("c1", "{}")]));
            let parts = vec![Part::text("see"), image("image/png", PNG)];
            request
                .turns
                .push(turn(2, Role::User, vec![result("c1", parts)]));
        },
        &[("/messages/2/content/0/content/1/type", json!("image"))],
        &[],
    );
}
