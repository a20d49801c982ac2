//! The store in one file of an embedded key-value library (redb): log, panes, progress and ledgers share it.
//! EMB-1: when a put returns the data is on disk, so a kill at any moment loses nothing acknowledged.
//! EMB-2: a file in use by another process, or written by a newer release, is refused with a clear message.

mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use crate::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};
use writer::Writer;

/// The database handle shared by the embedded log and the embedded store.
pub type Database = redb::Database;

const ITEMS: TableDefinition<(&str, &str), (u64, &[u8])> = TableDefinition::new("items");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Grows when the layout of the file changes.
const STATE_FORMAT: u64 = 1;

/// Why a state file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is in use by another touchline process; stop it or choose another --state folder")]
    InUse { path: PathBuf },
    #[error(
        "{path} has state format {found}, this release reads format {STATE_FORMAT}; use the newer touchline or another --state folder"
    )]
    NewerFormat { path: PathBuf, found: u64 },
    #[error("{path} cannot be opened: {message}; choose another --state folder, or move this one away")]
    Broken { path: PathBuf, message: String },
}

/// Items in a redb file.
#[derive(Clone)]
pub struct EmbeddedStore {
    database: Arc<Database>,
    writer: Arc<Writer>,
}

impl EmbeddedStore {
    /// Opens or creates the state file.
    pub fn open(path: &Path) -> Result<(Self, Arc<Database>), OpenError> {
        let broken = |message: String| OpenError::Broken { path: path.to_owned(), message };
        let database = Database::create(path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path: path.to_owned() },
            other => broken(other.to_string()),
        })?;
        let transaction = database.begin_write().map_err(|error| broken(error.to_string()))?;
        {
            transaction.open_table(ITEMS).map_err(|error| broken(error.to_string()))?;
            let mut meta = transaction.open_table(META).map_err(|error| broken(error.to_string()))?;
            let found =
                meta.get("state_format").map_err(|error| broken(error.to_string()))?.map(|format| format.value());
            match found {
                Some(found) if found > STATE_FORMAT => {
                    return Err(OpenError::NewerFormat { path: path.to_owned(), found });
                }
                Some(_) => {}
                None => {
                    meta.insert("state_format", STATE_FORMAT).map_err(|error| broken(error.to_string()))?;
                }
            }
        }
        transaction.commit().map_err(|error| broken(error.to_string()))?;
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database)).map_err(|error| broken(error.to_string()))?;
        Ok((Self { database: Arc::clone(&database), writer: Arc::new(writer) }, database))
    }

    fn query_all(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, redb::Error> {
        let table = self.database.begin_read()?.open_table(ITEMS)?;
        let mut items = Vec::new();
        for entry in table.range((pk, from)..)? {
            let (key, found) = entry?;
            let (found_pk, sk) = key.value();
            if items.len() == limit || found_pk != pk || to.is_some_and(|to| sk >= to) {
                break;
            }
            let (version, value) = found.value();
            items.push((sk.to_owned(), Item { version, value: value.to_vec() }));
        }
        Ok(items)
    }

    fn get_one(&self, key: &ItemKey) -> Result<Option<Item>, redb::Error> {
        let table = self.database.begin_read()?.open_table(ITEMS)?;
        Ok(table.get((key.pk.as_str(), key.sk.as_str()))?.map(|found| {
            let (version, value) = found.value();
            Item { version, value: value.to_vec() }
        }))
    }
}

// Reads run on the calling thread: they never wait for the disk but for a page that is not cached.
#[async_trait]
impl ItemStore for EmbeddedStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.get_one(key).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        if writes.is_empty() {
            return Vec::new();
        }
        self.writer.put(writes).await
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.query_all(pk, from, to, limit).map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
