//! SQL over a lake: DataFusion with the schemas `bronze`, `silver`, `gold` and the views of a run; time zone UTC.
//! ENG-2: `query` changes nothing: every statement that is not a query is refused before it is planned.
//! Tables are written by the lake, never by an SQL statement.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::ViewTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures::StreamExt;
use touchline_lake::{Lake, REPLACEMENT_SUFFIX, replacement_of, table_ident};

use crate::error::{SqlContext, WarehouseError};
use crate::schema::LakeCatalog;

/// The lake's name in SQL: `touchline.gold.fct_trades`, or without it.
const CATALOG: &str = "touchline";
/// Where a name without a schema is looked for.
const DEFAULT_SCHEMA: &str = "gold";
/// Rows gathered before they become one commit of a table under construction.
const COMMIT_ROWS: usize = 1_000_000;

/// An SQL session over one lake. Clones share it.
#[derive(Clone)]
pub struct Engine {
    context: SessionContext,
    schemas: Arc<LakeCatalog>,
    lake: Lake,
}

/// The rows a query answered. The schema is there also where no row is.
#[derive(Debug, Clone)]
pub struct QueryResult {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl QueryResult {
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// A table under construction: written, readable under its own name, not yet published.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) relation: String,
    pub(crate) staged_relation: String,
    pub(crate) row_count: u64,
}

impl Engine {
    /// A session over the lake; it sees each later snapshot and table without being opened again.
    pub async fn open(lake: &Lake) -> Result<Engine, WarehouseError> {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true);
        config.options_mut().execution.time_zone = Some("+00:00".to_owned());
        let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
        let context = SessionContext::new_with_state(state);
        let schemas = Arc::new(LakeCatalog::new(lake.catalog()));
        context.register_catalog(CATALOG, Arc::clone(&schemas) as _);
        let engine = Engine { context, schemas, lake: lake.clone() };
        engine.refresh().await?;
        Ok(engine)
    }

    /// Runs one query and gathers its rows. Anything but a query is refused.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, WarehouseError> {
        ensure_query(sql)?;
        self.refresh().await?;
        let frame = self.plan(sql).await.during(|| "plan query".to_owned())?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.during(|| "run query".to_owned())?;
        Ok(QueryResult { schema, batches })
    }

    /// The columns a query would answer, without running it.
    pub(crate) async fn describe(&self, sql: &str) -> Result<SchemaRef, WarehouseError> {
        let frame = self.plan(sql).await.during(|| "plan query".to_owned())?;
        Ok(Arc::new(frame.schema().as_arrow().clone()))
    }

    /// Makes a view of this session. It keeps to the snapshots of now, so that a whole run reads one state.
    pub(crate) async fn create_view(&self, schema: &str, name: &str, sql: &str) -> Result<(), WarehouseError> {
        let frame = self.plan(sql).await.during(|| format!("plan {schema}.{name}"))?;
        let view = ViewTable::new(frame.into_unoptimized_plan(), Some(sql.to_owned()));
        self.schemas.schema_or_new(schema).put_view(name, Arc::new(view));
        Ok(())
    }

    /// Makes rows readable under a name of this session.
    pub(crate) fn put_rows(&self, schema: &str, name: &str, rows: RecordBatch) -> Result<(), WarehouseError> {
        let table = datafusion::datasource::MemTable::try_new(rows.schema(), vec![vec![rows]])
            .during(|| format!("hold rows of {schema}.{name}"))?;
        self.schemas.schema_or_new(schema).put_view(name, Arc::new(table));
        Ok(())
    }

    pub(crate) fn remove_view(&self, schema: &str, name: &str) {
        self.schemas.schema_or_new(schema).remove_view(name);
    }

    /// Writes a query's rows to the table that is to replace `schema.name`. Readers still see the old one.
    pub(crate) async fn stage_table(&self, schema: &str, name: &str, sql: &str) -> Result<Staged, WarehouseError> {
        let relation = format!("{schema}.{name}");
        let frame = self.plan(sql).await.during(|| format!("plan {relation}"))?;
        let columns = frame.schema().as_arrow().clone();
        let mut rows = frame.execute_stream().await.during(|| format!("run {relation}"))?;
        let ident = table_ident(&relation)?;
        self.lake.create_replacement(&ident, &columns).await?;
        let row_count = self.append(&relation, &mut rows).await?;
        Ok(Staged { staged_relation: format!("{relation}{REPLACEMENT_SUFFIX}"), relation, row_count })
    }

    async fn append(&self, relation: &str, rows: &mut SendableRecordBatchStream) -> Result<u64, WarehouseError> {
        let replacement = replacement_of(&table_ident(relation)?);
        let mut row_count = 0;
        let mut pending = Vec::new();
        let mut pending_rows = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch.during(|| format!("run {relation}"))?;
            pending_rows += batch.num_rows();
            pending.push(batch);
            if pending_rows >= COMMIT_ROWS {
                let report = self.lake.append_batches(&replacement, std::mem::take(&mut pending), HashMap::new());
                row_count += report.await?.row_count;
                pending_rows = 0;
            }
        }
        if pending_rows > 0 {
            row_count += self.lake.append_batches(&replacement, pending, HashMap::new()).await?.row_count;
        }
        Ok(row_count)
    }

    /// Gives a staged table its name. Readers see all of the new rows or all of the old.
    pub(crate) async fn publish(&self, staged: &Staged) -> Result<(), WarehouseError> {
        let ident = table_ident(&staged.relation)?;
        Ok(self.lake.swap_table(&ident, &replacement_of(&ident)).await?)
    }

    /// Drops a staged table that failed its tests.
    pub(crate) async fn discard(&self, schema: &str, name: &str) -> Result<(), WarehouseError> {
        Ok(self.lake.drop_table(&replacement_of(&table_ident(&format!("{schema}.{name}"))?)).await?)
    }

    async fn plan(&self, sql: &str) -> datafusion::error::Result<DataFrame> {
        let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.context.sql_with_options(sql, only_queries).await
    }

    async fn refresh(&self) -> Result<(), WarehouseError> {
        let listed = self.schemas.refresh().await;
        listed.map_err(|error| error.into_df()).during(|| "list tables".to_owned())
    }
}

trait IntoDataFusion {
    fn into_df(self) -> datafusion::error::DataFusionError;
}

impl IntoDataFusion for iceberg::Error {
    fn into_df(self) -> datafusion::error::DataFusionError {
        datafusion::error::DataFusionError::External(Box::new(self))
    }
}

/// Refuses everything but one query. The planner refuses such plans too; here the answer names the statement.
fn ensure_query(sql: &str) -> Result<(), WarehouseError> {
    let refuse = |reason: String| Err(WarehouseError::NotAQuery { reason });
    let statements = DFParser::parse_sql(sql).during(|| "parse sql".to_owned())?;
    let mut statements = statements.into_iter();
    let Some(statement) = statements.next() else { return refuse("it is empty".to_owned()) };
    if statements.next().is_some() {
        return refuse("it holds several statements; give one at a time".to_owned());
    }
    ensure_reads(&statement)
}

fn ensure_reads(statement: &Statement) -> Result<(), WarehouseError> {
    let is_query = match statement {
        Statement::Explain(explain) => return ensure_reads(&explain.statement),
        Statement::Statement(statement) => is_reading(statement),
        _ => false,
    };
    if is_query {
        return Ok(());
    }
    let text = statement.to_string();
    let verb: Vec<&str> = text.split_whitespace().take(2).collect();
    Err(WarehouseError::NotAQuery { reason: format!("{} is not a query", verb.join(" ").to_lowercase()) })
}

fn is_reading(statement: &SqlStatement) -> bool {
    match statement {
        SqlStatement::Query(_)
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ShowVariable { .. }
        | SqlStatement::ExplainTable { .. } => true,
        SqlStatement::Explain { statement, .. } => is_reading(statement),
        _ => false,
    }
}
