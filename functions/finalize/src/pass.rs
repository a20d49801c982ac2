//! One family's due panes: read, made final or sealed by compare-and-swap, queued for the lake, struck off the list.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use touchline_metric::{Family, FamilyState};
use touchline_store::{DueEntry, Item, ItemKey, ItemWrite, PutOutcome, due, outbox, panes};
use touchline_window::{Aggregate as _, PaneKey, PaneState, Watermarks};

use crate::{FinalizeContext, FinalizeError, FinalizeOutcome, PAGE_ENTRIES, anomalies, rows};

/// Panes read and made final at once.
const LOOKS_IN_FLIGHT: usize = 64;

/// A pane that reached a revision in this pass.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalPane {
    pub family: Family,
    pub source: String,
    pub entity: String,
    pub start_ms: i64,
    pub pane_ms: i64,
    pub revision: u32,
    pub as_of_ms: i64,
    pub state: FamilyState,
}

/// A part of a pane as read.
struct Part {
    key: ItemKey,
    version: u64,
    state: PaneState<FamilyState>,
}

pub(crate) async fn run(
    context: &FinalizeContext,
    family: Family,
    marks: &[(&str, Watermarks)],
    outcome: &mut FinalizeOutcome,
) -> Result<(), FinalizeError> {
    let furthest = marks.iter().filter_map(|(_, marks)| marks.furthest()).max();
    let Some(furthest_ms) = furthest else { return Ok(()) };
    let latest_end_ms = furthest_ms.saturating_sub(context.policy.lateness_ms);
    let mut from = String::new();
    loop {
        let page = due::list(
            &*context.store,
            due::Stage::Final,
            family,
            context.policy.pane_ms,
            &from,
            latest_end_ms,
            PAGE_ENTRIES,
        )
        .await?;
        let is_last = page.len() < PAGE_ENTRIES;
        if let Some((sk, _, _)) = page.last() {
            from = format!("{sk}\0");
        }
        let ready = page.into_iter().filter(|(_, _, entry)| is_final_by(context, entry, marks)).collect();
        finalise_page(context, ready, outcome).await?;
        if is_last {
            return Ok(());
        }
    }
}

/// Whether the pane's own lane has passed the pane's end and grace.
fn is_final_by(context: &FinalizeContext, entry: &DueEntry, marks: &[(&str, Watermarks)]) -> bool {
    lane_mark(entry, marks).is_some_and(|mark| mark >= context.policy.final_from_ms(entry.pane_key().end_ms()))
}

fn lane_mark(entry: &DueEntry, marks: &[(&str, Watermarks)]) -> Option<i64> {
    marks.iter().find(|(source, _)| *source == entry.source).and_then(|(_, marks)| marks.of_lane(entry.lane))
}

/// Everything a page made final is written in a few calls; the order inside keeps FIN-2 and FIN-3.
async fn finalise_page(
    context: &FinalizeContext,
    page: Vec<(String, Item, DueEntry)>,
    outcome: &mut FinalizeOutcome,
) -> Result<(), FinalizeError> {
    let mut finals = Vec::with_capacity(page.len());
    let mut settled = Vec::with_capacity(page.len());
    let mut pending: Vec<(DueEntry, u64)> = page.into_iter().map(|(_, item, entry)| (entry, item.version)).collect();
    while !pending.is_empty() {
        let mut lost = Vec::new();
        for (look, entry, version) in look_at(context, pending).await? {
            match look {
                Look::Unsettled => {}
                Look::Lost => lost.push((entry, version)),
                Look::Clean => settled.push((entry, version)),
                Look::Final(pane, parts) => finals.push((pane, parts, entry, version)),
            }
        }
        pending = lost;
    }
    for (table, rows) in rows::of_panes(finals.iter().map(|(pane, ..)| &**pane))? {
        outbox::put(&*context.store, table, rows).await?;
    }
    for (pane, ..) in &finals {
        outcome.anomalies.extend(anomalies::judge(context, pane).await?);
    }
    let cleanings: Vec<ItemWrite> =
        finals.iter().flat_map(|(_, parts, ..)| parts.iter().map(cleaned)).collect::<Result<_, _>>()?;
    let mut results = context.store.put(cleanings).await.into_iter();
    for (pane, parts, entry, version) in finals {
        let mut is_clean = true;
        for result in results.by_ref().take(parts.len()) {
            // A correction came in between. It may have been announced before the entry was read: the entry must stay.
            is_clean &= matches!(result?, PutOutcome::Written(_));
        }
        if is_clean {
            settled.push((entry, version));
        }
        outcome.finalised.push(*pane);
    }
    strike_off(context, settled).await
}

/// Takes panes off the list; where streams forget, puts them on the one for sealing first.
async fn strike_off(context: &FinalizeContext, settled: Vec<(DueEntry, u64)>) -> Result<(), FinalizeError> {
    if context.policy.retention_ms.is_some() {
        let seals: Vec<DueEntry> =
            settled.iter().map(|(entry, _)| DueEntry { stage: due::Stage::Seal, ..entry.clone() }).collect();
        due::touch(&*context.store, &seals).await?;
    }
    let removals = settled.iter().map(|(entry, version)| due::removal(entry, *version)).collect();
    for result in context.store.put(removals).await {
        result?;
    }
    Ok(())
}

/// Seals what the stream can no longer deliver again: ids go, nothing is applied any more.
pub(crate) async fn seal(
    context: &FinalizeContext,
    family: Family,
    marks: &[(&str, Watermarks)],
    outcome: &mut FinalizeOutcome,
) -> Result<(), FinalizeError> {
    let Some(retention_ms) = context.policy.retention_ms else { return Ok(()) };
    let furthest = marks.iter().filter_map(|(_, marks)| marks.furthest()).max();
    let Some(furthest_ms) = furthest else { return Ok(()) };
    let latest_end_ms = furthest_ms.saturating_sub(context.policy.lateness_ms).saturating_sub(retention_ms);
    let mut from = String::new();
    loop {
        let stage = due::Stage::Seal;
        let page =
            due::list(&*context.store, stage, family, context.policy.pane_ms, &from, latest_end_ms, PAGE_ENTRIES)
                .await?;
        let is_last = page.len() < PAGE_ENTRIES;
        if let Some((sk, _, _)) = page.last() {
            from = format!("{sk}\0");
        }
        for (_, item, entry) in page {
            let sealed_from_ms = context.policy.sealed_from_ms(entry.pane_key().end_ms());
            let mark = lane_mark(&entry, marks);
            if mark.zip(sealed_from_ms).is_some_and(|(mark, from)| mark >= from) && seal_pane(context, &entry).await? {
                outcome.sealed += 1;
                let removal = due::removal(&entry, item.version);
                context.store.put(vec![removal]).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Whether the pane is sealed now. If not, it is looked at again.
async fn seal_pane(context: &FinalizeContext, entry: &DueEntry) -> Result<bool, FinalizeError> {
    let mut parts = read_parts(context, entry).await?;
    // A correction that is not published yet comes first.
    if parts.iter().any(|part| part.state.lifecycle.is_dirty || !part.state.lifecycle.is_final) {
        return Ok(false);
    }
    let Some(last) = parts.pop().filter(|part| !part.state.is_frozen) else { return Ok(false) };
    // The last part is the gate. While it is open, the ids of the parts before it are still asked for.
    for gate in [vec![last], parts] {
        let mut writes = Vec::with_capacity(gate.len());
        for part in gate.into_iter().filter(|part| !part.state.lifecycle.is_sealed) {
            writes.push(write_of(&Part { state: part.state.sealed(), ..part })?);
        }
        for result in context.store.put(writes).await {
            if matches!(result?, PutOutcome::Conflict(_)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What finalisation found behind a due entry.
enum Look {
    /// A writer is between its announcement and its write: the entry waits for it.
    Unsettled,
    /// Somebody changed the pane meanwhile: it is to be looked at again.
    Lost,
    /// Everything is published; whoever announced a change has to announce it again.
    Clean,
    /// This revision has to be published.
    Final(Box<FinalPane>, Vec<Part>),
}

/// Makes panes final by compare-and-swap: read all at once, written in one call.
///
/// A writer announces, then writes. Whatever was announced before the entry was read may be written at any time after,
/// so an entry may go only when such a write must fail: because the last part's version has moved since.
async fn look_at(
    context: &FinalizeContext,
    entries: Vec<(DueEntry, u64)>,
) -> Result<Vec<(Look, DueEntry, u64)>, FinalizeError> {
    let reads: Vec<_> = entries.iter().map(|(entry, _)| read_parts(context, entry)).collect();
    let mut panes: Vec<Vec<Part>> = stream::iter(reads).buffered(LOOKS_IN_FLIGHT).try_collect().await?;
    let mut writes = Vec::new();
    let mut written: Vec<Option<Vec<usize>>> = Vec::with_capacity(panes.len());
    for parts in &mut panes {
        let indexes = to_write(parts);
        for index in indexes.iter().flatten() {
            writes.push(write_of(&parts[*index])?);
        }
        written.push(indexes);
    }
    let mut outcomes = context.store.put(writes).await.into_iter();
    let mut looks = Vec::with_capacity(panes.len());
    for (((entry, version), mut parts), indexes) in entries.into_iter().zip(panes).zip(written) {
        let mut is_lost = false;
        for (index, result) in indexes.iter().flatten().zip(outcomes.by_ref()) {
            match result? {
                PutOutcome::Written(version) => parts[*index].version = version,
                PutOutcome::Conflict(_) => is_lost = true,
            }
        }
        let look = match () {
            () if indexes.is_none() => Look::Unsettled,
            () if is_lost => Look::Lost,
            () if parts.iter().all(is_published) => Look::Clean,
            () => Look::Final(Box::new(merged(&entry, &parts)), parts),
        };
        looks.push((look, entry, version));
    }
    Ok(looks)
}

fn is_published(part: &Part) -> bool {
    part.state.lifecycle.is_final && !part.state.lifecycle.is_dirty
}

/// Which parts are to be written: what is not final yet becomes so; of a published pane the last part moves.
/// None where a writer is at it.
fn to_write(parts: &mut [Part]) -> Option<Vec<usize>> {
    // Full parts are frozen only for an event that goes to the next one; nothing else would keep that one from appearing.
    let last = parts.len().checked_sub(1).filter(|last| !parts[*last].state.is_frozen)?;
    if parts.iter().all(is_published) {
        return Some(vec![last]);
    }
    let mut indexes = Vec::new();
    for (index, part) in parts.iter_mut().enumerate().filter(|(_, part)| !part.state.lifecycle.is_final) {
        part.state = part.state.clone().finalised();
        part.state.lifecycle.is_dirty = true;
        indexes.push(index);
    }
    Some(indexes)
}

async fn read_parts(context: &FinalizeContext, entry: &DueEntry) -> Result<Vec<Part>, FinalizeError> {
    let found = panes::parts(&*context.store, &entry.pane_key()).await?;
    let mut parts = Vec::with_capacity(found.len());
    for (key, item) in found {
        let state = PaneState::decode(&item.value)
            .map_err(|error| FinalizeError::Pane { entity: entry.entity.clone(), error })?;
        parts.push(Part { key, version: item.version, state });
    }
    Ok(parts)
}

fn write_of(part: &Part) -> Result<ItemWrite, FinalizeError> {
    let value = part.state.encode().map_err(|error| FinalizeError::Pane { entity: part.key.pk.clone(), error })?;
    Ok(ItemWrite { key: part.key.clone(), expected: Some(part.version), value: Some(value), expires_at_ms: None })
}

fn cleaned(part: &Part) -> Result<ItemWrite, FinalizeError> {
    write_of(&Part { key: part.key.clone(), version: part.version, state: part.state.clone().finalised() })
}

fn merged(entry: &DueEntry, parts: &[Part]) -> FinalPane {
    let PaneKey { start_ms, pane_ms, .. } = entry.pane_key();
    let mut state = entry.family.empty();
    for part in parts {
        state.merge(&part.state.aggregate);
    }
    FinalPane {
        family: entry.family,
        source: entry.source.clone(),
        entity: entry.entity.clone(),
        start_ms,
        pane_ms,
        revision: parts.iter().map(|part| part.state.lifecycle.revision).max().unwrap_or(1),
        as_of_ms: parts.iter().map(|part| part.state.as_of_ms).max().unwrap_or(start_ms),
        state,
    }
}
