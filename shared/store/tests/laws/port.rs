//! The port's law, for any implementation: compare-and-swap on the version, independent writes, ordered queries.

use touchline_store::{
    Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, PutOutcome, StoreError, progress, watermarks,
};

fn write(sk: &str, expected: Option<u64>, value: &str) -> ItemWrite {
    ItemWrite { key: ItemKey::new("p", sk), expected, value: Some(value.into()), expires_at_ms: None }
}

/// The versions of writes that must all have been done.
async fn written(store: &dyn ItemStore, writes: Vec<ItemWrite>) -> Vec<u64> {
    let version = |outcome| match outcome {
        Ok(PutOutcome::Written(version)) => version,
        other => panic!("not written: {other:?}"),
    };
    store.put(writes).await.into_iter().map(version).collect()
}

/// Puts a store that holds nothing to the test. Ends with the item `p`/`a` holding `1`.
pub async fn obeys_the_law(store: &dyn ItemStore) {
    let versions = written(store, vec![write("a", None, "1"), write("b", None, "2")]).await;
    let item = Item { version: versions[0], value: b"1".to_vec() };
    assert_eq!(
        store.put(vec![write("a", None, "x"), write("b", Some(versions[1]), "3")]).await,
        [Ok(PutOutcome::Conflict(Some(item.clone()))), Ok(PutOutcome::Written(versions[1] + 1))]
    );
    assert_eq!(store.get(&ItemKey::new("p", "a")).await, Ok(Some(item)));
    assert_eq!(store.put(vec![write("c", Some(1), "x")]).await, [Ok(PutOutcome::Conflict(None))]);
    let keys = |found: Vec<(String, Item)>| found.into_iter().map(|(sk, _)| sk).collect::<Vec<_>>();
    assert_eq!(keys(store.query("p", "a", None, 10).await.unwrap()), ["a", "b"]);
    assert_eq!(keys(store.query("p", "", Some("b"), 10).await.unwrap()), ["a"]);
    assert_eq!(keys(store.query("p", "a", Some("b"), 10).await.unwrap()), ["a"]);
    assert_eq!(keys(store.query("p", "", None, 1).await.unwrap()), ["a"]);
    for (from, to, limit) in [("b", Some("b"), 10), ("b", Some("a"), 10), ("", Some(""), 10), ("a", None, 0)] {
        assert_eq!(keys(store.query("p", from, to, limit).await.unwrap()), Vec::<String>::new());
    }
    assert_eq!(keys(store.query("q", "", None, 10).await.unwrap()), Vec::<String>::new());
    let removal = ItemWrite { value: None, ..write("b", Some(versions[1] + 1), "") };
    assert_eq!(store.put(vec![removal.clone()]).await, [Ok(PutOutcome::Written(0))]);
    assert_eq!(store.get(&ItemKey::new("p", "b")).await, Ok(None));
    // ITEM-1: what was read before the deletion never matches what comes after it.
    let again = written(store, vec![write("b", None, "4")]).await;
    assert!(again[0] > versions[1] + 1);
    assert!(matches!(store.put(vec![removal.clone()]).await[0], Ok(PutOutcome::Conflict(Some(_)))));
    assert_eq!(store.put(vec![ItemWrite { expected: Some(again[0]), ..removal }]).await, [Ok(PutOutcome::Written(0))]);
    let large = ItemWrite { value: Some(vec![0; MAX_ITEM_BYTES + 1]), ..write("l", None, "") };
    assert!(matches!(store.put(vec![large]).await[0], Err(StoreError::TooLarge { .. })));
    let largest = ItemWrite { value: Some(vec![7; MAX_ITEM_BYTES]), ..write("l", None, "") };
    written(store, vec![largest]).await;
    assert_eq!(store.get(&ItemKey::new("p", "l")).await.unwrap().unwrap().value, vec![7; MAX_ITEM_BYTES]);
    puts_at_once_are_decided_one_by_one(store).await;
    progress::raise(store, "s", "n", 7).await.unwrap();
    progress::raise_all(store, "s", &[("n", 5), ("m", 3)]).await.unwrap();
    assert_eq!(progress::list(store, "s").await, Ok(vec![("m".to_owned(), 3), ("n".to_owned(), 7)]));
    watermarks::advance(store, "espn", &[(1, 10), (2, 30)]).await.unwrap();
    watermarks::advance(store, "espn", &[(1, 5)]).await.unwrap();
    assert_eq!(watermarks::read(store, "espn").await.unwrap().overall(), Some(10));
}

/// Puts that wait together: of those for one item a single one wins, and each caller gets the outcomes of its own.
async fn puts_at_once_are_decided_one_by_one(store: &dyn ItemStore) {
    let own: Vec<String> = (0..32).map(|number| format!("own-{number:02}")).collect();
    written(store, own.iter().map(|own| write(own, None, own)).collect()).await;
    let calls = own.iter().map(|own| store.put(vec![write(own, None, "x"), write("shared", None, own)]));
    let outcomes = futures::future::join_all(calls).await;
    let mut winners = Vec::new();
    for (own, outcomes) in own.iter().zip(outcomes) {
        let is_own = |outcome: &Result<PutOutcome, StoreError>| matches!(outcome, Ok(PutOutcome::Conflict(Some(item))) if item.value == own.as_bytes());
        assert!(is_own(&outcomes[0]), "{own}: {:?}", outcomes[0]);
        if matches!(outcomes[1], Ok(PutOutcome::Written(_))) {
            winners.push(own.as_bytes().to_vec());
        }
    }
    let shared = store.get(&ItemKey::new("p", "shared")).await.unwrap().unwrap();
    assert_eq!(winners, [shared.value]);
}
