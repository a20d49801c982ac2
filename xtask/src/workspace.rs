//! Where the sources and the build results are. Builds nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout this automation works on, and the target directory it was built into.
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

impl Workspace {
    /// The target directory is taken from this program's own place in it, so that it holds for every way of
    /// setting one: environment, configuration file or flag. The checkout is asked for at run time: two of them
    /// that share a target directory share this program too.
    pub fn find() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).parent().context("xtask is a folder of the workspace")?;
        let program = std::env::current_exe().context("cannot find this program's own path")?;
        let target = program
            .parent()
            .and_then(Path::parent)
            .with_context(|| format!("{} is not inside a cargo target directory", program.display()))?;
        Ok(Self { root: root.to_path_buf(), target: target.to_path_buf() })
    }

    /// The Python of the virtual environment that the oracle tests use.
    pub fn python(&self) -> PathBuf {
        self.target.join("venv/bin/python")
    }
}
