//! Raw payloads: landed as they came, before anything parses them.
//! RAW-1 (LAKE-2): the same bytes of the same session and index land once, however often they are given.
//! RAW-2: what is read back is what was given, or an error; the key holds the hash.
//! RAW-3: an object says itself what a reader must know to read it again as it was read first: a label in front, in a
//! skippable frame, which every zstd reader passes over.
//! The key's day is that of `received_at_ms`, not of a clock.

use serde::{Deserialize, Serialize};
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
/// First bytes of a skippable frame; its length follows in four bytes (RFC 8878, 3.1.2).
const LABEL_MAGIC: [u8; 4] = 0x184D_2A54_u32.to_le_bytes();

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
    /// `None` for a file that does not say when it was received; it lands under 1970.
    pub received_at_ms: Option<i64>,
    /// What a replay adds to the payload's times.
    pub shift_ms: i64,
    /// How it was asked for, of an HTTP answer.
    pub exchange: Option<&'a Exchange>,
    pub bytes: &'a [u8],
}

/// What an HTTP answer said besides its body. Holds no secret: whoever asks keeps harmless headers only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

/// What stands in front of a landed payload: the circumstances under which it was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub origin: String,
    pub session: String,
    pub index: u64,
    pub received_at_ms: Option<i64>,
    #[serde(default)]
    pub shift_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

/// A landed payload, read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    pub label: Label,
    pub bytes: Vec<u8>,
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
    let received_at_ms = payload.received_at_ms.unwrap_or(0);
    let day = format_utc_ms(received_at_ms)[..10].replace('-', "/");
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
    let mut object = label_of(&payload)
        .map_err(|error| LakeError::Payload { key: object_key.clone(), reason: format!("no label: {error}") })?;
    object.extend_from_slice(&packed);
    store.put_if_absent(&object_key, object).await?;
    Ok(Landing {
        source: payload.source.to_owned(),
        object_key,
        origin: payload.origin.to_owned(),
        session: payload.session.to_owned(),
        received_at_ms,
        byte_count: payload.bytes.len() as u64,
        content_hash,
    })
}

/// The payload as it came, with its label. `None` where the key holds nothing.
pub async fn read_back(store: &dyn ObjectStore, object_key: &str) -> Result<Option<Landed>, LakeError> {
    let Some(object) = store.get(object_key).await? else { return Ok(None) };
    let unlabelled = || LakeError::Payload {
        key: object_key.to_owned(),
        reason: "no label says when it was received and in which session; it landed before labels were written"
            .to_owned(),
    };
    let (label, packed) = split_label(&object).ok_or_else(unlabelled)?;
    let capacity = zstd::bulk::Decompressor::upper_bound(packed).unwrap_or(PAYLOAD_BYTES_MAX).min(PAYLOAD_BYTES_MAX);
    let bytes = zstd::bulk::decompress(packed, capacity).context("unpack payload", object_key)?;
    let expected = object_key.strip_suffix(".zst").and_then(|key| key.get(key.len().checked_sub(HASH_DIGITS)?..));
    let actual = format!("{:016x}", stable_hash(&bytes));
    if expected != Some(actual.as_str()) {
        return Err(LakeError::Payload { key: object_key.to_owned(), reason: format!("content has hash {actual}") });
    }
    Ok(Some(Landed { label, bytes }))
}

/// Keys of every payload of the session to which an object belongs, in the order in which they came.
pub async fn session_keys(store: &dyn ObjectStore, object_key: &str) -> Result<Vec<String>, LakeError> {
    let parts = |key: &str| -> Option<(String, String)> {
        let mut parts = key.split('/');
        let source = parts.nth(1)?.to_owned();
        Some((source, parts.nth(3)?.to_owned()))
    };
    let Some((source, session)) = parts(object_key) else { return Ok(Vec::new()) };
    let mut keys = store.list(&format!("raw/{source}/")).await?;
    // A key's order is that of its day, then of its index inside the session.
    keys.retain(|key| parts(key).is_some_and(|(_, of)| of == session));
    Ok(keys)
}

fn label_of(payload: &RawPayload<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let text = serde_json::to_vec(&Label {
        origin: payload.origin.to_owned(),
        session: payload.session.to_owned(),
        index: payload.index,
        received_at_ms: payload.received_at_ms,
        shift_ms: payload.shift_ms,
        exchange: payload.exchange.cloned(),
    })?;
    let mut frame = LABEL_MAGIC.to_vec();
    frame.extend_from_slice(&(text.len() as u32).to_le_bytes());
    frame.extend_from_slice(&text);
    Ok(frame)
}

/// The label and what comes after it.
fn split_label(object: &[u8]) -> Option<(Label, &[u8])> {
    let (length, rest) = object.strip_prefix(&LABEL_MAGIC)?.split_first_chunk::<4>()?;
    let (text, packed) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((serde_json::from_slice(text).ok()?, packed))
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
        let received_at_ms = Some(1_698_598_974_000);
        RawPayload {
            source: "espn",
            origin: "recordings/nfl.json",
            session,
            index: 7,
            received_at_ms,
            shift_ms: -5,
            exchange: None,
            bytes,
        }
    }

    #[tokio::test]
    async fn a_payload_lands_once_and_is_read_back() {
        let store = MemoryObjects::default();
        let first = land(&store, payload("poll-1", b"{\"events\":[]}")).await.unwrap();
        let again = land(&store, payload("poll-1", b"{\"events\":[]}")).await.unwrap();
        assert_eq!(first, again);
        assert!(first.object_key.starts_with("raw/espn/2023/10/29/poll-1/00000007-"), "{}", first.object_key);
        assert_eq!(store.list("raw/").await.unwrap().len(), 1);
        let landed = read_back(&store, &first.object_key).await.unwrap().unwrap();
        assert_eq!(landed.bytes, b"{\"events\":[]}");
        let label = landed.label;
        assert_eq!((label.origin.as_str(), label.session.as_str(), label.index), ("recordings/nfl.json", "poll-1", 7));
        assert_eq!((label.received_at_ms, label.shift_ms), (Some(1_698_598_974_000), -5));
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
    async fn a_session_is_found_in_its_order_over_midnight() {
        let store = MemoryObjects::default();
        let midnight_ms = 1_698_624_000_000;
        let land_at = async |session, index, at_ms| {
            let bytes = format!("{session}{index}").into_bytes();
            let raw = RawPayload { index, received_at_ms: Some(at_ms), ..payload(session, &bytes) };
            land(&store, raw).await.unwrap().object_key
        };
        let second = land_at("s", 9, midnight_ms - 1).await;
        let first = land_at("s", 8, midnight_ms - 2).await;
        let third = land_at("s", 10, midnight_ms).await;
        land_at("other", 9, midnight_ms).await;
        assert_eq!(session_keys(&store, &second).await.unwrap(), [first, second, third]);
        assert!(session_keys(&store, "raw/x").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn changed_bytes_are_noticed() {
        let store = MemoryObjects::default();
        let landing = land(&store, payload("s", b"x")).await.unwrap();
        let other = landing.object_key.replace("s/", "t/");
        let mut changed = label_of(&payload("t", b"y")).unwrap();
        changed.extend(zstd::bulk::compress(b"y", 1).unwrap());
        // Whoever knows nothing of labels passes over them.
        assert_eq!(zstd::stream::decode_all(changed.as_slice()).unwrap(), b"y");
        store.put_if_absent(&other, changed).await.unwrap();
        let error = read_back(&store, &other).await.unwrap_err().to_string();
        assert!(error.contains("has hash"), "{error}");
        let bare = landing.object_key.replace("s/", "u/");
        store.put_if_absent(&bare, zstd::bulk::compress(b"x", 1).unwrap()).await.unwrap();
        let error = read_back(&store, &bare).await.unwrap_err().to_string();
        assert!(error.contains("no label"), "{error}");
        assert_eq!(read_back(&store, "raw/absent.zst").await.unwrap(), None);
    }
}
