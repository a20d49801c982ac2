//! The chain: which data files hold which stretch of a shard, one item per consumer epoch and shard.
//! CHN-1 (P9): an item's files hold exactly the positions at or below its lane positions, each once; both change in one compare-and-swap.
//! CHN-2: file numbers only grow; a number says whether a file is in its table, see the committer.
//! CHN-3 (P11): a chain near a limit of size or length takes no more files until the committer has trimmed it.
//! One item holds all lanes of a shard; docs/decisions/0003-chain-per-shard.md says why that is still exact.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::Position;
use touchline_store::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};
use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};

use crate::error::{Context, LakeError};
use crate::files::FileEntry;
use crate::tables::ArchivedEvent;

/// The first byte of a stored chain.
const FORMAT: u8 = 1;
const ZSTD_LEVEL: i32 = 3;
/// A stored chain that unpacks beyond this is refused.
const CHAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A stored chain beyond this takes no more files: what is left below the item limit is for one batch.
const CHAIN_STORED_BYTES_MAX: usize = 320 * 1024;
/// A chain of so many files takes no more: every append rewrites the item, which at this length costs some 10 ms.
const CHAIN_FILES_MAX: usize = 2_000;
/// Chains of one epoch read at once.
const CHAINS_MAX: usize = 10_000;

thread_local! {
    // A new context costs more than packing a short chain.
    static COMPRESSOR: RefCell<std::io::Result<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL));
    static DECOMPRESSOR: RefCell<std::io::Result<Decompressor<'static>>> = RefCell::new(Decompressor::new());
}

/// One shard's chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// Drawn when the chain began: a chain begun anew after a lost store must not be taken for its predecessor.
    pub id: String,
    /// The number of the next file.
    pub next_n: u64,
    /// The last archived position of each lane.
    pub lanes: BTreeMap<u16, Position>,
    /// Files that may not be in their tables yet, by number.
    pub files: Vec<ChainFile>,
}

/// A data file on the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainFile {
    pub n: u64,
    #[serde(flatten)]
    pub entry: FileEntry,
}

/// A chain as stored, with the version to swap it by; `None` where it is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredChain {
    pub(crate) shard: String,
    pub(crate) version: Option<u64>,
    pub(crate) chain: Chain,
    /// Its size as stored.
    stored_bytes: usize,
}

impl Chain {
    fn new() -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self { id: id[..16].to_owned(), next_n: 0, lanes: BTreeMap::new(), files: Vec::new() }
    }

    /// The events above the chain's positions, in order of position, each position once.
    pub(crate) fn cut<'a>(&self, events: &[&'a ArchivedEvent]) -> Vec<&'a ArchivedEvent> {
        let mut sorted = events.to_vec();
        sorted.sort_by_key(|event| (event.position, event.lane));
        let mut reached = self.lanes.clone();
        sorted.retain(|event| {
            let is_new = reached.get(&event.lane.0).is_none_or(|last| event.position > *last);
            if is_new {
                reached.insert(event.lane.0, event.position);
            }
            is_new
        });
        sorted
    }

    /// The chain after these events, which must be a cut of it, lie in these files.
    pub(crate) fn extended(&self, events: &[&ArchivedEvent], entries: &[FileEntry]) -> Self {
        let mut chain = self.clone();
        for event in events {
            let last = chain.lanes.entry(event.lane.0).or_insert(event.position);
            *last = event.position.max(*last);
        }
        for entry in entries {
            chain.files.push(ChainFile { n: chain.next_n, entry: entry.clone() });
            chain.next_n += 1;
        }
        chain
    }

    fn encode(&self, shard: &str) -> Result<Vec<u8>, LakeError> {
        let broken = |message: String| LakeError::Chain { shard: shard.to_owned(), message };
        let plain = serde_json::to_vec(self).map_err(|error| broken(error.to_string()))?;
        let packed = COMPRESSOR.with_borrow_mut(|compressor| match compressor {
            Ok(compressor) => compressor.compress(&plain).map_err(|error| broken(error.to_string())),
            Err(error) => Err(broken(error.to_string())),
        })?;
        let mut bytes = Vec::with_capacity(1 + packed.len());
        bytes.push(FORMAT);
        bytes.extend(packed);
        Ok(bytes)
    }

    fn decode(shard: &str, bytes: &[u8]) -> Result<Self, LakeError> {
        let broken = |message: String| LakeError::Chain { shard: shard.to_owned(), message };
        let (format, packed) = bytes.split_first().ok_or_else(|| broken("item is empty".to_owned()))?;
        if *format != FORMAT {
            return Err(broken(format!("format {format} is newer than this release reads ({FORMAT}); upgrade")));
        }
        let capacity = Decompressor::upper_bound(packed).unwrap_or(CHAIN_BYTES_MAX).min(CHAIN_BYTES_MAX);
        let plain = DECOMPRESSOR.with_borrow_mut(|decompressor| match decompressor {
            Ok(decompressor) => decompressor.decompress(packed, capacity).map_err(|error| broken(error.to_string())),
            Err(error) => Err(broken(error.to_string())),
        })?;
        serde_json::from_slice(&plain).map_err(|error| broken(error.to_string()))
    }
}

impl StoredChain {
    fn absent(shard: &str) -> Self {
        Self { shard: shard.to_owned(), version: None, chain: Chain::new(), stored_bytes: 0 }
    }

    fn from_item(shard: &str, item: &Item) -> Result<Self, LakeError> {
        Ok(Self {
            shard: shard.to_owned(),
            version: Some(item.version),
            chain: Chain::decode(shard, &item.value)?,
            stored_bytes: item.value.len(),
        })
    }

    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.chain.files.iter().any(|file| file.entry.path == path)
    }

    /// Refuses to grow a chain that has no room.
    pub(crate) fn check_room(&self) -> Result<(), LakeError> {
        if self.stored_bytes < CHAIN_STORED_BYTES_MAX && self.chain.files.len() < CHAIN_FILES_MAX {
            return Ok(());
        }
        Err(LakeError::ChainFull { shard: self.shard.clone(), files: self.chain.files.len() })
    }
}

fn partition(epoch: &str) -> String {
    format!("archive#{epoch}")
}

fn key(epoch: &str, shard: &str) -> ItemKey {
    ItemKey::new(partition(epoch), format!("chain#{shard}"))
}

/// The shard's chain, or the beginning of one.
pub(crate) async fn read(store: &dyn ItemStore, epoch: &str, shard: &str) -> Result<StoredChain, LakeError> {
    let item = store.get(&key(epoch, shard)).await.context("read chain", shard)?;
    item.map_or_else(|| Ok(StoredChain::absent(shard)), |item| StoredChain::from_item(shard, &item))
}

/// Every chain of the epoch.
pub(crate) async fn list(store: &dyn ItemStore, epoch: &str) -> Result<Vec<StoredChain>, LakeError> {
    let items = store.query(&partition(epoch), "chain#", Some("chain$"), CHAINS_MAX).await;
    let items = items.context("list chains of epoch", epoch)?;
    items.iter().map(|(sk, item)| StoredChain::from_item(sk.trim_start_matches("chain#"), item)).collect()
}

/// Replaces `from` by `to` if nobody else did. `Ok(None)`: done. `Ok(Some(..))`: not done, this is the chain now.
pub(crate) async fn swap(
    store: &dyn ItemStore,
    epoch: &str,
    from: &StoredChain,
    to: &Chain,
) -> Result<Option<StoredChain>, LakeError> {
    let shard = from.shard.as_str();
    let write = ItemWrite {
        key: key(epoch, shard),
        expected: from.version,
        value: Some(to.encode(shard)?),
        expires_at_ms: None,
    };
    match store.put(vec![write]).await.pop() {
        Some(Ok(PutOutcome::Written(_))) => Ok(None),
        Some(Ok(PutOutcome::Conflict(Some(item)))) => StoredChain::from_item(shard, &item).map(Some),
        Some(Ok(PutOutcome::Conflict(None))) => Ok(Some(StoredChain::absent(shard))),
        // The write may have landed. Reading again tells: then the positions are covered and nothing is left to do.
        Some(Err(StoreError::Unknown { .. } | StoreError::Throttled { .. })) | None => {
            read(store, epoch, shard).await.map(Some)
        }
        Some(Err(error)) => Err(error).context("write chain", shard),
    }
}
