//! The repository as paths and texts, so that checks can be shown made-up ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use touchline_tests::repository;

/// Paths relative to the root, with `/`, and their texts. Files that are not text have an empty one.
pub struct Tree(BTreeMap<String, String>);

/// Folders that hold no sources.
const SKIPPED_FOLDERS: [&str; 4] = ["target", "node_modules", "state", "__pycache__"];
/// Hidden folders that are ours.
const HIDDEN_FOLDERS: [&str; 3] = [".cargo", ".ci", ".github"];
/// Larger ones are recordings and fixtures.
const TEXT_BYTES_MAX: u64 = 1 << 20;

impl Tree {
    pub fn of_repository() -> Self {
        let root = repository();
        let mut files = BTreeMap::new();
        collect(&root, &root, &mut files);
        assert!(files.contains_key("Cargo.toml"), "{} is not the repository", root.display());
        Self(files)
    }

    /// A made-up tree.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Files below a folder; `folder` ends with `/`.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.starts_with(folder))
    }

    /// Names of the folders directly in a folder; `folder` ends with `/`.
    pub fn folders_in(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .below(folder)
            .filter_map(|(path, _)| path[folder.len()..].split_once('/').map(|(name, _)| name))
            .collect();
        names.dedup();
        names
    }

    /// Our own Rust sources.
    pub fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    let fail = |error: std::io::Error| -> ! { panic!("cannot read {}: {error}", folder.display()) };
    for entry in fs::read_dir(folder).unwrap_or_else(|error| fail(error)) {
        let entry = entry.unwrap_or_else(|error| fail(error));
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap_or_else(|error| fail(error));
        if kind.is_dir() {
            let is_ours = !name.starts_with('.') || HIDDEN_FOLDERS.contains(&name.as_str());
            if is_ours && !SKIPPED_FOLDERS.contains(&name.as_str()) && !path.join("CACHEDIR.TAG").exists() {
                collect(root, &path, files);
            }
        } else if kind.is_file() {
            let is_small = entry.metadata().is_ok_and(|metadata| metadata.len() <= TEXT_BYTES_MAX);
            let text = if is_small { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.insert(relative, text);
        }
    }
}
