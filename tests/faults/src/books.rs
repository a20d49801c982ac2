//! What the store holds of every pane, kept beside it write by write, and what no write may ever do.
//! BOOK-1: every write is judged when it happens: P3 and P15 on the item, P11 on its size, P10 on its life, STATE-3,
//! DUE-1 and DIR-1; one revision has one content (FIN-2).
//! BOOK-2: the books are never read by the code under test.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use touchline_metric::FamilyState;
use touchline_store::{ItemKey, LaneItem, PaneLayout};
use touchline_window::{Aggregate as _, PaneState};

use crate::catalogue::Counts;
use crate::sandbox::Configuration;
use crate::scenario::{PanePlan, Scenario};
use crate::trace::Trace;

/// Above every version inside a lane's item.
const OWN: u64 = 1 << 63;

/// A promise that was broken, by its id, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub text: String,
}

impl Violation {
    /// What broke, and how.
    pub fn new(invariant: &'static str, text: impl Into<String>) -> Self {
        Self { invariant, text: text.into() }
    }
}

/// One item of a pane as it was last written.
#[derive(Debug, Clone)]
pub struct Part {
    pub version: u64,
    pub state: PaneState<FamilyState>,
    /// What it has counted: the item itself forgets that when it is sealed.
    pub ids: Vec<u64>,
}

/// A pane item that the store has just taken.
pub struct Taken<'t> {
    pub key: &'t ItemKey,
    pub version: u64,
    pub value: &'t [u8],
    /// Whether the due list and the directory had the pane at that moment.
    pub is_due: bool,
    pub is_listed: bool,
}

/// The books of one schedule.
pub struct Books {
    pub scenario: Arc<Scenario>,
    pub counts: Counts,
    pub trace: Trace,
    /// By pane number, then by part.
    pub parts: Vec<Vec<Part>>,
    pub violation: Option<Violation>,
    /// Writes to pane items so far.
    pub pane_write_count: u64,
    /// Watermarks written since they were last looked at: source, lane, mark.
    pub marks: Vec<(String, u16, i64)>,
    /// The highest watermark written for each source and lane.
    reached: HashMap<(String, u16), i64>,
    /// Sort keys of the late ledgers: shard, sequence and index of what no pane takes.
    pub late_positions: HashSet<String>,
    /// By pane number, what each revision that was ever whole in the store said.
    pub revisions: Vec<BTreeMap<u32, FamilyState>>,
    configuration: Configuration,
    /// A design with a fault breaks these rules from the first write on; only its results are of interest.
    judges_writes: bool,
}

impl Books {
    /// Empty books.
    pub fn new(scenario: Arc<Scenario>, trace: Trace, configuration: Configuration, judges_writes: bool) -> Self {
        let parts = vec![Vec::new(); scenario.panes.len()];
        let revisions = vec![BTreeMap::new(); scenario.panes.len()];
        Self {
            scenario,
            counts: Counts::default(),
            trace,
            parts,
            violation: None,
            pane_write_count: 0,
            marks: Vec::new(),
            reached: HashMap::new(),
            late_positions: HashSet::new(),
            revisions,
            configuration,
            judges_writes,
        }
    }

    /// Whether an event is counted in its pane.
    pub fn has_counted(&self, pane: usize, id: u64) -> bool {
        self.parts[pane].iter().any(|part| part.ids.binary_search(&id).is_ok())
    }

    /// A watermark was written.
    pub fn take_mark(&mut self, source: String, lane: u16, mark: i64) {
        let reached = self.reached.entry((source.clone(), lane)).or_insert(mark);
        *reached = mark.max(*reached);
        self.marks.push((source, lane, mark));
    }

    /// Whether the watermark that decides about a pane has got so far.
    pub fn has_reached(&self, pane: usize, watermark_ms: Option<i64>) -> bool {
        let plan = &self.scenario.panes[pane];
        let reached = self.reached.get(&(plan.source.clone(), plan.key.lane.0));
        watermark_ms.zip(reached).is_some_and(|(needed, reached)| *reached >= needed)
    }

    /// A pane's figures over all its parts.
    pub fn merged(&self, pane: usize) -> FamilyState {
        let mut state = self.scenario.panes[pane].family.empty();
        self.parts[pane].iter().for_each(|part| state.merge(&part.state.aggregate));
        state
    }

    /// Whether the next write to this item must have been announced.
    pub fn must_be_announced(&self, key: &ItemKey) -> bool {
        let Some((pane, part)) = self.scenario.part_of(key) else { return false };
        self.parts[pane].get(part).is_none_or(|part| part.state.lifecycle.is_final)
    }

    /// Takes a write to a pane item into the books.
    pub fn take(&mut self, taken: &Taken<'_>) {
        self.pane_write_count += 1;
        let scenario = Arc::clone(&self.scenario);
        let Some((pane, part)) = scenario.part_of(taken.key) else {
            return self.break_promise("P13", format!("{} {} is no pane's item", taken.key.pk, taken.key.sk));
        };
        let state = match PaneState::<FamilyState>::decode(taken.value) {
            Ok(state) => state,
            Err(error) => return self.break_promise("P15", format!("pane {pane}: {error}")),
        };
        let numbers = [7, pane as u64, part as u64, taken.version, state.applied_count, state.duplicate_count];
        let plan = &scenario.panes[pane];
        self.trace.note(&numbers, || format!("      pane {pane} ({}) {}", title(plan), describe(part, taken, &state)));
        if part > self.parts[pane].len() {
            return self.break_promise("P11", format!("pane {pane} has part {part} without the one before"));
        }
        if self.judges_writes {
            self.judge(pane, part, taken, &state);
        }
        if part > 0 {
            self.counts.note(15);
        }
        let known = self.parts[pane].get(part);
        let ids = match known.filter(|_| state.lifecycle.is_sealed) {
            Some(known) => known.ids.clone(),
            None => state.ids.clone(),
        };
        let part_state = Part { version: taken.version, state, ids };
        match self.parts[pane].get_mut(part) {
            Some(known) => *known = part_state,
            None => self.parts[pane].push(part_state),
        }
        self.note_revision(pane);
    }

    /// The version of a part's own item, as it follows on those that the part had in its lane's item.
    pub fn own_version(&self, version: u64) -> u64 {
        match self.configuration.layout {
            PaneLayout::Pane => version,
            PaneLayout::Lane => OWN | version,
        }
    }

    /// Takes a write to a lane's item: what no pane's own write says of it.
    pub fn take_lane(&mut self, lane: &ItemKey, item: &LaneItem, byte_count: usize) {
        self.pane_write_count += 1;
        let max_bytes = self.configuration.lane_limits.item_bytes;
        if byte_count > max_bytes && item.entries.len() > 1 {
            self.break_promise("P11", format!("{} has {byte_count} bytes, at most {max_bytes}", lane.pk));
        }
        let number = lane.pk.rsplit('#').next();
        if let Some(stranger) = item.entries.keys().find(|key| key.sk.split('#').nth(2) != number) {
            self.break_promise("P13", format!("{} holds {}", lane.pk, stranger.sk));
        }
    }

    /// A pane whose parts are all final says the same as long as it has the same revision.
    fn note_revision(&mut self, pane: usize) {
        let parts = &self.parts[pane];
        if !parts.iter().all(|part| part.state.lifecycle.is_final) {
            return;
        }
        let revision = parts.iter().map(|part| part.state.lifecycle.revision).max().unwrap_or(0);
        let now = self.merged(pane);
        let said = self.revisions[pane].entry(revision).or_insert_with(|| now.clone());
        if *said != now {
            self.break_promise("FIN-2", format!("pane {pane}: revision {revision} has two contents"));
        }
    }

    fn judge(&mut self, pane: usize, part: usize, taken: &Taken<'_>, state: &PaneState<FamilyState>) {
        let mut broken: Vec<(&'static str, String)> = Vec::new();
        if state.encode().ok().as_deref() != Some(taken.value) {
            broken.push(("P15", "its bytes are not those of its state".to_owned()));
        }
        let max_bytes = self.configuration.max_item_bytes;
        if taken.value.len() > max_bytes && state.ids.len() > 1 {
            broken.push(("P11", format!("{} bytes, at most {max_bytes}", taken.value.len())));
        }
        if !state.lifecycle.is_sealed && state.ids.len() as u64 != state.applied_count {
            broken.push(("P1", format!("{} ids, {} applied", state.ids.len(), state.applied_count)));
        }
        // Finalisation's own writes move a pane through its life and announce nothing.
        let is_content = self.parts[pane].get(part).is_none_or(|old| {
            let (old, is_same) = (&old.state, old.state.positions == state.positions);
            !is_same || old.is_frozen != state.is_frozen || old.duplicate_count != state.duplicate_count
        });
        if is_content && self.must_be_announced(taken.key) {
            if !taken.is_due {
                broken.push(("DUE-1", "written without an entry in the due list".to_owned()));
            }
            if !taken.is_listed {
                broken.push(("DIR-1", "written without an entry in the directory".to_owned()));
            }
        }
        let old = self.parts[pane].get(part);
        if let Some(old) = old {
            broken.extend(compare(old, taken.version, state));
        }
        let (policy, end_ms) = (self.scenario.policy, self.scenario.panes[pane].key.end_ms());
        let becomes_final = state.lifecycle.is_final && old.is_none_or(|old| !old.state.lifecycle.is_final);
        if becomes_final && !self.has_reached(pane, Some(policy.final_from_ms(end_ms))) {
            broken.push(("P10", "final before its watermark".to_owned()));
        }
        let becomes_sealed = state.lifecycle.is_sealed && old.is_none_or(|old| !old.state.lifecycle.is_sealed);
        if becomes_sealed && !self.has_reached(pane, policy.sealed_from_ms(end_ms)) {
            broken.push(("P10", "sealed before its watermark".to_owned()));
        }
        for (invariant, text) in broken {
            self.break_promise(invariant, format!("pane {pane} part {part}: {text}"));
        }
    }

    /// The first broken promise is the one that is told.
    pub fn break_promise(&mut self, invariant: &'static str, text: String) {
        if self.judges_writes || invariant == "P1" {
            self.violation.get_or_insert(Violation { invariant, text });
        }
    }
}

/// What a newer state of an item may not do to an older one.
fn compare(old: &Part, version: u64, new: &PaneState<FamilyState>) -> Vec<(&'static str, String)> {
    let mut broken = Vec::new();
    if version <= old.version {
        broken.push(("P3", format!("version {} after {}", version, old.version)));
    }
    for (shard, position) in &old.state.positions {
        if new.positions.get(shard).is_none_or(|now| now < position) {
            broken.push(("P3", format!("position in {shard} fell")));
        }
    }
    let has_all_ids = old.state.ids.iter().all(|id| new.has_counted(*id));
    if !new.lifecycle.is_sealed && !has_all_ids {
        broken.push(("P1", "an id that was counted is gone".to_owned()));
    }
    let (before, after) = (&old.state.lifecycle, &new.lifecycle);
    let is_back = (before.is_final && !after.is_final) || (before.is_sealed && !after.is_sealed);
    if is_back || after.revision < before.revision {
        broken.push(("P10", "it is younger than it was".to_owned()));
    }
    let is_closed = old.state.is_frozen || old.state.lifecycle.is_sealed;
    if is_closed && (old.state.aggregate != new.aggregate || old.state.applied_count != new.applied_count) {
        broken.push(("STATE-3", "a frozen or sealed part changed".to_owned()));
    }
    broken
}

fn title(plan: &PanePlan) -> String {
    format!("{} of {} from second {}", plan.key.family, plan.key.entity, (plan.key.start_ms - crate::BEGIN_MS) / 1000)
}

fn describe(part: usize, taken: &Taken<'_>, state: &PaneState<FamilyState>) -> String {
    let positions: Vec<String> =
        state.positions.iter().map(|(shard, at)| format!("{shard} to {}.{}", at.sequence, at.sub)).collect();
    let mut text = format!("part {part} becomes version {}: ", taken.version);
    text.push_str(&format!("{} applied, {} duplicate, ", state.applied_count, state.duplicate_count));
    text.push_str(&positions.join(", "));
    if state.lifecycle.is_final {
        text.push_str(&format!(", final, revision {}", state.lifecycle.revision));
    }
    let words = [
        (state.lifecycle.is_dirty, ", unpublished"),
        (state.lifecycle.is_sealed, ", sealed"),
        (state.is_frozen, ", full"),
    ];
    words.iter().filter(|(is_so, _)| *is_so).for_each(|(_, word)| text.push_str(word));
    text
}
