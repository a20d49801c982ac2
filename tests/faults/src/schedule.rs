//! One schedule from its seed: scenario, store, sandboxes and delivery put together, run and judged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use touchline_delivery::{Random, Settings, Simulation, Transport, mix};
use touchline_store::{ItemStore, LaneLimits, MAX_ITEM_BYTES, PaneLayout};

use crate::auditor::Auditor;
use crate::books::{Books, Violation};
use crate::catalogue::Counts;
use crate::lake::FaultyTables;
use crate::later::Later;
use crate::mutants::Mutant;
use crate::sandbox::{Configuration, FUNCTIONS, Sandbox};
use crate::scenario::Scenario;
use crate::store::{Audited, layers, open};
use crate::trace::Trace;
use crate::{Options, verdict};

/// What became of a schedule.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    pub counts: Counts,
    /// Events put into the stream, repeats counted again.
    pub event_count: u64,
    pub steps: u64,
    pub digest: u64,
    pub violation: Option<Violation>,
    /// Empty unless asked for.
    pub story: Vec<String>,
}

/// The seed of one schedule of a run.
pub fn seed_of(seed: u64, number: u64) -> u64 {
    mix(mix(seed).wrapping_add(number))
}

/// Runs one schedule. A panic of the code under test is a broken promise like any other.
pub fn run(seed: u64, options: &Options, has_story: bool) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run_to_end(seed, options, has_story))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned());
        Outcome {
            seed,
            counts: Counts::default(),
            event_count: 0,
            steps: 0,
            digest: 0,
            violation: Some(Violation::new("panic", text)),
            story: Vec::new(),
        }
    })
}

fn run_to_end(seed: u64, options: &Options, has_story: bool) -> Outcome {
    let mut random = Random::new(seed);
    let scenario = Arc::new(Scenario::new(&mut random.fork(), options));
    let settings = settings(&mut random, options);
    let configuration = configuration(&mut random, options, &settings, scenario.lanes);
    let judges_writes = options.mutant.is_none_or(|mutant| !mutant.is_of_aggregation());
    let has_later = settings.functions > 1;
    let books = Books::new(Arc::clone(&scenario), Trace::new(has_story), configuration, judges_writes);
    let books = Arc::new(Mutex::new(books));
    let audited = Arc::new(Audited::new(Arc::clone(&books)));
    let has_faults = Arc::new(AtomicBool::new(true));
    let store = layers(Arc::clone(&audited), &mut random, options, &has_faults);
    let lake = Arc::new(FaultyTables::new(&books, &mut random, options, &has_faults));
    let later = Later { store: Arc::clone(&store), lake: Arc::clone(&lake), policy: scenario.policy, configuration };
    let settled = Later { store: Arc::clone(&audited) as Arc<dyn ItemStore>, ..later.clone() };
    let auditor = Auditor::new(
        Arc::clone(&books),
        Arc::clone(&scenario),
        settings.transport,
        Arc::clone(&has_faults),
        judges_writes,
    );
    let mut sandboxes = random.fork();
    let producers = scenario.producers.clone();
    let mut simulation = Simulation::new(random.bits(), settings, producers, auditor, move |function| {
        Sandbox::new(function, configuration, &store, &lake, &mut sandboxes)
    });
    if has_later {
        simulation = simulation.with_timer(later.timer(Arc::clone(&books), random.fork()));
    }
    let ended = simulation.run();
    // A short run is over before anything was to be calm.
    has_faults.store(false, Ordering::Relaxed);
    let (delivered, steps) = (simulation.counts(), simulation.steps());
    let found = open(&books).violation.take();
    let violation = match (found, ended) {
        (Some(violation), _) => Some(violation),
        (None, Err(text)) => Some(Violation::new("liveness", text)),
        (None, Ok(())) => {
            let settled = has_later.then_some(&settled);
            verdict::judge(simulation.watch(), &audited, settled, configuration, &mut random).err()
        }
    };
    let event_count = simulation.watch().published.iter().map(|one| one.record.payload.told.len() as u64).sum();
    let mut books = open(&books);
    let mut counts = books.counts;
    counts.add_delivery(&delivered);
    (0..scenario.idle_lanes).for_each(|_| counts.note(19));
    Outcome {
        seed,
        counts,
        event_count,
        steps,
        digest: books.trace.digest(),
        violation,
        story: books.trace.take_lines(),
    }
}

/// What all sandboxes have in common.
fn configuration(random: &mut Random, options: &Options, settings: &Settings, lanes: u16) -> Configuration {
    let sizes: &[usize] =
        if options.allowed.has(15) { &[150, 260, 500, 2_000, MAX_ITEM_BYTES] } else { &[MAX_ITEM_BYTES] };
    let max_item_bytes = *random.pick(sizes);
    let drawn = *random.pick(&PaneLayout::ALL);
    let is_of_lanes = options.mutant.is_some_and(Mutant::is_of_lanes);
    Configuration {
        transport: settings.transport,
        lanes,
        max_item_bytes,
        layout: if is_of_lanes { PaneLayout::Lane } else { options.layout.unwrap_or(drawn) },
        lane_limits: LaneLimits {
            item_bytes: *random.pick(&[900, 3_000, MAX_ITEM_BYTES]),
            open_part_bytes: *random.pick(&[200, 600, MAX_ITEM_BYTES]),
        },
        mutant: options.mutant,
    }
}

fn settings(random: &mut Random, options: &Options) -> Settings {
    let mut settings = Settings::any(random, options.allowed.in_delivery());
    // The archive and what runs by the clock take as long as the aggregation: the other half is for panes alone.
    let has_later = match options.mutant {
        None => random.chance(50),
        Some(mutant) => !mutant.is_of_aggregation(),
    };
    settings.functions = if has_later { FUNCTIONS } else { 1 };
    if options.mutant == Some(Mutant::MarkPerShard) {
        (settings.transport, settings.parallelization) = (Transport::Kinesis, 2);
    }
    settings
}
