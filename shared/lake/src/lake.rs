//! The embedded lake: a folder with an SQLite catalog and a warehouse of Iceberg tables.
//! LAKE-3: opening twice, or after a crash at any point, gives the same tables and loses none.
//! LAKE-4: metadata holds absolute `file://` paths, so that any Iceberg reader opens it as it is; the folder may not be moved.
//! Knows the declared tables by name only; their columns live in `tables`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::Schema;
use iceberg::spec::{Transform, UnboundPartitionSpec};
use iceberg::table::Table;
use iceberg::{Catalog, NamespaceIdent, TableCreation, TableIdent};
use sqlx::SqlitePool;

use crate::catalog;
use crate::error::{Context, LakeError};
use crate::schema::iceberg_schema;
use crate::tables;

/// Namespaces that every lake has.
pub const NAMESPACES: [&str; 3] = ["bronze", "silver", "gold"];

/// An open lake. Clones share one catalog.
#[derive(Clone)]
pub struct Lake {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) sqlite: SqlitePool,
    pub(crate) warehouse: PathBuf,
    /// Tables as first loaded, for writing only: where their files go and how they are partitioned does not change.
    pub(crate) write_targets: Arc<Mutex<HashMap<TableIdent, Table>>>,
}

impl Lake {
    /// Opens the lake in `folder`, making the folder, the catalog, the namespaces and the declared tables where absent.
    /// The folder must not be moved afterwards: table metadata holds absolute paths.
    pub async fn open(folder: &Path) -> Result<Lake, LakeError> {
        let warehouse = folder.join("warehouse");
        std::fs::create_dir_all(&warehouse).context("make folder", warehouse.display())?;
        let folder = folder.canonicalize().context("resolve folder", folder.display())?;
        let warehouse = folder.join("warehouse");
        let url = format!("file://{}", warehouse.display());
        let (catalog, sqlite) = catalog::open(&folder.join("catalog.db"), &url).await?;
        let lake = Lake { catalog: Arc::new(catalog), sqlite, warehouse, write_targets: Arc::default() };
        lake.create_declared_tables().await?;
        Ok(lake)
    }

    /// The Iceberg catalog, for readers and query engines.
    pub fn catalog(&self) -> Arc<dyn Catalog> {
        Arc::clone(&self.catalog)
    }

    /// Where the tables' files lie.
    pub fn warehouse(&self) -> &Path {
        &self.warehouse
    }

    /// The table as it is now.
    pub async fn load(&self, table: &TableIdent) -> Result<Table, LakeError> {
        self.catalog.load_table(table).await.context("load table", table)
    }

    /// The table for writing uncommitted files: saves reading its metadata for every batch.
    pub(crate) async fn load_for_writing(&self, ident: &TableIdent) -> Result<Table, LakeError> {
        let targets = || self.write_targets.lock().unwrap_or_else(PoisonError::into_inner);
        let known = targets().get(ident).cloned();
        if let Some(table) = known {
            return Ok(table);
        }
        let table = self.load(ident).await?;
        targets().insert(ident.clone(), table.clone());
        Ok(table)
    }

    /// Every table of every namespace, in order of name.
    pub async fn list_tables(&self) -> Result<Vec<TableIdent>, LakeError> {
        let mut tables = Vec::new();
        for namespace in self.catalog.list_namespaces(None).await.context("list", "namespaces")? {
            tables.extend(self.catalog.list_tables(&namespace).await.context("list tables", namespace.join("."))?);
        }
        tables.sort_by_key(ToString::to_string);
        Ok(tables)
    }

    /// Makes an unpartitioned table for rows like `schema`, with its namespace where absent. Types that Iceberg
    /// lacks become the nearest it has (nanoseconds become microseconds, unsigned becomes signed and wider).
    pub async fn create_table_like_arrow(&self, table: &TableIdent, schema: &Schema) -> Result<Table, LakeError> {
        self.create_table(table, schema, None, None, HashMap::new()).await
    }

    /// Drops the table and its files, where it exists.
    pub async fn drop_table(&self, table: &TableIdent) -> Result<(), LakeError> {
        if !self.catalog.table_exists(table).await.context("look up", table)? {
            return Ok(());
        }
        let location = self.load(table).await?.metadata().location().to_owned();
        self.catalog.drop_table(table).await.context("drop table", table)?;
        self.remove_table_folder(&location)
    }

    pub(crate) async fn create_table(
        &self,
        table: &TableIdent,
        schema: &Schema,
        day_column: Option<&str>,
        location: Option<String>,
        properties: HashMap<String, String>,
    ) -> Result<Table, LakeError> {
        self.create_namespace(table.namespace()).await?;
        let schema = iceberg_schema(&table.to_string(), schema)?;
        let partition_spec = match day_column {
            Some(column) => Some(day_partition(table, &schema, column)?),
            None => None,
        };
        let creation = TableCreation {
            name: table.name().to_owned(),
            location,
            schema,
            partition_spec,
            sort_order: None,
            properties,
            format_version: iceberg::spec::FormatVersion::V2,
        };
        self.catalog.create_table(table.namespace(), creation).await.context("create table", table)
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent) -> Result<(), LakeError> {
        let name = namespace.join(".");
        if self.catalog.namespace_exists(namespace).await.context("look up namespace", &name)? {
            return Ok(());
        }
        let created = self.catalog.create_namespace(namespace, HashMap::new()).await;
        // Another process may open the same new lake; whoever is second finds the namespace made, and its own attempt
        // refused by the catalog's database.
        let is_made = self.catalog.namespace_exists(namespace).await.context("look up namespace", &name)?;
        if is_made { Ok(()) } else { created.map(drop).context("create namespace", &name) }
    }

    async fn create_declared_tables(&self) -> Result<(), LakeError> {
        for name in NAMESPACES {
            self.create_namespace(&NamespaceIdent::new(name.to_owned())).await?;
        }
        let present = self.list_tables().await?;
        for declared in tables::declared() {
            let table = table_ident(declared.name)?;
            if present.contains(&table) {
                continue;
            }
            let created = self.create_table(&table, &declared.schema, declared.day_column, None, HashMap::new()).await;
            // Another process may open the same new lake; whoever is second finds the table made.
            let is_made = self.catalog.table_exists(&table).await.context("look up", &table)?;
            if !is_made {
                created?;
            }
        }
        Ok(())
    }

    /// Removes a dropped table's folder. A location outside the warehouse is never touched.
    pub(crate) fn remove_table_folder(&self, location: &str) -> Result<(), LakeError> {
        let folder = local_path(location);
        let is_inside = folder.strip_prefix(&self.warehouse).is_ok_and(|rest| rest.components().count() >= 2);
        let has_steps_up = folder.components().any(|part| part == std::path::Component::ParentDir);
        if !is_inside || has_steps_up || !folder.exists() {
            return Ok(());
        }
        std::fs::remove_dir_all(&folder).context("remove folder", folder.display())
    }
}

/// The identifier of `namespace.table`.
pub fn table_ident(name: &str) -> Result<TableIdent, LakeError> {
    match name.split_once('.') {
        Some((namespace, table)) if !namespace.is_empty() && !table.is_empty() && !table.contains('.') => {
            Ok(TableIdent::new(NamespaceIdent::new(namespace.to_owned()), table.to_owned()))
        }
        _ => Err(LakeError::TableName { name: name.to_owned() }),
    }
}

/// The local path of a `file://` location.
pub(crate) fn local_path(location: &str) -> PathBuf {
    PathBuf::from(location.strip_prefix("file://").unwrap_or(location))
}

fn day_partition(
    table: &TableIdent,
    schema: &iceberg::spec::Schema,
    column: &str,
) -> Result<UnboundPartitionSpec, LakeError> {
    let field = schema
        .field_by_name(column)
        .ok_or_else(|| LakeError::MissingColumn { table: table.to_string(), column: column.to_owned() })?;
    let builder = UnboundPartitionSpec::builder()
        .add_partition_field(field.id, format!("{column}_day"), Transform::Day)
        .context("partition", table)?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn many_who_open_a_new_lake_at_once_all_find_it_whole() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let openers: Vec<_> = (0..8)
                .map(|_| {
                    let folder = folder.path().to_owned();
                    tokio::spawn(async move { Lake::open(&folder).await?.list_tables().await })
                })
                .collect();
            for opener in openers {
                let tables = opener.await.unwrap().unwrap();
                assert_eq!(tables.len(), tables::declared().len());
            }
        }
    }
}
