//! Rows given to a model, rows expected of it: the yml `unit_tests` of dbt, run before the model itself.
//! UNT-1: inputs have the column types of the relations they stand for, so a wrong cast is found here.
//! UNT-2: rows compare as a bag, in the columns that the expectation names, exactly, floats too.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;

use crate::data_test::parse_dependency;
use crate::engine::{Engine, QueryResult};
use crate::error::{WarehouseError, did_you_mean};
use crate::format::row_lines;
use crate::graph::{Graph, Model};
use crate::project::{Row, UnitTest};
use crate::render::Dependency;

/// Schema of the given rows while a test runs.
const GIVEN_SCHEMA: &str = "unit_test";

/// Runs one unit test. `None`: the rows are as expected; else the difference.
pub(crate) async fn run(
    engine: &Engine,
    graph: &Graph,
    model: &Model,
    test: &UnitTest,
) -> Result<Option<String>, WarehouseError> {
    let mut names = Vec::new();
    let outcome = run_over_given(engine, graph, model, test, &mut names).await;
    for name in names {
        engine.remove_view(GIVEN_SCHEMA, &name);
    }
    outcome
}

async fn run_over_given(
    engine: &Engine,
    graph: &Graph,
    model: &Model,
    test: &UnitTest,
    names: &mut Vec<String>,
) -> Result<Option<String>, WarehouseError> {
    let failed = |message: String| WarehouseError::UnitTest { test: test.name.clone(), message };
    let mut relations = (*graph.relations).clone();
    let mut given = BTreeSet::new();
    for (index, input) in test.given.iter().enumerate() {
        let dependency = parse_dependency(&input.input)
            .filter(|dependency| model.dependencies.contains(dependency))
            .ok_or_else(|| failed(format!("input {} is nothing that {} reads", input.input, model.name)))?;
        let relation = graph.relations.get(&dependency).cloned().unwrap_or_default();
        let schema = engine.describe(&format!("select * from {relation}")).await?;
        let rows = decode(&input.rows, &schema).map_err(|error| failed(format!("given {}: {error}", input.input)))?;
        let name = format!("{}__{}__{index}", model.name, test.name);
        engine.put_rows(GIVEN_SCHEMA, &name, rows)?;
        relations.insert(dependency.clone(), format!("{GIVEN_SCHEMA}.{name}"));
        names.push(name);
        given.insert(dependency);
    }
    let missing: Vec<String> = model.dependencies.difference(&given).map(Dependency::to_string).collect();
    if !missing.is_empty() {
        return Err(failed(format!("no rows given for {}; give them, rows: [] for none", missing.join(", "))));
    }
    let sql = graph.render_with(&model.name, relations)?;
    let actual = engine.query(&sql).await?;
    compare(test, &actual)
}

fn compare(test: &UnitTest, actual: &QueryResult) -> Result<Option<String>, WarehouseError> {
    let mut columns: Vec<String> =
        test.expect.rows.iter().flat_map(|row| row.keys().cloned()).collect::<BTreeSet<_>>().into_iter().collect();
    if let Some(row) = test.expect.rows.iter().find(|row| row.len() != columns.len()) {
        let missing: Vec<&str> =
            columns.iter().map(String::as_str).filter(|column| !row.contains_key(*column)).collect();
        // dbt joins the rows by UNION and fails on such a test; the same folder must run there.
        let message = format!("expect: one row lacks {}; write null where none is expected", missing.join(", "));
        return Err(WarehouseError::UnitTest { test: test.name.clone(), message });
    }
    if columns.is_empty() {
        columns = actual.schema.fields().iter().map(|field| field.name().clone()).collect();
    }
    let mut fields = Vec::new();
    for column in &columns {
        let answered = || actual.schema.fields().iter().map(|field| field.name().as_str());
        let field = actual.schema.field_with_name(column).map_err(|_| WarehouseError::UnitTest {
            test: test.name.clone(),
            message: format!("expect: {} answers no column {column}{}", test.model, did_you_mean(column, answered())),
        })?;
        fields.push(field.clone());
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let expected = QueryResult { schema: schema.clone(), batches: vec![decode(&test.expect.rows, &schema)?] };
    let (expected, actual) = (row_lines(&expected, &columns)?, row_lines(actual, &columns)?);
    if expected == actual {
        return Ok(None);
    }
    let only = |left: &[String], right: &[String]| {
        let mut rest = right.to_vec();
        let is_new = |line: &&String| match rest.iter().position(|other| other == *line) {
            Some(at) => {
                rest.remove(at);
                false
            }
            None => true,
        };
        left.iter().filter(is_new).cloned().collect::<Vec<_>>()
    };
    let mut lines = vec![format!("expected {} rows, got {}", expected.len(), actual.len())];
    lines.extend(only(&expected, &actual).iter().map(|line| format!("- {line}")));
    lines.extend(only(&actual, &expected).iter().map(|line| format!("+ {line}")));
    Ok(Some(lines.join("\n")))
}

/// Rows of yml as Arrow; a column left out is null, an unknown one is refused.
pub(crate) fn decode(rows: &[Row], schema: &SchemaRef) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    let schema: SchemaRef = Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>()));
    let builder =
        arrow_json::ReaderBuilder::new(Arc::clone(&schema)).with_strict_mode(true).with_coerce_primitive(true);
    let mut decoder = builder.with_batch_size(rows.len().max(1)).build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}
