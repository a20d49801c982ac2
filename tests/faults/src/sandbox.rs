//! A warm sandbox with a real handler in it, and how batches and answers are put into each other's words.
//! BOX-1: the handlers are `touchline_aggregate::handle` and `touchline_archive::handle` themselves, given what a deployed
//! function would be given.

use std::sync::Arc;

use touchline_aggregate::{AggregateContext, WarmCache, handle};
use touchline_archive::ArchiveContext;
use touchline_delivery::{Consumer, Invocation, Random, Response, Transport};
use touchline_event::{Sequence, ShardId};
use touchline_store::{ItemStore, LaneLimits, LanePanes, PaneLayout};
use touchline_stream::{Batch, Record};

use crate::lake::FaultyTables;
use crate::later::EPOCH;
use crate::mutants::{Mutant, Mutilated, naive, wall_clock};
use crate::scenario::{Frame, POLICY};
use crate::store::Slow;

/// What sandboxes of one schedule have in common.
#[derive(Debug, Clone, Copy)]
pub struct Configuration {
    pub transport: Transport,
    pub lanes: u16,
    pub max_item_bytes: usize,
    pub layout: PaneLayout,
    pub lane_limits: LaneLimits,
    pub mutant: Option<Mutant>,
}

impl Configuration {
    /// `items` with panes as this schedule lays them out.
    pub fn panes(&self, items: Arc<dyn ItemStore>) -> Arc<dyn ItemStore> {
        match self.layout {
            PaneLayout::Pane => items,
            PaneLayout::Lane => Arc::new(LanePanes::new(items, self.lanes, self.lane_limits)),
        }
    }

    /// One cold sandbox's way to the store.
    pub fn way(&self, items: &Arc<dyn ItemStore>, random: Random) -> Arc<dyn ItemStore> {
        let slow: Arc<dyn ItemStore> = Arc::new(Slow::new(Arc::clone(items), random));
        match self.mutant {
            Some(mutant) if mutant.is_of_lanes() => self.panes(Arc::new(Mutilated::new(slow, mutant))),
            Some(mutant) => Arc::new(Mutilated::new(self.panes(slow), mutant)),
            None => self.panes(slow),
        }
    }
}

/// Functions that read the stream.
pub const FUNCTIONS: usize = 2;
/// Number of the aggregation.
pub const AGGREGATE: usize = 0;
/// Number of the archive.
pub const ARCHIVE: usize = 1;

/// One sandbox of either function.
pub enum Sandbox {
    Aggregate(Box<Aggregation>),
    Archive { transport: Transport, context: ArchiveContext<FaultyTables> },
}

/// A sandbox of the aggregation.
pub struct Aggregation {
    configuration: Configuration,
    context: AggregateContext,
    cache_panes: usize,
}

impl Sandbox {
    /// A cold one.
    pub fn new(
        function: usize,
        configuration: Configuration,
        store: &Arc<dyn ItemStore>,
        lake: &Arc<FaultyTables>,
        random: &mut Random,
    ) -> Self {
        let store = configuration.way(store, random.fork());
        if function != AGGREGATE {
            let (lake, lanes, epoch) = (Arc::clone(lake), configuration.lanes, EPOCH.to_owned());
            let context = ArchiveContext { lake, store, lanes, epoch };
            return Self::Archive { transport: configuration.transport, context };
        }
        let cache_panes = *random.pick(&[2, 1000]);
        let puts_in_flight = random.below(5) + 1;
        let context = context(configuration, store, puts_in_flight, cache_panes);
        Self::Aggregate(Box::new(Aggregation { configuration, context, cache_panes }))
    }
}

/// A cold function's context.
pub fn context(
    configuration: Configuration,
    store: Arc<dyn ItemStore>,
    puts_in_flight: usize,
    cache_panes: usize,
) -> AggregateContext {
    AggregateContext {
        store,
        policy: POLICY,
        lanes: configuration.lanes,
        puts_in_flight,
        max_item_bytes: configuration.max_item_bytes,
        cache: WarmCache::new(cache_panes),
    }
}

impl Consumer<Arc<Frame>> for Sandbox {
    async fn handle(&self, invocation: &Invocation<Arc<Frame>>) -> Response {
        let (batch, failed_from) = match self {
            Self::Aggregate(aggregation) => match aggregation.handle(invocation).await {
                Ok(outcome) => outcome,
                Err(response) => return response,
            },
            Self::Archive { transport, context } => {
                let batch = batch_of(*transport, invocation.shard, &invocation.records);
                let failed_from = touchline_archive::handle(context, &batch).await.failed_from;
                (batch, failed_from)
            }
        };
        match failed_from {
            None => Response::Done,
            Some(sequence) => {
                let at = batch.records.iter().position(|record| record.sequence == sequence);
                // A sequence that is not in the batch stays one that is not.
                Response::FailedFrom(at.map_or(u64::MAX, |at| invocation.records[at].sequence))
            }
        }
    }
}

impl Aggregation {
    /// The batch and from where it failed; a naive mutant gives its own answer instead.
    async fn handle(&self, invocation: &Invocation<Arc<Frame>>) -> Result<(Batch, Option<Sequence>), Response> {
        let Configuration { transport, mutant, .. } = self.configuration;
        let time = invocation.time.clone();
        let mut batch = batch_of(transport, invocation.shard, &invocation.records);
        let outcome = match mutant {
            Some(Mutant::MarkPerBatch | Mutant::MarkPerShard | Mutant::FloatSums) => {
                return Err(naive::handle(&self.context, mutant, &batch).await);
            }
            Some(Mutant::NoIds) => {
                // What a sandbox remembers has ids; only a cold one does without.
                let store = Arc::clone(&self.context.store);
                let cold = context(self.configuration, store, self.context.puts_in_flight, self.cache_panes);
                handle(&cold, &batch, move || time.is_left()).await
            }
            Some(Mutant::WallClock) => {
                wall_clock::stamp(&mut batch, invocation.number);
                handle(&self.context, &batch, move || time.is_left()).await
            }
            _ => handle(&self.context, &batch, move || time.is_left()).await,
        };
        Ok((batch, outcome.failed_from))
    }
}

/// The batch as the handler gets it.
pub fn batch_of(
    transport: Transport,
    shard: usize,
    records: &[std::rc::Rc<touchline_delivery::Record<Arc<Frame>>>],
) -> Batch {
    let record = |record: &std::rc::Rc<touchline_delivery::Record<Arc<Frame>>>| Record {
        sequence: sequence_of(transport, record.sequence),
        partition_key: record.payload.partition_key.clone(),
        bytes: record.payload.bytes.clone(),
    };
    Batch { shard: shard_id(transport, shard), records: records.iter().map(record).collect() }
}

/// Under what name a late ledger would keep an event.
pub fn ledger_key(transport: Transport, shard: usize, sequence: u64, sub: usize) -> String {
    let digits = sequence_of(transport, sequence).to_string();
    format!("{}#{digits:0>77}#{sub:06}", shard_id(transport, shard))
}

/// The shard's name in the product.
pub fn shard_id(transport: Transport, shard: usize) -> ShardId {
    ShardId(match transport {
        Transport::Kinesis => format!("shardId-{shard:012}"),
        Transport::Kafka => format!("events-{shard}"),
    })
}

/// Kinesis numbers have 56 digits, far beyond what a number type holds; Kafka's are plain.
pub fn sequence_of(transport: Transport, sequence: u64) -> Sequence {
    match transport {
        Transport::Kafka => Sequence::from_u64(sequence),
        Transport::Kinesis => Sequence::parse(&format!("49{sequence:054}")).unwrap_or(Sequence::ZERO),
    }
}
