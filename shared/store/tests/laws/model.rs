//! A store written down the slow way, and operations that any implementation must answer as it does.

use std::collections::BTreeMap;

use proptest::prelude::*;
use touchline_store::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome};

#[derive(Debug, Clone)]
pub enum Operation {
    /// Key, expected version relative to the stored one (0: exactly it, or absent), value or deletion.
    Put(Vec<(u8, u64, Option<u8>)>),
    Query {
        from: u8,
        to: Option<u8>,
        limit: usize,
    },
}

/// Some operations on four keys of one partition.
pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let expected = prop_oneof![4 => Just(0_u64), 1 => 1_u64..3];
    let put = (0_u8..4, expected, prop::option::weighted(0.7, any::<u8>()));
    let operation = prop_oneof![
        4 => prop::collection::vec(put, 1..4).prop_map(Operation::Put),
        1 => (0_u8..4, prop::option::of(0_u8..5), 0_usize..4).prop_map(|(from, to, limit)| Operation::Query { from, to, limit }),
    ];
    prop::collection::vec(operation, 1..30)
}

/// What a store is, written down the slow way. `seen`: every version that a key ever had.
#[derive(Default)]
struct Model {
    items: BTreeMap<u8, Item>,
    seen: BTreeMap<u8, u64>,
}

impl Model {
    fn write(&self, pk: &str, (n, off, value): (u8, u64, Option<u8>)) -> ItemWrite {
        let expected = self.items.get(&n).map(|item| item.version + off).or((off > 0).then_some(off));
        ItemWrite {
            key: ItemKey::new(pk, n.to_string()),
            expected,
            value: value.map(|byte| vec![byte]),
            expires_at_ms: None,
        }
    }

    fn check(&mut self, n: u8, write: &ItemWrite, outcome: &PutOutcome) -> Result<(), TestCaseError> {
        let current = self.items.get(&n).cloned();
        if write.expected != current.as_ref().map(|item| item.version) {
            prop_assert_eq!(outcome, &PutOutcome::Conflict(current));
            return Ok(());
        }
        match &write.value {
            None => {
                prop_assert_eq!(outcome, &PutOutcome::Written(0));
                self.items.remove(&n);
            }
            Some(value) => {
                let PutOutcome::Written(version) = *outcome else { return Err(TestCaseError::fail("not written")) };
                let last = self.seen.insert(n, version).unwrap_or(0);
                prop_assert!(version > last, "P3: version {} of key {} after {}", version, n, last);
                self.items.insert(n, Item { version, value: value.clone() });
            }
        }
        Ok(())
    }

    fn query(&self, from: u8, to: Option<u8>, limit: usize) -> Vec<(String, Item)> {
        let inside = self.items.iter().filter(|(n, _)| **n >= from && to.is_none_or(|to| **n < to));
        inside.take(limit).map(|(n, item)| (n.to_string(), item.clone())).collect()
    }
}

/// Runs operations on an empty partition of the store and on the model.
pub async fn follows_the_model(store: &dyn ItemStore, pk: &str, operations: &[Operation]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for operation in operations {
        match operation {
            Operation::Put(puts) => {
                // Writes of one call must not depend on each other's keys for the model to know their versions.
                let puts: BTreeMap<u8, _> = puts.iter().map(|put| (put.0, *put)).collect();
                let writes: Vec<ItemWrite> = puts.values().map(|put| model.write(pk, *put)).collect();
                let outcomes = store.put(writes.clone()).await;
                prop_assert_eq!(outcomes.len(), writes.len());
                for ((n, write), outcome) in puts.keys().zip(&writes).zip(outcomes) {
                    model.check(*n, write, &outcome.unwrap())?;
                }
            }
            Operation::Query { from, to, limit } => {
                let to_text = to.map(|to| to.to_string());
                let found = store.query(pk, &from.to_string(), to_text.as_deref(), *limit).await.unwrap();
                prop_assert_eq!(found, model.query(*from, *to, *limit));
            }
        }
        for n in 0..4 {
            let found = store.get(&ItemKey::new(pk, n.to_string())).await.unwrap();
            prop_assert_eq!(found.as_ref(), model.items.get(&n));
        }
    }
    Ok(())
}
