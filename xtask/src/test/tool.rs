//! The tools the stages need: how to see that each is there, and what to do when it is not.

use std::path::Path;

use anyhow::{Result, bail};

use super::stage::Stage;
use crate::program::first_line_of;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Rustfmt,
    Clippy,
    CCompiler,
    Python,
    Jdk,
    Maven,
    Node,
    Npm,
    Chromium,
}

/// DynamoDB Local is compiled for it.
const JDK_MAJOR_MIN: u32 = 17;
/// The browser driver refuses older ones.
const NODE_MAJOR_MIN: u32 = 18;
/// Where Debian's package puts it; `TOUCHLINE_CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Tool::Rustfmt => "rustfmt",
            Tool::Clippy => "clippy",
            Tool::CCompiler => "a C compiler",
            Tool::Python => "python3 with venv",
            Tool::Jdk => "a JDK (java and javac)",
            Tool::Maven => "mvn",
            Tool::Node => "node",
            Tool::Npm => "npm",
            Tool::Chromium => "chromium",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Tool::Rustfmt => "rustup component add rustfmt",
            Tool::Clippy => "rustup component add clippy",
            Tool::CCompiler => "apt-get install build-essential",
            Tool::Python => "apt-get install python3-venv (Python 3.11 or later)",
            Tool::Jdk => "apt-get install default-jdk-headless (version 17 or later)",
            Tool::Maven => "apt-get install maven",
            Tool::Node => "apt-get install nodejs (version 18 or later)",
            Tool::Npm => "apt-get install npm",
            Tool::Chromium => "apt-get install chromium, or set TOUCHLINE_CHROMIUM to the path of yours",
        }
    }

    fn is_present(self) -> bool {
        match self {
            Tool::Rustfmt => first_line_of("cargo", &["fmt", "--version"]).is_some(),
            Tool::Clippy => first_line_of("cargo", &["clippy", "--version"]).is_some(),
            Tool::CCompiler => first_line_of("cc", &["--version"]).is_some(),
            Tool::Python => {
                let question = "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 11))";
                first_line_of("python3", &["-c", question]).is_some()
            }
            Tool::Jdk => ["java", "javac"].iter().all(|program| {
                first_line_of(program, &["--version"])
                    .and_then(|version| jdk_major(&version))
                    .is_some_and(|major| major >= JDK_MAJOR_MIN)
            }),
            Tool::Maven => first_line_of("mvn", &["--version"]).is_some(),
            Tool::Node => first_line_of("node", &["--version"])
                .and_then(|version| node_major(&version))
                .is_some_and(|major| major >= NODE_MAJOR_MIN),
            Tool::Npm => first_line_of("npm", &["--version"]).is_some(),
            Tool::Chromium => {
                Path::new(&std::env::var_os("TOUCHLINE_CHROMIUM").unwrap_or_else(|| CHROMIUM.into())).is_file()
            }
        }
    }
}

/// Fails with every missing tool at once, so that one round of installing is enough.
pub fn check(stages: &[Stage]) -> Result<()> {
    let mut missing: Vec<Tool> = Vec::new();
    for tool in stages.iter().flat_map(|stage| stage.tools()) {
        if !missing.contains(tool) && !tool.is_present() {
            missing.push(*tool);
        }
    }
    if !missing.is_empty() {
        let lines: Vec<_> = missing.iter().map(|tool| format!("\n  {}: {}", tool.name(), tool.remedy())).collect();
        bail!("these tools are missing or too old:{}", lines.concat());
    }
    Ok(())
}

/// 20 of `v20.20.2`.
fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// 17 of `openjdk 17.0.15 2025-04-15` and of `javac 17.0.15`.
fn jdk_major(version: &str) -> Option<u32> {
    version.split_whitespace().nth(1)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jdk_versions_are_read() {
        assert_eq!(jdk_major("openjdk 17.0.15 2025-04-15"), Some(17));
        assert_eq!(jdk_major("javac 25"), Some(25));
        assert_eq!(jdk_major("unknown"), None);
    }

    #[test]
    fn node_versions_are_read() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("v9.0.0\n"), Some(9));
        assert_eq!(node_major("unknown"), None);
    }
}
