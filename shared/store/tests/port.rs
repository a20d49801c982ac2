//! The port's law on the stores that need nothing beside them; tests/cloud puts the same law to DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "laws/port.rs"]
mod law;

use law::obeys_the_law;
use touchline_store::{EmbeddedStore, Item, ItemKey, ItemStore, MemoryStore, OpenError};

#[tokio::test]
async fn memory_obeys_the_law() {
    obeys_the_law(&MemoryStore::default()).await;
}

#[tokio::test]
async fn the_embedded_store_obeys_the_law_and_keeps_it_across_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let (store, database) = EmbeddedStore::open(&path).unwrap();
    obeys_the_law(&store).await;
    assert!(matches!(EmbeddedStore::open(&path), Err(OpenError::InUse { .. })));
    drop((store, database));
    let (store, _database) = EmbeddedStore::open(&path).unwrap();
    assert_eq!(store.get(&ItemKey::new("p", "a")).await, Ok(Some(Item { version: 1, value: b"1".to_vec() })));
}
