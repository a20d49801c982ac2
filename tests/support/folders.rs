//! Where things are: the repository, the target directory, test data.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the checkout. Asked at run time: two checkouts that share a target directory share this program too.
pub fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().map(Path::to_path_buf).expect("tests is a folder of the repository")
}

/// Cargo's target directory: three levels above a test program (`target/debug/deps/name`).
pub fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    program.ancestors().nth(3).map(Path::to_path_buf).expect("a test program lies in target/<profile>/deps")
}

/// Real vendor files that are too large for the repository: the folder of `TOUCHLINE_DATA`, else `shared/data` beside
/// the checkout; `None` where neither is there.
pub fn data_folder() -> Option<PathBuf> {
    match std::env::var_os("TOUCHLINE_DATA") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            assert!(folder.is_dir(), "TOUCHLINE_DATA={}: no such folder", folder.display());
            Some(folder)
        }
        None => repository().parent().map(|parent| parent.join("shared/data")).filter(|folder| folder.is_dir()),
    }
}

/// The trades that are part of the repository.
pub fn trade_recordings() -> Vec<PathBuf> {
    let folder = repository().join("tests/recordings");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("trades_") && name.ends_with(".ndjson.gz")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no trades_*.ndjson.gz in {}", folder.display());
    paths
}

/// A script of the browser tests, with what it needs installed.
pub fn node_script(name: &str) -> PathBuf {
    let folder = repository().join("tests/browser");
    let driver = folder.join("node_modules/playwright-core");
    assert!(driver.is_dir(), "{} is not there; run `cargo xtask test --only browser`", driver.display());
    folder.join(name)
}
