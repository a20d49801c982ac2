//! The consumers of one process: aggregation, archive, finalisation and commit, each behind its deployed handler.
//! PIPE-1: a consumer's checkpoint moves only after its handler answered; what a crash leaves in between is delivered again.
//! PIPE-2: `settle` returns when everything published is aggregated, archived, finalised as far as time goes, and committed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use touchline_aggregate::{AggregateContext, WarmCache};
use touchline_api::{LiveChange, LiveHub};
use touchline_archive::ArchiveContext;
use touchline_commit::CommitContext;
use touchline_event::{Sequence, ShardId};
use touchline_feed::Source;
use touchline_finalize::FinalizeContext;
use touchline_metric::Family;
use touchline_store::progress;
use touchline_stream::{Batch, Consume};
use touchline_window::WindowPolicy;

use crate::state::{EPOCH, LANES, State};

/// Records of one batch of the aggregation, which wants to be early, and of the archive, which wants few files.
const AGGREGATE_RECORDS: usize = 512;
const ARCHIVE_RECORDS: usize = 8192;
/// How long the archive gathers before it writes.
const ARCHIVE_EVERY: Duration = Duration::from_secs(2);
/// Swaps in one transaction of the embedded store.
const PUTS_IN_FLIGHT: usize = 1024;
const WARM_PANES: usize = 20_000;
/// How often finality is looked at, and how often the lake is committed to.
const FINALIZE_EVERY: Duration = Duration::from_millis(500);
const COMMIT_EVERY: Duration = Duration::from_secs(3);
/// How long the aggregation waits for the log to say that something was published.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// The consumers and what they share.
pub struct Pipeline {
    state: Arc<State>,
    aggregate: AggregateContext,
    archive: ArchiveContext,
    finalize: FinalizeContext,
    commit: CommitContext,
    live: LiveHub,
    is_stopping: watch::Sender<bool>,
}

/// Names of every vendor that can have events.
pub fn sources() -> Vec<String> {
    Source::ALL.iter().map(|source| source.as_str().to_owned()).collect()
}

impl Pipeline {
    pub fn new(state: Arc<State>, policy: WindowPolicy, live: LiveHub) -> Arc<Self> {
        let store = state.store.clone();
        Arc::new(Self {
            aggregate: AggregateContext {
                store: store.clone(),
                policy,
                lanes: LANES,
                puts_in_flight: PUTS_IN_FLIGHT,
                max_item_bytes: state.layout.max_part_bytes(),
                cache: WarmCache::new(WARM_PANES),
            },
            archive: ArchiveContext {
                lake: state.lake.clone(),
                store: store.clone(),
                lanes: LANES,
                epoch: EPOCH.to_owned(),
            },
            finalize: FinalizeContext { store: store.clone(), policy, sources: sources() },
            commit: CommitContext { lake: state.lake.clone(), store, epoch: EPOCH.to_owned(), sources: sources() },
            state,
            live,
            is_stopping: watch::Sender::new(false),
        })
    }

    /// Runs all consumers until [`Pipeline::stop`]; ends with the first error.
    pub async fn run(self: Arc<Self>) -> anyhow::Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(Arc::clone(&self).aggregate_loop());
        tasks.spawn(Arc::clone(&self).archive_loop());
        tasks.spawn(Arc::clone(&self).finalize_loop());
        tasks.spawn(Arc::clone(&self).commit_loop());
        while let Some(ended) = tasks.join_next().await {
            ended.context("a consumer panicked")??;
        }
        Ok(())
    }

    /// Asks the loops to end after what they are doing.
    pub fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    fn is_running(&self) -> bool {
        !*self.is_stopping.borrow()
    }

    /// For as long as it takes, but no longer than until the stop.
    async fn pause(&self, length: Duration) {
        let mut stopping = self.is_stopping.subscribe();
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
        }
    }

    async fn aggregate_loop(self: Arc<Self>) -> anyhow::Result<()> {
        let mut published = self.state.log.watch();
        while self.is_running() {
            published.borrow_and_update();
            if !self.each_shard(Self::aggregate_shard).await? {
                tokio::select! {
                    _ = published.changed() => {}
                    () = self.pause(LOOK_AGAIN_EVERY) => {}
                }
            }
        }
        Ok(())
    }

    async fn archive_loop(self: Arc<Self>) -> anyhow::Result<()> {
        while self.is_running() {
            self.each_shard(Self::archive_shard).await?;
            self.pause(ARCHIVE_EVERY).await;
        }
        Ok(())
    }

    async fn finalize_loop(self: Arc<Self>) -> anyhow::Result<()> {
        while self.is_running() {
            self.finalize_once().await?;
            self.pause(FINALIZE_EVERY).await;
        }
        Ok(())
    }

    async fn commit_loop(self: Arc<Self>) -> anyhow::Result<()> {
        while self.is_running() {
            touchline_commit::handle(&self.commit).await?;
            self.pause(COMMIT_EVERY).await;
        }
        Ok(())
    }

    /// Everything published so far, all the way: for the end of a bounded run, with the loops stopped.
    pub async fn settle(self: Arc<Self>) -> anyhow::Result<()> {
        let archiver = Arc::clone(&self);
        let archived = tokio::spawn(async move {
            while archiver.each_shard(Self::archive_shard).await? {}
            anyhow::Ok(())
        });
        while self.each_shard(Self::aggregate_shard).await? {}
        archived.await.context("the archive panicked")??;
        self.finalize_once().await?;
        touchline_commit::handle(&self.commit).await?;
        Ok(())
    }

    async fn next_batch(&self, consumer: &str, shard: &ShardId, limit: usize) -> anyhow::Result<Option<Batch>> {
        let done = progress::read(&*self.state.store, consumer, &shard.0).await?;
        let after = (done > 0).then(|| Sequence::from_u64(done));
        let records = self.state.log.read(shard, after, limit).await?;
        Ok((!records.is_empty()).then(|| Batch { shard: shard.clone(), records }))
    }

    /// Moves a consumer's checkpoint behind what its handler finished.
    async fn checkpoint(&self, consumer: &str, batch: &Batch, failed_from: Option<Sequence>) -> anyhow::Result<()> {
        let done = match failed_from {
            Some(failed) => failed.to_u64().unwrap_or(1) - 1,
            None => batch.records.last().and_then(|record| record.sequence.to_u64()).unwrap_or(0),
        };
        Ok(progress::raise(&*self.state.store, consumer, &batch.shard.0, done).await?)
    }

    /// One batch of every shard, side by side as Lambda runs them. Whether there was any.
    async fn each_shard<F>(self: &Arc<Self>, work: fn(Arc<Self>, ShardId) -> F) -> anyhow::Result<bool>
    where
        F: Future<Output = anyhow::Result<bool>> + Send + 'static,
    {
        let shards = self.state.log.shards().await?;
        let mut tasks: tokio::task::JoinSet<_> =
            shards.into_iter().map(|shard| work(Arc::clone(self), shard)).collect();
        let mut has_worked = false;
        while let Some(ended) = tasks.join_next().await {
            has_worked |= ended.context("a consumer panicked")??;
        }
        Ok(has_worked)
    }

    async fn aggregate_shard(self: Arc<Self>, shard: ShardId) -> anyhow::Result<bool> {
        let Some(batch) = self.next_batch("aggregate", &shard, AGGREGATE_RECORDS).await? else { return Ok(false) };
        let outcome = touchline_aggregate::handle(&self.aggregate, &batch, || true).await;
        self.checkpoint("aggregate", &batch, outcome.failed_from).await?;
        for change in outcome.changes {
            let Some(family) = Family::from_name(change.family) else { continue };
            self.live.publish(LiveChange::Pane {
                family,
                entity: change.entity,
                pane_start_ms: change.start_ms,
                is_final: change.is_final,
                revision: change.revision,
            });
        }
        self.live.publish(LiveChange::Accounting);
        Ok(true)
    }

    async fn archive_shard(self: Arc<Self>, shard: ShardId) -> anyhow::Result<bool> {
        let Some(batch) = self.next_batch("archive", &shard, ARCHIVE_RECORDS).await? else { return Ok(false) };
        let outcome = touchline_archive::handle(&self.archive, &batch).await;
        self.checkpoint("archive", &batch, outcome.failed_from).await?;
        Ok(true)
    }

    async fn finalize_once(&self) -> anyhow::Result<()> {
        let outcome = touchline_finalize::handle(&self.finalize).await?;
        for pane in outcome.finalised {
            self.live.publish(LiveChange::Pane {
                family: pane.family,
                entity: pane.entity,
                pane_start_ms: pane.start_ms,
                is_final: true,
                revision: pane.revision,
            });
        }
        for anomaly in outcome.anomalies {
            let Some(family) = Family::from_name(&anomaly.family) else { continue };
            self.live.publish(LiveChange::Anomaly {
                family,
                entity: anomaly.entity,
                kind: anomaly.kind,
                window_start_ms: anomaly.window_start_ms,
                severity: anomaly.severity,
            });
        }
        Ok(())
    }
}
