//! `dbt_project.yml`: the project's name, folders, vars and the configuration of models by folder.
//! Every key outside the subset is refused by name. Reads no profile: the target is the caller's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::{ModelConfig, line_of};
use crate::error::WarehouseError;

/// The file this module reads.
pub const SETTINGS_FILE: &str = "dbt_project.yml";

/// What `dbt_project.yml` says.
#[derive(Debug, Clone)]
pub struct Settings {
    pub name: String,
    pub model_paths: Vec<String>,
    pub macro_paths: Vec<String>,
    pub test_paths: Vec<String>,
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Configuration by folder or model path below the model folders, such as `marts` or `marts/fct_trades`.
    folders: BTreeMap<String, ModelConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    #[serde(rename = "version")]
    _version: Option<Value>,
    #[serde(rename = "config-version")]
    _config_version: Option<u8>,
    #[serde(rename = "profile")]
    _profile: Option<String>,
    #[serde(rename = "require-dbt-version")]
    _require_dbt_version: Option<Value>,
    #[serde(rename = "target-path")]
    _target_path: Option<String>,
    #[serde(rename = "clean-targets")]
    _clean_targets: Option<Vec<String>>,
    #[serde(default = "models")]
    model_paths: Vec<String>,
    #[serde(default = "macros")]
    macro_paths: Vec<String>,
    #[serde(default = "tests")]
    test_paths: Vec<String>,
    #[serde(default)]
    vars: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    models: BTreeMap<String, Value>,
}

fn models() -> Vec<String> {
    vec!["models".to_owned()]
}

fn macros() -> Vec<String> {
    vec!["macros".to_owned()]
}

fn tests() -> Vec<String> {
    vec!["tests".to_owned()]
}

impl Settings {
    pub(super) fn parse(text: &str) -> Result<Settings, WarehouseError> {
        let file: File = super::properties::from_yaml(SETTINGS_FILE, text)?;
        let mut folders = BTreeMap::new();
        for (name, tree) in &file.models {
            if *name != file.name {
                let message = format!("models: {name} is not this project; write its settings under {}", file.name);
                return Err(WarehouseError::project(SETTINGS_FILE, line_of(text, name), message));
            }
            read_folder(text, "", tree, &mut folders)?;
        }
        Ok(Settings {
            name: file.name,
            model_paths: file.model_paths,
            macro_paths: file.macro_paths,
            test_paths: file.test_paths,
            vars: file.vars,
            folders,
        })
    }

    /// The configuration of a model by its path below the model folder without `.sql`: outer folders first, the
    /// nearest wins.
    pub fn model_config(&self, path: &str) -> ModelConfig {
        let mut config = self.folders.get("").cloned().unwrap_or_default();
        let mut prefix = String::new();
        for part in path.split('/') {
            if !prefix.is_empty() {
                prefix.push('/');
            }
            prefix.push_str(part);
            if let Some(nearer) = self.folders.get(&prefix) {
                config = config.overridden_by(nearer);
            }
        }
        config
    }
}

fn read_folder(
    text: &str,
    path: &str,
    tree: &Value,
    folders: &mut BTreeMap<String, ModelConfig>,
) -> Result<(), WarehouseError> {
    let Value::Mapping(entries) = tree else {
        let message = format!("models: {path} holds no settings; write +materialized, +schema or +tags below it");
        return Err(WarehouseError::project(SETTINGS_FILE, line_of(text, path), message));
    };
    let mut config = ModelConfig::default();
    for (key, value) in entries {
        let key = key.as_str().unwrap_or_default();
        let refuse = |message: String| WarehouseError::project(SETTINGS_FILE, line_of(text, key), message);
        match (key.strip_prefix('+'), value) {
            (Some(setting), _) => config.set(setting, value).map_err(refuse)?,
            (None, Value::Mapping(_)) => {
                let below = if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") };
                read_folder(text, &below, value, folders)?;
            }
            (None, _) => return Err(refuse(format!("models: {key} is neither a folder nor a setting; write +{key}"))),
        }
    }
    folders.insert(path.to_owned(), config);
    Ok(())
}
