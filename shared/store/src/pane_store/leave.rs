//! How parts leave their lane's item (LPS-2): a copy first, then a compare-and-swap that takes them out.

use std::collections::HashMap;

use touchline_metric::FamilyState;
use touchline_window::PaneState;

use super::LaneEntry;
use super::lanes::{LanePanes, Seen};
use crate::{ItemKey, ItemWrite, PutOutcome, StoreError};

/// Tries to let parts leave; what stays is tried again after the next write.
const MAX_LEAVING_ROUNDS: usize = 4;

impl LanePanes {
    /// After a write: lets go of what need not be in the lane's item. The write stands whatever becomes of this, and what
    /// stays is tried again after the next one.
    pub(super) async fn tidy(&self, key: &ItemKey, seen: Seen) -> Seen {
        let is_large = |entry: &LaneEntry| entry.value.len() > self.limits.open_part_bytes;
        let is_leaving = |entry: &LaneEntry| is_large(entry) || is_at_rest(&entry.value);
        let leaving = seen.item.entries.iter().filter(|(_, entry)| is_leaving(entry)).map(|(part, _)| part.clone());
        let leaving: Vec<ItemKey> = leaving.collect();
        self.leave(key, seen.clone(), leaving).await.unwrap_or(seen)
    }

    /// Gives parts items of their own (LPS-2); gives the lane as it is then. Parts that cannot leave now stay.
    pub(super) async fn leave(
        &self,
        lane: &ItemKey,
        mut seen: Seen,
        mut leaving: Vec<ItemKey>,
    ) -> Result<Seen, StoreError> {
        let mut copies: HashMap<ItemKey, u64> = HashMap::new();
        for _ in 0..MAX_LEAVING_ROUNDS {
            leaving.retain(|part| seen.item.entries.contains_key(part));
            if leaving.is_empty() {
                break;
            }
            let copy = |part: &ItemKey| {
                let entry = &seen.item.entries[part];
                ItemWrite {
                    key: part.clone(),
                    expected: copies.get(part).copied(),
                    value: Some(entry.value.to_vec()),
                    expires_at_ms: entry.expires_at_ms,
                }
            };
            let copied = self.items.put(leaving.iter().map(copy).collect()).await;
            let mut next = (*seen.item).clone();
            for (part, outcome) in leaving.iter().zip(copied) {
                match outcome {
                    Ok(PutOutcome::Written(version)) => {
                        copies.insert(part.clone(), version);
                        next.entries.remove(part);
                    }
                    // A copy that came to nothing, or the part has left by now: the lane's next state says which.
                    Ok(PutOutcome::Conflict(Some(item))) => drop(copies.insert(part.clone(), item.version)),
                    Ok(PutOutcome::Conflict(None)) => drop(copies.remove(part)),
                    Err(_) => {}
                }
            }
            if next.entries.len() == seen.item.entries.len() {
                seen = self.look(lane).await?;
                continue;
            }
            let value = Some(next.encode(lane)?);
            let swap = ItemWrite { key: lane.clone(), expected: seen.version, value, expires_at_ms: None };
            let outcome = self.items.put(vec![swap]).await.pop().unwrap_or_else(|| Err(unanswered(lane)));
            match outcome.and_then(|outcome| self.learn(lane, next, outcome)) {
                Ok((now, _)) => seen = now,
                Err(error) => {
                    self.forget(lane);
                    return Err(error);
                }
            }
        }
        Ok(seen)
    }
}

/// Published, sealed or full: hardly ever written again.
fn is_at_rest(value: &[u8]) -> bool {
    PaneState::<FamilyState>::life_of(value)
        .is_ok_and(|(life, is_frozen)| is_frozen || life.is_sealed || (life.is_final && !life.is_dirty))
}

fn unanswered(key: &ItemKey) -> StoreError {
    StoreError::Unknown { key: key.pk.clone(), message: "no outcome".to_owned() }
}
