//! A rebuilt state in place of the stored one: by compare-and-swap, announced to finalisation first (DUE-1).
//! PUT-1: a pane of one part changes in one swap. Of several, the earlier ones are emptied first and keep their ids and
//! positions, so that nothing can be counted twice; cut short, the pane shows too little until the rebuild runs again.
//! PUT-2: a pane whose item is gone or cannot be read goes on behind the highest revision that was ever queued for the lake.

use std::collections::BTreeSet;

use touchline_lake::tables::{ODDS_WINDOWS, SCORE_WINDOWS, TRADE_WINDOWS};
use touchline_metric::{Family, FamilyState};
use touchline_store::{
    DueEntry, ItemKey, ItemWrite, PutOutcome, StoreError, directory, due, outbox, panes, put_if_absent,
};
use touchline_window::{Aggregate as _, PaneKey, PaneState};

use crate::fold::fold;
use crate::taken::{Delivery, source_of};
use crate::{RebuildContext, RebuildError};

/// Lost swaps before a rebuild gives up.
const TRIES: usize = 8;

/// What a rebuild did to a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It counts exactly these events already.
    Unchanged,
    /// The same figures; only further deliveries are counted as duplicates now.
    Recounted,
    /// New figures under this revision; 0 while the pane is provisional.
    Revised { revision: u32, applied_before: u64, applied: u64 },
    /// Its item was gone or could not be read.
    Restored { revision: u32, applied: u64 },
    /// It counted events that the lake does not hold: nothing was changed.
    Lacking { applied_before: u64, applied: u64 },
}

/// A part as stored; `state` is `None` where it cannot be read.
struct Part {
    key: ItemKey,
    version: u64,
    state: Option<PaneState<FamilyState>>,
}

pub(crate) async fn rebuild(
    context: &RebuildContext,
    family: Family,
    key: &PaneKey,
    deliveries: &[Delivery],
) -> Result<Change, RebuildError> {
    let folded = fold(family, deliveries.iter());
    let known = fold(family, deliveries.iter().filter(|delivery| delivery.is_known));
    for _ in 0..TRIES {
        let stored = panes::parts(&*context.store, key).await?;
        let parts: Vec<Part> = stored
            .into_iter()
            .map(|(key, item)| Part { key, version: item.version, state: PaneState::decode(&item.value).ok() })
            .collect();
        let (change, next) = plan(context, family, key, &parts, &known, folded.clone()).await?;
        let Some(next) = next else { return Ok(change) };
        announce(context, family, key).await?;
        if swap(context, key, &parts, next).await? {
            return Ok(change);
        }
    }
    Err(RebuildError::Contended { entity: key.entity.clone(), tries: TRIES })
}

/// What is to become of the pane, and its whole new state if it is to change.
async fn plan(
    context: &RebuildContext,
    family: Family,
    key: &PaneKey,
    parts: &[Part],
    known: &PaneState<FamilyState>,
    folded: PaneState<FamilyState>,
) -> Result<(Change, Option<PaneState<FamilyState>>), RebuildError> {
    let read: Option<Vec<&PaneState<FamilyState>>> = parts.iter().map(|part| part.state.as_ref()).collect();
    let Some(read) = read.filter(|read| !read.is_empty()) else { return restored(context, family, key, folded).await };
    let current = merged(family, &read);
    let applied = folded.applied_count;
    // Only what may have been counted tells whether the lake holds all of it; the rest of the ledger is new.
    let is_behind = current.positions.iter().any(|(shard, at)| known.positions.get(shard).is_none_or(|last| last < at));
    let has_all = known.applied_count >= current.applied_count && current.ids.iter().all(|id| known.has_counted(*id));
    if is_behind || !has_all {
        let applied = known.applied_count;
        return Ok((Change::Lacking { applied_before: current.applied_count, applied }, None));
    }
    let has_same_figures = current.aggregate == folded.aggregate && current.applied_count == applied;
    if has_same_figures && current.duplicate_count == folded.duplicate_count {
        return Ok((Change::Unchanged, None));
    }
    let mut next = folded;
    next.lifecycle = current.lifecycle;
    if has_same_figures {
        return Ok((Change::Recounted, Some(next)));
    }
    if next.lifecycle.is_final {
        next.lifecycle.revision += 1;
        next.lifecycle.is_dirty = true;
    }
    let revision = next.lifecycle.revision;
    Ok((Change::Revised { revision, applied_before: current.applied_count, applied }, Some(next)))
}

async fn restored(
    context: &RebuildContext,
    family: Family,
    key: &PaneKey,
    mut next: PaneState<FamilyState>,
) -> Result<(Change, Option<PaneState<FamilyState>>), RebuildError> {
    let published = published_revision(context, family, key).await?;
    if published > 0 {
        next.lifecycle.is_final = true;
        next.lifecycle.is_dirty = true;
        next.lifecycle.revision = published + 1;
    }
    let (revision, applied) = (next.lifecycle.revision, next.applied_count);
    Ok((Change::Restored { revision, applied }, Some(next)))
}

/// The highest revision of the pane that was queued for the lake; 0 where none was.
async fn published_revision(context: &RebuildContext, family: Family, key: &PaneKey) -> Result<u32, StoreError> {
    let table = match family {
        Family::Trades => TRADE_WINDOWS.name,
        Family::Odds => ODDS_WINDOWS.name,
        Family::Scores => SCORE_WINDOWS.name,
        Family::Tally => return Ok(0),
    };
    let prefix = panes::row_prefix(key.pane_ms, key.start_ms, &key.entity);
    let names = outbox::names(&*context.store, table, &prefix).await?;
    Ok(names.iter().filter_map(|name| name.rsplit('#').next()?.parse().ok()).max().unwrap_or(0))
}

/// All parts as one.
fn merged(family: Family, parts: &[&PaneState<FamilyState>]) -> PaneState<FamilyState> {
    let mut whole = PaneState::new(family.empty());
    for part in parts {
        whole.aggregate.merge(&part.aggregate);
        whole.applied_count += part.applied_count;
        whole.duplicate_count += part.duplicate_count;
        whole.ids.extend(&part.ids);
        for (shard, at) in &part.positions {
            let last = whole.positions.entry(shard.clone()).or_insert(*at);
            *last = (*last).max(*at);
        }
        let (all, own) = (&mut whole.lifecycle, &part.lifecycle);
        all.is_final |= own.is_final;
        all.is_sealed |= own.is_sealed;
        all.is_dirty |= own.is_dirty;
        all.revision = all.revision.max(own.revision);
    }
    whole
}

/// Finalisation looks at the pane again after this moment.
async fn announce(context: &RebuildContext, family: Family, key: &PaneKey) -> Result<(), StoreError> {
    let entry = DueEntry {
        stage: due::Stage::Final,
        family,
        entity: key.entity.clone(),
        source: source_of(&key.entity).to_owned(),
        pane_ms: key.pane_ms,
        start_ms: key.start_ms,
        lane: key.lane.0,
    };
    put_if_absent(&*context.store, vec![directory::entry(family, &key.entity)]).await?;
    due::touch(&*context.store, &[entry]).await
}

/// Whether every part is as it should be now; if not, somebody else changed the pane meanwhile.
async fn swap(
    context: &RebuildContext,
    key: &PaneKey,
    parts: &[Part],
    mut next: PaneState<FamilyState>,
) -> Result<bool, RebuildError> {
    let (last, earlier) = match parts.split_last() {
        Some((last, earlier)) => (Some(last), earlier),
        None => (None, &[][..]),
    };
    let mut held = BTreeSet::new();
    for part in earlier {
        let mut emptied = PaneState::new(empty_like(&next));
        if let Some(state) = &part.state {
            held.extend(state.ids.iter().copied());
            (emptied.ids, emptied.positions) = (state.ids.clone(), state.positions.clone());
        }
        (emptied.lifecycle, emptied.is_frozen) = (next.lifecycle.clone(), true);
        emptied.lifecycle.is_dirty = false;
        if !put(context, key, part.key.clone(), Some(part.version), &emptied).await? {
            return Ok(false);
        }
    }
    match next.lifecycle.is_sealed {
        true => next.ids.clear(),
        false => next.ids.retain(|id| !held.contains(id)),
    }
    let (item, version) = match last {
        Some(last) => (last.key.clone(), Some(last.version)),
        None => (panes::key(key, 0), None),
    };
    put(context, key, item, version, &next).await
}

fn empty_like(state: &PaneState<FamilyState>) -> FamilyState {
    match state.aggregate {
        FamilyState::Trades(_) => Family::Trades,
        FamilyState::Odds(_) => Family::Odds,
        FamilyState::Scores(_) => Family::Scores,
        FamilyState::Tally(_) => Family::Tally,
    }
    .empty()
}

async fn put(
    context: &RebuildContext,
    pane: &PaneKey,
    key: ItemKey,
    expected: Option<u64>,
    state: &PaneState<FamilyState>,
) -> Result<bool, RebuildError> {
    let encoded = state.encode().map_err(|error| RebuildError::Encode { entity: pane.entity.clone(), error })?;
    let write = ItemWrite { key, expected, value: Some(encoded), expires_at_ms: None };
    match context.store.put(vec![write]).await.pop() {
        Some(outcome) => Ok(matches!(outcome?, PutOutcome::Written(_))),
        None => Ok(false),
    }
}
