//! Event ids and lanes: the two hashes everything downstream relies on.
//! ID-1: the same vendor fact has the same id in every process, release and machine.
//! ID-2: `lane = hash(entity) % lanes`; nothing else decides a lane.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Lanes of a stream unless the configuration says otherwise.
pub const DEFAULT_LANES: u16 = 64;

/// XXH3 with seed 0. Stable for ever: ids and lanes in stored data depend on it.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// 64-bit identity of one fact of one vendor. Travels as 16 hex digits, because JSON numbers lose bits above 2^53.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

impl EventId {
    /// For a vendor that names its facts: `vendor_id` plus whatever tells one revision of it from the next.
    pub fn of_vendor_id(source: &str, entity: &str, vendor_id: &str, revision: &str) -> Self {
        Self::of_parts(&[b"v", source.as_bytes(), entity.as_bytes(), vendor_id.as_bytes(), revision.as_bytes()])
    }

    /// For a vendor that gives no id: vendor time, canonical content, and which of the identical ones
    /// inside one vendor session (a WebSocket connection, a file) this is, counted from 0.
    pub fn of_occurrence(source: &str, entity: &str, vendor_time_ms: i64, content: &[u8], occurrence: u32) -> Self {
        Self::of_parts(&[
            b"o",
            source.as_bytes(),
            entity.as_bytes(),
            &vendor_time_ms.to_be_bytes(),
            content,
            &occurrence.to_be_bytes(),
        ])
    }

    fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Xxh3::new();
        for part in parts {
            // The length in front keeps ("ab","c") and ("a","bc") apart.
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.digest())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if text.len() != 16 {
            return Err(D::Error::custom("event_id must have 16 hex digits"));
        }
        u64::from_str_radix(&text, 16).map(Self).map_err(|_| D::Error::custom("event_id must be 16 hex digits"))
    }
}

/// One order of events; the partition key of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(pub u16);

impl Lane {
    /// The lane of an entity among `lanes` (at least 1).
    pub fn of(entity: &str, lanes: u16) -> Self {
        Self((stable_hash(entity.as_bytes()) % u64::from(lanes.max(1))) as u16)
    }

    /// The partition key text: fixed width, so that keys sort as lanes do.
    pub fn partition_key(self) -> String {
        format!("lane-{:05}", self.0)
    }

    /// The lane of a partition key written by [`Lane::partition_key`].
    pub fn from_partition_key(key: &str) -> Option<Self> {
        key.strip_prefix("lane-")?.parse().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pinned_because_stored_data_depends_on_them() {
        assert_eq!(EventId::of_vendor_id("espn", "espn:1", "40154750555", "").to_string(), "ae0c74e4e5eaf349");
        assert_eq!(stable_hash(b"finnhub:AAPL"), 0xbcb0_bf01_b579_0bbd);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(EventId::of_vendor_id("a", "b", "cd", "e"), EventId::of_vendor_id("a", "b", "c", "de"));
    }

    #[test]
    fn identical_facts_of_one_session_stay_apart_and_a_second_session_meets_them() {
        let of = |n| EventId::of_occurrence("finnhub", "finnhub:XOM", 1_676_055_242_333, b"118.81|100", n);
        assert_ne!(of(0), of(1));
        assert_eq!(of(0), of(0));
    }

    #[test]
    fn a_lane_survives_its_partition_key() {
        let lane = Lane::of("finnhub:AAPL", DEFAULT_LANES);
        assert_eq!(Lane::from_partition_key(&lane.partition_key()), Some(lane));
        assert_eq!(Lane::from_partition_key("something"), None);
    }
}
