//! A lane's item: `lane#consumer#epoch#lane` / `panes` -> the lane's open panes, part by part, compressed.
//! LIT-1 (P15): decode(encode(x)) = x; equal contents have equal bytes; a newer format is refused by name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zstd::bulk::{Compressor, Decompressor};

use crate::{ItemKey, StoreError};

const FORMAT: u8 = 1;
/// Fast; ids do not compress at any level.
const ZSTD_LEVEL: i32 = 1;
/// Names and figures shrink, ids do not: what says that it unpacks to more than this was not written here.
const MAX_UNPACKED_BYTES: u32 = 64 * crate::MAX_ITEM_BYTES as u32;

thread_local! {
    // One of each for a thread, because making one takes longer than packing a small lane.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// One part of a pane inside its lane's item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEntry {
    /// Grows with every write of this part, never to one it had before.
    pub version: u64,
    /// As in a write: the store may delete the part after this, UTC ms.
    pub expires_at_ms: Option<i64>,
    /// Encoded pane state.
    pub value: Arc<Vec<u8>>,
}

/// What a lane's item holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneItem {
    /// By the key that the part has as an item of its own.
    pub entries: BTreeMap<ItemKey, LaneEntry>,
}

/// The stored form of an entry: partition, sort key, version, expiry, value.
type Wire<'w> = (&'w str, &'w str, u64, Option<i64>, Bytes<'w>);

/// A value as one run of bytes.
struct Bytes<'w>(&'w [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'w, 'w> Deserialize<'de> for Bytes<'w> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

impl LaneItem {
    /// The stored bytes: format, length of the plain form, the plain form compressed.
    pub fn encode(&self, key: &ItemKey) -> Result<Vec<u8>, StoreError> {
        let broken = |message: String| StoreError::Broken { key: key.pk.clone(), message };
        let wire: Vec<Wire<'_>> = (self.entries.iter())
            .map(|(key, entry)| {
                (key.pk.as_str(), key.sk.as_str(), entry.version, entry.expires_at_ms, Bytes(&entry.value))
            })
            .collect();
        let plain = postcard::to_stdvec(&wire).map_err(|error| broken(error.to_string()))?;
        let packed = COMPRESSOR.with_borrow_mut(|slot| match slot {
            Some(known) => known.compress(&plain),
            None => slot.insert(Compressor::new(ZSTD_LEVEL)?).compress(&plain),
        });
        let packed = packed.map_err(|error| broken(error.to_string()))?;
        let length = u32::try_from(plain.len()).map_err(|error| broken(error.to_string()))?;
        Ok([&[FORMAT][..], &length.to_le_bytes(), &packed].concat())
    }

    /// From stored bytes.
    pub fn decode(key: &ItemKey, bytes: &[u8]) -> Result<Self, StoreError> {
        let broken = |message: String| StoreError::Broken { key: key.pk.clone(), message };
        let (format, rest) = bytes.split_first().ok_or_else(|| broken("lane item is empty".to_owned()))?;
        if *format != FORMAT {
            return Err(broken(format!("lane item format {format} is not the one this release reads ({FORMAT})")));
        }
        let (length, packed) = rest.split_first_chunk().ok_or_else(|| broken("lane item is cut off".to_owned()))?;
        let length = u32::from_le_bytes(*length);
        if length > MAX_UNPACKED_BYTES {
            return Err(broken(format!("lane item says that it unpacks to {length} bytes")));
        }
        let plain = DECOMPRESSOR.with_borrow_mut(|slot| match slot {
            Some(known) => known.decompress(packed, length as usize),
            None => slot.insert(Decompressor::new()?).decompress(packed, length as usize),
        });
        let plain = plain.map_err(|error| broken(error.to_string()))?;
        let wire: Vec<Wire<'_>> = postcard::from_bytes(&plain).map_err(|error| broken(error.to_string()))?;
        let entry = |(pk, sk, version, expires_at_ms, value): Wire<'_>| {
            (ItemKey::new(pk, sk), LaneEntry { version, expires_at_ms, value: Arc::new(value.0.to_vec()) })
        };
        Ok(Self { entries: wire.into_iter().map(entry).collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> ItemKey {
        ItemKey::new("lane#live#0#00001", "panes")
    }

    fn lane_item() -> impl Strategy<Value = LaneItem> {
        let value = prop::collection::vec(any::<u8>(), 0..300);
        let entry = (any::<u64>(), any::<Option<i64>>(), value).prop_map(|(version, expires_at_ms, value)| LaneEntry {
            version,
            expires_at_ms,
            value: Arc::new(value),
        });
        let keys = ("[a-z#|é]{0,12}", "[0-9#]{0,12}").prop_map(|(pk, sk)| ItemKey { pk, sk });
        prop::collection::btree_map(keys, entry, 0..12).prop_map(|entries| LaneItem { entries })
    }

    proptest! {
        #[test]
        fn p15_a_lanes_item_is_read_back_as_written(item in lane_item()) {
            let bytes = item.encode(&key()).unwrap();
            let again = LaneItem::decode(&key(), &bytes).unwrap();
            prop_assert_eq!(again.encode(&key()).unwrap(), bytes);
            prop_assert_eq!(again, item);
        }

        #[test]
        fn bytes_that_are_no_lanes_item_are_refused_and_nothing_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..60), item in lane_item(), cut in any::<prop::sample::Index>()
        ) {
            let _ = LaneItem::decode(&key(), &bytes);
            let whole = item.encode(&key()).unwrap();
            prop_assert!(LaneItem::decode(&key(), &whole[..cut.index(whole.len())]).is_err());
        }
    }

    #[test]
    fn a_newer_format_and_an_enormous_claim_are_refused_by_name() {
        let mut bytes = LaneItem::default().encode(&key()).unwrap();
        bytes[0] = FORMAT + 1;
        assert!(LaneItem::decode(&key(), &bytes).unwrap_err().to_string().contains("format 2"));
        bytes[0] = FORMAT;
        bytes[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(LaneItem::decode(&key(), &bytes).unwrap_err().to_string().contains("4294967295"));
    }
}
