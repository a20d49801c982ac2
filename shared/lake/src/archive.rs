//! A stream batch onto the chain: cut what is already there, write the rest, swap the chain.
//! ARC-1 (P9): any re-cut, repeat or concurrent delivery of a batch adds each position to the chain once.
//! ARC-2: files of a lost swap are on no chain: orphans, never rows.
//! Commits nothing to a table; that is the committer's.

use std::collections::BTreeMap;

use touchline_store::ItemStore;

use crate::chain::{self, StoredChain};
use crate::error::LakeError;
use crate::files::FileEntry;
use crate::port::Tables;
use crate::tables::{ArchivedEvent, event_table};

/// Swaps of one shard's chain that may fail before the batch is given back for a retry.
const ATTEMPTS_MAX: usize = 16;

/// What became of a batch: every event is in one of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Archived {
    /// Events that this call put on the chain.
    pub row_count: u64,
    /// Events that an earlier delivery put there, or that this batch holds twice.
    pub covered_count: u64,
    /// Heartbeats and other kinds without a table.
    pub unarchived_count: u64,
    pub file_count: u64,
}

/// See [`Tables::archive`].
pub(crate) async fn archive<L: Tables>(
    lake: &L,
    store: &dyn ItemStore,
    epoch: &str,
    events: &[ArchivedEvent],
) -> Result<Archived, LakeError> {
    let mut archived = Archived::default();
    let mut shards: BTreeMap<&str, Vec<&ArchivedEvent>> = BTreeMap::new();
    for event in events {
        if event_table(event.event.kind).is_some() {
            shards.entry(&event.shard).or_default().push(event);
        } else {
            archived.unarchived_count += 1;
        }
    }
    for (shard, events) in shards {
        let (row_count, file_count) = archive_shard(lake, store, epoch, shard, &events).await?;
        archived.row_count += row_count;
        archived.covered_count += events.len() as u64 - row_count;
        archived.file_count += file_count;
    }
    Ok(archived)
}

/// The counts of rows and files this call added.
async fn archive_shard<L: Tables>(
    lake: &L,
    store: &dyn ItemStore,
    epoch: &str,
    shard: &str,
    events: &[&ArchivedEvent],
) -> Result<(u64, u64), LakeError> {
    let mut current: StoredChain = chain::read(store, epoch, shard).await?;
    let mut written: Option<(Vec<&ArchivedEvent>, Vec<FileEntry>)> = None;
    for _ in 0..ATTEMPTS_MAX {
        let fresh = current.chain.cut(events);
        if fresh.is_empty() {
            return Ok(landed(&current, written.as_ref()));
        }
        current.check_room()?;
        let entries = match written.take() {
            // Somebody swapped the chain without touching our lanes, or the committer trimmed it: the files still fit.
            Some((covered, entries)) if is_same(&covered, &fresh) => entries,
            _ => lake.write_events(&fresh).await?,
        };
        let next = current.chain.extended(&fresh, &entries);
        match chain::swap(store, epoch, &current, &next).await? {
            None => return Ok((fresh.len() as u64, entries.len() as u64)),
            Some(now) => {
                current = now;
                written = Some((fresh, entries));
            }
        }
    }
    Err(LakeError::Contended { subject: format!("chain of shard {shard}"), attempts: ATTEMPTS_MAX })
}

/// Whether the last files written are on the chain after all: the answer to their swap was lost.
fn landed(current: &StoredChain, written: Option<&(Vec<&ArchivedEvent>, Vec<FileEntry>)>) -> (u64, u64) {
    match written {
        Some((fresh, entries)) if entries.iter().all(|entry| current.has_file(&entry.path)) => {
            (fresh.len() as u64, entries.len() as u64)
        }
        _ => (0, 0),
    }
}

fn is_same(a: &[&ArchivedEvent], b: &[&ArchivedEvent]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.position == b.position && a.lane == b.lane)
}
