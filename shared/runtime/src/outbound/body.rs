//! A body read within limits: as sent, as unpacked, and in their ratio.
//! BODY-1 (S6): reading ends with the first byte over a limit; memory is bounded by the limits, not by the server.

use std::io::Read;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;

use super::{OutboundError, OutboundLimits};

/// Bytes that one sent byte may unpack to. Odds and scoreboards pack 8 to 25 times, the emptiest JSON less than 150 times.
const RATIO_MAX: usize = 200;
/// Small answers may pack better.
const RATIO_FREE_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 64 << 10;

/// What is wrong with a body.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection, not the content.
    Cut(String),
    Content(String),
}

impl BodyError {
    pub(super) fn at(self, address: &str) -> OutboundError {
        let address = address.to_owned();
        match self {
            Self::Cut(message) => OutboundError::Broken { address, message },
            Self::Content(message) => OutboundError::Body { address, message },
        }
    }
}

/// Everything the server sends, unpacked.
pub(super) async fn read<B>(body: B, encoding: Option<&str>, limits: &OutboundLimits) -> Result<Vec<u8>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let sent = read_sent(body, limits.sent_bytes_max).await?;
    unpack(sent, encoding, limits.unpacked_bytes_max)
}

async fn read_sent<B>(mut body: B, bytes_max: usize) -> Result<Vec<u8>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let mut sent = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Cut(format!("the body broke off: {}", super::causes(&error))))?;
        let Ok(part) = frame.into_data() else { continue };
        if sent.len() + part.len() > bytes_max {
            return Err(BodyError::Content(format!("the body is larger than {bytes_max} bytes")));
        }
        sent.extend_from_slice(&part);
    }
    Ok(sent)
}

fn unpack(sent: Vec<u8>, encoding: Option<&str>, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let bytes_max = bytes_max.min(sent.len().saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES));
    match encoding.map(|encoding| encoding.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Ok(sent),
        // A 304 or an empty body may still name the encoding.
        Some(_) if sent.is_empty() => Ok(sent),
        Some("gzip" | "x-gzip") => unpack_all(flate2::read::MultiGzDecoder::new(sent.as_slice()), "gzip", bytes_max),
        Some("br") => unpack_all(brotli_decompressor::Decompressor::new(sent.as_slice(), CHUNK_BYTES), "br", bytes_max),
        Some("zstd") => {
            let decoder =
                zstd::stream::read::Decoder::new(sent.as_slice()).map_err(|error| not_what_it_says("zstd", &error))?;
            unpack_all(decoder, "zstd", bytes_max)
        }
        Some(other) => Err(BodyError::Content(format!("the body is packed as {other:?}, which nobody asked for"))),
    }
}

fn unpack_all(decoder: impl Read, encoding: &str, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut unpacked = Vec::new();
    let mut bounded = decoder.take(bytes_max as u64 + 1);
    bounded.read_to_end(&mut unpacked).map_err(|error| not_what_it_says(encoding, &error))?;
    if unpacked.len() > bytes_max {
        return Err(BodyError::Content(format!(
            "the body unpacks to more than {bytes_max} bytes; no vendor packs so well"
        )));
    }
    Ok(unpacked)
}

fn not_what_it_says(encoding: &str, error: &std::io::Error) -> BodyError {
    BodyError::Content(format!("the body is not the {encoding} it says it is: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_that_is_asked_for_is_unpacked() {
        let text = br#"{"events":[]}"#.repeat(50);
        let zstd = zstd::bulk::compress(&text, 3).unwrap();
        for (encoding, sent) in [(None, text.clone()), (Some("gzip"), gzip(&text)), (Some("ZSTD"), zstd)] {
            assert_eq!(unpack(sent, encoding, 1 << 20).unwrap(), text);
        }
        // "hello" by the reference encoder: one uncompressed metablock.
        let brotli = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];
        assert_eq!(unpack(brotli.to_vec(), Some("br"), 100).unwrap(), b"hello");
        assert!(matches!(unpack(text, Some("compress"), 100), Err(BodyError::Content(_))));
        assert!(matches!(unpack(b"<html>".to_vec(), Some("gzip"), 100), Err(BodyError::Content(_))));
    }

    #[test]
    fn a_bomb_is_left_before_it_goes_off() {
        let bomb = gzip(&vec![0; 40 << 20]);
        assert!(bomb.len() < 50_000);
        let Err(BodyError::Content(message)) = unpack(bomb.clone(), Some("gzip"), usize::MAX >> 1) else {
            panic!("unpacked")
        };
        assert!(message.contains(&(bomb.len() * RATIO_MAX).to_string()), "{message}");
        assert!(unpack(gzip(&vec![0; RATIO_FREE_BYTES]), Some("gzip"), 1 << 30).is_ok());
    }
}
