//! What is published in a schedule, and what each event of it must become, decided naively from the event alone.
//! SCN-1 (P7): an event's fate is a function of its bytes and of the record's partition key.

mod events;
mod pollers;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use touchline_delivery::Random;
use touchline_event::{Event, Lane, Payload};
use touchline_metric::Family;
use touchline_store::{DueEntry, ItemKey, directory, due, panes};
use touchline_window::{PaneKey, WindowPolicy, pane_start_ms};

use crate::Options;

pub use events::SOURCES;
use events::{PANE_MS, START_MS};

/// Times small enough that a short stream meets all of them.
pub const POLICY: WindowPolicy = WindowPolicy {
    pane_ms: PANE_MS,
    lateness_ms: 120_000,
    horizon_ms: 600_000,
    future_ms: 300_000,
    retention_ms: None,
};
/// Instant at which the stream begins, UTC ms.
pub const BEGIN_MS: i64 = START_MS;

/// What an event of a record must become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Counted in the pane of this number.
    Pane(usize),
    Quarantine {
        source: String,
        /// The archive takes it all the same: it can be read and travelled on its own lane.
        is_readable: bool,
    },
    Late,
    Heartbeat {
        source: String,
        lane: u16,
        watermark_ms: i64,
    },
}

/// An event as published, and its fate.
#[derive(Debug)]
pub struct Told {
    pub event: Event,
    pub fate: Fate,
}

/// What a record carries.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Vec<u8>,
    pub partition_key: String,
    pub told: Vec<Told>,
    /// Catalogue numbers that this record is an instance of.
    pub faults: Vec<usize>,
}

/// A pane that some event belongs to.
#[derive(Debug)]
pub struct PanePlan {
    pub family: Family,
    /// The vendor whose watermark decides.
    pub source: String,
    pub key: PaneKey,
    pub due: ItemKey,
    pub directory: ItemKey,
}

/// A schedule's content.
pub struct Scenario {
    pub lanes: u16,
    /// When panes are final and sealed; how long the stream keeps a record is the schedule's own.
    pub policy: WindowPolicy,
    pub panes: Vec<PanePlan>,
    numbers: HashMap<ItemKey, usize>,
    /// Frames of each producer in its order, with the lane outside.
    pub producers: Vec<Vec<(u32, Arc<Frame>)>>,
    /// Lanes that no heartbeat speaks for.
    pub idle_lanes: usize,
}

impl Scenario {
    /// A schedule's content from its seed.
    pub fn new(random: &mut Random, options: &Options) -> Self {
        let lanes = *random.pick(&[1, 2, 4, 8]);
        let retention_ms = *random.pick(&[None, Some(0), Some(PANE_MS), Some(4 * PANE_MS)]);
        let mut scenario = Self {
            lanes,
            policy: WindowPolicy { retention_ms, ..POLICY },
            panes: Vec::new(),
            numbers: HashMap::new(),
            producers: Vec::new(),
            idle_lanes: 0,
        };
        let drafts = pollers::drafts(random, options, lanes);
        for drafts in drafts {
            let frames = drafts.into_iter().map(|draft| {
                let told = (draft.events.into_iter())
                    .map(|event| Told { fate: scenario.fate(draft.is_broken, draft.lane, &event), event })
                    .collect();
                let frame =
                    Frame { bytes: draft.bytes, partition_key: draft.lane.partition_key(), told, faults: draft.faults };
                (u32::from(draft.lane.0), Arc::new(frame))
            });
            let frames = frames.collect();
            scenario.producers.push(frames);
        }
        let spoken: BTreeSet<u16> = scenario.told().filter_map(|told| heartbeat_lane(&told.fate)).collect();
        scenario.idle_lanes = usize::from(lanes) - spoken.len();
        scenario
    }

    /// Everything that the producers mean to say.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.producers.iter().flatten().flat_map(|(_, frame)| &frame.told)
    }

    /// The pane of an item and which part of it the item is.
    pub fn part_of(&self, key: &ItemKey) -> Option<(usize, usize)> {
        let third = key.sk.match_indices('#').nth(2).map(|(at, _)| at);
        let (base, part) = match third {
            None => (key.sk.as_str(), 0),
            Some(at) => (&key.sk[..at], key.sk[at + 1..].parse().ok()?),
        };
        self.numbers.get(&ItemKey::new(key.pk.as_str(), base)).map(|number| (*number, part))
    }

    fn fate(&mut self, is_broken: bool, outside: Lane, event: &Event) -> Fate {
        if is_broken || event.kind != event.payload.kind() {
            return Fate::Quarantine { source: "unknown".into(), is_readable: false };
        }
        if event.lane(self.lanes) != outside {
            return Fate::Quarantine { source: event.source.clone(), is_readable: false };
        }
        if let Payload::Heartbeat(heartbeat) = &event.payload {
            let watermark_ms = heartbeat.watermark_ms;
            return Fate::Heartbeat { source: event.source.clone(), lane: heartbeat.lane, watermark_ms };
        }
        let lateness_ms = event.first_arrival_ms - event.timestamp_ms;
        if lateness_ms > POLICY.horizon_ms {
            return Fate::Late;
        }
        if -lateness_ms > POLICY.future_ms {
            return Fate::Quarantine { source: event.source.clone(), is_readable: true };
        }
        match Family::of(event) {
            Some(family) => Fate::Pane(self.pane(family, outside, event)),
            None => Fate::Quarantine { source: event.source.clone(), is_readable: true },
        }
    }

    fn pane(&mut self, family: Family, lane: Lane, event: &Event) -> usize {
        let key = PaneKey {
            family: family.as_str(),
            entity: Family::pane_entity(event),
            pane_ms: PANE_MS,
            start_ms: pane_start_ms(event.timestamp_ms, PANE_MS),
            lane,
        };
        let item = panes::key(&key, 0);
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let entry = DueEntry {
            stage: due::Stage::Final,
            family,
            entity: key.entity.clone(),
            source: event.source.clone(),
            pane_ms: key.pane_ms,
            start_ms: key.start_ms,
            lane: lane.0,
        };
        let (listed, _) = directory::entry(family, &key.entity);
        let (due, source) = (entry.key(), entry.source);
        self.panes.push(PanePlan { family, source, due, directory: listed, key });
        self.numbers.insert(item, self.panes.len() - 1);
        self.panes.len() - 1
    }
}

fn heartbeat_lane(fate: &Fate) -> Option<u16> {
    match fate {
        Fate::Heartbeat { lane, .. } => Some(*lane),
        _ => None,
    }
}

/// A short name for stories.
pub fn name_of(told: &Told) -> String {
    let Event { event_id, kind, .. } = &told.event;
    let second = (told.event.timestamp_ms - BEGIN_MS).div_euclid(1000);
    let fate = match &told.fate {
        Fate::Pane(number) => format!("for pane {number}"),
        Fate::Quarantine { .. } => "for quarantine".to_owned(),
        Fate::Late => "late".to_owned(),
        Fate::Heartbeat { lane, watermark_ms, .. } => {
            format!("lane {lane} has reached second {}", (watermark_ms - BEGIN_MS) / 1000)
        }
    };
    format!("{kind:?} {event_id} of {} at second {second}, {fate}", told.event.entity())
}
