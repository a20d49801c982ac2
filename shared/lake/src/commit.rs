//! The committer: files from the chains into their tables, each once, in one snapshot per table and pass.
//! CMT-1 (P9): the snapshot that adds a chain's files records the chain's next number in the same commit;
//! a file is in its table if and only if its number is below the recorded one.
//! CMT-2: a chain is trimmed only of files that a read-back table has recorded.
//! Two committers at once are one: the slower one decides anew and finds nothing to do.

use std::collections::{BTreeSet, HashMap};

use touchline_store::ItemStore;

use crate::append::{CommitReport, marks};
use crate::chain::{self, StoredChain};
use crate::error::LakeError;
use crate::lake::{Lake, table_ident};
use crate::port::{Append, Tables};

/// Swaps of one chain that may fail before its trimming is left to the next pass.
const TRIM_ATTEMPTS_MAX: usize = 16;

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitPass {
    /// Tables that had files waiting, with what this pass added; nothing where an earlier pass had.
    pub tables: Vec<CommitReport>,
    pub trimmed_file_count: u64,
}

/// See [`Tables::commit_chains`].
pub(crate) async fn commit_chains<L: Tables>(
    lake: &L,
    store: &dyn ItemStore,
    epoch: &str,
) -> Result<CommitPass, LakeError> {
    let chains = chain::list(store, epoch).await?;
    let tables: BTreeSet<&str> =
        chains.iter().flat_map(|stored| stored.chain.files.iter()).map(|file| file.entry.table.as_str()).collect();
    let mut pass = CommitPass::default();
    let mut committed = BTreeSet::new();
    let mut first_error = None;
    for name in tables {
        let ident = table_ident(name)?;
        match lake.append_decided(&ident, |version| missing::<L>(version, epoch, name, &chains)).await {
            Ok(report) => {
                committed.insert(name);
                pass.tables.push(report);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    for stored in &chains {
        match trim(store, epoch, stored, &committed).await {
            Ok(count) => pass.trimmed_file_count += count,
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(pass), Err)
}

impl Lake {
    /// Files that wait for a commit, over all chains of the epoch.
    pub async fn waiting_file_count(&self, store: &dyn ItemStore, epoch: &str) -> Result<u64, LakeError> {
        let chains = chain::list(store, epoch).await?;
        Ok(chains.iter().map(|stored| stored.chain.files.len() as u64).sum())
    }
}

/// What the table, as it is now, lacks of the chains' files.
fn missing<L: Tables>(
    version: &L::Version,
    epoch: &str,
    name: &str,
    chains: &[StoredChain],
) -> Result<Option<Append<L::File>>, LakeError> {
    let marks = marks(&L::history(version));
    let mut append = Append { files: Vec::new(), properties: HashMap::new() };
    for stored in chains {
        let mark = mark_of(epoch, stored);
        let recorded = marks.get(&mark).copied().unwrap_or(0);
        for file in stored.chain.files.iter().filter(|file| file.n >= recorded && file.entry.table == name) {
            append.files.push(L::file(version, &file.entry)?);
            append.properties.insert(mark.clone(), stored.chain.next_n.to_string());
        }
    }
    Ok((!append.files.is_empty()).then_some(append))
}

fn mark_of(epoch: &str, stored: &StoredChain) -> String {
    format!("touchline.chain.{epoch}.{}.{}", stored.shard, stored.chain.id)
}

/// Takes the committed files off the chain. The pass may have read an older chain: only files it saw are taken.
async fn trim(
    store: &dyn ItemStore,
    epoch: &str,
    seen: &StoredChain,
    committed: &BTreeSet<&str>,
) -> Result<u64, LakeError> {
    let gone: BTreeSet<u64> = seen
        .chain
        .files
        .iter()
        .filter(|file| committed.contains(file.entry.table.as_str()))
        .map(|file| file.n)
        .collect();
    let mut current = seen.clone();
    for _ in 0..TRIM_ATTEMPTS_MAX {
        let mut next = current.chain.clone();
        next.files.retain(|file| !gone.contains(&file.n));
        let count = (current.chain.files.len() - next.files.len()) as u64;
        if count == 0 || current.chain.id != seen.chain.id {
            return Ok(0);
        }
        match chain::swap(store, epoch, &current, &next).await? {
            None => return Ok(count),
            Some(now) => current = now,
        }
    }
    Ok(0)
}
