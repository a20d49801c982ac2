//! The live proof of each lane of each source: `proof#source` / lane -> lane proof.
//! PRV-1: replaced by compare-and-swap, so that two consumers of one lane end as one.

use std::collections::BTreeMap;

use touchline_window::LaneProof;

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, StoreError};

fn partition(source: &str) -> String {
    format!("proof#{source}")
}

/// The compare-and-swap that replaces a lane's proof.
pub fn write(source: &str, lane: u16, expected: Option<u64>, proof: &LaneProof) -> Result<ItemWrite, StoreError> {
    let key = ItemKey::new(partition(source), format!("{lane:05}"));
    let value = Some(encode(&key.sk, proof)?);
    Ok(ItemWrite { key, expected, value, expires_at_ms: None })
}

/// A stored proof.
pub fn of_item(value: &[u8]) -> Result<LaneProof, StoreError> {
    decode("proof", value)
}

/// All lanes of a source that have one.
pub async fn read(store: &dyn ItemStore, source: &str) -> Result<BTreeMap<u16, LaneProof>, StoreError> {
    let mut proofs = BTreeMap::new();
    for (sk, item) in walk(store, &partition(source), "", None).await? {
        if let Ok(lane) = sk.parse() {
            proofs.insert(lane, decode(&sk, &item.value)?);
        }
    }
    Ok(proofs)
}
