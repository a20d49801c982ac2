//! One family's due panes: read, made final or sealed by compare-and-swap, queued for the lake, struck off the list.

use touchline_metric::{Family, FamilyState};
use touchline_store::{DueEntry, Item, ItemKey, ItemWrite, PutOutcome, due, outbox, panes};
use touchline_window::{Aggregate as _, PaneKey, PaneState, Watermarks};

use crate::{FinalizeContext, FinalizeError, FinalizeOutcome, PAGE_ENTRIES, anomalies, rows};

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
    let lane_mark =
        marks.iter().find(|(source, _)| *source == entry.source).and_then(|(_, marks)| marks.of_lane(entry.lane));
    let end_ms = entry.pane_key().end_ms();
    lane_mark.is_some_and(|mark| mark >= context.policy.final_from_ms(end_ms))
}

/// Everything a page made final is written in a few calls; the order inside keeps FIN-2 and FIN-3.
async fn finalise_page(
    context: &FinalizeContext,
    page: Vec<(String, Item, DueEntry)>,
    outcome: &mut FinalizeOutcome,
) -> Result<(), FinalizeError> {
    let mut finals = Vec::with_capacity(page.len());
    let mut removals = Vec::with_capacity(page.len());
    let mut seals = Vec::with_capacity(page.len());
    for (_, item, entry) in page {
        if let Some((pane, parts)) = make_final(context, &entry).await? {
            finals.push((pane, parts));
        }
        removals.push(due::removal(&entry, item.version));
        seals.push(DueEntry { stage: due::Stage::Seal, ..entry });
    }
    for (table, rows) in rows::of_panes(finals.iter().map(|(pane, _)| pane))? {
        outbox::put(&*context.store, table, rows).await?;
    }
    for (pane, _) in &finals {
        outcome.anomalies.extend(anomalies::judge(context, pane).await?);
    }
    // A lost swap means that a correction came in between: it touched the due entry, so the pane is looked at again.
    let cleanings: Vec<ItemWrite> =
        finals.iter().flat_map(|(_, parts)| parts.iter().map(cleaned)).collect::<Result<_, _>>()?;
    for result in context.store.put(cleanings).await {
        result?;
    }
    if context.policy.retention_ms.is_some() {
        due::touch(&*context.store, &seals).await?;
    }
    for result in context.store.put(removals).await {
        result?;
    }
    outcome.finalised.extend(finals.into_iter().map(|(pane, _)| pane));
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
    let page =
        due::list(&*context.store, due::Stage::Seal, family, context.policy.pane_ms, "", latest_end_ms, PAGE_ENTRIES)
            .await?;
    for (_, item, entry) in page {
        let sealed_from_ms = context.policy.sealed_from_ms(entry.pane_key().end_ms());
        let lane_mark =
            marks.iter().find(|(source, _)| *source == entry.source).and_then(|(_, marks)| marks.of_lane(entry.lane));
        if lane_mark.zip(sealed_from_ms).is_none_or(|(mark, from)| mark < from) {
            continue;
        }
        let parts = read_parts(context, &entry).await?;
        // A correction that is not published yet comes first; the pane stays on the list.
        if parts.iter().any(|part| part.state.lifecycle.is_dirty || !part.state.lifecycle.is_final) {
            continue;
        }
        let mut is_lost = false;
        let sealed = |part: &Part| {
            write_of(&Part { key: part.key.clone(), version: part.version, state: part.state.clone().sealed() })
        };
        for result in context.store.put(parts.iter().map(sealed).collect::<Result<_, _>>()?).await {
            is_lost |= matches!(result?, PutOutcome::Conflict(_));
        }
        if !is_lost {
            outcome.sealed += 1;
            context
                .store
                .put(vec![due::removal(&entry, item.version)])
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
        }
    }
    Ok(())
}

/// Makes a pane final by compare-and-swap. `None` when there is nothing to publish: it was clean, or it changed meanwhile.
async fn make_final(
    context: &FinalizeContext,
    entry: &DueEntry,
) -> Result<Option<(FinalPane, Vec<Part>)>, FinalizeError> {
    loop {
        let mut parts = read_parts(context, entry).await?;
        if parts.is_empty() || parts.iter().all(|part| part.state.lifecycle.is_final && !part.state.lifecycle.is_dirty)
        {
            return Ok(None);
        }
        let mut writes = Vec::new();
        let mut written = Vec::new();
        for (index, part) in parts.iter_mut().enumerate() {
            if !part.state.lifecycle.is_final {
                part.state = part.state.clone().finalised();
                part.state.lifecycle.is_dirty = true;
                writes.push(write_of(part)?);
                written.push(index);
            }
        }
        let outcomes = context.store.put(writes).await;
        let mut is_lost = false;
        for (index, result) in written.into_iter().zip(outcomes) {
            match result? {
                PutOutcome::Written(version) => parts[index].version = version,
                PutOutcome::Conflict(_) => is_lost = true,
            }
        }
        if !is_lost {
            return Ok(Some((merged(entry, &parts), parts)));
        }
    }
}

async fn read_parts(context: &FinalizeContext, entry: &DueEntry) -> Result<Vec<Part>, FinalizeError> {
    let pane = entry.pane_key();
    let first = panes::key(&pane, 0);
    // Parts of a pane sort right behind it: `...#lane`, `...#lane#0001`.
    let to = format!("{}$", first.sk);
    let found = context.store.query(&first.pk, &first.sk, Some(&to), PAGE_ENTRIES).await?;
    let mut parts = Vec::with_capacity(found.len());
    for (sk, item) in found {
        let state = PaneState::decode(&item.value)
            .map_err(|error| FinalizeError::Pane { entity: entry.entity.clone(), error })?;
        parts.push(Part { key: ItemKey::new(first.pk.clone(), sk), version: item.version, state });
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
