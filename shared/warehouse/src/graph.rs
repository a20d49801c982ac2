//! The models in order of dependency, rendered for one target, with their tests, and the choice of some of them.
//! GRF-1: every reference leads to a model or a declared source; circles are refused with their path.
//! GRF-2: the order depends on the project only: names break ties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::data_test::{self, DataTest};
use crate::error::{WarehouseError, did_you_mean};
use crate::project::{Column, Materialization, Project, UnitTest, is_identifier};
use crate::render::{Dependency, Relations, Renderer, Target};

/// A model ready to run.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub path: String,
    pub description: String,
    pub columns: Vec<Column>,
    pub tags: Vec<String>,
    pub materialized: Materialization,
    pub schema: String,
    pub raw_sql: String,
    pub sql: String,
    pub dependencies: BTreeSet<Dependency>,
    /// Tests of its rows alone or against models before it.
    pub tests: Vec<DataTest>,
    pub unit_tests: Vec<UnitTest>,
}

impl Model {
    /// `schema.name`.
    pub fn relation(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Names of the models it reads.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter_map(|dependency| match dependency {
            Dependency::Model(name) => Some(name.as_str()),
            Dependency::Source(..) => None,
        })
    }
}

/// A rendered project.
pub struct Graph {
    pub project: Project,
    pub target: Target,
    pub models: BTreeMap<String, Model>,
    /// Names of the models, each after those it reads.
    pub order: Vec<String>,
    /// Tests of sources, and queries in the tests folder: each runs after every model it reads.
    pub other_tests: Vec<DataTest>,
    pub(crate) relations: Arc<Relations>,
    renderer: Renderer,
}

impl Graph {
    /// Renders the project and orders its models.
    pub fn build(project: Project, target: Target) -> Result<Graph, WarehouseError> {
        let renderer = Renderer::new(&project, target)?;
        let relations = Arc::new(relations(&project, &renderer)?);
        let mut models = BTreeMap::new();
        for source in project.models.values() {
            let this = relations.get(&Dependency::Model(source.name.clone())).cloned().unwrap_or_default();
            let rendered = renderer.render(&source.file, &relations, &this)?;
            let config = source.config.overridden_by(&rendered.config);
            let (schema, _) = this.split_once('.').unwrap_or_default();
            models.insert(
                source.name.clone(),
                Model {
                    name: source.name.clone(),
                    path: source.file.path.clone(),
                    description: source.properties.description.clone(),
                    columns: source.properties.columns.clone(),
                    tags: config.tags,
                    materialized: config.materialized.unwrap_or(Materialization::View),
                    schema: schema.to_owned(),
                    raw_sql: source.file.text.clone(),
                    sql: rendered.sql,
                    dependencies: rendered.dependencies,
                    tests: data_test::of_model(&project, source, &relations, &this)?,
                    unit_tests: unit_tests(&project, &source.name),
                },
            );
        }
        let order = order(&models)?;
        let mut other_tests = data_test::of_sources(&project, &relations)?;
        other_tests.extend(data_test::singular(&project, &renderer, &relations)?);
        let mut graph = Graph { project, target, models, order, other_tests, relations, renderer };
        graph.postpone_foreign_tests();
        Ok(graph)
    }

    /// A relationship to a model that does not come before can only be tested once both are there.
    fn postpone_foreign_tests(&mut self) {
        for name in &self.order {
            let before = self.ancestors(name);
            let is_own = |test: &DataTest| test.models().all(|read| read == name || before.contains(read));
            if let Some(model) = self.models.get_mut(name) {
                let (own, foreign) = std::mem::take(&mut model.tests).into_iter().partition(is_own);
                model.tests = own;
                self.other_tests.extend::<Vec<DataTest>>(foreign);
            }
        }
    }

    /// A model's SQL with some of its references leading elsewhere, as unit tests need it.
    pub(crate) fn render_with(&self, model: &str, relations: Relations) -> Result<String, WarehouseError> {
        match self.project.models.get(model) {
            Some(source) => Ok(self.renderer.render(&source.file, &Arc::new(relations), model)?.sql),
            None => Err(WarehouseError::Select { selector: model.to_owned(), message: self.unknown(model) }),
        }
    }

    /// The models that the selectors name, all where there are none. A selector is `name`, `+name` (with all it
    /// reads), `name+` (with all that read it), `+name+` or `tag:word`; several add up.
    pub fn select(&self, selectors: &[String]) -> Result<BTreeSet<String>, WarehouseError> {
        if selectors.is_empty() {
            return Ok(self.models.keys().cloned().collect());
        }
        let mut selected = BTreeSet::new();
        for selector in selectors.iter().flat_map(|selector| selector.split_whitespace()) {
            self.select_one(selector, &mut selected)?;
        }
        Ok(selected)
    }

    fn select_one(&self, selector: &str, selected: &mut BTreeSet<String>) -> Result<(), WarehouseError> {
        let refuse = |message: String| Err(WarehouseError::Select { selector: selector.to_owned(), message });
        let inner = selector.strip_prefix('+').unwrap_or(selector);
        let name = inner.strip_suffix('+').unwrap_or(inner);
        let chosen: Vec<String> = match name.strip_prefix("tag:") {
            Some(tag) => {
                let has_tag = |model: &&Model| model.tags.iter().any(|own| own == tag);
                self.models.values().filter(has_tag).map(|model| model.name.clone()).collect()
            }
            None if self.models.contains_key(name) => vec![name.to_owned()],
            None if is_identifier(name) => return refuse(self.unknown(name)),
            None => return refuse("write name, +name, name+, +name+ or tag:word".to_owned()),
        };
        if chosen.is_empty() {
            return refuse("no model has this tag".to_owned());
        }
        for name in chosen {
            if selector.starts_with('+') {
                selected.extend(self.ancestors(&name));
            }
            if inner.ends_with('+') {
                selected.extend(self.descendants(&name));
            }
            selected.insert(name);
        }
        Ok(())
    }

    /// Every model that `name` reads, directly or not.
    pub fn ancestors(&self, name: &str) -> BTreeSet<String> {
        closure(name, |name| self.models.get(name).into_iter().flat_map(Model::parents).map(str::to_owned).collect())
    }

    /// Every model that reads `name`, directly or not.
    pub fn descendants(&self, name: &str) -> BTreeSet<String> {
        let reads = |model: &&Model, name: &str| model.parents().any(|parent| parent == name);
        closure(name, |name| {
            self.models.values().filter(|model| reads(model, name)).map(|model| model.name.clone()).collect()
        })
    }

    fn unknown(&self, name: &str) -> String {
        format!("no model has this name{}", did_you_mean(name, self.models.keys().map(String::as_str)))
    }
}

fn closure(start: &str, next: impl Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = next(start);
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(next(&name));
        }
    }
    found
}

/// Where each model and source is. A model's own `config(schema=...)` counts, so every file is rendered once before.
fn relations(project: &Project, renderer: &Renderer) -> Result<Relations, WarehouseError> {
    let mut known = Relations::new();
    for (key, table) in &project.sources {
        known.insert(Dependency::Source(key.0.clone(), key.1.clone()), format!("{}.{}", table.schema, table.table));
    }
    for name in project.models.keys() {
        known.insert(Dependency::Model(name.clone()), name.clone());
    }
    let draft = Arc::new(known.clone());
    for source in project.models.values() {
        let rendered = renderer.render(&source.file, &draft, &source.name)?;
        let config = source.config.overridden_by(&rendered.config);
        let schema = renderer.schema_name(config.schema.as_deref())?;
        if !is_identifier(&schema) {
            let message = format!("schema {schema:?} is no identifier; use lower case letters, digits and _");
            return Err(WarehouseError::project(&source.file.path, 1, message));
        }
        known.insert(Dependency::Model(source.name.clone()), format!("{schema}.{}", source.name));
    }
    Ok(known)
}

fn unit_tests(project: &Project, model: &str) -> Vec<UnitTest> {
    project.unit_tests.iter().filter(|(test, _)| test.model == model).map(|(test, _)| test.clone()).collect()
}

fn order(models: &BTreeMap<String, Model>) -> Result<Vec<String>, WarehouseError> {
    let mut done = Vec::new();
    let mut path = Vec::new();
    for name in models.keys() {
        visit(models, name, &mut path, &mut done)?;
    }
    Ok(done)
}

fn visit(
    models: &BTreeMap<String, Model>,
    name: &str,
    path: &mut Vec<String>,
    done: &mut Vec<String>,
) -> Result<(), WarehouseError> {
    if done.iter().any(|other| other == name) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|other| other == name) {
        let mut circle = path.split_off(start);
        circle.push(name.to_owned());
        return Err(WarehouseError::Cycle { path: circle });
    }
    path.push(name.to_owned());
    for parent in models.get(name).into_iter().flat_map(Model::parents) {
        visit(models, parent, path, done)?;
    }
    path.pop();
    done.push(name.to_owned());
    Ok(())
}
