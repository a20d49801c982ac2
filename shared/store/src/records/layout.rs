//! How the panes of a store are laid out: `settings` / `pane_layout` -> the layout's name.
//! LAY-1 (PST-2): noted before the first pane is written, and never changed; a store from before there was a choice has
//! an item for each pane.

use super::directory;
use crate::{ItemKey, ItemStore, ItemWrite, PaneLayout, StoreError};
use touchline_metric::Family;

/// Why a store is not opened.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("panes lie by the {} here, not by the {}; leave the layout away, or begin another store", .found.as_str(), .wanted.as_str())]
    Other { found: PaneLayout, wanted: PaneLayout },
}

fn key() -> ItemKey {
    ItemKey::new("settings", "pane_layout")
}

/// The store's layout; a store that has none yet takes the one that is wanted.
pub async fn agree(store: &dyn ItemStore, wanted: Option<PaneLayout>) -> Result<PaneLayout, LayoutError> {
    let found = match store.get(&key()).await? {
        Some(item) => Some(parse(&item.value)?),
        None if has_panes(store).await? => Some(PaneLayout::Pane),
        None => None,
    };
    if let (Some(found), Some(wanted)) = (found, wanted.filter(|wanted| Some(*wanted) != found)) {
        return Err(LayoutError::Other { found, wanted });
    }
    let layout = found.or(wanted).unwrap_or_default();
    let value = Some(layout.as_str().as_bytes().to_vec());
    let write = ItemWrite { key: key(), expected: None, value, expires_at_ms: None };
    match store.put(vec![write]).await.pop().transpose()? {
        // Somebody else was first: what they noted holds.
        Some(crate::PutOutcome::Conflict(Some(item))) => match parse(&item.value)? {
            noted if noted == layout || wanted.is_none() => Ok(noted),
            noted => Err(LayoutError::Other { found: noted, wanted: layout }),
        },
        _ => Ok(layout),
    }
}

fn parse(value: &[u8]) -> Result<PaneLayout, StoreError> {
    let text = String::from_utf8_lossy(value);
    text.parse().map_err(|message| StoreError::Broken { key: key().sk, message })
}

/// Every pane's entity is in the directory first (DIR-1).
async fn has_panes(store: &dyn ItemStore) -> Result<bool, StoreError> {
    for family in Family::ALL {
        if !directory::list(store, family).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, put_if_absent};

    #[tokio::test]
    async fn a_store_keeps_the_layout_that_it_began_with() {
        let store = MemoryStore::default();
        assert_eq!(agree(&store, Some(PaneLayout::Lane)).await.unwrap(), PaneLayout::Lane);
        assert_eq!(agree(&store, None).await.unwrap(), PaneLayout::Lane);
        assert_eq!(agree(&store, Some(PaneLayout::Lane)).await.unwrap(), PaneLayout::Lane);
        let refusal = agree(&store, Some(PaneLayout::Pane)).await.unwrap_err().to_string();
        assert_eq!(
            refusal,
            "panes lie by the lane here, not by the pane; leave the layout away, or begin another store"
        );
    }

    #[tokio::test]
    async fn a_store_from_before_there_was_a_choice_has_an_item_for_each_pane() {
        let store = MemoryStore::default();
        put_if_absent(&store, vec![directory::entry(Family::Odds, "espn:1|h2h")]).await.unwrap();
        assert!(matches!(agree(&store, Some(PaneLayout::Lane)).await, Err(LayoutError::Other { .. })));
        assert_eq!(agree(&store, None).await.unwrap(), PaneLayout::Pane);
    }

    #[tokio::test]
    async fn a_layout_that_this_release_does_not_know_is_refused_by_name() {
        let store = MemoryStore::default();
        put_if_absent(&store, vec![(key(), b"shelf".to_vec())]).await.unwrap();
        assert!(agree(&store, None).await.unwrap_err().to_string().contains("shelf is no layout"));
    }
}
