//! The end of a schedule: every pane against a naive fold, every account to the event, and a replay that changes nothing.
//! VER-1 (P1, P2, P5, P8): a pane's state is the fold over its distinct accepted events, whatever happened on the way.
//! VER-2 (P12): offered = applied + duplicate + quarantined + late + after-seal, source by source, but for what the stream lost.
//! VER-3 (P4): a suffix of any shard, once more, to a sandbox that remembers nothing, moves not even a version.

use std::collections::{BTreeMap, BTreeSet};

use touchline_delivery::{Random, block_on};
use touchline_event::Event;
use touchline_metric::FamilyState;
use touchline_store::{ItemStore, LateLedger, SourceAccount, accounting, late, panes, watermarks};
use touchline_window::{Aggregate as _, PaneState, WindowSpec, merge_panes};

use crate::auditor::{Auditor, Published, Standing};
use crate::books::{Books, Violation};
use crate::later::Later;
use crate::mutants::{Mutant, naive};
use crate::sandbox::{Configuration, batch_of, context};
use crate::scenario::{Fate, SOURCES, Told};
use crate::store::{Audited, open};
use crate::tables;

/// Distinct events of a pane, by id, each with whether it must be there; in the order of their first publication.
#[derive(Default)]
struct Expected<'p> {
    events: BTreeMap<u64, (&'p Event, bool, i64, i64)>,
    in_order: Vec<&'p Event>,
}

impl<'p> Expected<'p> {
    fn add(&mut self, event: &'p Event, is_sure: bool) {
        let arrival_ms = event.first_arrival_ms;
        let id = event.event_id.0;
        if !self.events.contains_key(&id) {
            self.in_order.push(event);
        }
        let known = self.events.entry(id).or_insert((event, is_sure, arrival_ms, arrival_ms));
        known.1 |= is_sure;
        known.2 = known.2.min(arrival_ms);
        known.3 = known.3.max(arrival_ms);
    }
}

fn told(published: &[Published]) -> impl Iterator<Item = (&Told, Standing)> {
    let all = published.iter().flat_map(|one| one.record.payload.told.iter().map(move |told| (told, one.standing())));
    all.filter(|(_, standing)| *standing != Standing::Lost)
}

fn expected_panes<'p>(count: usize, published: &'p [Published]) -> Vec<Expected<'p>> {
    let mut expected: Vec<Expected<'p>> = (0..count).map(|_| Expected::default()).collect();
    for (told, standing) in told(published) {
        if let Fate::Pane(pane) = told.fate {
            expected[pane].add(&told.event, standing == Standing::Sure);
        }
    }
    expected
}

/// Judges a schedule that came to its end.
pub fn judge(
    auditor: &Auditor,
    audited: &std::sync::Arc<Audited>,
    later: Option<&Later>,
    configuration: Configuration,
    random: &mut Random,
) -> Result<(), Violation> {
    let expected = expected_panes(auditor.scenario.panes.len(), &auditor.published);
    if let Some(mutant) = configuration.mutant.filter(|mutant| mutant.is_of_aggregation()) {
        return mutant_panes(auditor, audited, mutant, &expected);
    }
    later.map_or(Ok(()), Later::settle)?;
    let view = configuration.panes(std::sync::Arc::clone(audited) as _);
    let store = &*view;
    let after_seal = after_seal_ids(store)?;
    for (pane, expected) in expected.iter().enumerate() {
        pane_is_the_fold(&open(&auditor.books), pane, expected, &after_seal)?;
    }
    if let Some(later) = later {
        tables::judge(auditor, &later.lake.memory, store, configuration.transport)?;
    }
    windows_are_the_fold(auditor, store, &expected, random)?;
    accounts_add_up(auditor, store)?;
    watermarks_are_the_heartbeats(auditor, store)?;
    replay_changes_nothing(auditor, audited, configuration, random)
}

/// VER-1.
fn pane_is_the_fold(
    books: &Books,
    pane: usize,
    expected: &Expected<'_>,
    after_seal: &BTreeSet<u64>,
) -> Result<(), Violation> {
    let parts = &books.parts[pane];
    let wrong = |text: String| Err(Violation::new("P1", format!("pane {pane}: {text}")));
    let mut ids: Vec<u64> = parts.iter().flat_map(|part| part.ids.iter().copied()).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return wrong(format!("event {:016x} is counted in two parts", twice[0]));
    }
    for (id, (_, is_sure, ..)) in &expected.events {
        let is_closed = parts.iter().any(|part| part.state.lifecycle.is_sealed);
        let is_noted = is_closed && after_seal.contains(id);
        if *is_sure && !is_noted && ids.binary_search(id).is_err() {
            return wrong(format!("event {id:016x} is not counted"));
        }
    }
    let mut fold = books.scenario.panes[pane].family.empty();
    let (mut earliest_ms, mut latest_ms) = (i64::MIN, i64::MIN);
    for id in &ids {
        let Some((event, _, first_ms, last_ms)) = expected.events.get(id) else {
            return wrong(format!("event {id:016x} was never published for it"));
        };
        fold.apply(event);
        (earliest_ms, latest_ms) = (earliest_ms.max(*first_ms), latest_ms.max(*last_ms));
    }
    if books.merged(pane) != fold {
        return wrong("its figures are not those of its events".to_owned());
    }
    let as_of_ms = parts.iter().map(|part| part.state.as_of_ms).max().unwrap_or(i64::MIN);
    if !(earliest_ms..=latest_ms).contains(&as_of_ms) {
        return wrong(format!("as of {as_of_ms}, not between {earliest_ms} and {latest_ms}"));
    }
    if parts.iter().rev().skip(1).any(|part| !part.state.is_frozen) {
        return Err(Violation::new("P11", format!("pane {pane}: a part before the last is open")));
    }
    Ok(())
}

/// Events that came after their pane was sealed.
fn after_seal_ids(store: &dyn ItemStore) -> Result<BTreeSet<u64>, Violation> {
    let broken = |text: String| Violation::new("P12", text);
    let mut ids = BTreeSet::new();
    for source in SOURCES {
        for (_, entry) in block_on(late::list(store, source)).map_err(|error| broken(error.to_string()))? {
            if entry.ledger == LateLedger::AfterSeal {
                let event: Event =
                    serde_json::from_str(&entry.event_json).map_err(|error| broken(error.to_string()))?;
                ids.insert(event.event_id.0);
            }
        }
    }
    Ok(ids)
}

/// P14: sliding windows merged from what a reader gets, against the events themselves, for one entity.
fn windows_are_the_fold(
    auditor: &Auditor,
    store: &dyn ItemStore,
    expected: &[Expected<'_>],
    random: &mut Random,
) -> Result<(), Violation> {
    let Some(chosen) = auditor.scenario.panes.get(random.below(expected.len())) else { return Ok(()) };
    let broken = |text: String| Violation::new("P14", text);
    let pane_ms = chosen.key.pane_ms;
    let spec = WindowSpec::new(3 * pane_ms, pane_ms, pane_ms).map_err(broken)?;
    let read = panes::read(store, chosen.family, &chosen.key.entity, pane_ms, None, None);
    let read = block_on(read).map_err(|error| broken(error.to_string()))?;
    let merged = merge_panes(read.iter().map(|pane| (pane.start_ms, &pane.state)), spec);
    let books = open(&auditor.books);
    let mut direct: BTreeMap<i64, FamilyState> = BTreeMap::new();
    for (number, plan) in auditor.scenario.panes.iter().enumerate() {
        if plan.family != chosen.family || plan.key.entity != chosen.key.entity {
            continue;
        }
        for (event, ..) in expected[number].events.values() {
            if books.has_counted(number, event.event_id.0) {
                for start_ms in spec.starts_containing(event.timestamp_ms) {
                    direct.entry(start_ms).or_insert_with(|| plan.family.empty()).apply(event);
                }
            }
        }
    }
    if merged == direct { Ok(()) } else { Err(broken(format!("windows of {} differ", chosen.key.entity))) }
}

/// VER-2. Of what was given up after it was handed over, some may be accounted for.
fn accounts_add_up(auditor: &Auditor, store: &dyn ItemStore) -> Result<(), Violation> {
    let sources = [&SOURCES[..], &["unknown"]].concat();
    let accounts = block_on(accounting::read(store, &sources))
        .map_err(|error| Violation::new("P12", format!("the accounts cannot be read: {error}")))?;
    let mut offered: BTreeMap<&str, [(u64, u64); 3]> = BTreeMap::new();
    for (told, standing) in told(&auditor.published) {
        let (source, column) = match &told.fate {
            Fate::Pane(_) => (told.event.source.as_str(), 0),
            Fate::Quarantine { source, .. } => (source.as_str(), 1),
            Fate::Late => (told.event.source.as_str(), 2),
            Fate::Heartbeat { .. } => continue,
        };
        let (sure, possible) = &mut offered.entry(source).or_default()[column];
        *sure += u64::from(standing == Standing::Sure);
        *possible += 1;
    }
    for source in sources {
        let account = accounts.get(source).copied().unwrap_or_default();
        let SourceAccount { applied, duplicate, quarantined, late, after_seal, .. } = account;
        let bounds = offered.get(source).copied().unwrap_or_default();
        for (told, (sure, possible)) in [applied + duplicate + after_seal, quarantined, late].into_iter().zip(bounds) {
            if !(sure..=possible).contains(&told) {
                let text = format!("{source}: {told} accounted for of {sure} to {possible} offered ({account:?})");
                return Err(Violation::new("P12", text));
            }
        }
        if account.rejected > 0 {
            return Err(Violation::new("P12", format!("{source}: nobody rejected anything ({account:?})")));
        }
    }
    Ok(())
}

fn watermarks_are_the_heartbeats(auditor: &Auditor, store: &dyn ItemStore) -> Result<(), Violation> {
    let mut said: BTreeMap<(&str, u16), (Option<i64>, i64)> = BTreeMap::new();
    for (told, standing) in told(&auditor.published) {
        let Fate::Heartbeat { source, lane, watermark_ms } = &told.fate else { continue };
        let (sure, possible) = said.entry((source, *lane)).or_insert((None, i64::MIN));
        *possible = (*possible).max(*watermark_ms);
        if standing == Standing::Sure {
            *sure = (*sure).max(Some(*watermark_ms));
        }
    }
    for source in SOURCES {
        let marks =
            block_on(watermarks::read(store, source)).map_err(|error| Violation::new("WM", error.to_string()))?;
        for lane in 0..auditor.scenario.lanes {
            let mark = marks.of_lane(lane);
            let (sure, possible) = said.get(&(source, lane)).copied().unwrap_or((None, i64::MIN));
            if mark < sure || mark.is_some_and(|mark| mark > possible) {
                let text = format!("{source} lane {lane}: watermark {mark:?}, heartbeats {sure:?} to {possible}");
                return Err(Violation::new("WM", text));
            }
        }
    }
    Ok(())
}

/// VER-3.
fn replay_changes_nothing(
    auditor: &Auditor,
    audited: &std::sync::Arc<Audited>,
    configuration: Configuration,
    random: &mut Random,
) -> Result<(), Violation> {
    let before = open(&auditor.books).pane_write_count;
    let shards = auditor.published.iter().map(|one| one.record.shard).max().map_or(0, |last| last + 1);
    let store = configuration.panes(std::sync::Arc::clone(audited) as _);
    let cold = context(configuration, store, 16, 1000);
    for shard in 0..shards {
        let records: Vec<_> = (auditor.published.iter())
            .filter(|one| one.record.shard == shard && one.standing() == Standing::Sure)
            .map(|one| std::rc::Rc::clone(&one.record))
            .collect();
        let from = if random.chance(50) { 0 } else { random.below(records.len()) };
        if records.is_empty() {
            continue;
        }
        let batch = batch_of(configuration.transport, shard, &records[from..]);
        let outcome = block_on(touchline_aggregate::handle(&cold, &batch, || true));
        if let Some(sequence) = outcome.failed_from {
            return Err(Violation::new("P4", format!("a replay of shard {shard} stops at {sequence}")));
        }
    }
    let mut books = open(&auditor.books);
    match books.violation.take() {
        Some(violation) => Err(violation),
        None if books.pane_write_count != before => Err(Violation::new("P4", "a replay writes to panes")),
        None => Ok(()),
    }
}

/// Only the figures and counts of a design with a fault are looked at: a wrong pane is a wrong pane.
fn mutant_panes(
    auditor: &Auditor,
    audited: &Audited,
    mutant: Mutant,
    expected: &[Expected<'_>],
) -> Result<(), Violation> {
    let books = open(&auditor.books);
    for (pane, expected) in expected.iter().enumerate() {
        let plan = &auditor.scenario.panes[pane];
        let is_right = if mutant == Mutant::FloatSums {
            let mut fold = naive::FloatSum::default();
            expected.in_order.iter().for_each(|event| fold.apply(event));
            let item = block_on(audited.memory.get(&naive::float_key(&plan.key))).ok().flatten();
            let state = item.and_then(|item| PaneState::<naive::FloatSum>::decode(&item.value).ok());
            state.map_or(0.0, |state| state.aggregate.0).to_bits() == fold.0.to_bits()
        } else {
            let parts = &books.parts[pane];
            let mut fold = plan.family.empty();
            expected.events.values().for_each(|(event, ..)| fold.apply(event));
            let applied: u64 = parts.iter().map(|part| part.state.applied_count).sum();
            books.merged(pane) == fold && applied == expected.events.len() as u64
        };
        if !is_right {
            return Err(Violation::new(
                "P1",
                format!("pane {pane} of {} is not the fold over its events", plan.key.entity),
            ));
        }
    }
    Ok(())
}
