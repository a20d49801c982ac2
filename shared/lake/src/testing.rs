//! What the tests of this room share: events at positions, reading tables back, a fuse that ends a process at any step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use futures::TryStreamExt;
use iceberg::table::Table;
use touchline_event::{Event, EventDraft, Heartbeat, Lane, OddsQuote, Payload, Position, Sequence, Side, Trade};
use touchline_store::{Fault, FaultyStore, MemoryStore};

use crate::catalog::FaultyCatalog;
use crate::lake::{Lake, table_ident};
use crate::tables::ArchivedEvent;

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 1440 * MINUTE_MS;

pub(crate) async fn read(table: &Table) -> Vec<RecordBatch> {
    let scan = table.scan().select_all().build().unwrap();
    scan.to_arrow().await.unwrap().try_collect().await.unwrap()
}

pub(crate) async fn long_column(table: &Table, name: &str) -> Vec<i64> {
    let mut values = Vec::new();
    for batch in read(table).await {
        values.extend_from_slice(batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values());
    }
    values.sort_unstable();
    values
}

/// (shard, sequence, sub) -> how often the table has it.
pub(crate) async fn positions(lake: &Lake, name: &str) -> BTreeMap<(String, String, i32), usize> {
    let table = lake.load(&table_ident(name).unwrap()).await.unwrap();
    let mut counts = BTreeMap::new();
    for batch in read(&table).await {
        let shard = batch.column_by_name("shard").unwrap().as_string::<i32>();
        let sequence = batch.column_by_name("sequence").unwrap().as_string::<i32>();
        let sub = batch.column_by_name("sub").unwrap().as_primitive::<Int32Type>();
        for row in 0..shard.len() {
            let key = (shard.value(row).to_owned(), sequence.value(row).to_owned(), sub.value(row));
            *counts.entry(key).or_insert(0) += 1;
        }
    }
    counts
}

pub(crate) fn at(shard: &str, lane: u16, sequence: u64, sub: u32, payload: Payload) -> ArchivedEvent {
    // Two days, so that one batch writes into two partitions.
    let timestamp_ms = 1_700_000_000_000 + (sequence % 2) as i64 * DAY_MS;
    let mut draft = EventDraft::new("finnhub", timestamp_ms, timestamp_ms + 50, payload);
    draft.symbol = Some(format!("S{lane}"));
    let event: Event = draft.with_vendor_id(&format!("{shard}-{sequence}-{sub}"), "");
    let position = Position { sequence: Sequence::from_u64(sequence), sub };
    ArchivedEvent { shard: shard.into(), lane: Lane(lane), position, event }
}

pub(crate) fn trade(price_e8: i64) -> Payload {
    Trade { price_e8, volume_e8: 1, conditions: vec![], is_vwap_eligible: true }.into()
}

pub(crate) fn quote(price_e6: i64) -> Payload {
    let [book, market, outcome] = ["b", "h2h", "Home"].map(ToOwned::to_owned);
    OddsQuote { book, market, outcome, point_e2: None, price_e6, side: Side::Back, size_e2: None }.into()
}

pub(crate) fn heartbeat(lane: u16) -> Payload {
    Heartbeat { lane, watermark_ms: 0, ..Heartbeat::default() }.into()
}

/// Ends the process after so many writes: the write at which it burns may still land, all later ones do not.
#[derive(Clone, Default)]
pub(crate) struct Fuse(Arc<Mutex<Burning>>);

#[derive(Default)]
struct Burning {
    left: Option<u32>,
    last_lands: bool,
    pub(crate) used: u32,
}

impl Fuse {
    pub(crate) fn light(&self, writes: u32, last_lands: bool) {
        *self.0.lock().unwrap() = Burning { left: Some(writes), last_lands, used: 0 };
    }

    pub(crate) fn put_out(&self) {
        *self.0.lock().unwrap() = Burning::default();
    }

    /// Writes since it was lit or put out.
    pub(crate) fn used(&self) -> u32 {
        self.0.lock().unwrap().used
    }

    fn next(&self) -> Fault {
        let mut state = self.0.lock().unwrap();
        state.used += 1;
        match state.left {
            None => Fault::None,
            Some(0) => Fault::LostRequest,
            Some(1) => {
                state.left = Some(0);
                if state.last_lands { Fault::LostResponse } else { Fault::LostRequest }
            }
            Some(left) => {
                state.left = Some(left - 1);
                Fault::None
            }
        }
    }
}

/// A lake and a store on one fuse.
pub(crate) async fn on_fuse(folder: &std::path::Path) -> (Lake, Arc<FaultyStore<MemoryStore>>, Fuse) {
    let fuse = Fuse::default();
    let mut lake = Lake::open(folder).await.unwrap();
    let (of_catalog, of_store) = (fuse.clone(), fuse.clone());
    lake.catalog = Arc::new(FaultyCatalog { inner: lake.catalog(), next: Box::new(move || of_catalog.next()) });
    let store = Arc::new(FaultyStore::new(MemoryStore::default(), move || of_store.next()));
    (lake, store, fuse)
}
