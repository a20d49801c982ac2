//! A tiny aggregate, shards as tapes of positioned events, and every way of delivering a tape.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::ops::Range;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use touchline_event::{Event, EventDraft, EventId, Payload, Position, Sequence, ShardId, Trade};
use touchline_window::{Aggregate, Grid, OrderKey, Positioned, Register};

/// A sum, which needs the ids; registers and a grid, which do not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SumState {
    pub sum: i64,
    pub first: Option<Register<i64>>,
    pub last: Option<Register<i64>>,
    pub grid: Grid<i64>,
}

impl Aggregate for SumState {
    fn apply(&mut self, event: &Event) {
        let Payload::Trade(trade) = &event.payload else { return };
        let order = OrderKey::of(event);
        self.sum += trade.price_e8;
        Register::keep_first(&mut self.first, order, || trade.price_e8);
        Register::keep_last(&mut self.last, order, || trade.price_e8);
        self.grid.apply(order, trade.price_e8);
    }

    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        Register::merge_first(&mut self.first, &other.first);
        Register::merge_last(&mut self.last, &other.last);
        self.grid.merge(&other.grid);
    }
}

pub fn event(id: u64, at_ms: i64, price_e8: i64) -> Event {
    let payload = Trade { price_e8, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
    let mut event = EventDraft::new("finnhub", at_ms, at_ms + 1, payload).with_id(EventId(id));
    event.vendor_seq = id.is_multiple_of(3).then_some(id as i64 % 2);
    event
}

/// One shard's records in their order, ties of the sequence told apart by the sub-index.
#[derive(Debug, Clone)]
pub struct Tape {
    pub shard: ShardId,
    pub events: Vec<Positioned>,
}

impl Tape {
    pub fn of(shard: &str, events: impl IntoIterator<Item = Event>) -> Self {
        let positioned = |(n, event): (usize, Event)| {
            let position = Position { sequence: Sequence::from_u64(n as u64 / 2 + 1), sub: n as u32 % 2 };
            Positioned { position, event }
        };
        Self { shard: ShardId(shard.into()), events: events.into_iter().enumerate().map(positioned).collect() }
    }
}

/// Up to three shards. Ids repeat inside and across shards; the same id is always the same event.
pub fn tapes() -> impl Strategy<Value = Vec<Tape>> {
    let tape = prop::collection::vec(0_u64..25, 1..20);
    prop::collection::vec(tape, 1..=3).prop_map(|shards| {
        let of_id = |id: u64| event(id, (id as i64 * 7_919) % 20_000, (id as i64 * 31) % 11 - 3);
        let tape = |(n, ids): (usize, Vec<u64>)| Tape::of(&format!("shard-{n}"), ids.into_iter().map(of_id));
        shards.into_iter().enumerate().map(tape).collect()
    })
}

/// A delivery of every tape to its end: batches of any length that start anywhere at or before the mark of what is done.
pub fn deliveries(tapes: &[Tape]) -> impl Strategy<Value = Vec<(usize, Range<usize>)>> + use<> {
    let lengths: Vec<usize> = tapes.iter().map(|tape| tape.events.len()).collect();
    let cuts = prop::collection::vec((0_usize..3, 0_usize..20, 1_usize..20), 0..30);
    cuts.prop_map(move |cuts| {
        let mut done = vec![0; lengths.len()];
        let mut plan = Vec::new();
        for (shard, back, length) in cuts {
            let shard = shard % lengths.len();
            let from = done[shard] - back.min(done[shard]);
            let until = (from + length).min(lengths[shard]);
            plan.push((shard, from..until));
            done[shard] = done[shard].max(until);
        }
        plan.extend(done.into_iter().enumerate().map(|(shard, from)| (shard, from..lengths[shard])));
        plan
    })
}
