//! A consumer as one would write it first: per pane one item, a mark that says how far it is, plain sums.
//! NAI-1: it uses the product's frames, families, panes and compare-and-swap; only the mutant's own part is naive.

use std::collections::BTreeMap;

use touchline_aggregate::AggregateContext;
use touchline_delivery::Response;
use touchline_event::{Lane, Payload, Position, Sequence, decode_frame};
use touchline_metric::{Family, FamilyState};
use touchline_store::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError, panes};
use touchline_stream::Batch;
use touchline_window::{Aggregate as _, Lateness, PaneKey, PaneState, Positioned, Verdict, pane_start_ms, step};

use super::Mutant;

type Groups = BTreeMap<PaneKey, (Family, Vec<Positioned>)>;

/// Takes a batch; any trouble fails it whole.
pub async fn handle(context: &AggregateContext, mutant: Option<Mutant>, batch: &Batch) -> Response {
    let taken = match mutant {
        Some(Mutant::MarkPerShard) => take_above_mark(context, batch).await,
        Some(Mutant::FloatSums) => take_floats(context, batch).await,
        _ => take_marked_by_batch(context, batch).await,
    };
    if taken.is_ok() { Response::Done } else { Response::Error }
}

/// What the batch has for panes.
fn groups_of(context: &AggregateContext, batch: &Batch, after: Option<Sequence>) -> Groups {
    let mut groups = Groups::new();
    for record in batch.records.iter().filter(|record| after.is_none_or(|after| record.sequence > after)) {
        let lane = Lane::from_partition_key(&record.partition_key);
        let events = decode_frame(&record.bytes).map(|frame| frame.events).unwrap_or_default();
        for (sub, event) in events.into_iter().enumerate() {
            let Ok(event) = event else { continue };
            let is_fact = !matches!(event.payload, Payload::Heartbeat(_)) && lane == Some(event.lane(context.lanes));
            if !is_fact || context.policy.judge(&event) != Lateness::Accepted {
                continue;
            }
            let Some(family) = Family::of(&event) else { continue };
            let key = PaneKey {
                family: family.as_str(),
                entity: Family::pane_entity(&event),
                pane_ms: context.policy.pane_ms,
                start_ms: pane_start_ms(event.timestamp_ms, context.policy.pane_ms),
                lane: event.lane(context.lanes),
            };
            let position = Position { sequence: record.sequence, sub: sub as u32 };
            groups.entry(key).or_insert_with(|| (family, Vec::new())).1.push(Positioned { position, event });
        }
    }
    groups
}

/// Reads, changes and swaps one item until nobody was in between. `change` gives `None` where nothing is to do.
async fn update(
    store: &dyn ItemStore,
    key: ItemKey,
    change: impl Fn(Option<&[u8]>) -> Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let mut current = store.get(&key).await?;
    loop {
        let Some(value) = change(current.as_ref().map(|item| item.value.as_slice())) else { return Ok(()) };
        let expected = current.map(|item| item.version);
        let write = ItemWrite { key: key.clone(), expected, value: Some(value), expires_at_ms: None };
        match store.put(vec![write]).await.pop() {
            Some(Ok(PutOutcome::Conflict(found))) => current = found,
            Some(Err(error)) => return Err(error),
            Some(Ok(PutOutcome::Written(_))) | None => return Ok(()),
        }
    }
}

fn state_of(family: Family, value: Option<&[u8]>) -> PaneState<FamilyState> {
    value.and_then(|value| PaneState::decode(value).ok()).unwrap_or_else(|| PaneState::new(family.empty()))
}

/// The whole group if the pane has not seen this batch's last record, nothing of it if it has.
async fn take_marked_by_batch(context: &AggregateContext, batch: &Batch) -> Result<(), StoreError> {
    let Some(last) = batch.records.last() else { return Ok(()) };
    let mark = Position { sequence: last.sequence, sub: 0 };
    for (key, (family, events)) in groups_of(context, batch, None) {
        update(&*context.store, panes::key(&key, 0), |value| {
            let mut state = state_of(family, value);
            if state.has_passed(&batch.shard, mark) {
                return None;
            }
            for Positioned { event, .. } in &events {
                state.aggregate.apply(event);
                state.applied_count += 1;
                state.as_of_ms = state.as_of_ms.max(event.first_arrival_ms);
            }
            state.positions.insert(batch.shard.clone(), mark);
            state.encode().ok()
        })
        .await?;
    }
    Ok(())
}

/// Records above the shard's mark, with ids and all; then the mark goes to the batch's last record.
async fn take_above_mark(context: &AggregateContext, batch: &Batch) -> Result<(), StoreError> {
    let Some(last) = batch.records.last() else { return Ok(()) };
    let mark_key = ItemKey::new("progress#shard", batch.shard.0.clone());
    let mark = context.store.get(&mark_key).await?.and_then(|item| item.value.try_into().ok());
    let after = mark.map(Sequence::from_bytes);
    for (key, (family, events)) in groups_of(context, batch, after) {
        update(&*context.store, panes::key(&key, 0), |value| stepped(&state_of(family, value), batch, &events)).await?;
    }
    update(&*context.store, mark_key, |value| {
        let is_raised = value.is_none_or(|mark| mark < last.sequence.as_bytes().as_slice());
        is_raised.then(|| last.sequence.as_bytes().to_vec())
    })
    .await
}

fn stepped<A: touchline_window::Aggregate>(
    state: &PaneState<A>,
    batch: &Batch,
    events: &[Positioned],
) -> Option<Vec<u8>> {
    match step(state, &[], &batch.shard, &events.iter().collect::<Vec<_>>()) {
        Verdict::Write(next, _) => next.encode().ok(),
        _ => None,
    }
}

/// What a spreadsheet would sum: turnover of trades, implied probability of quotes, minutes of everything else.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct FloatSum(pub f64);

impl touchline_window::Aggregate for FloatSum {
    fn apply(&mut self, event: &touchline_event::Event) {
        self.0 += match &event.payload {
            Payload::Trade(trade) => trade.price_e8 as f64 / 1e8 * (trade.volume_e8 as f64 / 1e8),
            Payload::OddsQuote(quote) => 1e6 / quote.price_e6 as f64,
            _ => (event.timestamp_ms % 3_600_000) as f64 / 60_000.0,
        };
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }
}

/// Where the float sum of a pane is kept.
pub fn float_key(pane: &PaneKey) -> ItemKey {
    let ItemKey { pk, sk } = panes::key(pane, 0);
    ItemKey::new(format!("float{pk}"), sk)
}

/// The product's step with positions and ids, over an aggregate of one float.
async fn take_floats(context: &AggregateContext, batch: &Batch) -> Result<(), StoreError> {
    for (key, (_, events)) in groups_of(context, batch, None) {
        update(&*context.store, float_key(&key), |value| {
            let state = value.and_then(|value| PaneState::decode(value).ok());
            let state = state.unwrap_or_else(|| PaneState::new(FloatSum::default()));
            let sum_before = state.aggregate.clone();
            let fresh = PaneState { aggregate: FloatSum::default(), ..state };
            let Verdict::Write(mut next, _) = step(&fresh, &[], &batch.shard, &events.iter().collect::<Vec<_>>())
            else {
                return None;
            };
            next.aggregate.merge(&sum_before);
            next.encode().ok()
        })
        .await?;
    }
    Ok(())
}
