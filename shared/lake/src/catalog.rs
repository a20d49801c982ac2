//! The SQLite catalog file of the embedded lake, and a catalog that commits against one known table version only.
//! CAT-1: the file is in write-ahead mode, because the catalog client ignores a failing COMMIT and only then cannot see one fail as busy.
//! CAT-2: a [`Pinned`] commit lands on exactly the metadata its caller has looked at, or not at all.
//! Knows nothing of columns and rows.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use iceberg::io::LocalFsStorageFactory;
use iceberg::table::Table;
use iceberg::{Catalog, CatalogBuilder, Error, ErrorKind, Namespace, NamespaceIdent, TableCommit, TableCreation};
use iceberg::{Result as IcebergResult, TableIdent};
use iceberg_catalog_sql::{SqlBindStyle, SqlCatalog, SqlCatalogBuilder};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{Context, LakeError};

/// The catalog's name inside its file: readers must give the same.
pub(crate) const CATALOG_NAME: &str = "touchline";
/// Connections of our own beside those of the catalog client; one suffices for swaps.
const OWN_CONNECTIONS: u32 = 1;

/// How long a statement waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// SQLite's code for a file that somebody else holds, and how an opener meets it.
const BUSY: &str = "5";
const OPEN_TRIES: u32 = 100;
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Opens or makes the catalog file. The pool is for what the catalog client cannot do in one transaction.
pub(crate) async fn open(file: &Path, warehouse_url: &str) -> Result<(SqlCatalog, SqlitePool), LakeError> {
    let pool = connect(file).await.context("open catalog", file.display())?;
    sqlx::any::install_default_drivers();
    let catalog = SqlCatalogBuilder::default()
        .uri(sqlite_url(file))
        .warehouse_location(warehouse_url)
        .sql_bind_style(SqlBindStyle::QMark)
        .with_storage_factory(Arc::new(LocalFsStorageFactory))
        .load(CATALOG_NAME, HashMap::new())
        .await
        .context("open catalog", file.display())?;
    Ok((catalog, pool))
}

/// While one opener makes a new file one with a log, SQLite turns the others away at once instead of letting them wait.
async fn connect(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let mut tries = 1;
    loop {
        let pool = SqlitePoolOptions::new().max_connections(OWN_CONNECTIONS);
        match pool.connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(BUSY) && tries < OPEN_TRIES => {
                tries += 1;
                tokio::time::sleep(OPEN_AGAIN_AFTER).await;
            }
            opened => return opened,
        }
    }
}

/// `sqlite://` and the path, with everything escaped that a URL parser would take for its own.
fn sqlite_url(file: &Path) -> String {
    let mut url = String::from("sqlite://");
    for byte in file.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rwc");
    url
}

/// A catalog for one commit. The client's transaction reloads the table and applies itself again to whatever
/// it finds; a decision taken on an older version would then be committed against a newer one. Here the reload
/// fails instead, without retry, and the caller decides anew.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) inner: Arc<dyn Catalog>,
    pub(crate) metadata_location: Option<String>,
}

/// A catalog that passes everything on to its field `inner`, but loads by its own method `load` and commits by `update`.
macro_rules! catalog_through {
    ($catalog:ty) => {
        #[async_trait]
        impl Catalog for $catalog {
            async fn load_table(&self, table: &TableIdent) -> IcebergResult<Table> {
                self.load(table).await
            }

            async fn update_table(&self, commit: TableCommit) -> IcebergResult<Table> {
                self.update(commit).await
            }

            async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> IcebergResult<Vec<NamespaceIdent>> {
                self.inner.list_namespaces(parent).await
            }

            async fn create_namespace(
                &self,
                namespace: &NamespaceIdent,
                properties: HashMap<String, String>,
            ) -> IcebergResult<Namespace> {
                self.inner.create_namespace(namespace, properties).await
            }

            async fn get_namespace(&self, namespace: &NamespaceIdent) -> IcebergResult<Namespace> {
                self.inner.get_namespace(namespace).await
            }

            async fn namespace_exists(&self, namespace: &NamespaceIdent) -> IcebergResult<bool> {
                self.inner.namespace_exists(namespace).await
            }

            async fn update_namespace(
                &self,
                namespace: &NamespaceIdent,
                properties: HashMap<String, String>,
            ) -> IcebergResult<()> {
                self.inner.update_namespace(namespace, properties).await
            }

            async fn drop_namespace(&self, namespace: &NamespaceIdent) -> IcebergResult<()> {
                self.inner.drop_namespace(namespace).await
            }

            async fn list_tables(&self, namespace: &NamespaceIdent) -> IcebergResult<Vec<TableIdent>> {
                self.inner.list_tables(namespace).await
            }

            async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> IcebergResult<Table> {
                self.inner.create_table(namespace, creation).await
            }

            async fn drop_table(&self, table: &TableIdent) -> IcebergResult<()> {
                self.inner.drop_table(table).await
            }

            async fn purge_table(&self, table: &TableIdent) -> IcebergResult<()> {
                self.inner.purge_table(table).await
            }

            async fn table_exists(&self, table: &TableIdent) -> IcebergResult<bool> {
                self.inner.table_exists(table).await
            }

            async fn rename_table(&self, src: &TableIdent, dest: &TableIdent) -> IcebergResult<()> {
                self.inner.rename_table(src, dest).await
            }

            async fn register_table(&self, table: &TableIdent, metadata_location: String) -> IcebergResult<Table> {
                self.inner.register_table(table, metadata_location).await
            }
        }
    };
}

catalog_through!(Pinned);

impl Pinned {
    async fn load(&self, table: &TableIdent) -> IcebergResult<Table> {
        let loaded = self.inner.load_table(table).await?;
        if loaded.metadata_location() != self.metadata_location.as_deref() {
            let message = format!("table {table} moved on since it was read");
            return Err(Error::new(ErrorKind::CatalogCommitConflicts, message));
        }
        Ok(loaded)
    }

    async fn update(&self, commit: TableCommit) -> IcebergResult<Table> {
        self.inner.update_table(commit).await
    }
}

/// A catalog whose commits fail as told, as `touchline_store::FaultyStore` does for items.
#[cfg(test)]
pub(crate) struct FaultyCatalog {
    pub(crate) inner: Arc<dyn Catalog>,
    pub(crate) next: Box<dyn Fn() -> touchline_store::Fault + Send + Sync>,
}

#[cfg(test)]
mod faulty {
    use touchline_store::Fault;

    use super::*;

    impl std::fmt::Debug for FaultyCatalog {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("FaultyCatalog")
        }
    }

    catalog_through!(FaultyCatalog);

    impl FaultyCatalog {
        async fn load(&self, table: &TableIdent) -> IcebergResult<Table> {
            self.inner.load_table(table).await
        }

        async fn update(&self, commit: TableCommit) -> IcebergResult<Table> {
            let lost = || Error::new(ErrorKind::Unexpected, "injected: no answer from the catalog");
            match (self.next)() {
                Fault::None => self.inner.update_table(commit).await,
                Fault::LostResponse => {
                    self.inner.update_table(commit).await?;
                    Err(lost())
                }
                Fault::LostRequest | Fault::Throttle => Err(lost()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_with_spaces_and_signs_opens() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("my lake #1 50%");
        std::fs::create_dir_all(&odd).unwrap();
        let (catalog, _pool) = open(&odd.join("catalog.db"), "file:///nowhere").await.unwrap();
        assert!(catalog.list_namespaces(None).await.unwrap().is_empty());
        assert!(odd.join("catalog.db").exists());
    }
}
