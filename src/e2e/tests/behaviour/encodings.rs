//! Compressed request bodies, the dangerous ones among them.

use std::io::Write;

use e2e::{Call, Counts, Dialect, Gateway, Setup, Upstream};
use serde_json::json;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 9, 22);
    encoder.write_all(plain).unwrap();
    drop(encoder);
    packed
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Packer); 5] = [
    ("gzip", gzip),
    ("x-gzip", gzip),
    ("deflate", deflate),
    ("br", brotli),
    ("zstd", zstd),
];

async fn house(max_body: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let setup = Setup::one(&upstream.url(), Dialect::Chat)
        .with(json!({ "gateway": { "max_body": max_body } }));
    (upstream, Gateway::start(setup).await)
}

fn call(coding: &str, body: Vec<u8>) -> Call {
    Call::post(Dialect::Chat, "/v1/chat/completions", body).header("content-encoding", coding)
}

#[tokio::test]
async fn a_compressed_body_reaches_the_upstream_plain() {
    let (upstream, gateway) = house("32MiB").await;
    let mut ask = Dialect::Chat.ask("m", false);
    ask["padding"] = json!("word ".repeat(60_000));
    let plain = ask.to_string();
    for (coding, pack) in CODINGS {
        for chunked in [false, true] {
            let call = call(coding, pack(plain.as_bytes()));
            let call = if chunked { call.without_length() } else { call };
            let answer = call.send(&gateway).await;
            assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
            let sent = upstream.last_request();
            assert!(sent.body == plain.as_bytes(), "{coding}");
            assert_eq!(sent.header("content-encoding"), None, "{coding}");
        }
    }
    let both = gzip(&deflate(plain.as_bytes()));
    let answer = call("deflate, gzip", both).send(&gateway).await;
    assert!(
        matches!(answer.status, 200 | 400 | 415),
        "several codings are undone or refused: {}",
        answer.status
    );
}

#[tokio::test]
async fn a_bomb_is_refused_by_what_it_becomes() {
    let (upstream, gateway) = house("1MiB").await;
    let huge = vec![b' '; 64 * 1024 * 1024];
    for (coding, pack) in CODINGS {
        let packed = pack(&huge);
        assert!(packed.len() < 512 * 1024, "{coding} packs well");
        let answer = call(coding, packed).send(&gateway).await;
        assert_eq!(answer.status, 413, "{coding}: {}", answer.text());
    }
    let rss = memory(&gateway);
    assert!(
        rss < 200 * 1024,
        "a bomb is not unpacked to its end: {rss} KiB"
    );
    assert_eq!(upstream.calls(), 0);
}

/// Resident memory of the gateway in KiB; 0 where the system does not tell.
fn memory(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn broken_and_unknown_codings_are_refused_politely() {
    let (upstream, gateway) = house("1MiB").await;
    let plain = Dialect::Chat.ask("m", false).to_string();
    for (coding, pack) in CODINGS {
        let mut cut = pack(plain.as_bytes());
        cut.truncate(cut.len() / 2);
        let answer = call(coding, cut).send(&gateway).await;
        assert_eq!(answer.status, 400, "{coding} cut: {}", answer.text());
        let answer = call(coding, b"plainly not packed".to_vec())
            .send(&gateway)
            .await;
        assert_eq!(answer.status, 400, "{coding} garbage: {}", answer.text());
    }
    let answer = call("compress", plain.clone().into_bytes())
        .send(&gateway)
        .await;
    assert!(matches!(answer.status, 400 | 415), "{}", answer.status);
    answer.refusal(Dialect::Chat);
    assert_eq!(upstream.calls(), 0);
    call("identity", plain.into_bytes())
        .send(&gateway)
        .await
        .is(200);
}
