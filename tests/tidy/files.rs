//! What holds for single files: heads, sizes, no unfinished marks, no machine's paths, no file that nothing mentions.

use crate::rust_text::{functions, line_count_without_tests};
use crate::tree::Tree;

/// Lines without tests.
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer, and the lines they may not exceed. Shorten, lower the figure, in the end drop the entry.
pub const LONG_FILES: &[(&str, usize)] = &[];
/// `path::function` that is longer, and the lines it may not exceed.
pub const LONG_FUNCTIONS: &[(&str, usize)] = &[];

const SOURCE_ENDINGS: [&str; 12] =
    [".rs", ".toml", ".sql", ".yml", ".yaml", ".md", ".py", ".mjs", ".js", ".json", ".html", ".css"];

pub fn without_head(tree: &Tree) -> Vec<String> {
    tree.rust_files()
        .filter(|(_, text)| {
            let head = text.lines().next().unwrap_or_default();
            head.strip_prefix("//! ").is_none_or(|sentence| sentence.split_whitespace().count() < 3)
        })
        .map(|(path, _)| format!("{path}: the first line is not `//!` and a sentence saying what the file is"))
        .collect()
}

pub fn too_long(tree: &Tree, exempt: &[(&str, usize)]) -> Vec<String> {
    let sizes = tree.rust_files().map(|(path, text)| (path.to_owned(), line_count_without_tests(text)));
    over_limit(sizes.collect(), FILE_LINES_MAX, exempt)
}

pub fn functions_too_long(tree: &Tree, exempt: &[(&str, usize)]) -> Vec<String> {
    let sizes = tree.rust_files().flat_map(|(path, text)| {
        functions(text).into_iter().map(move |(name, _, lines)| (format!("{path}::{name}"), lines))
    });
    over_limit(sizes.collect(), FUNCTION_LINES_MAX, exempt)
}

/// Too long ones beyond their exemption, and exemptions nobody needs.
fn over_limit(sizes: Vec<(String, usize)>, limit: usize, exempt: &[(&str, usize)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, lines) in &sizes {
        let allowed = exempt.iter().find(|(known, _)| known == name).map_or(limit, |(_, lines)| *lines);
        if *lines > allowed {
            problems.push(format!("{name}: {lines} lines, at most {allowed}"));
        }
    }
    for (name, lines) in exempt {
        let longest = sizes.iter().filter(|(known, _)| known == name).map(|(_, lines)| *lines).max();
        if longest.is_none_or(|longest| longest <= limit || longest < *lines) {
            problems.push(format!("{name}: exempt with {lines} lines but has {longest:?}; lower or drop the entry"));
        }
    }
    problems
}

pub fn unfinished(tree: &Tree) -> Vec<String> {
    // In pieces, so that this file does not hold what it looks for.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[", "ignore"),
    ];
    lines_with(tree, |line| marks.iter().find(|mark| has_word(line, mark)).map(|mark| (*mark).to_owned()))
}

pub fn machine_paths(tree: &Tree) -> Vec<String> {
    let folders = ["home", "root", "work", "farm", "Users", "mnt"];
    let paths = folders.map(|folder| format!("/{folder}/"));
    lines_with(tree, |line| {
        let found = paths.iter().find(|path| {
            // A folder of that name inside another path or address is none of ours.
            line.match_indices(path.as_str())
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./_-}".contains(c)))
        });
        found.cloned()
    })
}

/// `path:line: text` for every source line in which `find` finds something.
fn lines_with(tree: &Tree, find: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_source = |path: &str| {
        let is_recorded = path.contains("/fixtures/") || path.contains("recordings/") || path.ends_with("lock.json");
        let is_script = path.starts_with(".ci/") || path.ends_with("Makefile");
        !is_recorded && (is_script || SOURCE_ENDINGS.iter().any(|ending| path.ends_with(ending)))
    };
    let mut problems = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| is_source(path)) {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = find(line) {
                problems.push(format!("{path}:{}: {found}", index + 1));
            }
        }
    }
    problems
}

/// Whether the mark stands there as a word of its own.
fn has_word(line: &str, mark: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(mark).any(|(at, _)| {
        let after = &line[at + mark.len()..];
        !line[..at].ends_with(is_word) && (!mark.ends_with(is_word) || !after.starts_with(is_word))
    })
}

/// Rust files below a `src` folder that no `mod` line reaches: cargo compiles and checks them never.
pub fn dead(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, _) in tree.rust_files().filter(|(path, _)| path.contains("/src/")) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let is_root = folder.ends_with("/src") && matches!(file, "lib.rs" | "main.rs") || folder.ends_with("/src/bin");
        if is_root {
            continue;
        }
        let (module, parents) = match file {
            "mod.rs" => {
                let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
                (name, parent_files(above))
            }
            _ => (file.trim_end_matches(".rs"), parent_files(folder)),
        };
        let declaration = format!("mod {module};");
        let is_reached = parents
            .iter()
            .filter_map(|parent| tree.text(parent))
            .any(|text| text.lines().any(|line| line.trim().ends_with(&declaration)));
        if !is_reached {
            problems.push(format!("{path}: no `{declaration}` in any of {parents:?}"));
        }
    }
    problems
}

/// Files that may declare the modules in a folder.
fn parent_files(folder: &str) -> Vec<String> {
    let beside = format!("{folder}.rs");
    let inside = ["lib.rs", "main.rs", "mod.rs"].map(|file| format!("{folder}/{file}"));
    inside.into_iter().chain([beside]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_sentence_on_the_first_line() {
        let tree = Tree::of(&[
            ("a.rs", "//! What one vendor sends.\n"),
            ("b.rs", "use std::fs;\n"),
            ("c.rs", "//! placeholder\n"),
            ("d.rs", ""),
        ]);
        let problems = without_head(&tree);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(!problems.iter().any(|problem| problem.starts_with("a.rs")));
    }

    #[test]
    fn long_files_are_named_and_needless_exemptions_too() {
        let long = "x\n".repeat(FILE_LINES_MAX + 10);
        let tree = Tree::of(&[("long.rs", &long), ("short.rs", "x\n")]);
        assert_eq!(too_long(&tree, &[]), ["long.rs: 410 lines, at most 400"]);
        assert!(too_long(&tree, &[("long.rs", 410)]).is_empty());
        assert_eq!(too_long(&tree, &[("long.rs", 405)]).len(), 1, "it grew");
        assert_eq!(too_long(&tree, &[("long.rs", 420)]).len(), 1, "it shrank");
        assert_eq!(too_long(&tree, &[("long.rs", 410), ("short.rs", 500)]).len(), 1, "no longer needed");
        assert_eq!(too_long(&tree, &[("long.rs", 410), ("gone.rs", 500)]).len(), 1, "not there");
    }

    #[test]
    fn long_functions_are_named() {
        let tree = Tree::of(&[("a.rs", &format!("fn long() {{\n{}}}\n", "x;\n".repeat(FUNCTION_LINES_MAX)))]);
        assert_eq!(functions_too_long(&tree, &[]), ["a.rs::long: 72 lines, at most 70"]);
    }

    #[test]
    fn marks_are_found_as_words() {
        let mark = concat!("TO", "DO");
        let text = format!("// {mark}: later\nlet a = 1; // {mark}S\n{}(x)\n", concat!("dbg", "!"));
        let tree = Tree::of(&[("a.rs", &text), ("shared/feed/fixtures/a.json", mark), ("b.bin", mark)]);
        let problems = unfinished(&tree);
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn paths_of_a_machine_are_found_and_addresses_are_not() {
        let folder = "home";
        let text = format!("cd /{folder}/me\nsee host.example/{folder}/x\n\"/{folder}/me\"\n");
        let problems = machine_paths(&Tree::of(&[("a.md", &text)]));
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_file_without_mod_line_is_dead() {
        let tree = Tree::of(&[
            ("x/src/lib.rs", "pub mod a;\nmod b;\n"),
            ("x/src/a.rs", ""),
            ("x/src/b/mod.rs", "mod c;\n"),
            ("x/src/b/c.rs", ""),
            ("x/src/b/d.rs", ""),
        ]);
        let problems = dead(&tree);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("x/src/b/d.rs"), "{problems:?}");
    }
}
