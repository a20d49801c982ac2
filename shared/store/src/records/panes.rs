//! Pane items: `pane#consumer#epoch#family#entity` / `length#start#lane[#part]` -> encoded pane state.
//! PN-1: parts of a pane are numbered from 0; all but the last are frozen.

use touchline_metric::{Family, FamilyState};
use touchline_window::{Aggregate, PaneKey, PaneState};

use super::walk;
use crate::{Item, ItemKey, ItemStore, StoreError};

/// The consumer name of the deployed aggregation, and the epoch a rebuild would raise.
pub const CONSUMER: &str = "live";
pub const EPOCH: u32 = 0;

/// A pane as read: its parts merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Pane {
    pub start_ms: i64,
    pub state: FamilyState,
    pub is_final: bool,
    pub is_sealed: bool,
    pub revision: u32,
    pub as_of_ms: i64,
    pub applied_count: u64,
    pub duplicate_count: u64,
}

/// The item key of a part.
pub fn key(pane: &PaneKey, part: u32) -> ItemKey {
    ItemKey::new(PaneKey::partition(CONSUMER, EPOCH, pane.family, &pane.entity), pane.sort_key(part))
}

/// What the names of a pane's rows in the lake's outbox begin with; line and revision follow.
pub fn row_prefix(pane_ms: i64, start_ms: i64, entity: &str) -> String {
    format!("{}#{entity}#", PaneKey::sort_prefix(pane_ms, start_ms))
}

/// The items of a pane's parts, in order.
pub async fn parts(store: &dyn ItemStore, pane: &PaneKey) -> Result<Vec<(ItemKey, Item)>, StoreError> {
    let first = key(pane, 0);
    // Parts of a pane sort right behind it: `...#lane`, `...#lane#0001`.
    let to = format!("{}$", first.sk);
    let found = walk(store, &first.pk, &first.sk, Some(&to)).await?;
    Ok(found.into_iter().map(|(sk, item)| (ItemKey::new(first.pk.clone(), sk), item)).collect())
}

/// An entity's panes with `from_ms <= start < to_ms`, ascending; `None` reads to the end.
pub async fn read(
    store: &dyn ItemStore,
    family: Family,
    entity: &str,
    pane_ms: i64,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
) -> Result<Vec<Pane>, StoreError> {
    let pk = PaneKey::partition(CONSUMER, EPOCH, family.as_str(), entity);
    let from = PaneKey::sort_prefix(pane_ms, from_ms.unwrap_or(-(1 << 45)));
    let to = PaneKey::sort_prefix(pane_ms, to_ms.unwrap_or(1 << 45));
    let mut panes: Vec<Pane> = Vec::new();
    for (sk, item) in walk(store, &pk, &from, Some(&to)).await? {
        let broken = |message: String| StoreError::Broken { key: sk.clone(), message };
        let start_ms = start_of(&sk).ok_or_else(|| broken("sort key has no start".to_owned()))?;
        let state = PaneState::<FamilyState>::decode(&item.value).map_err(|error| broken(error.to_string()))?;
        match panes.last_mut().filter(|pane| pane.start_ms == start_ms) {
            Some(pane) => pane.absorb(state),
            None => panes.push(Pane::of(start_ms, state)),
        }
    }
    Ok(panes)
}

fn start_of(sort_key: &str) -> Option<i64> {
    let digits: i64 = sort_key.split('#').nth(1)?.parse().ok()?;
    Some(digits - (1 << 46))
}

impl Pane {
    fn of(start_ms: i64, state: PaneState<FamilyState>) -> Self {
        Self {
            start_ms,
            is_final: state.lifecycle.is_final,
            is_sealed: state.lifecycle.is_sealed,
            revision: state.lifecycle.revision,
            as_of_ms: state.as_of_ms,
            applied_count: state.applied_count,
            duplicate_count: state.duplicate_count,
            state: state.aggregate,
        }
    }

    fn absorb(&mut self, part: PaneState<FamilyState>) {
        self.state.merge(&part.aggregate);
        self.is_final &= part.lifecycle.is_final;
        self.is_sealed &= part.lifecycle.is_sealed;
        self.revision = self.revision.max(part.lifecycle.revision);
        self.as_of_ms = self.as_of_ms.max(part.as_of_ms);
        self.applied_count += part.applied_count;
        self.duplicate_count += part.duplicate_count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_event::Lane;

    #[test]
    fn the_start_is_read_back_from_the_sort_key() {
        for start_ms in [-60_000, 0, 1_700_000_040_000] {
            let pane =
                PaneKey { family: "trades", entity: "finnhub:A#B".into(), pane_ms: 60_000, start_ms, lane: Lane(3) };
            assert_eq!(start_of(&pane.sort_key(2)), Some(start_ms));
        }
    }
}
