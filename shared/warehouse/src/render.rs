//! Jinja to SQL: the names dbt gives a template (`ref`, `source`, `config`, `var`, macros by target) over minijinja.
//! RND-1: rendering depends on the project and the target only. RND-2: a name dbt has and this subset lacks is an error.
//! Runs no SQL: `run_query` and its like do not exist here, so the graph is known before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Kwargs, Object, Rest, from_args};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use crate::error::{WarehouseError, did_you_mean};
use crate::project::{Materialization, ModelConfig, Project, ProjectFile};

/// Whose SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    #[default]
    DataFusion,
    DuckDb,
    Athena,
}

impl Target {
    /// The prefix of this target's macros, such as `datafusion__epoch_ms`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataFusion => "datafusion",
            Self::DuckDb => "duckdb",
            Self::Athena => "athena",
        }
    }
}

/// Schema of models that name none, as dbt's profile would give it.
const DEFAULT_SCHEMA: &str = "gold";
/// The macro by which a project chooses schemas, in dbt and here.
const SCHEMA_MACRO: &str = "generate_schema_name";

/// What a template reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    Model(String),
    Source(String, String),
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Model(name) => write!(formatter, "ref('{name}')"),
            Self::Source(source, table) => write!(formatter, "source('{source}', '{table}')"),
        }
    }
}

/// A rendered file.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    pub sql: String,
    /// What `config(...)` in the file said.
    pub config: ModelConfig,
    pub dependencies: BTreeSet<Dependency>,
}

/// Where a template's references lead: the relation to write for each, such as `gold.fct_trades`.
pub(crate) type Relations = BTreeMap<Dependency, String>;

/// Renders the files of one project for one target.
pub(crate) struct Renderer {
    environment: Environment<'static>,
}

#[derive(Debug, Default)]
struct Capture {
    config: ModelConfig,
    dependencies: BTreeSet<Dependency>,
}

type Shared = Arc<Mutex<Capture>>;

impl Renderer {
    pub(crate) fn new(project: &Project, target: Target) -> Result<Self, WarehouseError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_keep_trailing_newline(true);
        add_macros(&mut environment, &project.macros)?;
        let vars: BTreeMap<String, Value> =
            project.settings.vars.iter().map(|(name, value)| (name.clone(), Value::from_serialize(value))).collect();
        environment.add_function("var", move |name: String, default: Option<Value>| {
            vars.get(&name).cloned().or(default).ok_or_else(|| {
                invalid(format!("var {name} is not set; add it under vars in dbt_project.yml or give a default"))
            })
        });
        // dbt returns from a macro by raising; here a macro's text is its answer, so the value is written out.
        environment.add_function("return", |value: Value| value);
        environment.add_function("is_incremental", || false);
        let described = [("name", target.name()), ("type", target.name()), ("schema", DEFAULT_SCHEMA)];
        environment.add_global("target", Value::from_iter(described));
        let adapter = Adapter { target, project: project.settings.name.clone() };
        environment.add_global("adapter", Value::from_object(adapter));
        Ok(Self { environment })
    }

    /// Renders one file. Each reference must be in `relations`; `this` is the file's own relation.
    pub(crate) fn render(
        &self,
        file: &ProjectFile,
        relations: &Arc<Relations>,
        this: &str,
    ) -> Result<Rendered, WarehouseError> {
        let capture = Shared::default();
        let mut environment = self.environment.clone();
        add_references(&mut environment, relations, &capture);
        let seen = Arc::clone(&capture);
        environment.add_function("config", move |settings: Kwargs| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            read_config(&settings, &mut seen.config).map(|()| "")
        });
        environment.add_global("this", this);
        let template =
            environment.template_from_named_str(&file.path, &file.text).map_err(|error| at_line(&file.path, error))?;
        let sql = template.render(()).map_err(|error| at_line(&file.path, error))?;
        let capture = std::mem::take(&mut *capture.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Rendered { sql: sql.trim().to_owned(), config: capture.config, dependencies: capture.dependencies })
    }

    /// The schema of a model: what the project's `generate_schema_name` says, else as configured.
    pub(crate) fn schema_name(&self, custom: Option<&str>) -> Result<String, WarehouseError> {
        let is_defined = self.environment.globals().any(|(name, _)| name == SCHEMA_MACRO);
        if !is_defined {
            return Ok(custom.unwrap_or(DEFAULT_SCHEMA).to_owned());
        }
        let call = format!("{{{{ {SCHEMA_MACRO}(custom, none) }}}}");
        let context = BTreeMap::from([("custom", custom)]);
        let name = self.environment.render_str(&call, context).map_err(|error| at_line(SCHEMA_MACRO, error))?;
        Ok(name.trim().to_owned())
    }
}

fn add_references(environment: &mut Environment<'static>, relations: &Arc<Relations>, capture: &Shared) {
    let (known, seen) = (Arc::clone(relations), Arc::clone(capture));
    environment.add_function("ref", move |name: String, more: Rest<Value>| {
        if !more.is_empty() {
            return Err(invalid("ref takes one name; packages and model versions are outside the subset".to_owned()));
        }
        resolve(&known, &seen, Dependency::Model(name))
    });
    let (known, seen) = (Arc::clone(relations), Arc::clone(capture));
    environment.add_function("source", move |source: String, table: String| {
        resolve(&known, &seen, Dependency::Source(source, table))
    });
}

fn resolve(relations: &Relations, capture: &Shared, dependency: Dependency) -> Result<String, Error> {
    let Some(relation) = relations.get(&dependency) else {
        let written = dependency.to_string();
        let known: Vec<String> = relations.keys().map(ToString::to_string).collect();
        let near = did_you_mean(&written, known.iter().map(String::as_str));
        let remedy = match dependency {
            Dependency::Model(_) => "no model has this name",
            Dependency::Source(..) => "no yml below models declares this source",
        };
        return Err(invalid(format!("{written}: {remedy}{near}")));
    };
    capture.lock().unwrap_or_else(PoisonError::into_inner).dependencies.insert(dependency);
    Ok(relation.clone())
}

fn read_config(settings: &Kwargs, config: &mut ModelConfig) -> Result<(), Error> {
    for key in settings.args() {
        match key {
            "materialized" => {
                let word: String = settings.get(key)?;
                config.materialized = Some(Materialization::parse(&word).map_err(invalid)?);
            }
            "schema" => config.schema = Some(settings.get(key)?),
            "tags" => {
                let tags: Value = settings.get(key)?;
                match tags.as_str() {
                    Some(tag) => config.tags.push(tag.to_owned()),
                    None => config.tags.extend(tags.try_iter()?.map(|tag| tag.to_string())),
                }
            }
            other => {
                let message = format!("config({other}) is outside the subset (materialized, schema, tags); remove it");
                return Err(invalid(message));
            }
        }
    }
    settings.assert_all_used()
}

/// Makes each macro of the project a function that any template and any macro can call, as in dbt. The macros of
/// one file stay together in one template, so that an error names the macro's own file and line.
fn add_macros(environment: &mut Environment<'static>, files: &[ProjectFile]) -> Result<(), WarehouseError> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        environment
            .add_template_owned(file.path.clone(), file.text.clone())
            .map_err(|error| at_line(&file.path, error))?;
        for (name, line) in macro_names(&file.text) {
            if let Some(other) = owners.insert(name.clone(), file.path.clone()) {
                let message = format!("macro {name} is also in {other}; rename one");
                return Err(WarehouseError::project(&file.path, line, message));
            }
            let (path, called) = (file.path.clone(), name.clone());
            environment.add_function(name, move |state: &State, arguments: Rest<Value>| {
                call_macro(state, &path, &called, &arguments)
            });
        }
    }
    Ok(())
}

fn call_macro(state: &State, file: &str, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let template = state.env().get_template(file)?;
    let text = template.render_captured(())?.state().call_macro(name, arguments)?;
    Ok(Value::from_safe_string(text.trim().to_owned()))
}

/// Every `{% macro name(` of a file with its line.
fn macro_names(text: &str) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (at, tag) in line.match_indices("{%") {
            let inner = line[at + tag.len()..].trim_start_matches('-').trim_start();
            let Some(rest) = inner.strip_prefix("macro ") else { continue };
            let name: String =
                rest.trim_start().chars().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == '_').collect();
            names.push((name, index + 1));
        }
    }
    names
}

/// dbt's `adapter`, of which only `dispatch` exists here.
#[derive(Debug)]
struct Adapter {
    target: Target,
    project: String,
}

impl Object for Adapter {
    fn call_method(self: &Arc<Self>, state: &State, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        if method != "dispatch" {
            let message = format!("adapter.{method} is outside the subset; only adapter.dispatch runs here");
            return Err(Error::new(ErrorKind::UnknownMethod, message));
        }
        let (name, package): (String, Option<String>) = from_args(arguments)?;
        if package.is_some_and(|package| package != self.project) {
            return Err(invalid(format!("adapter.dispatch: packages are outside the subset; give {}", self.project)));
        }
        let candidates = [format!("{}__{name}", self.target.name()), format!("default__{name}")];
        for candidate in &candidates {
            if let Some(found) = state.lookup(candidate).filter(|value| !value.is_undefined()) {
                return Ok(found);
            }
        }
        Err(invalid(format!("macro {name} has neither {} nor {}; write one", candidates[0], candidates[1])))
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// The innermost template error, because that is where the cause stands; an outer one only names the call.
fn at_line(file: &str, error: Error) -> WarehouseError {
    let mut inner: &Error = &error;
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        if let Some(deeper) = source.downcast_ref::<Error>() {
            inner = deeper;
        }
        next = source.source();
    }
    let detail = inner.detail().map_or_else(|| inner.kind().to_string(), str::to_owned);
    let message = match inner.kind() {
        ErrorKind::UnknownFunction | ErrorKind::UnknownFilter | ErrorKind::UnknownTest => {
            format!("{detail}: neither in the subset that is run here nor a macro of this project")
        }
        ErrorKind::SyntaxError => format!("{detail}; only Jinja that renders text is run here"),
        // What minijinja says of a call inside a macro to a name that does not exist.
        ErrorKind::InvalidOperation if detail.contains("undefined is not callable") => {
            "a function or macro called here does not exist; write it below macros or correct its name".to_owned()
        }
        _ => detail,
    };
    let place = inner.name().filter(|name| !name.starts_with('<')).unwrap_or(file);
    WarehouseError::project(place, inner.line().or(error.line()).unwrap_or(1), message)
}
