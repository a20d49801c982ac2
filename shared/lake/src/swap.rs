//! Replacing a table whole: the new one is written beside it and takes its name in one catalog transaction.
//! SWP-1: a reader finds the old table or the new one, at every moment and after every crash; there is no moment between.
//! SWP-2: files of the replaced generation stay until the next replacement, so that a query under way can finish.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use iceberg::TableIdent;
use iceberg::table::Table;
use uuid::Uuid;

use crate::append::CommitReport;
use crate::catalog::CATALOG_NAME;
use crate::error::{Context, LakeError};
use crate::lake::Lake;

/// Ends the name of a table under construction.
pub const REPLACEMENT_SUFFIX: &str = "__new";
/// Table property: where the generation before this one lies.
pub(crate) const PREVIOUS_LOCATION: &str = "touchline.previous-location";

impl Lake {
    /// Makes the empty table `<name>__new` that is to replace `name`, dropping what an interrupted run left.
    /// Two runs that replace the same table at once are the caller's error.
    pub async fn create_replacement(&self, name: &TableIdent, schema: &Schema) -> Result<Table, LakeError> {
        let replacement = replacement_of(name);
        self.drop_table(&replacement).await?;
        let mut properties = HashMap::new();
        if self.catalog.table_exists(name).await.context("look up", name)? {
            let current = self.load(name).await?.metadata().location().to_owned();
            properties.insert(PREVIOUS_LOCATION.to_owned(), current);
        }
        // Each generation has its own folder: the old one must outlive the swap.
        let folder = format!("{}-{}", name.name(), Uuid::new_v4().simple());
        let location = format!("file://{}", self.warehouse.join(name.namespace().join("/")).join(folder).display());
        self.create_table(&replacement, schema, None, Some(location), properties).await
    }

    /// Gives the table `new` the name `name`; the table that had it is dropped in the same catalog transaction.
    /// On error nothing has changed.
    pub async fn swap_table(&self, name: &TableIdent, new: &TableIdent) -> Result<(), LakeError> {
        let expired = self.expired_location(name).await?;
        let mut transaction = self.sqlite.begin().await.context("swap table", name)?;
        // The write comes first: it takes the lock before anything is read.
        sqlx::query("DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?")
            .bind(CATALOG_NAME)
            .bind(name.namespace().join("."))
            .bind(name.name())
            .execute(&mut *transaction)
            .await
            .context("swap table", name)?;
        let renamed = sqlx::query(
            "UPDATE iceberg_tables SET table_namespace = ?, table_name = ? \
             WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?",
        )
        .bind(name.namespace().join("."))
        .bind(name.name())
        .bind(CATALOG_NAME)
        .bind(new.namespace().join("."))
        .bind(new.name())
        .execute(&mut *transaction)
        .await
        .context("swap table", name)?;
        if renamed.rows_affected() != 1 {
            transaction.rollback().await.context("swap table", name)?;
            return Err(LakeError::MissingTable { operation: "swap table", table: new.to_string() });
        }
        transaction.commit().await.context("swap table", name)?;
        expired.map_or(Ok(()), |location| self.remove_table_folder(&location))
    }

    /// Replaces the table by these rows: create, append, swap. Makes the table where it is absent.
    pub async fn replace_table(
        &self,
        name: &TableIdent,
        schema: &Schema,
        batches: Vec<RecordBatch>,
    ) -> Result<CommitReport, LakeError> {
        let replacement = self.create_replacement(name, schema).await?.identifier().clone();
        let mut report = self.append_batches(&replacement, batches, HashMap::new()).await?;
        self.swap_table(name, &replacement).await?;
        report.table = name.clone();
        Ok(report)
    }

    /// Where the generation lies that the swap makes the last but one.
    async fn expired_location(&self, name: &TableIdent) -> Result<Option<String>, LakeError> {
        if !self.catalog.table_exists(name).await.context("look up", name)? {
            return Ok(None);
        }
        let table = self.load(name).await?;
        Ok(table.metadata().properties().get(PREVIOUS_LOCATION).cloned())
    }
}

/// The name of the table under construction for `name`.
pub fn replacement_of(name: &TableIdent) -> TableIdent {
    TableIdent::new(name.namespace().clone(), format!("{}{REPLACEMENT_SUFFIX}", name.name()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};
    use arrow_schema::{DataType, Field};

    use super::*;
    use crate::lake::{local_path, table_ident};
    use crate::testing::long_column;

    fn schema() -> Schema {
        Schema::new(vec![Field::new("n", DataType::Int64, false)])
    }

    fn rows(values: &[i64]) -> Vec<RecordBatch> {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        vec![RecordBatch::try_from_iter([("n", column)]).unwrap()]
    }

    #[tokio::test]
    async fn a_replaced_table_has_the_new_rows_and_an_open_reader_keeps_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let name = table_ident("gold.standings").unwrap();
        lake.replace_table(&name, &schema(), rows(&[1, 2])).await.unwrap();
        let first = lake.load(&name).await.unwrap();
        lake.replace_table(&name, &schema(), rows(&[3])).await.unwrap();
        assert_eq!(long_column(&lake.load(&name).await.unwrap(), "n").await, [3]);
        assert_eq!(long_column(&first, "n").await, [1, 2]);

        lake.replace_table(&name, &schema(), rows(&[4])).await.unwrap();
        assert!(!local_path(first.metadata().location()).exists(), "the last but one generation is removed");
        drop(lake);
        let lake = Lake::open(folder.path()).await.unwrap();
        assert_eq!(long_column(&lake.load(&name).await.unwrap(), "n").await, [4]);
    }

    #[tokio::test]
    async fn an_interrupted_replacement_leaves_the_old_table_and_does_not_hinder_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let name = table_ident("gold.standings").unwrap();
        lake.replace_table(&name, &schema(), rows(&[1])).await.unwrap();
        lake.create_replacement(&name, &schema()).await.unwrap();
        lake.append_batches(&replacement_of(&name), rows(&[9]), HashMap::new()).await.unwrap();
        drop(lake);

        let lake = Lake::open(folder.path()).await.unwrap();
        assert_eq!(long_column(&lake.load(&name).await.unwrap(), "n").await, [1]);
        lake.replace_table(&name, &schema(), rows(&[2])).await.unwrap();
        assert_eq!(long_column(&lake.load(&name).await.unwrap(), "n").await, [2]);
    }

    #[tokio::test]
    async fn a_swap_with_a_missing_table_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let name = table_ident("gold.standings").unwrap();
        lake.replace_table(&name, &schema(), rows(&[1])).await.unwrap();
        let error = lake.swap_table(&name, &replacement_of(&name)).await.unwrap_err().to_string();
        assert!(error.contains("gold.standings__new does not exist"), "{error}");
        assert_eq!(long_column(&lake.load(&name).await.unwrap(), "n").await, [1]);
    }
}
