//! What must come out: every position judged once, every pane folded naively from its distinct events.

use std::collections::{BTreeMap, BTreeSet};

use touchline_event::{Event, Lane, Payload};
use touchline_metric::{Family, FamilyState};
use touchline_store::{Item, ItemKey};
use touchline_window::{Aggregate, PaneState, pane_start_ms};

use super::stream::{Sent, Shard};
use super::{LANES, PANE_MS, POLICY};

/// Family, entity and start of a pane.
pub type PaneName = (&'static str, String, i64);

/// What an event of a record must become.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Fate {
    Pane(PaneName),
    Quarantine { source: String },
    Late,
    Heartbeat { source: String, lane: u16, watermark_ms: i64 },
}

pub fn fate(sent: &Sent, event: &Event) -> Fate {
    let is_decodable = !sent.is_broken && event.kind == event.payload.kind();
    if !is_decodable {
        return Fate::Quarantine { source: "unknown".into() };
    }
    let own_lane = event.lane(LANES);
    if own_lane != sent.lane {
        return Fate::Quarantine { source: event.source.clone() };
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
        return Fate::Quarantine { source: event.source.clone() };
    }
    Fate::Pane(pane_of(event))
}

fn pane_of(event: &Event) -> PaneName {
    let family = Family::of(event).unwrap();
    (family.as_str(), Family::pane_entity(event), pane_start_ms(event.timestamp_ms, PANE_MS))
}

/// Everything that the store must say in the end.
#[derive(Default)]
pub struct Expected {
    pub panes: BTreeMap<PaneName, BTreeMap<u64, Event>>,
    /// Positions offered to panes, by pane.
    pub pane_positions: BTreeMap<PaneName, u64>,
    pub quarantined: BTreeMap<String, u64>,
    pub late: BTreeMap<String, u64>,
    pub watermarks: BTreeMap<(String, u16), i64>,
}

impl Expected {
    pub fn of(shards: &[Shard]) -> Self {
        let mut expected = Self::default();
        for sent in shards.iter().flat_map(|shard| &shard.sent) {
            for event in &sent.events {
                expected.add(fate(sent, event), event);
            }
        }
        expected
    }

    fn add(&mut self, fate: Fate, event: &Event) {
        match fate {
            Fate::Pane(name) => {
                self.panes.entry(name.clone()).or_default().insert(event.event_id.0, event.clone());
                *self.pane_positions.entry(name).or_default() += 1;
            }
            Fate::Quarantine { source } => *self.quarantined.entry(source).or_default() += 1,
            Fate::Late => *self.late.entry(event.source.clone()).or_default() += 1,
            Fate::Heartbeat { source, lane, watermark_ms } => {
                let mark = self.watermarks.entry((source, lane)).or_insert(i64::MIN);
                *mark = watermark_ms.max(*mark);
            }
        }
    }
}

/// The fold that nothing was ever delivered twice to.
pub fn fold(name: &PaneName, events: &BTreeMap<u64, Event>) -> FamilyState {
    let mut state = Family::from_name(name.0).unwrap().empty();
    events.values().for_each(|event| state.apply(event));
    state
}

/// A pane as the store has it, parts still apart.
pub struct StoredPane {
    pub parts: Vec<PaneState<FamilyState>>,
}

impl StoredPane {
    pub fn ids(&self) -> Vec<u64> {
        self.parts.iter().flat_map(|part| part.ids.iter().copied()).collect()
    }

    pub fn merged(&self, name: &PaneName) -> FamilyState {
        let mut state = Family::from_name(name.0).unwrap().empty();
        self.parts.iter().for_each(|part| state.merge(&part.aggregate));
        state
    }

    pub fn count(&self, of: impl Fn(&PaneState<FamilyState>) -> u64) -> u64 {
        self.parts.iter().map(of).sum()
    }
}

/// Every pane of a store, with the lane that its key names.
pub fn stored_panes(dump: &BTreeMap<ItemKey, Item>) -> BTreeMap<PaneName, StoredPane> {
    let mut panes: BTreeMap<PaneName, StoredPane> = BTreeMap::new();
    for (key, item) in dump.iter().filter(|(key, _)| key.pk.starts_with("pane#")) {
        let mut words = key.pk.splitn(5, '#').skip(3);
        let family = Family::from_name(words.next().unwrap()).unwrap();
        let entity = words.next().unwrap().to_owned();
        let words: Vec<&str> = key.sk.split('#').collect();
        let start_ms: i64 = words[1].parse::<i64>().unwrap() - (1 << 46);
        let own_entity = entity.split('|').next().unwrap();
        assert_eq!(words[2].parse(), Ok(Lane::of(own_entity, LANES).0), "P13: {} {}", key.pk, key.sk);
        let pane = panes.entry((family.as_str(), entity, start_ms)).or_insert(StoredPane { parts: Vec::new() });
        pane.parts.push(PaneState::decode(&item.value).unwrap());
    }
    panes
}

/// Ids counted anywhere, by pane.
pub fn counted(dump: &BTreeMap<ItemKey, Item>) -> BTreeMap<PaneName, BTreeSet<u64>> {
    stored_panes(dump).into_iter().map(|(name, pane)| (name, pane.ids().into_iter().collect())).collect()
}
