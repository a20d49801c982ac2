//! Arrows between the rooms, and what each may know: read from the manifests, the lock file and the sources.

use crate::tree::Tree;

/// The library rooms in flow order: a room may depend on those before it. `runtime` is for functions only.
const FLOW: [&str; 11] =
    ["event", "feed", "stream", "window", "metric", "store", "lake", "warehouse", "predict", "runtime", "simulate"];
/// Rooms that are never deployed: of the functions' own dependencies only the local one's may name them.
const NEVER_DEPLOYED: [&str; 1] = ["simulate"];
/// Rooms that only tests use: they depend on no other, and no room or function depends on them.
const FOR_TESTS: [&str; 1] = ["delivery"];
/// Rooms without async, clock, randomness, environment, input and output.
const PURE: [&str; 5] = ["event", "feed", "window", "metric", "delivery"];
/// Crates that bring those.
const IMPURE_CRATES: [&str; 8] =
    ["tokio", "async-trait", "futures", "redb", "axum", "reqwest", "rand", "touchline-runtime"];
/// The one function that may import functions.
const EVERYTHING_AT_ONCE: &str = "local";
/// Vendors' client libraries, and the file names that may mention them.
const SDK_NAMES: [&str; 6] = ["aws_sdk_", "aws_config", "lambda_runtime", "lambda_http", "rdkafka", "snowflake_"];
const ADAPTER_FILES: [&str; 12] = [
    "context.rs",
    "main.rs",
    "dynamodb.rs",
    "kinesis.rs",
    "kafka.rs",
    "s3.rs",
    "glue.rs",
    "athena.rs",
    "sns.rs",
    "sqs.rs",
    "ssm.rs",
    "secrets.rs",
];
/// Two versions of these would not understand each other's types, and cost minutes of building.
const SINGLE_CRATES: [&str; 7] = ["arrow-array", "arrow-schema", "parquet", "datafusion", "iceberg", "tokio", "serde"];

/// Whom a manifest depends on, and in which kind of table.
fn dependencies(path: &str, text: &str) -> Vec<(String, String)> {
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut found = Vec::new();
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let named = manifest.get(table).and_then(toml::Value::as_table);
        found.extend(named.into_iter().flatten().map(|(name, _)| (table.to_owned(), name.clone())));
    }
    found
}

/// `(room, manifest path, text)` of the packages directly in a folder.
fn packages<'t>(tree: &'t Tree, folder: &str) -> Vec<(&'t str, String, &'t str)> {
    tree.folders_in(folder)
        .into_iter()
        .filter_map(|room| {
            let path = format!("{folder}{room}/Cargo.toml");
            tree.text(&path).map(|text| (room, path.clone(), text))
        })
        .collect()
}

pub fn wrong_arrows(tree: &Tree) -> Vec<String> {
    let rank = |room: &str| FLOW.iter().position(|known| *known == room);
    let mut problems = Vec::new();
    for (room, path, text) in packages(tree, "shared/") {
        if FOR_TESTS.contains(&room) {
            let own = dependencies(&path, text).into_iter().filter(|(_, name)| name.starts_with("touchline-"));
            problems.extend(own.map(|(_, name)| format!("{path}: {room} stands alone and may not depend on {name}")));
            continue;
        }
        let Some(own_rank) = rank(room) else {
            problems.push(format!("{path}: {room} has no place in the flow"));
            continue;
        };
        for (_, name) in dependencies(&path, text) {
            let Some(target) = name.strip_prefix("touchline-") else { continue };
            if rank(target).is_none_or(|rank| rank >= own_rank) {
                problems.push(format!("{path}: {room} -> {target} does not point left"));
            }
        }
    }
    for (function, path, text) in packages(tree, "functions/") {
        for (table, name) in dependencies(&path, text) {
            let Some(target) = name.strip_prefix("touchline-") else { continue };
            if function == EVERYTHING_AT_ONCE {
                continue;
            }
            if table == "dependencies" && NEVER_DEPLOYED.contains(&target) {
                problems.push(format!("{path}: {target} is never deployed; {function} may use it in tests only"));
            }
            if rank(target).is_none() {
                problems.push(format!("{path}: only functions/{EVERYTHING_AT_ONCE} may depend on functions/{target}"));
            }
        }
    }
    problems
}

pub fn impure(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (room, path, text) in packages(tree, "shared/").into_iter().filter(|(room, ..)| PURE.contains(room)) {
        for (table, name) in dependencies(&path, text) {
            if table == "dependencies" && IMPURE_CRATES.contains(&name.as_str()) {
                problems.push(format!("{path}: {room} is pure and may not depend on {name}"));
            }
        }
    }
    for (room, path, text) in packages(tree, "shared/").into_iter().chain(packages(tree, "functions/")) {
        let has_datafusion = dependencies(&path, text).iter().any(|(_, name)| name.contains("datafusion"));
        if has_datafusion && room != "warehouse" {
            problems.push(format!("{path}: DataFusion is for shared/warehouse only; no deployed function carries it"));
        }
    }
    problems
}

pub fn stray_sdk_names(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree.rust_files().filter(|(path, _)| !path.starts_with("tests/")) {
        let file = path.rsplit('/').next().unwrap_or(path);
        let named = SDK_NAMES.iter().find(|name| text.contains(**name));
        if let Some(name) = named.filter(|_| !ADAPTER_FILES.contains(&file)) {
            problems.push(format!("{path}: {name} is for adapter files, {}", ADAPTER_FILES.join(", ")));
        }
    }
    problems
}

pub fn doubled_crates(tree: &Tree) -> Vec<String> {
    let lock: toml::Table = tree.text("Cargo.lock").unwrap_or_default().parse().expect("the lock file is TOML");
    let packages = lock.get("package").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    for name in SINGLE_CRATES {
        let versions: Vec<_> = packages
            .iter()
            .filter(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))
            .filter_map(|package| package.get("version").and_then(toml::Value::as_str))
            .collect();
        if versions.len() != 1 {
            problems.push(format!("Cargo.lock: {name} is locked in {} versions: {versions:?}", versions.len()));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_to_the_right_and_between_functions_are_found() {
        let tree = Tree::of(&[
            ("shared/window/Cargo.toml", "[dependencies]\ntouchline-event.workspace = true\nserde = \"1\"\n"),
            ("shared/event/Cargo.toml", "[dev-dependencies]\ntouchline-window.workspace = true\n"),
            ("shared/attic/Cargo.toml", ""),
            ("shared/delivery/Cargo.toml", "[dependencies]\ntouchline-event.workspace = true\n"),
            ("shared/store/Cargo.toml", "[dev-dependencies]\ntouchline-delivery.workspace = true\n"),
            ("functions/api/Cargo.toml", "[dependencies]\ntouchline-poll.workspace = true\ntouchline-lake = \"1\"\n"),
            (
                "functions/local/Cargo.toml",
                "[dependencies]\ntouchline-poll.workspace = true\ntouchline-simulate = \"1\"\n",
            ),
            ("functions/poll/Cargo.toml", "[dependencies]\ntouchline-simulate = \"1\"\n"),
            ("functions/listen/Cargo.toml", "[dev-dependencies]\ntouchline-simulate = \"1\"\n"),
        ]);
        let problems = wrong_arrows(&tree);
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("poll may use it in tests only")), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("delivery stands alone")), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("store -> delivery")), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("event -> window")), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("functions/poll")), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("attic")), "{problems:?}");
    }

    #[test]
    fn a_pure_room_with_tokio_is_found_and_datafusion_outside_its_room() {
        let tree = Tree::of(&[
            ("shared/metric/Cargo.toml", "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\nfutures = \"1\"\n"),
            ("shared/warehouse/Cargo.toml", "[dependencies]\ntokio = \"1\"\ndatafusion = \"1\"\n"),
            ("functions/api/Cargo.toml", "[dependencies]\niceberg-datafusion = \"1\"\n"),
        ]);
        assert_eq!(impure(&tree).len(), 2, "{:?}", impure(&tree));
    }

    #[test]
    fn an_sdk_outside_its_adapter_is_found() {
        let source = "use aws_sdk_dynamodb::Client;\n";
        let tree = Tree::of(&[("shared/store/src/dynamodb.rs", source), ("shared/store/src/lib.rs", source)]);
        assert_eq!(stray_sdk_names(&tree).len(), 1);
    }

    #[test]
    fn a_second_version_is_found() {
        let entry = |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        let single: String = SINGLE_CRATES.iter().map(|name| entry(name, "58.0.0")).collect();
        assert!(doubled_crates(&Tree::of(&[("Cargo.lock", &single)])).is_empty());
        let doubled = format!("{single}{}", entry("arrow-array", "57.0.0"));
        assert_eq!(doubled_crates(&Tree::of(&[("Cargo.lock", &doubled)])).len(), 1);
    }
}
