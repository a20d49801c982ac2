//! The port's law on every implementation: compare-and-swap on the version, independent writes, ordered queries, durability.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use touchline_store::{
    EmbeddedStore, Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, MemoryStore, OpenError, PutOutcome, StoreError,
    progress, watermarks,
};

fn write(sk: &str, expected: Option<u64>, value: &str) -> ItemWrite {
    ItemWrite { key: ItemKey::new("p", sk), expected, value: Some(value.into()), expires_at_ms: None }
}

async fn obeys_the_law(store: &dyn ItemStore) {
    assert_eq!(
        store.put(vec![write("a", None, "1"), write("b", None, "2")]).await,
        [Ok(PutOutcome::Written(1)), Ok(PutOutcome::Written(1))]
    );
    let item = Item { version: 1, value: b"1".to_vec() };
    assert_eq!(
        store.put(vec![write("a", None, "x"), write("b", Some(1), "3")]).await,
        [Ok(PutOutcome::Conflict(Some(item))), Ok(PutOutcome::Written(2))]
    );
    assert_eq!(store.put(vec![write("c", Some(1), "x")]).await, [Ok(PutOutcome::Conflict(None))]);
    let keys = |found: Vec<(String, Item)>| found.into_iter().map(|(sk, _)| sk).collect::<Vec<_>>();
    assert_eq!(keys(store.query("p", "a", None, 10).await.unwrap()), ["a", "b"]);
    assert_eq!(keys(store.query("p", "", Some("b"), 10).await.unwrap()), ["a"]);
    assert_eq!(keys(store.query("q", "", None, 10).await.unwrap()), Vec::<String>::new());
    let removal = ItemWrite { value: None, ..write("b", Some(2), "") };
    assert_eq!(store.put(vec![removal]).await, [Ok(PutOutcome::Written(0))]);
    assert_eq!(store.get(&ItemKey::new("p", "b")).await, Ok(None));
    let large = ItemWrite { value: Some(vec![0; MAX_ITEM_BYTES + 1]), ..write("l", None, "") };
    assert!(matches!(store.put(vec![large]).await[0], Err(StoreError::TooLarge { .. })));
    progress::raise(store, "s", "n", 7).await.unwrap();
    progress::raise(store, "s", "n", 5).await.unwrap();
    assert_eq!(progress::read(store, "s", "n").await, Ok(7));
    watermarks::advance(store, "espn", &[(1, 10), (2, 30)]).await.unwrap();
    watermarks::advance(store, "espn", &[(1, 5)]).await.unwrap();
    assert_eq!(watermarks::read(store, "espn").await.unwrap().overall(), Some(10));
}

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
