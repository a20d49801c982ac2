//! The run: publishing, cutting, invoking, polling and believing answers, one seeded step after the other.
//! SIM-1: a step is one of: a call of a producer, the start of a batch, one poll of one invocation, one disturbance.
//! SIM-2: the run ends when everything published is acknowledged by every mapping and nothing runs any more.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::mapping::Mapping;
use crate::producer::Producer;
use crate::stream::Stream;
use crate::{Consumer, End, Fault, FaultCounts, FaultSet, Invocation, Moment, Random, Record, Response, Time};
use crate::{Settings, Watch};

/// Percent of answers that get lost where answers may.
const LOST_RESPONSE_PERCENT: usize = 5;
/// Polls of an invocation that will run out of time, at most.
const SHORT_TIME_POLLS: usize = 60;

/// What a timer starts.
pub type TimerTask = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) enum Work<T> {
    Batch(Rc<Invocation<T>>),
    Timer(u64),
}

pub(crate) struct Running<T> {
    pub work: Work<T>,
    future: Pin<Box<dyn Future<Output = Response>>>,
    sandbox: Option<u64>,
    pub is_zombie: bool,
    pub frozen_until: u64,
}

pub(crate) struct Sandbox<S> {
    pub number: u64,
    function: usize,
    consumer: Rc<S>,
    pub busy: usize,
}

/// One run over one stream.
pub struct Simulation<T, S, W> {
    pub(crate) settings: Settings,
    pub(crate) random: Random,
    pub(crate) stream: Stream<T>,
    producers: Vec<Producer<T>>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) sandboxes: Vec<Sandbox<S>>,
    sandboxes_made: u64,
    pub(crate) running: Vec<Running<T>>,
    pub(crate) discarded: Vec<Rc<Record<T>>>,
    cold_start: Box<dyn FnMut(usize) -> S>,
    timer: Option<Box<dyn FnMut() -> TimerTask>>,
    pub(crate) watch: W,
    pub(crate) counts: FaultCounts,
    pub(crate) step: u64,
    started: u64,
    pub(crate) redrives: u32,
}

impl<T, S, W> Simulation<T, S, W>
where
    T: Clone + 'static,
    S: Consumer<T> + 'static,
    W: Watch<T>,
{
    /// A run over what the producers have to say, each a list of partition key and content. `cold_start` makes sandboxes
    /// of the function with the number it is given.
    pub fn new(
        seed: u64,
        settings: Settings,
        producers: Vec<Vec<(u32, T)>>,
        watch: W,
        cold_start: impl FnMut(usize) -> S + 'static,
    ) -> Self {
        Self {
            stream: Stream::new(settings.transport, settings.shards.max(1)),
            settings,
            random: Random::new(seed),
            producers: producers.into_iter().map(Producer::new).collect(),
            mappings: Vec::new(),
            sandboxes: Vec::new(),
            sandboxes_made: 0,
            running: Vec::new(),
            discarded: Vec::new(),
            cold_start: Box::new(cold_start),
            timer: None,
            watch,
            counts: FaultCounts::default(),
            step: 0,
            started: 0,
            redrives: 0,
        }
    }

    /// Another function over the same state, started now and then beside the batches.
    pub fn with_timer(mut self, task: impl FnMut() -> TimerTask + 'static) -> Self {
        self.timer = Some(Box::new(task));
        self
    }

    /// Runs to the end, or to the first moment that the watch refuses.
    pub fn run(&mut self) -> Result<(), String> {
        for function in 0..self.settings.functions.max(1) {
            self.start_mapping(function, self.settings.parallelization)?;
        }
        while self.advance()? {}
        Ok(())
    }

    /// How often what went wrong.
    pub fn counts(&self) -> FaultCounts {
        self.counts
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Whoever saw it all.
    pub fn watch(&mut self) -> &mut W {
        &mut self.watch
    }

    pub(crate) fn may(&self, fault: Fault) -> bool {
        self.step < self.settings.steps_with_faults && self.settings.allowed.has(fault)
    }

    fn advance(&mut self) -> Result<bool, String> {
        self.step += 1;
        if self.step == self.settings.steps_with_faults {
            self.watch.see(Moment::Calm)?;
        }
        if self.step > self.settings.steps_max {
            return Err(format!("liveness: not through after {} steps", self.settings.steps_max));
        }
        let has_faults = self.step < self.settings.steps_with_faults;
        if has_faults && self.random.chance(self.settings.disturbance_percent) {
            self.disturb()?;
            return Ok(true);
        }
        if has_faults && self.timer.is_some() && self.random.chance(self.settings.timer_percent) {
            self.start_timer()?;
        }
        let is_done = match self.random.below(10) {
            0 => self.publish()? || self.poll_any()? || self.start_any()?,
            1..=3 => self.start_any()? || self.poll_any()? || self.publish()?,
            _ => self.poll_any()? || self.start_any()? || self.publish()?,
        };
        Ok(is_done || self.thaw() || self.publish_discarded()?)
    }

    fn publish(&mut self) -> Result<bool, String> {
        let waiting: Vec<usize> = (0..self.producers.len()).filter(|n| !self.producers[*n].is_done()).collect();
        if waiting.is_empty() {
            return Ok(false);
        }
        let number = *self.random.pick(&waiting);
        let has_faults = self.step < self.settings.steps_with_faults;
        let allowed = if has_faults { self.settings.allowed } else { FaultSet::NONE };
        let call = self.producers[number].call(&mut self.random, allowed);
        call.faults.into_iter().for_each(|fault| self.counts.note(fault));
        for (key, payload, is_repeat) in call.taken {
            self.put(key, payload, is_repeat)?;
        }
        Ok(true)
    }

    pub(crate) fn put(&mut self, key: u32, payload: T, is_repeat: bool) -> Result<(), String> {
        let record = self.stream.put(&mut self.random, key, payload);
        let index = self.stream.shards[record.shard].records.len() - 1;
        for mapping in self.mappings.iter_mut().filter(|mapping| !mapping.is_stopped) {
            mapping.take(&record, index);
        }
        self.watch.see(Moment::Put { record: &record, is_repeat })
    }

    /// What went to the failure destination comes back, once or twice.
    fn publish_discarded(&mut self) -> Result<bool, String> {
        let records = std::mem::take(&mut self.discarded);
        for record in &records {
            for _ in 0..1 + self.random.below(2) {
                self.counts.note(Fault::Redrive);
                self.put(record.partition_key, record.payload.clone(), true)?;
            }
        }
        Ok(!records.is_empty())
    }

    fn thaw(&mut self) -> bool {
        self.running.iter_mut().for_each(|run| run.frozen_until = 0);
        !self.running.is_empty()
    }

    fn start_any(&mut self) -> Result<bool, String> {
        let mut ready = Vec::new();
        for (mapping, state) in self.mappings.iter().enumerate().filter(|(_, mapping)| !mapping.is_stopped) {
            for (shard, orders) in state.shards.iter().enumerate() {
                let is_ahead = self.stream.shards[shard].parents.iter().any(|parent| !state.is_through(*parent));
                if is_ahead && !self.settings.reads_children_early {
                    continue;
                }
                let open = orders.iter().enumerate().filter(|(_, order)| order.is_ready());
                ready.extend(open.map(|(order, _)| (mapping, shard, order, is_ahead)));
            }
        }
        if ready.is_empty() {
            return Ok(false);
        }
        let (mapping, shard, order, is_ahead) = *self.random.pick(&ready);
        if is_ahead {
            self.counts.note(Fault::Reshard);
        }
        self.start(mapping, shard, order)?;
        Ok(true)
    }

    fn start(&mut self, mapping: usize, shard: usize, order: usize) -> Result<(), String> {
        let may_recut = self.may(Fault::Recut);
        let state = &mut self.mappings[mapping].shards[shard];
        let beside = state.iter().any(|order| order.in_flight.is_some());
        let own = &mut state[order];
        let span = (own.done, own.cut(&mut self.random, self.settings.batch_records, may_recut));
        own.in_flight = Some(self.started);
        if may_recut && own.failed.is_some_and(|failed| failed != span) {
            self.counts.note(Fault::Recut);
        }
        let indexes = own.members[span.0..span.1].to_vec();
        if beside {
            self.counts.note(Fault::Parallelization);
        }
        let function = self.mappings[mapping].function;
        if self.live_mappings(function).len() > 1 {
            self.counts.note(Fault::SecondMapping);
        }
        let has_little_time = self.may(Fault::TimeOut) && self.random.chance(self.settings.time_out_percent);
        let limit = if has_little_time { 1 + self.random.below(SHORT_TIME_POLLS) as u32 } else { u32::MAX };
        let records = indexes.iter().map(|index| Rc::clone(&self.stream.shards[shard].records[*index])).collect();
        for index in indexes {
            self.stream.shards[shard].delivered_to[index] |= 1 << function;
        }
        let (number, time) = (self.started, Time::new(limit));
        let invocation = Rc::new(Invocation { number, function, mapping, order, shard, records, time, span });
        self.started += 1;
        self.invoke(invocation)
    }

    fn invoke(&mut self, invocation: Rc<Invocation<T>>) -> Result<(), String> {
        let at = self.sandbox(invocation.function);
        let sandbox = &mut self.sandboxes[at];
        sandbox.busy += 1;
        let number = sandbox.number;
        let (consumer, batch) = (Rc::clone(&sandbox.consumer), Rc::clone(&invocation));
        self.watch.see(Moment::Started { invocation: &invocation, sandbox: number })?;
        self.running.push(Running {
            work: Work::Batch(invocation),
            future: Box::pin(async move { consumer.handle(&batch).await }),
            sandbox: Some(number),
            is_zombie: false,
            frozen_until: 0,
        });
        Ok(())
    }

    /// An idle sandbox of the function, else a cold one; now and then one that is at work.
    fn sandbox(&mut self, function: usize) -> usize {
        let wants_busy = self.random.chance(self.settings.shared_sandbox_percent);
        let is_fitting = |one: &Sandbox<S>| one.function == function && (one.busy > 0) == wants_busy;
        let fitting: Vec<usize> = (0..self.sandboxes.len()).filter(|n| is_fitting(&self.sandboxes[*n])).collect();
        if !fitting.is_empty() {
            return *self.random.pick(&fitting);
        }
        let number = self.sandboxes_made;
        self.sandboxes_made += 1;
        let consumer = Rc::new((self.cold_start)(function));
        self.sandboxes.push(Sandbox { number, function, consumer, busy: 0 });
        self.sandboxes.len() - 1
    }

    fn start_timer(&mut self) -> Result<(), String> {
        let Some(timer) = &mut self.timer else { return Ok(()) };
        let task = timer();
        let number = self.started;
        self.started += 1;
        let future = Box::pin(async move {
            task.await;
            Response::Done
        });
        self.running.push(Running {
            work: Work::Timer(number),
            future,
            sandbox: None,
            is_zombie: false,
            frozen_until: 0,
        });
        self.watch.see(Moment::TimerStarted { number })
    }

    /// Polls one of those that run and are not frozen.
    fn poll_any(&mut self) -> Result<bool, String> {
        let count = self.running.len();
        let first = self.random.below(count);
        let step = self.step;
        let Some(at) = (0..count).map(|n| (first + n) % count).find(|n| self.running[*n].frozen_until <= step) else {
            return Ok(false);
        };
        let run = &mut self.running[at];
        if let Work::Batch(invocation) = &run.work
            && !invocation.time.take()
        {
            self.counts.note(Fault::TimeOut);
            self.end(at, End::TimedOut)?;
            return Ok(true);
        }
        if let Poll::Ready(response) = run.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            let is_waited_for = !run.is_zombie && matches!(run.work, Work::Batch(_));
            let is_lost = is_waited_for && self.may(Fault::LostResponse) && self.random.chance(LOST_RESPONSE_PERCENT);
            if is_lost {
                self.counts.note(Fault::LostResponse);
            }
            self.end(at, if is_lost { End::Unheard(response) } else { End::Answered(response) })?;
        }
        Ok(true)
    }

    pub(crate) fn end(&mut self, at: usize, end: End) -> Result<(), String> {
        let Running { work, future, sandbox, is_zombie, .. } = self.running.swap_remove(at);
        drop(future);
        let is_killed = matches!(end, End::Crashed | End::TimedOut);
        if let Some(used) = self.sandboxes.iter_mut().find(|one| Some(one.number) == sandbox) {
            used.busy -= 1;
        }
        if is_killed && sandbox.is_some() {
            self.sandboxes.retain(|one| Some(one.number) != sandbox);
            // Whoever shared the sandbox goes with it.
            while let Some(other) = self.running.iter().position(|run| run.sandbox == sandbox) {
                self.end(other, End::Crashed)?;
            }
        }
        match work {
            Work::Timer(number) => self.watch.see(Moment::TimerEnded { number, is_whole: !is_killed }),
            Work::Batch(invocation) => {
                self.watch.see(Moment::Ended { invocation: &invocation, end, is_zombie })?;
                if is_zombie { Ok(()) } else { self.believe(&invocation, end) }
            }
        }
    }

    /// Moves the checkpoint as far as the answer says.
    fn believe(&mut self, invocation: &Invocation<T>, end: End) -> Result<(), String> {
        let (from, until) = invocation.span;
        let done = match end {
            End::Answered(Response::Done) => until,
            End::Answered(Response::FailedFrom(sequence)) => {
                let at = invocation.records.iter().position(|record| record.sequence == sequence);
                from + at.unwrap_or(0)
            }
            _ => from,
        };
        let has_faults = self.step < self.settings.steps_with_faults;
        let order = &mut self.mappings[invocation.mapping].shards[invocation.shard][invocation.order];
        order.in_flight = None;
        order.done = done;
        if done == until {
            (order.failed, order.attempt_count) = (None, 0);
            return Ok(());
        }
        order.failed = Some(invocation.span);
        order.attempt_count = if done > from { 1 } else { order.attempt_count + 1 };
        if has_faults && self.settings.discard_after.is_some_and(|most| order.attempt_count > most) {
            (order.done, order.failed, order.attempt_count) = (until, None, 0);
            let records = &invocation.records[done - from..];
            self.discarded.extend(records.iter().cloned());
            self.watch.see(Moment::Discarded { function: invocation.function, records })?;
        }
        Ok(())
    }
}
