//! Disturbances: what befalls invocations, sandboxes, mappings and shards from outside.
//! DIS-1: a mapping that stops leaves another that has read, or will read, everything it had not acknowledged.

use std::rc::Rc;

use crate::mapping::Mapping;
use crate::simulation::{Simulation, Work};
use crate::{Consumer, End, Fault, Moment, Transport, Watch};

/// Mappings of one function at most, stopped ones included.
const MAX_MAPPINGS: usize = 4;
/// Shards of one run at most, closed ones included.
const MAX_SHARDS: usize = 9;
/// Times that somebody publishes old records again, at most.
const MAX_REDRIVES: u32 = 3;
/// Batches that a new poller may find uncommitted, in records.
const MAX_UNCOMMITTED: usize = 8;
/// Steps that a frozen sandbox stands still, at most.
const MAX_FREEZE_STEPS: usize = 400;

const DISTURBANCES: [Fault; 9] = [
    Fault::Crash,
    Fault::Zombie,
    Fault::Freeze,
    Fault::SecondMapping,
    Fault::Reshard,
    Fault::Redrive,
    Fault::Expiry,
    Fault::Rebalance,
    Fault::ColdStart,
];

impl<T, S, W> Simulation<T, S, W>
where
    T: Clone + 'static,
    S: Consumer<T> + 'static,
    W: Watch<T>,
{
    /// One disturbance, where there is something to disturb.
    pub(crate) fn disturb(&mut self) -> Result<(), String> {
        let fault = *self.random.pick(&DISTURBANCES);
        if !self.settings.allowed.has(fault) {
            return Ok(());
        }
        match fault {
            Fault::Crash => self.crash(),
            Fault::Zombie => self.abandon_any(),
            Fault::Freeze => self.freeze(),
            Fault::SecondMapping => self.change_mappings(),
            Fault::Reshard => self.reshard(),
            Fault::Redrive => self.redrive(),
            Fault::Expiry => self.expire(),
            Fault::Rebalance => self.rebalance(),
            _ => self.forget_sandbox(),
        }
    }

    fn crash(&mut self) -> Result<(), String> {
        if self.running.is_empty() {
            return Ok(());
        }
        self.counts.note(Fault::Crash);
        let at = self.random.below(self.running.len());
        self.end(at, End::Crashed)
    }

    fn abandon_any(&mut self) -> Result<(), String> {
        let is_counted = |n: &usize| !self.running[*n].is_zombie && matches!(self.running[*n].work, Work::Batch(_));
        let counted: Vec<usize> = (0..self.running.len()).filter(is_counted).collect();
        if counted.is_empty() {
            return Ok(());
        }
        let at = *self.random.pick(&counted);
        self.counts.note(Fault::Zombie);
        self.abandon(at)
    }

    /// The mapping waits no longer; the invocation runs on.
    fn abandon(&mut self, at: usize) -> Result<(), String> {
        let run = &mut self.running[at];
        let Work::Batch(invocation) = &run.work else { return Ok(()) };
        if std::mem::replace(&mut run.is_zombie, true) {
            return Ok(());
        }
        let order = &mut self.mappings[invocation.mapping].shards[invocation.shard][invocation.order];
        order.in_flight = None;
        order.failed = Some(invocation.span);
        order.attempt_count += 1;
        self.watch.see(Moment::Abandoned { invocation })
    }

    fn freeze(&mut self) -> Result<(), String> {
        if self.running.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.running.len());
        let until = self.step + 30 + self.random.below(MAX_FREEZE_STEPS) as u64;
        self.running[at].frozen_until = until;
        self.counts.note(Fault::Freeze);
        let is_waited_for = !self.running[at].is_zombie;
        let Work::Batch(invocation) = &self.running[at].work else { return Ok(()) };
        self.watch.see(Moment::Frozen { invocation })?;
        if is_waited_for && self.settings.allowed.has(Fault::Zombie) && self.random.chance(60) {
            self.counts.note(Fault::Zombie);
            self.abandon(at)?;
        }
        Ok(())
    }

    pub(crate) fn live_mappings(&self, function: usize) -> Vec<usize> {
        let is_live = |mapping: &Mapping| mapping.function == function && !mapping.is_stopped;
        (0..self.mappings.len()).filter(|n| is_live(&self.mappings[*n])).collect()
    }

    fn any_function(&mut self) -> usize {
        let count = self.settings.functions.max(1);
        if count == 1 { 0 } else { self.random.below(count) }
    }

    fn change_mappings(&mut self) -> Result<(), String> {
        let function = self.any_function();
        let live = self.live_mappings(function);
        if live.len() > 1 {
            let stopped = *self.random.pick(&live);
            return self.stop_mapping(stopped);
        }
        if self.mappings.iter().filter(|mapping| mapping.function == function).count() == MAX_MAPPINGS {
            return Ok(());
        }
        let is_parallel = self.settings.transport == Transport::Kinesis
            && self.settings.allowed.has(Fault::Parallelization)
            && self.settings.parallelization > 1;
        let parallelization = if is_parallel { 1 + self.random.below(4) } else { 1 };
        self.start_mapping(function, parallelization)
    }

    /// A new mapping reads every shard from somewhere at or before the checkpoints of its function's others.
    pub(crate) fn start_mapping(&mut self, function: usize, parallelization: usize) -> Result<(), String> {
        let live = self.live_mappings(function);
        let mut mapping = Mapping::new(function, parallelization.max(1), self.random.bits());
        for shard in 0..self.stream.shards.len() {
            let count = self.stream.shards[shard].records.len();
            let checkpoint = live.iter().map(|n| self.mappings[*n].checkpoint(shard, count)).min().unwrap_or(0);
            let from = self.random.below(checkpoint + 1).max(self.stream.shards[shard].oldest);
            mapping.read_from(&self.stream, shard, from);
        }
        self.mappings.push(mapping);
        self.watch.see(Moment::MappingStarted { function, mapping: self.mappings.len() - 1, parallelization })
    }

    fn stop_mapping(&mut self, stopped: usize) -> Result<(), String> {
        for at in 0..self.running.len() {
            let is_own = matches!(&self.running[at].work, Work::Batch(invocation) if invocation.mapping == stopped);
            if is_own {
                self.abandon(at)?;
            }
        }
        self.mappings[stopped].is_stopped = true;
        self.watch.see(Moment::MappingStopped { mapping: stopped })
    }

    fn reshard(&mut self) -> Result<(), String> {
        if self.settings.transport == Transport::Kafka || self.stream.shards.len() + 2 > MAX_SHARDS {
            return Ok(());
        }
        let open: Vec<usize> = (0..self.stream.shards.len()).filter(|n| self.stream.shards[*n].is_open).collect();
        let chosen = *self.random.pick(&open);
        let neighbour = self.stream.neighbour(chosen).filter(|_| self.random.chance(50));
        let (parents, children) = match neighbour {
            Some(right) => (vec![chosen, right], self.stream.merge(chosen, right)),
            None => (vec![chosen], self.stream.split(chosen)),
        };
        for mapping in self.mappings.iter_mut().filter(|mapping| !mapping.is_stopped) {
            children.iter().for_each(|child| mapping.read_from(&self.stream, *child, 0));
        }
        self.counts.note(Fault::Reshard);
        self.watch.see(Moment::Resharded { parents: &parents, children: &children })
    }

    /// Somebody publishes a stretch of old records again, once or twice.
    fn redrive(&mut self) -> Result<(), String> {
        let shard = self.random.below(self.stream.shards.len());
        let count = self.stream.shards[shard].records.len();
        if count == 0 || self.redrives == MAX_REDRIVES {
            return Ok(());
        }
        self.redrives += 1;
        let from = self.random.below(count);
        let until = (from + 1 + self.random.below(3)).min(count);
        let records = self.stream.shards[shard].records[from..until].to_vec();
        for _ in 0..1 + self.random.below(2) {
            for record in &records {
                self.counts.note(Fault::Redrive);
                self.put(record.partition_key, record.payload.clone(), true)?;
            }
        }
        Ok(())
    }

    /// A shard forgets its oldest records, read or not.
    fn expire(&mut self) -> Result<(), String> {
        let shard = self.random.below(self.stream.shards.len());
        let is_held = |mapping: &Mapping| mapping.shards[shard].iter().any(|order| order.in_flight.is_some());
        let is_busy = self.mappings.iter().any(|mapping| !mapping.is_stopped && is_held(mapping));
        if is_busy || self.counts.of(Fault::Expiry) > 0 || !self.random.chance(40) {
            return Ok(());
        }
        let oldest = self.random.below(self.stream.shards[shard].records.len() + 1);
        self.stream.shards[shard].oldest = oldest;
        (0..self.settings.functions.max(1)).try_for_each(|function| self.lose(function, shard, oldest))
    }

    /// What a function has not acknowledged of the records before `oldest` never comes to it any more.
    fn lose(&mut self, function: usize, shard: usize, oldest: usize) -> Result<(), String> {
        let mut lost: Option<Vec<usize>> = None;
        for mapping in self.live_mappings(function) {
            let orders = self.mappings[mapping].shards[shard].iter_mut();
            let unread: Vec<usize> = orders.flat_map(|order| order.forget(|index| index < oldest)).collect();
            // What another mapping has acknowledged is not lost.
            lost = Some(match lost {
                None => unread,
                Some(lost) => lost.into_iter().filter(|index| unread.contains(index)).collect(),
            });
        }
        let mut lost = lost.unwrap_or_default();
        lost.sort_unstable();
        for index in lost {
            self.counts.note(Fault::Expiry);
            let record = Rc::clone(&self.stream.shards[shard].records[index]);
            let was_delivered = self.stream.shards[shard].delivered_to[index] & (1 << function) != 0;
            self.watch.see(Moment::Expired { function, record: &record, was_delivered })?;
        }
        Ok(())
    }

    /// A partition's new poller begins at what was committed, which may be older than what was done.
    fn rebalance(&mut self) -> Result<(), String> {
        if self.settings.transport == Transport::Kinesis {
            return Ok(());
        }
        let function = self.any_function();
        let live = self.live_mappings(function);
        let mapping = *self.random.pick(&live);
        let partition = self.random.below(self.stream.shards.len());
        let holder = self.mappings[mapping].shards[partition][0].in_flight;
        let is_held = |work: &Work<T>| matches!(work, Work::Batch(invocation) if Some(invocation.number) == holder);
        if let Some(at) = self.running.iter().position(|run| is_held(&run.work)) {
            self.abandon(at)?;
        }
        let uncommitted = self.random.below(MAX_UNCOMMITTED);
        let oldest = self.stream.shards[partition].oldest;
        let order = &mut self.mappings[mapping].shards[partition][0];
        let first = order.members.iter().position(|index| *index >= oldest).unwrap_or(order.members.len());
        order.done = order.done.saturating_sub(uncommitted).max(first.min(order.done));
        order.failed = None;
        self.counts.note(Fault::Rebalance);
        self.watch.see(Moment::Rebalanced { partition })
    }

    fn forget_sandbox(&mut self) -> Result<(), String> {
        let idle: Vec<u64> = self.sandboxes.iter().filter(|one| one.busy == 0).map(|one| one.number).collect();
        if !idle.is_empty() {
            let number = *self.random.pick(&idle);
            self.sandboxes.retain(|one| one.number != number);
            self.counts.note(Fault::ColdStart);
        }
        Ok(())
    }
}
