//! Reads the whole request body, whatever its framing and compression, within bounds.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pingora::proxy::Session;
use pingora::time::timeout;

use crate::reject::{Cause, Refusal};

/// The whole body must have arrived within this time; large prompts over slow lines take a
/// minute, a client that drips bytes does not get longer.
const WHOLE_BODY: Duration = Duration::from_secs(120);
/// Largest first allocation for a declared length, in bytes: a length is only a promise.
const MAX_PREALLOCATED: usize = 1 << 20;
/// Codings one after another that are undone (`content-encoding: gzip, br`).
const MAX_CODINGS: usize = 3;

/// Why there is no body.
pub(crate) enum NoBody {
    /// The caller is told.
    Refused(Refusal),
    /// The client's connection failed.
    Gone(Box<pingora::Error>),
}

impl From<Refusal> for NoBody {
    fn from(refusal: Refusal) -> NoBody {
        NoBody::Refused(refusal)
    }
}

/// Reads and decompresses the body; at most `limit` bytes before and after decompression.
pub(crate) async fn read(session: &mut Session, limit: usize) -> Result<Bytes, NoBody> {
    let declared = declared_length(session)?;
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit).into());
    }
    let codings = codings(session)?;
    if expects_continue(session) {
        session
            .write_continue_response()
            .await
            .map_err(NoBody::Gone)?;
    }
    let raw = match timeout(WHOLE_BODY, collect(session, declared, limit)).await {
        Ok(raw) => raw?,
        Err(_) => {
            return Err(Refusal::new(
                Cause::SlowBody,
                format!(
                    "the request body did not arrive within {} seconds; send it again",
                    WHOLE_BODY.as_secs()
                ),
            )
            .into());
        }
    };
    if codings.is_empty() {
        return Ok(raw);
    }
    // Decompression is CPU work bounded by `limit`; large bodies leave the proxy thread.
    let undone = if raw.len() > 64 * 1024 {
        tokio::task::spawn_blocking(move || decode(raw, &codings, limit))
            .await
            .unwrap_or_else(|_| Err(undecodable("the compressed body")))
    } else {
        decode(raw, &codings, limit)
    };
    Ok(undone?)
}

/// Reads a small body that nobody wants, so that the connection can be kept: an answer before
/// the end of the request closes it, and the next request would pay for a new one.
pub(crate) async fn discard_small(session: &mut Session) {
    const SMALL: u64 = 64 * 1024;
    let declared = declared_length(session).ok().flatten();
    if declared.is_none_or(|length| length > SMALL) || expects_continue(session) {
        return;
    }
    let reading = async { while let Ok(Some(_)) = next(session).await {} };
    // What has not come by then closes the connection after all.
    let _ = timeout(Duration::from_millis(200), reading).await;
}

async fn collect(
    session: &mut Session,
    declared: Option<u64>,
    limit: usize,
) -> Result<Bytes, NoBody> {
    let Some(first) = next(session).await? else {
        return Ok(Bytes::new());
    };
    // The usual small request arrives in one piece: no copy.
    if declared == Some(first.len() as u64) {
        return Ok(first);
    }
    let room = declared.map_or(first.len() * 2, |length| length as usize);
    let mut whole = BytesMut::with_capacity(room.min(MAX_PREALLOCATED).max(first.len()));
    whole.extend_from_slice(&first);
    while let Some(chunk) = next(session).await? {
        if whole.len() + chunk.len() > limit {
            return Err(too_large(limit).into());
        }
        whole.extend_from_slice(&chunk);
    }
    if whole.len() > limit {
        return Err(too_large(limit).into());
    }
    Ok(whole.freeze())
}

async fn next(session: &mut Session) -> Result<Option<Bytes>, NoBody> {
    session
        .read_request_body()
        .await
        .map_err(|error| NoBody::Gone(error.into_down()))
}

fn declared_length(session: &Session) -> Result<Option<u64>, Refusal> {
    let Some(value) = session.get_header(http::header::CONTENT_LENGTH) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .map(Some)
        .ok_or_else(|| {
            Refusal::new(
                Cause::Malformed,
                "the content-length header is not a number",
            )
        })
}

fn expects_continue(session: &Session) -> bool {
    session
        .get_header(http::header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// A compression of request bodies.
#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The codings in the order they were applied.
fn codings(session: &Session) -> Result<Vec<Coding>, Refusal> {
    let mut found = Vec::new();
    for value in session.req_header().headers.get_all("content-encoding") {
        for name in value.to_str().unwrap_or("?").split(',') {
            found.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                _ => {
                    return Err(Refusal::new(
                        Cause::Malformed,
                        "this content-encoding is not known; send gzip, deflate, br, zstd or no compression",
                    ));
                }
            });
        }
    }
    if found.len() > MAX_CODINGS {
        return Err(Refusal::new(
            Cause::Malformed,
            "too many content-encodings; one is enough",
        ));
    }
    Ok(found)
}

fn decode(mut body: Bytes, codings: &[Coding], limit: usize) -> Result<Bytes, Refusal> {
    // The last coding named was applied last.
    for coding in codings.iter().rev() {
        let source = body.as_ref();
        body = match coding {
            Coding::Gzip => drain(flate2::read::MultiGzDecoder::new(source), limit),
            // RFC 9110 says zlib; some clients send bare deflate.
            Coding::Deflate if is_zlib(source) => {
                drain(flate2::read::ZlibDecoder::new(source), limit)
            }
            Coding::Deflate => drain(flate2::read::DeflateDecoder::new(source), limit),
            Coding::Brotli => drain(brotli::Decompressor::new(source, 4096), limit),
            Coding::Zstd => match zstd::stream::read::Decoder::new(source) {
                Ok(mut decoder) => {
                    // 8 MiB windows are what RFC 8878 asks every decoder to support.
                    let bounded = decoder.window_log_max(23);
                    bounded
                        .map_err(|_| undecodable("the zstd body"))
                        .and_then(|()| drain(decoder, limit))
                }
                Err(_) => Err(undecodable("the zstd body")),
            },
        }?;
    }
    Ok(body)
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [cmf, flg, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0)
}

fn drain(reader: impl Read, limit: usize) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| undecodable("the compressed body"))?;
    if out.len() > limit {
        return Err(too_large(limit));
    }
    Ok(out.into())
}

fn undecodable(what: &str) -> Refusal {
    Refusal::new(
        Cause::Malformed,
        format!("{what} could not be decompressed; check content-encoding"),
    )
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        Cause::TooLarge,
        format!(
            "the request body is larger than {limit} bytes; shorten it, or ask the operator to raise gateway.max_body"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(data).expect("writes to memory");
        out.finish().expect("writes to memory")
    }

    fn check(packed: Vec<u8>, coding: Coding, limit: usize) -> Result<Bytes, u16> {
        decode(packed.into(), &[coding], limit).map_err(|refusal| refusal.status(llm::Format::Chat))
    }

    #[test]
    fn every_coding_is_undone() {
        let text = br#"{"model":"m"}"#;
        assert_eq!(
            check(gzip(text), Coding::Gzip, 100),
            Ok(Bytes::from_static(text))
        );
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(text).expect("writes to memory");
        assert_eq!(
            check(zlib.finish().expect("memory"), Coding::Deflate, 100),
            Ok(Bytes::from_static(text))
        );
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        bare.write_all(text).expect("writes to memory");
        assert_eq!(
            check(bare.finish().expect("memory"), Coding::Deflate, 100),
            Ok(Bytes::from_static(text)),
            "bare deflate, as some clients send it"
        );
        let packed = zstd::encode_all(&text[..], 3).expect("memory");
        assert_eq!(
            check(packed, Coding::Zstd, 100),
            Ok(Bytes::from_static(text))
        );
        let mut packed = Vec::new();
        brotli::CompressorWriter::new(&mut packed, 4096, 5, 20)
            .write_all(text)
            .expect("memory");
        assert_eq!(
            check(packed, Coding::Brotli, 100),
            Ok(Bytes::from_static(text))
        );
    }

    #[test]
    fn a_bomb_is_too_large_and_rubbish_is_malformed() {
        let zeros = vec![0_u8; 10 << 20];
        assert_eq!(check(gzip(&zeros), Coding::Gzip, 1 << 20), Err(413));
        let packed = zstd::encode_all(&zeros[..], 3).expect("memory");
        assert_eq!(check(packed, Coding::Zstd, 1 << 20), Err(413));
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            assert_eq!(check(b"rubbish!".to_vec(), coding, 100), Err(400));
        }
        let double = gzip(&gzip(b"x"));
        assert_eq!(
            decode(double.into(), &[Coding::Gzip, Coding::Gzip], 100).expect("decodes"),
            Bytes::from_static(b"x")
        );
    }
}
