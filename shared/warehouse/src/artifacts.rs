//! `manifest.json`, `run_results.json` and the compiled SQL, in dbt's shape, for the tools that read dbt's.
//! ART-1: a file is written beside its place and renamed, so a reader never sees half of one.
//! Fields that have no meaning here (packages, exposures, macros' code) are present and empty.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use touchline_event::{format_utc_ms, stable_hash};

use crate::data_test::DataTest;
use crate::error::WarehouseError;
use crate::graph::{Graph, Model};
use crate::project::{Column, UnitTest};
use crate::render::Dependency;
use crate::results::{NodeResult, RunSummary, Status};

const MANIFEST_SCHEMA: &str = "https://schemas.getdbt.com/dbt/manifest/v12.json";
const RUN_RESULTS_SCHEMA: &str = "https://schemas.getdbt.com/dbt/run-results/v6.json";

/// `model.touchline.fct_trades`.
pub(crate) fn model_id(graph: &Graph, name: &str) -> String {
    format!("model.{}.{name}", graph.project.settings.name)
}

/// `test.touchline.not_null_fct_trades_symbol.` and ten hex digits that tell tests of one name apart.
pub(crate) fn test_id(graph: &Graph, test: &DataTest) -> String {
    let id = format!("test.{}.{}", graph.project.settings.name, test.name);
    if test.kind == "singular" {
        return id;
    }
    let hash = format!("{:016x}", stable_hash(test.sql().as_bytes()));
    format!("{id}.{}", &hash[..10])
}

/// `unit_test.touchline.fct_trades.name`.
pub(crate) fn unit_test_id(graph: &Graph, test: &UnitTest) -> String {
    format!("unit_test.{}.{}.{}", graph.project.settings.name, test.model, test.name)
}

fn dependency_id(graph: &Graph, dependency: &Dependency) -> String {
    match dependency {
        Dependency::Model(name) => model_id(graph, name),
        Dependency::Source(source, table) => format!("source.{}.{source}.{table}", graph.project.settings.name),
    }
}

/// Writes all artifacts of a run.
pub(crate) fn write(folder: &Path, graph: &Graph, summary: &RunSummary) -> Result<(), WarehouseError> {
    write_json(&folder.join("manifest.json"), &manifest(graph, summary))?;
    write_json(&folder.join("run_results.json"), &run_results(summary))?;
    let compiled = folder.join("compiled").join(&graph.project.settings.name);
    for model in graph.models.values() {
        write_file(&compiled.join(&model.path), &format!("{}\n", model.sql))?;
    }
    Ok(())
}

fn write_json(path: &Path, value: &Value) -> Result<(), WarehouseError> {
    write_file(path, &format!("{value:#}\n"))
}

fn write_file(path: &Path, text: &str) -> Result<(), WarehouseError> {
    let failed = |source| WarehouseError::WriteFile { file: path.display().to_string(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let beside = path.with_extension("part");
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

fn metadata(schema: &str, summary: &RunSummary) -> Value {
    json!({
        "dbt_schema_version": schema,
        "dbt_version": concat!("touchline-", env!("CARGO_PKG_VERSION")),
        "generated_at": format_utc_ms(summary.finished_at_ms),
        "invocation_id": summary.invocation_id,
        "env": {},
    })
}

fn run_results(summary: &RunSummary) -> Value {
    let results: Vec<Value> = summary.results.iter().map(result).collect();
    json!({
        "metadata": metadata(RUN_RESULTS_SCHEMA, summary),
        "results": results,
        "elapsed_time": seconds(summary.started_at_ms, summary.finished_at_ms),
        "args": {},
    })
}

fn result(node: &NodeResult) -> Value {
    // A skipped node was never run, and dbt gives it neither timing nor SQL.
    let was_run = node.status != Status::Skipped;
    let timing = if was_run {
        json!([{
            "name": "execute",
            "started_at": format_utc_ms(node.started_at_ms),
            "completed_at": format_utc_ms(node.finished_at_ms),
        }])
    } else {
        json!([])
    };
    json!({
        "status": node.status,
        "timing": timing,
        "thread_id": "main",
        "execution_time": seconds(node.started_at_ms, node.finished_at_ms),
        "adapter_response": node.row_count.map_or_else(|| json!({}), |rows| json!({ "rows_affected": rows })),
        "message": node.message,
        "failures": node.failures,
        "unique_id": node.unique_id,
        "compiled": was_run,
        "compiled_code": if was_run { Some(&node.sql) } else { None },
        "relation_name": node.relation,
    })
}

fn seconds(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64 / 1000.0
}

fn manifest(graph: &Graph, summary: &RunSummary) -> Value {
    let mut nodes = Map::new();
    for model in graph.models.values() {
        nodes.insert(model_id(graph, &model.name), model_node(graph, model));
        for test in &model.tests {
            nodes.insert(test_id(graph, test), test_node(graph, test));
        }
    }
    for test in &graph.other_tests {
        nodes.insert(test_id(graph, test), test_node(graph, test));
    }
    let unit_tests: Map<String, Value> = graph
        .models
        .values()
        .flat_map(|model| &model.unit_tests)
        .map(|test| (unit_test_id(graph, test), unit_test_node(graph, test)))
        .collect();
    let (parent_map, child_map) = maps(&nodes);
    json!({
        "metadata": metadata(MANIFEST_SCHEMA, summary),
        "nodes": nodes,
        "sources": sources(graph),
        "unit_tests": unit_tests,
        "parent_map": parent_map,
        "child_map": child_map,
        "macros": {}, "docs": {}, "exposures": {}, "metrics": {}, "groups": {}, "selectors": {}, "disabled": {},
        "group_map": {}, "saved_queries": {}, "semantic_models": {},
    })
}

fn model_node(graph: &Graph, model: &Model) -> Value {
    let depends_on: Vec<String> = model.dependencies.iter().map(|read| dependency_id(graph, read)).collect();
    json!({
        "resource_type": "model",
        "unique_id": model_id(graph, &model.name),
        "name": model.name,
        "alias": model.name,
        "package_name": graph.project.settings.name,
        "database": "touchline",
        "schema": model.schema,
        "relation_name": model.relation(),
        "path": model.path.split_once('/').map_or(model.path.as_str(), |(_, inner)| inner),
        "original_file_path": model.path,
        "fqn": fqn(graph, &model.path),
        "description": model.description,
        "columns": columns(&model.columns),
        "tags": model.tags,
        "config": { "materialized": model.materialized, "schema": model.schema, "tags": model.tags, "enabled": true },
        "depends_on": { "nodes": depends_on, "macros": [] },
        "raw_code": model.raw_sql,
        "compiled": true,
        "compiled_code": model.sql,
        "language": "sql",
    })
}

fn test_node(graph: &Graph, test: &DataTest) -> Value {
    let depends_on: Vec<String> = test.dependencies.iter().map(|read| dependency_id(graph, read)).collect();
    json!({
        "resource_type": "test",
        "unique_id": test_id(graph, test),
        "name": test.name,
        "alias": test.name,
        "package_name": graph.project.settings.name,
        "original_file_path": test.path,
        "path": format!("{}.sql", test.name),
        "fqn": fqn(graph, &test.path),
        "column_name": test.column,
        "attached_node": test.model.as_deref().map(|name| model_id(graph, name)),
        "test_metadata": (test.kind != "singular").then(|| json!({ "name": test.kind, "kwargs": {} })),
        "config": { "severity": test.severity, "enabled": true },
        "depends_on": { "nodes": depends_on, "macros": [] },
        "compiled": true,
        "compiled_code": test.sql(),
        "language": "sql",
    })
}

fn unit_test_node(graph: &Graph, test: &UnitTest) -> Value {
    json!({
        "resource_type": "unit_test",
        "unique_id": unit_test_id(graph, test),
        "name": test.name,
        "model": test.model,
        "description": test.description,
        "package_name": graph.project.settings.name,
        "depends_on": { "nodes": [model_id(graph, &test.model)], "macros": [] },
    })
}

fn sources(graph: &Graph) -> Map<String, Value> {
    let node = |(source, table): &(String, String)| {
        let described = &graph.project.sources[&(source.clone(), table.clone())];
        json!({
            "resource_type": "source",
            "unique_id": dependency_id(graph, &Dependency::Source(source.clone(), table.clone())),
            "source_name": source,
            "name": table,
            "identifier": table,
            "package_name": graph.project.settings.name,
            "database": "touchline",
            "schema": described.schema,
            "relation_name": format!("{}.{table}", described.schema),
            "original_file_path": described.properties_path,
            "description": described.description,
            "columns": columns(&described.columns),
        })
    };
    let id = |key: &(String, String)| dependency_id(graph, &Dependency::Source(key.0.clone(), key.1.clone()));
    graph.project.sources.keys().map(|key| (id(key), node(key))).collect()
}

fn columns(columns: &[Column]) -> Map<String, Value> {
    let node = |column: &Column| json!({ "name": column.name, "description": column.description, "data_type": column.data_type });
    columns.iter().map(|column| (column.name.clone(), node(column))).collect()
}

fn fqn(graph: &Graph, path: &str) -> Vec<String> {
    let inner = path.split('/').skip(1).map(|part| part.trim_end_matches(".sql").to_owned());
    std::iter::once(graph.project.settings.name.clone()).chain(inner).collect()
}

/// Who reads whom, both ways, over every node and source.
fn maps(nodes: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut parents, mut children) = (Map::new(), Map::new());
    for (id, node) in nodes {
        let read = node["depends_on"]["nodes"].clone();
        children.entry(id.clone()).or_insert_with(|| json!([]));
        for parent in read.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let list = children.entry(parent.to_owned()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(id));
            }
        }
        parents.insert(id.clone(), read);
    }
    (parents, children)
}
