//! Lists the files of the dbt project, so that they are part of the binary and `touchline` runs in any folder.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    // Read when the script runs: one target folder may serve several checkouts.
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let project = Path::new(&manifest).join("dbt");
    println!("cargo::rerun-if-changed={}", project.display());
    let mut files = Vec::new();
    list(&project, &mut files)?;
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&project).unwrap_or(file).display().to_string().replace('\\', "/");
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", file.display().to_string());
    }
    code.push(']');
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("dbt_files.rs"), code)
}

/// Every file dbt reads. What a run of dbt itself leaves behind (target/, logs/, packages) is no part of the project.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() {
            if !["target", "logs", "dbt_packages"].contains(&name) && !name.starts_with('.') {
                list(&path, files)?;
            }
        } else if !name.starts_with('.') {
            files.push(path);
        }
    }
    Ok(())
}
