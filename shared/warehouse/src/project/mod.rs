//! A dbt project read from a folder or from the binary itself, in the subset that is run here.
//! DBT-1: what is outside the subset is refused by name with file and line; nothing is ignored silently.
//! Renders nothing and knows no engine.

mod properties;
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml_ng::Value;

pub use properties::{Check, Column, GenericTest, ModelProperties, Row, Severity, UnitTest};
pub use settings::{SETTINGS_FILE, Settings};

use crate::error::{WarehouseError, did_you_mean};
use properties::{PropertiesFile, SourceProperties, from_yaml};

/// The project that is part of the binary: path below the project's folder, and text.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/dbt_files.rs"));

/// Folders of dbt features that are not run here.
const REFUSED_FOLDERS: [&str; 3] = ["snapshots", "seeds", "analyses"];
/// Files of dbt features that are not run here.
const REFUSED_FILES: [&str; 3] = ["packages.yml", "dependencies.yml", "selectors.yml"];

/// How a model's rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Materialization {
    /// Known to this engine only while it runs.
    View,
    /// An Iceberg table, replaced whole at each run.
    Table,
}

/// The configuration of one model, from any of its three places.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelConfig {
    pub materialized: Option<Materialization>,
    pub schema: Option<String>,
    pub tags: Vec<String>,
}

/// One file of the project.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    /// Path below the project's folder, with `/`.
    pub path: String,
    pub text: String,
}

/// One model: its file and what its yml says.
#[derive(Debug, Clone)]
pub struct ModelSource {
    pub name: String,
    pub file: ProjectFile,
    /// From `dbt_project.yml` and the yml twin; `config(...)` in the file comes on top.
    pub config: ModelConfig,
    pub properties: ModelProperties,
    /// The yml file, where the model has one.
    pub properties_path: Option<String>,
}

/// One table that the project reads and does not make.
#[derive(Debug, Clone)]
pub struct SourceTable {
    pub source: String,
    pub table: String,
    pub schema: String,
    pub description: String,
    pub columns: Vec<Column>,
    pub data_tests: Vec<GenericTest>,
    pub properties_path: String,
}

/// A dbt project, read and checked file by file. References are checked by the graph.
#[derive(Debug, Clone)]
pub struct Project {
    pub settings: Settings,
    pub models: BTreeMap<String, ModelSource>,
    pub sources: BTreeMap<(String, String), SourceTable>,
    pub macros: Vec<ProjectFile>,
    pub singular_tests: Vec<ProjectFile>,
    pub unit_tests: Vec<(UnitTest, String)>,
    yml: BTreeMap<String, String>,
}

impl Project {
    /// The project that ships with Touchline.
    pub fn embedded() -> Result<Project, WarehouseError> {
        let file = |(path, text): &(&str, &str)| ProjectFile { path: (*path).to_owned(), text: (*text).to_owned() };
        Project::from_files(EMBEDDED.iter().map(file).collect())
    }

    /// A project in a folder.
    pub fn load(folder: &Path) -> Result<Project, WarehouseError> {
        let mut files = Vec::new();
        read_folder(folder, "", &mut files)?;
        Project::from_files(files)
    }

    /// A project from its files.
    pub fn from_files(files: Vec<ProjectFile>) -> Result<Project, WarehouseError> {
        let Some(settings) = files.iter().find(|file| file.path == SETTINGS_FILE) else {
            let message = "the folder holds no dbt_project.yml; give the folder that has it";
            return Err(WarehouseError::project(SETTINGS_FILE, 1, message));
        };
        let settings = Settings::parse(&settings.text)?;
        let mut project = Project {
            settings,
            models: BTreeMap::new(),
            sources: BTreeMap::new(),
            macros: Vec::new(),
            singular_tests: Vec::new(),
            unit_tests: Vec::new(),
            yml: BTreeMap::new(),
        };
        let mut properties = Vec::new();
        for file in files {
            if let Some(yml) = project.take(file)? {
                properties.push(yml);
            }
        }
        for file in properties {
            project.take_properties(file)?;
        }
        Ok(project)
    }

    /// The line of a yml file on which `needle` first stands.
    pub(crate) fn yml_line(&self, path: &str, needle: &str) -> usize {
        self.yml.get(path).map_or(1, |text| line_of(text, needle))
    }

    /// Sorts one file into its place; yml of models is handed back, because it needs all models first.
    fn take(&mut self, file: ProjectFile) -> Result<Option<ProjectFile>, WarehouseError> {
        let refuse = |message: &str| Err(WarehouseError::project(&file.path, 1, message));
        let top = file.path.split('/').next().unwrap_or_default().to_owned();
        if REFUSED_FOLDERS.contains(&top.as_str()) || REFUSED_FILES.contains(&file.path.as_str()) {
            return refuse(&format!("{top} is outside the subset that is run here; remove it or run dbt itself"));
        }
        let extension = file.path.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default();
        let is_below = |folders: &[String]| folders.contains(&top);
        if is_below(&self.settings.model_paths) {
            match extension.as_str() {
                "sql" => self.take_model(file)?,
                "yml" | "yaml" => return Ok(Some(file)),
                "md" => {}
                _ => return refuse("a model is a .sql file; Python and other models are outside the subset"),
            }
        } else if is_below(&self.settings.macro_paths) && extension == "sql" {
            self.macros.push(file);
        } else if is_below(&self.settings.test_paths) && extension == "sql" {
            self.singular_tests.push(file);
        } else if extension == "sql" {
            return refuse("the file is in none of model-paths, macro-paths, test-paths; move it");
        }
        Ok(None)
    }

    fn take_model(&mut self, file: ProjectFile) -> Result<(), WarehouseError> {
        let inner = file.path.split_once('/').map_or(file.path.as_str(), |(_, inner)| inner);
        let path = inner.trim_end_matches(".sql");
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        if !is_identifier(&name) {
            let message = format!("model name {name:?} is no identifier; use lower case letters, digits and _");
            return Err(WarehouseError::project(&file.path, 1, message));
        }
        if let Some(other) = self.models.get(&name) {
            let message = format!("model {name} is also in {}; rename one", other.file.path);
            return Err(WarehouseError::project(&file.path, 1, message));
        }
        let config = self.settings.model_config(path);
        let properties = ModelProperties { name: name.clone(), ..ModelProperties::default() };
        self.models.insert(name.clone(), ModelSource { name, file, config, properties, properties_path: None });
        Ok(())
    }

    fn take_properties(&mut self, file: ProjectFile) -> Result<(), WarehouseError> {
        let yml: PropertiesFile = from_yaml(&file.path, &file.text)?;
        for source in yml.sources {
            self.take_source(&file, source)?;
        }
        for properties in yml.models {
            self.take_model_properties(&file, properties)?;
        }
        for unit_test in yml.unit_tests {
            if !self.models.contains_key(&unit_test.model) {
                let message = self.unknown_model("unit test", &unit_test.model);
                return Err(WarehouseError::project(&file.path, line_of(&file.text, &unit_test.name), message));
            }
            self.unit_tests.push((unit_test, file.path.clone()));
        }
        self.yml.insert(file.path, file.text);
        Ok(())
    }

    fn take_source(&mut self, file: &ProjectFile, source: SourceProperties) -> Result<(), WarehouseError> {
        let schema = source.schema.unwrap_or_else(|| source.name.clone());
        for table in source.tables {
            for name in [&schema, &table.name] {
                if !is_identifier(name) {
                    let message = format!("source name {name:?} is no identifier; use lower case letters, digits, _");
                    return Err(WarehouseError::project(&file.path, line_of(&file.text, name), message));
                }
            }
            let key = (source.name.clone(), table.name.clone());
            if let Some(other) = self.sources.get(&key) {
                let message = format!("source {}.{} is also in {}", key.0, key.1, other.properties_path);
                return Err(WarehouseError::project(&file.path, line_of(&file.text, &table.name), message));
            }
            let described = if table.description.is_empty() { source.description.clone() } else { table.description };
            self.sources.insert(
                key,
                SourceTable {
                    source: source.name.clone(),
                    table: table.name,
                    schema: schema.clone(),
                    description: described,
                    columns: table.columns,
                    data_tests: table.data_tests,
                    properties_path: file.path.clone(),
                },
            );
        }
        Ok(())
    }

    fn take_model_properties(&mut self, file: &ProjectFile, properties: ModelProperties) -> Result<(), WarehouseError> {
        let line = line_of(&file.text, &properties.name);
        let unknown = self.unknown_model("yml", &properties.name);
        let Some(model) = self.models.get_mut(&properties.name) else {
            return Err(WarehouseError::project(&file.path, line, unknown));
        };
        if let Some(other) = &model.properties_path {
            let message = format!("model {} is described in {other} too; keep one", properties.name);
            return Err(WarehouseError::project(&file.path, line, message));
        }
        let mut config = ModelConfig::default();
        for (key, value) in &properties.config {
            config
                .set(key, value)
                .map_err(|message| WarehouseError::project(&file.path, line_of(&file.text, key), message))?;
        }
        model.config = model.config.overridden_by(&config);
        model.properties = properties;
        model.properties_path = Some(file.path.clone());
        Ok(())
    }

    fn unknown_model(&self, what: &str, name: &str) -> String {
        let near = did_you_mean(name, self.models.keys().map(String::as_str));
        format!("{what} names model {name}, which has no .sql file{near}")
    }
}

impl ModelConfig {
    /// Sets one key from yml.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{key} must be a text"));
        match key {
            "materialized" => self.materialized = Some(Materialization::parse(&text()?)?),
            "schema" => self.schema = Some(text()?),
            "tags" => match value {
                Value::Sequence(tags) => {
                    for tag in tags {
                        self.tags.push(tag.as_str().ok_or("tags must be texts")?.to_owned());
                    }
                }
                _ => self.tags.push(text()?),
            },
            _ => return Err(format!("setting {key} is outside the subset (materialized, schema, tags); remove it")),
        }
        Ok(())
    }

    /// This configuration with a nearer one on top. Tags add up, as in dbt.
    pub(crate) fn overridden_by(&self, nearer: &ModelConfig) -> ModelConfig {
        let mut tags = self.tags.clone();
        tags.extend(nearer.tags.iter().filter(|tag| !self.tags.contains(tag)).cloned());
        ModelConfig {
            materialized: nearer.materialized.or(self.materialized),
            schema: nearer.schema.clone().or_else(|| self.schema.clone()),
            tags,
        }
    }
}

impl Materialization {
    /// dbt's word, or why it is refused.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "view" => Ok(Self::View),
            "table" => Ok(Self::Table),
            other => Err(format!("materialized {other} is not run in this release; use view or table")),
        }
    }
}

/// Lower case letters, digits and `_`, not beginning with a digit: safe to write unquoted in every dialect.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The first line, from 1, on which `needle` stands as a word of its own.
pub(crate) fn line_of(text: &str, needle: &str) -> usize {
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let holds = |line: &str| {
        line.match_indices(needle).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| line.as_bytes().get(at).copied());
            !is_word(before) && !is_word(line.as_bytes().get(at + needle.len()).copied())
        })
    };
    text.lines().position(holds).map_or(1, |index| index + 1)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<ProjectFile>) -> Result<(), WarehouseError> {
    let failed = |path: &Path, source| WarehouseError::ReadFile { file: path.display().to_string(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        entries.push(entry.map_err(|error| failed(folder, error))?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let below = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let is_left_behind = prefix.is_empty() && ["target", "logs", "dbt_packages"].contains(&name.as_str());
        if name.starts_with('.') || is_left_behind {
            continue;
        }
        if path.is_dir() {
            read_folder(&path, &below, files)?;
        } else if [".sql", ".yml", ".yaml", ".py", ".csv", ".md"].iter().any(|extension| name.ends_with(extension)) {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            files.push(ProjectFile { path: below, text });
        }
    }
    Ok(())
}
