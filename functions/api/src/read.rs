//! One entity's whole state, merged from its panes, and the directory of entities.
//! READ-1: a merged state is reused only while the hub tells of every change of its entity and told of none since; a process
//! that is not told (another one writes) reads the store every time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use touchline_metric::{Family, FamilyState};
use touchline_store::{StoreError, directory, panes};
use touchline_window::Aggregate;

use crate::ApiContext;

/// Merged states kept; beyond this the memory starts again, which only costs reads.
const MERGED_MAX: usize = 4096;

/// Everything known of one entity.
#[derive(Debug)]
pub struct Merged {
    pub state: FamilyState,
    /// Latest first arrival among the counted events, UTC ms.
    pub as_of_ms: i64,
}

/// A merged state and the hub's revision it was read at.
type Kept = (u64, Arc<Merged>);

/// Merged states by family and entity.
#[derive(Default)]
pub struct MergedStates(Mutex<HashMap<(Family, String), Kept>>);

/// The merged state of an entity; `None` where it has no pane.
pub async fn merged(context: &ApiContext, family: Family, entity: &str) -> Result<Option<Arc<Merged>>, StoreError> {
    // Read before the panes: a change in between makes the next request read again, never this one too old for ever.
    let revision = context.live.revision_of(family, entity);
    let key = (family, entity.to_owned());
    if revision > 0
        && let Some((kept, merged)) = context.merged.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
        && *kept == revision
    {
        return Ok(Some(Arc::clone(merged)));
    }
    let mut found = panes::read(context.store.as_ref(), family, entity, context.pane_ms, None, None).await?.into_iter();
    let Some(first) = found.next() else { return Ok(None) };
    let mut merged = Merged { state: first.state, as_of_ms: first.as_of_ms };
    for pane in found {
        merged.state.merge(&pane.state);
        merged.as_of_ms = merged.as_of_ms.max(pane.as_of_ms);
    }
    let merged = Arc::new(merged);
    if revision > 0 {
        let mut states = context.merged.0.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= MERGED_MAX {
            states.clear();
        }
        states.insert(key, (revision, Arc::clone(&merged)));
    }
    Ok(Some(merged))
}

/// The vendor in front of an entity.
pub fn source_of(entity: &str) -> &str {
    entity.split(':').next().unwrap_or_default()
}

/// The event of an odds entity: everything before the market.
pub fn event_of(odds_entity: &str) -> &str {
    odds_entity.split('|').next().unwrap_or_default()
}

/// Every vendor that has an entity in any family.
pub async fn sources(context: &ApiContext) -> Result<BTreeSet<String>, StoreError> {
    let mut sources = BTreeSet::new();
    for family in Family::ALL {
        let entities = directory::list(context.store.as_ref(), family).await?;
        sources.extend(entities.iter().map(|entity| source_of(entity).to_owned()));
    }
    Ok(sources)
}
