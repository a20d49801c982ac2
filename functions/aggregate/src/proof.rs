//! The live proof of a batch: its stamped frames and its claims, folded into each lane's item by compare-and-swap.
//! PRA-1: a record is folded only when every event of it is in a pane, a ledger or quarantine.
//! PRA-2: what an unknown outcome leaves open is folded at the redelivery; the fold takes each frame once (PRF-1).

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use touchline_event::{BeatClaim, Event, FrameError, FrameStamp, Heartbeat, Kind, Lane, Sequence, ShardId};
use touchline_store::{PutOutcome, StoreError, proofs};
use touchline_stream::Record;
use touchline_window::{Claim, LaneProof, Told};

use crate::AggregateContext;
use crate::sync::Mutex;

/// Lost swaps of one lane before the batch is given back.
const TRIES: usize = 6;
/// Lanes remembered; beyond, the memory starts again, which only costs lost swaps.
const LANES_MAX: usize = 4096;

type LaneKey = (String, u16);

/// What a batch tells of each lane, ascending by record.
#[derive(Default)]
pub(crate) struct Tales(BTreeMap<LaneKey, Vec<(Sequence, Told)>>);

/// Proofs that this sandbox wrote last (CACHE-1).
#[derive(Default)]
pub(crate) struct WarmProofs(Mutex<HashMap<LaneKey, (u64, LaneProof)>>);

impl Tales {
    /// Notes a frame of which some events could be read.
    pub(crate) fn note_frame(&mut self, record: &Record, events: &[Result<Event, FrameError>]) {
        let Some(stamp) = FrameStamp::of(&record.bytes) else { return };
        let facts = events.iter().flatten().filter(|event| event.kind != Kind::Heartbeat);
        let (event_count, id_sum) =
            facts.fold((0, 0_u64), |(count, sum), event| (count + 1, sum.wrapping_add(event.event_id.0)));
        let lane = Lane::from_partition_key(&record.partition_key);
        if let (Some(event), Some(lane)) = (events.iter().flatten().next(), lane) {
            let told = Told::Frame { stamp, event_count, id_sum };
            self.0.entry((event.source.clone(), lane.0)).or_default().push((record.sequence, told));
        }
    }

    /// Notes what a heartbeat claims.
    pub(crate) fn note_claim(&mut self, source: &str, sequence: Sequence, heartbeat: &Heartbeat) {
        let Heartbeat { lane, watermark_ms, claim: Some(claim), .. } = *heartbeat else { return };
        let BeatClaim { producer, beat, frame_count, event_count, id_sum } = claim;
        let claim = Claim { frame_count, event_count, id_sum, watermark_ms };
        let told = Told::Claim { producer, beat, claim };
        self.0.entry((source.to_owned(), lane)).or_default().push((sequence, told));
    }

    /// Folds what is finished: records before `unfinished`. On error the first record that must come again.
    pub(crate) async fn fold(
        mut self,
        context: &AggregateContext,
        shard: &ShardId,
        unfinished: Option<Sequence>,
    ) -> Result<(), (Option<Sequence>, StoreError)> {
        for told in self.0.values_mut() {
            told.retain(|(sequence, _)| unfinished.is_none_or(|unfinished| *sequence < unfinished));
        }
        self.0.retain(|_, told| !told.is_empty());
        let first = self.0.values().filter_map(|told| told.first().map(|(sequence, _)| *sequence)).min();
        let tales: Vec<_> = self.0.into_iter().collect();
        for chunk in tales.chunks(context.puts_in_flight.max(1)) {
            put_chunk(context, shard, chunk).await.map_err(|error| (first, error))?;
        }
        Ok(())
    }
}

type Tale = (LaneKey, Vec<(Sequence, Told)>);

async fn put_chunk(context: &AggregateContext, shard: &ShardId, chunk: &[Tale]) -> Result<(), StoreError> {
    let proofs_of = &context.cache.proofs;
    let mut pending: Vec<(&Tale, Option<(u64, LaneProof)>)> =
        chunk.iter().map(|tale| (tale, proofs_of.get(&tale.0))).collect();
    for _ in 0..TRIES {
        let (mut writes, mut ready) = (Vec::new(), Vec::new());
        for (tale, known) in pending.drain(..) {
            let ((source, lane), told) = tale;
            let version = known.as_ref().map(|(version, _)| *version);
            let current = known.map(|(_, proof)| proof).unwrap_or_default();
            let mut next = current.clone();
            next.fold(shard, told);
            if next == current {
                // What a lost swap taught is worth remembering also where nothing is left to fold.
                version.into_iter().for_each(|version| proofs_of.set(&tale.0, version, next.clone()));
            } else {
                writes.push(proofs::write(source, *lane, version, &next)?);
                ready.push((tale, next));
            }
        }
        let outcomes = context.store.put(writes).await;
        for ((tale, next), outcome) in ready.into_iter().zip(outcomes) {
            match outcome {
                Ok(PutOutcome::Written(version)) => proofs_of.set(&tale.0, version, next),
                Ok(PutOutcome::Conflict(Some(item))) => {
                    pending.push((tale, Some((item.version, proofs::of_item(&item.value)?))));
                }
                Ok(PutOutcome::Conflict(None)) => pending.push((tale, None)),
                Err(error) => {
                    proofs_of.forget(&tale.0);
                    return Err(error);
                }
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
    }
    let key = pending.first().map(|((key, _), _)| format!("{}#{}", key.0, key.1)).unwrap_or_default();
    Err(StoreError::Throttled { key: format!("proof#{key}") })
}

impl WarmProofs {
    fn get(&self, key: &LaneKey) -> Option<(u64, LaneProof)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn set(&self, key: &LaneKey, version: u64, proof: LaneProof) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LANES_MAX {
            known.clear();
        }
        known.insert(key.clone(), (version, proof));
    }

    fn forget(&self, key: &LaneKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
