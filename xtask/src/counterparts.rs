//! `cargo xtask counterparts`: what stands in for cloud services in tests/cloud, fetched into target/counterparts.
//! CPT-1: versions are pinned: by the POM for Maven's artifacts, by the lock file for npm's.
//! CPT-2: what is there is fetched again only when its folder in tests/counterparts changes.
//! Starts none of them: the tests do, on loopback, and end them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::program::must_succeed;
use crate::workspace::Workspace;

/// Copies the libraries that a POM names, and what they need, into a folder.
const COPY_LIBRARIES: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Fetches all of them.
pub fn run(workspace: &Workspace) -> Result<()> {
    fetch(workspace, "dynamodb", fetch_java)?;
    fetch(workspace, "kinesis", fetch_kinesis)?;
    fetch(workspace, "kafka", fetch_java)
}

/// Makes target/counterparts/<name> from tests/counterparts/<name>, unless it is there and of these sources.
fn fetch(workspace: &Workspace, name: &str, install: fn(&Path) -> Result<()>) -> Result<()> {
    let source = workspace.root.join("tests/counterparts").join(name);
    let folder = workspace.target.join("counterparts").join(name);
    let marker = folder.join("installed-from");
    let wanted = texts_of(&source)?;
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date", folder.display());
        return Ok(());
    }
    println!("making {} from {}", folder.display(), source.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for path in files_of(&source)? {
        let to = folder.join(path.file_name().unwrap_or_default());
        fs::copy(&path, &to).with_context(|| format!("cannot copy {}", path.display()))?;
    }
    install(&folder)?;
    fs::write(&marker, wanted).with_context(|| format!("cannot write {}", marker.display()))
}

fn fetch_java(folder: &Path) -> Result<()> {
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", COPY_LIBRARIES, "-DincludeScope=runtime", "-DoutputDirectory=lib"]);
    must_succeed(maven.current_dir(folder))?;
    let mut javac = Command::new("javac");
    must_succeed(javac.args(["-cp", "lib/*", "-d", "classes", "Start.java"]).current_dir(folder))
}

fn fetch_kinesis(folder: &Path) -> Result<()> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    must_succeed(Command::new("npm").args(arguments).current_dir(folder))
}

/// The files directly in a folder, by name.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Names and contents of a folder's files, as one text.
fn texts_of(folder: &Path) -> Result<String> {
    let mut texts = String::new();
    for path in files_of(folder)? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        texts.push_str(&format!("{name}\n{text}\n"));
    }
    Ok(texts)
}
