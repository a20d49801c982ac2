//! Raw payloads: landed as they came, before anything parses them.
//! RAW-1 (LAKE-2): the same bytes of the same session and index land once, however often they are given.
//! RAW-2: what is read back is what was given, or an error; the key holds the hash.
//! The key's day is that of `received_at_ms`, not of a clock.

use touchline_event::{format_utc_ms, stable_hash};

use crate::error::{Context, LakeError};
use crate::objects::{ObjectStore, is_key_byte};
use crate::tables::PayloadRow;

/// Payloads land on the way in: level 3 keeps up with the feeds.
const ZSTD_LEVEL: i32 = 3;
/// A payload that unpacks beyond this is refused.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;
const HASH_DIGITS: usize = 16;
const PART_BYTES_MAX: usize = 120;

/// Bytes of a vendor, about to land.
#[derive(Debug, Clone, Copy)]
pub struct RawPayload<'a> {
    pub source: &'a str,
    /// Where they came from; must hold no secret.
    pub origin: &'a str,
    /// The poll, connection or file they belong to.
    pub session: &'a str,
    /// Which payload of the session, from 0.
    pub index: u64,
    pub received_at_ms: i64,
    pub bytes: &'a [u8],
}

/// A payload that landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    pub source: String,
    pub object_key: String,
    pub origin: String,
    pub session: String,
    pub received_at_ms: i64,
    pub byte_count: u64,
    pub content_hash: String,
}

impl Landing {
    /// The row of `bronze.payloads`, once the payload was parsed.
    pub fn row(&self, event_count: usize, reject_count: usize) -> PayloadRow {
        PayloadRow {
            source: self.source.clone(),
            object_key: self.object_key.clone(),
            origin: self.origin.clone(),
            session: self.session.clone(),
            received_at_ms: self.received_at_ms,
            byte_count: i64::try_from(self.byte_count).unwrap_or(i64::MAX),
            content_hash: self.content_hash.clone(),
            event_count: i32::try_from(event_count).unwrap_or(i32::MAX),
            reject_count: i32::try_from(reject_count).unwrap_or(i32::MAX),
        }
    }
}

/// Stores the payload, compressed, under `raw/<source>/<yyyy>/<mm>/<dd>/<session>/<index>-<hash>.zst`.
pub async fn land(store: &dyn ObjectStore, payload: RawPayload<'_>) -> Result<Landing, LakeError> {
    let content_hash = format!("{:016x}", stable_hash(payload.bytes));
    let day = format_utc_ms(payload.received_at_ms)[..10].replace('-', "/");
    let object_key = format!(
        "raw/{}/{day}/{}/{:08}-{content_hash}.zst",
        key_part(payload.source),
        key_part(payload.session),
        payload.index
    );
    if payload.bytes.len() > PAYLOAD_BYTES_MAX {
        return Err(LakeError::Payload { key: object_key, reason: "larger than 256 MiB".to_owned() });
    }
    let packed = zstd::bulk::compress(payload.bytes, ZSTD_LEVEL).context("compress payload", &object_key)?;
    store.put_if_absent(&object_key, packed).await?;
    Ok(Landing {
        source: payload.source.to_owned(),
        object_key,
        origin: payload.origin.to_owned(),
        session: payload.session.to_owned(),
        received_at_ms: payload.received_at_ms,
        byte_count: payload.bytes.len() as u64,
        content_hash,
    })
}

/// The payload's bytes as they came. `None` where the key holds nothing.
pub async fn read_back(store: &dyn ObjectStore, object_key: &str) -> Result<Option<Vec<u8>>, LakeError> {
    let Some(packed) = store.get(object_key).await? else { return Ok(None) };
    let capacity = zstd::bulk::Decompressor::upper_bound(&packed).unwrap_or(PAYLOAD_BYTES_MAX).min(PAYLOAD_BYTES_MAX);
    let bytes = zstd::bulk::decompress(&packed, capacity).context("unpack payload", object_key)?;
    let expected = object_key.strip_suffix(".zst").and_then(|key| key.get(key.len().checked_sub(HASH_DIGITS)?..));
    let actual = format!("{:016x}", stable_hash(&bytes));
    if expected != Some(actual.as_str()) {
        return Err(LakeError::Payload { key: object_key.to_owned(), reason: format!("content has hash {actual}") });
    }
    Ok(Some(bytes))
}

/// The text as one part of a key. What had to be changed is told apart by a hash of what it was.
fn key_part(text: &str) -> String {
    let is_fit =
        !text.is_empty() && text.len() <= PART_BYTES_MAX && !text.starts_with('.') && text.bytes().all(is_key_byte);
    if is_fit {
        return text.to_owned();
    }
    let readable: String =
        text.bytes().map(|byte| if is_key_byte(byte) { byte as char } else { '_' }).take(PART_BYTES_MAX / 2).collect();
    format!("{}-{:016x}", readable.replacen('.', "_", 1), stable_hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::MemoryObjects;

    fn payload<'a>(session: &'a str, bytes: &'a [u8]) -> RawPayload<'a> {
        let received_at_ms = 1_698_598_974_000;
        RawPayload { source: "espn", origin: "recordings/nfl.json", session, index: 7, received_at_ms, bytes }
    }

    #[tokio::test]
    async fn a_payload_lands_once_and_is_read_back() {
        let store = MemoryObjects::default();
        let first = land(&store, payload("poll-1", b"{\"events\":[]}")).await.unwrap();
        let again = land(&store, payload("poll-1", b"{\"events\":[]}")).await.unwrap();
        assert_eq!(first, again);
        assert!(first.object_key.starts_with("raw/espn/2023/10/29/poll-1/00000007-"), "{}", first.object_key);
        assert_eq!(store.list("raw/").await.unwrap().len(), 1);
        assert_eq!(read_back(&store, &first.object_key).await.unwrap().unwrap(), b"{\"events\":[]}");
        land(&store, payload("poll-1", b"other")).await.unwrap();
        assert_eq!(store.list("raw/").await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn strange_sessions_stay_apart_and_inside() {
        let store = MemoryObjects::default();
        for session in ["../../etc", "..", "a b", "a/b", "a_b", ""] {
            land(&store, payload(session, b"x")).await.unwrap();
        }
        assert_eq!(store.list("raw/espn/2023/10/29/").await.unwrap().len(), 6);
    }

    #[tokio::test]
    async fn changed_bytes_are_noticed() {
        let store = MemoryObjects::default();
        let landing = land(&store, payload("s", b"x")).await.unwrap();
        let other = landing.object_key.replace("s/", "t/");
        store.put_if_absent(&other, zstd::bulk::compress(b"y", 1).unwrap()).await.unwrap();
        let error = read_back(&store, &other).await.unwrap_err().to_string();
        assert!(error.contains("has hash"), "{error}");
        assert_eq!(read_back(&store, "raw/absent.zst").await.unwrap(), None);
    }
}
