//! What the simulated delivery promises, and that everything it can do wrong does happen. DEL-1 to DEL-4.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use touchline_delivery::{
    Consumer, Fault, FaultSet, Invocation, Moment, Random, Response, Settings, Simulation, Transport, Watch, yield_now,
};

type Place = (usize, u64);

/// What sandboxes saw, in order: place, function, key and content.
type Seen = Rc<RefCell<Vec<(Place, usize, u32, u32)>>>;

/// Takes records one by one, with an await before each, and answers as told.
struct Reader {
    seen: Seen,
    answer: fn(&Invocation<u32>) -> Response,
}

impl Consumer<u32> for Reader {
    async fn handle(&self, invocation: &Invocation<u32>) -> Response {
        for record in &invocation.records {
            yield_now().await;
            let place = (record.shard, record.sequence);
            self.seen.borrow_mut().push((place, invocation.function, record.partition_key, record.payload));
        }
        (self.answer)(invocation)
    }
}

/// Keeps the story, and what must have been read in the end.
#[derive(Default)]
struct Witness {
    story: Vec<String>,
    published: BTreeSet<Place>,
    /// Expired, or at the failure destination.
    given_up: BTreeSet<Place>,
    /// 1 for contents that went to the failure destination and did not come back yet.
    discarded: BTreeMap<u32, i64>,
}

impl Watch<u32> for Witness {
    fn see(&mut self, moment: Moment<'_, u32>) -> Result<(), String> {
        self.story.push(moment.to_string());
        match moment {
            Moment::Put { record, .. } => {
                self.published.insert((record.shard, record.sequence));
                self.discarded.entry(record.payload).and_modify(|missing| *missing = 0);
            }
            Moment::Expired { record, .. } => {
                self.given_up.insert((record.shard, record.sequence));
            }
            Moment::Discarded { records, .. } => {
                self.discarded.extend(records.iter().map(|record| (record.payload, 1)));
                self.given_up.extend(records.iter().map(|record| (record.shard, record.sequence)));
            }
            _ => {}
        }
        Ok(())
    }
}

struct Run {
    simulation: Simulation<u32, Reader, Witness>,
    seen: Seen,
    ended: Result<(), String>,
}

fn run_with(seed: u64, settings: Settings, answer: fn(&Invocation<u32>) -> Response) -> Run {
    let seen = Seen::default();
    let producers = (0..2).map(|producer| (0..30).map(|n| (n % 7, producer * 100 + n)).collect()).collect();
    let shared = Rc::clone(&seen);
    let mut simulation = Simulation::new(seed, settings, producers, Witness::default(), move |_| Reader {
        seen: Rc::clone(&shared),
        answer,
    });
    let ended = simulation.run();
    Run { simulation, seen, ended }
}

fn always(_: &Invocation<u32>) -> Response {
    Response::Done
}

#[test]
fn without_faults_every_key_is_read_once_and_in_order() {
    for (seed, transport) in (0..100).zip([Transport::Kinesis, Transport::Kafka].into_iter().cycle()) {
        let parallelization = if transport == Transport::Kinesis { 1 + seed as usize % 4 } else { 1 };
        let run = run_with(seed, Settings { transport, shards: 3, parallelization, ..Settings::default() }, always);
        assert_eq!(run.ended, Ok(()));
        let seen = run.seen.borrow();
        assert_eq!(seen.len(), 60, "once");
        let mut by_key: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
        seen.iter().for_each(|(place, _, key, _)| by_key.entry(*key).or_default().push(*place));
        assert!(by_key.values().all(|places| places.is_sorted()), "in order");
    }
}

#[test]
fn with_every_fault_each_record_is_read_or_expired_and_what_was_put_aside_is_published_again() {
    let answers: [fn(&Invocation<u32>) -> Response; 2] = [always, |invocation| match invocation.number % 3 {
        0 => Response::Done,
        1 => Response::FailedFrom(invocation.records[invocation.records.len() / 2].sequence),
        _ => Response::Error,
    }];
    for seed in 0..600 {
        let settings = Settings::any(&mut Random::new(seed), FaultSet::all());
        let mut run = run_with(seed, settings, answers[seed as usize % 2]);
        assert_eq!(run.ended, Ok(()), "seed {seed}");
        let seen: BTreeSet<Place> = run.seen.borrow().iter().map(|(place, ..)| *place).collect();
        let witness = run.simulation.watch();
        let unread: Vec<&Place> = witness.published.difference(&seen).collect();
        assert!(unread.iter().all(|place| witness.given_up.contains(place)), "seed {seed}: {unread:?}");
        assert!(witness.discarded.values().all(|missing| *missing == 0), "seed {seed}");
    }
}

#[test]
fn every_kind_of_fault_happens_and_only_those_that_may() {
    let mut missing: Vec<Fault> = Fault::ALL.to_vec();
    for seed in 0..600 {
        let settings = Settings::any(&mut Random::new(seed), FaultSet::all());
        let fails_often = |invocation: &Invocation<u32>| {
            if invocation.number.is_multiple_of(3) { Response::Done } else { Response::Error }
        };
        let counts = run_with(seed, settings, fails_often).simulation.counts();
        missing.retain(|fault| counts.of(*fault) == 0);
        let allowed = FaultSet::all().without(Fault::ALL[seed as usize % Fault::ALL.len()]);
        let settings = Settings::any(&mut Random::new(seed), allowed);
        let counts = run_with(seed, settings, always).simulation.counts();
        for fault in Fault::ALL.into_iter().filter(|fault| !allowed.has(*fault)) {
            assert_eq!(counts.of(fault), 0, "seed {seed}: {fault:?}");
        }
    }
    assert_eq!(missing, []);
}

#[test]
fn a_seed_is_a_run() {
    for seed in 0..50 {
        let story = || {
            let settings = Settings::any(&mut Random::new(seed), FaultSet::all());
            std::mem::take(&mut run_with(seed, settings, always).simulation.watch().story)
        };
        assert_eq!(story(), story());
    }
}

#[test]
fn a_failure_is_delivered_again_from_its_record_on() {
    // Every first sight of record 5 fails; the batches before it are done.
    let run = run_with(3, Settings::default(), |invocation| {
        let at = invocation.records.iter().position(|record| record.payload == 5);
        match at {
            Some(at) if at > 0 => Response::FailedFrom(invocation.records[at].sequence),
            _ => Response::Done,
        }
    });
    assert_eq!(run.ended, Ok(()));
    let mut times: BTreeMap<Place, usize> = BTreeMap::new();
    run.seen.borrow().iter().for_each(|(place, ..)| *times.entry(*place).or_default() += 1);
    let five = run.seen.borrow().iter().find(|(.., payload)| *payload == 5).map(|(place, ..)| *place).unwrap();
    assert!(times[&five] >= 1);
    assert!(times.iter().filter(|(place, _)| **place < five).all(|(_, count)| *count == 1), "{times:?}");
}

#[test]
fn a_consumer_that_never_succeeds_is_told_apart_from_a_slow_one() {
    let settings = Settings { steps_max: 5_000, ..Settings::default() };
    let ended = run_with(1, settings, |_| Response::Error).ended;
    assert!(ended.unwrap_err().contains("liveness"));
}

#[test]
fn an_identifier_that_is_not_in_the_batch_fails_it_whole() {
    let settings = Settings { steps_max: 5_000, ..Settings::default() };
    assert!(run_with(1, settings, |_| Response::FailedFrom(u64::MAX)).ended.is_err());
}

#[test]
fn every_function_reads_everything_on_its_own() {
    for seed in 0..200 {
        let settings =
            Settings { functions: 2, ..Settings::any(&mut Random::new(seed), FaultSet::all().without(Fault::Expiry)) };
        let settings = Settings { discard_after: None, ..settings };
        let mut run = run_with(seed, settings, always);
        assert_eq!(run.ended, Ok(()), "seed {seed}");
        let published = run.simulation.watch().published.clone();
        let seen_by = |wanted: usize| {
            let seen = run.seen.borrow();
            seen.iter()
                .filter(|(_, function, ..)| *function == wanted)
                .map(|(place, ..)| *place)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!([seen_by(0), seen_by(1)], [published.clone(), published], "seed {seed}");
    }
}
