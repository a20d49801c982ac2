//! Rows on their way into lake tables: `outbox#table` / name -> row and the commit that took it.
//! OUT-1: put if absent under a name that says the same row again (a pane and its revision, a landed object): a retry adds nothing.
//! OUT-2: a row is claimed for commit n before commit n is made; rows claimed for a recorded commit are in the table.
//! Claimed rows stay as markers; their content is dropped.

use serde::{Deserialize, Serialize};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError, put_if_absent};

/// A waiting or claimed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    commit: Option<u64>,
    row: Vec<u8>,
}

fn partition(table: &str) -> String {
    format!("outbox#{table}")
}

/// Queues rows for a table: name and encoded row.
pub async fn put(store: &dyn ItemStore, table: &str, rows: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
    let mut items = Vec::with_capacity(rows.len());
    for (name, row) in rows {
        let value = encode(&name, &Entry { commit: None, row })?;
        items.push((ItemKey::new(partition(table), name), value));
    }
    if items.is_empty() { Ok(()) } else { put_if_absent(store, items).await }
}

/// Names of every row that was ever queued and begins so, waiting or claimed.
pub async fn names(store: &dyn ItemStore, table: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
    // No character of a name sorts behind this one.
    let to = format!("{prefix}{}", char::MAX);
    let found = walk(store, &partition(table), prefix, Some(&to)).await?;
    Ok(found.into_iter().map(|(name, _)| name).collect())
}

/// Claims waiting rows for `commit` and gives every row claimed for it, in order of name. `recorded` is the last commit
/// that the table knows; content of rows up to it is dropped on the way.
pub async fn claim(
    store: &dyn ItemStore,
    table: &str,
    recorded: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let commit = recorded + 1;
    let mut claimed = Vec::new();
    let mut writes = Vec::new();
    let mut rows_of_writes = Vec::new();
    let mut room = limit;
    for (sk, item) in walk(store, &partition(table), "", None).await? {
        let entry: Entry = decode(&sk, &item.value)?;
        let next = match entry.commit {
            Some(n) if n == commit => {
                claimed.push((sk, entry.row));
                continue;
            }
            Some(n) if n <= recorded && !entry.row.is_empty() => Entry { commit: Some(n), row: Vec::new() },
            None if room > 0 => {
                room -= 1;
                Entry { commit: Some(commit), row: entry.row.clone() }
            }
            _ => continue,
        };
        rows_of_writes.push(entry.commit.is_none().then_some(entry.row));
        let value = Some(encode(&sk, &next)?);
        writes.push(ItemWrite {
            key: ItemKey::new(partition(table), sk),
            expected: Some(item.version),
            value,
            expires_at_ms: None,
        });
    }
    let names: Vec<String> = writes.iter().map(|write| write.key.sk.clone()).collect();
    let outcomes = store.put(writes).await;
    for ((name, row), outcome) in names.into_iter().zip(rows_of_writes).zip(outcomes) {
        // A lost swap means that another committer claimed the row: it is that one's to commit.
        if let (PutOutcome::Written(_), Some(row)) = (outcome?, row) {
            claimed.push((name, row));
        }
    }
    claimed.sort();
    Ok(claimed.into_iter().map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn a_row_is_given_to_one_commit_until_that_is_recorded() {
        let store = MemoryStore::default();
        let row = |name: &str| vec![(name.to_owned(), name.as_bytes().to_vec())];
        put(&store, "t", row("a")).await.unwrap();
        assert_eq!(claim(&store, "t", 0, 10).await.unwrap(), [b"a"]);
        put(&store, "t", row("b")).await.unwrap();
        put(&store, "t", row("a")).await.unwrap();
        // Commit 1 was not recorded: it is made again, with whatever came since.
        assert_eq!(claim(&store, "t", 0, 10).await.unwrap(), [b"a", b"b"]);
        put(&store, "t", row("c")).await.unwrap();
        assert_eq!(claim(&store, "t", 1, 10).await.unwrap(), [b"c"]);
        put(&store, "t", row("a")).await.unwrap();
        assert_eq!(claim(&store, "t", 2, 10).await.unwrap(), Vec::<Vec<u8>>::new());
    }
}
