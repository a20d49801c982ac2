//! Stores against a model, operation by operation: compare-and-swap, queries, and versions that never come back.
//! ITEM-1 (P3), ITEM-2, STORE-1. tests/cloud runs the same model against DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "laws/model.rs"]
mod model;

use model::{follows_the_model, operations};
use proptest::prelude::*;
use touchline_store::{EmbeddedStore, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn memory_follows_the_model(operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(follows_the_model(&MemoryStore::default(), "p", &operations))?;
    }
}

proptest! {
    // Every put is a synced transaction: fewer cases, or the disk sets the pace.
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn embedded_follows_the_model(operations in operations()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (store, _database) = EmbeddedStore::open(&folder.path().join("state.redb")).unwrap();
        runtime.block_on(follows_the_model(&store, "p", &operations))?;
    }
}

#[tokio::test]
async fn versions_do_not_come_back_after_a_deletion_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let write = |expected, value: Option<&str>| ItemWrite {
        key: ItemKey::new("p", "1"),
        expected,
        value: value.map(Into::into),
        expires_at_ms: None,
    };
    let (store, database) = EmbeddedStore::open(&path).unwrap();
    store.put(vec![write(None, Some("a")), write(Some(1), Some("b")), write(Some(2), None)]).await;
    drop((store, database));
    let (store, _database) = EmbeddedStore::open(&path).unwrap();
    assert_eq!(store.put(vec![write(None, Some("c"))]).await, [Ok(PutOutcome::Written(3))]);
    // What was read before the deletion no longer matches.
    assert!(matches!(store.put(vec![write(Some(1), None)]).await[0], Ok(PutOutcome::Conflict(Some(_)))));
}
