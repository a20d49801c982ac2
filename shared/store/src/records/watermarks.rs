//! What each lane of each source has reached: `watermark#source` / lane -> lane watermark.
//! WM-1: advanced by compare-and-swap; two consumers of one lane end with the greater one.

use touchline_window::{LaneWatermark, Watermarks};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

fn key(source: &str, lane: u16) -> ItemKey {
    ItemKey::new(format!("watermark#{source}"), format!("{lane:05}"))
}

/// Advances lanes of a source to at least these watermarks.
pub async fn advance(store: &dyn ItemStore, source: &str, lanes: &[(u16, i64)]) -> Result<(), StoreError> {
    let mut pending: Vec<(u16, i64, Option<u64>, LaneWatermark)> = Vec::new();
    for (lane, watermark_ms) in lanes {
        let key = key(source, *lane);
        let item = store.get(&key).await?;
        let mark = item.as_ref().map(|item| decode(&key.sk, &item.value)).transpose()?.unwrap_or_default();
        pending.push((*lane, *watermark_ms, item.map(|item| item.version), mark));
    }
    while !pending.is_empty() {
        let mut writes = Vec::with_capacity(pending.len());
        for (lane, watermark_ms, expected, mark) in &pending {
            let key = key(source, *lane);
            let mut next = *mark;
            next.advance(*watermark_ms);
            let value = Some(encode(&key.sk, &next)?);
            writes.push(ItemWrite { key, expected: *expected, value, expires_at_ms: None });
        }
        let outcomes = store.put(writes).await;
        let mut again = Vec::new();
        for ((lane, watermark_ms, _, _), outcome) in pending.into_iter().zip(outcomes) {
            if let PutOutcome::Conflict(current) = outcome? {
                let mark =
                    current.as_ref().map(|item| decode("watermark", &item.value)).transpose()?.unwrap_or_default();
                again.push((lane, watermark_ms, current.map(|item| item.version), mark));
            }
        }
        pending = again;
    }
    Ok(())
}

/// All lanes of a source.
pub async fn read(store: &dyn ItemStore, source: &str) -> Result<Watermarks, StoreError> {
    let mut marks = Watermarks::default();
    for (sk, item) in walk(store, &format!("watermark#{source}"), "", None).await? {
        if let Ok(lane) = sk.parse() {
            marks.set(lane, decode(&sk, &item.value)?);
        }
    }
    Ok(marks)
}
