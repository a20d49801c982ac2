//! The yml beside the models: sources, descriptions, data tests and unit tests.
//! A key, test or argument outside the subset is refused with its line, never half understood.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_yaml_ng::Value;

use crate::error::WarehouseError;

/// Rows as a unit test writes them.
pub type Row = BTreeMap<String, serde_json::Value>;

/// One yml file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PropertiesFile {
    #[serde(rename = "version")]
    _version: Option<u8>,
    #[serde(default)]
    pub(crate) models: Vec<ModelProperties>,
    #[serde(default)]
    pub(crate) sources: Vec<SourceProperties>,
    #[serde(default)]
    pub(crate) unit_tests: Vec<UnitTest>,
}

/// What yml says of one model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelProperties {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub(crate) config: BTreeMap<String, Value>,
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(default, alias = "tests")]
    pub data_tests: Vec<GenericTest>,
}

/// What yml says of one column.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub data_type: Option<String>,
    #[serde(default, alias = "tests")]
    pub data_tests: Vec<GenericTest>,
}

/// A schema of tables that the project reads and does not make.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceProperties {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) schema: Option<String>,
    pub(crate) tables: Vec<SourceTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceTable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) columns: Vec<Column>,
    #[serde(default, alias = "tests")]
    pub(crate) data_tests: Vec<GenericTest>,
}

/// Rows given to a model in place of what it reads, and the rows expected of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTest {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub model: String,
    pub given: Vec<Given>,
    pub expect: Expect,
}

/// The rows of one input, written `ref('x')` or `source('a', 'b')`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub input: String,
    pub rows: Vec<Row>,
}

/// The rows a model must answer; only the columns named are compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub rows: Vec<Row>,
}

/// What a failing test means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Error,
    Warn,
}

/// One of the four tests that dbt itself brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    NotNull,
    Unique,
    AcceptedValues { values: Vec<serde_json::Value>, is_quoted: bool },
    Relationships { to: String, field: String },
}

impl Check {
    /// dbt's word for the test.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotNull => "not_null",
            Self::Unique => "unique",
            Self::AcceptedValues { .. } => "accepted_values",
            Self::Relationships { .. } => "relationships",
        }
    }
}

/// A test as written below a column or a model.
#[derive(Debug, Clone, PartialEq)]
pub struct GenericTest {
    pub check: Check,
    /// Below a model: the column or expression. Below a column it is that column.
    pub column_name: Option<String>,
    pub condition: Option<String>,
    pub severity: Severity,
    pub given_name: Option<String>,
}

/// Arguments of any test, beside it or under `arguments:` as newer dbt wants them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: Option<String>,
    #[serde(default, rename = "description")]
    _description: String,
    column_name: Option<String>,
    values: Option<Vec<serde_json::Value>>,
    quote: Option<bool>,
    to: Option<String>,
    field: Option<String>,
    #[serde(default)]
    arguments: Arguments,
    #[serde(default)]
    config: TestConfig,
    #[serde(rename = "where")]
    condition: Option<String>,
    severity: Option<Severity>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    column_name: Option<String>,
    values: Option<Vec<serde_json::Value>>,
    quote: Option<bool>,
    to: Option<String>,
    field: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestConfig {
    #[serde(rename = "where")]
    condition: Option<String>,
    severity: Option<Severity>,
}

impl<'de> Deserialize<'de> for GenericTest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TestVisitor)
    }
}

struct TestVisitor;

impl<'de> Visitor<'de> for TestVisitor {
    type Value = GenericTest;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a test: not_null, unique, accepted_values or relationships")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<GenericTest, E> {
        test(name, Body::default()).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GenericTest, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::custom("a test without a name"));
        };
        if !KNOWN_TESTS.contains(&name.as_str()) {
            return Err(de::Error::custom(unknown_test(&name)));
        }
        let body = map.next_value::<Option<Body>>()?.unwrap_or_default();
        if let Some(second) = map.next_key::<String>()? {
            return Err(de::Error::custom(format!("{second} stands beside test {name}; indent it below the test")));
        }
        test(&name, body).map_err(de::Error::custom)
    }
}

const KNOWN_TESTS: [&str; 4] = ["not_null", "unique", "accepted_values", "relationships"];

fn unknown_test(name: &str) -> String {
    format!(
        "test {name} is outside the subset ({}); write it as a query in tests/{name}.sql that selects the rows that fail",
        KNOWN_TESTS.join(", ")
    )
}

fn test(name: &str, body: Body) -> Result<GenericTest, String> {
    let values = body.values.or(body.arguments.values);
    let to = body.to.or(body.arguments.to);
    let field = body.field.or(body.arguments.field);
    let quote = body.quote.or(body.arguments.quote);
    let check = match (name, values, to, field) {
        ("not_null", None, None, None) => Check::NotNull,
        ("unique", None, None, None) => Check::Unique,
        ("accepted_values", Some(values), None, None) if !values.is_empty() => {
            Check::AcceptedValues { values, is_quoted: quote.unwrap_or(true) }
        }
        ("relationships", None, Some(to), Some(field)) => Check::Relationships { to, field },
        ("accepted_values", ..) => return Err("accepted_values takes values: a list with at least one".to_owned()),
        ("relationships", ..) => return Err("relationships takes to: ref('model') and field: column".to_owned()),
        ("not_null" | "unique", ..) => return Err(format!("{name} takes column_name only")),
        _ => return Err(unknown_test(name)),
    };
    Ok(GenericTest {
        check,
        column_name: body.column_name.or(body.arguments.column_name),
        condition: body.config.condition.or(body.condition),
        severity: body.config.severity.or(body.severity).unwrap_or_default(),
        given_name: body.name,
    })
}

/// Parses yml; the error names file and line.
pub(crate) fn from_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, WarehouseError> {
    serde_yaml_ng::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        WarehouseError::project(file, line, format!("{message}; anything outside the documented subset is refused"))
    })
}
