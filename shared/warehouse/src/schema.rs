//! The lake's tables as DataFusion sees them, with the views of a run beside them.
//! ENG-1: a query plans and reads one snapshot of each table, the newest when it was planned.
//! Cached catalogs are avoided on purpose: they would keep showing the columns and tables of when they were made.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use iceberg::{Catalog, ErrorKind, NamespaceIdent, TableIdent};
use iceberg_datafusion::IcebergStaticTableProvider;

/// All schemas of a lake; one is made for each namespace, and for each schema of views.
#[derive(Debug)]
pub(crate) struct LakeCatalog {
    catalog: Arc<dyn Catalog>,
    schemas: RwLock<BTreeMap<String, Arc<LakeSchema>>>,
}

/// One namespace and the views of that schema.
#[derive(Debug)]
pub(crate) struct LakeSchema {
    catalog: Arc<dyn Catalog>,
    namespace: NamespaceIdent,
    views: RwLock<BTreeMap<String, Arc<dyn TableProvider>>>,
    /// Names of the Iceberg tables as of the last refresh, for listings only.
    listed: RwLock<Vec<String>>,
}

impl LakeCatalog {
    pub(crate) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog, schemas: RwLock::new(BTreeMap::new()) }
    }

    /// Reads the names of namespaces and tables anew, because listings are asked for without awaiting.
    pub(crate) async fn refresh(&self) -> iceberg::Result<()> {
        for namespace in self.catalog.list_namespaces(None).await? {
            let schema = self.schema_or_new(&namespace.join("."));
            let mut names: Vec<String> =
                self.catalog.list_tables(&namespace).await?.iter().map(|table| table.name().to_owned()).collect();
            names.sort();
            *schema.listed.write().unwrap_or_else(PoisonError::into_inner) = names;
        }
        Ok(())
    }

    pub(crate) fn schema_or_new(&self, name: &str) -> Arc<LakeSchema> {
        let mut schemas = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            Arc::new(LakeSchema {
                catalog: Arc::clone(&self.catalog),
                namespace: NamespaceIdent::new(name.to_owned()),
                views: RwLock::default(),
                listed: RwLock::default(),
            })
        };
        Arc::clone(schemas.entry(name.to_owned()).or_insert_with(made))
    }
}

impl LakeSchema {
    pub(crate) fn put_view(&self, name: &str, view: Arc<dyn TableProvider>) {
        self.views.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), view);
    }

    pub(crate) fn remove_view(&self, name: &str) {
        self.views.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl CatalogProvider for LakeCatalog {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema_names(&self) -> Vec<String> {
        self.schemas.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let schemas = self.schemas.read().unwrap_or_else(PoisonError::into_inner);
        schemas.get(name).map(|schema| Arc::clone(schema) as Arc<dyn SchemaProvider>)
    }
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn table_names(&self) -> Vec<String> {
        let mut names = self.listed.read().unwrap_or_else(PoisonError::into_inner).clone();
        names.extend(self.views.read().unwrap_or_else(PoisonError::into_inner).keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let view = self.views.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if view.is_some() {
            return Ok(view);
        }
        let table = match self.catalog.load_table(&TableIdent::new(self.namespace.clone(), name.to_owned())).await {
            Ok(table) => table,
            Err(error) if matches!(error.kind(), ErrorKind::TableNotFound | ErrorKind::NamespaceNotFound) => {
                return Ok(None);
            }
            Err(error) => return Err(DataFusionError::External(Box::new(error))),
        };
        let provider = IcebergStaticTableProvider::try_new_from_table(table)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Some(Arc::new(provider)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
