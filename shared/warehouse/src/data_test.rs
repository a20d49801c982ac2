//! Data tests as queries: each selects the rows that break the rule, so no row means it holds.
//! The SQL is that of dbt's own four tests and of the queries in the tests folder.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::Int64Array;

use crate::engine::Engine;
use crate::error::{WarehouseError, did_you_mean};
use crate::format::{Format, format_rows};
use crate::project::{Check, GenericTest, ModelSource, Project, Severity, is_identifier};
use crate::render::{Dependency, Relations, Renderer};

/// Stands in a test's SQL for the relation it tests, which may be one not yet published.
pub(crate) const TESTED: &str = "{{ model }}";

/// A test of rows.
#[derive(Debug, Clone)]
pub struct DataTest {
    pub name: String,
    /// dbt's word, or `singular`.
    pub kind: &'static str,
    /// The file that states it.
    pub path: String,
    /// The model it is attached to.
    pub model: Option<String>,
    pub column: Option<String>,
    pub severity: Severity,
    pub dependencies: BTreeSet<Dependency>,
    template: String,
    tested: String,
}

impl DataTest {
    /// The query over the published relation.
    pub fn sql(&self) -> String {
        self.sql_over(&self.tested)
    }

    /// The query over another relation that is to take the model's name.
    pub(crate) fn sql_over(&self, relation: &str) -> String {
        self.template.replace(TESTED, relation)
    }

    /// Names of the models it reads.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter_map(|dependency| match dependency {
            Dependency::Model(name) => Some(name.as_str()),
            Dependency::Source(..) => None,
        })
    }
}

/// What a generic test is attached to.
struct Subject<'a> {
    /// The name that begins the test's name.
    label: String,
    model: Option<&'a str>,
    relation: &'a str,
    path: &'a str,
    dependency: Dependency,
}

/// The tests in a model's yml.
pub(crate) fn of_model(
    project: &Project,
    source: &ModelSource,
    relations: &Relations,
    relation: &str,
) -> Result<Vec<DataTest>, WarehouseError> {
    let Some(path) = &source.properties_path else { return Ok(Vec::new()) };
    let subject = Subject {
        label: source.name.clone(),
        model: Some(&source.name),
        relation,
        path,
        dependency: Dependency::Model(source.name.clone()),
    };
    let mut tests = Vec::new();
    for test in &source.properties.data_tests {
        tests.push(generic(project, relations, &subject, None, test)?);
    }
    for column in &source.properties.columns {
        for test in &column.data_tests {
            tests.push(generic(project, relations, &subject, Some(&column.name), test)?);
        }
    }
    Ok(tests)
}

/// The tests in the yml of sources.
pub(crate) fn of_sources(project: &Project, relations: &Relations) -> Result<Vec<DataTest>, WarehouseError> {
    let mut tests = Vec::new();
    for ((source, table), described) in &project.sources {
        let dependency = Dependency::Source(source.clone(), table.clone());
        let subject = Subject {
            label: format!("source_{source}_{table}"),
            model: None,
            relation: &format!("{}.{}", described.schema, described.table),
            path: &described.properties_path,
            dependency,
        };
        for test in &described.data_tests {
            tests.push(generic(project, relations, &subject, None, test)?);
        }
        for column in &described.columns {
            for test in &column.data_tests {
                tests.push(generic(project, relations, &subject, Some(&column.name), test)?);
            }
        }
    }
    Ok(tests)
}

/// The queries of the tests folder.
pub(crate) fn singular(
    project: &Project,
    renderer: &Renderer,
    relations: &Arc<Relations>,
) -> Result<Vec<DataTest>, WarehouseError> {
    let mut tests = Vec::new();
    for file in &project.singular_tests {
        let rendered = renderer.render(file, relations, "")?;
        let name = file.path.rsplit('/').next().unwrap_or(&file.path).trim_end_matches(".sql").to_owned();
        tests.push(DataTest {
            name,
            kind: "singular",
            path: file.path.clone(),
            model: None,
            column: None,
            severity: Severity::Error,
            dependencies: rendered.dependencies,
            template: rendered.sql,
            tested: String::new(),
        });
    }
    Ok(tests)
}

fn generic(
    project: &Project,
    relations: &Relations,
    subject: &Subject,
    column: Option<&str>,
    test: &GenericTest,
) -> Result<DataTest, WarehouseError> {
    let refuse = |needle: &str, message: String| {
        WarehouseError::project(subject.path, project.yml_line(subject.path, needle), message)
    };
    let check = test.check.name();
    let Some(column) = column.or(test.column_name.as_deref()) else {
        let message = format!("{check} of {} stands below no column; give it a column_name", subject.label);
        return Err(refuse(&subject.label, message));
    };
    let mut dependencies = BTreeSet::from([subject.dependency.clone()]);
    let mut parent = None;
    if let Check::Relationships { to, .. } = &test.check {
        let dependency = parse_dependency(to).ok_or_else(|| {
            refuse(to, format!("relationships to {to:?}: write ref('model') or source('schema', 'table')"))
        })?;
        let Some(relation) = relations.get(&dependency) else {
            let known: Vec<String> = relations.keys().map(ToString::to_string).collect();
            let near = did_you_mean(&dependency.to_string(), known.iter().map(String::as_str));
            return Err(refuse(to, format!("relationships to {dependency}, which does not exist{near}")));
        };
        // A model may point at itself; then both sides are the rows under test.
        parent = Some(if dependency == subject.dependency { TESTED.to_owned() } else { relation.clone() });
        dependencies.insert(dependency);
    }
    Ok(DataTest {
        name: test.given_name.clone().unwrap_or_else(|| test_name(check, &subject.label, column, test)),
        kind: check,
        path: subject.path.to_owned(),
        model: subject.model.map(str::to_owned),
        column: Some(column.to_owned()),
        severity: test.severity,
        dependencies,
        template: query(&test.check, column, test.condition.as_deref(), parent.as_deref()),
        tested: subject.relation.to_owned(),
    })
}

fn test_name(check: &str, label: &str, column: &str, test: &GenericTest) -> String {
    let column = if is_identifier(column) { column.to_owned() } else { "expression".to_owned() };
    let base = match &test.check {
        Check::Relationships { to, field } => {
            let to: String = to.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
            format!("{check}_{label}_{column}__{field}__{to}")
        }
        _ => format!("{check}_{label}_{column}"),
    };
    if test.condition.is_some() { format!("{base}_where") } else { base }
}

fn query(check: &Check, column: &str, condition: Option<&str>, parent: Option<&str>) -> String {
    let tested = match condition {
        Some(condition) => format!("(select * from {TESTED} where {condition}) as tested"),
        None => format!("{TESTED} as tested"),
    };
    match check {
        Check::NotNull => format!("select * from {tested} where ({column}) is null"),
        Check::Unique => format!(
            "select {column} as value, count(*) as row_count from {tested} \
             where ({column}) is not null group by {column} having count(*) > 1"
        ),
        Check::AcceptedValues { values, is_quoted } => {
            let literals: Vec<String> = values.iter().map(|value| literal(value, *is_quoted)).collect();
            format!(
                "select {column} as value, count(*) as row_count from {tested} \
                 where {column} is not null and {column} not in ({}) group by {column}",
                literals.join(", ")
            )
        }
        Check::Relationships { field, .. } => format!(
            "select child.value from (select {column} as value from {tested} where ({column}) is not null) as child \
             left join (select distinct {field} as value from {}) as parent on child.value = parent.value \
             where parent.value is null",
            parent.unwrap_or(TESTED)
        ),
    }
}

fn literal(value: &serde_json::Value, is_quoted: bool) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if is_quoted { format!("'{}'", text.replace('\'', "''")) } else { text }
}

/// Reads `ref('x')` or `source('a', 'b')`.
pub(crate) fn parse_dependency(text: &str) -> Option<Dependency> {
    let text = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
    let inner = |prefix: &str| text.strip_prefix(prefix)?.trim().strip_prefix('(')?.strip_suffix(')');
    let unquoted = |text: &str| {
        let text = text.trim();
        let quote = text.chars().next().filter(|first| *first == '\'' || *first == '"')?;
        text.strip_prefix(quote)?.strip_suffix(quote).map(str::to_owned)
    };
    if let Some(name) = inner("ref") {
        return unquoted(name).map(Dependency::Model);
    }
    let (source, table) = inner("source")?.split_once(',')?;
    Some(Dependency::Source(unquoted(source)?, unquoted(table)?))
}

/// Rows shown of those that break a test.
const SAMPLE_ROWS: usize = 3;

/// How many rows a test's query selects, and the first of them as JSON.
pub(crate) async fn failing_rows(engine: &Engine, sql: &str) -> Result<(u64, String), WarehouseError> {
    let counted = engine.query(&format!("select count(*) as failures from ({sql}) as broken")).await?;
    let count = counted
        .batches
        .iter()
        .filter_map(|batch| batch.column(0).as_any().downcast_ref::<Int64Array>())
        .flat_map(|column| column.values().iter().copied())
        .sum::<i64>();
    if count == 0 {
        return Ok((0, String::new()));
    }
    let sample = engine.query(&format!("select * from ({sql}) as broken limit {SAMPLE_ROWS}")).await?;
    Ok((count.unsigned_abs(), format_rows(&sample, Format::Json)?.trim().to_owned()))
}
