//! What the polls of a vendor's page have come to: `page#source` / page -> what was told, what waits to be published.
//! PAGE-1: changes are noted, with the events that tell them, before these are published: whoever finds them waiting
//! publishes them again, under the same ids and times.
//! PAGE-2: replaced by compare-and-swap: of two polls that overlap the second one takes its changes from the first one's.
//! PAGE-3: where a session begins, what was told until then is kept under its name (`page-start#source` / session), so that
//! the session can be read again from its landed payloads.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use touchline_event::{Changes, GameStatus};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError, put_if_absent};

/// A game as a page last told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGame {
    pub starts_at_ms: Option<i64>,
    pub status: GameStatus,
    /// When it was first seen in this status.
    pub since_ms: i64,
}

/// A page's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PageState {
    pub changes: Changes,
    /// Frames of the last poll's changes that no acknowledgement was noted for.
    pub waiting: Vec<Vec<u8>>,
    /// Vendor session and the number of its next payload.
    pub session: String,
    pub next_index: u64,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Hash of the last body that was taken.
    pub content: Option<u64>,
    /// Lanes that were ever published on.
    pub lanes: BTreeSet<u16>,
    pub games: BTreeMap<String, KnownGame>,
    pub last_poll_at_ms: Option<i64>,
    /// How far the vendor's clock was ahead of ours in the last answer that was taken, and in one that was not, for that.
    pub skew_ms: i64,
    pub odd_skew_ms: Option<i64>,
}

fn key(source: &str, page: &str) -> ItemKey {
    ItemKey::new(format!("page#{source}"), page)
}

fn start_key(source: &str, session: &str) -> ItemKey {
    ItemKey::new(format!("page-start#{source}"), session)
}

/// A page's state and its version.
pub async fn read(store: &dyn ItemStore, source: &str, page: &str) -> Result<(Option<u64>, PageState), StoreError> {
    let key = key(source, page);
    match store.get(&key).await? {
        Some(item) => Ok((Some(item.version), decode(&key.sk, &item.value)?)),
        None => Ok((None, PageState::default())),
    }
}

/// All pages of a source.
pub async fn list(store: &dyn ItemStore, source: &str) -> Result<Vec<(String, PageState)>, StoreError> {
    let found = walk(store, &format!("page#{source}"), "", None).await?;
    found.into_iter().map(|(page, item)| decode(&page, &item.value).map(|state| (page, state))).collect()
}

/// Replaces the state that was read at `expected`: the new version, or `None` where another poll was first.
pub async fn replace(
    store: &dyn ItemStore,
    source: &str,
    page: &str,
    expected: Option<u64>,
    state: &PageState,
) -> Result<Option<u64>, StoreError> {
    let key = key(source, page);
    let value = Some(encode(&key.sk, state)?);
    match store.put(vec![ItemWrite { key, expected, value, expires_at_ms: None }]).await.remove(0)? {
        PutOutcome::Written(version) => Ok(Some(version)),
        PutOutcome::Conflict(_) => Ok(None),
    }
}

/// Keeps what was told before a session, once.
pub async fn begin(store: &dyn ItemStore, source: &str, session: &str, changes: &Changes) -> Result<(), StoreError> {
    let key = start_key(source, session);
    let value = encode(&key.sk, changes)?;
    put_if_absent(store, vec![(key, value)]).await
}

/// What was told before a session; `None` where it is no session of polls.
pub async fn beginning(store: &dyn ItemStore, source: &str, session: &str) -> Result<Option<Changes>, StoreError> {
    let key = start_key(source, session);
    store.get(&key).await?.map(|item| decode(&key.sk, &item.value)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn of_two_polls_that_read_the_same_state_one_is_kept() {
        let store = MemoryStore::default();
        let (version, mut state) = read(&store, "espn", "/scoreboard").await.unwrap();
        state.next_index = 1;
        state.games.insert("1".into(), KnownGame { starts_at_ms: Some(5), status: GameStatus::Final, since_ms: 9 });
        let kept = replace(&store, "espn", "/scoreboard", version, &state).await.unwrap();
        assert!(kept.is_some());
        assert_eq!(replace(&store, "espn", "/scoreboard", version, &PageState::default()).await.unwrap(), None);
        assert_eq!(read(&store, "espn", "/scoreboard").await.unwrap(), (kept, state.clone()));
        assert_eq!(list(&store, "espn").await.unwrap(), [("/scoreboard".to_owned(), state)]);
    }

    #[tokio::test]
    async fn a_sessions_beginning_is_kept_once() {
        let store = MemoryStore::default();
        assert_eq!(beginning(&store, "espn", "s").await.unwrap(), None);
        begin(&store, "espn", "s", &Changes::default()).await.unwrap();
        assert_eq!(beginning(&store, "espn", "s").await.unwrap(), Some(Changes::default()));
    }
}
