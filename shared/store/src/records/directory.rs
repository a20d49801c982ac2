//! Which entities a family has: `directory#family` / entity -> empty. Written before the entity's first pane.
//! DIR-1: an entity with a pane is in the directory; the reverse may be untrue for a moment.

use touchline_metric::Family;

use super::walk;
use crate::{ItemKey, ItemStore, StoreError};

fn partition(family: Family) -> String {
    format!("directory#{}", family.as_str())
}

/// The item that lists an entity.
pub fn entry(family: Family, entity: &str) -> (ItemKey, Vec<u8>) {
    (ItemKey::new(partition(family), entity), vec![1])
}

/// Every entity of a family, ascending.
pub async fn list(store: &dyn ItemStore, family: Family) -> Result<Vec<String>, StoreError> {
    Ok(walk(store, &partition(family), "", None).await?.into_iter().map(|(entity, _)| entity).collect())
}
