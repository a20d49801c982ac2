//! A stream in memory, the aggregation behind it, and what the accounts say: for tests of the ways back into a pane.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use touchline_aggregate::{AggregateContext, WarmCache, handle};
use touchline_event::{Event, EventDraft, EventId, Sequence, ShardId, Trade, decode_frame};
use touchline_lake::MemoryObjects;
use touchline_metric::Family;
use touchline_redrive::{RedriveContext, RedriveError, RedriveOutcome, RedriveRequest};
use touchline_store::{
    Fault, FaultyStore, ItemStore, MemoryStore, Pane, PaneLayout, SourceAccount, accounting, pane_store, panes,
};
use touchline_stream::{Batch, FrameLimits, OutRecord, Publish, Record, StreamError};
use touchline_window::WindowPolicy;

pub const LANES: u16 = 4;
/// 2023-10-29T17:00:00Z.
pub const START_MS: i64 = 1_698_598_800_000;
pub const ENTITY: &str = "finnhub:S";

/// The operation at which a process ends, and whether that operation itself still happens; shared by a store and a stream.
#[derive(Clone)]
pub struct Mishap {
    at: usize,
    fault: Fault,
    done: Arc<AtomicUsize>,
}

impl Mishap {
    pub fn none() -> Self {
        Self::at(usize::MAX, Fault::None)
    }

    pub fn at(operation: usize, fault: Fault) -> Self {
        Self { at: operation, fault, done: Arc::default() }
    }

    fn next(&self) -> Fault {
        match self.done.fetch_add(1, Ordering::SeqCst) {
            done if done < self.at => Fault::None,
            done if done == self.at => self.fault,
            _ => Fault::LostRequest,
        }
    }

    /// Whether it happened.
    pub fn struck(&self) -> bool {
        self.done.load(Ordering::SeqCst) > self.at
    }
}

/// One shard that keeps everything.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Record>>>);

struct LossyLog(Log, Mishap);

impl Log {
    pub fn push(&self, partition_key: &str, bytes: Vec<u8>) -> Sequence {
        let mut records = self.0.lock().unwrap();
        let sequence = Sequence::from_u64(records.len() as u64 + 1);
        records.push(Record { sequence, partition_key: partition_key.to_owned(), bytes });
        sequence
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }

    /// What every frame says that it holds.
    fn offered(&self) -> u64 {
        let count = |record: &Record| decode_frame(&record.bytes).map_or(1, |frame| frame.events.len() as u64);
        self.records().iter().map(count).sum()
    }
}

#[async_trait]
impl Publish for LossyLog {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        let publish = |record: OutRecord| {
            let fault = self.1.next();
            if fault == Fault::LostRequest {
                return Err(StreamError::Unknown("lost".to_owned()));
            }
            let sequence = self.0.push(&record.lane.partition_key(), record.bytes);
            match fault {
                Fault::None => Ok((shard(), sequence)),
                _ => Err(StreamError::Unknown("lost".to_owned())),
            }
        };
        records.into_iter().map(publish).collect()
    }
}

pub fn shard() -> ShardId {
    ShardId("shard-0".into())
}

/// Store, stream and objects.
#[derive(Default)]
pub struct World {
    pub store: Arc<MemoryStore>,
    /// How panes lie in it.
    pub layout: PaneLayout,
    pub log: Log,
    pub objects: Arc<MemoryObjects>,
    /// Records behind the checkpoint: a policy is changed between two deliveries, and an old record is not judged anew.
    done: AtomicUsize,
}

pub fn trade(id: u64, at_ms: i64) -> Event {
    let payload = Trade { price_e8: id as i64, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
    let mut draft = EventDraft::new("finnhub", at_ms, START_MS, payload);
    draft.symbol = Some("S".into());
    draft.with_id(EventId(id))
}

impl World {
    /// An empty one with panes in this layout.
    pub fn of(layout: PaneLayout) -> Self {
        Self { layout, ..Self::default() }
    }

    /// The store as doors see it.
    pub fn panes_of(&self, items: Arc<dyn ItemStore>) -> Arc<dyn ItemStore> {
        pane_store(items, self.layout, LANES)
    }

    /// The same, with no mishap on the way.
    pub fn view(&self) -> Arc<dyn ItemStore> {
        self.panes_of(self.store.clone())
    }

    /// Everything new in the stream, to a sandbox that remembers nothing.
    pub async fn deliver(&self, policy: WindowPolicy) {
        let context = AggregateContext {
            store: self.view(),
            policy,
            lanes: LANES,
            puts_in_flight: 16,
            max_item_bytes: self.layout.max_part_bytes(),
            cache: WarmCache::new(100),
        };
        let records = self.log.records();
        let done = self.done.swap(records.len(), Ordering::SeqCst);
        let batch = Batch { shard: shard(), records: records[done..].to_vec() };
        assert_eq!(handle(&context, &batch, || true).await.failed_from, None);
    }

    pub fn stream(&self, mishap: &Mishap) -> Arc<dyn Publish> {
        Arc::new(LossyLog(self.log.clone(), mishap.clone()))
    }

    pub fn store(&self, mishap: &Mishap) -> Arc<dyn ItemStore> {
        let mishap = mishap.clone();
        self.panes_of(Arc::new(FaultyStore::new(Arc::clone(&self.store), move || mishap.next())))
    }

    pub async fn redrive(
        &self,
        policy: WindowPolicy,
        request: &RedriveRequest,
        mishap: &Mishap,
    ) -> Result<RedriveOutcome, RedriveError> {
        let context = RedriveContext {
            store: self.store(mishap),
            objects: self.objects.clone(),
            stream: self.stream(mishap),
            policy,
            lanes: LANES,
            frames: FrameLimits::DEFAULT,
        };
        touchline_redrive::handle(&context, request, &|_, _| {}).await
    }

    /// The accounts of all vendors in one, and what was offered by the stream and the parsers.
    pub async fn account(&self) -> (u64, SourceAccount) {
        let mut sum = SourceAccount::default();
        for account in accounting::read(&*self.view(), &["finnhub", "unknown"]).await.unwrap().into_values() {
            sum.applied += account.applied;
            sum.duplicate += account.duplicate;
            sum.rejected += account.rejected;
            sum.quarantined += account.quarantined;
            sum.late += account.late;
            sum.after_seal += account.after_seal;
            sum.redriven += account.redriven;
            sum.republished += account.republished;
        }
        (self.log.offered() + sum.rejected - sum.republished, sum)
    }

    pub async fn assert_adds_up(&self, why: &str) -> SourceAccount {
        let (offered, account) = self.account().await;
        assert_eq!(offered, account.total(), "{why}: {account:?}");
        account
    }

    pub async fn panes(&self) -> Vec<Pane> {
        panes::read(&*self.view(), Family::Trades, ENTITY, WindowPolicy::DEFAULT.pane_ms, None, None).await.unwrap()
    }
}
